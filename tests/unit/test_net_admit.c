/* test_net_admit.c - seats for connections. */
#include "test.h"

#include "net/admit.h"

TEST(admit_stops_at_the_limit)
{
	struct admit a;
	struct seat s[3];

	CHECK_EQ(admit_init(&a, 1, 2), 0);
	CHECK(admit_enter(&a, 1, &s[0]));
	CHECK(admit_enter(&a, 2, &s[1]));
	CHECK(!admit_enter(&a, 3, &s[2]));
	CHECK_EQ(admit_count(&a), 2);
	admit_leave(&s[0]);
	CHECK(admit_enter(&a, 3, &s[2]));
	admit_leave(&s[1]);
	admit_leave(&s[2]);
	CHECK_EQ(admit_count(&a), 0);
	admit_wait_empty(&a); /* returns at once */
	admit_fini(&a);
}

TEST(admit_zero_is_no_limit)
{
	struct admit a;
	struct seat s[100];

	CHECK_EQ(admit_init(&a, 2, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(s); i++)
		CHECK(admit_enter(&a, (unsigned)i, &s[i]));
	for (size_t i = 0; i < ARRAY_LEN(s); i++)
		admit_leave(&s[i]);
	admit_fini(&a);
}

TEST(admit_lower_limit_keeps_who_is_in)
{
	struct admit a;
	struct seat s[3];

	CHECK_EQ(admit_init(&a, 1, 0), 0);
	CHECK(admit_enter(&a, 1, &s[0]));
	CHECK(admit_enter(&a, 1, &s[1]));
	admit_set_max(&a, 1);
	CHECK_EQ(admit_count(&a), 2);
	CHECK(!admit_enter(&a, 1, &s[2]));
	admit_leave(&s[0]);
	CHECK(!admit_enter(&a, 1, &s[2]));
	admit_leave(&s[1]);
	CHECK(admit_enter(&a, 1, &s[2]));
	admit_leave(&s[2]);
	admit_fini(&a);
}

TEST(admit_picks_the_least_busy_worker)
{
	struct admit a;
	struct seat s[6];
	unsigned per_worker[3] = {0};

	CHECK_EQ(admit_init(&a, 3, 0), 0);
	for (unsigned i = 0; i < 6; i++) {
		CHECK(admit_enter(&a, i, &s[i])); /* all from different peers */
		per_worker[s[i].worker]++;
	}
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(per_worker[i], 2);
	for (unsigned i = 0; i < 6; i++)
		admit_leave(&s[i]);
	admit_fini(&a);
}

TEST(admit_spreads_the_channels_of_a_peer)
{
	struct admit a;
	struct seat s[4];

	CHECK_EQ(admit_init(&a, 2, 0), 0);
	CHECK(admit_enter(&a, 7, &s[0])); /* first worker */
	CHECK(admit_enter(&a, 8, &s[1])); /* second */
	CHECK(admit_enter(&a, 9, &s[2])); /* first: now it carries more ... */
	CHECK_EQ(s[2].worker, s[0].worker);
	CHECK(admit_enter(&a, 8, &s[3])); /* ... but has no channel of this peer */
	CHECK(s[3].worker != s[1].worker);
	for (size_t i = 0; i < ARRAY_LEN(s); i++)
		admit_leave(&s[i]);
	admit_fini(&a);
}

TEST_MAIN()
