/* test_state.c - share modes, deletion and life of the replica; locks: test_state_lock.c */
#include "state_rig.h"

enum {
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	ACCESS_COUNT = 1 << 6, /* of the six bits below */
	SHARE_COUNT = 1 << 3,
};

static uint32_t access_of(unsigned i)
{
	static const uint32_t bits[] = {FILE_READ_DATA,  FILE_EXECUTE,
					FILE_WRITE_DATA, FILE_APPEND_DATA,
					DELETE,          FILE_READ_ATTRIBUTES};
	uint32_t access = 0;

	for (size_t b = 0; b < ARRAY_LEN(bits); b++)
		if (i >> b & 1)
			access |= bits[b];
	return access;
}

static uint32_t share_of(unsigned i)
{
	return (i & 1 ? FILE_SHARE_READ : 0) | (i & 2 ? FILE_SHARE_WRITE : 0) |
	       (i & 4 ? FILE_SHARE_DELETE : 0);
}

struct sharer {
	uint32_t access, share;
};

/* [MS-FSA] 2.1.5.1.2.2, line by line */
static bool violates(struct sharer open, struct sharer existing)
{
	const uint32_t read = FILE_READ_DATA | FILE_EXECUTE;
	const uint32_t write = FILE_WRITE_DATA | FILE_APPEND_DATA;

	if (!(open.access & (read | write | DELETE)) ||
	    !(existing.access & (read | write | DELETE)))
		return false;
	return (!(existing.share & FILE_SHARE_READ) && (open.access & read)) ||
	       (!(existing.share & FILE_SHARE_WRITE) && (open.access & write)) ||
	       (!(existing.share & FILE_SHARE_DELETE) && (open.access & DELETE)) ||
	       (!(open.share & FILE_SHARE_READ) && (existing.access & read)) ||
	       (!(open.share & FILE_SHARE_WRITE) && (existing.access & write)) ||
	       (!(open.share & FILE_SHARE_DELETE) && (existing.access & DELETE));
}

TEST(sharing_of_two_opens_all_combinations)
{
	struct rig r;

	rig_init(&r);
	for (unsigned i = 0; i < ACCESS_COUNT * SHARE_COUNT; i++) {
		struct sharer a = {access_of(i / SHARE_COUNT), share_of(i % SHARE_COUNT)};

		CHECK_ST(rig_reserve(&r, 1, a.access, a.share), STATUS_SUCCESS);
		for (unsigned j = 0; j < ACCESS_COUNT * SHARE_COUNT; j++) {
			struct sharer b = {access_of(j / SHARE_COUNT),
					   share_of(j % SHARE_COUNT)};
			nt_status st = rig_reserve(&r, 2, b.access, b.share);

			CHECK_ST(st, violates(b, a) ? STATUS_SHARING_VIOLATION
						    : STATUS_SUCCESS);
			if (nt_ok(st))
				rig_simple(&r, j % 2 ? STATE_CLOSE : STATE_WITHDRAW, 2);
		}
		rig_simple(&r, STATE_CLOSE, 1);
	}
	CHECK_EQ(state_open_count(r.node), 0);
	rig_fini(&r);
}

enum { OPENS = 6 };

static bool violates_any(struct sharer s, const struct sharer *opens, const bool *there,
			 size_t except)
{
	for (size_t i = 0; i < OPENS; i++)
		if (there[i] && i != except && violates(s, opens[i]))
			return true;
	return false;
}

TEST(sharing_of_many_opens_like_the_naive_check)
{
	struct sharer opens[OPENS];
	bool there[OPENS] = {0};
	size_t count = 0, denied = 0;
	unsigned seed = 7;
	struct rig r;

	rig_init(&r);
	for (int round = 0; round < 50000; round++) {
		size_t i = (size_t)rand_r(&seed) % OPENS;
		struct sharer s = {access_of(1u << rand_r(&seed) % 6),
				   share_of((unsigned)rand_r(&seed) % SHARE_COUNT |
					    (unsigned)rand_r(&seed) % SHARE_COUNT)};

		if (there[i]) {
			CHECK_ST(rig_simple(&r, STATE_CLOSE, i).status, STATUS_SUCCESS);
			there[i] = false;
			count--;
			continue;
		}
		nt_status st = rig_reserve(&r, i, s.access, s.share);

		CHECK_ST(st, violates_any(s, opens, there, OPENS)
				     ? STATUS_SHARING_VIOLATION
				     : STATUS_SUCCESS);
		there[i] = nt_ok(st);
		opens[i] = s;
		count += nt_ok(st);
		denied += !nt_ok(st);
		CHECK_EQ(state_open_count(r.node), count);
	}
	CHECK(denied > 1000);
	for (size_t i = 0; i < OPENS; i++)
		if (there[i])
			rig_simple(&r, STATE_CLOSE, i);
	rig_fini(&r);
}

