#include "base/wait.h"

#include <assert.h>

/* The diagram is in wait.h. ENDED: on its way home; no claim succeeds any more. */
enum { WAIT_IDLE, WAIT_ARMED, WAIT_PARKED, WAIT_CLAIMED, WAIT_ENDED };

static void wait_run(struct msg *m)
{
	struct wait *w = container_of(m, struct wait, msg);

	atomic_store_explicit(&w->state, WAIT_IDLE, memory_order_relaxed);
	w->fn(w); /* may arm it anew, or free it */
}

void wait_init(struct wait *w, struct mailbox *home)
{
	*w = (struct wait){.msg.run = wait_run, .home = home};
	atomic_init(&w->state, WAIT_IDLE);
}

static struct wait *arm(struct wait *w, void (*fn)(struct wait *w), int state)
{
	assert(atomic_load_explicit(&w->state, memory_order_relaxed) == WAIT_IDLE);
	w->fn = fn;
	w->why = WAIT_GRANTED;
	w->err = 0;
	atomic_store_explicit(&w->state, state, memory_order_release);
	return w;
}

struct wait *wait_arm(struct wait *w, void (*fn)(struct wait *w))
{
	return arm(w, fn, WAIT_ARMED);
}

struct wait *wait_park(struct wait *w, void (*fn)(struct wait *w))
{
	return arm(w, fn, WAIT_PARKED);
}

bool wait_claim(struct wait *w, enum wait_why why)
{
	int parked = WAIT_PARKED;

	if (!atomic_compare_exchange_strong_explicit(&w->state, &parked, WAIT_CLAIMED,
						     memory_order_acq_rel,
						     memory_order_acquire))
		return false;
	w->why = why;
	return true;
}

bool wait_is_parked(const struct wait *w)
{
	return atomic_load_explicit(&w->state, memory_order_acquire) == WAIT_PARKED;
}

static void wait_end(struct wait *w, int err)
{
	int was = atomic_exchange_explicit(&w->state, WAIT_ENDED, memory_order_acq_rel);

	/* exactly one ending per arming */
	assert(was == WAIT_ARMED || was == WAIT_PARKED || was == WAIT_CLAIMED);
	(void)was;
	w->err = err;
}

void wait_now(struct wait *w, int err)
{
	wait_end(w, err);
	mailbox_here(w->home, &w->msg);
}

void wait_post(struct wait *w, int err)
{
	wait_end(w, err);
	mailbox_post(w->home, &w->msg);
}
