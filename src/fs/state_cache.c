/*
 * state_cache.c - oplocks and leases: who holds what. The rules are in fs/caching.h.
 *
 *     oplock   (COMMIT) --> held --broken, ACK, EXPIRE--> less held --CLOSE--> gone
 *     lease    (RESERVE) --> nothing held --COMMIT of any of its opens--> held --likewise--> last of them gone
 *
 * A break is noted on its holder under the lock, and told after it (state_cache_tell()).
 */
#include "fs/state_impl.h"

#include <stdlib.h>

/* ---- counting ---------------------------------------------------------------------------------------------- */

static void holder_count(struct state_node *n, const struct holder *h, size_t by)
{
	const struct caching *c = &h->caching;

	n->holds.read += c->held & CACHING_READ ? by : 0;
	n->holds.write += c->held & CACHING_WRITE ? by : 0;
	n->holds.handle += c->held & CACHING_HANDLE ? by : 0;
	n->holds.oplock += !c->lease && c->held ? by : 0;
	n->holds.breaking += c->breaking ? by : 0;
}

/* h is about to change; holder_changed() follows. */
static void holder_change(struct state_node *n, const struct holder *h)
{
	holder_count(n, h, (size_t)-1);
}

/* Who holds WRITE is alone: what is written then is his. */
static void holder_changed(struct state_node *n, const struct holder *h)
{
	holder_count(n, h, 1);
	atomic_store_explicit(&n->cached, n->holds.read && !n->holds.write,
			      memory_order_release);
}

static bool is_same(const struct holder *h, const struct state_op *op)
{
	if (h->caching.lease)
		return op->lease_version && lease_id_eq(&h->lease, &op->lease);
	return state_is_owner(h->server, h->open, op);
}

/* ---- breaks ------------------------------------------------------------------------------------------------ */

static void note(struct holder *h, const struct caching_notice *notice, uint64_t now_ms,
		 struct state_work *k)
{
	if (!notice->tell)
		return;
	h->notice = *notice;
	h->telling = TO_TELL;
	h->broken_ms = now_ms;
	h->epoch++;
	k->tell = true;
}

/* Break what h caches; true if that has to be waited for. */
static bool break_one(struct state_node *n, struct holder *h, const struct state_op *op,
		      enum caching_use use, struct state_work *k)
{
	struct caching_notice notice;
	bool wait;

	holder_change(n, h);
	wait = caching_break(&h->caching, use, &notice);
	holder_changed(n, h);
	note(h, &notice, op->now_ms, k);
	return wait;
}

static bool break_others(struct state_node *n, const struct state_op *op,
			 enum caching_use use, struct state_work *k)
{
	bool wait = false;

	if (!n->holds.read)
		return false;
	list_for_each (it, &n->holders) {
		struct holder *h = container_of(it, struct holder, node);

		if (!is_same(h, op) || !caching_is_own_affair(&h->caching, use))
			wait |= break_one(n, h, op, use, k);
	}
	return wait;
}

/* By an open: one that only looks at attributes leaves everybody alone, and most find nothing that is exclusive. */
static bool break_by_open(struct state_node *n, const struct state_op *op, bool oplocks,
			  bool leases, struct state_work *k)
{
	enum caching_use use = op->overwrite ? CACHING_USE_OVERWRITE : CACHING_USE_OPEN;
	bool wait = false;

	if (op->overwrite ? !n->holds.read : !n->holds.write)
		return false;
	list_for_each (it, &n->holders) {
		struct holder *h = container_of(it, struct holder, node);
		bool lease = h->caching.lease;

		if (is_same(h, op) || !(lease ? leases : oplocks) ||
		    caching_is_stat_open(op->access, lease))
			continue;
		wait |= break_one(n, h, op, use, k);
	}
	return wait;
}

static nt_status pending_if(bool wait)
{
	return wait ? STATUS_PENDING : STATUS_SUCCESS;
}

/* A batch oplock goes before share modes are looked at: its client may have kept open what it no longer uses. */
nt_status state_cache_before_sharing(struct state_node *n, const struct state_op *op,
				     struct state_work *k)
{
	bool wait = false;

	if (!n->holds.oplock || !n->holds.write)
		return STATUS_SUCCESS;
	list_for_each (it, &n->holders) {
		const struct holder *h = container_of(it, struct holder, node);

		if (!h->caching.lease && h->caching.held == CACHING_ALL)
			wait = break_by_open(n, op, true, false, k);
	}
	return pending_if(wait);
}

nt_status state_cache_in_conflict(struct state_node *n, const struct state_op *op,
				  struct state_work *k)
{
	return pending_if(break_others(n, op, CACHING_USE_SHARE, k));
}

