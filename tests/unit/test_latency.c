/* The histogram of tsmb-bench. */
#include "test.h"

#include "load/latency.h"

TEST(latency_of_nothing_is_zero)
{
	static const struct latency l;

	CHECK_EQ(latency_at(&l, 0.5), 0);
}

TEST(latency_short_ones_are_exact)
{
	struct latency l = {.count = 0};

	for (uint64_t ns = 1; ns <= 100; ns++)
		latency_add(&l, ns);
	CHECK_EQ(latency_at(&l, 0.5), 50);
	CHECK_EQ(latency_at(&l, 0.01), 1);
	CHECK_EQ(latency_at(&l, 1), 100);
}

/* Never less than the truth, and at most a sixty-fourth more. */
TEST(latency_rows_are_narrow)
{
	for (uint64_t ns = 1; ns < UINT64_MAX / 3; ns = ns * 3 + 1) {
		struct latency l = {.count = 0};
		uint64_t got;

		latency_add(&l, ns);
		got = latency_at(&l, 0.999);
		CHECK(got >= ns);
		CHECK(got - ns <= ns >> LATENCY_FINE_BITS);
	}
}

TEST(latency_of_the_longest_has_a_row)
{
	struct latency l = {.count = 0};

	latency_add(&l, UINT64_MAX);
	CHECK_EQ(latency_at(&l, 1), UINT64_MAX);
}

TEST(latency_few_slow_ones_show_at_the_end_only)
{
	struct latency l = {.count = 0};

	for (int i = 0; i < 9990; i++)
		latency_add(&l, 50);
	for (int i = 0; i < 10; i++)
		latency_add(&l, 1000000);
	CHECK_EQ(latency_at(&l, 0.99), 50);
	CHECK_EQ(latency_at(&l, 0.999), 50);
	CHECK(latency_at(&l, 0.9995) >= 1000000);
}

TEST_MAIN()