/* CHECK judges as RESERVE does, and leaves nothing behind. */
TEST(check_answers_like_a_reservation)
{
	struct rig r;

	rig_init(&r);
	for (unsigned i = 0; i < ACCESS_COUNT; i++) {
		struct state_op check = {
			.code = STATE_CHECK, .open = 2, .access = access_of(i)};

		CHECK_ST(rig_reserve(&r, 1, FILE_READ_DATA | DELETE, share_of(i % 8)),
			 STATUS_SUCCESS);
		for (unsigned share = 0; share < SHARE_COUNT; share++) {
			nt_status st;

			check.share = share_of(share);
			st = rig_do(&r, &check, NULL).status;
			CHECK_EQ(state_open_count(r.node), 1);
			CHECK_ST(rig_reserve(&r, 2, check.access, check.share), st);
			if (nt_ok(st))
				rig_simple(&r, STATE_WITHDRAW, 2);
		}
		rig_simple(&r, STATE_CLOSE, 1);
	}
	rig_fini(&r);
}

TEST(opens_of_other_servers_and_files_are_others)
{
	struct state_op other = {.code = STATE_CLOSE, .open = 1, .server = 9};
	struct node_key key = rig_key;
	struct state_node *n;
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	CHECK_ST(rig_do(&r, &other, NULL).status, STATUS_FILE_CLOSED);
	CHECK_EQ(state_open_count(r.node), 1);
	key.generation++;
	n = state_node_get(r.state, &key);
	CHECK(n != r.node);
	CHECK_EQ(state_open_count(n), 0);
	state_node_put(n);
	n = state_node_get(r.state, &rig_key);
	CHECK(n == r.node);
	state_node_put(n);
	rig_simple(&r, STATE_CLOSE, 1);
	rig_fini(&r);
}

TEST(operations_of_no_open_are_refused)
{
	static const enum state_code codes[] = {STATE_COMMIT, STATE_WITHDRAW, STATE_CLOSE,
						STATE_SET_DELETE};
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		CHECK_ST(rig_simple(&r, codes[i], 1).status, STATUS_FILE_CLOSED);
	rig_open(&r, 1);
	rig_simple(&r, STATE_CLOSE, 1);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		CHECK_ST(rig_simple(&r, codes[i], 1).status, STATUS_FILE_CLOSED);
	CHECK(!state_delete_pending(r.node));
	rig_fini(&r);
}

static struct state_result set_delete(struct rig *r, uint64_t open, bool pending)
{
	return rig_do(r,
		      &(struct state_op){.code = STATE_SET_DELETE,
					 .open = open,
					 .delete_pending = pending},
		      NULL);
}

/* [MS-FSA] 2.1.5.5 phases 1 and 3, 2.1.5.15.3 */
TEST(the_last_close_removes_what_was_set_to_be_deleted)
{
	struct state_result res;
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	rig_open(&r, 2);
	CHECK(set_delete(&r, 1, true).delete_pending);
	CHECK(state_delete_pending(r.node));
	CHECK_ST(rig_reserve(&r, 3, FILE_READ_ATTRIBUTES, SHARE_ALL),
		 STATUS_DELETE_PENDING);
	res = rig_do(&r, &(struct state_op){.code = STATE_CHECK, .open = 2}, NULL);
	CHECK_ST(res.status, STATUS_DELETE_PENDING);
	CHECK(!rig_simple(&r, STATE_CLOSE, 1).remove_name);
	CHECK(rig_simple(&r, STATE_CLOSE, 2).remove_name);
	rig_fini(&r);
}

/* Of a named stream it is not the name of the file that goes. */
TEST(the_last_close_of_a_stream_removes_the_stream)
{
	struct state_op op = {.code = STATE_RESERVE,
			      .node.stream = 9,
			      .open = 1,
			      .access = DELETE,
			      .share = SHARE_ALL,
			      .delete_on_close = true};
	struct node_key key = rig_key;
	struct state_result res;
	struct state_node *n;
	struct rig r;

	rig_init(&r);
	key.stream = 9;
	n = state_node_get(r.state, &key);
	CHECK_ST(rig_do(&r, &op, NULL).status, STATUS_SUCCESS);
	op.code = STATE_CLOSE;
	res = rig_do(&r, &op, NULL);
	CHECK(res.remove_stream && !res.remove_name);
	state_node_put(n);
	rig_fini(&r);
}

