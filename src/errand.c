#include "errand.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int errands_init(struct errands *es)
{
	*es = (struct errands){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (es->fd < 0)
		return -errno;
	lock_init(&es->lock, LOCK_RANK_LEAF);
	pthread_cond_init(&es->changed, NULL);
	return 0;
}

/* False: main does no more of them. */
static bool put(struct errands *es, struct errand *e)
{
	LOCK_SCOPE(&es->lock);

	if (es->closed)
		return false;
	if (es->last)
		es->last->next = e;
	else
		es->first = e;
	es->last = e;
	return true;
}

static struct errand *take(struct errands *es)
{
	LOCK_SCOPE(&es->lock);
	struct errand *e = es->first;

	if (e)
		es->first = e->next;
	if (!es->first)
		es->last = NULL;
	return e;
}

static void wait_for(struct errands *es, const struct errand *e)
{
	LOCK_SCOPE(&es->lock);

	while (!e->done)
		pthread_cond_wait(&es->changed, &es->lock.mutex);
}

/* Afterwards e is gone: it lies with who waits. */
static void finish(struct errands *es, struct errand *e, int result)
{
	LOCK_SCOPE(&es->lock);

	e->result = result;
	e->done = true;
	pthread_cond_broadcast(&es->changed);
}

int errands_ask(struct errands *es, struct errand *e)
{
	static const uint64_t one = 1;

	e->next = NULL;
	e->done = false;
	if (!put(es, e))
		return -ESHUTDOWN;
	(void)!write(es->fd, &one, sizeof(one)); /* full: readable, too */
	wait_for(es, e);
	return e->result;
}

void errands_run(struct errands *es)
{
	struct errand *e;
	uint64_t count;

	(void)!read(es->fd, &count, sizeof(count));
	while ((e = take(es)) != NULL)
		finish(es, e, e->run(e));
}

void errands_close(struct errands *es)
{
	struct errand *e;

	{
		LOCK_SCOPE(&es->lock);
		es->closed = true;
	}
	while ((e = take(es)) != NULL)
		finish(es, e, -ESHUTDOWN);
}

void errands_fini(struct errands *es)
{
	close(es->fd);
	pthread_cond_destroy(&es->changed);
	lock_fini(&es->lock);
}
