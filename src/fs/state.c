/*
 * The replica of what clients share, and the operations that change it. Every operation is deterministic: it looks at
 * the record and at the replica, at nothing else.
 *
 *     entry   (RESERVE) --> reserved --COMMIT--> open --CLOSE--> gone
 *                              \__WITHDRAW__> gone
 *     lock    (LOCK) --> held --UNLOCK, CLOSE--> gone
 *             (LOCK, wait_if_held) --> waiting --another lock goes--> held
 *                                          \__claimed by cancel, close; state_lock_forget()__> gone
 */
#include "fs/state.h"

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "wire/smb2_proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHARING_COUNT = 3,
	LOCKS_MAX = 16384, /* of one open */
};

/* Access that takes part in sharing; an open without any neither excludes nor is excluded. */
static const struct {
	uint32_t access, share;
} sharing[SHARING_COUNT] = {
	{FILE_READ_DATA | FILE_EXECUTE, FILE_SHARE_READ},
	{FILE_WRITE_DATA | FILE_APPEND_DATA, FILE_SHARE_WRITE},
	{DELETE, FILE_SHARE_DELETE},
};

struct state {
	struct lock lock; /* rank TABLE */
	struct map nodes; /* L */
};

struct entry {
	struct list_node node;
	uint32_t server;
	uint64_t open;
	uint32_t access, share;
	bool delete_on_close;
	size_t lock_count;
};

struct held_lock {
	struct list_node node;
	uint32_t server;
	uint64_t open;
	struct state_range range;
};

struct waiting_lock {
	struct list_node node;
	const struct state_op *op;
	struct state_result *ret;
	struct wait *wait;
	struct held_lock *lock; /* made beforehand: a grant cannot fail */
};

struct state_node {
	struct map_node by_key; /* state's lock */
	struct state *state;
	struct node_key key;
	unsigned refs;                 /* state's lock: nodes and operations under way */
	struct lock lock;              /* rank NODE */
	struct list_node entries;      /* L */
	size_t entry_count;            /* L */
	size_t having[SHARING_COUNT];  /* L  entries with that access */
	size_t denying[SHARING_COUNT]; /* L  entries that take part and do not share it */
	struct list_node locks;        /* L  oldest first */
	struct list_node waiting;      /* L  oldest first */
	bool delete_pending;           /* L */
	atomic_bool
		any_lock; /* some lock is held: READ and WRITE look without the lock first */
};

struct state *state_new(void)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	lock_init(&s->lock, LOCK_RANK_TABLE);
	if (map_init(&s->nodes) == 0)
		return s;
	lock_fini(&s->lock);
	free(s);
	return NULL;
}

void state_free(struct state *s)
{
	if (!s)
		return;
	map_fini(&s->nodes);
	lock_fini(&s->lock);
	free(s);
}

/* Inodes are no peer's choice: mixing is enough. */
static uint64_t key_hash(const struct node_key *key)
{
	return key->inode * UINT64_C(0x9E3779B97F4A7C15) ^ key->volume ^ key->generation ^
	       key->stream;
}

static struct state_node *find_locked(struct state *s, const struct node_key *key)
{
	for (struct map_node *m = map_first(&s->nodes, key_hash(key)); m;
	     m = map_next(m)) {
		struct state_node *n = container_of(m, struct state_node, by_key);

		if (node_key_eq(&n->key, key)) {
			n->refs++;
			return n;
		}
	}
	return NULL;
}

struct state_node *state_node_get(struct state *s, const struct node_key *key)
{
	struct state_node *fresh, *n;

	{
		LOCK_SCOPE(&s->lock);
		n = find_locked(s, key);
	}
	if (n)
		return n;
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return NULL;
	fresh->state = s;
	fresh->key = *key;
	fresh->refs = 1;
	lock_init(&fresh->lock, LOCK_RANK_NODE);
	list_init(&fresh->entries);
	list_init(&fresh->locks);
	list_init(&fresh->waiting);
	{
		LOCK_SCOPE(&s->lock);
		n = find_locked(s, key);
		if (!n)
			map_add(&s->nodes, &fresh->by_key, key_hash(key));
	}
	if (!n)
		return fresh;
	lock_fini(&fresh->lock);
	free(fresh);
	return n;
}

void state_node_put(struct state_node *n)
{
	if (!n)
		return;
	{
		LOCK_SCOPE(&n->state->lock);
		if (--n->refs)
			return;
		map_del(&n->state->nodes, &n->by_key);
	}
	lock_fini(&n->lock);
	free(n);
}

