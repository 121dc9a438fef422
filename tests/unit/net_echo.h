/*
 * net_echo.h - a whole server that echoes frames, and clients for it. For tests of
 * net/net and its lanes.
 *
 * Every tenth answer takes the way through the pool if use_pool is set.
 */
#pragma once

#include "test.h"

#include "base/buf.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
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

static inline void conn_put(struct echo_conn *c)
{
	if (--c->refs == 0)
		free(c);
}

static inline void send_back(struct echo_conn *c, struct buf *b, size_t len)
{
	struct seg s = {.buf = b, .bytes = span_of(b->data, len)};

	if (!c->x)
		buf_put(b);
	else if (c->x->ops->send(c->x, &s, 1) < 0)
		return;
}

static inline int echo_job_run(struct job *j)
{
	(void)j;
	return 0;
}

static inline void echo_job_done(struct wait *w)
{
	struct echo_job *j = container_of(w, struct echo_job, wait);

	send_back(j->conn, j->buf, j->len);
	conn_put(j->conn);
	free(j);
}

static inline void echo_by_pool(struct echo_conn *c, struct buf *b, size_t len)
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

static inline void echo_frame(void *user, struct buf *b, struct mspan frame)
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

static inline void echo_flush(void *user)
{
	(void)user;
}

static inline void echo_closed(void *user, int err)
{
	struct echo_conn *c = user;

	(void)err;
	atomic_fetch_add(&c->echo->closed, 1);
	c->x = NULL;
	conn_put(c);
}

static inline void *echo_opened(struct lane *l, struct xport *x, void *arg)
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

static inline void echo_start(struct echo *e, unsigned workers, unsigned connections_max)
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
	CHECK_EQ(net_listen(e->net, &any_port4, 1, NULL), 0);
}

static inline void echo_stop(struct echo *e)
{
	net_stop(e->net);
	CHECK_EQ(net_connections(e->net), 0);
	CHECK_EQ(atomic_load(&e->opened), atomic_load(&e->closed));
	CHECK(!atomic_load(&e->wrong_thread));
	net_free(e->net);
}

/* ---- clients ---- */

static inline int client_try(uint16_t port)
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

static inline int client(struct echo *e)
{
	int fd = client_try(net_listener_port(e->net, 0));

	CHECK(fd >= 0);
	return fd;
}

static inline bool recv_all(int fd, uint8_t *p, size_t len)
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
static inline bool ping(int fd, size_t len)
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

static inline bool is_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static inline void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static inline void wait_connections(struct echo *e, unsigned count)
{
	for (int i = 0; i < 1000 && net_connections(e->net) != count; i++)
		nap_ms(10);
	CHECK_EQ(net_connections(e->net), count);
}

/* ---- on the lanes ---- */

struct visits {
	atomic_uint count;
	pthread_t threads[LANES_MAX];
};

static inline void visit(struct lane *l, void *arg)
{
	struct visits *v = arg;

	v->threads[l->index] = pthread_self();
	atomic_fetch_add(&v->count, 1);
}
