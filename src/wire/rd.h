/*
 * rd.h - the reading cursor: all parsing of peers' bytes goes through it.
 *
 * Little-endian, bounds-checked, sticky: after one step that does not fit, every read gives zero (or an
 * empty span) and consumes nothing; one rd_ok() at the end catches it. Offsets are counted from the
 * start the cursor was made with. One read per statement: C leaves the order inside one expression open.
 *
 * Owns     nothing; the bytes are borrowed.
 * Threads  a value of its user.
 */
#pragma once

#include "base/span.h"

#include <endian.h>

struct rd {
	const uint8_t *p; /* start of what offsets count from; never NULL	*/
	size_t len;
	size_t pos; /* <= len */
	bool bad;
};

static inline struct rd rd_of(struct span s)
{
	static const uint8_t none[1];

	return (struct rd){.p = s.p ? s.p : none, .len = s.p ? s.len : 0};
}

/* No step has failed. */
static inline MUST_CHECK bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

/* Fail it by hand: a value that cannot be. */
static inline void rd_fail(struct rd *r)
{
	r->bad = true;
}

/* Bytes left; 0 after a failure of position, the real rest after a failed read (nothing was consumed). */
static inline size_t rd_left(const struct rd *r)
{
	return r->len - r->pos;
}

static inline size_t rd_pos(const struct rd *r)
{
	return r->pos;
}

/* The one bounds check: n bytes and past them, or NULL. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->p + r->pos;

	if (r->bad || n > r->len - r->pos) {
		r->bad = true;
		return NULL;
	}
	r->pos += n;
	return p;
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_take(r, 1);

	return p ? *p : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_take(r, 2);
	uint16_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_take(r, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t rd_u64(struct rd *r)
{
	const uint8_t *p = rd_take(r, 8);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* Big-endian: Direct TCP header only. */
static inline uint32_t rd_be32(struct rd *r)
{
	return __builtin_bswap32(rd_u32(r));
}

/* The next n bytes, borrowed. */
static inline struct span rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	return span_of(p, p ? n : 0);
}

/* All that is left. */
static inline struct span rd_rest(struct rd *r)
{
	return rd_bytes(r, rd_left(r));
}

static inline void rd_skip(struct rd *r, size_t n)
{
	(void)rd_take(r, n);
}

/* Copy the next n bytes; on failure dst is zeroed. */
void rd_copy(struct rd *r, void *dst, size_t n);

/* Forward to the next multiple of n (a power of two) of the offset; skipping past the end fails. */
void rd_align(struct rd *r, size_t n);

/* Move to an absolute offset, backwards too. */
void rd_seek(struct rd *r, size_t off);

/* StructureSize: reads a u16 and fails unless it is exactly `want`. [MS-SMB2] 3.3.5.2.6 */
static inline void rd_struct_size(struct rd *r, uint16_t want)
{
	if (rd_u16(r) != want)
		r->bad = true;
}

/* A child over [off, off+len) of this cursor's bytes; does not move it. Out of bounds fails both. len 0: an
 * empty child whatever off is. The child of a failed cursor has failed. */
struct rd rd_at(struct rd *r, size_t off, size_t len);

/* A count from the wire: returns count if count * elem_len (not 0) bytes are left, else fails and returns 0. */
size_t rd_fit(struct rd *r, size_t count, size_t elem_len);
