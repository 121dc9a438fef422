/*
 * The replica of what clients share, and what all operations that change it have in common. Every operation is
 * deterministic: it looks at the record and at the replica, at nothing else.
 */
#include "fs/state_impl.h"

#include <errno.h>
#include <stdlib.h>

enum { STOCK_MAX = 256 }; /* of each kind */

struct state *state_new(uint32_t server, const uint8_t *hash_key)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->server = server;
	memcpy(s->hash_key, hash_key, sizeof(s->hash_key));
	lock_init(&s->lock, LOCK_RANK_TABLE);
	stock_init_shared(&s->node_stock, sizeof(struct state_node), STOCK_MAX);
	stock_init_shared(&s->entry_stock, sizeof(struct entry), STOCK_MAX);
	stock_init_shared(&s->holder_stock, sizeof(struct holder), STOCK_MAX);
	if (map_init(&s->nodes) == 0 && map_init(&s->leases) == 0)
		return s;
	state_free(s);
	return NULL;
}

void state_set_sink(struct state *s, struct state_sink *sink)
{
	s->sink = sink;
}

void state_set_order(struct state *s, struct state_order *order)
{
	s->order = order;
}

/* ---- nodes --------------------------------------------------------------------------------------------------- */

static uint64_t key_hash(const struct state *s, const struct node_key *key)
{
	return map_hash(s->hash_key, span_of(key, sizeof(*key)));
}

/* hash: key_hash() of the key, here and below. */
static struct state_node *find_locked(struct state *s, uint64_t hash,
				      const struct node_key *key)
{
	for (struct map_node *m = map_first(&s->nodes, hash); m; m = map_next(m)) {
		struct state_node *n = container_of(m, struct state_node, by_key);

		if (node_key_eq(&n->key, key)) {
			n->refs++;
			return n;
		}
	}
	return NULL;
}

/* base: counted, taken over; NULL for a file. NULL without memory, and base is the caller's still. */
static struct state_node *node_new(struct state *s, const struct node_key *key,
				   struct state_node *base)
{
	struct state_node *n = stock_take(&s->node_stock);

	if (!n)
		return NULL;
	map_init_few(&n->by_open, n->few);
	n->state = s;
	n->key = *key;
	n->refs = 1;
	n->base = base ? base : n;
	lock_init(&n->lock, LOCK_RANK_NODE);
	list_init(&n->streams);
	list_init(&n->on_base);
	list_init(&n->entries);
	list_init(&n->holders);
	list_init(&n->waiters);
	list_init(&n->locks);
	list_init(&n->waiting);
	return n;
}

/* Returns the file of a stream, whose reference is now the caller's to give. */
static struct state_node *node_free(struct state_node *n)
{
	struct state_node *base = n->base != n ? n->base : NULL;

	map_fini(&n->by_open);
	lock_fini(&n->lock);
	stock_give(&n->state->node_stock, n);
	return base;
}

/* The table's lock is held, here and below. */
static void node_list(struct state_node *n, uint64_t hash)
{
	LOCK_SCOPE(state_node_lock(n));

	map_add(&n->state->nodes, &n->by_key, hash);
	if (n->base != n)
		list_add_tail(&n->base->streams, &n->on_base);
}

static void node_unlist(struct state_node *n)
{
	LOCK_SCOPE(state_node_lock(n));

	map_del(&n->state->nodes, &n->by_key);
	list_del(&n->on_base);
}

static struct state_node *node_get(struct state *s, const struct node_key *key,
				   struct state_node *base)
{
	uint64_t hash = key_hash(s, key);
	struct state_node *fresh, *n;

	{
		LOCK_SCOPE(&s->lock);
		n = find_locked(s, hash, key);
	}
	fresh = n ? NULL : node_new(s, key, base);
	if (fresh) {
		LOCK_SCOPE(&s->lock);
		n = find_locked(s, hash, key);
		if (!n) {
			node_list(fresh, hash);
			return fresh;
		}
	}
	if (fresh)
		(void)node_free(fresh);
	state_node_put(base); /* n has its own */
	return n;
}

struct state_node *state_node_get(struct state *s, const struct node_key *key)
{
	const struct node_key file = node_key_base(key);
	struct state_node *base = NULL;

	if (key->stream) {
		base = node_get(s, &file, NULL);
		if (!base)
			return NULL;
	}
	return node_get(s, key, base);
}

size_t state_node_count(struct state *s)
{
	LOCK_SCOPE(&s->lock);

	return s->nodes.count;
}

static bool node_drop(struct state_node *n)
{
	LOCK_SCOPE(&n->state->lock);

	if (--n->refs)
		return false;
	node_unlist(n);
	return true;
}

void state_node_put(struct state_node *n)
{
	while (n && node_drop(n))
		n = node_free(n);
}

/* Of a replica whose opens are another server's. */
static void node_empty(struct state_node *n)
{
	for (struct list_node *it; (it = list_pop(&n->entries)) != NULL;)
		free(container_of(it, struct entry, node));
	for (struct list_node *it; (it = list_pop(&n->holders)) != NULL;)
		free(container_of(it, struct holder, node));
	for (struct list_node *it; (it = list_pop(&n->locks)) != NULL;)
		free(container_of(it, struct held_lock, node));
	for (struct list_node *it; (it = list_pop(&n->waiting)) != NULL;) {
		struct waiting_lock *w = container_of(it, struct waiting_lock, node);

		free(w->lock);
		free(w);
	}
	(void)node_free(n);
}

