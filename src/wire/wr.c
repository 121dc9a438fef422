#include "wire/wr.h"

#include <assert.h>

void wr_bytes(struct wr *w, struct span s)
{
	uint8_t *p;

	if (s.len == 0)
		return;
	p = wr_room(w, s.len);
	if (p)
		memcpy(p, s.p, s.len);
}

void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p;

	if (n == 0)
		return;
	p = wr_room(w, n);
	if (p)
		memset(p, 0, n);
}

void wr_align(struct wr *w, size_t n)
{
	assert(n && (n & (n - 1)) == 0);
	wr_zero(w, -w->pos & (n - 1));
}

size_t wr_hole_u16(struct wr *w)
{
	size_t at = w->pos;

	wr_u16(w, 0);
	return at;
}

size_t wr_hole_u32(struct wr *w)
{
	size_t at = w->pos;

	wr_u32(w, 0);
	return at;
}

/* A view of the hole alone; failed, like w, if it is not inside what was written. */
static struct wr hole_of(struct wr *w, size_t hole, size_t len)
{
	if (w->bad || hole > w->pos || len > w->pos - hole) {
		wr_fail(w);
		return (struct wr){.pos = 1, .bad = true};
	}
	return wr_of(mspan_of(w->p + hole, len));
}

void wr_fill_u16(struct wr *w, size_t hole, uint16_t v)
{
	struct wr h = hole_of(w, hole, sizeof(v));

	wr_u16(&h, v);
}

void wr_fill_u32(struct wr *w, size_t hole, uint32_t v)
{
	struct wr h = hole_of(w, hole, sizeof(v));

	wr_u32(&h, v);
}

void wr_rewind(struct wr *w, size_t pos)
{
	if (pos > w->cap)
		return; /* taken after the failure */
	assert(pos <= w->pos);
	w->pos = pos;
	w->bad = false;
}
