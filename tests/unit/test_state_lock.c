/* test_state_lock.c - byte-range locks: tables, and waiting ones; against a model: test_state_lock_model.c */
#include "state_rig.h"

#define LAST UINT64_MAX /* the last byte there can be */

static struct state_result lock(struct rig *r, uint64_t open, uint64_t offset,
				uint64_t length, bool exclusive)
{
	return rig_do(
		r, &(struct state_op){.code = STATE_LOCK, .open = open, .range_count = 1},
		&(struct state_range){offset, length, exclusive});
}

static struct state_result unlock(struct rig *r, uint64_t open, uint64_t offset,
				  uint64_t length)
{
	return rig_do(
		r,
		&(struct state_op){.code = STATE_UNLOCK, .open = open, .range_count = 1},
		&(struct state_range){offset, length, false});
}

/* [MS-FSA] 2.1.4.10: one holds the first range, another asks for the second. */
TEST(ranges_that_conflict)
{
	static const struct {
		uint64_t off1, len1;
		uint64_t off2, len2;
		bool overlap;
	} cases[] = {
		{10, 5, 10, 5, true},
		{10, 5, 14, 1, true},
		{10, 5, 15, 1, false},
		{10, 5, 9, 1, false},
		{10, 5, 9, 2, true},
		{10, 5, 0, UINT64_MAX, true},
		{0, 1, 0, 1, true},
		{0, 0, 0, 10, false}, /* {0, 0} overlaps nothing */
		{0, 10, 0, 0, false},
		{0, 0, 0, 0, false},
		{10, 5, 12, 0, true}, /* an empty range lies between two bytes */
		{10, 5, 10, 0, false},
		{10, 5, 15, 0, false},
		{12, 0, 10, 5, true},
		{12, 0, 12, 0, false},
		{12, 0, 12, 1, false},
		{12, 0, 11, 1, false},
		{12, 0, 11, 2, true},
		{UINT64_MAX, 1, UINT64_MAX, 1, true},
		{UINT64_MAX, 1, UINT64_MAX - 1, 1, false},
		{UINT64_MAX, 1, 1, UINT64_MAX, true},
		{0, UINT64_MAX, UINT64_MAX, 1, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (unsigned kinds = 0; kinds < 4; kinds++) {
			bool conflict = cases[i].overlap && kinds;
			struct rig r;

			rig_init(&r);
			rig_open(&r, 1);
			rig_open(&r, 2);
			CHECK_ST(lock(&r, 1, cases[i].off1, cases[i].len1, kinds & 1)
					 .status,
				 STATUS_SUCCESS);
			CHECK_ST(lock(&r, 2, cases[i].off2, cases[i].len2, kinds & 2)
					 .status,
				 conflict ? STATUS_LOCK_NOT_GRANTED : STATUS_SUCCESS);
			rig_simple(&r, STATE_CLOSE, 1);
			rig_simple(&r, STATE_CLOSE, 2);
			rig_fini(&r);
		}
	}
}

/* [MS-FSA] 2.1.5.8, 2.1.5.9: bytes beyond the last there can be */
TEST(ranges_that_cannot_be)
{
	static const struct {
		uint64_t offset, length;
		bool valid;
	} cases[] = {
		{LAST, 0, true},       {LAST, 1, true},       {LAST, 2, false},
		{0, UINT64_MAX, true}, {1, UINT64_MAX, true}, {2, UINT64_MAX, false},
		{LAST, LAST, false},   {LAST - 1, 2, true},   {LAST - 1, 3, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		nt_status want = cases[i].valid ? STATUS_SUCCESS
						: STATUS_INVALID_LOCK_RANGE;
		struct rig r;

		rig_init(&r);
		rig_open(&r, 1);
		CHECK_ST(lock(&r, 1, cases[i].offset, cases[i].length, true).status,
			 want);
		CHECK_ST(unlock(&r, 1, cases[i].offset, cases[i].length).status, want);
		rig_simple(&r, STATE_CLOSE, 1);
		rig_fini(&r);
	}
}

/* [MS-FSA] 2.1.4.10: what READ and WRITE may do beside a lock, by its owner and by another */
TEST(locks_and_data)
{
	static const struct {
		bool exclusive, own, write, conflict;
	} cases[] = {
		{false, true, false, false},  {false, true, true, true},
		{false, false, false, false}, {false, false, true, true},
		{true, true, false, false},   {true, true, true, false},
		{true, false, false, true},   {true, false, true, true},
	};
	nt_status want;
	struct rig r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t who = cases[i].own ? 1 : 2;

		rig_init(&r);
		rig_open(&r, 1);
		lock(&r, 1, 10, 10, cases[i].exclusive);
		want = cases[i].conflict ? STATUS_FILE_LOCK_CONFLICT : STATUS_SUCCESS;
		CHECK_ST(state_io_check(r.node, 0, who, 19, 1, cases[i].write), want);
		CHECK_ST(state_io_check(r.node, 0, who, 0, 11, cases[i].write), want);
		CHECK_ST(state_io_check(r.node, 0, who, 5, UINT64_MAX, cases[i].write),
			 want); /* past the end of numbers: up to it */
		CHECK_ST(state_io_check(r.node, 0, who, 20, 5, cases[i].write),
			 STATUS_SUCCESS);
		CHECK_ST(state_io_check(r.node, 0, who, 0, 10, cases[i].write),
			 STATUS_SUCCESS);
		CHECK_ST(state_io_check(r.node, 0, who, 15, 0, cases[i].write),
			 STATUS_SUCCESS); /* no bytes: 2.1.5.3 */
		rig_simple(&r, STATE_CLOSE, 1);
		CHECK_ST(state_io_check(r.node, 0, who, 10, 1, true), STATUS_SUCCESS);
		rig_fini(&r);
	}
}

/* [MS-FSA] 2.1.5.9: ranges are not joined, split or counted; the exclusive lock goes first. */
TEST(unlock_wants_the_exact_range_of_the_same_open)
{
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	rig_open(&r, 2);
	lock(&r, 1, 0, 10, false);
	lock(&r, 1, 10, 10, false);
	CHECK_ST(unlock(&r, 1, 0, 20).status, STATUS_RANGE_NOT_LOCKED);
	CHECK_ST(unlock(&r, 1, 0, 5).status, STATUS_RANGE_NOT_LOCKED);
	CHECK_ST(unlock(&r, 2, 0, 10).status, STATUS_RANGE_NOT_LOCKED);
	CHECK_ST(unlock(&r, 1, 0, 10).status, STATUS_SUCCESS);
	CHECK_ST(unlock(&r, 1, 0, 10).status, STATUS_RANGE_NOT_LOCKED);
	lock(&r, 1, 30, 1, true);
	lock(&r, 1, 30, 1, false); /* on top of one's own */
	lock(&r, 1, 30, 1, false);
	CHECK_ST(lock(&r, 1, 30, 1, true).status, STATUS_LOCK_NOT_GRANTED);
	CHECK_ST(unlock(&r, 1, 30, 1).status, STATUS_SUCCESS);
	CHECK_ST(state_io_check(r.node, 0, 2, 30, 1, false), STATUS_SUCCESS);
	CHECK_ST(state_io_check(r.node, 0, 2, 30, 1, true), STATUS_FILE_LOCK_CONFLICT);
	unlock(&r, 1, 30, 1);
	CHECK_ST(state_io_check(r.node, 0, 2, 30, 1, true), STATUS_FILE_LOCK_CONFLICT);
	unlock(&r, 1, 30, 1);
	CHECK_ST(state_io_check(r.node, 0, 2, 30, 1, true), STATUS_SUCCESS);
	rig_simple(&r, STATE_CLOSE, 1);
	rig_simple(&r, STATE_CLOSE, 2);
	rig_fini(&r);
}

/* [MS-SMB2] 3.3.5.14.2: a LOCK that fails gives back; 3.3.5.14.1: an UNLOCK that fails does not. */
TEST(several_ranges)
{
	static const struct state_range ranges[] = {
		{0, 1, true}, {2, 1, true}, {4, 1, true}};
	struct state_op op = {.code = STATE_LOCK, .open = 1, .range_count = 3};
	struct state_result res;
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	rig_open(&r, 2);
	lock(&r, 2, 4, 1, false);
	res = rig_do(&r, &op, ranges);
	CHECK_ST(res.status, STATUS_LOCK_NOT_GRANTED);
	CHECK_EQ(res.failed_range, 2);
	CHECK_ST(state_io_check(r.node, 0, 2, 0, 4, true), STATUS_SUCCESS);
	unlock(&r, 2, 4, 1);
	CHECK_ST(rig_do(&r, &op, ranges).status, STATUS_SUCCESS);
	unlock(&r, 1, 2, 1);
	op.code = STATE_UNLOCK;
	res = rig_do(&r, &op, ranges);
	CHECK_ST(res.status, STATUS_RANGE_NOT_LOCKED);
	CHECK_EQ(res.failed_range, 1);
	CHECK_ST(state_io_check(r.node, 0, 2, 0, 1, true), STATUS_SUCCESS);
	CHECK_ST(state_io_check(r.node, 0, 2, 4, 1, true), STATUS_FILE_LOCK_CONFLICT);
	rig_simple(&r, STATE_CLOSE, 1);
	rig_simple(&r, STATE_CLOSE, 2);
	rig_fini(&r);
}

TEST(locks_need_an_open)
{
	struct rig r;

	rig_init(&r);
	CHECK_ST(lock(&r, 1, 0, 1, true).status, STATUS_FILE_CLOSED);
	CHECK_ST(unlock(&r, 1, 0, 1).status, STATUS_FILE_CLOSED);
	CHECK_ST(state_io_check(r.node, 0, 2, 0, 1, true), STATUS_SUCCESS);
	rig_fini(&r);
}

/* One client shall not fill our memory with locks. */
TEST(an_open_has_a_limit_of_locks)
{
	enum { LIMIT = 16384 };
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	rig_open(&r, 2);
	for (uint64_t i = 0; i < LIMIT / 64; i++) {
		struct state_op op = {.code = STATE_LOCK, .open = 1, .range_count = 64};
		struct state_range ranges[64];

		for (uint64_t k = 0; k < 64; k++)
			ranges[k] = (struct state_range){0, 0, true};
		CHECK_ST(rig_do(&r, &op, ranges).status, STATUS_SUCCESS);
	}
	CHECK_ST(lock(&r, 1, 5, 1, true).status, STATUS_INSUFFICIENT_RESOURCES);
	CHECK_ST(lock(&r, 2, 5, 1, true).status, STATUS_SUCCESS);
	CHECK_ST(unlock(&r, 1, 0, 0).status, STATUS_SUCCESS);
	CHECK_ST(lock(&r, 1, 6, 1, true).status, STATUS_SUCCESS);
	rig_simple(&r, STATE_CLOSE, 1);
	rig_simple(&r, STATE_CLOSE, 2);
	rig_fini(&r);
}

static void wait_for(struct rig *r, struct rig_op *o, uint64_t open, uint64_t offset,
		     uint64_t length, bool exclusive)
{
	rig_start(r, o,
		  &(struct state_op){.code = STATE_LOCK,
				     .open = open,
				     .range_count = 1,
				     .wait_if_held = true},
		  &(struct state_range){offset, length, exclusive});
}

/* So many that whoever looked at all of them each time would not be done before this test's time is up. */
TEST(many_locks_are_in_nobodys_way)
{
	enum { OPENS = 8, OF_ONE = 16384, WAITING = 500, ROUNDS = 4000 };
	static struct rig_op waiting[WAITING];
	struct state_range ranges[64];
	struct rig r;

	rig_init(&r);
	for (uint64_t i = 0; i < OPENS + 2; i++)
		rig_open(&r, i);
	for (uint64_t i = 0; i < OPENS * OF_ONE; i += ARRAY_LEN(ranges)) {
		struct state_op op = {
			.code = STATE_LOCK, .open = i / OF_ONE, .range_count = 64};

		for (uint64_t k = 0; k < ARRAY_LEN(ranges); k++)
			ranges[k] = (struct state_range){10 + 2 * (i + k), 1, true};
		CHECK_ST(rig_do(&r, &op, ranges).status, STATUS_SUCCESS);
	}
	CHECK_ST(lock(&r, OPENS, 0, 1, true).status, STATUS_SUCCESS);
	for (size_t i = 0; i < WAITING; i++)
		wait_for(&r, &waiting[i], OPENS + 1, 0, 1, true);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_ST(lock(&r, OPENS, 11, 1, true).status, STATUS_SUCCESS);
		CHECK_ST(state_io_check(r.node, 0, OPENS, 9, 1, true), STATUS_SUCCESS);
		CHECK_ST(unlock(&r, OPENS, 11, 1).status, STATUS_SUCCESS);
	}
	for (uint64_t i = 0; i < OPENS + 2; i++) {
		for (size_t k = 0; i == OPENS + 1 && k < WAITING; k++)
			if (!waiting[k].ended &&
			    wait_claim(&waiting[k].wait, WAIT_CLOSED))
				wait_now(&waiting[k].wait, -ECANCELED);
		rig_simple(&r, STATE_CLOSE, i);
	}
	for (size_t k = 0; k < WAITING; k++)
		rig_end(&waiting[k]);
	rig_fini(&r);
}

