/*
 * tcp_rx.c - input of one TCP connection. See tcp.h
 *
 * Each read fills the rest of the current frame's own buffer first and then the worker's
 * scratch. What landed in the scratch is cut into frames at once; what cannot be used at
 * once (pause, no buffer, end of the turn's share) is kept in a stash of exactly that
 * size, which is used up before the socket is read again.
 */
#include "net/tcp_conn.h"

#include "base/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void stash_free(struct tcp_rx *rx)
{
	free(TAKE(rx->stash));
	rx->stash_off = rx->stash_len = 0;
}

static bool in_frame(const struct tcp_rx *rx)
{
	return rx->head_len > 0;
}

bool rx_wanted(const struct tcp *c)
{
	return c->state == TCP_OPEN && !c->rx.paused && !c->rx.hungry;
}

/* ... and this turn's share is not used up. */
static bool rx_may_go_on(const struct tcp *c)
{
	return rx_wanted(c) && c->rx.turn_bytes < TCP_TURN_BYTES &&
	       c->rx.turn_frames < TCP_TURN_FRAMES;
}

/* ... and has room for all of the frame, or for nothing else. */
static bool rx_fits(const struct tcp_rx *rx)
{
	return rx->turn_bytes == 0 || rx->len <= TCP_TURN_BYTES - rx->turn_bytes;
}

/*
 * A peer may not hold a buffer for ever by never ending its frame. The timer is armed
 * with the first incomplete frame and looks back when it fires; frames that end in time
 * cost nothing.
 */
static void rx_stalled(struct timer *t)
{
	struct tcp *c = container_of(t, struct tcp, rx.stall);
	struct tcp_rx *rx = &c->rx;

	if (!in_frame(rx))
		return;
	if (rx_wanted(c) && rx->frames == rx->stall_frames &&
	    rx->bytes - rx->stall_bytes < TCP_STALL_BYTES) {
		tcp_end(c, -ETIMEDOUT);
		return;
	}
	rx->stall_frames = rx->frames;
	rx->stall_bytes = rx->bytes;
	timer_arm(c->set->lane->timers, t, TCP_STALL_MS, rx_stalled);
}

static void rx_watch_stall(struct tcp *c)
{
	struct tcp_rx *rx = &c->rx;

	if (!in_frame(rx) || timer_armed(&rx->stall))
		return;
	rx->stall_frames = rx->frames;
	rx->stall_bytes = rx->bytes;
	timer_arm(c->set->lane->timers, &rx->stall, TCP_STALL_MS, rx_stalled);
}

static bool rx_take_buffer(struct tcp *c)
{
	struct lane *l = c->set->lane;
	struct tcp_rx *rx = &c->rx;

	if (rx->buf)
		return true;
	rx->buf = buf_new_for_frame(l->bufs, rx->len);
	if (!rx->buf && rx->len < TCP_FRAME_LARGE)
		rx->buf = buf_new_for_frame(l->reserve, rx->len);
	rx->have = 0;
	return rx->buf != NULL;
}

static bool rx_need_buffer(struct tcp *c)
{
	if (rx_take_buffer(c))
		return true;
	c->rx.hungry = true;
	tcp_hungry(c);
	return false;
}

/* Come back to the stash in the next turn; without one the loop
 * reports the socket again. */
static void rx_again(struct tcp *c)
{
	if (c->rx.stash && rx_wanted(c) && !list_linked(&c->again))
		list_add_tail(&c->set->again, &c->again);
}

bool rx_feed(struct tcp *c)
{
	if (!rx_take_buffer(c))
		return false;
	c->rx.hungry = false;
	rx_again(c);
	return true;
}

/*
 * The frame may be begun now. One that would not be whole in this turn waits for the next: until then what came before it is
 * answered, and the buffer of that, which the processor still has in its cache, serves anew.
 */
static bool rx_begin(struct tcp *c)
{
	return c->rx.buf || (rx_fits(&c->rx) && rx_need_buffer(c));
}

/* The head is complete: learn the length, or end the connection. */
static bool rx_check_head(struct tcp *c)
{
	struct tcp_rx *rx = &c->rx;

	if (rx->head[0] != 0) {
		tcp_end(c, -EPROTO);
		return false;
	}
	rx->len = (size_t)rx->head[1] << 16 | (size_t)rx->head[2] << 8 | rx->head[3];
	if (rx->len == 0 || rx->len > rx->frame_max) {
		tcp_end(c, -EMSGSIZE);
		return false;
	}
	return true;
}

/* The frame is complete: it belongs to the user now. */
static void rx_deliver(struct tcp *c)
{
	struct tcp_rx *rx = &c->rx;
	struct buf *b = TAKE(rx->buf);

	rx->head_len = 0;
	rx->large = rx->len >= TCP_FRAME_LARGE;
	rx->frames++;
	rx->turn_frames++;
	c->set->frames++;
	tcp_flush_later(c);
	c->x.user->frame(c->x.user_data, b, mspan_of(b->data, rx->len));
}

static void rx_count(struct tcp_rx *rx, size_t n)
{
	rx->bytes += n;
	rx->turn_bytes += n;
}

/* Copy what is missing of the head; true when it is complete and good. */
static bool rx_fill_head(struct tcp *c, struct span in, size_t *off)
{
	struct tcp_rx *rx = &c->rx;
	size_t n = min_size(sizeof(rx->head) - rx->head_len, in.len - *off);

	memcpy(rx->head + rx->head_len, in.p + *off, n);
	rx->head_len += n;
	*off += n;
	return rx->head_len == sizeof(rx->head) && rx_check_head(c);
}

