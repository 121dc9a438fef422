/* net.c - see net.h */
#include "net/net.h"

#include "base/lock.h"
#include "net/worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RESERVE_SHARE = 16, /* this part of memory_max is the reserve for small buffers */
	RESERVE_MAX = 64 << 20,
};

/* One call of net_post_all() on one worker. */
struct call {
	struct msg msg;
	struct net *net;
	struct lane *lane;
};

/* A socket on its way from the acceptor to its worker. */
struct gift {
	struct msg msg;
	struct worker *worker;
	const struct conn_factory *factory;
	int fd;
	struct seat seat;
};

struct net {
	struct clock clock;
	struct pool *pool;
	struct buf_budget budget, reserve;
	struct admit admit;
	struct conn_factory factory;
	struct acceptor acceptor; /* on worker 0 */
	struct listener **listeners;
	size_t listener_count;
	bool started;

	/* net_post_all(): one at a time */
	void (*call_fn)(struct lane *l, void *arg);
	void *call_arg;
	struct lock call_lock;
	pthread_cond_t call_done;
	unsigned calls_open; /* L */
	struct call *calls;  /* one a worker */

	unsigned worker_count; /* initialised */
	struct worker *workers;
};

/* ---- calls on all workers ---- */

static void call_run(struct msg *m)
{
	struct call *c = container_of(m, struct call, msg);
	struct net *n = c->net;

	n->call_fn(c->lane, n->call_arg);
	lock_take(&n->call_lock);
	if (--n->calls_open == 0)
		pthread_cond_signal(&n->call_done);
	lock_drop(&n->call_lock);
}

void net_post_all(struct net *n, void (*fn)(struct lane *l, void *arg), void *arg)
{
	assert(n->started);
	n->call_fn = fn;
	n->call_arg = arg;
	n->calls_open = n->worker_count;
	for (unsigned i = 0; i < n->worker_count; i++) {
		struct lane *l = &n->workers[i].lane;

		n->calls[i] = (struct call){{.run = call_run}, n, l};
		mailbox_post(l->mailbox, &n->calls[i].msg);
	}
	lock_take(&n->call_lock);
	while (n->calls_open > 0)
		pthread_cond_wait(&n->call_done, &n->call_lock.mutex);
	lock_drop(&n->call_lock);
}

/* ---- new connections ---- */

static void gift_run(struct msg *m)
{
	struct gift *g = container_of(m, struct gift, msg);

	tcp_open(&g->worker->tcp, g->fd, g->seat, g->factory);
	free(g);
}

/* The acceptor's: on worker 0. */
static void give(void *arg, int fd, struct seat seat)
{
	struct net *n = arg;
	struct worker *w = &n->workers[seat.worker];
	struct gift *g;

	if (seat.worker == 0) {
		tcp_open(&w->tcp, fd, seat, &n->factory);
		return;
	}
	g = malloc(sizeof(*g));
	if (!g) {
		close(fd);
		admit_leave(&seat);
		return;
	}
	*g = (struct gift){{.run = gift_run}, w, &n->factory, fd, seat};
	mailbox_post(&w->mailbox, &g->msg);
}

/* ---- listeners ---- */

/* For net_post_all(): the acceptor belongs to worker 0. */
struct swap {
	struct acceptor *acceptor;
	struct listener **drop, **watch;
	size_t drop_count, watch_count;
	int err;
};

static void watch_one(struct swap *s, struct listener **l)
{
	int err;

	if (!*l || (*l)->acceptor)
		return;
	err = acceptor_watch(s->acceptor, *l);
	if (!err)
		return;
	log_error("cannot watch %s: %s", (*l)->text, strerror(-err));
	listener_close(TAKE(*l));
	s->err = err;
}

static void swap_listeners(struct lane *l, void *arg)
{
	struct swap *s = arg;

	if (l->index != 0)
		return;
	for (size_t i = 0; i < s->drop_count; i++)
		if (s->drop[i])
			acceptor_unwatch(s->drop[i]);
	for (size_t i = 0; i < s->watch_count; i++)
		watch_one(s, &s->watch[i]);
}

