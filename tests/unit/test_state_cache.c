/* test_state_cache.c - who holds oplocks and leases, who is told of breaks, and who waits: fs/state_cache.c. */
#include "state_rig.h"

enum {
	R = CACHING_READ,
	RH = CACHING_READ | CACHING_HANDLE,
	RWH = CACHING_ALL,
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	TOLD_MAX = 16,
};

struct told {
	struct state_sink sink;
	struct state_break breaks[TOLD_MAX];
	size_t count;
	uint64_t unknown;             /* the open that nobody has heard of yet */
	struct state_node *registers; /* or it gets known while it is told */
};

static bool tell(struct state_sink *s, const struct state_break *b)
{
	struct told *t = container_of(s, struct told, sink);

	CHECK(t->count < TOLD_MAX);
	if (t->unknown && t->unknown == b->open) {
		if (t->registers) {
			t->unknown = 0;
			state_tell_again(t->registers,
					 &(struct state_op){.open = b->open});
		}
		return false;
	}
	t->breaks[t->count++] = *b;
	return true;
}

struct scene {
	struct rig rig;
	struct told told;
};

static void scene_init(struct scene *s)
{
	*s = (struct scene){.told.sink.tell = tell};
	rig_init(&s->rig);
	state_set_sink(s->rig.state, &s->told.sink);
}

static void scene_fini(struct scene *s)
{
	CHECK_EQ(state_open_count(s->rig.node), 0);
	CHECK(!state_is_cached(s->rig.node));
	rig_fini(&s->rig);
}

/* An open that reads, by an oplock (key 0) or the lease of that key. */
static struct state_op by(uint64_t open, uint8_t key)
{
	struct state_op op = {
		.open = open,
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.share = SHARE_ALL,
		.lease_version = key ? 2 : 0,
		.epoch = 7,
		.now_ms = 1000,
	};

	op.lease.key[0] = key;
	return op;
}

static struct state_result run(struct scene *s, struct state_op op, enum state_code code)
{
	op.code = code;
	return rig_do(&s->rig, &op, NULL);
}

static struct state_result grant(struct scene *s, struct state_op op, uint8_t want)
{
	CHECK_ST(run(s, op, STATE_RESERVE).status, STATUS_SUCCESS);
	op.caching = want;
	return run(s, op, STATE_COMMIT);
}

static struct state_result ack(struct scene *s, struct state_op op, uint8_t kept)
{
	op.caching = kept;
	return run(s, op, STATE_ACK);
}

/* The next break that was told: to what; and no further one. */
static uint8_t told_to(struct scene *s)
{
	CHECK_EQ(s->told.count, 1);
	s->told.count = 0;
	return s->told.breaks[0].notice.to;
}

TEST(a_second_open_waits_for_the_first_oplock)
{
	struct scene s;

	scene_init(&s);
	CHECK_EQ(grant(&s, by(1, 0), RWH).caching, RWH);
	CHECK_ST(run(&s, by(2, 0), STATE_RESERVE).status, STATUS_PENDING);
	CHECK_EQ(told_to(&s), R);
	CHECK_EQ(s.told.breaks[0].open, 1);
	CHECK_EQ(state_open_count(s.rig.node), 1); /* nothing was reserved */
	CHECK_ST(run(&s, by(2, 0), STATE_RESERVE).status, STATUS_PENDING);
	CHECK_EQ(s.told.count, 0); /* told once */
	CHECK_EQ(ack(&s, by(1, 0), R).caching, R);
	CHECK_EQ(grant(&s, by(2, 0), RWH).caching, R);
	run(&s, by(1, 0), STATE_CLOSE);
	run(&s, by(2, 0), STATE_CLOSE);
	scene_fini(&s);
}

/* Between COMMIT and the moment when the client's open can be found. */
TEST(a_break_before_its_open_is_known_is_told_when_it_is)
{
	struct state_op use = by(2, 0);
	struct scene s;

	use.use = CACHING_USE_WRITE;
	for (int meanwhile = 0; meanwhile < 2; meanwhile++) {
		scene_init(&s);
		CHECK_EQ(grant(&s, by(1, 0), R).caching, R);
		s.told.unknown = 1;
		s.told.registers = meanwhile ? s.rig.node : NULL;
		run(&s, use, STATE_USE);
		CHECK_EQ(s.told.count, (size_t)meanwhile);
		s.told.unknown = 0;
		state_tell_again(s.rig.node, &(struct state_op){.open = 1});
		CHECK_EQ(told_to(&s), 0);
		state_tell_again(s.rig.node, &(struct state_op){.open = 1});
		CHECK_EQ(s.told.count, 0); /* once */
		run(&s, by(1, 0), STATE_CLOSE);
		scene_fini(&s);
	}
}

