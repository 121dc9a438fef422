/*
 * tcp.c - life of TCP connections, and what a worker's turn does for them. See tcp.h
 *
 *     OPEN --close()--> CLOSING --output sent--> LINGERING --peer closes, or time--> DEAD
 *       \__________________\_______ error, end of input, time _______/
 *
 * tcp_end() is the only way to DEAD, linger() the only way to LINGERING. closed() is
 * called once, on leaving OPEN or CLOSING; from then on the connection has no user.
 * Connections are freed only in settle(), so that nothing that walks one of the set's
 * lists has one die under it.
 */
#include "net/tcp_conn.h"

#include "base/env.h"
#include "base/lane.h"

#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct tcp *tcp_of(struct xport *x)
{
	return container_of(x, struct tcp, x);
}

void tcp_touch(struct tcp *c)
{
	if (!list_linked(&c->touched))
		list_add_tail(&c->set->touched, &c->touched);
}

void tcp_flush_later(struct tcp *c)
{
	if (!list_linked(&c->flush))
		list_add_tail(&c->set->flush, &c->flush);
}

/* Input ends here. What was read is freed in settle(): rx_read() may be at work on it. */
static void leave_open(struct tcp *c, enum tcp_state state)
{
	c->state = state;
	list_del(&c->again);
	list_del(&c->hungry);
	tcp_touch(c);
}

void tcp_end(struct tcp *c, int err)
{
	if (c->state == TCP_DEAD)
		return;
	c->err = err;
	leave_open(c, TCP_DEAD);
}

static void timed_out(struct timer *t)
{
	tcp_end(container_of(t, struct tcp, timer), -ETIMEDOUT);
}

/* ---- buffers when memory is short ---- */

static void hungry_again(struct timer *t);

static void hungry_arm(struct tcp_set *s)
{
	if (!list_empty(&s->hungry) && !timer_armed(&s->hungry_timer))
		timer_arm(s->lane->timers, &s->hungry_timer, TCP_HUNGRY_MS, hungry_again);
}

void tcp_hungry(struct tcp *c)
{
	list_add_tail(&c->set->hungry, &c->hungry);
	hungry_arm(c->set);
	tcp_touch(c);
}

static bool feed(struct tcp *c)
{
	if (!rx_feed(c))
		return false;
	list_del(&c->hungry);
	tcp_touch(c);
	return true;
}

/* Everybody gets a try: a small frame may find a buffer where a large one does not. */
static void hungry_again(struct timer *t)
{
	struct tcp_set *s = container_of(t, struct tcp_set, hungry_timer);

	list_for_each (n, &s->hungry)
		(void)feed(container_of(n, struct tcp, hungry));
	hungry_arm(s);
}

/* This turn may have freed some: in their order, as far as it goes. */
static void hungry_first(struct tcp_set *s)
{
	while (!list_empty(&s->hungry))
		if (!feed(container_of(s->hungry.next, struct tcp, hungry)))
			return;
}

/* ---- what the user above may call ---- */

static int x_send(struct xport *x, const struct seg *segs, size_t count)
{
	struct tcp *c = tcp_of(x);
	int err;

	if (c->state != TCP_OPEN) {
		tx_drop(segs, count);
		return -EPIPE;
	}
	err = tx_queue(c, segs, count);
	if (err) {
		tcp_end(c, err);
		return -EPIPE;
	}
	if (c->tx.bytes >= TCP_QUEUE_MAX)
		tx_write(c);
	tcp_touch(c);
	return 0;
}

static bool x_writable(struct xport *x)
{
	return tx_writable(tcp_of(x));
}

static void x_pause(struct xport *x, bool paused)
{
	rx_pause(tcp_of(x), paused);
}

static void x_rest(struct xport *x)
{
	tcp_of(x)->rx.turn_frames = TCP_TURN_FRAMES;
}

