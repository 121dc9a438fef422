/*
 * xport.h - the seam between a protocol connection and whatever carries its bytes.
 *
 * Below: net/tcp (sockets), or tests/sim (memory). Above: smb/conn. Frames go up, segments go down.
 * Everything happens on the connection's worker.
 *
 * Owns     up:   xport_user.frame() is given one reference to the buffer.
 *          down: xport_send() takes over the references in the segments.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

/* One piece of output: memory in a buffer, or a range of a file. Never a descriptor. */
struct seg {
	struct buf
		*buf; /* memory: keeps `bytes` alive; NULL for a file or static bytes	*/
	struct span bytes;
	struct seg_file
		*file; /* a file range (plain READ only), else NULL			*/
	uint64_t file_off;
	size_t file_len; /* exactly this many bytes are sent: known resident		*/
};

struct xport {
	const struct xport_ops *ops;
	const struct xport_user *user;
	void *user_data;
};

struct xport_ops {
	/*
	 * Queue one transport message: the 4-byte Direct TCP header is written by the transport from the
	 * summed lengths. Takes the buffers over. May write at once. 0, or -EPIPE after the end (buffers are
	 * put all the same).
	 */
	int (*send)(struct xport *x, const struct seg *segs, size_t count);
	/* True while the socket takes bytes: when not, output waits unsigned and unsealed above. */
	bool (*writable)(struct xport *x);
	/* Stop or go on reading: back pressure. */
	void (*pause)(struct xport *x, bool paused);
	/* The longest frame to accept from now on; a longer one ends the connection before a byte of it is stored. */
	void (*frame_max)(struct xport *x, size_t len);
	/* Send what is queued, then close. user->closed() follows, from the loop. Idempotent. */
	void (*close)(struct xport *x);
	/* Peer and own address as text ("192.0.2.1:50123", "[2001:db8::1]:445"); valid for the life of x. */
	const char *(*peer)(struct xport *x);
	const char *(*local)(struct xport *x);
};

/* What the connection above provides; the loop calls it. */
struct xport_user {
	/*
	 * One whole frame, Direct TCP header removed: bytes frame.p[0..len) inside b. The callee owns the reference.
	 * There are BUF_HEADROOM spare bytes neither before nor after it.
	 */
	void (*frame)(void *user_data, struct buf *b, struct mspan frame);
	/* End of a loop turn in which frames arrived, or the socket became writable again: flush output now. */
	void (*flush)(void *user_data);
	/* The connection is gone (peer, error, or our close): last call. */
	void (*closed)(void *user_data, int err);
};