TEST(waiting_locks_are_granted_oldest_first)
{
	struct rig_op o[4];
	struct rig r;

	rig_init(&r);
	for (uint64_t i = 1; i <= 5; i++)
		rig_open(&r, i);
	wait_for(&r, &o[0], 1, 0, 10, true); /* nobody has it */
	rig_end(&o[0]);
	CHECK_ST(o[0].result.status, STATUS_SUCCESS);
	wait_for(&r, &o[0], 2, 0, 5, false);
	wait_for(&r, &o[1], 3, 4, 5, true);
	wait_for(&r, &o[2], 4, 0, 4, false);
	wait_for(&r, &o[3], 5, 8, 2, true);
	CHECK(!o[0].ended && !o[1].ended && !o[2].ended && !o[3].ended);
	unlock(&r, 1, 0, 10);
	CHECK(o[0].ended && !o[1].ended && o[2].ended && o[3].ended);
	unlock(&r, 2, 0, 5);
	CHECK(!o[1].ended); /* 5 has byte 8 */
	rig_simple(&r, STATE_CLOSE, 5);
	CHECK(o[1].ended);
	for (size_t i = 0; i < 4; i++) {
		CHECK_ST(o[i].result.status, STATUS_SUCCESS);
		CHECK_EQ(o[i].wait.why, WAIT_GRANTED);
		rig_end(&o[i]);
	}
	for (uint64_t i = 1; i <= 4; i++)
		rig_simple(&r, STATE_CLOSE, i);
	rig_fini(&r);
}