TEST(opens_of_one_lease_leave_each_other_alone)
{
	struct scene s;
	struct state_result r;

	scene_init(&s);
	r = grant(&s, by(1, 9), R);
	CHECK_EQ(r.caching, R);
	CHECK_EQ(r.epoch, 8);
	r = grant(&s, by(2, 9), RWH); /* promoted */
	CHECK_EQ(r.caching, RWH);
	CHECK_EQ(r.epoch, 9);
	r = grant(&s, by(3, 9), R); /* never demoted */
	CHECK_EQ(r.caching, RWH);
	CHECK_EQ(r.epoch, 9);
	CHECK_EQ(s.told.count, 0);
	for (uint64_t i = 1; i <= 3; i++)
		run(&s, by(i, 9), STATE_CLOSE);
	scene_fini(&s);
}

TEST(a_lease_goes_with_its_last_open)
{
	struct node_key key;
	struct lease_id id = {.key = {9}};
	uint64_t opens[4];
	struct scene s;

	scene_init(&s);
	grant(&s, by(1, 9), RWH);
	grant(&s, by(2, 9), RWH);
	CHECK_EQ(state_lease_opens(s.rig.state, &rig_key, &id, opens, 4), 2);
	CHECK_EQ(opens[0], 1); /* the oldest first */
	run(&s, by(1, 9), STATE_CLOSE);
	CHECK(state_lease_find(s.rig.state, &id, &key));
	CHECK(node_key_eq(&key, &rig_key));
	run(&s, by(2, 9), STATE_CLOSE);
	CHECK(!state_lease_find(s.rig.state, &id, &key));
	CHECK_ST(ack(&s, by(1, 9), 0).status, STATUS_OBJECT_NAME_NOT_FOUND);
	scene_fini(&s);
}

/* [MS-SMB2] 3.3.5.9.8 */
TEST(a_key_is_for_one_file)
{
	const struct node_key other = {.volume = 1, .inode = 77};
	struct state_op op = by(2, 9);
	struct state_node *n;
	struct scene s;
	struct rig_op o;

	scene_init(&s);
	n = state_node_get(s.rig.state, &other);
	CHECK(n);
	grant(&s, by(1, 9), R);
	op.code = STATE_RESERVE;
	op.node = other;
	wait_init(&o.wait, &s.rig.box.mb);
	state_apply(s.rig.state, NULL, &op, &o.result, wait_arm(&o.wait, rig_ended));
	box_run(&s.rig.box);
	CHECK_ST(o.result.status, STATUS_INVALID_PARAMETER);
	op.lease.client[0] = 1; /* another client's key is another key */
	state_apply(s.rig.state, NULL, &op, &o.result, wait_arm(&o.wait, rig_ended));
	box_run(&s.rig.box);
	CHECK_ST(o.result.status, STATUS_SUCCESS);
	op.code = STATE_WITHDRAW;
	state_apply(s.rig.state, NULL, &op, &o.result, wait_arm(&o.wait, rig_ended));
	box_run(&s.rig.box);
	state_node_put(n);
	run(&s, by(1, 9), STATE_CLOSE);
	scene_fini(&s);
}

/* [MS-FSA] 2.1.5.1.2: share modes are looked at again once handles were given up. */
TEST(handles_go_before_an_open_is_refused)
{
	struct state_op first = by(1, 9), second = by(2, 8);
	struct scene s;

	scene_init(&s);
	first.share = FILE_SHARE_READ;
	grant(&s, first, RH);
	CHECK_ST(run(&s, second, STATE_RESERVE).status, STATUS_PENDING);
	CHECK_EQ(told_to(&s), R);
	CHECK_EQ(ack(&s, first, R).caching, R);
	CHECK_ST(run(&s, second, STATE_RESERVE).status, STATUS_SHARING_VIOLATION);
	run(&s, first, STATE_CLOSE);
	CHECK_ST(run(&s, second, STATE_RESERVE).status, STATUS_SUCCESS);
	run(&s, second, STATE_WITHDRAW);
	scene_fini(&s);
}

