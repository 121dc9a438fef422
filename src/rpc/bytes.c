#include "rpc/bytes.h"

#include <stdlib.h>

enum { BYTES_FIRST_CAP = 512 };

bool bytes_add(struct bytes *b, struct span s, size_t max)
{
	size_t need, cap;
	uint8_t *p;

	if (s.len == 0)
		return true;
	if (!size_add(b->len, s.len, &need) || need > max)
		return false;
	if (need > b->cap) {
		cap = b->cap ? b->cap : BYTES_FIRST_CAP;
		while (cap < need)
			cap *= 2;
		p = realloc(b->p, cap);
		if (!p)
			return false;
		b->p = p;
		b->cap = cap;
	}
	memcpy(b->p + b->len, s.p, s.len);
	b->len = need;
	return true;
}

void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){0};
}