TEST(a_waiting_lock_that_cannot_be_does_not_wait)
{
	struct rig_op o;
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	wait_for(&r, &o, 1, LAST, 2, true);
	CHECK_ST(o.result.status, STATUS_INVALID_LOCK_RANGE);
	rig_end(&o);
	wait_for(&r, &o, 2, 0, 1, true);
	CHECK_ST(o.result.status, STATUS_FILE_CLOSED);
	rig_end(&o);
	rig_simple(&r, STATE_CLOSE, 1);
	rig_fini(&r);
}

TEST(a_cancelled_lock_is_forgotten)
{
	struct rig_op o, next;
	struct rig r;

	rig_init(&r);
	for (uint64_t i = 1; i <= 3; i++)
		rig_open(&r, i);
	lock(&r, 1, 0, 1, true);
	wait_for(&r, &o, 2, 0, 1, true);
	wait_for(&r, &next, 3, 0, 1, true);
	CHECK(wait_claim(&o.wait, WAIT_CANCELLED));
	unlock(&r, 1, 0,
	       1); /* granted, as on any other replica, which knows of no cancel */
	CHECK(!o.ended && !next.ended);
	state_lock_forget(r.state, o.op, &o.wait); /* given back */
	state_lock_forget(r.state, o.op, &o.wait); /* not there any more */
	box_run(&r.box);
	CHECK(!o.ended && next.ended);
	wait_post(&o.wait, -ECANCELED);
	box_run(&r.box);
	CHECK_EQ(o.wait.err, -ECANCELED);
	rig_end(&o);
	rig_end(&next);
	CHECK_ST(state_io_check(r.node, 0, 2, 0, 1, false), STATUS_FILE_LOCK_CONFLICT);
	for (uint64_t i = 1; i <= 3; i++)
		rig_simple(&r, STATE_CLOSE, i);
	rig_fini(&r);
}

