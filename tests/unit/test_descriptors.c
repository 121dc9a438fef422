#include "test.h"

#include "net/descriptors.h"

#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MANY = 1048576 };

static const struct {
	const char *what;
	size_t limit, opens;
	unsigned connections;
	size_t want_opens;
	unsigned want_connections;
} plans[] = {
	{"all fits", 4 * MANY, MANY, 1024, MANY, 1024},
	{"just", 2 * 1000 + 100 + DESCRIPTORS_KEPT, 1000, 100, 1000, 100},
	{"one short", 2 * 1000 + 100 + DESCRIPTORS_KEPT - 1, 1000, 100, 999, 100},
	{"the defaults under systemd", MANY, MANY, 1024, (MANY - 128 - 1024) / 2, 1024},
	{"the defaults in a shell", 1024, MANY, 1024, (1024 - 128 - 224) / 2, 224},
	{"few opens leave room for connections", 1024, 10, 1024, 10, 1024 - 128 - 20},
	{"few connections leave room for opens", 1024, MANY, 10, (1024 - 128 - 10) / 2,
	 10},
	{"opens do not want quite three quarters", 1128, 374, 5000, 374, 252},
	{"opens want three quarters", 1128, 375, 5000, 375, 250},
	{"opens want more", 1128, 376, 5000, 375, 250},
	{"no limit of connections, few opens", 1128, 100, 0, 100, 800},
	{"no limit of connections, many opens", 1128, MANY, 0, 375, 250},
	{"no limit anywhere", SIZE_MAX, MANY, 0, MANY, UINT32_MAX},
	{"very few", 64, MANY, 1024, 12, 8},
	{"none", 0, MANY, 1024, 1, 1},
};

TEST(what_does_not_fit_is_made_to)
{
	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		struct descriptors_plan p = descriptors_plan(
			plans[i].limit, 0, plans[i].connections, plans[i].opens);

		if (p.opens != plans[i].want_opens ||
		    p.connections != plans[i].want_connections)
			fail_msg("%s: %zu opens, %u connections", plans[i].what, p.opens,
				 p.connections);
	}
}

TEST(shares_come_first_up_to_three_quarters)
{
	static const struct {
		size_t limit, shares, want_opens;
		unsigned want_connections;
	} rows[] = {
		{8 * MANY, 5000, MANY, 1024},
		{20000, 1000, (20000 - 128 - 4000 - 3968) / 2, 3968},
		{20000, 3725, (19872 - 4 * 3725 - 1243) / 2, 1243},
		{20000, 3727, (4968 - 1242) / 2, 1242}, /* a quarter of 19872 stays */
		{20000, SIZE_MAX, (4968 - 1242) / 2, 1242},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned c = rows[i].want_connections;
		struct descriptors_plan p = descriptors_plan(
			rows[i].limit, rows[i].shares, i ? 5000 : 1024, MANY);

		CHECK_EQ(p.opens, rows[i].want_opens);
		CHECK_EQ(p.connections, c);
	}
}

/* Whatever the limit: both together take no more than there is, once there is room for anything. */
TEST(a_plan_never_exceeds_the_limit)
{
	for (size_t limit = 8; limit < 5000; limit++)
		for (unsigned c = 0; c < 3000; c += 250) {
			struct descriptors_plan p = descriptors_plan(limit, 0, c, 700);

			CHECK(p.connections + 2 * p.opens <= limit);
			CHECK(p.opens <= 700);
			CHECK(!c || p.connections <= c);
			if (limit > 2 * DESCRIPTORS_KEPT && c &&
			    (p.connections < c || p.opens < 700)) /* nothing lies idle */
				CHECK(p.connections + 2 * p.opens + 1 >=
				      limit - DESCRIPTORS_KEPT);
		}
}

TEST(the_soft_limit_becomes_the_hard_one)
{
	struct rlimit l, lower;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	lower = (struct rlimit){.rlim_cur = 32, .rlim_max = l.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &lower), 0);
	CHECK_EQ(descriptors_raise(),
		 l.rlim_max == RLIM_INFINITY ? SIZE_MAX : l.rlim_max);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &lower), 0);
	CHECK_EQ(lower.rlim_cur, l.rlim_max);
}

TEST_MAIN()
