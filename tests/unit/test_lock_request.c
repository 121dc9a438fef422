/* test_lock_request.c - what the elements of a LOCK may say: [MS-SMB2] 2.2.26.1, 3.3.5.14.1, 3.3.5.14.2 */
#include "cmd/lock_request.h"
#include "test.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

enum {
	SHARED = SMB2_LOCKFLAG_SHARED_LOCK,
	EXCLUSIVE = SMB2_LOCKFLAG_EXCLUSIVE_LOCK,
	UNLOCK = SMB2_LOCKFLAG_UNLOCK,
	NOW = SMB2_LOCKFLAG_FAIL_IMMEDIATELY,
	ELEM_LEN = 24,
	ELEMS_MAX = STATE_RANGES_MAX + 1,
};

struct fixture {
	struct arena a;
	uint8_t bytes[ELEMS_MAX * ELEM_LEN];
	struct wr w;
	struct lock_ranges ranges;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){0};
	arena_init(&f->a, 1 << 20);
	f->w = wr_of(mspan_of(f->bytes, sizeof(f->bytes)));
}

static void teardown(struct fixture *f)
{
	arena_fini(&f->a);
}

static void add(struct fixture *f, uint64_t offset, uint64_t length, uint32_t flags)
{
	wr_u64(&f->w, offset);
	wr_u64(&f->w, length);
	wr_u32(&f->w, flags);
	wr_u32(&f->w, 0xFFFFFFFF); /* Reserved: ignored */
}

static nt_status decode(struct fixture *f, uint16_t count)
{
	struct rd r = rd_of(wr_done(&f->w));

	return lock_ranges_decode(&r, count, &f->a, &f->ranges);
}

TEST(one_element)
{
	static const struct {
		uint32_t flags;
		bool allowed, unlock, exclusive, waits;
	} cases[] = {
		{SHARED, true, false, false, true},
		{EXCLUSIVE, true, false, true, true},
		{SHARED | NOW, true, false, false, false},
		{EXCLUSIVE | NOW, true, false, true, false},
		{UNLOCK, true, true, false, false},
		{.flags = 0},
		{.flags = NOW},
		{.flags = UNLOCK | NOW},
		{.flags = SHARED | EXCLUSIVE},
		{.flags = SHARED | UNLOCK},
		{.flags = EXCLUSIVE | UNLOCK},
		{.flags = SHARED | 0x8},
		{.flags = SHARED | NOW | 0x80000000},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(teardown) struct fixture f;

		setup(&f);
		add(&f, 5, 7, cases[i].flags);
		CHECK_ST(decode(&f, 1),
			 cases[i].allowed ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
		if (!cases[i].allowed)
			continue;
		CHECK_ST(f.ranges.rest, STATUS_SUCCESS);
		CHECK_EQ(f.ranges.op->code, cases[i].unlock ? STATE_UNLOCK : STATE_LOCK);
		CHECK_EQ(f.ranges.op->wait_if_held, cases[i].waits);
		CHECK_EQ(f.ranges.op->range_count, 1);
		CHECK_EQ(f.ranges.op->ranges[0].offset, 5);
		CHECK_EQ(f.ranges.op->ranges[0].length, 7);
		CHECK_EQ(f.ranges.op->ranges[0].exclusive, cases[i].exclusive);
	}
}

/* done: how many are carried out; with fewer than all the request fails afterwards. 0: nothing is. */
TEST(several_elements)
{
	static const struct {
		uint32_t flags[3];
		uint16_t done;
	} cases[] = {
		{{SHARED | NOW, EXCLUSIVE | NOW, SHARED | NOW}, 3},
		{{UNLOCK, UNLOCK, UNLOCK}, 3},
		/* only a lone one may wait */
		{{SHARED | NOW, EXCLUSIVE, SHARED | NOW}, 0},
		{{SHARED, SHARED | NOW, SHARED | NOW}, 0},
		{{SHARED | NOW, UNLOCK, SHARED | NOW}, 0},
		/* an unlock among locks: those before it are not taken back */
		{{SHARED | NOW, UNLOCK | NOW, SHARED | NOW}, 1},
		{{SHARED | NOW, SHARED | NOW, SHARED | UNLOCK | NOW}, 2},
		/* a lock among unlocks: those before it are done */
		{{UNLOCK, SHARED, UNLOCK}, 1},
		{{UNLOCK, UNLOCK, EXCLUSIVE | NOW}, 2},
		{{UNLOCK, UNLOCK | SHARED, UNLOCK}, 1},
		/* flags that mean nothing: nothing is locked */
		{{SHARED | NOW, SHARED | EXCLUSIVE | NOW, SHARED | NOW}, 0},
		{{SHARED | NOW, SHARED | NOW, NOW}, 0},
		{{0, SHARED | NOW, SHARED | NOW}, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(teardown) struct fixture f;

		setup(&f);
		for (size_t k = 0; k < 3; k++)
			add(&f, 10 * k, 1, cases[i].flags[k]);
		CHECK_ST(decode(&f, 3),
			 cases[i].done ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
		if (!cases[i].done)
			continue;
		CHECK_EQ(f.ranges.op->range_count, cases[i].done);
		CHECK_ST(f.ranges.rest,
			 cases[i].done == 3 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
		CHECK(!f.ranges.op->wait_if_held);
	}
}

TEST(counts)
{
	static const struct {
		uint16_t count, sent;
		bool allowed;
	} cases[] = {
		{0, 1, false},
		{1, 1, true},
		{2, 1, false},
		{STATE_RANGES_MAX, STATE_RANGES_MAX, true},
		{STATE_RANGES_MAX + 1, STATE_RANGES_MAX + 1, false},
		{UINT16_MAX, 1, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(teardown) struct fixture f;

		setup(&f);
		for (size_t k = 0; k < cases[i].sent; k++)
			add(&f, k, 1, UNLOCK);
		CHECK_ST(decode(&f, cases[i].count),
			 cases[i].allowed ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
	}
}

TEST(the_part_before_the_elements)
{
	struct lock_request l = {0};
	struct rd r = rd_of(BYTES(48, 0, 2, 0, 0x35, 0, 0, 0, /* */
				  1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0));

	CHECK_ST(lock_request_decode(&r, &l), STATUS_SUCCESS);
	CHECK_EQ(l.count, 2);
	CHECK_EQ(l.sequence, 0x35);
	CHECK(l.id.persistent_id == 0x0807060504030201);
	CHECK(l.id.volatile_id == 9);
	CHECK_EQ(rd_left(&r), 0);
}

TEST(the_part_before_the_elements_cut)
{
	static const uint8_t whole[24] = {48, 0, 1};

	for (size_t len = 0; len < sizeof(whole); len++) {
		struct rd r = rd_of(span_of(whole, len));
		struct lock_request l;

		CHECK_ST(lock_request_decode(&r, &l), STATUS_INVALID_PARAMETER);
	}
}

TEST_MAIN()
