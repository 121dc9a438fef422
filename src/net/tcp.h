/*
 * tcp.h - Direct TCP: frames over sockets, all connections of one worker.
 *
 * A frame is a zero byte, a 24-bit big-endian length and that many bytes. Anything else,
 * an empty frame, and one longer than xport_ops.frame_max() allows end the connection
 * before a byte of it is stored.
 *
 * Input    small frames are read many at a time into the worker's scratch and copied to
 *          buffers of their size; of a large frame at most the first few KiB are copied,
 *          the rest is received into its own buffer. An idle connection owns no buffer.
 *          Without a buffer (memory_max) a connection is not read until there is one; it
 *          is never dropped for that.
 * Output   queued during a turn and written once at its end, many messages in one call.
 *          Where both ends are on this machine no congestion control paces it.
 * Fairness one connection is given at most TCP_TURN_BYTES or TCP_TURN_FRAMES a turn. A frame that does not fit into what is
 *          left of those bytes is begun in the next, before all else.
 *
 * Owns     its sockets, queued segments, partial frames.
 * Threads  everything on the worker.
 * Errors   what closed() is told: 0 after an orderly end by either side, -EPROTO for a
 *          frame that is none, -EMSGSIZE for one that is empty or too long, -ETIMEDOUT
 *          for a peer that stalls within a frame or while we close, -ENOMEM, or what the
 *          socket said.
 * Spec     [MS-SMB2] 2.1
 */
#pragma once

#include "base/list.h"
#include "base/log.h"
#include "base/timer.h"
#include "net/admit.h"
#include "net/xport.h"

enum {
	TCP_TURN_BYTES = (1 << 20) +
			 (4 << 10), /* 1 MiB, and the headers of what carries it */
	TCP_TURN_FRAMES = 64,
	TCP_QUEUE_MAX = 1 << 20,   /* writable() is false from here */
	TCP_READ_AHEAD = 64 << 10, /* scratch; bytes read before their frame is known */
	TCP_READ_AHEAD_LARGE = 4 << 10, /* the same behind a large frame */
	TCP_FRAME_LARGE = 16 << 10,     /* from here a frame does not use the reserve */
	TCP_FRAME_MAX_START = 64 << 10, /* until frame_max() says otherwise */
	TCP_CLOSE_MS = 5000,            /* to send what is queued */
	TCP_LINGER_MS = 1000,           /* then for the peer to close as well */
	TCP_STALL_MS = 30000, /* in which a frame must end or grow by TCP_STALL_BYTES */
	TCP_STALL_BYTES = 4 << 10,
	TCP_HUNGRY_MS = 10, /* between attempts to get a buffer */
};

struct lane;
struct loop;

/* The connections of one worker, and what is due for them in this turn of its loop. */
struct tcp_set {
	struct lane *lane;
	struct loop *loop;
	struct list_node all;
	struct list_node touched; /* to be written to, re-armed or ended */
	struct list_node flush;   /* their user has frames or may write again */
	struct list_node again;   /* have read bytes that are not used yet */
	struct list_node hungry;  /* wait for a buffer */
	struct timer hungry_timer;
	uint64_t turn;
	uint64_t frames; /* received so far */
	bool closing;    /* new connections are refused */
	uint8_t *scratch;
	struct log_limit refused_limit;
};

/* 0 or -ENOMEM. */
MUST_CHECK int tcp_set_init(struct tcp_set *s, struct lane *lane, struct loop *loop);
/* Ends what is left without ceremony; closed() is called for each. */
void tcp_set_fini(struct tcp_set *s);

/* Close all connections, as xport_ops.close() does, and refuse new ones. */
void tcp_set_close(struct tcp_set *s);

/*
 * Serve the connected, non-blocking socket fd. Takes fd and seat over, on failure, too:
 * then the connection is closed and the reason logged.
 */
void tcp_open(struct tcp_set *s, int fd, struct seat seat,
	      const struct conn_factory *factory);

/* The worker calls these once a turn: after the callbacks of the loop, and as the last
 * thing before it sleeps. */
void tcp_set_read(struct tcp_set *s);
void tcp_set_finish(struct tcp_set *s);
/* There is work for another turn: do not sleep. */
bool tcp_set_busy(const struct tcp_set *s);