static bool is_owner(uint32_t server, uint64_t open, const struct state_op *op)
{
	return server == op->server && open == op->open;
}

/* Youngest first: most opens are closed soon, and a reservation is committed at once. */
static struct entry *entry_find(struct state_node *n, const struct state_op *op)
{
	for (struct list_node *it = n->entries.prev; it != &n->entries; it = it->prev) {
		struct entry *e = container_of(it, struct entry, node);

		if (is_owner(e->server, e->open, op))
			return e;
	}
	return NULL;
}

static bool takes_part(uint32_t access)
{
	for (size_t i = 0; i < SHARING_COUNT; i++)
		if (access & sharing[i].access)
			return true;
	return false;
}

/* Does e deny others that access, all of them but itself? */
static bool denies(const struct entry *e, size_t i)
{
	return takes_part(e->access) && !(e->share & sharing[i].share);
}

static void entry_add(struct state_node *n, struct entry *e)
{
	list_add_tail(&n->entries, &e->node);
	n->entry_count++;
	for (size_t i = 0; i < SHARING_COUNT; i++) {
		n->having[i] += (e->access & sharing[i].access) != 0;
		n->denying[i] += denies(e, i);
	}
}

static void entry_del(struct state_node *n, struct entry *e)
{
	list_del(&e->node);
	n->entry_count--;
	for (size_t i = 0; i < SHARING_COUNT; i++) {
		n->having[i] -= (e->access & sharing[i].access) != 0;
		n->denying[i] -= denies(e, i);
	}
}

/* [MS-FSA] 2.1.5.1.2.2: one look at the counts does for all other opens. */
static nt_status share_check(struct state_node *n, const struct state_op *op)
{
	if (n->delete_pending)
		return STATUS_DELETE_PENDING;
	if (!takes_part(op->access))
		return STATUS_SUCCESS;
	for (size_t i = 0; i < SHARING_COUNT; i++)
		if (((op->access & sharing[i].access) && n->denying[i]) ||
		    (!(op->share & sharing[i].share) && n->having[i]))
			return STATUS_SHARING_VIOLATION;
	return STATUS_SUCCESS;
}

/* Every function below runs under n's lock. What it must end after it goes on `ended`; memory comes in `spare`. */
struct state_work {
	struct list_node ended; /* waiting_lock.node: granted, claimed for us */
	struct list_node freed; /* held_lock.node */
	struct entry *entry;    /* RESERVE: the new one, or CLOSE: the old one, to free */
	struct waiting_lock *waiting;
	struct list_node locks; /* LOCK: made beforehand, one a range */
	bool parked;
};

static nt_status apply_reserve(struct state_node *n, const struct state_op *op,
			       struct state_work *k, struct state_result *ret)
{
	nt_status st = share_check(n, op);

	if (!nt_ok(st))
		return st;
	*k->entry = (struct entry){
		.server = op->server,
		.open = op->open,
		.access = op->access,
		.share = op->share,
		.delete_on_close = op->delete_on_close,
	};
	entry_add(n, TAKE(k->entry));
	return STATUS_SUCCESS;
}

