/*
 * Level 0 has a slot for each of the next 256 ticks, level n one for each 256^n ticks. When the clock
 * reaches a multiple of 256^n, the slot of level n that begins there is dealt out to the levels below. A bit
 * per slot says whether it holds timers, so that idle stretches are skipped.
 */
#include "base/timer.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

enum { LEVEL_BITS = 8, WORD_BITS = 64 };

static_assert(TIMER_SLOTS == 1 << LEVEL_BITS, "a level is one byte of the tick");

static const uint64_t tick_ns = TIMER_TICK_MS * UINT64_C(1000000);

/* The farthest the top level reaches. A later timer waits there and is dealt out again. */
static const uint64_t span_max = (UINT64_C(1) << LEVEL_BITS * TIMER_LEVELS) - 1;

static size_t slot_at(uint64_t tick, unsigned level)
{
	return (size_t)(tick >> level * LEVEL_BITS) & (TIMER_SLOTS - 1);
}

static void busy_set(struct timers *ts, unsigned level, size_t slot)
{
	ts->busy[level][slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

static void busy_clear(struct timers *ts, unsigned level, size_t slot)
{
	ts->busy[level][slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
}

/* How many slots after `slot`, going round, the next busy one is: 1 .. TIMER_SLOTS, or 0 if none is. */
static unsigned busy_distance(const struct timers *ts, unsigned level, size_t slot)
{
	for (unsigned d = 1; d <= TIMER_SLOTS;) {
		size_t at = (slot + d) & (TIMER_SLOTS - 1);
		uint64_t rest = ts->busy[level][at / WORD_BITS] >> at % WORD_BITS;

		if (rest) {
			d += (unsigned)__builtin_ctzll(rest);
			return d <= TIMER_SLOTS ? d : 0;
		}
		d += (unsigned)(WORD_BITS - at % WORD_BITS);
	}
	return 0;
}

void timers_init(struct timers *ts, uint64_t now_ns)
{
	ts->now_tick = now_ns / tick_ns;
	ts->count = 0;
	memset(ts->busy, 0, sizeof(ts->busy));
	for (unsigned level = 0; level < TIMER_LEVELS; level++) {
		for (size_t slot = 0; slot < TIMER_SLOTS; slot++)
			list_init(&ts->slots[level][slot]);
	}
}

/* t->due_tick is set; due_tick >= now_tick. */
static void place(struct timers *ts, struct timer *t)
{
	uint64_t away = t->due_tick - ts->now_tick;
	unsigned level = 0;
	size_t slot;

	if (away > span_max)
		away = span_max;
	while (away >> (level + 1) * LEVEL_BITS)
		level++;
	slot = slot_at(ts->now_tick + away, level);
	list_add_tail(&ts->slots[level][slot], &t->node);
	busy_set(ts, level, slot);
}

void timer_arm(struct timers *ts, struct timer *t, uint64_t delay_ms,
	       void (*fn)(struct timer *t))
{
	uint64_t ticks = delay_ms / TIMER_TICK_MS + (delay_ms % TIMER_TICK_MS != 0);

	timer_cancel(ts, t);
	t->fn = fn;
	/* One more: now_tick may be almost over. */
	t->due_tick = ts->now_tick + ticks + 1;
	place(ts, t);
	ts->count++;
}

void timer_cancel(struct timers *ts, struct timer *t)
{
	struct list_node *before = t->node.prev;

	if (!timer_armed(t))
		return;
	list_del(&t->node);
	ts->count--;
	if (!list_empty(before))
		return;
	/* It was the last: what stood before it is the head, and its place tells the slot. */
	size_t index = (size_t)(before - &ts->slots[0][0]);
	busy_clear(ts, (unsigned)(index / TIMER_SLOTS), index % TIMER_SLOTS);
}

bool timer_armed(const struct timer *t)
{
	return list_linked(&t->node);
}

/* The next tick at which something may have to be done: no timer fires and no slot is dealt out before it. */
static uint64_t next_stop(const struct timers *ts)
{
	uint64_t stop = UINT64_MAX;

	for (unsigned level = 0; level < TIMER_LEVELS; level++) {
		unsigned d = busy_distance(ts, level, slot_at(ts->now_tick, level));
		unsigned shift = level * LEVEL_BITS;
		uint64_t at = ((ts->now_tick >> shift) + d) << shift;

		if (d && at < stop)
			stop = at;
	}
	return stop;
}

/* now_tick has just become the start of this slot of `level`. */
static void deal_out(struct timers *ts, unsigned level)
{
	size_t slot = slot_at(ts->now_tick, level);
	struct list_node *head = &ts->slots[level][slot];
	struct list_node mine;

	list_init(&mine);
	list_splice_tail(&mine, head);
	busy_clear(ts, level, slot);
	for (struct list_node *n; (n = list_pop(&mine));)
		place(ts, container_of(n, struct timer, node));
}

/* A timer armed from fn is due later than now_tick, hence never lands in the slot being emptied. */
static void fire(struct timers *ts)
{
	size_t slot = slot_at(ts->now_tick, 0);
	struct list_node *head = &ts->slots[0][slot];

	while (!list_empty(head)) {
		struct timer *t = container_of(head->next, struct timer, node);

		timer_cancel(ts, t);
		t->fn(t);
	}
}

void timers_run(struct timers *ts, uint64_t now_ns)
{
	uint64_t target = now_ns / tick_ns;

	while (ts->now_tick < target) {
		uint64_t stop = next_stop(ts);

		ts->now_tick = stop < target ? stop : target;
		for (unsigned level = TIMER_LEVELS - 1; level > 0; level--) {
			if ((ts->now_tick & ((UINT64_C(1) << level * LEVEL_BITS) - 1)) ==
			    0)
				deal_out(ts, level);
		}
		fire(ts);
	}
}

int timers_next_ms(const struct timers *ts, uint64_t now_ns)
{
	uint64_t stop, stop_ns, ms;

	if (ts->count == 0)
		return -1;
	stop = next_stop(ts);
	if (__builtin_mul_overflow(stop, tick_ns, &stop_ns))
		return INT_MAX;
	if (stop_ns <= now_ns)
		return 0;
	/* Rounded up: rounded down, the loop would spin through the last millisecond. */
	ms = (stop_ns - now_ns + 999999) / 1000000;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}