nt_status state_cache_opened(struct state_node *n, const struct state_op *op,
			     struct state_work *k)
{
	bool wait = break_by_open(n, op, true, true, k);

	if (op->delete_on_close)
		wait |= break_others(n, op, CACHING_USE_NAME, k);
	return pending_if(wait);
}

nt_status state_use(struct state_node *n, const struct state_op *op, struct state_work *k,
		    struct state_result *ret)
{
	if (!op->of_streams)
		return pending_if(break_others(n, op, op->use, k));
	list_for_each (it, &n->streams)
		(void)break_others(container_of(it, struct state_node, on_base), op,
				   op->use, k);
	return STATUS_SUCCESS;
}

/* Whoever waits looks again. */
static void release_waiters(struct state_node *n, struct state_work *k)
{
	for (struct list_node *it; (it = list_pop(&n->waiters)) != NULL;) {
		struct state_waiter *sw = container_of(it, struct state_waiter, node);

		if (wait_claim(sw->wait, WAIT_GRANTED)) /* else it is its claimant's */
			list_add_tail(&k->released, &sw->node);
	}
}

static void result_of(const struct holder *h, struct state_result *ret)
{
	ret->lease_version = h->lease_version;
	ret->caching = h->caching.held;
	ret->breaking = h->caching.breaking;
	ret->epoch = h->epoch;
}

static struct holder *holder_find(struct state_node *n, const struct state_op *op)
{
	list_for_each (it, &n->holders) {
		struct holder *h = container_of(it, struct holder, node);

		if (h->caching.lease == (op->lease_version != 0) && is_same(h, op))
			return h;
	}
	return NULL;
}

nt_status state_ack(struct state_node *n, const struct state_op *op, struct state_work *k,
		    struct state_result *ret)
{
	struct holder *h = holder_find(n, op);
	struct caching_notice notice;
	nt_status st;

	if (!h)
		return op->lease_version ? STATUS_OBJECT_NAME_NOT_FOUND
					 : STATUS_INVALID_OPLOCK_PROTOCOL;
	holder_change(n, h);
	st = caching_ack(&h->caching, op->caching, &notice);
	holder_changed(n, h);
	note(h, &notice, op->now_ms, k);
	if (notice.tell) /* a further step of the same break: Windows counts it once */
		h->epoch--;
	result_of(h, ret);
	if (!h->caching.breaking) /* else they go on waiting, for all of it */
		release_waiters(n, k);
	return st;
}

nt_status state_expire(struct state_node *n, const struct state_op *op,
		       struct state_work *k, struct state_result *ret)
{
	list_for_each (it, &n->holders) {
		struct holder *h = container_of(it, struct holder, node);

		if (!h->caching.breaking || op->now_ms < h->broken_ms + STATE_ACK_WAIT_MS)
			continue;
		holder_change(n, h);
		caching_expire(&h->caching);
		holder_changed(n, h);
	}
	release_waiters(n, k);
	return STATUS_SUCCESS;
}

/* ---- telling ----------------------------------------------------------------------------------------------- */

static bool next_of(struct state_node *n, struct state_break *ret)
{
	list_for_each (it, &n->holders) {
		struct holder *h = container_of(it, struct holder, node);

		if (h->telling != TO_TELL)
			continue;
		h->telling = TOLD;
		if (h->server != n->state->server || !n->state->sink)
			continue;
		h->telling = TELLING;
		*ret = (struct state_break){
			.node = n->key,
			.open = h->open,
			.lease_version = h->lease_version,
			.lease = h->lease,
			.epoch = h->epoch,
			.notice = h->notice,
		};
		return true;
	}
	return false;
}

static bool next_break(struct state_node *n, struct state_break *ret)
{
	LOCK_SCOPE(state_node_lock(n));

	if (next_of(n, ret))
		return true;
	list_for_each (it, &n->streams)
		if (next_of(container_of(it, struct state_node, on_base), ret))
			return true;
	return false;
}

static bool is_of(const struct holder *h, const struct state_break *b)
{
	if (h->caching.lease)
		return b->lease_version && lease_id_eq(&h->lease, &b->lease);
	return !b->lease_version && h->open == b->open;
}

static void ended_of(struct state_node *n, const struct state_break *b, bool told)
{
	list_for_each (it, &n->holders) {
		struct holder *h = container_of(it, struct holder, node);

		if (h->server != n->state->server || !is_of(h, b))
			continue;
		if (told && h->telling != TO_TELL)
			h->telling = TOLD;
		else if (h->telling == TELLING)
			h->telling = UNTOLD;
		else if (h->telling == TELL_AGAIN)
			h->telling = TO_TELL;
	}
}

