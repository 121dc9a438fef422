/* spin.c - see spin.h */
#include "net/spin.h"

enum {
	WORTH = 2, /* times the cost: the wait is shorter awake, and the peer need not wake us */
	SOON = 2, /* times the longest spin: a sleep lasts longer than what it waits for */
	WEIGHT = 8,        /* of the past in the average */
	COST_MAX = 100000, /* more was an interrupt's */
};

static uint32_t longest(const struct spin *s)
{
	uint32_t ns = s->cost_ns * WORTH;

	return ns < SPIN_MAX_NS ? ns : SPIN_MAX_NS;
}

uint32_t spin_ns(struct spin *s)
{
	if (!s->soon)
		return 0;
	if (s->rest > 0) {
		s->rest--;
		return 0;
	}
	return longest(s);
}

void spin_won(struct spin *s)
{
	s->penalty /= 2;
}

void spin_lost(struct spin *s)
{
	s->penalty = s->penalty * 2 + 1;
	if (s->penalty > SPIN_REST_MAX)
		s->penalty = SPIN_REST_MAX;
	s->rest = s->penalty;
}

bool spin_measures(const struct spin *s)
{
	return s->sleeps % SPIN_MEASURE_EACH == 0;
}

void spin_measured(struct spin *s, uint64_t cost_ns)
{
	uint32_t cost = cost_ns < COST_MAX ? (uint32_t)cost_ns : COST_MAX;

	s->cost_ns = s->cost_ns ? (s->cost_ns * (WEIGHT - 1) + cost) / WEIGHT : cost;
}

void spin_slept(struct spin *s, uint64_t slept_ns)
{
	s->sleeps++;
	s->soon = slept_ns < (uint64_t)longest(s) * SOON;
}