/* Cut bytes that were read ahead into frames. Returns how many were used. */
static size_t rx_consume(struct tcp *c, struct span in)
{
	struct tcp_rx *rx = &c->rx;
	size_t off = 0;

	while (rx_may_go_on(c)) {
		size_t start = off, n;

		if (rx->head_len < sizeof(rx->head) && !rx_fill_head(c, in, &off))
			break;
		if (off == in.len)
			break; /* no buffer before the first byte for it */
		if (!rx_begin(c))
			break;
		n = min_size(rx->len - rx->have, in.len - off);
		memcpy(rx->buf->data + rx->have, in.p + off, n);
		rx->have += n;
		off += n;
		rx_count(rx, off - start);
		if (rx->have == rx->len)
			rx_deliver(c);
	}
	return off;
}

/* Keep bytes that rx_consume() left over. */
static void rx_stash(struct tcp *c, struct span rest)
{
	struct tcp_rx *rx = &c->rx;

	if (rest.len == 0 || c->state != TCP_OPEN)
		return;
	rx->stash = malloc(rest.len);
	if (!rx->stash) {
		tcp_end(c, -ENOMEM);
		return;
	}
	memcpy(rx->stash, rest.p, rest.len);
	rx->stash_off = 0;
	rx->stash_len = rest.len;
}

/* True when the stash is used up. */
static bool rx_use_stash(struct tcp *c)
{
	struct tcp_rx *rx = &c->rx;
	struct span in = span_of(rx->stash + rx->stash_off,
				 rx->stash_len - rx->stash_off);

	rx->stash_off += rx_consume(c, in);
	if (rx->stash_off < rx->stash_len)
		return false;
	stash_free(rx);
	return true;
}

/* Where the next bytes go: the frame's own buffer, then the scratch. */
static struct msghdr rx_plan(struct tcp *c, struct iovec iov[2])
{
	struct tcp_rx *rx = &c->rx;
	struct tcp_set *s = c->set;
	bool careful = rx->large || !list_empty(&s->hungry);
	size_t rest = rx->buf ? rx->len - rx->have : 0;
	size_t share = TCP_TURN_BYTES - rx->turn_bytes;
	struct msghdr mh = {.msg_iov = iov};

	if (rest > 0)
		iov[mh.msg_iovlen++] = (struct iovec){rx->buf->data + rx->have,
						      min_size(rest, share)};
	if (rest <= share)
		iov[mh.msg_iovlen++] = (struct iovec){
			s->scratch, careful ? TCP_READ_AHEAD_LARGE : TCP_READ_AHEAD};
	return mh;
}

/* n bytes arrived as planned. */
static void rx_arrived(struct tcp *c, size_t n)
{
	struct tcp_rx *rx = &c->rx;
	size_t own = rx->buf ? min_size(n, rx->len - rx->have) : 0;
	struct span ahead = span_of(c->set->scratch, n - own);

	rx->have += own;
	rx_count(rx, own);
	if (rx->buf && rx->have == rx->len)
		rx_deliver(c);
	rx_stash(c, span_from(ahead, rx_consume(c, ahead)));
}

static void rx_failed(struct tcp *c, ssize_t n)
{
	if (n == 0)
		tcp_end(c, in_frame(&c->rx) ? -ECONNRESET : 0);
	else if (errno != EAGAIN && errno != EINTR)
		tcp_end(c, -errno);
}

/* One read; true if the socket may hold more. */
static bool rx_receive(struct tcp *c)
{
	struct iovec iov[2];
	struct msghdr mh;
	size_t want = 0;
	ssize_t n;

	if (c->rx.head_len == sizeof(c->rx.head) && !rx_begin(c))
		return false;
	mh = rx_plan(c, iov);
	for (size_t i = 0; i < mh.msg_iovlen; i++)
		want += iov[i].iov_len;
	n = recvmsg(c->fd.fd, &mh, MSG_DONTWAIT);
	if (n <= 0) {
		rx_failed(c, n);
		return false;
	}
	rx_arrived(c, (size_t)n);
	return (size_t)n == want;
}

void rx_read(struct tcp *c)
{
	struct tcp_rx *rx = &c->rx;

	if (rx->turn != c->set->turn) {
		rx->turn = c->set->turn;
		rx->turn_bytes = 0;
		rx->turn_frames = 0;
	}
	while (rx_may_go_on(c)) {
		if (rx->stash ? !rx_use_stash(c) : !rx_receive(c))
			break;
	}
	rx_again(c);
	rx_watch_stall(c);
}

void rx_pause(struct tcp *c, bool paused)
{
	struct tcp_rx *rx = &c->rx;

	if (rx->paused == paused)
		return;
	rx->paused = paused;
	rx_again(c);
	tcp_touch(c);
}

void rx_discard(struct tcp *c)
{
	ssize_t n = recv(c->fd.fd, c->set->scratch, TCP_READ_AHEAD, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		tcp_end(c, 0);
}

void rx_init(struct tcp *c)
{
	c->rx.frame_max = TCP_FRAME_MAX_START;
}

void rx_fini(struct tcp *c)
{
	struct tcp_rx *rx = &c->rx;

	timer_cancel(c->set->lane->timers, &rx->stall);
	if (rx->buf)
		buf_put(TAKE(rx->buf));
	stash_free(rx);
}
