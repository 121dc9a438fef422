/*
 * timer.h - a hierarchical timer wheel. Pure data: whoever owns it says what time it is.
 *
 * Owns     nothing; timers are embedded in their owners, which cancel them before they die.
 * Threads  one wheel belongs to one worker.
 * Cost     arm, cancel O(1); running skips idle stretches; 16 KiB a wheel.
 * Time     delays count from the last timers_run(); resolution TIMER_TICK_MS, never early, at most two ticks late.
 */
#pragma once

#include "base/list.h"

enum { TIMER_TICK_MS = 8, TIMER_SLOTS = 256, TIMER_LEVELS = 4 };

struct timer {
	struct list_node node; /* unlinked when not armed */
	uint64_t due_tick;
	void (*fn)(struct timer *t);
};

struct timers {
	uint64_t now_tick;
	size_t count;                                  /* armed */
	uint64_t busy[TIMER_LEVELS][TIMER_SLOTS / 64]; /* a bit a slot: holds timers */
	struct list_node slots[TIMER_LEVELS][TIMER_SLOTS];
};

void timers_init(struct timers *ts, uint64_t now_ns);

/* Arm, or arm anew, to fire once after at least delay_ms. */
void timer_arm(struct timers *ts, struct timer *t, uint64_t delay_ms,
	       void (*fn)(struct timer *t));
void timer_cancel(struct timers *ts, struct timer *t);
bool timer_armed(const struct timer *t);

/* Fire everything due at now_ns, in order of time. A fired timer is unarmed before its fn runs; fn may arm,
 * cancel and free it and others. */
void timers_run(struct timers *ts, uint64_t now_ns);

/* Milliseconds, rounded up, until the next timer can be due; -1 if none is armed. May be early, never late. */
int timers_next_ms(const struct timers *ts, uint64_t now_ns);
