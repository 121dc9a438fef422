#include "test.h"
#include "wire/rd.h"

static const uint8_t some[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
			       0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F};

TEST(rd_reads_little_endian_in_order)
{
	struct rd r = rd_of(span_of(some, sizeof(some)));

	CHECK_EQ(rd_u8(&r), 0x01);
	CHECK_EQ(rd_u16(&r), 0x0302);
	CHECK_EQ(rd_u32(&r), 0x07060504);
	CHECK_EQ(rd_u64(&r), 0x0F0E0D0C0B0A0908);
	CHECK(rd_ok(&r));
	CHECK_EQ(rd_left(&r), 0);
}

TEST(rd_be32_is_the_one_big_endian_read)
{
	struct rd r = rd_of(BYTES(0x00, 0x01, 0x02, 0x03));

	CHECK_EQ(rd_be32(&r), 0x00010203);
}

TEST(rd_short_read_consumes_nothing)
{
	struct rd r = rd_of(BYTES(0x01, 0x02, 0x03));

	CHECK_EQ(rd_u32(&r), 0);
	CHECK(!rd_ok(&r));
	CHECK_EQ(rd_left(&r), 3);
}

TEST(rd_stays_failed)
{
	struct rd r = rd_of(span_of(some, sizeof(some)));

	rd_fail(&r);
	CHECK_EQ(rd_u8(&r), 0);
	CHECK_EQ(rd_u16(&r), 0);
	CHECK_EQ(rd_u64(&r), 0);
	CHECK_EQ(rd_bytes(&r, 1).len, 0);
	CHECK_EQ(rd_bytes(&r, 0).len, 0);
	CHECK_EQ(rd_fit(&r, 1, 1), 0);
	rd_seek(&r, 0);
	rd_skip(&r, 0);
	CHECK(!rd_ok(&r));
}

/* Every read that needs n bytes fails on all shorter inputs and succeeds on n. */
TEST(rd_truncated_at_every_length)
{
	for (size_t len = 0; len <= 8; len++) {
		struct rd a = rd_of(span_of(some, len)), b = a, c = a, d = a;

		rd_u8(&a);
		CHECK_EQ(rd_ok(&a), len >= 1);
		rd_u16(&b);
		CHECK_EQ(rd_ok(&b), len >= 2);
		rd_u32(&c);
		CHECK_EQ(rd_ok(&c), len >= 4);
		rd_u64(&d);
		CHECK_EQ(rd_ok(&d), len >= 8);
	}
}

TEST(rd_of_nothing_is_empty_not_failed)
{
	struct rd r = rd_of(span_of(NULL, 0));

	CHECK_EQ(rd_left(&r), 0);
	CHECK_EQ(rd_rest(&r).len, 0);
	rd_align(&r, 8);
	CHECK(rd_ok(&r));
	rd_u8(&r);
	CHECK(!rd_ok(&r));
}

TEST(rd_bytes_are_borrowed_from_the_input)
{
	struct rd r = rd_of(span_of(some, sizeof(some)));
	struct span s;

	rd_skip(&r, 2);
	s = rd_bytes(&r, 3);
	CHECK(s.p == some + 2);
	CHECK_EQ(s.len, 3);
	s = rd_rest(&r);
	CHECK(s.p == some + 5);
	CHECK_EQ(s.len, sizeof(some) - 5);
	CHECK(rd_ok(&r));
}

TEST(rd_huge_lengths_do_not_wrap)
{
	struct rd r = rd_of(span_of(some, sizeof(some))), s = r, t = r;

	rd_skip(&r, 1);
	rd_skip(&r, SIZE_MAX);
	CHECK(!rd_ok(&r));
	rd_skip(&s, 8);
	CHECK_EQ(rd_bytes(&s, SIZE_MAX - 7).len, 0);
	CHECK(!rd_ok(&s));
	rd_seek(&t, SIZE_MAX);
	CHECK(!rd_ok(&t));
}

TEST(rd_copy_zeroes_on_failure)
{
	struct rd r = rd_of(BYTES(0x11, 0x22, 0x33));
	uint8_t to[2] = {0xFF, 0xFF};

	rd_copy(&r, to, 2);
	CHECK_MEM(to, ((uint8_t[]){0x11, 0x22}), 2);
	rd_copy(&r, to, 2);
	CHECK_MEM(to, ((uint8_t[]){0, 0}), 2);
	CHECK(!rd_ok(&r));
}