static void close_listeners(struct listener **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		listener_close(TAKE(list[i]));
}

/* Take what spec asks for out of the present ones; NULL if there is none. */
static struct listener *take_present(struct net *n, const struct listen_spec *spec)
{
	for (size_t i = 0; i < n->listener_count; i++)
		if (n->listeners[i] && listener_matches(n->listeners[i], spec))
			return TAKE(n->listeners[i]);
	return NULL;
}

/* Open what is missing in list. Returns the first error, and all in ret_errs (or NULL); logs all of them if `final`. */
static int open_missing(struct listener **list, const struct listen_spec *specs,
			size_t count, bool final, int *ret_errs)
{
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		int err = list[i] ? 0 : listener_open(&specs[i], &list[i]);

		if (err && final)
			log_error("cannot listen on %s port %u: %s", specs[i].address,
				  specs[i].port, strerror(-err));
		if (err && !first)
			first = err;
		if (ret_errs)
			ret_errs[i] = err;
	}
	return first;
}

static size_t squeeze(struct listener **list, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (list[i])
			list[kept++] = list[i];
	return kept;
}

int net_listen(struct net *n, const struct listen_spec *specs, size_t count,
	       int *ret_errs)
{
	struct listener **list = calloc(count + 1, sizeof(*list));
	struct swap s = {.acceptor = &n->acceptor, .watch = list, .watch_count = count};
	int err;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		list[i] = take_present(n, &specs[i]);
	s.drop = n->listeners;
	s.drop_count = n->listener_count;
	/* New ones first: a reload leaves no moment without a listener. Then those that
	 * an old one stood in the way of. */
	err = open_missing(list, specs, count, false, ret_errs);
	net_post_all(n, swap_listeners, &s);
	close_listeners(s.drop, s.drop_count);
	if (err) {
		err = open_missing(list, specs, count, true, ret_errs);
		s.drop_count = 0;
		net_post_all(n, swap_listeners, &s);
	}
	free(n->listeners);
	n->listeners = list;
	n->listener_count = squeeze(list, count);
	return err ? err : s.err;
}

bool net_listens(struct net *n, const struct listen_spec *spec)
{
	for (size_t i = 0; i < n->listener_count; i++)
		if (listener_matches(n->listeners[i], spec))
			return true;
	return false;
}

const char *net_listener(struct net *n, size_t i)
{
	return i < n->listener_count ? n->listeners[i]->text : NULL;
}

uint16_t net_listener_port(struct net *n, size_t i)
{
	return i < n->listener_count ? n->listeners[i]->port : 0;
}

/* ---- life ---- */

static int make_workers(struct net *n, unsigned count)
{
	struct worker_shared shared = {
		.exec = pool_exec(n->pool),
		.budget = &n->budget,
		.reserve = &n->reserve,
		.worker_count = count,
	};

	n->calls = calloc(count, sizeof(*n->calls));
	n->workers = calloc(count, sizeof(*n->workers));
	if (!n->calls || !n->workers)
		return -ENOMEM;
	while (n->worker_count < count) {
		int err = worker_init(&n->workers[n->worker_count], n->worker_count,
				      &shared);

		if (err)
			return err;
		n->worker_count++;
	}
	return 0;
}

static int make(struct net *n, const struct net_settings *settings)
{
	int err;

	err = admit_init(&n->admit, settings->workers, settings->connections_max);
	if (!err)
		err = pool_new(settings->pool, &n->pool);
	if (!err)
		err = make_workers(n, settings->workers);
	if (err)
		return err;
	n->acceptor = (struct acceptor){
		.loop = n->workers[0].loop,
		.lane = &n->workers[0].lane,
		.admit = &n->admit,
		.give = give,
		.arg = n,
	};
	acceptor_init(&n->acceptor);
	return 0;
}

