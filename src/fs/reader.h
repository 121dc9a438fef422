/*
 * reader.h - a thread that reads what the kernel tells through a descriptor (inotify, fanotify) and can be woken.
 *
 * Owns     its thread, the descriptor, an eventfd.
 * Threads  turn() runs on the reader's own; reader_wake() on any. It acts as whoever started it.
 */
#pragma once

#include "base/attr.h"

#include <pthread.h>
#include <stdatomic.h>

struct reader {
	int fd;      /* I */
	int wake_fd; /* I */
	atomic_bool stop;
	pthread_t thread;
	/*
	 * There is something in fd, or somebody called reader_wake(), or the time is up. Returns after how many ms the
	 * next turn comes at the latest; -1: whenever.
	 */
	int (*turn)(struct reader *r, bool woken); /* I */
};

/* Takes fd (nonblocking) over, also on failure. 0 or negative errno. */
MUST_CHECK int reader_start(struct reader *r, int fd,
			    int (*turn)(struct reader *r, bool woken));
void reader_wake(struct reader *r);
/* Returns after a last turn that began after the call, woken. Closes fd. */
void reader_stop(struct reader *r);
