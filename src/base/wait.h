/*
 * wait.h - a continuation: what to do when a call that may take time has ended, and on whose thread.
 *
 * Every asynchronous call takes a `struct wait *` and ends it exactly once, now or later:
 *
 *     file_sync(f, req_wait(q, flush_done));
 *
 * Owns     nothing; a wait is embedded in its owner (a request, a task), which must outlive it.
 * Threads  armed and run on its home worker. Who ends a *parked* wait first asks wait_claim(): grant,
 *          cancel, time-out, close and disconnect compete by one compare-and-swap, losers do nothing.
 *          A wait that nobody can cancel (a pool job, a turn) is armed, not parked, and ended without a claim.
 *
 *     IDLE --wait_park--> PARKED --wait_claim--> CLAIMED --wait_now | wait_post--> (fn runs) IDLE
 *     IDLE --wait_arm---> ARMED ----------------------------wait_now | wait_post--> (fn runs) IDLE
 */
#pragma once

#include "base/attr.h"

#include <stdatomic.h>

/* One message for a worker; embedded in what it concerns. run() may free its owner. */
struct msg {
	struct msg *next;
	void (*run)(struct msg *m);
};

/*
 * Where a worker takes messages from.
 *   post   from any thread; holds no lock the caller could hold; never fails
 *   here   from the worker itself: m runs from its loop, soon, without a system call
 */
struct mailbox {
	const struct mailbox_ops *ops;
};

struct mailbox_ops {
	void (*post)(struct mailbox *mb, struct msg *m);
	void (*here)(struct mailbox *mb, struct msg *m);
};

static inline void mailbox_post(struct mailbox *mb, struct msg *m)
{
	mb->ops->post(mb, m);
}

static inline void mailbox_here(struct mailbox *mb, struct msg *m)
{
	mb->ops->here(mb, m);
}

/* Why a parked wait was ended; the first claim decides. */
enum wait_why {
	WAIT_GRANTED,   /* what it waited for happened		*/
	WAIT_CANCELLED, /* SMB2 CANCEL				*/
	WAIT_TIMED_OUT,
	WAIT_CLOSED,       /* its open is being closed			*/
	WAIT_DELETED,      /* the directory it watches is about to be	*/
	WAIT_DISCONNECTED, /* its session or connection ended		*/
};

struct wait {
	struct msg msg;             /* how it travels home			*/
	struct mailbox *home;       /* I					*/
	void (*fn)(struct wait *w); /* on home, once per arming		*/
	atomic_int state;           /* A  enum in wait.c			*/
	enum wait_why why;          /* written by the claimer before it ends	*/
	int err;                    /* result: 0 or negative errno		*/
};

void wait_init(struct wait *w, struct mailbox *home);

/* Make it ready for one ending. It must be idle. Returns w, for use as an argument. */
struct wait *wait_arm(struct wait *w, void (*fn)(struct wait *w));
/* The same for a wait that others may claim; whoever ends it must have claimed it. */
struct wait *wait_park(struct wait *w, void (*fn)(struct wait *w));

/* True for exactly one caller per arming: that caller, and only it, ends the wait. Any thread. */
MUST_CHECK bool wait_claim(struct wait *w, enum wait_why why);
/* Nobody has claimed or ended it yet. */
bool wait_is_parked(const struct wait *w);

/* End it from its home worker: fn runs from the loop, never inside this call. */
void wait_now(struct wait *w, int err);

/* End it from any thread. */
void wait_post(struct wait *w, int err);
