/*
 * state_impl.h - what the files of the state interface share; for fs/state*.c only.
 *
 * Locks: the table's (rank TABLE) guards which nodes and leases there are; a file's (rank NODE) guards its state_node and
 * those of its named streams, so that deletion and share modes of the whole file can be judged at once.
 */
#pragma once

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/stock.h"
#include "fs/lock_tree.h"
#include "fs/state.h"

/* Locks that exclude each other apart from those that do not; {0, 0} is in nobody's way. */
enum lock_kind { LOCKS_SHARED, LOCKS_EXCLUSIVE, LOCKS_NOWHERE, LOCK_KINDS };

enum {
	SHARING_COUNT = 3,
	SHARING_DELETE = 2, /* index into sharing[] */
};

struct state {
	uint32_t server;           /* I */
	uint8_t hash_key[16];      /* I */
	struct state_sink *sink;   /* I */
	struct state_order *order; /* I */
	struct lock lock;          /* rank TABLE */
	struct map nodes;          /* L  state_node.by_key */
	struct map leases;         /* L  holder.by_lease */
	struct stock node_stock, entry_stock, holder_stock;
};

/*
 * A break is told without a lock held, and may come before the sink knows the open:
 *
 *     TOLD --note()--> TO_TELL --taken--> TELLING --> TOLD
 *                         ^                 |  \__nobody known__> UNTOLD --state_tell_again()--> TO_TELL
 *                         \__nobody known__ TELL_AGAIN <--state_tell_again()
 */
enum holder_telling { TOLD, TO_TELL, TELLING, TELL_AGAIN, UNTOLD };

/* Who may cache: an open with an oplock, or all opens that share a lease. */
struct holder {
	struct list_node node;    /* state_node.holders */
	struct map_node by_lease; /* state.leases; a lease's */
	struct state_node *of;
	struct caching caching;
	uint32_t server;
	uint64_t open; /* an oplock's */
	uint8_t lease_version;
	struct lease_id lease;
	uint16_t epoch;
	unsigned opens;              /* a lease's entries */
	unsigned active;             /* of those, the ones that are no stat opens */
	uint64_t broken_ms;          /* breaking: since when */
	enum holder_telling telling; /* of `notice` */
	struct caching_notice notice;
};

/* How many holders of a node ... */
struct holder_counts {
	size_t read, handle, write, oplock, breaking;
};

/* An open, from its reservation on. */
struct entry {
	struct list_node node;   /* state_node.entries, oldest first */
	struct map_node by_open; /* state_node.by_open */
	uint32_t server;
	uint64_t open;
	uint32_t access, share;
	bool delete_on_close;
	bool directory;
	struct list_node locks; /* held_lock.of_entry, oldest first */
	size_t lock_count;
	struct holder *
		holder; /* its lease's from the reservation on, its oplock's from the commit on; or NULL */
};

struct held_lock {
	struct list_node node; /* state_node.locks */
	struct list_node of_entry;
	struct lock_place place;
	uint32_t server;
	uint64_t open;
	uint64_t wait_id; /* of the LOCK, if it was one that waits; 0 */
	struct state_range range;
};

/* wait NULL: somebody else answers, or nobody any more. */
struct waiting_lock {
	struct list_node node;
	struct state_result *ret;
	struct wait *wait;
	struct held_lock
		*lock; /* what it asks for, made beforehand: a grant cannot fail */
};

struct state_node {
	struct map_node by_key; /* state's lock */
	struct state *state;
	struct node_key key;
	unsigned refs; /* state's lock: nodes, operations under way, and `kept` */
	bool kept;     /* L  there are opens */
	struct state_node
		*base; /* I  the file's, which a stream's keeps; itself otherwise */
	struct list_node streams; /* L  of a file: its streams' on_base */
	struct list_node on_base; /* L  of a stream */

