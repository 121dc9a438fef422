/*
 * wr.h - the writing cursor: all building of messages goes through it.
 *
 * Little-endian, bounds-checked, sticky: after one step that does not fit every write does nothing; one
 * wr_ok() at the end catches it. Offsets are counted from the cursor's start.
 *
 * Owns     nothing; the buffer is the caller's. Padding and skipped bytes are zeroed.
 * Threads  a value of its user.
 */
#pragma once

#include "base/span.h"

#include <endian.h>

struct wr {
	uint8_t *p;
	size_t cap;
	size_t pos; /* <= cap; cap + 1 once failed */
	bool bad;
};

static inline struct wr wr_of(struct mspan m)
{
	return (struct wr){.p = m.p, .cap = m.len};
}

static inline MUST_CHECK bool wr_ok(const struct wr *w)
{
	return !w->bad;
}

static inline void wr_fail(struct wr *w)
{
	w->bad = true;
	w->pos = w->cap + 1;
}

/* After a failure a position that no write ever had: see wr_rewind(). */
static inline size_t wr_pos(const struct wr *w)
{
	return w->pos;
}

static inline size_t wr_left(const struct wr *w)
{
	return w->bad ? 0 : w->cap - w->pos;
}

/* What was written so far; empty after a failure. */
static inline struct span wr_done(const struct wr *w)
{
	return span_of(w->p, w->bad ? 0 : w->pos);
}

/* The one bounds check. Reserve n bytes, not zeroed, for the caller to fill: NULL if they do not fit. */
static inline MUST_CHECK uint8_t *wr_room(struct wr *w, size_t n)
{
	if (w->bad || n > w->cap - w->pos) {
		wr_fail(w);
		return NULL;
	}
	w->pos += n;
	return w->p + (w->pos - n);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_room(w, 1);

	if (p)
		*p = v;
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);

	v = htole16(v);
	if (p)
		memcpy(p, &v, sizeof(v));
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_room(w, 4);

	v = htole32(v);
	if (p)
		memcpy(p, &v, sizeof(v));
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_room(w, 8);

	v = htole64(v);
	if (p)
		memcpy(p, &v, sizeof(v));
}

/* Big-endian: Direct TCP header only. */
static inline void wr_be32(struct wr *w, uint32_t v)
{
	wr_u32(w, __builtin_bswap32(v));
}

void wr_bytes(struct wr *w, struct span s);
void wr_zero(struct wr *w, size_t n);
/* Zero bytes up to the next multiple of n (a power of two) of the offset. */
void wr_align(struct wr *w, size_t n);

/* A field whose value is known later: zeroes it and returns its offset for wr_fill_*. */
size_t wr_hole_u16(struct wr *w);
size_t wr_hole_u32(struct wr *w);
void wr_fill_u16(struct wr *w, size_t hole, uint16_t v);
void wr_fill_u32(struct wr *w, size_t hole, uint32_t v);

/* Go back to an earlier offset (and clear nothing): drop an entry that did not fit. Clears a failure only
 * if `pos` was taken before it. */
void wr_rewind(struct wr *w, size_t pos);
