#include "base/timer.h"
#include "test.h"

#include <stdlib.h>

static const uint64_t ms = 1000000;

struct probe {
	struct timer t;
	uint64_t armed_at_ms, delay_ms;
	bool armed;
	int fired;
};

static struct timers ts; /* 16 KiB: not for the stack */
static uint64_t clock_ms;
static struct timer *other;

static void note(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, t);

	p->fired++;
	p->armed = false;
}

TEST(timer_is_never_early_and_soon_after)
{
	static const uint64_t delays[] = {0,    1,    8,    9,      100,     2000,
					  2047, 2048, 3000, 600000, 86400000};

	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		struct probe p = {0};
		uint64_t start = 1000003 + i, now = start;

		timers_init(&ts, start * ms);
		timer_arm(&ts, &p.t, delays[i], note);
		timers_run(&ts, (start + delays[i]) * ms - 1);
		CHECK_EQ(p.fired, 0);
		for (; !p.fired; now++)
			timers_run(&ts, (start + delays[i]) * ms + (now - start) * ms);
		CHECK(now - start <= 2 * TIMER_TICK_MS + 1);
		CHECK(!timer_armed(&p.t));
		CHECK_EQ(ts.count, 0);
	}
}

TEST(timer_cancelled_does_not_fire)
{
	struct probe p = {0}, q = {0};

	timers_init(&ts, 0);
	timer_cancel(&ts, &p.t); /* never armed */
	timer_arm(&ts, &p.t, 50, note);
	timer_arm(&ts, &q.t, 50, note);
	CHECK(timer_armed(&p.t));
	timer_cancel(&ts, &p.t);
	CHECK(!timer_armed(&p.t));
	timers_run(&ts, 1000 * ms);
	CHECK_EQ(p.fired, 0);
	CHECK_EQ(q.fired, 1);
}

TEST(timer_armed_anew_fires_once_at_the_new_time)
{
	struct probe p = {0};

	timers_init(&ts, 0);
	timer_arm(&ts, &p.t, 50, note);
	timer_arm(&ts, &p.t, 5000, note);
	CHECK_EQ(ts.count, 1);
	timers_run(&ts, 4999 * ms);
	CHECK_EQ(p.fired, 0);
	timers_run(&ts, 5100 * ms);
	CHECK_EQ(p.fired, 1);
}

TEST(timers_fire_in_order_of_time)
{
	struct probe p[3] = {0};

	timers_init(&ts, 0);
	timer_arm(&ts, &p[0].t, 30000, note);
	timer_arm(&ts, &p[1].t, 20, note);
	timer_arm(&ts, &p[2].t, 3000, note);
	timers_run(&ts, 1000 * ms);
	CHECK_EQ(p[1].fired, 1);
	CHECK_EQ(p[2].fired, 0);
	timers_run(&ts, 10000 * ms);
	CHECK_EQ(p[2].fired, 1);
	CHECK_EQ(p[0].fired, 0);
	timers_run(&ts, UINT64_C(100000000) * ms);
	CHECK_EQ(p[0].fired, 1);
}

static void rearm(struct timer *t)
{
	container_of(t, struct probe, t)->fired++;
	timer_arm(&ts, t, 0, rearm);
}

TEST(timer_that_rearms_itself_gets_a_turn_a_tick)
{
	struct probe p = {0};

	timers_init(&ts, 0);
	timer_arm(&ts, &p.t, 0, rearm);
	timers_run(&ts, 10 * TIMER_TICK_MS * ms);
	CHECK_EQ(p.fired, 10);
	timer_cancel(&ts, &p.t);
	CHECK_EQ(timers_next_ms(&ts, 0), -1);
}

static void cancel_other(struct timer *t)
{
	container_of(t, struct probe, t)->fired++;
	timer_cancel(&ts, other);
}