static void x_frame_max(struct xport *x, size_t len)
{
	tcp_of(x)->rx.frame_max = len;
}

static void x_close(struct xport *x)
{
	struct tcp *c = tcp_of(x);

	if (c->state != TCP_OPEN)
		return;
	leave_open(c, TCP_CLOSING);
	timer_arm(c->set->lane->timers, &c->timer, TCP_CLOSE_MS, timed_out);
}

static const char *x_peer(struct xport *x)
{
	return tcp_of(x)->peer;
}

static const char *x_local(struct xport *x)
{
	return tcp_of(x)->local;
}

static const struct xport_ops tcp_ops = {
	.send = x_send,
	.writable = x_writable,
	.pause = x_pause,
	.rest = x_rest,
	.frame_max = x_frame_max,
	.close = x_close,
	.peer = x_peer,
	.local = x_local,
};

/* ---- what the loop reports ---- */

static void hung_up(struct tcp *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	getsockopt(c->fd.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	tcp_end(c, err ? -err : -ECONNRESET);
}

static void tcp_ready(struct loop_fd *f, unsigned events)
{
	struct tcp *c = container_of(f, struct tcp, fd);

	if (events & LOOP_WRITE) {
		c->tx.blocked = false;
		tx_write(c);
		tcp_touch(c);
	}
	if (c->state == TCP_LINGERING)
		rx_discard(c);
	else if (rx_wanted(c) && events & (LOOP_READ | LOOP_HANGUP))
		rx_read(c);
	else if (events & LOOP_HANGUP) /* nobody would read the news */
		hung_up(c);
}

/* ---- life ---- */

static void tcp_free(struct tcp *c)
{
	struct tcp_set *s = c->set;

	loop_del(s->loop, &c->fd);
	close(c->fd.fd);
	timer_cancel(s->lane->timers, &c->timer);
	list_del(&c->all);
	list_del(&c->touched);
	list_del(&c->flush);
	list_del(&c->again);
	list_del(&c->hungry);
	rx_fini(c);
	tx_fini(c);
	admit_leave(&c->seat);
	free(c);
}

/*
 * Pacing, as BBR has it, spreads output over time so that no queue on the way overflows. Between two ends of one machine
 * there is none: each piece of it costs a timer here and wakes the peer once more, several times what sending costs.
 * Reno, which every kernel has and any user may choose, sends what the window takes.
 */
static void unpace(int fd)
{
	static const char reno[] = "reno";

	if (addr_peer_is_near(fd))
		(void)!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno,
				  sizeof(reno) - 1);
}

static struct tcp *tcp_new(struct tcp_set *s, int fd, struct seat seat)
{
	struct tcp *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->x.ops = &tcp_ops;
	c->set = s;
	c->seat = seat;
	c->fd = (struct loop_fd){.fd = fd, .ready = tcp_ready};
	rx_init(c);
	addr_peer(fd, c->peer);
	addr_local(fd, c->local);
	unpace(fd);
	return c;
}

/* The reason why fd cannot be served; then it is still the caller's. */
static int tcp_start(struct tcp_set *s, int fd, struct seat seat,
		     const struct conn_factory *factory)
{
	struct tcp *c;
	int err;

	if (s->closing)
		return -ESHUTDOWN;
	c = tcp_new(s, fd, seat);
	if (!c)
		return -ENOMEM;
	err = loop_add(s->loop, &c->fd, LOOP_READ);
	if (err) {
		free(c);
		return err;
	}
	list_add_tail(&s->all, &c->all);
	c->x.user = factory->user;
	c->x.user_data = factory->opened(s->lane, &c->x, factory->arg);
	if (!c->x.user_data) {
		c->told = true;
		tcp_end(c, 0);
	}
	return 0;
}

