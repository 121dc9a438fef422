/*
 * box.h - a mailbox and the loop behind it, for tests of what ends waits.
 *
 *     struct box b;
 *     box_init(&b);
 *     ... box_run(&b) runs what has come, and what that brings; or a thread does box_loop(&b) until box_stop(&b).
 *
 * Threads  post from any; run and loop on one.
 */
#pragma once

#include "base/wait.h"

#include <pthread.h>

struct box {
	struct mailbox mb;
	pthread_mutex_t lock;
	pthread_cond_t come;
	struct msg *first, **last; /* L */
	bool stopped;              /* L */
};

static inline void box_put(struct mailbox *mb, struct msg *m)
{
	struct box *b = container_of(mb, struct box, mb);

	pthread_mutex_lock(&b->lock);
	m->next = NULL;
	*b->last = m;
	b->last = &m->next;
	pthread_cond_signal(&b->come);
	pthread_mutex_unlock(&b->lock);
}

static const struct mailbox_ops box_ops = {.post = box_put, .here = box_put};

static inline void box_init(struct box *b)
{
	*b = (struct box){.mb.ops = &box_ops};
	b->last = &b->first;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->come, NULL);
}

/* The next message, or NULL: nothing there, or with `wait` the box was stopped. */
static inline struct msg *box_take(struct box *b, bool wait)
{
	struct msg *m;

	pthread_mutex_lock(&b->lock);
	while (wait && !b->first && !b->stopped)
		pthread_cond_wait(&b->come, &b->lock);
	m = b->first;
	if (m) {
		b->first = m->next;
		if (!b->first)
			b->last = &b->first;
	}
	pthread_mutex_unlock(&b->lock);
	return m;
}

static inline size_t box_run(struct box *b)
{
	size_t count = 0;

	for (struct msg *m; (m = box_take(b, false)) != NULL; count++)
		m->run(m);
	return count;
}

/* Returns once the box was stopped and is empty. */
static inline void box_loop(struct box *b)
{
	for (struct msg *m; (m = box_take(b, true)) != NULL;)
		m->run(m);
}

static inline void box_stop(struct box *b)
{
	pthread_mutex_lock(&b->lock);
	b->stopped = true;
	pthread_cond_broadcast(&b->come);
	pthread_mutex_unlock(&b->lock);
}
