/*
 * secret.h - memory for keys: one mapping of the process, never dumped, not inherited over fork, between
 * guard pages, locked into RAM where the limit allows.
 *
 * Owns     the mapping. Slots are SECRET_SLOT_LEN bytes and are wiped when freed.
 * Threads  all functions are thread-safe (one leaf lock).
 * Errors   NULL when memory is exhausted: the caller refuses the logon, never falls back to the heap.
 */
#pragma once

#include "base/span.h"

enum { SECRET_SLOT_LEN = 4096 };

/* One zeroed slot of at least len bytes (len <= SECRET_SLOT_LEN). */
void *secret_alloc(size_t len);
/* Wipes and frees; NULL is fine. */
void secret_free(void *p);
