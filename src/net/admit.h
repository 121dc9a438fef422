/*
 * admit.h - how many connections there may be, and which worker takes the next one.
 *
 * Every connection holds one seat from accept() until its descriptor is closed, on every
 * path.
 *
 * Owns     counters.
 * Threads  admit_enter() one thread (the one that accepts); the others any.
 */
#pragma once

#include "base/lock.h"

#include <stdatomic.h>

enum { ADMIT_WORKERS_MAX = 256, ADMIT_PEERS = 64 };

/* What one worker carries. */
struct admit_load {
	atomic_uint total;
	atomic_uint by_peer[ADMIT_PEERS]; /* connections by hash of the peer's address */
};

struct admit {
	atomic_uint count;
	atomic_uint max; /* 0: no limit */
	unsigned worker_count;
	struct admit_load *loads;
	struct lock lock; /* only for admit_wait_empty() */
	pthread_cond_t empty;
};

struct seat {
	struct admit *admit;
	unsigned worker;
	unsigned peer;
};

/* 0 or -ENOMEM. */
MUST_CHECK int admit_init(struct admit *a, unsigned worker_count, unsigned max);
void admit_fini(struct admit *a);

/* A new limit; connections above it stay. */
void admit_set_max(struct admit *a, unsigned max);
unsigned admit_count(struct admit *a);

/*
 * Take a seat for a peer whose address hashes to peer_hash. It gets the worker with the
 * fewest connections of that address, so that the channels of one client spread, and
 * among those the one with the fewest of all. False when connections_max is reached.
 */
MUST_CHECK bool admit_enter(struct admit *a, unsigned peer_hash, struct seat *ret_seat);
void admit_leave(const struct seat *s);

/* Block until every seat is free. */
void admit_wait_empty(struct admit *a);
