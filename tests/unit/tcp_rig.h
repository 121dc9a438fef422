/*
 * tcp_rig.h - one real TCP connection under net/tcp, without threads and with a clock of
 * the test's.
 *
 * The test plays the worker (rig_turn) and the peer (a blocking socket); the user above
 * records what it is told.
 */
#pragma once

#include "test.h"

#include "base/buf.h"
#include "base/env.h"
#include "base/lane.h"
#include "net/loop.h"
#include "net/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RIG_BUDGET = 64 << 20, RIG_WAIT_MS = 2000 };

struct rig {
	struct env env;
	uint64_t now_ns;
	struct timers timers;
	struct buf_budget budget, reserve;
	struct lane lane;
	struct loop *loop;
	struct admit admit;
	struct tcp_set set;

	struct xport *x;
	int peer; /* the other end */

	/* What the user was told. */
	unsigned frames, flushes, closes;
	int closed_err;
	size_t bytes;     /* in all frames */
	uint8_t last[64]; /* start of the last frame */
	size_t last_len;

	/* What the user does about it; NULL: nothing. */
	void (*on_frame)(struct rig *r, struct buf *b, struct mspan frame);
	void (*on_flush)(struct rig *r);
	void (*on_turn_end)(struct rig *r);
	bool keep_frames; /* hold the buffers until rig_drop_frames() */
	struct buf *kept[256];
	size_t kept_count;
};

static inline uint64_t rig_now(struct env *e)
{
	return container_of(e, struct rig, env)->now_ns;
}

static inline void rig_frame(void *user, struct buf *b, struct mspan frame)
{
	struct rig *r = user;

	CHECK_EQ(r->closes, 0);
	r->frames++;
	r->bytes += frame.len;
	r->last_len = frame.len;
	memcpy(r->last, frame.p,
	       frame.len < sizeof(r->last) ? frame.len : sizeof(r->last));
	if (r->on_frame)
		r->on_frame(r, b, frame);
	if (r->keep_frames)
		r->kept[r->kept_count++] = b;
	else
		buf_put(b);
}

static inline void rig_flush(void *user)
{
	struct rig *r = user;

	CHECK_EQ(r->closes, 0);
	r->flushes++;
	if (r->on_flush)
		r->on_flush(r);
}

static inline void rig_closed(void *user, int err)
{
	struct rig *r = user;

	r->closes++;
	r->closed_err = err;
}

static inline void rig_turn_end(struct lane *l)
{
	struct rig *r = container_of(l, struct rig, lane);

	if (r->on_turn_end)
		r->on_turn_end(r);
}

static inline void *rig_opened(struct lane *l, struct xport *x, void *arg)
{
	struct rig *r = arg;

	CHECK(l == &r->lane);
	r->x = x;
	return r;
}

/* A connected pair over the loopback; the first end is non-blocking. */
static inline void rig_connect(int ret_pair[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(bind(l, (struct sockaddr *)&a, len), 0);
	CHECK_EQ(listen(l, 1), 0);
	CHECK_EQ(getsockname(l, (struct sockaddr *)&a, &len), 0);
	ret_pair[1] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(ret_pair[1], (struct sockaddr *)&a, len), 0);
	ret_pair[0] = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	CHECK(ret_pair[0] >= 0);
	close(l);
}

static inline void rig_init(struct rig *r, size_t budget)
{
	static const struct env_ops env_ops = {.now_ns = rig_now};

	*r = (struct rig){.env.ops = &env_ops, .now_ns = 1000000000, .peer = -1};
	r->budget.max = budget;
	r->reserve.max = 256 << 10;
	timers_init(&r->timers, r->now_ns);
	r->loop = loop_new();
	r->lane = (struct lane){.env = &r->env,
				.timers = &r->timers,
				.bufs = bufs_new(&r->budget),
				.reserve = bufs_new(&r->reserve),
				.turn_end = rig_turn_end,
				.lane_count = 1};
	CHECK_EQ(admit_init(&r->admit, 1, 0), 0);
	CHECK_EQ(tcp_set_init(&r->set, &r->lane, r->loop), 0);
}

static inline void rig_open_with(struct rig *r,
				 void *(*opened)(struct lane *, struct xport *, void *))
{
	static const struct xport_user user = {rig_frame, rig_flush, rig_closed};
	struct conn_factory factory = {opened, &user, r};
	struct seat seat;
	int pair[2];

	rig_connect(pair);
	r->peer = pair[1];
	CHECK(admit_enter(&r->admit, 0, &seat));
	tcp_open(&r->set, pair[0], seat, &factory);
}

static inline void rig_start(struct rig *r)
{
	rig_init(r, RIG_BUDGET);
	rig_open_with(r, rig_opened);
}

static inline void rig_drop_frames(struct rig *r)
{
	while (r->kept_count > 0)
		buf_put(r->kept[--r->kept_count]);
}

/* One turn of the worker; sleeps up to wait_ms of real time, which moves no clock. */
static inline void rig_turn(struct rig *r, int wait_ms)
{
	loop_wait(r->loop, tcp_set_busy(&r->set) ? 0 : wait_ms);
	timers_run(&r->timers, r->now_ns);
	loop_dispatch(r->loop);
	tcp_set_read(&r->set);
	tcp_set_finish(&r->set);
}

static inline void rig_pass(struct rig *r, uint64_t ms)
{
	r->now_ns += ms * 1000000;
}

/* Turns until the condition holds; gives up after RIG_WAIT_MS
 * without anything happening at all. */
#define RIG_UNTIL(r, cond)                                                               \
	do {                                                                             \
		for (int tries_ = 0; !(cond) && tries_ < 10000; tries_++)                \
			rig_turn((r), 10);                                               \
		CHECK(cond);                                                             \
	} while (0)

/* Leaves no connection, seat or buffer behind. */
static inline void rig_stop(struct rig *r)
{
	if (r->peer >= 0)
		close(r->peer);
	rig_drop_frames(r);
	tcp_set_fini(&r->set);
	CHECK_EQ(admit_count(&r->admit), 0);
	bufs_trim(r->lane.bufs, 0);
	bufs_trim(r->lane.reserve, 0);
	CHECK_EQ(atomic_load(&r->budget.used), 0);
	CHECK_EQ(atomic_load(&r->reserve.used), 0);
	bufs_free(r->lane.bufs);
	bufs_free(r->lane.reserve);
	admit_fini(&r->admit);
	loop_free(r->loop);
}

/* ---- the peer ---- */

static inline void peer_send(struct rig *r, const void *p, size_t len)
{
	CHECK_EQ(send(r->peer, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void peer_head(uint8_t head[4], size_t len)
{
	head[0] = 0;
	head[1] = (uint8_t)(len >> 16);
	head[2] = (uint8_t)(len >> 8);
	head[3] = (uint8_t)len;
}

/* Byte i of every frame is pattern(i). */
static inline uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

/* A whole frame as sent; the caller frees it. */
static inline uint8_t *peer_frame(size_t len)
{
	uint8_t *p = malloc(len + 4);

	peer_head(p, len);
	for (size_t i = 0; i < len; i++)
		p[4 + i] = pattern(i);
	return p;
}

static inline void peer_send_frame(struct rig *r, size_t len)
{
	uint8_t *p = peer_frame(len);

	peer_send(r, p, len + 4);
	free(p);
}

/* Send without ever blocking while the rig turns; for more than the kernel buffers. */
static inline void peer_send_all(struct rig *r, const uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(r->peer, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
		rig_turn(r, 0);
	}
}

static inline bool is_pattern(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != pattern(i))
			return false;
	return true;
}
