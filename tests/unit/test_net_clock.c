/* test_net_clock.c - the real clock and random generator. */
#include "test.h"

#include "net/clock.h"

#include <string.h>
#include <time.h>

TEST(clock_unticked_advances)
{
	struct clock c;
	uint64_t a;

	clock_init(&c);
	a = env_now_ns(&c.env);
	while (env_now_ns(&c.env) == a)
		;
	CHECK(env_now_ns(&c.env) > a);
}

TEST(clock_ticked_stands_still)
{
	struct clock c;
	uint64_t a;

	clock_init(&c);
	a = clock_tick(&c);
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	CHECK_EQ(env_now_ns(&c.env), a);
	CHECK(clock_tick(&c) >= a + 1000000);
}

TEST(clock_filetime_counts_from_1601)
{
	struct clock c;
	uint64_t unix_s = (uint64_t)time(NULL);
	uint64_t got;

	clock_init(&c);
	got = env_filetime(&c.env) / 10000000;
	CHECK(got >= unix_s + 11644473600);
	CHECK(got <= (uint64_t)time(NULL) + 11644473600 + 1); /* whose clock is coarser */
}

TEST(clock_random_fills_all)
{
	struct clock c;
	uint8_t seen[1000] = {0};
	uint8_t buf[1000];

	clock_init(&c);
	for (int i = 0; i < 8; i++) { /* a byte that stays 0 eight times: 2^-64 */
		memset(buf, 0, sizeof(buf));
		env_random(&c.env, mspan_of(buf, sizeof(buf)));
		for (size_t n = 0; n < sizeof(buf); n++)
			seen[n] |= buf[n];
	}
	for (size_t n = 0; n < sizeof(seen); n++)
		CHECK(seen[n] != 0);
}

TEST_MAIN()