	struct lock lock;         /* rank NODE; of a stream unused: base's is taken */
	struct list_node entries; /* L */
	struct map by_open;       /* L */
	struct map_node *few[MAP_FEW]; /* by_open's first slots */
	size_t entry_count;            /* L */
	size_t file_entry_count;       /* L  base: of all its streams as well */
	size_t file_denying_delete; /* L  base: likewise, of those that deny others DELETE */
	size_t having[SHARING_COUNT];  /* L  entries with that access */
	size_t denying[SHARING_COUNT]; /* L  entries that take part and do not share it */
	size_t active
		[2]; /* L  entries that are no stat opens: to an oplock, to a lease */
	struct list_node holders;               /* L  oldest first */
	struct holder_counts holds;             /* L */
	struct list_node waiters;               /* L  state_waiter: for a break */
	struct list_node locks;                 /* L  oldest first */
	struct held_lock *by_range[LOCK_KINDS]; /* L  the same: fs/lock_tree.h */
	uint64_t lock_number;                   /* L  of the next one */
	struct list_node waiting;               /* L  waiting_lock, oldest first */
	bool delete_pending;                    /* L */
	/* some lock is held: READ and WRITE look without the lock first */
	atomic_bool any_lock;
	atomic_bool cached; /* state_is_cached() */
};

/* The lock that guards n. */
static inline struct lock *state_node_lock(struct state_node *n)
{
	return &n->base->lock;
}

static inline bool state_is_owner(uint32_t server, uint64_t open,
				  const struct state_op *op)
{
	return server == op->server && open == op->open;
}

/*
 * What an operation needs from outside n's lock, and leaves for outside. Every function below runs under n's lock, and
 * under the table's as well if the operation is a lease's.
 */
struct state_work {
	struct list_node ended;    /* waiting_lock.node: granted, claimed for us */
	struct list_node freed;    /* held_lock.node */
	struct list_node released; /* state_waiter.node: claimed for us */
	struct entry *entry; /* RESERVE: the new one, or CLOSE: the old one, to free */
	struct holder *
		holder; /* RESERVE, COMMIT: a new one, if need be; CLOSE: the old one, to free */
	struct waiting_lock *waiting;
	struct list_node locks; /* LOCK: made beforehand, one a range */
	bool parked;
	bool tell; /* some holder is to be told of a break */
};

typedef nt_status state_fn(struct state_node *n, const struct state_op *op,
			   struct state_work *k, struct state_result *ret);

/* state_share.c */
state_fn state_reserve, state_withdraw, state_close, state_set_delete, state_check;
struct entry *state_entry_find(struct state_node *n, const struct state_op *op);
/* The same without an operation: fs/state_dump.h. False: it cannot be beside the others. */
bool state_entry_restore(struct state_node *n, struct entry *e);

/* state_cache.c */
state_fn state_commit, state_use, state_ack, state_expire;
/* RESERVE: STATUS_PENDING if somebody must give up caching before share modes are looked at (before_sharing), are no
 * longer in conflict, or the open may go on. */
nt_status state_cache_before_sharing(struct state_node *n, const struct state_op *op,
				     struct state_work *k);
nt_status state_cache_in_conflict(struct state_node *n, const struct state_op *op,
				  struct state_work *k);
nt_status state_cache_opened(struct state_node *n, const struct state_op *op,
			     struct state_work *k);
/* e is there now: it takes part in its lease, a new one if need be. STATUS_INVALID_PARAMETER: the key is another file's. */
nt_status state_lease_check(struct state_node *n, const struct state_op *op);
void state_lease_join(struct state_node *n, struct entry *e, const struct state_op *op,
		      struct state_work *k);
/* e goes, and what only it held. */
void state_cache_leave(struct state_node *n, struct entry *e, struct state_work *k);
/* Restored: false if its lease is known already. */
bool state_holder_restore(struct state_node *n, struct holder *h);
/* Without locks: tell of all breaks that are to be told, of n and of its streams. */
void state_cache_tell(struct state_node *n);

/* state_lock.c */
state_fn state_lock_apply, state_unlock_apply, state_forget;
void state_locks_drop(struct state_node *n, struct entry *e, const struct state_op *op,
		      struct state_work *k);
/* Restored, held or waiting; -EBADMSG: it cannot be so. -ENOMEM. */
MUST_CHECK int state_lock_restore(struct state_node *n, struct held_lock *l,
				  bool waiting);
/* Memory for a LOCK; -ENOMEM. */
MUST_CHECK int state_lock_prepare(struct state_work *k, const struct state_op *op,
				  struct state_result *ret, struct wait *w);
/* End what was granted, free what is left. */
void state_lock_finish(struct state_work *k);
