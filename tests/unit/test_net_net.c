/* test_net_net.c - workers, pool and listeners together, with real threads, sockets. */
#include "net_echo.h"

#include <fcntl.h>
#include <sys/resource.h>

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
	CHECK_EQ(net_listen(e.net, specs, 2, NULL), 0);
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
	CHECK_EQ(net_listen(e.net, specs, 2, NULL), 0);
	CHECK_EQ(net_listener_port(e.net, 0), first);
	CHECK(ping(fd, 10));
	other = client_try(net_listener_port(e.net, 1));
	CHECK(other >= 0 && ping(other, 10));

	CHECK_EQ(net_listen(e.net, &specs[1], 1, NULL), 0);
	CHECK_EQ(client_try(first), -1);
	CHECK(ping(fd, 10) && ping(other, 10));

	/* An old one stands in the way of the new one: it goes first. */
	specs[0].port = net_listener_port(e.net, 0);
	CHECK_EQ(net_listen(e.net, specs, 1, NULL), 0);
	CHECK(ping(fd, 10));
	close(fd);
	close(other);
	echo_stop(&e);
}

TEST(net_listen_reports_errors)
{
	struct listen_spec specs[] = {any_port4, any_port4, any_port4, any_port4};
	struct listener *foreign = NULL;
	int errs[2] = {1, 1};
	struct echo e;
	int fd;

	echo_start(&e, 1, 0);
	CHECK_EQ(listener_open(&any_port4, &foreign), 0);
	specs[1].port = foreign->port;
	CHECK_EQ(net_listen(e.net, specs, 2, NULL), -EADDRINUSE);
	specs[1] = any_port4;
	specs[1].interface = "none-such0";
	CHECK_EQ(net_listen(e.net, specs, 2, errs), -ENODEV);
	CHECK_EQ(errs[0], 0);
	CHECK_EQ(errs[1], -ENODEV);
	specs[1].interface = "a-name-of-more-than-fifteen-bytes";
	CHECK_EQ(net_listen(e.net, specs, 2, NULL), -ENODEV);
	specs[1] = any_port4;
	specs[1].address = "localhost";
	CHECK_EQ(net_listen(e.net, specs, 2, NULL), -EINVAL);
	specs[1].address = "192.0.2.77"; /* not ours: TEST-NET-1 */
	CHECK_EQ(net_listen(e.net, specs, 2, NULL), -EADDRNOTAVAIL);
	fd = client(&e); /* the good one has worked all the time */
	CHECK(ping(fd, 10));
	close(fd);
	listener_close(foreign);
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
