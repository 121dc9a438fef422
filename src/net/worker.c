/* worker.c - see worker.h */
#include "net/worker.h"

#include "base/log.h"
#include "net/thread.h"

#include <errno.h>
#include <stdio.h>

enum {
	WORKER_READY_MAX =
		1024, /* own messages a turn; sockets are looked at in between */
	WORKER_TRIM_MS = 1000,
	WORKER_TRIM_KEEP =
		32 << 20, /* bytes of free buffers kept while there is traffic */
};

/* ---- mailbox ---- */

static void worker_post(struct mailbox *mb, struct msg *m)
{
	struct worker *w = container_of(mb, struct worker, mailbox);

	if (mailq_put(&w->mail, m))
		loop_wake(w->loop);
}

static void worker_here(struct mailbox *mb, struct msg *m)
{
	struct worker *w = container_of(mb, struct worker, mailbox);

	m->next = NULL;
	*w->ready_end = m;
	w->ready_end = &m->next;
}

static void run(struct worker *w, struct msg *m)
{
	w->ran++;
	m->run(m); /* m may be gone */
}

static void run_mail(struct worker *w)
{
	struct msg *next;

	for (struct msg *m = mailq_take(&w->mail); m; m = next) {
		next = m->next;
		run(w, m);
	}
}

/* Messages may add messages: chains of short steps end in one turn, but only so many. */
static void run_ready(struct worker *w)
{
	for (int i = 0; w->ready && i < WORKER_READY_MAX; i++) {
		struct msg *m = w->ready;

		w->ready = m->next;
		if (!w->ready)
			w->ready_end = &w->ready;
		run(w, m);
	}
}

/* ---- memory ---- */

static uint64_t activity(const struct worker *w)
{
	return w->tcp.frames + w->ran;
}

/* Under traffic keep some buffers; when it ended give all of them back, and sleep
 * without a timer. */
static void trim(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, trim);
	bool busy = activity(w) != w->trim_activity;

	bufs_trim(w->lane.bufs, busy ? WORKER_TRIM_KEEP : 0);
	bufs_trim(w->lane.reserve, 0);
	w->trim_activity = activity(w);
	if (busy)
		timer_arm(&w->timers, &w->trim, WORKER_TRIM_MS, trim);
}

static void trim_later(struct worker *w)
{
	if (activity(w) != w->trim_activity && !timer_armed(&w->trim))
		timer_arm(&w->timers, &w->trim, WORKER_TRIM_MS, trim);
}

/* ---- the loop ---- */

static bool has_work(struct worker *w)
{
	return w->ready || tcp_set_busy(&w->tcp) || !mailq_empty(&w->mail);
}

static int sleep_ms(struct worker *w)
{
	if (has_work(w) || !mailq_sleep(&w->mail))
		return 0;
	return timers_next_ms(&w->timers, env_now_ns(w->lane.env));
}

/* True if something came within that time. Messages need not wake us meanwhile. */
static bool look_for(struct worker *w, uint32_t ns)
{
	uint64_t until = clock_monotonic_ns() + ns;

	do {
		if (loop_wait(w->loop, 0) || !mailq_empty(&w->mail))
			return true;
	} while (clock_monotonic_ns() < until);
	return false;
}

static void sleep_now(struct worker *w, int ms)
{
	bool measures = spin_measures(&w->spin);
	uint64_t start = clock_monotonic_ns();
	uint64_t used = measures ? clock_thread_ns() : 0;

	loop_wait(w->loop, ms);
	if (measures)
		spin_measured(&w->spin, clock_thread_ns() - used);
	spin_slept(&w->spin, clock_monotonic_ns() - start);
}

/* Until there is something to do. */
static void await(struct worker *w)
{
	uint32_t look_ns = has_work(w) ? 0 : spin_ns(&w->spin);
	int ms;

	if (look_ns > 0 && look_for(w, look_ns)) {
		spin_won(&w->spin);
		return;
	}
	if (look_ns > 0)
		spin_lost(&w->spin);
	ms = sleep_ms(w);
	if (ms == 0)
		loop_wait(w->loop, 0);
	else
		sleep_now(w, ms);
}

static void turn(struct worker *w)
{
	await(w);
	mailq_wake(&w->mail);
	/* First, because what follows arms timers relative to the
	 * wheel's time, which stood still. */
	timers_run(&w->timers, clock_tick(&w->clock));
	loop_dispatch(w->loop);
	tcp_set_read(&w->tcp);
	run_mail(w);
	run_ready(w);
	tcp_set_finish(&w->tcp);
	trim_later(w);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	while (!w->stopping)
		turn(w);
	return NULL;
}

/* ---- life ---- */

static void stop_loop(struct msg *m)
{
	container_of(m, struct worker, stop)->stopping = true;
}

static int worker_make(struct worker *w, const struct worker_shared *shared)
{
	w->loop = loop_new();
	if (!w->loop)
		return -errno;
	w->lane.bufs = bufs_new(shared->budget);
	w->lane.reserve = bufs_new(shared->reserve);
	if (!w->lane.bufs || !w->lane.reserve)
		return -ENOMEM;
	return tcp_set_init(&w->tcp, &w->lane, w->loop);
}

int worker_init(struct worker *w, unsigned index, const struct worker_shared *shared)
{
	static const struct mailbox_ops ops = {.post = worker_post, .here = worker_here};
	int err;

	*w = (struct worker){
		.mailbox = {.ops = &ops},
		.stop = {.run = stop_loop},
		.lane = {.env = &w->clock.env,
			 .exec = shared->exec,
			 .mailbox = &w->mailbox,
			 .timers = &w->timers,
			 .index = index,
			 .lane_count = shared->worker_count},
	};
	w->ready_end = &w->ready;
	mailq_init(&w->mail);
	clock_init(&w->clock);
	timers_init(&w->timers, clock_tick(&w->clock));
	err = worker_make(w, shared);
	if (err)
		worker_fini(w);
	return err;
}

static void free_buffers(struct worker *w, struct bufs *bs)
{
	size_t out = bs ? bufs_free(bs) : 0;

	if (out > 0)
		log_error("worker %u: %zu payload buffers were never returned",
			  w->lane.index, out);
}

void worker_fini(struct worker *w)
{
	tcp_set_fini(&w->tcp);
	free_buffers(w, w->lane.bufs);
	free_buffers(w, w->lane.reserve);
	loop_free(w->loop);
}

int worker_start(struct worker *w)
{
	char name[16];
	int err;

	snprintf(name, sizeof(name), "tsmb-worker%u", w->lane.index % 1000);
	err = thread_start(&w->thread, name, worker_main, w);
	w->started = err == 0;
	return err;
}

void worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	mailbox_post(&w->mailbox, &w->stop);
	pthread_join(w->thread, NULL);
	w->started = false;
}
