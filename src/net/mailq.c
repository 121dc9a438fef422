/* mailq.c - see mailq.h. A stack that is always taken whole, and
 * reversed: there is no ABA problem. */
#include "net/mailq.h"

#define MAILQ_ASLEEP ((struct msg *)1)

void mailq_init(struct mailq *q)
{
	atomic_init(&q->newest, NULL);
}

bool mailq_put(struct mailq *q, struct msg *m)
{
	struct msg *old = atomic_load_explicit(&q->newest, memory_order_relaxed);

	do {
		m->next = old == MAILQ_ASLEEP ? NULL : old;
	} while (!atomic_compare_exchange_weak_explicit(
		&q->newest, &old, m, memory_order_release, memory_order_relaxed));
	return old == MAILQ_ASLEEP;
}

bool mailq_sleep(struct mailq *q)
{
	struct msg *empty = NULL;

	return atomic_compare_exchange_strong_explicit(&q->newest, &empty, MAILQ_ASLEEP,
						       memory_order_relaxed,
						       memory_order_relaxed);
}

void mailq_wake(struct mailq *q)
{
	struct msg *asleep = MAILQ_ASLEEP;

	atomic_compare_exchange_strong_explicit(
		&q->newest, &asleep, NULL, memory_order_relaxed, memory_order_relaxed);
}

bool mailq_empty(struct mailq *q)
{
	struct msg *m = atomic_load_explicit(&q->newest, memory_order_relaxed);

	return !m || m == MAILQ_ASLEEP;
}

struct msg *mailq_take(struct mailq *q)
{
	struct msg *m, *next, *oldest = NULL;

	if (!atomic_load_explicit(&q->newest, memory_order_relaxed))
		return NULL; /* the common case writes nothing */
	m = atomic_exchange_explicit(&q->newest, NULL, memory_order_acquire);
	for (; m && m != MAILQ_ASLEEP; m = next) {
		next = m->next;
		m->next = oldest;
		oldest = m;
	}
	return oldest;
}