/* The holder may have gone, or be broken further, meanwhile. */
static void tell_ended(struct state_node *n, const struct state_break *b, bool told)
{
	LOCK_SCOPE(state_node_lock(n));

	ended_of(n, b, told);
	list_for_each (it, &n->streams)
		ended_of(container_of(it, struct state_node, on_base), b, told);
}

void state_cache_tell(struct state_node *n)
{
	struct state_sink *sink = n->state->sink;
	struct state_break b;

	while (next_break(n, &b))
		tell_ended(n, &b, sink->tell(sink, &b));
}

static void tell_again(struct state_node *n, const struct state_op *op)
{
	LOCK_SCOPE(state_node_lock(n));
	struct holder *h = holder_find(n, op);

	if (h && h->telling == UNTOLD)
		h->telling = TO_TELL;
	else if (h && h->telling == TELLING)
		h->telling = TELL_AGAIN;
}

void state_tell_again(struct state_node *n, const struct state_op *op)
{
	tell_again(n, op);
	state_cache_tell(n);
}

/* ---- leases: one key, one file ------------------------------------------------------------------------------- */

static uint64_t lease_hash(const struct state *s, const struct lease_id *id)
{
	return map_hash(s->hash_key, span_of(id, sizeof(*id)));
}

/* Under the table's lock. */
static struct holder *lease_find(struct state *s, const struct lease_id *id)
{
	for (struct map_node *m = map_first(&s->leases, lease_hash(s, id)); m;
	     m = map_next(m)) {
		struct holder *h = container_of(m, struct holder, by_lease);

		if (lease_id_eq(&h->lease, id))
			return h;
	}
	return NULL;
}

