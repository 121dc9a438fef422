#include "base/lock.h"

#include "base/log.h"

#include <stdlib.h>

/* A mutex that fails is a bug or corrupted memory: going on would serve without exclusion. */
static void must(int err, const char *what)
{
	if (!err)
		return;
	log_error("mutex %s failed: error %d", what, err);
	abort();
}

#ifdef TSMB_DEBUG
static _Thread_local unsigned
	ranks_held; /* bit n: a lock of rank n is held by this thread */

static void rank_enter(enum lock_rank rank)
{
	if (ranks_held >> rank) {
		log_error("lock of rank %d taken while ranks %#x are held", (int)rank,
			  ranks_held);
		abort();
	}
	ranks_held |= 1u << rank;
}

static void rank_leave(enum lock_rank rank)
{
	ranks_held &= ~(1u << rank);
}
#else
static void rank_enter(enum lock_rank rank UNUSED)
{
}

static void rank_leave(enum lock_rank rank UNUSED)
{
}
#endif

void lock_init(struct lock *l, enum lock_rank rank)
{
	must(pthread_mutex_init(&l->mutex, NULL), "init");
	l->rank = rank;
}

void lock_fini(struct lock *l)
{
	must(pthread_mutex_destroy(&l->mutex), "destroy");
}

void lock_take(struct lock *l)
{
	rank_enter(l->rank);
	must(pthread_mutex_lock(&l->mutex), "lock");
}

void lock_drop(struct lock *l)
{
	must(pthread_mutex_unlock(&l->mutex), "unlock");
	rank_leave(l->rank);
}