TEST(rd_align_counts_from_the_start)
{
	struct rd r = rd_of(span_of(some, 12));

	rd_align(&r, 8);
	CHECK_EQ(rd_pos(&r), 0);
	rd_u8(&r);
	rd_align(&r, 4);
	CHECK_EQ(rd_pos(&r), 4);
	rd_u8(&r);
	rd_align(&r, 8);
	CHECK_EQ(rd_pos(&r), 8);
	rd_u8(&r);
	CHECK(rd_ok(&r));
	rd_align(&r, 8); /* 16 lies behind the end */
	CHECK(!rd_ok(&r));
}

TEST(rd_seek_goes_both_ways_and_fails_behind_the_end)
{
	struct rd r = rd_of(span_of(some, 4));

	rd_seek(&r, 4);
	CHECK_EQ(rd_left(&r), 0);
	rd_seek(&r, 1);
	CHECK_EQ(rd_u8(&r), 0x02);
	CHECK(rd_ok(&r));
	rd_seek(&r, 5);
	CHECK(!rd_ok(&r));
	CHECK_EQ(rd_left(&r), 0);
}

TEST(rd_struct_size_must_match)
{
	struct rd good = rd_of(BYTES(24, 0)), other = rd_of(BYTES(25, 0)),
		  cut = rd_of(BYTES(24));
	struct rd none = rd_of(BYTES(0));

	rd_struct_size(&good, 24);
	CHECK(rd_ok(&good));
	rd_struct_size(&other, 24);
	CHECK(!rd_ok(&other));
	rd_struct_size(&cut, 24);
	CHECK(!rd_ok(&cut));
	rd_struct_size(&none, 0);
	CHECK(!rd_ok(&none));
}

TEST(rd_at_gives_a_child_and_does_not_move)
{
	struct rd r = rd_of(span_of(some, sizeof(some))), child;

	rd_skip(&r, 10);
	child = rd_at(&r, 4, 2);
	CHECK_EQ(rd_u16(&child), 0x0605);
	CHECK_EQ(rd_left(&child), 0);
	CHECK(rd_ok(&child));
	CHECK(rd_ok(&r));
	CHECK_EQ(rd_pos(&r), 10);
	rd_u8(&child);
	CHECK(!rd_ok(&child));
	CHECK(rd_ok(&r));
}

TEST(rd_at_out_of_bounds_fails_both)
{
	static const struct {
		size_t off, len;
		bool ok;
	} cases[] = {
		{0, 15, true},
		{14, 1, true},
		{15, 0, true},
		{99, 0, true},
		{SIZE_MAX, 0, true},
		{0, 16, false},
		{15, 1, false},
		{14, 2, false},
		{16, 1, false},
		{SIZE_MAX, 1, false},
		{1, SIZE_MAX, false},
		{SIZE_MAX, SIZE_MAX, false},
		{8, SIZE_MAX - 7, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rd r = rd_of(span_of(some, sizeof(some)));
		struct rd child = rd_at(&r, cases[i].off, cases[i].len);

		CHECK_EQ(rd_ok(&r), cases[i].ok);
		CHECK_EQ(rd_ok(&child), cases[i].ok);
		CHECK_EQ(rd_left(&child), cases[i].ok ? cases[i].len : 0);
	}
}

TEST(rd_at_of_a_failed_cursor_has_failed)
{
	struct rd r = rd_of(span_of(some, sizeof(some)));
	struct rd child;

	rd_fail(&r);
	child = rd_at(&r, 0, 0);
	CHECK(!rd_ok(&child));
}

TEST(rd_fit_limits_a_count)
{
	static const struct {
		size_t count, elem_len, want;
	} cases[] = {
		{0, 24, 0},
		{5, 3, 5},
		{6, 3, 0},
		{SIZE_MAX, 2, 0},
		{SIZE_MAX / 2 + 1, 2, 0},
		{15, 1, 15},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rd r = rd_of(span_of(some, 15));

		CHECK_EQ(rd_fit(&r, cases[i].count, cases[i].elem_len), cases[i].want);
		CHECK_EQ(rd_ok(&r), cases[i].want == cases[i].count);
	}
}

TEST_MAIN()
