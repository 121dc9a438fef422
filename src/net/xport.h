/*
 * xport.h - the seam between a protocol connection and whatever carries its bytes.
 *
 * Below: net/tcp (sockets), or tests/sim (memory). Above: smb/conn. Frames go up,
 * segments go down. Everything happens on the connection's worker.
 *
 * Owns     up:   xport_user.frame() is given one reference to the buffer.
 *          down: xport_send() takes over the references in the segments.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <sys/types.h>

struct lane;

/*
 * Bytes of a file, held ready so that the transport can send them without a copy through
 * user memory; they are used up as they are sent, from the first to the last. The back
 * end that made it knows the descriptors; the layers between pass it on by reference.
 */
struct seg_file {
	const struct seg_file_ops *ops;
	atomic_uint refs;
};

struct seg_file_ops {
	/*
	 * Send up to len of the bytes that are left to the stream socket sock, without
	 * blocking; more: further output follows at once. Number of bytes sent (> 0), -EAGAIN when the socket is full, 0 when
	 * there are fewer than promised (the connection ends: the header is out already),
	 * or another negative errno (likewise).
	 */
	ssize_t (*send)(struct seg_file *f, int sock, size_t len, bool more);
	/* The last reference is gone. On any thread. */
	void (*free)(struct seg_file *f);
};

static inline struct seg_file *seg_file_get(struct seg_file *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

static inline void seg_file_put(struct seg_file *f)
{
	if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		f->ops->free(f);
}

/* One piece of output: memory in a buffer, or bytes of a file. Never a descriptor. */
struct seg {
	struct buf *buf; /* keeps `bytes` alive; NULL for a file or static bytes */
	struct span bytes;
	struct seg_file *file; /* bytes of a file (plain READ only), else NULL */
	size_t file_len;       /* exactly this many are in it, and are sent */
};

struct xport {
	const struct xport_ops *ops;
	const struct xport_user *user;
	void *user_data;
};

struct xport_ops {
	/*
	 * Queue one transport message: the 4-byte Direct TCP header is written by the
	 * transport from the summed lengths. Takes the buffers over. May write at once.
	 * 0, or -EPIPE after the end (buffers are put all the same).
	 */
	int (*send)(struct xport *x, const struct seg *segs, size_t count);
	/*
	 * True while the socket takes bytes. When not, output waits unsigned and unsealed
	 * above, and flush() is called when it is true again.
	 */
	bool (*writable)(struct xport *x);
	/* Stop or go on reading: back pressure. */
	void (*pause)(struct xport *x, bool paused);
	/* Its share of this turn is used up: what else has arrived, or arrives, comes in the
	 * next. Others get theirs first, and output goes out in between. */
	void (*rest)(struct xport *x);
	/* The longest frame to accept from now on; a longer one ends the connection
	 * before a byte of it is stored. */
	void (*frame_max)(struct xport *x, size_t len);
	/* Send what is queued, then close. user->closed() follows,
	 * from the loop. Idempotent. */
	void (*close)(struct xport *x);
	/* Peer and own address as text ("192.0.2.1:50123", "[2001:db8::1]:445"); valid
	 * for the life of x. */
	const char *(*peer)(struct xport *x);
	const char *(*local)(struct xport *x);
};

/* What the connection above provides; the loop calls it. */
struct xport_user {
	/*
	 * One whole frame, Direct TCP header removed: bytes frame.p[0..len) inside b. The
	 * callee owns the reference. There are BUF_HEADROOM spare bytes neither before
	 * nor after it.
	 */
	void (*frame)(void *user_data, struct buf *b, struct mspan frame);
	/* End of a loop turn in which frames arrived, or the socket became writable
	 * again: flush output now. */
	void (*flush)(void *user_data);
	/* The connection is gone (peer, error, or our close): last call. */
	void (*closed)(void *user_data, int err);
};

/* Who provides the user of each new connection. */
struct conn_factory {
	/*
	 * A connection was accepted; called on its lane, which it never leaves. x->user
	 * and x->user_data are set when this returns; x->ops may be used at once. NULL
	 * refuses it: x is gone then, closed() is not called.
	 */
	void *(*opened)(struct lane *l, struct xport *x, void *arg);
	const struct xport_user *user;
	void *arg;
};
