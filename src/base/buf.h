/*
 * buf.h - payload buffers: page-aligned, counted, recycled, taken from one global budget.
 *
 * A received frame, a decrypted message and a READ answer each live in one buf from the first byte to the
 * last; spans into it are borrowed. Size classes are powers of two from 4 KiB, and one just above each for the
 * headers that accompany 2^n bytes of payload, so that a 1 MiB READ does not take 2 MiB.
 *
 * Owns     struct bufs: the free lists and the budget. struct buf: its memory, until the last buf_put().
 * Threads  struct bufs belongs to one worker (its free lists have no lock); the budget is shared and atomic. buf_get/buf_put are
 *          atomic; the last buf_put from a foreign thread frees to the heap instead of the list.
 * Errors   NULL when the budget (memory_max) or memory is exhausted: the connection waits (see net/tcp).
 */
#pragma once

#include "base/span.h"

#include <stdatomic.h>

/* memory_max for the whole server. */
struct buf_budget {
	size_t max;
	atomic_size_t used;
};

struct bufs;

struct buf {
	atomic_uint refs;
	struct bufs *home;
	struct buf *next_free;
	size_t cap;
	uint8_t *data; /* page-aligned, cap bytes; not zeroed */
	bool secret; /* held plaintext of an encrypted message or credentials: wiped when freed */
};

/* Headroom that the send path writes in front of a response: Direct TCP header and TRANSFORM_HEADER. */
enum { BUF_HEADROOM = 64 };

struct bufs *bufs_new(struct buf_budget *budget);
void bufs_free(struct bufs *bs);

/* At least len bytes, with one reference. Only the owning worker. */
MUST_CHECK struct buf *buf_new(struct bufs *bs, size_t len);
struct buf *buf_get(struct buf *b);
void buf_put(struct buf *b);
static inline void buf_putp(struct buf **b)
{
	if (*b)
		buf_put(*b);
}

/* Give free buffers back to the heap until at most keep bytes are cached: when idle. */
void bufs_trim(struct bufs *bs, size_t keep);
