/*
 * pool.c - see pool.h
 *
 * Waking a thread costs the submitter a system call. So one is under way at a time: the
 * woken thread wakes the next one if it finds more than one job. A worker that submits a
 * whole batch in a turn pays once.
 */
#include "net/pool.h"

#include "base/lock.h"
#include "net/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { POOL_CLASSES = 2 };

/* The threads of one class and their queue. */
struct crew {
	struct lock lock;
	pthread_cond_t work;
	pthread_cond_t drained;
	struct job *head, *tail; /* L  queued */
	uint64_t submitted;      /* L */
	uint64_t ended;          /* L */
	unsigned idle;           /* L  threads in cond_wait */
	bool waking;             /* L  one of them was signalled and has not run yet */
	bool stopping;           /* L */
	unsigned count;          /* I  threads */
	pthread_t *threads;
};

struct pool {
	struct exec exec;
	struct crew crews[POOL_CLASSES]; /* by enum exec_class */
};

static void crew_wake_one(struct crew *c)
{
	if (!c->head || c->idle == 0 || c->waking)
		return;
	c->waking = true;
	pthread_cond_signal(&c->work);
}

/* The next job, or NULL when the crew stops. Called, and returns, locked. */
static struct job *crew_next(struct crew *c)
{
	struct job *j;

	while (!c->head && !c->stopping) {
		c->idle++;
		pthread_cond_wait(&c->work, &c->lock.mutex);
		c->idle--;
		c->waking = false;
	}
	j = c->head;
	if (j)
		c->head = j->next;
	crew_wake_one(c);
	return j;
}

static void *crew_main(void *arg)
{
	struct crew *c = arg;
	struct job *j;

	lock_take(&c->lock);
	while ((j = crew_next(c))) {
		lock_drop(&c->lock);
		wait_post(j->wait, j->run(j)); /* j may be gone */
		lock_take(&c->lock);
		if (++c->ended == c->submitted)
			pthread_cond_broadcast(&c->drained);
	}
	lock_drop(&c->lock);
	return NULL;
}

static void pool_run(struct exec *x, enum exec_class cls, struct job *j)
{
	struct crew *c = &container_of(x, struct pool, exec)->crews[cls];

	j->next = NULL;
	lock_take(&c->lock);
	if (c->head)
		c->tail->next = j;
	else
		c->head = j;
	c->tail = j;
	c->submitted++;
	crew_wake_one(c);
	lock_drop(&c->lock);
}

static void crew_init(struct crew *c)
{
	lock_init(&c->lock, LOCK_RANK_LEAF);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->drained, NULL);
}

static int crew_start(struct crew *c, const char *name, unsigned count)
{
	c->threads = calloc(count, sizeof(*c->threads));
	if (!c->threads)
		return -ENOMEM;
	while (c->count < count) {
		char thread_name[32];
		int err;

		snprintf(thread_name, sizeof(thread_name), "tsmb-%s%u", name, c->count);
		err = thread_start(&c->threads[c->count], thread_name, crew_main, c);
		if (err)
			return err;
		c->count++;
	}
	return 0;
}

static void crew_stop(struct crew *c)
{
	lock_take(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->work);
	lock_drop(&c->lock);
	for (unsigned i = 0; i < c->count; i++)
		pthread_join(c->threads[i], NULL);
	free(c->threads);
	pthread_cond_destroy(&c->drained);
	pthread_cond_destroy(&c->work);
	lock_fini(&c->lock);
}

int pool_new(struct pool_size size, struct pool **ret_pool)
{
	static const struct exec_ops ops = {.run = pool_run};
	struct pool *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->exec.ops = &ops;
	for (size_t i = 0; i < POOL_CLASSES; i++)
		crew_init(&p->crews[i]);
	err = crew_start(&p->crews[EXEC_IO], "io", size.io_threads);
	if (!err)
		err = crew_start(&p->crews[EXEC_AUTH], "auth", size.auth_threads);
	if (err) {
		pool_free(p);
		return err;
	}
	*ret_pool = p;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < POOL_CLASSES; i++)
		crew_stop(&p->crews[i]);
	free(p);
}

struct exec *pool_exec(struct pool *p)
{
	return &p->exec;
}

uint64_t pool_drain(struct pool *p)
{
	uint64_t submitted = 0;

	for (size_t i = 0; i < POOL_CLASSES; i++) {
		struct crew *c = &p->crews[i];

		lock_take(&c->lock);
		while (c->ended != c->submitted)
			pthread_cond_wait(&c->drained, &c->lock.mutex);
		submitted += c->submitted;
		lock_drop(&c->lock);
	}
	return submitted;
}
