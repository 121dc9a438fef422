/*
 * lock.h - mutexes with a rank. A debug build (TSMB_DEBUG) aborts when locks are taken out of order.
 *
 * Order    server tables < client < sess < open < node < leaf. Two locks of one rank are never held together.
 */
#pragma once

#include "base/attr.h"

#include <pthread.h>

enum lock_rank {
	LOCK_RANK_TABLE = 1,
	LOCK_RANK_CLIENT,
	LOCK_RANK_SESS,
	LOCK_RANK_OPEN,
	LOCK_RANK_NODE,
	LOCK_RANK_LEAF,
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
};

void lock_init(struct lock *l, enum lock_rank rank);
void lock_fini(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);

static inline void lock_dropp(struct lock **l)
{
	lock_drop(*l);
}

/* Holds l until the end of the enclosing block. No I/O and no callback happens inside it. */
#define LOCK_SCOPE_2(l, line)                                                            \
	CLEANUP(lock_dropp) struct lock *lock_scope_##line = (l);                        \
	lock_take(lock_scope_##line)
#define LOCK_SCOPE_1(l, line) LOCK_SCOPE_2(l, line)
#define LOCK_SCOPE(l)         LOCK_SCOPE_1(l, __LINE__)
