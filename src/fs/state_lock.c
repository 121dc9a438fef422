/*
 * state_lock.c - byte-range locks.
 *
 *     lock    (LOCK) --> held --UNLOCK, CLOSE, FORGET--> gone
 *             (LOCK, wait_if_held) --> waiting --another lock goes--> held
 *                                          \__FORGET, CLOSE__> gone
 *
 * Whether somebody still waits for a lock is no matter of the lock's: it is granted, and a FORGET gives it back.
 */
#include "fs/state_impl.h"

#include <errno.h>
#include <stdlib.h>

enum { LOCKS_MAX = 16384 /* of one open */ };

/* It overlaps nothing, while other empty ranges lie between two bytes: [MS-FSA] 2.1.4.10 */
static bool is_nowhere(const struct state_range *r)
{
	return r->offset == 0 && r->length == 0;
}

static struct held_lock **tree_of(struct state_node *n, const struct state_range *r)
{
	if (is_nowhere(r))
		return &n->by_range[LOCKS_NOWHERE];
	return &n->by_range[r->exclusive ? LOCKS_EXCLUSIVE : LOCKS_SHARED];
}

static struct lock_owner owner_in(const struct state_op *op)
{
	return (struct lock_owner){op->server, op->open};
}

/* [MS-FSA] 2.1.4.10 */
static bool lock_conflicts(struct state_node *n, const struct state_op *op,
			   const struct state_range *r, bool lock_intent)
{
	const struct lock_owner who = owner_in(op);
	bool own_too = r->exclusive && lock_intent;

	if (is_nowhere(r))
		return false;
	return lock_tree_overlaps(n->by_range[LOCKS_EXCLUSIVE], r,
				  own_too ? NULL : &who) ||
	       (r->exclusive && lock_tree_overlaps(n->by_range[LOCKS_SHARED], r, NULL));
}

/* e: whose it is. */
static void lock_add(struct state_node *n, struct entry *e, struct held_lock *l)
{
	uint64_t number = n->lock_number++;

	l->place.number = number;
	l->place.weight = map_hash(n->state->hash_key, span_of(&number, sizeof(number)));
	lock_tree_add(tree_of(n, &l->range), l);
	list_add_tail(&n->locks, &l->node);
	list_add_tail(&e->locks, &l->of_entry);
	e->lock_count++;
	atomic_store_explicit(&n->any_lock, true, memory_order_release);
}

static void lock_del(struct state_node *n, struct entry *e, struct held_lock *l,
		     struct state_work *k)
{
	lock_tree_del(tree_of(n, &l->range), l);
	list_del(&l->of_entry);
	list_del(&l->node);
	list_add_tail(&k->freed, &l->node);
	e->lock_count--;
	atomic_store_explicit(&n->any_lock, !list_empty(&n->locks), memory_order_release);
}

static struct state_op owner_of(const struct held_lock *l)
{
	return (struct state_op){.server = l->server, .open = l->open};
}

/* Locks went: whoever waits, oldest first, gets what no longer conflicts. */
static void grant_waiting(struct state_node *n, struct state_work *k)
{
	list_for_each (it, &n->waiting) {
		struct waiting_lock *w = container_of(it, struct waiting_lock, node);
		const struct state_op who = owner_of(w->lock);
		struct entry *e = state_entry_find(n, &who);

		if (!e || lock_conflicts(n, &who, &w->lock->range, true))
			continue;
		list_del(it);
		lock_add(n, e, TAKE(w->lock));
		if (w->wait && !wait_claim(w->wait, WAIT_GRANTED))
			w->wait = NULL; /* its claimant answers */
		list_add_tail(&k->ended, it);
	}
}

/* Nobody waits for it: who did has claimed its wait, or will. */
static void waiting_drop(struct waiting_lock *w, struct state_work *k)
{
	list_del(&w->node);
	w->wait = NULL;
	list_add_tail(&k->freed, &TAKE(w->lock)->node);
	list_add_tail(&k->ended, &w->node);
}

/* [MS-FSA] 2.1.5.5 phase 9 */
void state_locks_drop(struct state_node *n, struct entry *e, const struct state_op *op,
		      struct state_work *k)
{
	list_for_each (it, &n->waiting) {
		struct waiting_lock *w = container_of(it, struct waiting_lock, node);

		if (state_is_owner(w->lock->server, w->lock->open, op))
			waiting_drop(w, k);
	}
	if (!e->lock_count)
		return;
	list_for_each (it, &e->locks)
		lock_del(n, e, container_of(it, struct held_lock, of_entry), k);
	grant_waiting(n, k);
}

/* [MS-FSA] 2.1.5.8: a range past the last byte there can be. */
static bool range_valid(const struct state_range *r)
{
	return r->length == 0 || r->offset + r->length - 1 >= r->offset;
}

