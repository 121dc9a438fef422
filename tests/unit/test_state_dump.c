/* test_state_dump.c - replicas that followed the same records give the same bytes; bytes become the same replica. */
#include "fs/state_dump.h"
#include "test.h"
#include "wire/smb2_proto.h"

#include <errno.h>
#include <stdlib.h>

enum { FILES = 3, STREAMS = 2, OPENS = 12, KEYS = 3, STEPS = 4000, BYTES_MAX = 1 << 16 };

static const uint8_t hash_keys[2][16] = {{1, 2, 3}, {9, 9, 9}};

struct world {
	struct state
		*states[3]; /* two follow from the start; the third was read from bytes */
	uint64_t seed, now_ms, waits, opened;
	struct state_op opens[OPENS]; /* as they were reserved */
};

static uint64_t below(struct world *w, uint64_t n)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed % n;
}

static struct node_key any_node(struct world *w)
{
	return (struct node_key){
		.volume = 1,
		.inode = 10 + below(w, FILES),
		.stream = below(w, STREAMS),
	};
}

/* What is reserved, committed, closed has the same name and lease each time. */
static void draw_open(struct world *w, struct state_op *op)
{
	static const uint32_t access[] = {FILE_READ_DATA,
					  FILE_READ_DATA | FILE_WRITE_DATA,
					  FILE_READ_ATTRIBUTES, DELETE};

	op->node = any_node(w);
	op->open = ++w->opened;
	op->server = (uint32_t)below(w, 2);
	op->access = access[below(w, ARRAY_LEN(access))];
	op->share = below(w, 4) ? 7 : (uint32_t)below(w, 8);
	op->delete_on_close = below(w, 8) == 0;
	op->lease_version = (uint8_t)below(w, 3);
	op->lease.client[0] = op->lease_version ? 1 : 0;
	op->lease.key[0] = op->lease_version
				   ? (uint8_t)(op->node.inode * KEYS + below(w, KEYS))
				   : 0;
	op->epoch = (uint16_t)below(w, 100);
}

static void draw(struct world *w, struct state_op *op)
{
	uint64_t i = below(w, OPENS);
	enum state_code code = (enum state_code)below(w, STATE_CODE_COUNT);

	*op = w->opens[i];
	if (code == STATE_RESERVE) {
		draw_open(w, op);
		w->opens[i] = *op;
	}
	op->code = code;
	op->delete_pending = below(w, 2);
	op->overwrite = below(w, 8) == 0;
	op->caching = (uint8_t)below(w, CACHING_ALL + 1);
	op->use = (enum caching_use)below(w, CACHING_USE_COUNT);
	w->now_ms += below(w, STATE_ACK_WAIT_MS / 4);
	op->now_ms = w->now_ms;
	op->range_count = code == STATE_LOCK || code == STATE_UNLOCK;
	op->ranges[0] = (struct state_range){below(w, 8), below(w, 4), below(w, 2)};
	op->wait_if_held = code == STATE_LOCK && below(w, 2);
	op->wait_id = op->wait_if_held ? ++w->waits : 1 + below(w, w->waits + 1);
}

static struct span written(struct state *s, uint8_t *room)
{
	struct wr w = wr_of(mspan_of(room, BYTES_MAX));

	CHECK_EQ(state_write(s, &w), 0);
	CHECK_EQ(wr_pos(&w), state_size(s));
	return wr_done(&w);
}

static struct state *read_back(struct span bytes)
{
	struct state *s = state_new(5, hash_keys[1]);
	struct rd r = rd_of(bytes);

	CHECK(s);
	CHECK_EQ(state_read(s, &r), 0);
	return s;
}

static void compare(struct world *w)
{
	static uint8_t a[BYTES_MAX], b[BYTES_MAX];
	struct span first = written(w->states[0], a);

	for (size_t i = 1; i < ARRAY_LEN(w->states); i++)
		if (w->states[i])
			CHECK(span_eq(first, written(w->states[i], b)));
}

static void renew(struct world *w)
{
	static uint8_t room[BYTES_MAX];

	state_free(w->states[2]);
	w->states[2] = read_back(written(w->states[0], room));
}

static void step(struct world *w)
{
	struct state_op *op = calloc(1, state_op_len(1));

	CHECK(op);
	draw(w, op);
	for (size_t i = 0; i < ARRAY_LEN(w->states); i++)
		if (w->states[i])
			CHECK_EQ(state_follow(w->states[i], op), 0);
	free(op);
}

static void world_init(struct world *w, uint64_t seed)
{
	*w = (struct world){.seed = seed, .now_ms = 1};
	for (size_t i = 0; i < 2; i++)
		w->states[i] = state_new((uint32_t)i, hash_keys[i]);
	for (size_t i = 0; i < OPENS; i++)
		w->opens[i].node = any_node(w);
}

static void world_fini(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->states); i++)
		state_free(w->states[i]);
}

TEST(replicas_of_the_same_records_are_equal)
{
	struct world w;

	world_init(&w, 4711);
	for (unsigned i = 0; i < STEPS; i++) {
		step(&w);
		compare(&w);
		if (below(&w, 50) == 0)
			renew(&w);
	}
	world_fini(&w);
}

static bool is_refused(struct span bytes)
{
	struct state *s = state_new(0, hash_keys[0]);
	struct rd r = rd_of(bytes);
	int err = state_read(s, &r);

	state_free(s);
	CHECK(err == 0 || err == -EBADMSG);
	return err != 0;
}

/* Whatever is accepted is written as it was read. */
static void check_canonical(struct span bytes)
{
	static uint8_t again[BYTES_MAX];
	struct state *s;

	if (is_refused(bytes))
		return;
	s = read_back(bytes);
	CHECK(span_eq(bytes, written(s, again)));
	state_free(s);
}

TEST(damaged_bytes_are_refused_or_another_replica)
{
	static uint8_t room[BYTES_MAX];
	struct world w;
	struct span bytes;

	world_init(&w, 99);
	for (unsigned i = 0; i < 300; i++)
		step(&w);
	bytes = written(w.states[0], room);
	CHECK(state_node_count(w.states[0]) > 2);
	for (size_t len = 0; len < bytes.len; len++)
		CHECK(is_refused(span_of(room, len)));
	room[bytes.len] = 0;
	CHECK(is_refused(span_of(room, bytes.len + 1)));
	for (size_t i = 0; i < bytes.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			room[i] ^= (uint8_t)(1u << bit);
			check_canonical(bytes);
			room[i] ^= (uint8_t)(1u << bit);
		}
	world_fini(&w);
}

TEST(a_replica_that_is_not_empty_reads_nothing)
{
	static uint8_t room[BYTES_MAX];
	struct world w;
	struct rd r;

	world_init(&w, 3);
	while (!state_node_count(w.states[0]))
		step(&w);
	r = rd_of(written(w.states[0], room));
	CHECK_EQ(state_read(w.states[1], &r), -EBADMSG);
	world_fini(&w);
}

TEST(too_little_room_is_an_error)
{
	struct state *s = state_new(0, hash_keys[0]);
	uint8_t room[12];
	struct wr w = wr_of(mspan_of(room, sizeof(room) - 1));

	CHECK_EQ(state_write(s, &w), -ENOBUFS);
	w = wr_of(mspan_of(room, sizeof(room)));
	CHECK_EQ(state_write(s, &w), 0);
	state_free(s);
}

TEST_MAIN()
