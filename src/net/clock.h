/*
 * clock.h - the real env: the kernel's clocks and random generator.
 *
 * Owns     nothing.
 * Threads  one clock a worker, ticked by it once a turn; or one that is never ticked and
 *          asks the kernel each time. All of env's functions may be called from any
 *          thread.
 */
#pragma once

#include "base/env.h"

#include <stdatomic.h>

struct clock {
	struct env env;
	_Atomic uint64_t now_ns; /* A  of this turn; 0: not ticked, ask each time */
};

void clock_init(struct clock *c);

/* The monotonic clock, and the processor time that the calling thread has used. */
uint64_t clock_monotonic_ns(void);
uint64_t clock_thread_ns(void);

/* Read the monotonic clock; env_now_ns() gives this value until the next tick. */
uint64_t clock_tick(struct clock *c);
