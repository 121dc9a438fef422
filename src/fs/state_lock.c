/*
 * state_lock.c - byte-range locks.
 *
 *     lock    (LOCK) --> held --UNLOCK, CLOSE--> gone
 *             (LOCK, wait_if_held) --> waiting --another lock goes--> held
 *                                          \__claimed by cancel, close; state_lock_forget()__> gone
 */
#include "fs/state_impl.h"

#include <errno.h>
#include <stdlib.h>

enum { LOCKS_MAX = 16384 /* of one open */ };

static bool overlap(const struct state_range *a, const struct state_range *b)
{
	/* the {0, 0} range overlaps nothing; other empty ranges lie between two bytes: [MS-FSA] 2.1.4.10 */
	if ((a->offset == 0 && a->length == 0) || (b->offset == 0 && b->length == 0))
		return false;
	return a->offset <= b->offset + b->length - 1 &&
	       a->offset + a->length - 1 >= b->offset;
}

/* [MS-FSA] 2.1.4.10 */
static bool lock_conflicts(struct state_node *n, const struct state_op *op,
			   const struct state_range *r, bool lock_intent)
{
	list_for_each (it, &n->locks) {
		const struct held_lock *l = container_of(it, struct held_lock, node);

		if (!overlap(r, &l->range))
			continue;
		if (l->range.exclusive) {
			if (!state_is_owner(l->server, l->open, op) ||
			    (r->exclusive && lock_intent))
				return true;
		} else if (r->exclusive) {
			return true;
		}
	}
	return false;
}

static void lock_add(struct state_node *n, struct entry *e, struct held_lock *l,
		     const struct state_range *r)
{
	l->server = e->server;
	l->open = e->open;
	l->range = *r;
	list_add_tail(&n->locks, &l->node);
	e->lock_count++;
	atomic_store_explicit(&n->any_lock, true, memory_order_release);
}

/* e: whose it is. */
static void lock_del(struct state_node *n, struct entry *e, struct held_lock *l,
		     struct state_work *k)
{
	list_del(&l->node);
	list_add_tail(&k->freed, &l->node);
	e->lock_count--;
	atomic_store_explicit(&n->any_lock, !list_empty(&n->locks), memory_order_release);
}

/* Locks went: whoever waits, oldest first, gets what no longer conflicts. */
static void grant_waiting(struct state_node *n, struct state_work *k)
{
	list_for_each (it, &n->waiting) {
		struct waiting_lock *w = container_of(it, struct waiting_lock, node);
		struct entry *e = state_entry_find(n, w->op);

		if (!e || lock_conflicts(n, w->op, &w->op->ranges[0], true))
			continue;
		if (!wait_claim(w->wait, WAIT_GRANTED))
			continue; /* cancelled: its owner will forget it */
		list_del(it);
		lock_add(n, e, TAKE(w->lock), &w->op->ranges[0]);
		list_add_tail(&k->ended, it);
	}
}

/* [MS-FSA] 2.1.5.5 phase 9 */
void state_locks_drop(struct state_node *n, struct entry *e, const struct state_op *op,
		      struct state_work *k)
{
	if (!e->lock_count)
		return;
	list_for_each (it, &n->locks) {
		struct held_lock *l = container_of(it, struct held_lock, node);

		if (state_is_owner(l->server, l->open, op))
			lock_del(n, e, l, k);
	}
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
		lock_add(n, e, container_of(list_pop(&k->locks), struct held_lock, node),
			 &op->ranges[i]);
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
		if (!wait_claim(k->waiting->wait, WAIT_GRANTED)) {
			k->parked = true; /* cancelled on its way here */
			return STATUS_PENDING;
		}
	}
	return e ? lock_all(n, e, op, k, ret) : STATUS_FILE_CLOSED;
}

/* [MS-FSA] 2.1.5.9: exact ranges of this open; an exclusive one goes before a shared one. */
static struct held_lock *unlock_find(struct state_node *n, const struct state_op *op,
				     const struct state_range *r)
{
	struct held_lock *found = NULL;

	list_for_each (it, &n->locks) {
		struct held_lock *l = container_of(it, struct held_lock, node);

		if (!state_is_owner(l->server, l->open, op) ||
		    l->range.offset != r->offset || l->range.length != r->length)
			continue;
		found = l;
		if (l->range.exclusive)
			break;
	}
	return found;
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

int state_lock_prepare(struct state_work *k, const struct state_op *op,
		       struct state_result *ret, struct wait *w)
{
	for (uint16_t i = 0; i < op->range_count; i++) {
		struct held_lock *l = calloc(1, sizeof(*l));

		if (!l)
			return -ENOMEM;
		list_add_tail(&k->locks, &l->node);
	}
	if (!op->wait_if_held)
		return 0;
	k->waiting = calloc(1, sizeof(*k->waiting));
	if (!k->waiting)
		return -ENOMEM;
	*k->waiting = (struct waiting_lock){.op = op, .ret = ret, .wait = w};
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

		g->ret->status = STATUS_SUCCESS;
		wait_post(g->wait, 0);
		free(g);
	}
	locks_free(&k->freed);
	locks_free(&k->locks);
	free(k->waiting);
}

void state_lock_forget(struct state *s, const struct state_op *op, struct wait *w)
{
	struct waiting_lock *found = NULL;
	struct state_node *n;

	if (s->order && s->order->forget(s->order, w))
		return;
	n = state_node_get(s, &op->node);
	if (!n)
		return;
	{
		LOCK_SCOPE(state_node_lock(n));
		list_for_each (it, &n->waiting) {
			struct waiting_lock *l = container_of(it, struct waiting_lock,
							      node);

			if (l->wait != w)
				continue;
			list_del(it);
			found = l;
		}
	}
	if (found)
		free(found->lock);
	free(found);
	state_node_put(n);
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
