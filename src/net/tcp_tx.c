/* tcp_tx.c - output of one TCP connection: a ring of pieces, written
 * many at a time. See tcp.h */
#include "net/tcp_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	TX_RING_START = 16,
	TX_RING_KEEP = 64, /* items; a longer ring is freed when it runs empty */
	TX_IOV_MAX = 128,
	TX_MESSAGE_MAX = 0xFFFFFF,
};

static void item_put(struct tcp_item *it)
{
	if (it->buf)
		buf_put(it->buf);
	seg_file_put(it->file);
}

static struct tcp_item *ring_at(struct tcp_tx *tx, size_t i)
{
	return &tx->ring[(tx->first + i) & (tx->cap - 1)];
}

/* Room for `more` items. */
static bool ring_reserve(struct tcp_tx *tx, size_t more)
{
	size_t cap = tx->cap ? tx->cap : TX_RING_START;
	struct tcp_item *ring;

	while (cap - tx->count < more)
		cap *= 2;
	if (cap == tx->cap)
		return true;
	ring = calloc(cap, sizeof(*ring));
	if (!ring)
		return false;
	for (size_t i = 0; i < tx->count; i++)
		ring[i] = *ring_at(tx, i);
	free(tx->ring);
	tx->ring = ring;
	tx->cap = cap;
	tx->first = 0;
	return true;
}

static void ring_push(struct tcp_tx *tx, struct tcp_item it)
{
	*ring_at(tx, tx->count++) = it;
	tx->bytes += it.len;
}

static void ring_free(struct tcp_tx *tx)
{
	free(TAKE(tx->ring));
	tx->cap = 0;
	tx->first = 0;
}

static void ring_pop(struct tcp_tx *tx)
{
	item_put(ring_at(tx, 0));
	tx->first = (tx->first + 1) & (tx->cap - 1);
	tx->count--;
	if (tx->count == 0 && tx->cap > TX_RING_KEEP)
		ring_free(tx);
}

void tx_fini(struct tcp *c)
{
	while (c->tx.count > 0)
		ring_pop(&c->tx);
	ring_free(&c->tx);
}

static size_t seg_len(const struct seg *s)
{
	return s->file ? s->file_len : s->bytes.len;
}

void tx_drop(const struct seg *segs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (segs[i].buf)
			buf_put(segs[i].buf);
		seg_file_put(segs[i].file);
	}
}

/* 0 if the sum does not fit the 24 bits of the head, or if it is 0. */
static size_t message_len(const struct seg *segs, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		if (!size_add(sum, seg_len(&segs[i]), &sum))
			return 0;
	return sum <= TX_MESSAGE_MAX ? sum : 0;
}

int tx_queue(struct tcp *c, const struct seg *segs, size_t count)
{
	struct tcp_tx *tx = &c->tx;
	size_t len = message_len(segs, count);

	if (len == 0 || !ring_reserve(tx, count + 1)) {
		tx_drop(segs, count);
		return len == 0 ? -EMSGSIZE : -ENOMEM;
	}
	ring_push(tx, (struct tcp_item){
			      .len = 4,
			      .head = {0, (uint8_t)(len >> 16), (uint8_t)(len >> 8),
				       (uint8_t)len},
		      });
	for (size_t i = 0; i < count; i++) {
		const struct seg *s = &segs[i];

		if (seg_len(s) > 0)
			ring_push(tx, (struct tcp_item){
					      .buf = s->buf,
					      .p = s->file ? NULL : s->bytes.p,
					      .file = s->file,
					      .len = seg_len(s),
				      });
		else
			tx_drop(s, 1);
	}
	return 0;
}

/* n bytes of memory items were sent. */
static void tx_sent(struct tcp_tx *tx, size_t n)
{
	tx->bytes -= n;
	while (n > 0) {
		struct tcp_item *it = ring_at(tx, 0);

		if (n < it->len) {
			it->len -= n;
			if (it->p)
				it->p += n;
			return;
		}
		n -= it->len;
		ring_pop(tx);
	}
}

static struct iovec item_iov(struct tcp_item *it)
{
	const uint8_t *p = it->p ? it->p : it->head + sizeof(it->head) - it->len;

	return (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = it->len};
}

/* Send the items before the next file. */
static void tx_write_memory(struct tcp *c)
{
	struct tcp_tx *tx = &c->tx;
	struct iovec iov[TX_IOV_MAX];
	struct msghdr mh = {.msg_iov = iov};
	size_t want = 0;
	ssize_t n;
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT;

	while (mh.msg_iovlen < TX_IOV_MAX && mh.msg_iovlen < tx->count) {
		struct tcp_item *it = ring_at(tx, mh.msg_iovlen);

		if (it->file) {
			flags |= MSG_MORE; /* the head travels with its data */
			break;
		}
		want += it->len;
		iov[mh.msg_iovlen++] = item_iov(it);
	}
	n = sendmsg(c->fd.fd, &mh, flags);
	if (n >= 0) {
		tx_sent(tx, (size_t)n);
		tx->blocked = (size_t)n < want;
	} else if (errno == EAGAIN) {
		tx->blocked = true;
	} else {
		tcp_end(c, -errno);
	}
}

static void tx_write_file(struct tcp *c)
{
	struct tcp_tx *tx = &c->tx;
	struct tcp_item *it = ring_at(tx, 0);
	ssize_t n = it->file->ops->send(it->file, c->fd.fd, it->len, tx->count > 1);

	if (n > 0) {
		assert((size_t)n <= it->len);
		tx->bytes -= (size_t)n;
		it->len -= (size_t)n;
		if (it->len == 0)
			ring_pop(tx);
	} else if (n == -EAGAIN) {
		tx->blocked = true;
	} else {
		tcp_end(c,
			n < 0 ? (int)n : -EIO); /* the promised length cannot be kept */
	}
}

void tx_write(struct tcp *c)
{
	struct tcp_tx *tx = &c->tx;

	while (tx->count > 0 && !tx->blocked && c->state != TCP_DEAD) {
		if (ring_at(tx, 0)->file)
			tx_write_file(c);
		else
			tx_write_memory(c);
	}
	if (tx->refused && tx->count == 0) {
		tx->refused = false;
		tcp_flush_later(c);
	}
}

bool tx_writable(struct tcp *c)
{
	struct tcp_tx *tx = &c->tx;

	if (c->state == TCP_OPEN && !tx->blocked && tx->bytes < TCP_QUEUE_MAX)
		return true;
	tx->refused = true;
	return false;
}
