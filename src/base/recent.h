/*
 * recent.h - what happened of late: a table of fixed size from 64-bit keys to times.
 *
 * Where there is no room for a new key the earliest time among its few neighbours is forgotten. So strangers cannot make it
 * grow; to make it forget one key on purpose they would have to know where it lies: keys are hashes with a secret
 * (map_hash()).
 *
 * Owns     its slots: 16 bytes each.
 * Threads  none of its own; the owner's lock protects it.
 */
#pragma once

#include "base/attr.h"

enum { RECENT_WAYS = 8 }; /* neighbours */

struct recent;

/* room: at least for so many keys. NULL without memory. */
struct recent *recent_new(size_t room);
void recent_free(struct recent *r);

/* Where the time of key is kept: 0 if it is new, or was forgotten. Valid until the next call. key is not 0. */
uint64_t *recent_at(struct recent *r, uint64_t key);
