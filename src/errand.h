/*
 * errand.h - what other threads have the main thread do, which alone has all rights and changes the configuration.
 *
 * Owns     struct errands: its queue's lock and an eventfd. A struct errand lies with who waits for it.
 * Threads  errands_ask(): any but main, and no worker, as it blocks until main has done it. The others: main.
 */
#pragma once

#include "base/lock.h"

#include <stdbool.h>

struct errand {
	struct errand *next;
	int (*run)(struct errand *e); /* on main */
	int result;
	bool done;
};

struct errands {
	struct lock lock; /* rank LEAF */
	pthread_cond_t changed;
	struct errand *first, *last; /* L */
	bool closed;                 /* L */
	int fd;                      /* readable while there are any */
};

MUST_CHECK int errands_init(struct errands *es);
/* What run() returns; -ESHUTDOWN: main does no more of them. */
int errands_ask(struct errands *es, struct errand *e);
/* Do all there are. */
void errands_run(struct errands *es);
/* Whoever waits, and whoever asks later, hears -ESHUTDOWN. */
void errands_close(struct errands *es);
void errands_fini(struct errands *es);