/* Cancelled between parking and state_apply(): no lock, and only the canceller ends it. */
TEST(a_lock_cancelled_on_its_way_has_no_effect)
{
	struct state_op *op = calloc(1, state_op_len(1));
	struct rig_op o = {.op = op};
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	rig_open(&r, 2);
	for (int held = 0; held < 2; held++) {
		*op = (struct state_op){.code = STATE_LOCK,
					.node = rig_key,
					.open = 1,
					.range_count = 1,
					.wait_id = 1,
					.wait_if_held = true};
		op->ranges[0] = (struct state_range){0, 1, true};
		wait_init(&o.wait, &r.box.mb);
		wait_park(&o.wait, rig_ended);
		CHECK(wait_claim(&o.wait, WAIT_CANCELLED));
		state_apply(r.state, NULL, op, &o.result, &o.wait);
		box_run(&r.box);
		CHECK(!o.ended);
		state_lock_forget(r.state, op, &o.wait);
		wait_now(&o.wait, -ECANCELED);
		box_run(&r.box);
		CHECK(o.ended);
		o.ended = false;
		CHECK_ST(lock(&r, 2, 5, 1, true).status,
			 held ? STATUS_LOCK_NOT_GRANTED : STATUS_SUCCESS);
		CHECK_ST(lock(&r, 2, 0, 1, true).status,
			 held ? STATUS_LOCK_NOT_GRANTED : STATUS_SUCCESS);
	}
	free(op);
	rig_simple(&r, STATE_CLOSE, 1);
	rig_simple(&r, STATE_CLOSE, 2);
	rig_fini(&r);
}

