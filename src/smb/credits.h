/*
 * credits.h - the window of message ids a client may use, and how many it is given.
 *
 * The window is [low, high): ids below low are used, ids from high on not yet granted; in between a bitmap tells.
 * It is never wider than CREDITS_MAX, so a client that skips an id runs out of others until it uses it.
 *
 * Threads  a value of its connection's worker.
 * Errors   a message id outside the window or used already ends the connection.
 * Spec     [MS-SMB2] 3.3.1.1, 3.3.1.2, 3.3.5.2.3
 */
#pragma once

#include "base/attr.h"

enum { CREDITS_MAX = 8192 };

struct credits {
	uint64_t low, high;
	uint32_t
		unused; /* ids in [low, high) the client has not used yet: what it holds */
	uint64_t used[CREDITS_MAX / 64];
};

/* One credit, message id 0: [MS-SMB2] 3.3.5.1. */
void credits_init(struct credits *c);
/* Look only: are ids [id, id + charge) all inside and unused? charge 0 counts as 1. */
MUST_CHECK bool credits_fit(const struct credits *c, uint64_t id, uint16_t charge);
/* Use them. credits_fit() must hold. */
void credits_use(struct credits *c, uint64_t id, uint16_t charge);
/*
 * How many credits the answer grants: what was asked for, as far as the window allows; never none to a client that would
 * hold none. `tight`: under memory pressure, only that. Widens the window.
 */
uint16_t credits_grant(struct credits *c, uint16_t asked, bool tight);