static nt_status apply_commit(struct state_node *n, const struct state_op *op,
			      struct state_work *k, struct state_result *ret)
{
	return entry_find(n, op) ? STATUS_SUCCESS : STATUS_FILE_CLOSED;
}

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
			if (!is_owner(l->server, l->open, op) ||
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
		struct entry *e = entry_find(n, w->op);

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
static void drop_locks_of(struct state_node *n, struct entry *e,
			  const struct state_op *op, struct state_work *k)
{
	if (!e->lock_count)
		return;
	list_for_each (it, &n->locks) {
		struct held_lock *l = container_of(it, struct held_lock, node);

		if (is_owner(l->server, l->open, op))
			lock_del(n, e, l, k);
	}
	grant_waiting(n, k);
}

static nt_status apply_withdraw(struct state_node *n, const struct state_op *op,
				struct state_work *k, struct state_result *ret)
{
	struct entry *e = entry_find(n, op);

	if (!e)
		return STATUS_FILE_CLOSED;
	entry_del(n, e);
	k->entry = e;
	return STATUS_SUCCESS;
}

/* [MS-FSA] 2.1.5.5 */
static nt_status apply_close(struct state_node *n, const struct state_op *op,
			     struct state_work *k, struct state_result *ret)
{
	nt_status st = apply_withdraw(n, op, k, ret);

	if (!nt_ok(st))
		return st;
	if (k->entry->delete_on_close)
		n->delete_pending = true;
	drop_locks_of(n, k->entry, op, k);
	if (n->entry_count == 0) {
		/* what becomes of the name is now its remover's matter: a directory may turn out not to be empty */
		ret->remove_name = n->delete_pending && !n->key.stream;
		ret->remove_stream = n->delete_pending && n->key.stream;
		n->delete_pending = false;
	}
	return STATUS_SUCCESS;
}

static nt_status apply_set_delete(struct state_node *n, const struct state_op *op,
				  struct state_work *k, struct state_result *ret)
{
	if (!entry_find(n, op))
		return STATUS_FILE_CLOSED;
	n->delete_pending = op->delete_pending;
	return STATUS_SUCCESS;
}

static nt_status apply_check(struct state_node *n, const struct state_op *op,
			     struct state_work *k, struct state_result *ret)
{
	return share_check(n, op);
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

static nt_status apply_lock(struct state_node *n, const struct state_op *op,
			    struct state_work *k, struct state_result *ret)
{
	struct entry *e = entry_find(n, op);

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

		if (!is_owner(l->server, l->open, op) || l->range.offset != r->offset ||
		    l->range.length != r->length)
			continue;
		found = l;
		if (l->range.exclusive)
			break;
	}
	return found;
}

/* [MS-SMB2] 3.3.5.14.1: ranges before the one that fails stay unlocked. */
static nt_status apply_unlock(struct state_node *n, const struct state_op *op,
			      struct state_work *k, struct state_result *ret)
{
	struct entry *e = entry_find(n, op);
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

static nt_status (*const apply[])(struct state_node *n, const struct state_op *op,
				  struct state_work *k, struct state_result *ret) = {
	[STATE_RESERVE] = apply_reserve,
	[STATE_COMMIT] = apply_commit,
	[STATE_WITHDRAW] = apply_withdraw,
	[STATE_CLOSE] = apply_close,
	[STATE_SET_DELETE] = apply_set_delete,
	[STATE_CHECK] = apply_check,
	[STATE_LOCK] = apply_lock,
	[STATE_UNLOCK] = apply_unlock,
};

/* All memory an operation may need, before any lock is taken. */
static int work_prepare(struct state_work *k, const struct state_op *op,
			struct state_result *ret, struct wait *w)
{
	*k = (struct state_work){0};
	list_init(&k->ended);
	list_init(&k->freed);
	list_init(&k->locks);
	if (op->code == STATE_RESERVE) {
		k->entry = calloc(1, sizeof(*k->entry));
		return k->entry ? 0 : -ENOMEM;
	}
	if (op->code != STATE_LOCK)
		return 0;
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

/* End what the operation let go on, and free what it left. */
static void work_finish(struct state_work *k)
{
	for (struct list_node *it; (it = list_pop(&k->ended)) != NULL;) {
		struct waiting_lock *g = container_of(it, struct waiting_lock, node);

		g->ret->status = STATUS_SUCCESS;
		wait_post(g->wait, 0);
		free(g);
	}
	locks_free(&k->freed);
	locks_free(&k->locks);
	free(k->entry);
	free(k->waiting);
}

void state_apply(struct state *s, struct lane *lane, const struct state_op *op,
		 struct state_result *ret, struct wait *w)
{
	struct state_node *n = state_node_get(s, &op->node);
	struct state_work k;
	bool parked;

	if (!n || work_prepare(&k, op, ret, w) != 0) {
		if (n)
			work_finish(&k);
		state_node_put(n);
		if (!op->wait_if_held || wait_claim(w, WAIT_GRANTED))
			wait_now(w, -ENOMEM);
		return;
	}
	*ret = (struct state_result){0};
	{
		LOCK_SCOPE(&n->lock);
		nt_status st = apply[op->code](n, op, &k, ret);

		ret->delete_pending = n->delete_pending;
		ret->status = st;
	}
	parked = k.parked;
	work_finish(&k);
	state_node_put(n);
	if (!parked)
		wait_now(w, 0);
}

void state_lock_forget(struct state *s, const struct state_op *op, struct wait *w)
{
	struct state_node *n = state_node_get(s, &op->node);
	struct waiting_lock *found = NULL;

	if (!n)
		return;
	{
		LOCK_SCOPE(&n->lock);
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
	LOCK_SCOPE(&n->lock);
	return lock_conflicts(n, &who, &r, false) ? STATUS_FILE_LOCK_CONFLICT
						  : STATUS_SUCCESS;
}

bool state_delete_pending(struct state_node *n)
{
	LOCK_SCOPE(&n->lock);

	return n->delete_pending;
}

size_t state_open_count(struct state_node *n)
{
	LOCK_SCOPE(&n->lock);

	return n->entry_count;
}
