/*
 * tally.h - how often what ended other things met what, over all runs of a program: proof that orders were reached.
 *
 * Threads  one.
 */
#pragma once

#include "base/attr.h"

#include <stdint.h>

enum tally_event {
	EVENT_CANCEL,
	EVENT_CLOSE,
	EVENT_TREE_DISCONNECT,
	EVENT_LOGOFF,
	EVENT_HANG_UP,
	EVENT_TIME, /* 35 seconds and more */
	EVENT_ACK,
	EVENT_ACK_WRONG, /* keeps more than was told */
	EVENT_ACK_AGAIN, /* of what is not being broken, or acknowledged already */
	EVENT_COUNT,
};

enum tally_hit {
	HIT_LOCK_SENT, /* no answer yet, not even an interim one */
	HIT_LOCK_WAITS,
	HIT_CREATE_SENT,
	HIT_CREATE_WAITS, /* for a break */
	HIT_CHANGE_SENT,  /* WRITE, SET_INFO */
	HIT_CHANGE_WAITS, /* for a break */
	HIT_NOTIFY_WAITS,
	HIT_OPLOCK_BREAK, /* told, not acknowledged */
	HIT_LEASE_BREAK,
	HIT_ACK_SENT,
	HIT_COUNT,
};

struct tally {
	uint64_t hits[EVENT_COUNT][HIT_COUNT];
	uint64_t steps;
};

void tally_count(struct tally *t, enum tally_event e, enum tally_hit h);
void tally_print(const struct tally *t);
/* Says which pairs that can happen never did. */
MUST_CHECK bool tally_is_complete(const struct tally *t);