void tcp_open(struct tcp_set *s, int fd, struct seat seat,
	      const struct conn_factory *factory)
{
	int err = tcp_start(s, fd, seat, factory);

	if (!err)
		return;
	if (err != -ESHUTDOWN &&
	    log_limit_ok(&s->refused_limit, 1, env_now_ns(s->lane->env)))
		log_error("connection refused: %s", strerror(-err));
	close(fd);
	admit_leave(&seat);
}

/* The user's last call. */
static void tell_closed(struct tcp *c)
{
	if (c->told)
		return;
	c->told = true;
	c->x.user->closed(c->x.user_data, c->err);
}

/*
 * All output is with the kernel. Closing now would reset the connection if the peer sent
 * something that was not read, and the reset would overtake our last answer: so end our
 * direction and wait a moment for the peer to end his.
 */
static void linger(struct tcp *c)
{
	c->state = TCP_LINGERING;
	tell_closed(c);
	shutdown(c->fd.fd, SHUT_WR);
	timer_arm(c->set->lane->timers, &c->timer, TCP_LINGER_MS, timed_out);
}

/* Write what is queued, then do what the state asks for. */
static void settle(struct tcp *c)
{
	bool reading, sending;

	if (c->state != TCP_OPEN)
		rx_fini(c);
	tx_write(c);
	if (c->state == TCP_CLOSING && c->tx.count == 0)
		linger(c);
	if (c->state == TCP_DEAD) {
		tell_closed(c);
		tcp_free(c);
		return;
	}
	reading = rx_wanted(c) || c->state == TCP_LINGERING;
	sending = c->tx.count > 0;
	loop_want(c->set->loop, &c->fd,
		  (reading ? LOOP_READ : 0u) | (sending ? LOOP_WRITE : 0u));
}

/* ---- the set ---- */

int tcp_set_init(struct tcp_set *s, struct lane *lane, struct loop *loop)
{
	*s = (struct tcp_set){.lane = lane, .loop = loop};
	list_init(&s->all);
	list_init(&s->touched);
	list_init(&s->flush);
	list_init(&s->again);
	list_init(&s->hungry);
	s->scratch = malloc(TCP_READ_AHEAD);
	return s->scratch ? 0 : -ENOMEM;
}

void tcp_set_fini(struct tcp_set *s)
{
	if (!s->scratch)
		return; /* was never initialised */
	s->closing = true;
	list_for_each (n, &s->all)
		tcp_end(container_of(n, struct tcp, all), -ESHUTDOWN);
	for (struct list_node *n; (n = list_pop(&s->touched));)
		settle(container_of(n, struct tcp, touched));
	timer_cancel(s->lane->timers, &s->hungry_timer);
	free(TAKE(s->scratch));
}

void tcp_set_close(struct tcp_set *s)
{
	s->closing = true;
	list_for_each (n, &s->all)
		x_close(&container_of(n, struct tcp, all)->x);
}

void tcp_set_read(struct tcp_set *s)
{
	struct list_node due;

	list_init(&due);
	list_splice_tail(&due, &s->again);
	for (struct list_node *n; (n = list_pop(&due));)
		rx_read(container_of(n, struct tcp, again));
}

static void flush_users(struct tcp_set *s)
{
	struct list_node due;

	list_init(&due);
	list_splice_tail(&due, &s->flush);
	for (struct list_node *n; (n = list_pop(&due));) {
		struct tcp *c = container_of(n, struct tcp, flush);

		if (c->state == TCP_OPEN)
			c->x.user->flush(c->x.user_data);
	}
}

void tcp_set_finish(struct tcp_set *s)
{
	hungry_first(s);
	flush_users(s);
	if (s->lane->turn_end)
		s->lane->turn_end(s->lane);
	for (struct list_node *n; (n = list_pop(&s->touched));)
		settle(container_of(n, struct tcp, touched));
	s->turn++;
}

bool tcp_set_busy(const struct tcp_set *s)
{
	return !list_empty(&s->flush) || !list_empty(&s->again) ||
	       !list_empty(&s->touched);
}
