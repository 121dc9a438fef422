#include "test.h"
#include "wire/rd.h"
#include "wire/wr.h"

#include <stdlib.h>

TEST(wr_writes_little_endian_in_order)
{
	uint8_t out[19];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));

	wr_u8(&w, 0x01);
	wr_u16(&w, 0x0302);
	wr_u32(&w, 0x07060504);
	wr_u64(&w, 0x0F0E0D0C0B0A0908);
	wr_be32(&w, 0x10111213);
	CHECK(wr_ok(&w));
	CHECK_EQ(wr_left(&w), 0);
	CHECK_SPAN(wr_done(&w), BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
				      16, 17, 18, 19));
}

TEST(wr_that_does_not_fit_writes_nothing_and_stays_failed)
{
	uint8_t out[4] = {0xAA, 0xAA, 0xAA, 0xAA};
	struct wr w = wr_of(mspan_of(out, 3));

	wr_u32(&w, 0);
	CHECK(!wr_ok(&w));
	wr_u8(&w, 0); /* would fit */
	wr_bytes(&w, BYTES(1));
	wr_zero(&w, 1);
	wr_align(&w, 2);
	CHECK(!wr_room(&w, 1));
	CHECK(!wr_ok(&w));
	CHECK_EQ(wr_left(&w), 0);
	CHECK_EQ(wr_done(&w).len, 0);
	CHECK_MEM(out, ((uint8_t[]){0xAA, 0xAA, 0xAA, 0xAA}), 4);
}

/* Each kind of write fails in all rooms too small for it and succeeds in its own. */
TEST(wr_in_every_length)
{
	for (size_t cap = 0; cap <= 9; cap++) {
		uint8_t out[9];
		struct wr a = wr_of(mspan_of(out, cap)), b = a, c = a, d = a, e = a;

		wr_u8(&a, 1);
		CHECK_EQ(wr_ok(&a), cap >= 1);
		wr_u16(&b, 1);
		CHECK_EQ(wr_ok(&b), cap >= 2);
		wr_u32(&c, 1);
		CHECK_EQ(wr_ok(&c), cap >= 4);
		wr_u64(&d, 1);
		CHECK_EQ(wr_ok(&d), cap >= 8);
		wr_bytes(&e, BYTES(1, 2, 3, 4, 5));
		CHECK_EQ(wr_ok(&e), cap >= 5);
	}
}

TEST(wr_huge_lengths_do_not_wrap)
{
	uint8_t out[8];
	struct wr w = wr_of(mspan_of(out, sizeof(out))), v = w;

	wr_u8(&w, 0);
	CHECK(!wr_room(&w, SIZE_MAX));
	CHECK(!wr_ok(&w));
	wr_u8(&v, 0);
	wr_zero(&v, SIZE_MAX);
	CHECK(!wr_ok(&v));
}

TEST(wr_align_pads_with_zeroes_from_the_start)
{
	uint8_t out[16];
	struct wr w;

	memset(out, 0xFF, sizeof(out));
	w = wr_of(mspan_of(out, sizeof(out)));
	wr_align(&w, 8);
	wr_u8(&w, 1);
	wr_align(&w, 4);
	wr_u8(&w, 2);
	wr_align(&w, 8);
	wr_align(&w, 8);
	CHECK_SPAN(wr_done(&w), BYTES(1, 0, 0, 0, 2, 0, 0, 0));
}

TEST(wr_hole_is_filled_later)
{
	uint8_t out[8];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	size_t a = wr_hole_u16(&w), b = wr_hole_u32(&w);

	CHECK_SPAN(wr_done(&w), BYTES(0, 0, 0, 0, 0, 0));
	wr_u8(&w, 9);
	wr_fill_u32(&w, b, 0x06050403);
	wr_fill_u16(&w, a, 0x0201);
	CHECK(wr_ok(&w));
	CHECK_SPAN(wr_done(&w), BYTES(1, 2, 3, 4, 5, 6, 9));
}

TEST(wr_fill_outside_what_was_written_fails)
{
	uint8_t out[8] = {0};
	struct wr w = wr_of(mspan_of(out, sizeof(out))), v = w;

	wr_u32(&w, 0);
	wr_fill_u32(&w, 1, 0xFFFFFFFF);
	CHECK(!wr_ok(&w));
	wr_fill_u16(&v, SIZE_MAX, 0xFFFF);
	CHECK(!wr_ok(&v));
	CHECK_MEM(out, ((uint8_t[8]){0}), 8);
}

TEST(wr_rewind_drops_the_entry_that_did_not_fit)
{
	uint8_t out[6];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	size_t mark;

	wr_u32(&w, 0x04030201);
	mark = wr_pos(&w);
	wr_u16(&w, 0x0605);
	wr_u16(&w, 0x0807);
	CHECK(!wr_ok(&w));
	wr_rewind(&w, mark);
	CHECK(wr_ok(&w));
	CHECK_SPAN(wr_done(&w), BYTES(1, 2, 3, 4));
}

TEST(wr_rewind_from_a_full_buffer)
{
	uint8_t out[1];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	size_t mark;

	wr_u8(&w, 1);
	mark = wr_pos(&w);
	wr_u8(&w, 2);
	wr_rewind(&w, mark);
	CHECK(wr_ok(&w));
	CHECK_EQ(wr_done(&w).len, 1);
}

TEST(wr_rewind_keeps_a_failure_older_than_the_mark)
{
	uint8_t out[4];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	size_t mark;

	wr_u64(&w, 1);
	mark = wr_pos(&w);
	wr_u8(&w, 2);
	wr_rewind(&w, mark);
	CHECK(!wr_ok(&w));
}

/* Property: what random writes put down, the same reads pick up; failures fall on the same step. */
TEST(wr_rd_round_trip_of_random_sequences)
{
	unsigned seed = 1;

	for (int round = 0; round < 2000; round++) {
		uint8_t out[64];
		size_t cap = (size_t)rand_r(&seed) % sizeof(out);
		struct wr w = wr_of(mspan_of(out, cap));
		struct rd r = rd_of(span_of(out, cap));

		for (int step = 0; step < 20; step++) {
			uint64_t v = (uint64_t)rand_r(&seed) << 32 |
				     (uint64_t)rand_r(&seed);

			switch (rand_r(&seed) % 5) {
			case 0:
				wr_u8(&w, (uint8_t)v);
				CHECK_EQ(rd_u8(&r), wr_ok(&w) ? (uint8_t)v : 0);
				break;
			case 1:
				wr_u16(&w, (uint16_t)v);
				CHECK_EQ(rd_u16(&r), wr_ok(&w) ? (uint16_t)v : 0);
				break;
			case 2:
				wr_u32(&w, (uint32_t)v);
				CHECK_EQ(rd_u32(&r), wr_ok(&w) ? (uint32_t)v : 0);
				break;
			case 3:
				wr_u64(&w, v);
				CHECK_EQ(rd_u64(&r), wr_ok(&w) ? v : 0);
				break;
			default:
				wr_align(&w, 8);
				rd_align(&r, 8);
			}
			CHECK_EQ(wr_ok(&w), rd_ok(&r));
			if (wr_ok(&w))
				CHECK_EQ(wr_pos(&w), rd_pos(&r));
		}
	}
}

TEST_MAIN()
