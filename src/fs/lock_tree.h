/*
 * lock_tree.h - byte-range locks of one file by where they are, so that no number of locks makes a READ, a LOCK or an UNLOCK
 *               expensive.
 *
 * A treap: a binary tree by range and owner, and a heap by weights that nobody can guess, which keeps it shallow whatever
 * clients lock. Each lock knows the last byte that is locked in its part of the tree.
 *
 * Owns     nothing; the locks are fs/state_lock.c's.
 * Threads  none of its own: the file's lock (rank NODE).
 * Spec     [MS-FSA] 2.1.4.10
 */
#pragma once

#include "fs/state.h"

struct held_lock;

/* What links a lock into a tree; its own, but for `weight` and `number`, which the owner sets before lock_tree_add(). */
struct lock_place {
	struct held_lock *left, *right;
	uint64_t weight;   /* random */
	uint64_t number;   /* higher: taken later */
	uint64_t max_last; /* the highest lock_last() in this part of the tree */
};

/* The last byte of a range; of an empty one the byte before it, as it lies between two. Not of {0, 0}, which lies nowhere. */
static inline uint64_t lock_last(const struct state_range *r)
{
	return r->offset + r->length - 1;
}

void lock_tree_add(struct held_lock **root, struct held_lock *l);
void lock_tree_del(struct held_lock **root, struct held_lock *l); /* is in it */

/* Does the range overlap a lock that is not this open's? `server`, `open`: NULL for those of everybody. */
struct lock_owner {
	uint32_t server;
	uint64_t open;
};
bool lock_tree_overlaps(const struct held_lock *root, const struct state_range *r,
			const struct lock_owner *but);

/* The lock of exactly that range and owner; the one taken last if there are several. NULL: none. */
struct held_lock *lock_tree_find(struct held_lock *root, const struct state_range *r,
				 const struct lock_owner *who);

/* How deep it is. For tests. */
size_t lock_tree_depth(const struct held_lock *root);
