/* test_sparse_request.c - [MS-FSCC] 2.3: what is asked of sparse files; every limit, every truncation. */
#include "cmd/sparse_request.h"
#include "test.h"

#define MAX      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F
#define NEGATIVE 0, 0, 0, 0, 0, 0, 0, 0x80
#define U64(n)   n, 0, 0, 0, 0, 0, 0, 0

TEST(set_sparse_without_a_buffer_means_true)
{
	CHECK(set_sparse_decode(span_of(NULL, 0)));
	CHECK(set_sparse_decode(BYTES(1)));
	CHECK(set_sparse_decode(BYTES(0xFF)));
	CHECK(!set_sparse_decode(BYTES(0)));
	CHECK(!set_sparse_decode(BYTES(0, 1))); /* what follows is no part of it */
}

TEST(ranges_that_no_file_can_have_are_refused)
{
	const struct {
		struct span in;
		uint32_t zero, allocated; /* statuses */
		struct file_range zeroes, ranges;
	} cases[] = {
		{BYTES(U64(0), U64(0)), 0, 0, {0, 0}, {0, 0}},
		{BYTES(U64(5), U64(7)), 0, 0, {5, 7}, {5, 12}},
		{BYTES(U64(7), U64(5)), 0xC000000D, 0, {0}, {7, 12}},
		{BYTES(U64(7), U64(5), 0xAA), 0xC000000D, 0, {0}, {7, 12}},
		{BYTES(U64(0), MAX), 0, 0, {0, INT64_MAX}, {0, INT64_MAX}},
		{BYTES(U64(1), MAX), 0, 0xC000000D, {1, INT64_MAX}, {0}},
		{BYTES(MAX, MAX), 0, 0xC000000D, {INT64_MAX, INT64_MAX}, {0}},
		{BYTES(MAX, U64(0)), 0xC000000D, 0, {0}, {INT64_MAX, INT64_MAX}},
		{BYTES(U64(0), NEGATIVE), 0xC000000D, 0xC000000D, {0}, {0}},
		{BYTES(NEGATIVE, U64(0)), 0xC000000D, 0xC000000D, {0}, {0}},
		{BYTES(NEGATIVE, NEGATIVE), 0xC000000D, 0xC000000D, {0}, {0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct file_range z = {0}, r = {0};

		CHECK_EQ(zero_data_decode(cases[i].in, &z).v, cases[i].zero);
		CHECK_EQ(allocated_ranges_decode(cases[i].in, &r).v, cases[i].allocated);
		CHECK_EQ(z.offset, cases[i].zeroes.offset);
		CHECK_EQ(z.end, cases[i].zeroes.end);
		CHECK_EQ(r.offset, cases[i].ranges.offset);
		CHECK_EQ(r.end, cases[i].ranges.end);
	}
}

TEST(ranges_cut_short_are_refused)
{
	const struct span whole = BYTES(U64(5), U64(7));
	struct file_range f = {1, 2};

	for (size_t len = 0; len < whole.len; len++) {
		CHECK_ST(zero_data_decode(span_head(whole, len), &f),
			 STATUS_INVALID_PARAMETER);
		CHECK_ST(allocated_ranges_decode(span_head(whole, len), &f),
			 STATUS_INVALID_PARAMETER);
	}
	CHECK_EQ(f.offset, 1);
	CHECK_EQ(f.end, 2);
}

static nt_status trim(struct arena *a, struct span in, struct file_range **ranges,
		      size_t *count)
{
	return trim_decode(in, a, ranges, count);
}

TEST(trim_names_some_ranges)
{
	const struct span two = BYTES(0, 0, 0, 0, 2, 0, 0, 0, U64(5), U64(7), U64(20),
				      U64(0));
	struct file_range *ranges = NULL;
	size_t count = 0;
	struct arena a;

	arena_init(&a, 1 << 16);
	for (size_t len = 0; len < two.len; len++)
		CHECK_ST(trim(&a, span_head(two, len), &ranges, &count),
			 STATUS_INVALID_PARAMETER);
	CHECK_ST(trim(&a, two, &ranges, &count), STATUS_SUCCESS);
	CHECK_EQ(count, 2);
	CHECK_EQ(ranges[0].offset, 5);
	CHECK_EQ(ranges[0].end, 12);
	CHECK_EQ(ranges[1].end, 20);
	CHECK_ST(trim(&a, BYTES(1, 0, 0, 0, 1, 0, 0, 0, U64(5), U64(7)), &ranges, &count),
		 STATUS_INVALID_PARAMETER); /* Key: of the local system only */
	CHECK_ST(trim(&a, BYTES(0, 0, 0, 0, 0, 0, 0, 0), &ranges, &count),
		 STATUS_INVALID_PARAMETER);
	CHECK_ST(trim(&a, BYTES(0, 0, 0, 0, 1, 0, 0, 0, NEGATIVE, U64(1)), &ranges,
		      &count),
		 STATUS_INVALID_PARAMETER);
	arena_fini(&a);
}

TEST(trim_of_too_many_ranges_is_refused)
{
	static uint8_t in[8 + (TRIM_RANGES_MAX + 1) * RANGE_LEN];
	struct file_range *ranges;
	struct arena a;
	size_t count;

	arena_init(&a, 1 << 16);
	in[4] = TRIM_RANGES_MAX & 0xFF;
	in[5] = TRIM_RANGES_MAX >> 8;
	CHECK_ST(trim(&a, span_of(in, sizeof(in)), &ranges, &count), STATUS_SUCCESS);
	CHECK_EQ(count, TRIM_RANGES_MAX);
	in[4]++;
	CHECK_ST(trim(&a, span_of(in, sizeof(in)), &ranges, &count),
		 STATUS_INVALID_PARAMETER);
	arena_fini(&a);
}

TEST_MAIN()