static void follow(struct state *s, const struct state_op *what, uint64_t offset)
{
	struct state_op *op = calloc(1, state_op_len(1));

	CHECK(op);
	*op = *what;
	op->node = rig_key;
	if (op->code == STATE_LOCK) {
		op->range_count = 1;
		op->ranges[0] = (struct state_range){offset, 1, true};
	}
	CHECK_EQ(state_follow(s, op), 0);
	free(op);
}

/* A replica that nobody asks: locks wait there for others, are granted and forgotten, and opens keep their files. */
TEST(a_replica_follows_without_anybody_waiting)
{
	struct state *s = state_new(7, rig_hash_key);
	struct state_node *n;

	CHECK(s);
	for (uint64_t i = 1; i <= 3; i++)
		follow(s, &(struct state_op){.code = STATE_RESERVE, .open = i}, 0);
	CHECK_EQ(state_node_count(s), 1);
	for (uint64_t i = 1; i <= 3; i++)
		follow(s,
		       &(struct state_op){.code = STATE_LOCK,
					  .open = i,
					  .wait_if_held = true,
					  .wait_id = i},
		       4);
	follow(s, &(struct state_op){.code = STATE_FORGET, .open = 2, .wait_id = 2}, 0);
	follow(s, &(struct state_op){.code = STATE_CLOSE, .open = 1}, 0);
	n = state_node_get(s, &rig_key);
	CHECK_ST(state_io_check(n, 0, 2, 4, 1, true), STATUS_FILE_LOCK_CONFLICT);
	CHECK_ST(state_io_check(n, 0, 3, 4, 1, false), STATUS_SUCCESS);
	state_node_put(n);
	for (uint64_t i = 2; i <= 3; i++)
		follow(s, &(struct state_op){.code = STATE_CLOSE, .open = i}, 0);
	CHECK_EQ(state_node_count(s), 0);
	follow(s, &(struct state_op){.code = STATE_RESERVE, .open = 1}, 0);
	state_free(s); /* with what is left in it */
}

/* Held ones first, then those that wait; nobody else's. */
TEST(the_locks_of_an_open_can_be_looked_at)
{
	struct rig r;
	struct rig_op waiting;
	struct state_open_lock seen[4];
	struct state_open open;

	rig_init(&r);
	rig_open(&r, 1);
	rig_open(&r, 2);
	lock(&r, 1, 0, 10, true);
	lock(&r, 1, 20, 5, false);
	lock(&r, 2, 40, 1, true);
	wait_for(&r, &waiting, 1, 40, 1, true);
	CHECK_EQ(state_open_locks(r.node, 0, 1, 0, seen, 4), 3);
	CHECK_EQ(seen[0].range.length, 10);
	CHECK(seen[0].range.exclusive && !seen[0].waiting);
	CHECK_EQ(seen[1].range.offset, 20);
	CHECK(!seen[1].range.exclusive);
	CHECK(seen[2].waiting && seen[2].range.offset == 40);
	CHECK_EQ(state_open_locks(r.node, 0, 1, 1, seen, 1), 1);
	CHECK_EQ(seen[0].range.offset, 20);
	CHECK_EQ(state_open_locks(r.node, 0, 1, 3, seen, 4), 0);
	CHECK_EQ(state_open_locks(r.node, 1, 1, 0, seen, 4), 0); /* another server's */
	CHECK(state_open_look(r.node, 0, 1, &open));
	CHECK_EQ(open.lock_count, 2);
	CHECK(!state_open_look(r.node, 0, 3, &open));
	rig_simple(&r, STATE_CLOSE, 2);
	rig_end(&waiting);
	CHECK_EQ(state_open_locks(r.node, 0, 1, 2, seen, 4), 1);
	CHECK(!seen[0].waiting); /* it has it now */
	rig_simple(&r, STATE_CLOSE, 1);
	rig_fini(&r);
}

TEST_MAIN()