TEST(timer_may_cancel_its_neighbour_of_the_same_tick)
{
	struct probe a = {0}, b = {0};

	timers_init(&ts, 0);
	other = &b.t;
	timer_arm(&ts, &a.t, 100, cancel_other);
	timer_arm(&ts, &b.t, 100, note);
	timers_run(&ts, 1000 * ms);
	CHECK_EQ(a.fired, 1);
	CHECK_EQ(b.fired, 0);
	CHECK_EQ(ts.count, 0);
}

TEST(timer_farther_than_the_wheel_reaches)
{
	struct probe p = {0};
	uint64_t delay = UINT64_C(5) << 35; /* ms: beyond 2^32 ticks */

	timers_init(&ts, 0);
	timer_arm(&ts, &p.t, delay, note);
	timers_run(&ts, (delay - 1) * ms);
	CHECK_EQ(p.fired, 0);
	timers_run(&ts, (delay + 2 * TIMER_TICK_MS) * ms);
	CHECK_EQ(p.fired, 1);
}

TEST(timers_next_ms_is_never_late)
{
	struct probe p = {0};

	timers_init(&ts, 0);
	CHECK_EQ(timers_next_ms(&ts, 0), -1);
	timer_arm(&ts, &p.t, 100, note);
	CHECK(timers_next_ms(&ts, 0) > 0);
	CHECK(timers_next_ms(&ts, 0) <= 100 + 2 * TIMER_TICK_MS);
	CHECK_EQ(timers_next_ms(&ts, 1000 * ms), 0);
	timer_arm(&ts, &p.t, UINT64_MAX / 2, note);
	CHECK(timers_next_ms(&ts, 0) > 0);
}

/* Sleeping just as long as advised, a loop serves every timer in time. */
TEST(timers_next_ms_drives_a_loop)
{
	struct probe p = {0};
	uint64_t now = 12345;
	int turns = 0;

	timers_init(&ts, now * ms);
	timer_arm(&ts, &p.t, 700000, note);
	while (!p.fired) {
		now += (uint64_t)timers_next_ms(&ts, now * ms);
		timers_run(&ts, now * ms);
		turns++;
	}
	CHECK(now - 12345 <= 700000 + 2 * TIMER_TICK_MS);
	CHECK(turns <= 4);
}

enum { MODEL_TIMERS = 300 };
static struct probe model[MODEL_TIMERS];

/* Armed, not overdue by more than two ticks; unarmed if and only if it fired or was cancelled. */
static void model_check(void)
{
	size_t armed = 0;

	for (size_t i = 0; i < MODEL_TIMERS; i++) {
		struct probe *p = &model[i];

		CHECK_EQ(timer_armed(&p->t), p->armed);
		armed += p->armed;
		if (p->armed)
			CHECK(clock_ms <=
			      p->armed_at_ms + p->delay_ms + 2 * TIMER_TICK_MS);
	}
	CHECK_EQ(ts.count, armed);
}

static void model_fire(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, t);

	CHECK(p->armed);
	CHECK(clock_ms >= p->armed_at_ms + p->delay_ms);
	note(t);
}

/* Property: random arms, cancels and steps of the clock against the list of what should be armed. */
TEST(timers_against_a_model)
{
	static const uint64_t reach[] = {10, 300, 5000, 100000, 3000000, 200000000};
	unsigned seed = 11;

	timers_init(&ts, 0);
	clock_ms = 0;
	for (int step = 0; step < 30000; step++) {
		struct probe *p = &model[(size_t)rand_r(&seed) % MODEL_TIMERS];
		uint64_t max = reach[(size_t)rand_r(&seed) % ARRAY_LEN(reach)];

		switch (rand_r(&seed) % 8) {
		case 0:
			timer_cancel(&ts, &p->t);
			p->armed = false;
			break;
		case 1:
			clock_ms += (uint64_t)rand_r(&seed) % max;
			timers_run(&ts, clock_ms * ms);
			model_check();
			break;
		default:
			p->delay_ms = (uint64_t)rand_r(&seed) % max;
			p->armed_at_ms = clock_ms;
			p->armed = true;
			timer_arm(&ts, &p->t, p->delay_ms, model_fire);
		}
	}
}

TEST_MAIN()