int net_new(const struct net_settings *settings, struct net **ret_net)
{
	struct net *n;
	int err;

	if (settings->workers < 1 || settings->workers > ADMIT_WORKERS_MAX ||
	    settings->pool.io_threads < 1 || settings->pool.auth_threads < 1 ||
	    settings->memory_max < NET_MEMORY_MIN)
		return -EINVAL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	clock_init(&n->clock);
	lock_init(&n->call_lock, LOCK_RANK_LEAF);
	pthread_cond_init(&n->call_done, NULL);
	n->factory = settings->factory;
	n->acceptor.spare_fd = -1;
	net_memory_max(n, settings->memory_max);
	err = make(n, settings);
	if (err) {
		net_free(n);
		return err;
	}
	*ret_net = n;
	return 0;
}

int net_start(struct net *n)
{
	for (unsigned i = 0; i < n->worker_count; i++) {
		int err = worker_start(&n->workers[i]);

		if (err)
			return err;
	}
	n->started = true;
	return 0;
}

static void close_connections(struct lane *l, void *arg)
{
	(void)arg;
	tcp_set_close(&worker_of(l)->tcp);
}

void net_disconnect(struct net *n)
{
	int err;

	if (!n->started)
		return;
	err = net_listen(n, NULL, 0, NULL);
	(void)err; /* -ENOMEM: what is still accepted is refused */
	net_post_all(n, close_connections, NULL);
	admit_wait_empty(&n->admit);
}

static void count_messages(struct lane *l, void *arg)
{
	atomic_fetch_add((atomic_ullong *)arg, worker_of(l)->ran);
}

/*
 * Let everything come to an end that is under way: jobs whose results make messages that
 * make jobs. A round in which no job was submitted and no message but our own ran was the
 * last. FIFO mailboxes make this exact: what a job posted runs before the count that
 * follows the drain.
 */
static void settle_down(struct net *n)
{
	uint64_t jobs = 0, ran = 0;

	for (;;) {
		uint64_t jobs_now = pool_drain(n->pool);
		atomic_ullong ran_now = 0;

		net_post_all(n, count_messages, &ran_now);
		if (jobs_now == jobs && ran_now == ran + n->worker_count)
			return;
		jobs = jobs_now;
		ran = ran_now;
	}
}

void net_stop(struct net *n)
{
	if (n->started) {
		net_disconnect(n);
		settle_down(n);
	}
	for (unsigned i = 0; i < n->worker_count; i++)
		worker_stop(&n->workers[i]);
	n->started = false;
	pool_free(TAKE(n->pool));
}

void net_free(struct net *n)
{
	if (!n)
		return;
	net_stop(n);
	if (n->acceptor.lane)
		acceptor_fini(&n->acceptor);
	close_listeners(n->listeners, n->listener_count);
	free(n->listeners);
	for (unsigned i = 0; i < n->worker_count; i++)
		worker_fini(&n->workers[i]);
	free(n->workers);
	free(n->calls);
	admit_fini(&n->admit);
	pthread_cond_destroy(&n->call_done);
	lock_fini(&n->call_lock);
	free(n);
}

/* ---- small things ---- */

void net_connections_max(struct net *n, unsigned max)
{
	admit_set_max(&n->admit, max);
}

void net_memory_max(struct net *n, size_t bytes)
{
	size_t reserve = bytes / RESERVE_SHARE;

	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	atomic_store(&n->reserve.max, reserve);
	atomic_store(&n->budget.max, bytes - reserve);
}

size_t net_memory_used(struct net *n)
{
	return atomic_load(&n->budget.used) + atomic_load(&n->reserve.used);
}

size_t net_memory_limit(struct net *n)
{
	return atomic_load(&n->budget.max) + atomic_load(&n->reserve.max);
}

unsigned net_connections(struct net *n)
{
	return admit_count(&n->admit);
}

unsigned net_lane_count(struct net *n)
{
	return n->worker_count;
}

struct lane *net_lane(struct net *n, unsigned i)
{
	return &n->workers[i].lane;
}

struct env *net_env(struct net *n)
{
	return &n->clock.env;
}

struct exec *net_exec(struct net *n)
{
	return pool_exec(n->pool);
}
