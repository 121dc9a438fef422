/* order.c - the order in which operations of fs/state.h are executed, and replicas that follow them. */
#include "sim/order.h"

#include "fs/state_dump.h"

#include <stdlib.h>
#include <string.h>

enum {
	COMPARES = 150, /* of a thousand operations */
	BEGINS =
		100, /* of a thousand comparisons: a replica begins from what was compared */
	FOLLOWERS = 2, /* one from the start on; one that was read from bytes */
};

/* An operation on its way. */
struct due {
	struct list_node node;
	const struct state_op *op;
	struct state_op forget; /* op, if nobody waits for it */
	struct lane *lane;
	struct state_result *ret;
	struct wait *wait;
};

struct order {
	struct state_order order;
	struct sim *sim;
	struct state *state;
	struct list_node queue; /* due, oldest first */
	struct rng rng;         /* what the run draws does not depend on comparisons */
	bool rare;              /* compare at the end only */
	uint64_t executed;
	struct state *followers[FOLLOWERS];
};

/* ---- replicas ------------------------------------------------------------------------------------------------ */

static struct state *replica_new(struct order *o, uint32_t server)
{
	uint8_t hash_key[16];
	struct state *s;

	memset(hash_key, (int)server, sizeof(hash_key));
	s = state_new(server, hash_key);
	if (!s)
		abort();
	return s;
}

/* From malloc. */
static struct span written(struct order *o, struct state *s)
{
	size_t size = state_size(s);
	uint8_t *bytes = malloc(size);
	struct wr w = wr_of(mspan_of(bytes, size));

	if (!bytes || state_write(s, &w) != 0 || wr_pos(&w) != size)
		sim_fail(o->sim, "a replica of %zu bytes could not be written", size);
	return wr_done(&w);
}

/* The third one begins anew. */
static void begin_from(struct order *o, struct span bytes)
{
	struct state *s = replica_new(o, 3);
	struct rd r = rd_of(bytes);

	if (state_read(s, &r) != 0)
		sim_fail(o->sim, "what a replica wrote could not be read, at %zu of %zu",
			 rd_pos(&r), bytes.len);
	state_free(o->followers[1]);
	o->followers[1] = s;
}

static void compare(struct order *o, bool begin)
{
	struct span bytes = written(o, o->state);

	for (size_t i = 0; i < FOLLOWERS; i++) {
		struct span other;

		if (!o->followers[i])
			continue;
		other = written(o, o->followers[i]);
		if (!span_eq(bytes, other))
			sim_fail(o->sim,
				 "replica %zu differs after %llu operations: %zu bytes, "
				 "not %zu",
				 i, (unsigned long long)o->executed, other.len,
				 bytes.len);
		free((void *)other.p);
	}
	if (begin)
		begin_from(o, bytes);
	free((void *)bytes.p);
}

/* op was executed, or is about to be. */
static void follow(struct order *o, const struct state_op *op)
{
	for (size_t i = 0; i < FOLLOWERS; i++)
		if (o->followers[i] && state_follow(o->followers[i], op) != 0)
			abort();
}

static const char *const names[STATE_CODE_COUNT] = {
	[STATE_RESERVE] = "reserve",
	[STATE_COMMIT] = "commit",
	[STATE_WITHDRAW] = "withdraw",
	[STATE_CLOSE] = "close",
	[STATE_SET_DELETE] = "set delete",
	[STATE_CHECK] = "check",
	[STATE_LOCK] = "lock",
	[STATE_UNLOCK] = "unlock",
	[STATE_FORGET] = "forget",
	[STATE_USE] = "use",
	[STATE_ACK] = "ack",
	[STATE_EXPIRE] = "expire",
};

/* ---- execution ----------------------------------------------------------------------------------------------- */

static void execute(struct order *o, const struct state_op *op, struct lane *lane,
		    struct state_result *ret, struct wait *w)
{
	sim_trace(o->sim, "%s of open %llu on file %llu%s", names[op->code],
		  (unsigned long long)op->open, (unsigned long long)op->node.inode,
		  op->node.stream ? ", a stream" : "");
	follow(o, op);
	if (!w && state_follow(o->state, op) != 0)
		abort();
	if (w)
		state_execute(o->state, lane, op, ret, w);
	o->executed++;
	if (!o->rare && rng_chance(&o->rng, COMPARES))
		compare(o, rng_chance(&o->rng, BEGINS));
}

static struct due *due_of(struct list_node *n)
{
	return container_of(n, struct due, node);
}

/* What was submitted for one open on one file keeps its order; everything else may come in any. */
static bool is_first(struct order *o, const struct due *d)
{
	list_for_each (it, &o->queue) {
		const struct due *other = due_of(it);

		if (other == d)
			break;
		if (other->op->server == d->op->server &&
		    other->op->open == d->op->open &&
		    node_key_eq(&other->op->node, &d->op->node))
			return false;
	}
	return true;
}

static struct due *any_due(struct order *o)
{
	struct due *chosen = NULL;
	uint64_t count = 0;

	list_for_each (it, &o->queue)
		if (is_first(o, due_of(it)) && rng_below(sim_rng(o->sim), ++count) == 0)
			chosen = due_of(it);
	return chosen;
}

bool sim_order_due(const struct state_order *order)
{
	return !list_empty(&container_of(order, const struct order, order)->queue);
}

void sim_order_do(struct state_order *order)
{
	struct order *o = container_of(order, struct order, order);
	struct due *d = any_due(o);

	list_del(&d->node);
	execute(o, d->op, d->lane, d->ret, d->wait);
	free(d);
}

static void put(struct state_order *order, struct lane *lane, const struct state_op *op,
		struct state_result *ret, struct wait *w)
{
	struct order *o = container_of(order, struct order, order);
	struct due *d;

	if (o->order.at_once) {
		execute(o, op, lane, ret, w);
		return;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	*d = (struct due){.op = op, .lane = lane, .ret = ret, .wait = w};
	if (!w) {
		memcpy(&d->forget, op, sizeof(d->forget));
		d->op = &d->forget;
	}
	list_add_tail(&o->queue, &d->node);
}

static bool forget(struct state_order *order, struct wait *w)
{
	struct order *o = container_of(order, struct order, order);

	list_for_each (it, &o->queue) {
		struct due *d = due_of(it);

		if (d->wait != w)
			continue;
		list_del(it);
		free(d);
		return true;
	}
	return false;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

struct state_order *sim_order_new(struct sim *s, struct state *state, bool at_once,
				  bool rare)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	o->order = (struct state_order){.put = put, .forget = forget, .at_once = at_once};
	o->sim = s;
	o->state = state;
	o->rare = rare;
	o->rng.state = sim_rng(s)->state;
	o->followers[0] = replica_new(o, 2);
	list_init(&o->queue);
	state_set_order(state, &o->order);
	return &o->order;
}

void sim_order_free(struct state_order *order)
{
	struct order *o = container_of(order, struct order, order);

	if (!list_empty(&o->queue))
		sim_fail(o->sim, "operations are left that were never executed");
	compare(o, true);
	compare(o, false);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		if (state_node_count(o->followers[i]))
			sim_fail(o->sim, "replica %zu knows of %zu files at the end", i,
				 state_node_count(o->followers[i]));
		state_free(o->followers[i]);
	}
	free(o);
}