/* Who waits until nobody caches a handle any more asks USE_NAME to see to it: what one sees, the other has to break. */
TEST(handles_are_cached_by_what_a_use_of_the_name_breaks)
{
	static const uint8_t held[] = {R, R | CACHING_WRITE, RH, RWH};

	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		for (uint8_t key = 0; key < 2; key++) {
			const struct state_op use = {
				.open = 2, .use = CACHING_USE_NAME, .now_ms = 1000};
			bool cached;
			struct scene s;

			if (!key && held[i] == RH)
				continue; /* no oplock */
			scene_init(&s);
			(void)grant(&s, by(1, key), held[i]);
			cached = state_is_handle_cached(s.rig.node);
			CHECK_EQ(cached, (held[i] & CACHING_HANDLE) != 0);
			CHECK_ST(run(&s, use, STATE_USE).status,
				 cached ? STATUS_PENDING : STATUS_SUCCESS);
			(void)run(&s, by(1, key), STATE_CLOSE);
			scene_fini(&s);
		}
}

TEST(an_exclusive_oplock_does_not_hide_a_violation)
{
	struct state_op first = by(1, 0);
	struct scene s;

	scene_init(&s);
	first.share = 0;
	grant(&s, first, CACHING_READ | CACHING_WRITE);
	CHECK_ST(run(&s, by(2, 0), STATE_RESERVE).status, STATUS_SHARING_VIOLATION);
	CHECK_EQ(s.told.count, 0);
	run(&s, first, STATE_CLOSE);
	scene_fini(&s);
}

TEST(stat_opens_break_nothing_and_are_in_nobodys_way)
{
	struct state_op stat = by(2, 0);
	struct scene s;

	scene_init(&s);
	stat.access = FILE_READ_ATTRIBUTES;
	grant(&s, stat, 0);
	CHECK_EQ(grant(&s, by(1, 0), RWH).caching, RWH);
	stat.open = 3;
	CHECK_ST(run(&s, stat, STATE_RESERVE).status, STATUS_SUCCESS);
	CHECK_EQ(s.told.count, 0);
	for (uint64_t i = 1; i <= 3; i++)
		run(&s, by(i, 0), STATE_CLOSE);
	scene_fini(&s);
}

TEST(writes_break_what_others_read)
{
	struct state_op use = by(3, 0);
	struct scene s;

	scene_init(&s);
	grant(&s, by(1, 9), RH);
	grant(&s, by(2, 8), RH);
	grant(&s, by(3, 0), 0);
	CHECK(state_is_cached(s.rig.node));
	use.use = CACHING_USE_WRITE;
	CHECK_ST(run(&s, use, STATE_USE).status,
		 STATUS_SUCCESS); /* nobody is waited for */
	CHECK_EQ(s.told.count, 2);
	s.told.count = 0;
	CHECK_ST(run(&s, use, STATE_USE).status, STATUS_SUCCESS);
	CHECK_EQ(s.told.count, 0);
	for (uint64_t i = 1; i <= 3; i++)
		run(&s, by(i, i == 1 ? 9 : i == 2 ? 8 : 0), STATE_CLOSE);
	scene_fini(&s);
}

/* Whoever has WRITE is alone: his writes need not look for others. */
TEST(a_sole_writer_is_not_cached)
{
	struct scene s;

	scene_init(&s);
	grant(&s, by(1, 9), RWH);
	CHECK(!state_is_cached(s.rig.node));
	run(&s, by(1, 9), STATE_CLOSE);
	scene_fini(&s);
}

/* ---- waiting ------------------------------------------------------------------------------------------------- */

struct waiting {
	struct state_waiter waiter;
	struct wait wait;
	bool ended;
};

static void wait_ended(struct wait *w)
{
	container_of(w, struct waiting, wait)->ended = true;
}

static uint64_t wait_for(struct scene *s, struct waiting *w, struct state_op op)
{
	uint64_t since;

	*w = (struct waiting){0};
	wait_init(&w->wait, &s->rig.box.mb);
	since = state_wait(s->rig.node, &op, &w->waiter, wait_park(&w->wait, wait_ended));
	box_run(&s->rig.box);
	return since;
}

TEST(without_a_break_nobody_waits)
{
	struct waiting w;
	struct scene s;

	scene_init(&s);
	grant(&s, by(1, 0), RWH);
	CHECK_EQ(wait_for(&s, &w, by(2, 0)), 0);
	CHECK(w.ended);
	run(&s, by(1, 0), STATE_CLOSE);
	scene_fini(&s);
}