void state_free(struct state *s)
{
	struct map_walk pos;
	struct map_node *m;

	if (!s)
		return;
	while ((m = map_walk_first(&s->nodes, &pos)) != NULL) {
		map_del(&s->nodes, m);
		node_empty(container_of(m, struct state_node, by_key));
	}
	map_fini(&s->nodes);
	map_fini(&s->leases);
	stock_fini(&s->node_stock);
	stock_fini(&s->entry_stock);
	stock_fini(&s->holder_stock);
	lock_fini(&s->lock);
	free(s);
}

/* ---- operations ---------------------------------------------------------------------------------------------- */

static state_fn *const apply[STATE_CODE_COUNT] = {
	[STATE_RESERVE] = state_reserve,
	[STATE_COMMIT] = state_commit,
	[STATE_WITHDRAW] = state_withdraw,
	[STATE_CLOSE] = state_close,
	[STATE_SET_DELETE] = state_set_delete,
	[STATE_CHECK] = state_check,
	[STATE_LOCK] = state_lock_apply,
	[STATE_UNLOCK] = state_unlock_apply,
	[STATE_FORGET] = state_forget,
	[STATE_USE] = state_use,
	[STATE_ACK] = state_ack,
	[STATE_EXPIRE] = state_expire,
};

/* All memory an operation may need, before any lock is taken. */
static int work_prepare(struct state *s, struct state_work *k, const struct state_op *op,
			struct state_result *ret, struct wait *w)
{
	bool reserve = op->code == STATE_RESERVE;

	*k = (struct state_work){0};
	list_init(&k->ended);
	list_init(&k->freed);
	list_init(&k->released);
	list_init(&k->locks);
	if (op->code == STATE_LOCK)
		return state_lock_prepare(k, op, ret, w);
	if (reserve)
		k->entry = stock_take(&s->entry_stock);
	if (reserve ? op->lease_version != 0
		    : op->code == STATE_COMMIT && !op->lease_version && op->caching)
		k->holder = stock_take(&s->holder_stock);
	else
		return reserve && !k->entry ? -ENOMEM : 0;
	return (reserve && !k->entry) || !k->holder ? -ENOMEM : 0;
}

/* End what the operation let go on, and free what it left. */
static void work_finish(struct state *s, struct state_work *k)
{
	for (struct list_node *it; (it = list_pop(&k->released)) != NULL;)
		wait_post(container_of(it, struct state_waiter, node)->wait, 0);
	state_lock_finish(k);
	stock_give(&s->entry_stock, k->entry);
	stock_give(&s->holder_stock, k->holder);
}

/* Returns whether n is kept for its opens from now on (1), or no longer (-1). */
static int apply_in_node(struct state_node *n, const struct state_op *op,
			 struct state_work *k, struct state_result *ret)
{
	LOCK_SCOPE(state_node_lock(n));
	bool kept = n->kept;

	ret->status = apply[op->code](n, op, k, ret);
	ret->delete_pending = n->delete_pending || n->base->delete_pending;
	n->kept = n->entry_count > 0;
	return n->kept - kept;
}

/* Leases come and go with opens: then the table is held, too. */
static bool needs_table(const struct state_op *op)
{
	return op->lease_version &&
	       (op->code == STATE_RESERVE || op->code == STATE_WITHDRAW ||
		op->code == STATE_CLOSE);
}

static int apply_locked(struct state_node *n, const struct state_op *op,
			struct state_work *k, struct state_result *ret)
{
	if (needs_table(op)) {
		LOCK_SCOPE(&n->state->lock);
		return apply_in_node(n, op, k, ret);
	}
	return apply_in_node(n, op, k, ret);
}

static void apply_to(struct state_node *n, const struct state_op *op,
		     struct state_work *k, struct state_result *ret)
{
	int refs;

	*ret = (struct state_result){0};
	refs = apply_locked(n, op, k, ret);
	if (refs) { /* the caller's reference keeps n until here, whoever did the opposite meanwhile */
		LOCK_SCOPE(&n->state->lock);
		n->refs += (unsigned)refs;
	}
	if (k->tell)
		state_cache_tell(n);
}

/* -ENOMEM: nothing was done. True: w will be ended, or is its claimant's. */
static int execute(struct state *s, const struct state_op *op, struct state_result *ret,
		   struct wait *w, bool *ret_parked)
{
	struct state_node *n = state_node_get(s, &op->node);
	struct state_work k;
	int err;

	if (!n)
		return -ENOMEM;
	err = work_prepare(s, &k, op, ret, w);
	if (!err)
		apply_to(n, op, &k, ret);
	*ret_parked = k.parked;
	work_finish(s, &k);
	state_node_put(n);
	return err;
}

void state_execute(struct state *s, struct lane *lane, const struct state_op *op,
		   struct state_result *ret, struct wait *w)
{
	/* whoever orders operations does so on any thread */
	void (*end)(struct wait * w, int err) = s->order && !s->order->at_once ? wait_post
									       : wait_now;
	bool parked = false;
	int err = execute(s, op, ret, w, &parked);

	if (err && op->wait_if_held)
		parked = !wait_claim(w, WAIT_GRANTED);
	if (!parked)
		end(w, err);
}

int state_follow(struct state *s, const struct state_op *op)
{
	struct state_result result;
	bool parked;

	return execute(s, op, &result, NULL, &parked);
}

void state_apply(struct state *s, struct lane *lane, const struct state_op *op,
		 struct state_result *ret, struct wait *w)
{
	if (s->order)
		s->order->put(s->order, lane, op, ret, w);
	else
		state_execute(s, lane, op, ret, w);
}
