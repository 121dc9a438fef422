/*
 * loop.h - wait for descriptors. The only module that knows epoll, so that another
 * mechanism can replace it.
 *
 * Level-triggered: a callback that leaves bytes unread is called again, behind all others that are due: a wait finds only so
 * many at once.
 *
 * Owns     its epoll and wake-up descriptors. A struct loop_fd is embedded in its owner,
 *          who removes it before he closes the descriptor.
 * Threads  one owner thread; loop_wake() may be called from any.
 * Errors   negative errno.
 */
#pragma once

#include "base/attr.h"

enum loop_events {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_HANGUP = 4, /* both directions are over, or an error; always reported */
};

struct loop_fd {
	int fd;
	unsigned wanted; /* LOOP_READ | LOOP_WRITE */
	void (*ready)(struct loop_fd *f, unsigned events);
};

struct loop;

/* NULL, with errno set, when descriptors or memory are exhausted. */
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Watch f->fd for `wanted`; fd and ready are set by the caller and stay. */
MUST_CHECK int loop_add(struct loop *l, struct loop_fd *f, unsigned wanted);
/* Change what is waited for; no system call when nothing changes. */
void loop_want(struct loop *l, struct loop_fd *f, unsigned wanted);
/* No callback of f follows, not even one that was already due in this turn. */
void loop_del(struct loop *l, struct loop_fd *f);

/* Sleep until something is ready, loop_wake(), or timeout_ms (-1:
 * for ever, 0: only look). True if something is. */
bool loop_wait(struct loop *l, int timeout_ms);
/* Run the callbacks of what loop_wait() found. */
void loop_dispatch(struct loop *l);

/* End the current or the next loop_wait(). Async-signal-safe. */
void loop_wake(struct loop *l);
