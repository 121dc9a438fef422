/* test_quota_request.c - [MS-SMB2] 2.2.37.1, [MS-FSCC] 2.4.41: what is asked and set of quotas; every truncation. */
#include "cmd/quota_request.h"
#include "test.h"

#define U32(n)       n, 0, 0, 0
#define U64(n)       n, 0, 0, 0, 0, 0, 0, 0
#define NONE         0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF
#define DELETES      0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF
#define UNIX_SID(n)  1, 2, 0, 0, 0, 0, 0, 22, U32(1), U32(n)
#define UNIX_SID_LEN 16

static struct arena arena;

static nt_status query(struct span in, struct quota_query *ret)
{
	return quota_query_decode(in, &arena, ret);
}

static void check_uid(const struct sid *sid, uint32_t want)
{
	uint32_t uid;

	CHECK(sid_is_uid(sid, &uid));
	CHECK_EQ(uid, want);
}

TEST(quota_query_by_name)
{
	const struct span in = BYTES(1, 0, 0, 0, U32(48), U32(9), U32(9), U32(24),
				     U32(16), UNIX_SID(7), U32(0), U32(16), UNIX_SID(8));
	struct quota_query q;

	arena_init(&arena, 1 << 20);
	CHECK_ST(query(in, &q), STATUS_SUCCESS);
	CHECK(q.single && !q.restart && !q.starts);
	CHECK_EQ(q.sid_count, 2);
	check_uid(&q.sids[0], 7);
	check_uid(&q.sids[1], 8);
	for (size_t len = 0; len < in.len; len++)
		CHECK_ST(query(span_head(in, len), &q), STATUS_INVALID_PARAMETER);
	arena_fini(&arena);
}

TEST(quota_query_of_all)
{
	struct quota_query q;

	arena_init(&arena, 1 << 20);
	CHECK_ST(query(BYTES(0, 1, 0, 0, U32(0), U32(0), U32(0)), &q), STATUS_SUCCESS);
	CHECK(!q.single && q.restart && !q.starts && !q.sids);
	CHECK_ST(query(BYTES(0, 0, 0, 0, U32(0), U32(16), U32(4), U32(9), UNIX_SID(7)),
		       &q),
		 STATUS_SUCCESS);
	CHECK(q.starts);
	check_uid(&q.start, 7);
	arena_fini(&arena);
}

TEST(quota_query_that_makes_no_sense)
{
	const struct span cases[] = {
		/* a list that goes round, leaves itself, is not aligned */
		BYTES(0, 0, 0, 0, U32(24), U32(0), U32(0), U32(24), U32(16), UNIX_SID(7)),
		BYTES(0, 0, 0, 0, U32(24), U32(0), U32(0), U32(2), U32(16), UNIX_SID(7)),
		/* a SID that is longer or shorter than it says, or beyond its entry */
		BYTES(0, 0, 0, 0, U32(28), U32(0), U32(0), U32(0), U32(20), UNIX_SID(7),
		      U32(0)),
		BYTES(0, 0, 0, 0, U32(24), U32(0), U32(0), U32(0), U32(12), UNIX_SID(7)),
		BYTES(0, 0, 0, 0, U32(40), U32(0), U32(0), U32(16), U32(16), UNIX_SID(7),
		      UNIX_SID(8)),
		/* a start outside */
		BYTES(0, 0, 0, 0, U32(0), U32(16), U32(4), UNIX_SID(7)),
		BYTES(0, 0, 0, 0, U32(0), U32(16), NONE, UNIX_SID(7)),
	};
	struct quota_query q;

	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_ST(query(cases[i], &q), STATUS_INVALID_PARAMETER);
	arena_fini(&arena);
}

TEST(quota_changes)
{
	const struct span in = BYTES(
		U32(56), U32(16), U64(9), U64(9), U64(5), U64(6),
		UNIX_SID(7),                                               /* limits */
		U32(56), U32(16), U64(0), U64(0), NONE, NONE, UNIX_SID(8), /* none */
		U32(0), U32(16), U64(0), U64(0), U64(1), DELETES, UNIX_SID(9));
	struct quota_change *c;
	size_t count;

	arena_init(&arena, 1 << 20);
	CHECK_ST(quota_changes_decode(in, &arena, &c, &count), STATUS_SUCCESS);
	CHECK_EQ(count, 3);
	check_uid(&c[0].sid, 7);
	CHECK(c[0].soft == 5 && c[0].hard == 6 && !c[0].deletes);
	CHECK(c[1].soft == VFS_QUOTA_NONE && c[1].hard == VFS_QUOTA_NONE &&
	      !c[1].deletes);
	CHECK(c[2].soft == VFS_QUOTA_NONE && c[2].hard == VFS_QUOTA_NONE && c[2].deletes);
	for (size_t len = 0; len < in.len; len++)
		CHECK_ST(quota_changes_decode(span_head(in, len), &arena, &c, &count),
			 STATUS_INVALID_PARAMETER);
	CHECK_ST(quota_changes_decode(BYTES(U32(0), U32(16), U64(0), U64(0), 0xFD, 0xFF,
					    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, U64(0),
					    UNIX_SID(7)),
				      &arena, &c, &count),
		 STATUS_INVALID_PARAMETER);
	arena_fini(&arena);
}

TEST(quota_entries)
{
	const struct vfs_quota one = {.uid = 7, .used = 3, .soft = 5, .hard = 6};
	const struct vfs_quota free = {
		.uid = 8, .used = 4, .soft = VFS_QUOTA_NONE, .hard = VFS_QUOTA_NONE};
	struct sid a = sid_of_uid(7), b = sid_of_uid(8);
	size_t last = SIZE_MAX;
	uint8_t room[256];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));

	wr_quota_entry(&w, &a, &one, &last);
	wr_quota_entry(&w, &sid_everyone, NULL, &last); /* 12 bytes: padded */
	wr_quota_entry(&w, &b, &free, &last);
	CHECK_EQ(quota_entry_len(&a), 40 + UNIX_SID_LEN);
	CHECK_SPAN(wr_done(&w),
		   BYTES(U32(56), U32(16), U64(0), U64(3), U64(5), U64(6), UNIX_SID(7),
			 U32(56), U32(12), U64(0), U64(0), U64(0), U64(0), 1, 1, 0, 0, 0,
			 0, 0, 1, U32(0), U32(0), U32(0), U32(16), U64(0), U64(4), NONE,
			 NONE, UNIX_SID(8)));
}

TEST_MAIN()
