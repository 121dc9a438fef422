#include "test.h"
#include "wire/filetime.h"

#include <stdlib.h>

static struct timespec ts(int64_t sec, long nsec)
{
	return (struct timespec){.tv_sec = sec, .tv_nsec = nsec};
}

TEST(filetime_known_values)
{
	static const struct {
		int64_t sec;
		long nsec;
		uint64_t ft;
	} cases[] = {
		{0, 0, 116444736000000000},         /* 1970-01-01 */
		{951782400, 0, 125962560000000000}, /* 2000-02-29 */
		{951782400, 123456700, 125962560001234567},
		{-1, 999999900, 116444735999999999}, /* a tick before 1970 */
		{-11644473600, 100, 1},
		{910692730085, 477580700, FILETIME_MAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct timespec back = filetime_to(cases[i].ft);

		CHECK_EQ(filetime_of(ts(cases[i].sec, cases[i].nsec)), cases[i].ft);
		CHECK_EQ(back.tv_sec, cases[i].sec);
		CHECK_EQ(back.tv_nsec, cases[i].nsec);
	}
}

TEST(filetime_rounds_down)
{
	CHECK_EQ(filetime_of(ts(0, 199)), filetime_of(ts(0, 100)));
	CHECK_EQ(filetime_of(ts(-1, 999999999)), filetime_of(ts(0, 0)) - 1);
}

TEST(filetime_saturates_and_is_never_an_order)
{
	CHECK_EQ(filetime_of(ts(-11644473600, 0)), 1);
	CHECK_EQ(filetime_of(ts(-11644473601, 0)), 1);
	CHECK_EQ(filetime_of(ts(INT64_MIN, 0)), 1);
	CHECK_EQ(filetime_of(ts(INT64_MIN / 10000000, 0)), 1);
	CHECK_EQ(filetime_of(ts(910692730085, 477580800)), FILETIME_MAX);
	CHECK_EQ(filetime_of(ts(910692730086, 0)), FILETIME_MAX);
	CHECK_EQ(filetime_of(ts(INT64_MAX, 999999999)), FILETIME_MAX);
	CHECK_EQ(filetime_to(FILETIME_MAX + 1).tv_sec, 910692730085);
	CHECK_EQ(filetime_to(UINT64_MAX).tv_sec, 910692730085);
}

TEST(filetime_kinds)
{
	static const struct {
		uint64_t ft;
		bool time, valid;
	} cases[] = {
		{FILETIME_KEEP, false, true},      {1, true, true},
		{FILETIME_MAX, true, true},        {FILETIME_MAX + 1, false, false},
		{FILETIME_THAW - 1, false, false}, {FILETIME_THAW, false, true},
		{FILETIME_FREEZE, false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(filetime_is_time(cases[i].ft), cases[i].time);
		CHECK_EQ(filetime_is_valid(cases[i].ft), cases[i].valid);
	}
}

/* Property: every valid FILETIME survives the way through a timespec. */
TEST(filetime_goes_there_and_back)
{
	unsigned seed = 2;

	for (int i = 0; i < 100000; i++) {
		uint64_t ft = ((uint64_t)rand_r(&seed) << 33 ^ (uint64_t)rand_r(&seed)
								       << 5) >>
			      rand_r(&seed) % 40;

		ft &= FILETIME_MAX;
		if (ft)
			CHECK_EQ(filetime_of(filetime_to(ft)), ft);
	}
}

TEST_MAIN()