TEST(acknowledgement_close_and_time_end_waits)
{
	for (unsigned how = 0; how < 3; how++) {
		struct state_op op = by(1, 0);
		struct waiting w;
		struct scene s;

		scene_init(&s);
		grant(&s, by(1, 0), RWH);
		CHECK_ST(run(&s, by(2, 0), STATE_RESERVE).status, STATUS_PENDING);
		CHECK_EQ(wait_for(&s, &w, by(2, 0)), 1000);
		CHECK(!w.ended);
		op.now_ms = 1000 + STATE_ACK_WAIT_MS - 1;
		run(&s, op,
		    STATE_EXPIRE); /* too early: it looks again, and waits again */
		CHECK(w.ended);
		CHECK_EQ(wait_for(&s, &w, by(2, 0)), 1000);
		op.now_ms++;
		if (how == 0)
			CHECK_ST(ack(&s, by(1, 0), 0).status, STATUS_SUCCESS);
		else
			run(&s, op, how == 1 ? STATE_CLOSE : STATE_EXPIRE);
		CHECK(w.ended);
		CHECK_ST(run(&s, by(2, 0), STATE_RESERVE).status, STATUS_SUCCESS);
		run(&s, by(2, 0), STATE_WITHDRAW);
		if (how != 1)
			run(&s, by(1, 0), STATE_CLOSE);
		scene_fini(&s);
	}
}

/* The own lease's break is nothing to wait for. */
TEST(opens_of_a_lease_do_not_wait_for_their_own_break)
{
	struct waiting w;
	struct scene s;
	struct state_result r;

	scene_init(&s);
	grant(&s, by(1, 9), RWH);
	CHECK_ST(run(&s, by(2, 8), STATE_RESERVE).status, STATUS_PENDING);
	CHECK_EQ(wait_for(&s, &w, by(3, 9)), 0);
	r = grant(&s, by(3, 9), RWH);
	CHECK(r.breaking);
	CHECK_EQ(r.caching, RWH);
	run(&s, by(1, 9), STATE_CLOSE);
	run(&s, by(3, 9), STATE_CLOSE);
	scene_fini(&s);
}

TEST(a_claimed_wait_is_left_alone)
{
	struct waiting w;
	struct scene s;

	scene_init(&s);
	grant(&s, by(1, 0), RWH);
	CHECK_ST(run(&s, by(2, 0), STATE_RESERVE).status, STATUS_PENDING);
	CHECK_EQ(wait_for(&s, &w, by(2, 0)), 1000);
	CHECK(wait_claim(&w.wait, WAIT_CANCELLED));
	ack(&s, by(1, 0), R);
	CHECK(!w.ended);
	state_wait_forget(s.rig.node, &w.waiter);
	wait_now(&w.wait, -ECANCELED);
	box_run(&s.rig.box);
	CHECK(w.ended);
	run(&s, by(1, 0), STATE_CLOSE);
	scene_fini(&s);
}

/* ---- streams: [MS-FSA] 2.1.5.1.2.1 ----------------------------------------------------------------------------- */

struct two {
	struct scene s;
	struct state_node *stream;
	struct node_key key;
};

static void two_init(struct two *t)
{
	scene_init(&t->s);
	t->key = rig_key;
	t->key.stream = 5;
	t->stream = state_node_get(t->s.rig.state, &t->key);
	CHECK(t->stream);
}

static void two_fini(struct two *t)
{
	state_node_put(t->stream);
	scene_fini(&t->s);
}

static struct state_result on_stream(struct two *t, struct state_op op,
				     enum state_code code)
{
	struct rig_op o;

	op.code = code;
	op.node = t->key;
	o.ended = false;
	wait_init(&o.wait, &t->s.rig.box.mb);
	state_apply(t->s.rig.state, NULL, &op, &o.result, wait_arm(&o.wait, rig_ended));
	box_run(&t->s.rig.box);
	CHECK(o.ended);
	return o.result;
}

TEST(deleting_a_file_meets_the_opens_of_its_streams)
{
	struct state_op deleter = by(1, 0), other = by(2, 0);
	struct two t;

	two_init(&t);
	other.share = FILE_SHARE_READ | FILE_SHARE_WRITE;
	CHECK_ST(on_stream(&t, other, STATE_RESERVE).status, STATUS_SUCCESS);
	deleter.access = DELETE;
	CHECK_ST(run(&t.s, deleter, STATE_RESERVE).status, STATUS_SHARING_VIOLATION);
	CHECK_ST(run(&t.s, by(3, 0), STATE_RESERVE).status, STATUS_SUCCESS);
	on_stream(&t, other, STATE_CLOSE);
	CHECK_ST(run(&t.s, deleter, STATE_RESERVE).status, STATUS_SUCCESS);
	CHECK_ST(on_stream(&t, other, STATE_RESERVE).status, STATUS_SHARING_VIOLATION);
	run(&t.s, deleter, STATE_CLOSE);
	run(&t.s, by(3, 0), STATE_CLOSE);
	two_fini(&t);
}

