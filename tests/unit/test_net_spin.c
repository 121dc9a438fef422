/* test_net_spin.c - whether to look again before sleeping. */
#include "test.h"

#include "net/spin.h"

enum { COST = 10000, SHORT = 30000, LONG = 5000000 };

/* One that knows what a sleep costs, and whose last one was short. */
static struct spin ready(void)
{
	struct spin s = {0};

	spin_measured(&s, COST);
	spin_slept(&s, SHORT);
	return s;
}

TEST(spin_not_before_a_sleep_was_measured)
{
	struct spin s = {0};

	CHECK(spin_measures(&s)); /* the first one is */
	CHECK_EQ(spin_ns(&s), 0);
	spin_slept(&s, SHORT);
	CHECK_EQ(spin_ns(&s), 0);
}

TEST(spin_lasts_twice_what_a_sleep_costs)
{
	struct spin s = ready();

	CHECK_EQ(spin_ns(&s), 2 * COST);
}

TEST(spin_has_a_longest)
{
	struct spin s = {0};

	spin_measured(&s, UINT64_MAX);
	spin_slept(&s, SHORT);
	CHECK_EQ(spin_ns(&s), SPIN_MAX_NS);
}

TEST(spin_not_behind_a_long_sleep)
{
	struct spin s = ready();

	spin_slept(&s, LONG);
	CHECK_EQ(spin_ns(&s), 0);
	spin_slept(&s, SHORT);
	CHECK_EQ(spin_ns(&s), 2 * COST);
}

TEST(spin_measures_one_sleep_of_many)
{
	struct spin s = {0};
	unsigned count = 0;

	for (unsigned i = 0; i < 10 * SPIN_MEASURE_EACH; i++) {
		count += spin_measures(&s);
		spin_slept(&s, SHORT);
	}
	CHECK_EQ(count, 10);
}

TEST(spin_follows_the_cost)
{
	struct spin s = ready();

	for (unsigned i = 0; i < 100; i++)
		spin_measured(&s, COST / 10);
	spin_slept(&s, 0);
	CHECK(spin_ns(&s) < COST / 2);
}

/* In vain each time: soon it is hardly tried any more, but never given up. */
TEST(spin_in_vain_becomes_rare)
{
	struct spin s = ready();
	unsigned first = 0, later = 0;

	for (unsigned i = 0; i < 20 * SPIN_REST_MAX; i++) {
		if (spin_ns(&s) > 0) {
			spin_lost(&s);
			if (i < 10 * SPIN_REST_MAX)
				first++;
			else
				later++;
		}
		spin_slept(&s, SHORT);
	}
	CHECK(first < 25);
	CHECK(later >= 8);
	CHECK(later <= 11);
}

TEST(spin_that_wins_is_tried_again)
{
	struct spin s = ready();

	for (unsigned i = 0; i < 100; i++)
		spin_lost(&s);
	for (unsigned i = 0; i <= SPIN_REST_MAX && spin_ns(&s) == 0; i++)
		spin_slept(&s, SHORT);
	for (unsigned i = 0; i < 12; i++)
		spin_won(&s);
	CHECK_EQ(spin_ns(&s), 2 * COST);
	spin_lost(&s);
	CHECK_EQ(spin_ns(&s), 0);
	CHECK_EQ(spin_ns(&s), 2 * COST);
}

TEST_MAIN()