/* [MS-SMB2] 3.3.5.9.8 */
nt_status state_lease_check(struct state_node *n, const struct state_op *op)
{
	const struct holder *h = op->lease_version ? lease_find(n->state, &op->lease)
						   : NULL;

	return h && h->of != n ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

static void holder_link(struct state_node *n, struct holder *h)
{
	list_add_tail(&n->holders, &h->node);
	if (h->caching.lease)
		map_add(&n->state->leases, &h->by_lease, lease_hash(n->state, &h->lease));
}

static void holder_add(struct state_node *n, struct holder *h, const struct state_op *op)
{
	*h = (struct holder){
		.of = n,
		.caching.lease = op->lease_version != 0,
		.server = op->server,
		.open = op->lease_version ? 0 : op->open,
		.lease_version = op->lease_version,
		.lease = op->lease,
		.epoch = op->lease_version == 2 ? op->epoch : 0,
	};
	holder_link(n, h);
}

bool state_holder_restore(struct state_node *n, struct holder *h)
{
	if (h->caching.lease && lease_find(n->state, &h->lease))
		return false;
	holder_link(n, h);
	holder_changed(n, h);
	return true;
}

void state_lease_join(struct state_node *n, struct entry *e, const struct state_op *op,
		      struct state_work *k)
{
	struct holder *h;

	if (!op->lease_version)
		return;
	h = lease_find(n->state, &op->lease);
	if (!h) {
		h = TAKE(k->holder);
		holder_add(n, h, op);
	}
	e->holder = h;
	h->opens++;
	h->active += !caching_is_stat_open(e->access, true);
}

void state_cache_leave(struct state_node *n, struct entry *e, struct state_work *k)
{
	struct holder *h = TAKE(e->holder);

	if (!h)
		return;
	if (h->caching.lease) {
		h->active -= !caching_is_stat_open(e->access, true);
		if (--h->opens)
			return;
		map_del(&n->state->leases, &h->by_lease);
	}
	holder_change(n, h);
	caching_expire(&h->caching);
	holder_changed(n, h);
	list_del(&h->node);
	k->holder = h;
	release_waiters(n, k);
}

/* ---- granting ---------------------------------------------------------------------------------------------- */

/* What there is beside e and, of a lease, the opens that share it. */
static struct caching_others others_of(const struct state_node *n, const struct entry *e)
{
	const struct holder *own = e->holder;
	bool lease = own != NULL;
	size_t active = n->active[lease];
	struct holder_counts h = n->holds;

	if (own) {
		active -= own->active;
		h.read -= own->caching.held & CACHING_READ ? 1 : 0;
		h.write -= own->caching.held & CACHING_WRITE ? 1 : 0;
		h.handle -= own->caching.held & CACHING_HANDLE ? 1 : 0;
		h.breaking -= own->caching.breaking ? 1 : 0;
	} else {
		active -= !caching_is_stat_open(e->access, false);
	}
	return (struct caching_others){
		.open = active > 0 || h.read > 0,
		.oplock = h.oplock > 0,
		.handle = h.handle > 0,
		.write = h.write > 0,
		.breaking = h.breaking > 0,
		.locks = !list_empty(&n->locks),
		.directory = e->directory,
	};
}

/* A lease is only ever promoted, and not while it is being broken. [MS-SMB2] 3.3.5.9.8 */
static void promote(struct state_node *n, const struct entry *e,
		    const struct state_op *op)
{
	struct holder *h = e->holder;
	struct caching_others others = others_of(n, e);
	uint8_t grant = caching_promote(&h->caching, op->caching, &others);

	if (grant == h->caching.held)
		return;
	holder_change(n, h);
	h->caching.held = grant;
	holder_changed(n, h);
	h->epoch++;
}

static void grant_oplock(struct state_node *n, struct entry *e, const struct state_op *op,
			 struct state_work *k)
{
	struct caching_others others = others_of(n, e);
	uint8_t grant = caching_grant(false, op->caching, &others);

	if (!grant)
		return;
	e->holder = TAKE(k->holder);
	holder_add(n, e->holder, op);
	e->holder->caching.held = grant;
	holder_changed(n, e->holder);
}

nt_status state_commit(struct state_node *n, const struct state_op *op,
		       struct state_work *k, struct state_result *ret)
{
	struct entry *e = state_entry_find(n, op);

	if (!e)
		return STATUS_FILE_CLOSED;
	if (e->holder)
		promote(n, e, op);
	else if (op->caching)
		grant_oplock(n, e, op, k);
	if (e->holder)
		result_of(e->holder, ret);
	return STATUS_SUCCESS;
}

/* ---- waiting, and looking ------------------------------------------------------------------------------------ */

/* Since when the oldest break of another's caching waits; 0: none does. Under n's lock. */
static uint64_t broken_since(const struct state_node *n, const struct state_op *op)
{
	uint64_t since = 0;

	list_for_each (it, &n->holders) {
		const struct holder *h = container_of(it, struct holder, node);

		if (h->caching.breaking && !is_same(h, op) &&
		    (!since || h->broken_ms < since))
			since = h->broken_ms;
	}
	return since;
}

uint64_t state_wait(struct state_node *n, const struct state_op *op,
		    struct state_waiter *sw, struct wait *w)
{
	uint64_t since;

	sw->wait = w;
	{
		LOCK_SCOPE(state_node_lock(n));
		since = broken_since(n, op);
		if (since)
			list_add_tail(&n->waiters, &sw->node);
	}
	if (!since && wait_claim(w, WAIT_GRANTED))
		wait_now(w, 0);
	return since;
}

void state_wait_forget(struct state_node *n, struct state_waiter *sw)
{
	LOCK_SCOPE(state_node_lock(n));

	list_del(&sw->node);
}

bool state_lease_find(struct state *s, const struct lease_id *id,
		      struct node_key *ret_node)
{
	LOCK_SCOPE(&s->lock);
	const struct holder *h = lease_find(s, id);

	if (h)
		*ret_node = h->of->key;
	return h != NULL;
}

static size_t opens_of(struct state_node *n, const struct lease_id *id, uint64_t *opens,
		       size_t max)
{
	size_t count = 0;
	LOCK_SCOPE(state_node_lock(n));

	list_for_each (it, &n->entries) {
		const struct entry *e = container_of(it, struct entry, node);

		if (count < max && e->server == n->state->server && e->holder &&
		    e->holder->caching.lease && lease_id_eq(&e->holder->lease, id))
			opens[count++] = e->open;
	}
	return count;
}

size_t state_lease_opens(struct state *s, const struct node_key *node,
			 const struct lease_id *id, uint64_t *opens, size_t max)
{
	struct state_node *n = state_node_get(s, node);
	size_t count = n ? opens_of(n, id, opens, max) : 0;

	state_node_put(n);
	return count;
}

bool state_is_cached(const struct state_node *n)
{
	return atomic_load_explicit(&n->cached, memory_order_acquire);
}

bool state_held(struct state_node *n, const struct state_op *who,
		struct state_result *ret)
{
	const struct holder *h;
	LOCK_SCOPE(state_node_lock(n));

	h = holder_find(n, who);
	if (h)
		result_of(h, ret);
	return h != NULL;
}

uint8_t state_cached(struct state_node *n)
{
	LOCK_SCOPE(state_node_lock(n));

	return (n->holds.read ? CACHING_READ : 0) | (n->holds.write ? CACHING_WRITE : 0);
}

bool state_is_handle_cached(struct state_node *n)
{
	LOCK_SCOPE(state_node_lock(n));

	return n->holds.handle;
}