static nt_status lock_check(struct state_node *n, const struct entry *e,
			    const struct state_op *op, const struct state_range *r)
{
	if (!range_valid(r))
		return STATUS_INVALID_LOCK_RANGE;
	if (lock_conflicts(n, op, r, true))
		return STATUS_LOCK_NOT_GRANTED;
	return e->lock_count < LOCKS_MAX ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* All ranges, or none. [MS-SMB2] 3.3.5.14.2 */
static nt_status lock_all(struct state_node *n, struct entry *e,
			  const struct state_op *op, struct state_work *k,
			  struct state_result *ret)
{
	for (uint16_t i = 0; i < op->range_count; i++) {
		nt_status st = lock_check(n, e, op, &op->ranges[i]);

		if (!nt_ok(st)) {
			ret->failed_range = i;
			for (; i > 0; i--) /* the newest are ours */
				lock_del(n, e,
					 container_of(n->locks.prev, struct held_lock,
						      node),
					 k);
			return st;
		}
		lock_add(n, e, container_of(list_pop(&k->locks), struct held_lock, node));
	}
	return STATUS_SUCCESS;
}

static nt_status lock_wait(struct state_node *n, struct state_work *k)
{
	k->waiting->lock = container_of(list_pop(&k->locks), struct held_lock, node);
	list_add_tail(&n->waiting, &TAKE(k->waiting)->node);
	k->parked = true;
	return STATUS_PENDING;
}

nt_status state_lock_apply(struct state_node *n, const struct state_op *op,
			   struct state_work *k, struct state_result *ret)
{
	struct entry *e = state_entry_find(n, op);

	if (op->wait_if_held) {
		if (e &&
		    nt_is(lock_check(n, e, op, &op->ranges[0]), STATUS_LOCK_NOT_GRANTED))
			return lock_wait(n, k);
		if (k->waiting->wait)
			k->parked = !wait_claim(k->waiting->wait, WAIT_GRANTED);
	}
	return e ? lock_all(n, e, op, k, ret) : STATUS_FILE_CLOSED;
}

/* [MS-FSA] 2.1.5.9: exact ranges of this open; an exclusive one goes before a shared one. */
static struct held_lock *unlock_find(struct state_node *n, const struct state_op *op,
				     const struct state_range *r)
{
	static const enum lock_kind order[] = {LOCKS_NOWHERE, LOCKS_EXCLUSIVE,
					       LOCKS_SHARED};
	const struct lock_owner who = owner_in(op);
	struct held_lock *l = NULL;

	for (size_t i = 0; !l && i < ARRAY_LEN(order); i++)
		l = lock_tree_find(n->by_range[order[i]], r, &who);
	return l;
}

/* [MS-SMB2] 3.3.5.14.1: ranges before the one that fails stay unlocked. */
nt_status state_unlock_apply(struct state_node *n, const struct state_op *op,
			     struct state_work *k, struct state_result *ret)
{
	struct entry *e = state_entry_find(n, op);
	nt_status st = e ? STATUS_SUCCESS : STATUS_FILE_CLOSED;

	for (uint16_t i = 0; nt_ok(st) && i < op->range_count; i++) {
		struct held_lock *l = unlock_find(n, op, &op->ranges[i]);

		if (l) {
			lock_del(n, e, l, k);
			continue;
		}
		ret->failed_range = i;
		st = range_valid(&op->ranges[i]) ? STATUS_RANGE_NOT_LOCKED
						 : STATUS_INVALID_LOCK_RANGE;
	}
	grant_waiting(n, k);
	return st;
}

int state_lock_restore(struct state_node *n, struct held_lock *l, bool waiting)
{
	const struct state_op who = owner_of(l);
	struct entry *e = state_entry_find(n, &who);
	struct waiting_lock *w;

	/* whoever waits does so for one that is held */
	if (!e || !range_valid(&l->range) || (waiting && !l->wait_id) ||
	    lock_conflicts(n, &who, &l->range, true) != waiting)
		return -EBADMSG;
	if (!waiting) {
		lock_add(n, e, l);
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->lock = l;
	list_add_tail(&n->waiting, &w->node);
	return 0;
}

int state_lock_prepare(struct state_work *k, const struct state_op *op,
		       struct state_result *ret, struct wait *w)
{
	for (uint16_t i = 0; i < op->range_count; i++) {
		struct held_lock *l = calloc(1, sizeof(*l));

		if (!l)
			return -ENOMEM;
		*l = (struct held_lock){
			.server = op->server,
			.open = op->open,
			.wait_id = op->wait_if_held ? op->wait_id : 0,
			.range = op->ranges[i],
		};
		list_add_tail(&k->locks, &l->node);
	}
	if (!op->wait_if_held)
		return 0;
	k->waiting = calloc(1, sizeof(*k->waiting));
	if (!k->waiting)
		return -ENOMEM;
	*k->waiting = (struct waiting_lock){.ret = ret, .wait = w};
	return 0;
}

static void locks_free(struct list_node *list)
{
	for (struct list_node *it; (it = list_pop(list)) != NULL;)
		free(container_of(it, struct held_lock, node));
}

void state_lock_finish(struct state_work *k)
{
	for (struct list_node *it; (it = list_pop(&k->ended)) != NULL;) {
		struct waiting_lock *g = container_of(it, struct waiting_lock, node);

		if (g->wait) {
			g->ret->status = STATUS_SUCCESS;
			wait_post(g->wait, 0);
		}
		free(g);
	}
	locks_free(&k->freed);
	locks_free(&k->locks);
	free(k->waiting);
}

/* The LOCK waits, or was granted although nobody waited any more, or was never granted. */
nt_status state_forget(struct state_node *n, const struct state_op *op,
		       struct state_work *k, struct state_result *ret)
{
	struct entry *e = state_entry_find(n, op);

	list_for_each (it, &n->waiting) {
		struct waiting_lock *w = container_of(it, struct waiting_lock, node);

		if (w->lock->wait_id == op->wait_id &&
		    state_is_owner(w->lock->server, w->lock->open, op))
			waiting_drop(w, k);
	}
	if (!e)
		return STATUS_SUCCESS; /* closed, and its locks with it */
	list_for_each (it, &e->locks) {
		struct held_lock *l = container_of(it, struct held_lock, of_entry);

		if (l->wait_id == op->wait_id)
			lock_del(n, e, l, k);
	}
	grant_waiting(n, k);
	return STATUS_SUCCESS;
}

/* w is about to go. */
static void detach(struct state_node *n, const struct wait *w)
{
	LOCK_SCOPE(state_node_lock(n));

	list_for_each (it, &n->waiting) {
		struct waiting_lock *l = container_of(it, struct waiting_lock, node);

		if (l->wait == w)
			l->wait = NULL;
	}
}

void state_lock_forget(struct state *s, const struct state_op *op, struct wait *w)
{
	const struct state_op forget = {
		.code = STATE_FORGET,
		.node = op->node,
		.server = op->server,
		.open = op->open,
		.wait_id = op->wait_id,
	};
	struct state_node *n;

	if (s->order && s->order->forget(s->order, w))
		return;
	n = state_node_get(s, &op->node);
	if (!n)
		return; /* without memory: but it is there, whoever claimed w keeps it */
	detach(n, w);
	state_node_put(n);
	if (s->order)
		s->order->put(s->order, NULL, &forget, NULL, NULL);
	else if (state_follow(s, &forget) != 0)
		return; /* no such node any more, and no memory for another */
}

nt_status state_io_check(struct state_node *n, uint32_t server, uint64_t open,
			 uint64_t offset, uint64_t length, bool write)
{
	const struct state_op who = {.server = server, .open = open};
	struct state_range r = {.offset = offset, .length = length, .exclusive = write};

	if (length == 0 || !atomic_load_explicit(&n->any_lock, memory_order_acquire))
		return STATUS_SUCCESS;
	if (!range_valid(&r))
		r.length = UINT64_MAX - offset + 1;
	LOCK_SCOPE(state_node_lock(n));
	return lock_conflicts(n, &who, &r, false) ? STATUS_FILE_LOCK_CONFLICT
						  : STATUS_SUCCESS;
}

/* ---- looking ---------------------------------------------------------------------------------------------- */

/* Where the next one goes. */
struct lock_list {
	size_t skip, max, count;
	struct state_open_lock *ret;
};

static void lock_show(struct lock_list *l, const struct held_lock *h, bool waiting)
{
	if (l->count == l->max)
		return;
	if (l->skip) {
		l->skip--;
		return;
	}
	l->ret[l->count++] = (struct state_open_lock){h->range, waiting};
}

size_t state_open_locks(struct state_node *n, uint32_t server, uint64_t open, size_t skip,
			struct state_open_lock *ret, size_t max)
{
	const struct state_op who = {.server = server, .open = open};
	struct lock_list l = {skip, max, 0, ret};
	LOCK_SCOPE(state_node_lock(n));
	const struct entry *e = state_entry_find(n, &who);

	if (!e)
		return 0;
	list_for_each (it, &e->locks)
		lock_show(&l, container_of(it, struct held_lock, of_entry), false);
	list_for_each (it, &n->waiting) {
		const struct held_lock *h =
			container_of(it, struct waiting_lock, node)->lock;

		if (state_is_owner(h->server, h->open, &who))
			lock_show(&l, h, true);
	}
	return l.count;
}
