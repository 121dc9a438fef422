/*
 * buf.h - payload buffers: page-aligned, counted, recycled, taken from one global budget.
 *
 * A received frame, a decrypted message and a READ answer each live in one buf from the first byte to the
 * last; spans into it are borrowed. Size classes are powers of two from 4 KiB, and one a page above each for the
 * headers that accompany 2^n bytes of payload, so that a 1 MiB READ does not take 2 MiB.
 *
 * Owns     struct bufs: its cache of free buffers. struct buf: its memory. The budget counts both.
 * Threads  struct bufs belongs to one worker: new and trim touch its free lists without a lock. buf_get and
 *          buf_put may be called from any thread: the last put pushes the buffer on a lock-free stack of its home,
 *          which the home empties at its next buf_new() or bufs_trim(). Nobody needs to know on which
 *          thread he is, and taking a cached buffer touches no memory shared with other workers.
 * Errors   NULL when the budget (memory_max) or memory is exhausted: the connection waits (see net/tcp).
 */
#pragma once

#include "base/span.h"

#include <stdatomic.h>

/* memory_max for the whole server. */
struct buf_budget {
	atomic_size_t max;  /* may change while buffers are out */
	atomic_size_t used; /* bytes of all buffers, handed out or cached */
};

struct bufs;

struct buf {
	atomic_uint refs;
	struct bufs *home;
	struct buf *next_free;
	size_t cap;
	unsigned class; /* of size */
	uint8_t *data;  /* page-aligned, cap bytes; not zeroed */
	bool secret; /* holds plaintext of an encrypted message or credentials: wiped before it serves anew */
};

/* Headroom that the send path writes in front of a response: Direct TCP header and TRANSFORM_HEADER. */
enum { BUF_HEADROOM = 64 };

/* NULL without memory. */
MUST_CHECK struct bufs *bufs_new(struct buf_budget *budget);
/* All its buffers should have been put. Returns how many are still out: then it leaves a husk behind for them to
 * come back to, which is never freed. */
size_t bufs_free(struct bufs *bs);

/* At least len bytes, with one reference, not secret: nothing secret lies in it. Only the owning worker. */
MUST_CHECK struct buf *buf_new(struct bufs *bs, size_t len);

/*
 * The same for a frame of len bytes that is about to be received into it. What an earlier frame left in those is not
 * wiped, since the new one overwrites it; nobody may look at a byte before that. What lies behind them is wiped.
 * `secret` may be set already, and then stays.
 */
MUST_CHECK struct buf *buf_new_for_frame(struct bufs *bs, size_t len);

static inline struct buf *buf_get(struct buf *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void buf_put(struct buf *b);
static inline void buf_putp(struct buf **b)
{
	if (*b)
		buf_put(*b);
}

/* Give free buffers back to the heap until at most keep bytes are cached, and wipe what of those was secret: from time
 * to time, and when idle. Only the owning worker. */
void bufs_trim(struct bufs *bs, size_t keep);
