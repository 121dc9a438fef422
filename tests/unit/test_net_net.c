/* test_net_net.c - workers, pool and listeners together, with real threads, sockets. */
#include "test.h"

#include "base/buf.h"
#include "base/timer.h"
#include "net/net.h"
#include "net/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LANES_MAX = 4 };

/* A server that echoes frames; every tenth answer takes the way through the pool. */
struct echo {
	struct net *net;
	atomic_uint opened, closed, frames;
	atomic_uint per_lane[LANES_MAX];
	atomic_bool wrong_thread;
	atomic_size_t memory_used; /* while the last frame was there */
	bool use_pool;
};

struct echo_conn {
	struct echo *echo;
	struct xport *x; /* NULL after the end */
	struct lane *lane;
	pthread_t thread;
	unsigned refs; /* the connection and its jobs */
};

struct echo_job {
	struct job job;
	struct wait wait;
	struct echo_conn *conn;
	struct buf *buf;
	size_t len;
};

static void conn_put(struct echo_conn *c)
{
	if (--c->refs == 0)
		free(c);
}

static void send_back(struct echo_conn *c, struct buf *b, size_t len)
{
	struct seg s = {.buf = b, .bytes = span_of(b->data, len)};

	if (!c->x)
		buf_put(b);
	else if (c->x->ops->send(c->x, &s, 1) < 0)
		return;
}

static int echo_job_run(struct job *j)
{
	(void)j;
	return 0;
}

static void echo_job_done(struct wait *w)
{
	struct echo_job *j = container_of(w, struct echo_job, wait);

	send_back(j->conn, j->buf, j->len);
	conn_put(j->conn);
	free(j);
}

static void echo_by_pool(struct echo_conn *c, struct buf *b, size_t len)
{
	struct echo_job *j = calloc(1, sizeof(*j));

	wait_init(&j->wait, c->lane->mailbox);
	j->job = (struct job){.run = echo_job_run,
			      .wait = wait_arm(&j->wait, echo_job_done)};
	j->conn = c;
	j->buf = b;
	j->len = len;
	c->refs++;
	exec_run(c->lane->exec, EXEC_IO, &j->job);
}

static void echo_frame(void *user, struct buf *b, struct mspan frame)
{
	struct echo_conn *c = user;
	unsigned n = atomic_fetch_add(&c->echo->frames, 1);

	atomic_store(&c->echo->memory_used, net_memory_used(c->echo->net));
	if (!pthread_equal(pthread_self(), c->thread))
		atomic_store(&c->echo->wrong_thread, true);
	if (c->echo->use_pool && n % 10 == 0)
		echo_by_pool(c, b, frame.len);
	else
		send_back(c, b, frame.len);
}

static void echo_flush(void *user)
{
	(void)user;
}

static void echo_closed(void *user, int err)
{
	struct echo_conn *c = user;

	(void)err;
	atomic_fetch_add(&c->echo->closed, 1);
	c->x = NULL;
	conn_put(c);
}

static void *echo_opened(struct lane *l, struct xport *x, void *arg)
{
	struct echo *e = arg;
	struct echo_conn *c = calloc(1, sizeof(*c));

	*c = (struct echo_conn){e, x, l, pthread_self(), 1};
	atomic_fetch_add(&e->opened, 1);
	atomic_fetch_add(&e->per_lane[l->index], 1);
	x->ops->frame_max(x, 1 << 20);
	return c;
}

static const struct listen_spec any_port4 = {.address = "127.0.0.1", .family = AF_INET};
static const struct listen_spec any_port6 = {.address = "::1", .family = AF_INET6};

static void echo_start(struct echo *e, unsigned workers, unsigned connections_max)
{
	static const struct xport_user user = {echo_frame, echo_flush, echo_closed};
	struct net_settings s = {
		.workers = workers,
		.pool = {2, 1},
		.memory_max = 32 << 20,
		.connections_max = connections_max,
		.factory = {echo_opened, &user, e},
	};

	*e = (struct echo){0};
	CHECK_EQ(net_new(&s, &e->net), 0);
	CHECK_EQ(net_start(e->net), 0);
	CHECK_EQ(net_listen(e->net, &any_port4, 1), 0);
}

