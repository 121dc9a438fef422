/*
 * pool.h - the real exec: two bounded sets of threads that run jobs which may sleep.
 *
 * One set for the file system and bulk crypto, a small one for authentication, so that a
 * hanging directory server holds up no file. Each has one queue; jobs start in the order
 * they came.
 *
 * Owns     its threads. Jobs are embedded in their owners, who outlive them.
 * Threads  exec_run() any; the others the main thread.
 */
#pragma once

#include "base/env.h"

struct pool;

struct pool_size {
	unsigned io_threads; /* each at least 1 */
	unsigned auth_threads;
};

/* Starts the threads. 0, or negative errno. */
MUST_CHECK int pool_new(struct pool_size size, struct pool **ret_pool);
/* Runs what is queued, then ends the threads. Nobody may submit any more. */
void pool_free(struct pool *p);

struct exec *pool_exec(struct pool *p);

/*
 * Wait until nothing is queued or running; every result has been posted then.
 * Returns how many jobs were submitted so far.
 */
uint64_t pool_drain(struct pool *p);
