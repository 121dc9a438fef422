/* test_duplicate_extents.c - [MS-FSCC] 2.3.7.2, 2.3.9.2: every limit, every truncation. */
#include "cmd/duplicate_extents.h"
#include "test.h"

#define U32(n)   n, 0, 0, 0
#define U64(n)   n, 0, 0, 0, 0, 0, 0, 0
#define MAX      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F
#define NEGATIVE 0, 0, 0, 0, 0, 0, 0, 0x80
#define ID       U64(7), U64(8)

TEST(duplicate_requests)
{
	const struct span whole = BYTES(ID, U64(1), U64(2), U64(3));
	const struct span ex = BYTES(U64(0x30), ID, U64(1), U64(2), U64(3), U32(2),
				     U32(9));
	struct duplicate_request d;

	CHECK_ST(duplicate_decode(whole, &d), STATUS_SUCCESS);
	CHECK(d.source.persistent_id == 7 && d.source.volatile_id == 8);
	CHECK(d.source_offset == 1 && d.target_offset == 2 && d.length == 3);
	for (size_t len = 0; len < whole.len; len++)
		CHECK_ST(duplicate_decode(span_head(whole, len), &d),
			 STATUS_INVALID_PARAMETER);
	d.length = 0;
	CHECK_ST(duplicate_ex_decode(ex, &d), STATUS_SUCCESS);
	CHECK(d.source.volatile_id == 8 && d.length == 3);
	for (size_t len = 0; len < ex.len; len++)
		CHECK_ST(duplicate_ex_decode(span_head(ex, len), &d),
			 STATUS_INVALID_PARAMETER);
}

TEST(duplicate_ranges_that_no_file_can_have)
{
	const struct {
		struct span in;
		uint32_t status;
	} cases[] = {
		{BYTES(ID, MAX, MAX, U64(0)), 0},
		{BYTES(ID, U64(0), U64(0), MAX), 0},
		{BYTES(ID, U64(1), U64(0), MAX), 0xC000000D},
		{BYTES(ID, U64(0), U64(1), MAX), 0xC000000D},
		{BYTES(ID, NEGATIVE, U64(0), U64(0)), 0xC000000D},
		{BYTES(ID, U64(0), NEGATIVE, U64(0)), 0xC000000D},
		{BYTES(ID, U64(0), U64(0), NEGATIVE), 0xC000000D},
	};
	struct duplicate_request d;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(duplicate_decode(cases[i].in, &d).v, cases[i].status);
}

TEST(duplicate_ex_promises_nothing)
{
	struct duplicate_request d;

	CHECK_ST(duplicate_ex_decode(BYTES(U64(0x28), ID, U64(0), U64(0), U64(0), U64(0)),
				     &d),
		 STATUS_NOT_SUPPORTED);
	CHECK_ST(duplicate_ex_decode(BYTES(U64(0x30), ID, U64(0), U64(0), U64(0), U64(1)),
				     &d),
		 STATUS_NOT_SUPPORTED);
}

TEST_MAIN()
