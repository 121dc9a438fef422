/* loop.c - see loop.h */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * What one wait finds. Its answers leave together at the end of the turn, and what they touch is to fit the processor's second
 * cache until then. Enough for two times 16 signatures side by side (crypto/cmac_many.h).
 */
enum { LOOP_BATCH = 32 };

struct loop {
	int epoll_fd;
	int wake_fd; /* edge-triggered and never read: each write is one event */
	int found;   /* events[next..found) are due */
	int next;
	struct epoll_event events[LOOP_BATCH];
};

static uint32_t to_epoll(unsigned wanted)
{
	return (wanted & LOOP_READ ? (uint32_t)EPOLLIN : 0) |
	       (wanted & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0);
}

static unsigned from_epoll(uint32_t events)
{
	return (events & EPOLLIN ? LOOP_READ : 0u) |
	       (events & EPOLLOUT ? LOOP_WRITE : 0u) |
	       (events & (EPOLLHUP | EPOLLERR) ? LOOP_HANGUP : 0u);
}

static int watch_wakeups(struct loop *l)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0)
		return -errno;
	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0 ? -errno : 0;
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return NULL;
	l->wake_fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = l->epoll_fd < 0 ? -errno : watch_wakeups(l);
	if (err) {
		loop_free(l);
		errno = -err;
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l);
}

int loop_add(struct loop *l, struct loop_fd *f, unsigned wanted)
{
	struct epoll_event ev = {.events = to_epoll(wanted), .data.ptr = f};

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, f->fd, &ev) < 0)
		return -errno;
	f->wanted = wanted;
	return 0;
}

void loop_want(struct loop *l, struct loop_fd *f, unsigned wanted)
{
	struct epoll_event ev = {.events = to_epoll(wanted), .data.ptr = f};
	int rc;

	if (f->wanted == wanted)
		return;
	rc = epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, f->fd, &ev);
	assert(rc == 0); /* f is watched: MOD allocates nothing and cannot fail */
	(void)rc;
	f->wanted = wanted;
}

void loop_del(struct loop *l, struct loop_fd *f)
{
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL);
	for (int i = l->next; i < l->found; i++)
		if (l->events[i].data.ptr == f)
			l->events[i].data.ptr = NULL;
}

bool loop_wait(struct loop *l, int timeout_ms)
{
	int n = epoll_wait(l->epoll_fd, l->events, LOOP_BATCH, timeout_ms);

	l->next = 0;
	l->found = n > 0 ? n : 0; /* EINTR: nothing was found */
	return l->found > 0;
}

void loop_dispatch(struct loop *l)
{
	while (l->next < l->found) {
		struct epoll_event *ev = &l->events[l->next++];
		struct loop_fd *f = ev->data.ptr;

		if (f)
			f->ready(f, from_epoll(ev->events));
	}
}

void loop_wake(struct loop *l)
{
	eventfd_write(l->wake_fd, 1);
}