static void echo_stop(struct echo *e)
{
	net_stop(e->net);
	CHECK_EQ(net_connections(e->net), 0);
	CHECK_EQ(atomic_load(&e->opened), atomic_load(&e->closed));
	CHECK(!atomic_load(&e->wrong_thread));
	net_free(e->net);
}

/* ---- clients ---- */

static int client_try(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int client(struct echo *e)
{
	int fd = client_try(net_listener_port(e->net, 0));

	CHECK(fd >= 0);
	return fd;
}

static bool recv_all(int fd, uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, p, len, 0);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* One frame there and back; false when the server is gone. */
static bool ping(int fd, size_t len)
{
	uint8_t out[4 + 4096], in[4 + 4096];

	out[0] = out[1] = 0;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	memset(out + 4, (int)(len & 0xFF), len);
	if (send(fd, out, len + 4, MSG_NOSIGNAL) != (ssize_t)len + 4)
		return false;
	return recv_all(fd, in, len + 4) && memcmp(in, out, len + 4) == 0;
}

static bool is_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void wait_connections(struct echo *e, unsigned count)
{
	for (int i = 0; i < 1000 && net_connections(e->net) != count; i++)
		nap_ms(10);
	CHECK_EQ(net_connections(e->net), count);
}

/* ---- tests ---- */

TEST(net_starts_and_stops)
{
	struct echo e;

	echo_start(&e, 2, 0);
	CHECK_EQ(net_lane_count(e.net), 2);
	CHECK(net_listener_port(e.net, 0) != 0);
	CHECK(!net_listener(e.net, 1));
	echo_stop(&e);
}

TEST(net_free_without_start)
{
	struct net_settings s = {
		.workers = 2, .pool = {1, 1}, .memory_max = NET_MEMORY_MIN};
	struct net *n = NULL;

	CHECK_EQ(net_new(&s, &n), 0);
	CHECK_EQ(net_lane(n, 1)->index, 1);
	CHECK_EQ(net_lane(n, 1)->lane_count, 2);
	net_free(n);
	net_free(NULL);
}

TEST(net_refuses_bad_settings)
{
	static const struct net_settings rows[] = {
		{.workers = 0, .pool = {1, 1}, .memory_max = NET_MEMORY_MIN},
		{.workers = ADMIT_WORKERS_MAX + 1,
		 .pool = {1, 1},
		 .memory_max = NET_MEMORY_MIN},
		{.workers = 1, .pool = {0, 1}, .memory_max = NET_MEMORY_MIN},
		{.workers = 1, .pool = {1, 0}, .memory_max = NET_MEMORY_MIN},
		{.workers = 1, .pool = {1, 1}, .memory_max = NET_MEMORY_MIN - 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net *n = NULL;

		CHECK_EQ(net_new(&rows[i], &n), -EINVAL);
		CHECK(!n);
	}
}

TEST(net_spreads_connections_over_workers)
{
	enum { CLIENTS = 20 };
	struct echo e;
	int fd[CLIENTS];

	echo_start(&e, 2, 0);
	for (size_t i = 0; i < CLIENTS; i++)
		fd[i] = client(&e);
	for (size_t round = 1; round <= 50; round++)
		for (size_t i = 0; i < CLIENTS; i++)
			CHECK(ping(fd[i], round * 80));
	CHECK_EQ(net_connections(e.net), CLIENTS);
	CHECK_EQ(atomic_load(&e.per_lane[0]), CLIENTS / 2);
	CHECK_EQ(atomic_load(&e.per_lane[1]), CLIENTS / 2);
	for (size_t i = 0; i < CLIENTS; i++)
		close(fd[i]);
	wait_connections(&e, 0);
	echo_stop(&e);
}

TEST(net_connections_max_is_enforced)
{
	struct echo e;
	int a, b, c;

	echo_start(&e, 2, 2);
	a = client(&e);
	b = client(&e);
	CHECK(ping(a, 10) && ping(b, 10));
	c = client(&e);      /* the kernel accepts ... */
	CHECK(is_closed(c)); /* ... and we close at once */
	close(c);
	CHECK(ping(a, 10) && ping(b, 10)); /* others do not notice */
	close(a);
	wait_connections(&e, 1);
	c = client(&e);
	CHECK(ping(c, 10));
	net_connections_max(e.net, 1);
	CHECK(ping(b, 10) && ping(c, 10));
	a = client(&e);
	CHECK(is_closed(a));
	close(a);
	close(b);
	close(c);
	wait_connections(&e, 0);
	echo_stop(&e);
}

static int client6(uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				 .sin6_port = htons(port),
				 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool have_ipv6(void)
{
	struct listener *l = NULL;

	if (listener_open(&any_port6, &l) != 0)
		return false;
	listener_close(l);
	return true;
}

/* The same port in both families: each listener takes its own family only. */
TEST(net_listens_on_both_families)
{
	struct echo e;
	struct listen_spec specs[2] = {any_port4, any_port6};
	int fd;

	if (!have_ipv6())
		skip();
	echo_start(&e, 1, 0);
	specs[1].port = net_listener_port(e.net, 0);
	CHECK_EQ(net_listen(e.net, specs, 2), 0);
	CHECK_EQ(net_listener_port(e.net, 0), net_listener_port(e.net, 1));
	CHECK_EQ(strncmp(net_listener(e.net, 1), "[::1]:", 6), 0);
	fd = client6(specs[1].port);
	CHECK(fd >= 0);
	CHECK(ping(fd, 5));
	close(fd);
	echo_stop(&e);
}

/* A reload keeps what is still wanted, and never touches connections. */
TEST(net_listen_changes_while_running)
{
	struct listen_spec specs[2] = {any_port4, any_port4};
	struct echo e;
	uint16_t first;
	int fd, other;

	echo_start(&e, 2, 0);
	first = net_listener_port(e.net, 0);
	fd = client(&e);
	CHECK(ping(fd, 10));

	specs[1].interface = "lo";
	CHECK_EQ(net_listen(e.net, specs, 2), 0);
	CHECK_EQ(net_listener_port(e.net, 0), first);
	CHECK(ping(fd, 10));
	other = client_try(net_listener_port(e.net, 1));
	CHECK(other >= 0 && ping(other, 10));

	CHECK_EQ(net_listen(e.net, &specs[1], 1), 0);
	CHECK_EQ(client_try(first), -1);
	CHECK(ping(fd, 10) && ping(other, 10));

	/* An old one stands in the way of the new one: it goes first. */
	specs[0].port = net_listener_port(e.net, 0);
	CHECK_EQ(net_listen(e.net, specs, 1), 0);
	CHECK(ping(fd, 10));
	close(fd);
	close(other);
	echo_stop(&e);
}

TEST(net_listen_reports_errors)
{
	struct listen_spec specs[] = {any_port4, any_port4, any_port4, any_port4};
	struct listener *foreign = NULL;
	struct echo e;
	int fd;

	echo_start(&e, 1, 0);
	CHECK_EQ(listener_open(&any_port4, &foreign), 0);
	specs[1].port = foreign->port;
	CHECK_EQ(net_listen(e.net, specs, 2), -EADDRINUSE);
	specs[1] = any_port4;
	specs[1].interface = "none-such0";
	CHECK_EQ(net_listen(e.net, specs, 2), -ENODEV);
	specs[1].interface = "a-name-of-more-than-fifteen-bytes";
	CHECK_EQ(net_listen(e.net, specs, 2), -ENODEV);
	specs[1] = any_port4;
	specs[1].address = "localhost";
	CHECK_EQ(net_listen(e.net, specs, 2), -EINVAL);
	specs[1].address = "192.0.2.77"; /* not ours: TEST-NET-1 */
	CHECK_EQ(net_listen(e.net, specs, 2), -EADDRNOTAVAIL);
	fd = client(&e); /* the good one has worked all the time */
	CHECK(ping(fd, 10));
	close(fd);
	listener_close(foreign);
	echo_stop(&e);
}

struct visits {
	atomic_uint count;
	pthread_t threads[LANES_MAX];
};

static void visit(struct lane *l, void *arg)
{
	struct visits *v = arg;

	v->threads[l->index] = pthread_self();
	atomic_fetch_add(&v->count, 1);
}

TEST(net_post_all_reaches_each_worker)
{
	struct visits v = {0};
	struct echo e;

	echo_start(&e, 3, 0);
	for (unsigned i = 1; i <= 100; i++) {
		net_post_all(e.net, visit, &v);
		CHECK_EQ(atomic_load(&v.count), 3 * i);
	}
	CHECK(!pthread_equal(v.threads[0], v.threads[1]));
	CHECK(!pthread_equal(v.threads[1], v.threads[2]));
	CHECK(!pthread_equal(v.threads[0], pthread_self()));
	echo_stop(&e);
}

/* What lives on a lane: a timer, a message to itself, one to the next lane; then done. */
struct tour {
	struct echo *echo;
	struct timer timer;
	struct msg msg;
	uint64_t armed_ns, fired_ns;
	unsigned lane;
	atomic_bool done;
};

static void tour_ends(struct msg *m)
{
	atomic_store(&container_of(m, struct tour, msg)->done, true);
}

static void tour_crosses(struct msg *m)
{
	struct tour *t = container_of(m, struct tour, msg);

	t->msg.run = tour_ends;
	mailbox_post(net_lane(t->echo->net, 1)->mailbox, m);
}

static void tour_timer(struct timer *timer)
{
	struct tour *t = container_of(timer, struct tour, timer);

	t->fired_ns = env_now_ns(net_env(t->echo->net));
	t->msg.run = tour_crosses;
	mailbox_here(net_lane(t->echo->net, 0)->mailbox, &t->msg);
}

static void tour_begins(struct lane *l, void *arg)
{
	struct tour *t = arg;

	if (l->index != 0)
		return;
	t->armed_ns = env_now_ns(net_env(t->echo->net));
	timer_arm(l->timers, &t->timer, 50, tour_timer);
}

TEST(net_lane_has_timers_and_mail)
{
	struct echo e;
	struct tour t = {.echo = &e};

	echo_start(&e, 2, 0);
	nap_ms(50); /* the wheels have not been looked at for a while */
	net_post_all(e.net, tour_begins, &t);
	for (int i = 0; i < 1000 && !atomic_load(&t.done); i++)
		nap_ms(10);
	CHECK(atomic_load(&t.done));
	CHECK(t.fired_ns - t.armed_ns >= 50000000);
	echo_stop(&e);
}

/* A lane that never runs out of messages of its own still serves sockets and mail. */
struct treadmill {
	struct msg msg;
	struct lane *lane;
	bool stop;
	unsigned long steps;
};

static void treadmill_step(struct msg *m)
{
	struct treadmill *t = container_of(m, struct treadmill, msg);

	t->steps++;
	if (!t->stop)
		mailbox_here(t->lane->mailbox, m);
}

static void treadmill_start(struct lane *l, void *arg)
{
	struct treadmill *t = arg;

	t->lane = l;
	t->msg.run = treadmill_step;
	mailbox_here(l->mailbox, &t->msg);
}

static void treadmill_stop(struct lane *l, void *arg)
{
	(void)l;
	((struct treadmill *)arg)->stop = true;
}

TEST(net_lane_is_fair_to_sockets)
{
	struct treadmill t = {0};
	struct echo e;
	int fd;

	echo_start(&e, 1, 0);
	fd = client(&e);
	net_post_all(e.net, treadmill_start, &t);
	for (int i = 0; i < 10; i++)
		CHECK(ping(fd, 100));
	net_post_all(e.net, treadmill_stop, &t);
	close(fd);
	echo_stop(&e);
	CHECK(t.steps > 0); /* the lane's until its thread has ended */
}

/* Some time after traffic an idle connection costs no payload memory. */
TEST(net_idle_gives_memory_back)
{
	struct echo e;
	int fd;

	echo_start(&e, 2, 0);
	fd = client(&e);
	CHECK(ping(fd, 4000));
	CHECK(atomic_load(&e.memory_used) >= 4000);
	for (int i = 0; i < 1000 && net_memory_used(e.net) > 0; i++)
		nap_ms(10);
	CHECK_EQ(net_memory_used(e.net), 0);
	CHECK(ping(fd, 4000));
	close(fd);
	echo_stop(&e);
}

/* ---- stop ---- */

struct hammer {
	struct echo *echo;
	uint16_t port;
	unsigned pings;
};

static void *hammer_run(void *arg)
{
	struct hammer *h = arg;

	for (unsigned i = 0;; i++) {
		int fd = client_try(h->port);
		bool alive = fd >= 0;

		for (unsigned k = 0; alive && k < 100; k++) {
			alive = ping(fd, 1 + (i * 100 + k) % 4000);
			h->pings += alive;
		}
		if (fd >= 0)
			close(fd);
		if (!alive)
			return NULL;
	}
}

TEST(net_stops_under_traffic)
{
	enum { HAMMERS = 3 };

	for (int round = 0; round < 3; round++) {
		struct echo e;
		struct hammer h[HAMMERS];
		pthread_t t[HAMMERS];

		echo_start(&e, 2, 0);
		e.use_pool = true;
		for (size_t i = 0; i < HAMMERS; i++) {
			h[i] = (struct hammer){&e, net_listener_port(e.net, 0), 0};
			CHECK_EQ(pthread_create(&t[i], NULL, hammer_run, &h[i]), 0);
		}
		nap_ms(200);
		echo_stop(&e);
		for (size_t i = 0; i < HAMMERS; i++) {
			pthread_join(t[i], NULL);
			CHECK(h[i].pings > 0);
		}
	}
}

/* Work that makes work: results of jobs submit jobs, on both lanes in turn. Stop waits
 * for the last one. */
struct chain {
	struct job job;
	struct wait wait;
	struct echo *echo;
	unsigned left;
};

static int chain_job(struct job *j)
{
	(void)j;
	nap_ms(5);
	return 0;
}

static void chain_step(struct wait *w);

static void chain_submit(struct chain *c)
{
	struct lane *l = net_lane(c->echo->net, c->left % 2);

	wait_init(&c->wait, l->mailbox);
	c->job = (struct job){.run = chain_job, .wait = wait_arm(&c->wait, chain_step)};
	exec_run(l->exec, EXEC_IO, &c->job);
}

static void chain_step(struct wait *w)
{
	struct chain *c = container_of(w, struct chain, wait);

	if (c->left-- > 1)
		chain_submit(c);
}

TEST(net_stop_waits_for_chains_of_jobs)
{
	struct echo e;
	struct chain c = {.echo = &e, .left = 20};

	echo_start(&e, 2, 0);
	chain_submit(&c);
	echo_stop(&e);
	CHECK_EQ(c.left, 0);
}

TEST(net_disconnect_leaves_lanes_alive)
{
	struct visits v = {0};
	struct echo e;
	int fd;

	echo_start(&e, 2, 0);
	fd = client(&e);
	CHECK(ping(fd, 10));
	net_disconnect(e.net);
	CHECK_EQ(net_connections(e.net), 0);
	CHECK(is_closed(fd));
	CHECK_EQ(atomic_load(&e.closed), 1);
	net_post_all(e.net, visit, &v);
	CHECK_EQ(atomic_load(&v.count), 2);
	close(fd);
	echo_stop(&e);
}

/* ---- descriptors run out ---- */

/* How many descriptors this process has open is how far the limit can be lowered. */
static unsigned lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return (unsigned)fd;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

TEST(net_out_of_descriptors_sheds_and_recovers)
{
	struct rlimit old, low;
	struct echo e;
	int fd[4], lost;
	uint64_t cpu;

	echo_start(&e, 1, 0);
	fd[0] = client(&e);
	CHECK(ping(fd[0], 10));
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* before none is left */
	low.rlim_cur = lowest_free_fd();
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);

	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(net_listener_port(e.net, 0)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	CHECK_EQ(connect(fd[1], (struct sockaddr *)&a, sizeof(a)), 0);
	lost = is_closed(fd[1]); /* told, not left hanging */
	cpu = cpu_ns();
	nap_ms(200);
	cpu = cpu_ns() - cpu;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK(lost);
	CHECK(cpu < 100000000); /* the loop sleeps */
	CHECK(ping(fd[0], 10));
	fd[2] = client(&e);
	CHECK(ping(fd[2], 10));
	close(fd[0]);
	close(fd[1]);
	close(fd[2]);
	echo_stop(&e);
}

TEST_MAIN()