TEST(a_file_goes_with_the_last_open_of_any_stream)
{
	struct state_op del = by(1, 0);
	struct two t;

	two_init(&t);
	CHECK_ST(on_stream(&t, by(2, 0), STATE_RESERVE).status, STATUS_SUCCESS);
	run(&t.s, by(1, 0), STATE_RESERVE);
	del.delete_pending = true;
	CHECK_ST(run(&t.s, del, STATE_SET_DELETE).status, STATUS_SUCCESS);
	CHECK(state_delete_pending(t.stream));
	CHECK_ST(on_stream(&t, by(3, 0), STATE_RESERVE).status, STATUS_DELETE_PENDING);
	CHECK(!run(&t.s, by(1, 0), STATE_CLOSE).remove_name);
	struct state_result r = on_stream(&t, by(2, 0), STATE_CLOSE);
	CHECK(r.remove_name);
	CHECK(!r.remove_stream);
	two_fini(&t);
}

/* What a file's replacement empties: its streams alone, and nobody is waited for. */
TEST(a_use_of_all_streams_breaks_each_of_them)
{
	struct state_op use = by(3, 0);
	struct two t;

	two_init(&t);
	grant(&t.s, by(1, 9), RH);
	CHECK_ST(on_stream(&t, by(2, 0), STATE_RESERVE).status, STATUS_SUCCESS);
	struct state_op commit = by(2, 0);
	commit.caching = RWH;
	CHECK_EQ(on_stream(&t, commit, STATE_COMMIT).caching, RWH);
	t.s.told.count = 0;
	use.use = CACHING_USE_WRITE;
	use.of_streams = true;
	CHECK_ST(run(&t.s, use, STATE_USE).status, STATUS_SUCCESS);
	CHECK_EQ(t.s.told.breaks[0].open, 2);
	CHECK_EQ(told_to(&t.s), 0);
	CHECK(state_is_cached(t.s.rig.node)); /* the file itself is nobody's matter */
	CHECK_ST(run(&t.s, use, STATE_USE).status, STATUS_SUCCESS);
	CHECK_EQ(t.s.told.count, 0);
	on_stream(&t, by(2, 0), STATE_CLOSE);
	CHECK_ST(run(&t.s, use, STATE_USE).status, STATUS_SUCCESS);
	CHECK_EQ(t.s.told.count, 0);
	run(&t.s, by(1, 9), STATE_CLOSE);
	two_fini(&t);
}

TEST(a_stream_goes_alone)
{
	struct state_op del = by(2, 0);
	struct two t;

	two_init(&t);
	del.delete_on_close = true;
	CHECK_ST(on_stream(&t, del, STATE_RESERVE).status, STATUS_SUCCESS);
	run(&t.s, by(1, 0), STATE_RESERVE);
	struct state_result r = on_stream(&t, del, STATE_CLOSE);
	CHECK(r.remove_stream);
	CHECK(!r.remove_name);
	CHECK_ST(run(&t.s, by(3, 0), STATE_RESERVE).status, STATUS_SUCCESS);
	run(&t.s, by(1, 0), STATE_CLOSE);
	run(&t.s, by(3, 0), STATE_CLOSE);
	two_fini(&t);
}

/* What a lost client still holds: nothing is named by another's open or key, and a break is seen. */
TEST(what_is_held_can_be_looked_at)
{
	struct scene s;
	struct state_result held = {.epoch = 99};
	struct state_op lease = by(1, 5), oplock = by(3, 0), other = by(2, 6);

	scene_init(&s);
	CHECK(!state_held(s.rig.node, &lease, &held));
	CHECK_EQ(held.epoch, 99); /* untouched */
	(void)grant(&s, lease, RWH);
	CHECK(state_held(s.rig.node, &lease, &held));
	CHECK_EQ(held.caching, RWH);
	CHECK_EQ(held.lease_version, 2);
	CHECK(!held.breaking);
	CHECK(!state_held(s.rig.node, &other, &held));
	CHECK(!state_held(s.rig.node, &oplock, &held));
	CHECK_ST(run(&s, other, STATE_RESERVE).status, STATUS_PENDING);
	CHECK(state_held(s.rig.node, &lease, &held));
	CHECK(held.breaking);
	(void)run(&s, lease, STATE_CLOSE);
	CHECK(!state_held(s.rig.node, &lease, &held));
	(void)grant(&s, oplock, RWH);
	CHECK(state_held(s.rig.node, &oplock, &held));
	CHECK_EQ(held.caching, RWH);
	CHECK_EQ(held.lease_version, 0);
	oplock.open = 4;
	CHECK(!state_held(s.rig.node, &oplock, &held));
	oplock.open = 3;
	(void)run(&s, oplock, STATE_CLOSE);
	scene_fini(&s);
}

TEST_MAIN()
