#include "wire/rd.h"

#include <assert.h>

void rd_copy(struct rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	if (n == 0)
		return;
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

void rd_align(struct rd *r, size_t n)
{
	assert(n && (n & (n - 1)) == 0);
	rd_skip(r, -r->pos & (n - 1));
}

void rd_seek(struct rd *r, size_t off)
{
	if (!r->bad && off <= r->len) {
		r->pos = off;
		return;
	}
	r->bad = true;
	r->pos = r->len;
}

struct rd rd_at(struct rd *r, size_t off, size_t len)
{
	if (!r->bad && len == 0)
		return rd_of(span_of(r->p, 0));
	if (r->bad || off > r->len || len > r->len - off) {
		r->bad = true;
		return (struct rd){.p = r->p, .bad = true};
	}
	return rd_of(span_of(r->p + off, len));
}

size_t rd_fit(struct rd *r, size_t count, size_t elem_len)
{
	assert(elem_len);
	if (!r->bad && count <= rd_left(r) / elem_len)
		return count;
	r->bad = true;
	return 0;
}
