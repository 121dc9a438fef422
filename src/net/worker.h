/*
 * worker.h - a thread with a loop, and everything that lives on it: a lane for the layers
 * above.
 *
 * One turn: sleep, or a short look around before that (net/spin); timers; sockets; messages from other threads; its own messages; flush;
 * turn_end; write. The clock is read once a turn.
 *
 * Owns     its thread, loop, timers, buffers, connections.
 * Threads  init, start, stop, fini: the main thread. lane.mailbox may be posted to from
 *          any thread.
 * Errors   negative errno.
 */
#pragma once

#include "base/buf.h"
#include "base/lane.h"
#include "base/timer.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/mailq.h"
#include "net/spin.h"
#include "net/tcp.h"

#include <pthread.h>

struct worker {
	struct lane lane;
	struct loop *loop;
	struct mailbox mailbox;
	struct mailq mail;
	struct msg *ready, **ready_end; /* mailbox_here(): only this thread */
	uint64_t ran;                   /* messages so far */
	struct clock clock;
	struct spin spin;
	struct timers timers;
	struct tcp_set tcp;
	struct timer trim; /* gives memory back some time after traffic */
	uint64_t trim_activity;
	struct msg stop;
	bool stopping;
	bool started;
	pthread_t thread;
};

/* What all workers share. */
struct worker_shared {
	struct exec *exec;
	struct buf_budget *budget;
	struct buf_budget *reserve;
	unsigned worker_count;
};

/* After this the caller may set lane.core and lane.turn_end. On
 * failure nothing is left to fini. */
MUST_CHECK int worker_init(struct worker *w, unsigned index,
			   const struct worker_shared *shared);
void worker_fini(struct worker *w);

MUST_CHECK int worker_start(struct worker *w);
/* Ends it after the messages posted before, and joins; if it was started. */
void worker_stop(struct worker *w);

static inline struct worker *worker_of(struct lane *l)
{
	return container_of(l, struct worker, lane);
}