TEST(deletion_can_be_taken_back_but_not_that_of_create)
{
	struct state_op on_close = {.code = STATE_RESERVE,
				    .open = 2,
				    .access = DELETE,
				    .share = SHARE_ALL,
				    .delete_on_close = true};
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	set_delete(&r, 1, true);
	CHECK(!set_delete(&r, 1, false).delete_pending);
	CHECK_ST(rig_do(&r, &on_close, NULL).status, STATUS_SUCCESS);
	CHECK(!state_delete_pending(r.node)); /* only once it closes */
	set_delete(&r, 1, false);
	CHECK(!rig_simple(&r, STATE_CLOSE, 2).remove_name);
	CHECK(state_delete_pending(r.node));
	CHECK(rig_simple(&r, STATE_CLOSE, 1).remove_name);
	rig_fini(&r);
}

TEST(a_withdrawn_delete_on_close_deletes_nothing)
{
	struct state_op on_close = {.code = STATE_RESERVE,
				    .open = 1,
				    .access = DELETE,
				    .share = SHARE_ALL,
				    .delete_on_close = true};
	struct rig r;

	rig_init(&r);
	CHECK_ST(rig_do(&r, &on_close, NULL).status, STATUS_SUCCESS);
	CHECK(!rig_simple(&r, STATE_WITHDRAW, 1).remove_name);
	rig_open(&r, 2);
	CHECK(!rig_simple(&r, STATE_CLOSE, 2).remove_name);
	rig_fini(&r);
}

/* A directory that is not empty after all, or a file with another name, may be opened again. */
TEST(a_deletion_is_pending_no_more_once_it_was_carried_out)
{
	struct rig r;

	rig_init(&r);
	rig_open(&r, 1);
	set_delete(&r, 1, true);
	CHECK(rig_simple(&r, STATE_CLOSE, 1).remove_name);
	CHECK(!state_delete_pending(r.node));
	rig_open(&r, 2);
	CHECK(!rig_simple(&r, STATE_CLOSE, 2).remove_name);
	rig_fini(&r);
}

enum { THREADS = 4, ROUNDS = 3000 };

/* Opens and closes without sharing: whoever has it is alone. */
struct excluder {
	pthread_t thread;
	struct rig *rig;
	uint64_t id;
	int *holders; /* touched by who is alone: plain on purpose, TSan watches */
	size_t got;
};

static void *exclude(void *arg)
{
	struct excluder *e = arg;
	struct rig mine = *e->rig;

	box_init(&mine.box);
	for (int i = 0; i < ROUNDS; i++) {
		if (!nt_ok(rig_reserve(&mine, e->id, FILE_READ_DATA, 0)))
			continue;
		CHECK_EQ(++*e->holders, 1);
		--*e->holders;
		e->got++;
		CHECK_ST(rig_simple(&mine, STATE_CLOSE, e->id).status, STATUS_SUCCESS);
	}
	return NULL;
}

TEST(sharing_among_threads)
{
	struct excluder e[THREADS];
	size_t got = 0;
	int holders = 0;
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < THREADS; i++) {
		e[i] = (struct excluder){.rig = &r, .id = i, .holders = &holders};
		CHECK_EQ(pthread_create(&e[i].thread, NULL, exclude, &e[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(e[i].thread, NULL);
		got += e[i].got;
	}
	CHECK(got > 0);
	CHECK_EQ(state_open_count(r.node), 0);
	rig_fini(&r);
}

/* The replica of a file comes and goes with who refers to it. */
static void *come_and_go(void *arg)
{
	struct state *s = arg;

	for (uint64_t i = 0; i < 4 * ROUNDS; i++) {
		struct node_key key = {.inode = i % 3};
		struct state_node *n = state_node_get(s, &key);

		CHECK(n);
		CHECK_EQ(state_open_count(n), 0);
		state_node_put(n);
	}
	return NULL;
}

TEST(nodes_come_and_go_among_threads)
{
	struct state *s = state_new(0, rig_hash_key);
	pthread_t t[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, come_and_go, s), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	state_free(s);
}

TEST_MAIN()
