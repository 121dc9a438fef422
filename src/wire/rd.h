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

struct rd {
	const uint8_t *p; /* start of what offsets count from */
	size_t len;
	size_t pos;
	bool bad;
};

struct rd rd_of(struct span s);

/* No step has failed. */
MUST_CHECK bool rd_ok(const struct rd *r);
/* Fail it by hand: a value that cannot be. */
void rd_fail(struct rd *r);
/* Bytes left; 0 after a failure of position, the real rest after a failed read (nothing was consumed). */
size_t rd_left(const struct rd *r);
size_t rd_pos(const struct rd *r);

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
/* Big-endian: Direct TCP header only. */
uint32_t rd_be32(struct rd *r);

/* The next n bytes, borrowed. */
struct span rd_bytes(struct rd *r, size_t n);
/* All that is left. */
struct span rd_rest(struct rd *r);
/* Copy the next n bytes; on failure dst is zeroed. */
void rd_copy(struct rd *r, void *dst, size_t n);
void rd_skip(struct rd *r, size_t n);
/* Forward to the next multiple of n (a power of two) of the offset; skipping past the end fails. */
void rd_align(struct rd *r, size_t n);
/* Move to an absolute offset, backwards too. */
void rd_seek(struct rd *r, size_t off);

/* StructureSize: reads a u16 and fails unless it is exactly `want`. [MS-SMB2] 3.3.5.2.6 */
void rd_struct_size(struct rd *r, uint16_t want);

/* A child over [off, off+len) of this cursor's bytes; does not move it. Out of bounds fails both. len 0: an
 * empty child whatever off is. */
struct rd rd_at(struct rd *r, size_t off, size_t len);

/* A count from the wire: returns count if count * elem_len bytes are left, else fails and returns 0. */
size_t rd_fit(struct rd *r, size_t count, size_t elem_len);
