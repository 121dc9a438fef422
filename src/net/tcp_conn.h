/*
 * tcp_conn.h - one TCP connection, inside. For tcp.c, tcp_rx.c and tcp_tx.c only.
 *
 * Threads  the connection's worker.
 */
#pragma once

#include "net/addr.h"
#include "net/loop.h"
#include "net/tcp.h"

enum tcp_state { TCP_OPEN, TCP_CLOSING, TCP_LINGERING, TCP_DEAD };

/* Input: the frame being received, and bytes behind it that could not be used yet. */
struct tcp_rx {
	uint8_t head[4];
	size_t head_len;
	size_t len;      /* of the frame, when its head is complete */
	struct buf *buf; /* from its first byte on */
	size_t have;     /* bytes in buf */
	size_t frame_max;
	bool large;  /* the last frame was: expect another */
	bool paused; /* by the user */
	bool hungry; /* no buffer to be had */

	uint8_t *stash; /* read ahead, not used yet: stash[stash_off..stash_len) */
	size_t stash_off, stash_len;

	uint64_t turn; /* the turn that the next two count */
	size_t turn_bytes;
	unsigned turn_frames;

	uint64_t bytes, frames;             /* received so far */
	struct timer stall;                 /* armed while a frame is incomplete */
	uint64_t stall_bytes, stall_frames; /* when it was armed */
};

/* One piece of output: a head (neither p nor file), memory, or a range of a file. */
struct tcp_item {
	struct buf *buf; /* keeps p alive; may be NULL */
	const uint8_t *p;
	struct seg_file *file;
	size_t len; /* still to be sent */
	uint8_t head[4];
};

/* Output: a ring of items. */
struct tcp_tx {
	struct tcp_item *ring;
	size_t cap; /* power of two, or 0 without a ring */
	size_t first, count;
	size_t bytes; /* queued */
	bool blocked; /* the socket is full */
	bool refused; /* writable() said no: flush when it would say yes */
};

struct tcp {
	struct xport x;
	struct tcp_set *set;
	struct loop_fd fd;
	struct seat seat;
	enum tcp_state state;
	bool told;                                           /* closed() was called */
	int err;                                             /* for closed() */
	struct list_node all, touched, flush, again, hungry; /* in set */
	struct timer timer; /* bounds closing, then lingering */
	struct tcp_rx rx;
	struct tcp_tx tx;
	char peer[ADDR_TEXT_LEN];
	char local[ADDR_TEXT_LEN];
};

/* Look at c at the end of this turn. */
void tcp_touch(struct tcp *c);
/* Let the user flush at the end of this turn. */
void tcp_flush_later(struct tcp *c);
/* c waits for a buffer: rx_feed() is called until it has one. */
void tcp_hungry(struct tcp *c);
/* The connection is over; closed(err) follows at the end of the
 * turn. The first reason counts. */
void tcp_end(struct tcp *c, int err);

void rx_init(struct tcp *c);
/* Forget all input; nothing is read any more. May be called again. */
void rx_fini(struct tcp *c);
/* Read and deliver frames, within what is left for this turn. */
void rx_read(struct tcp *c);
/* Input is to be read from the socket. */
bool rx_wanted(const struct tcp *c);
void rx_pause(struct tcp *c, bool paused);
/* Try again to get the buffer; false if there is still none. */
bool rx_feed(struct tcp *c);
/* Throw input away until the peer closes. */
void rx_discard(struct tcp *c);

void tx_fini(struct tcp *c);
/* Takes the references over. 0, or a negative errno after which the
 * connection is of no use. */
MUST_CHECK int tx_queue(struct tcp *c, const struct seg *segs, size_t count);
/* Only puts the references. */
void tx_drop(const struct seg *segs, size_t count);
/* Write until the queue is empty or the socket full. */
void tx_write(struct tcp *c);
bool tx_writable(struct tcp *c);
