/* admit.c - see admit.h */
#include "net/admit.h"

#include <errno.h>
#include <stdlib.h>

int admit_init(struct admit *a, unsigned worker_count, unsigned max)
{
	*a = (struct admit){.worker_count = worker_count};
	a->loads = calloc(worker_count, sizeof(*a->loads));
	if (!a->loads)
		return -ENOMEM;
	atomic_init(&a->max, max);
	lock_init(&a->lock, LOCK_RANK_LEAF);
	pthread_cond_init(&a->empty, NULL);
	return 0;
}

void admit_fini(struct admit *a)
{
	if (!a->loads)
		return;
	pthread_cond_destroy(&a->empty);
	lock_fini(&a->lock);
	free(TAKE(a->loads));
}

void admit_set_max(struct admit *a, unsigned max)
{
	atomic_store_explicit(&a->max, max, memory_order_relaxed);
}

unsigned admit_count(struct admit *a)
{
	return atomic_load(&a->count);
}

static bool less_busy(struct admit_load *a, struct admit_load *b, unsigned peer)
{
	unsigned pa = atomic_load_explicit(&a->by_peer[peer], memory_order_relaxed);
	unsigned pb = atomic_load_explicit(&b->by_peer[peer], memory_order_relaxed);

	if (pa != pb)
		return pa < pb;
	return atomic_load_explicit(&a->total, memory_order_relaxed) <
	       atomic_load_explicit(&b->total, memory_order_relaxed);
}

bool admit_enter(struct admit *a, unsigned peer_hash, struct seat *ret_seat)
{
	struct seat s = {.admit = a, .peer = peer_hash % ADMIT_PEERS};
	unsigned max = atomic_load_explicit(&a->max, memory_order_relaxed);

	if (max && atomic_load(&a->count) >= max) /* only this thread adds */
		return false;
	for (unsigned i = 1; i < a->worker_count; i++)
		if (less_busy(&a->loads[i], &a->loads[s.worker], s.peer))
			s.worker = i;
	atomic_fetch_add(&a->count, 1);
	atomic_fetch_add(&a->loads[s.worker].total, 1);
	atomic_fetch_add(&a->loads[s.worker].by_peer[s.peer], 1);
	*ret_seat = s;
	return true;
}

void admit_leave(const struct seat *s)
{
	struct admit *a = s->admit;

	atomic_fetch_sub(&a->loads[s->worker].by_peer[s->peer], 1);
	atomic_fetch_sub(&a->loads[s->worker].total, 1);
	lock_take(&a->lock);
	if (atomic_fetch_sub(&a->count, 1) == 1)
		pthread_cond_broadcast(&a->empty);
	lock_drop(&a->lock);
}

void admit_wait_empty(struct admit *a)
{
	lock_take(&a->lock);
	while (atomic_load(&a->count) > 0)
		pthread_cond_wait(&a->empty, &a->lock.mutex);
	lock_drop(&a->lock);
}
