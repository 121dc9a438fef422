/* test_lock_sequence.c - LOCK requests that were done already: [MS-SMB2] 3.3.5.14 */
#include "smb/lock_sequence.h"
#include "test.h"
#include "wire/smb2_proto.h"

static uint32_t field(uint32_t index, uint32_t number)
{
	return index << 4 | number;
}

TEST(when_requests_are_remembered)
{
	static const struct {
		uint16_t dialect;
		uint32_t capabilities;
		bool durable, applies;
	} cases[] = {
		{SMB2_DIALECT_202, 0, true, false}, /* the field is reserved */
		{SMB2_DIALECT_202, SMB2_GLOBAL_CAP_MULTI_CHANNEL, true, false},
		{SMB2_DIALECT_210, 0, false, false},
		{SMB2_DIALECT_210, 0, true, true},
		{SMB2_DIALECT_210, SMB2_GLOBAL_CAP_MULTI_CHANNEL, false, false},
		{SMB2_DIALECT_300, 0, false, false},
		{SMB2_DIALECT_300, 0, true, true},
		{SMB2_DIALECT_300, SMB2_GLOBAL_CAP_MULTI_CHANNEL, false, true},
		{SMB2_DIALECT_302, SMB2_GLOBAL_CAP_MULTI_CHANNEL, false, true},
		{SMB2_DIALECT_311, SMB2_GLOBAL_CAP_MULTI_CHANNEL, false, true},
		{SMB2_DIALECT_311, ~SMB2_GLOBAL_CAP_MULTI_CHANNEL, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(lock_sequence_applies(cases[i].dialect, cases[i].capabilities,
					       cases[i].durable),
			 cases[i].applies);
}

TEST(a_request_sent_again_is_known)
{
	struct lock_sequences s = {0};

	CHECK(!lock_sequence_seen(&s, field(1, 0)));
	lock_sequence_done(&s, field(1, 0));
	CHECK(lock_sequence_seen(&s, field(1, 0)));
	CHECK(lock_sequence_seen(&s, field(1, 0))); /* however often */
}

/* Another number is a new request; until that is done the entry remembers nothing. */
TEST(another_number_makes_the_entry_invalid)
{
	struct lock_sequences s = {0};

	lock_sequence_done(&s, field(7, 3));
	CHECK(!lock_sequence_seen(&s, field(7, 4)));
	CHECK(!lock_sequence_seen(&s, field(7, 4)));
	CHECK(!lock_sequence_seen(&s, field(7, 3)));
	lock_sequence_done(&s, field(7, 4));
	CHECK(lock_sequence_seen(&s, field(7, 4)));
}

TEST(indices_that_have_an_entry)
{
	static const struct {
		uint32_t index;
		bool has;
	} cases[] = {
		{0, false}, {1, true},   {2, true},
		{64, true}, {65, false}, {0x0FFFFFFF, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lock_sequences s = {0};

		lock_sequence_done(&s, field(cases[i].index, 15));
		CHECK_EQ(lock_sequence_seen(&s, field(cases[i].index, 15)), cases[i].has);
	}
}

TEST(entries_do_not_touch_each_other)
{
	struct lock_sequences s = {0};

	for (uint32_t i = 1; i <= LOCK_SEQUENCE_COUNT; i++)
		lock_sequence_done(&s, field(i, i % 16));
	CHECK(!lock_sequence_seen(&s, field(32, 1)));
	for (uint32_t i = 1; i <= LOCK_SEQUENCE_COUNT; i++)
		CHECK_EQ(lock_sequence_seen(&s, field(i, i % 16)), i != 32);
}

TEST_MAIN()
