#include "base/arena.h"

#include <stdlib.h>

enum {
	ARENA_ALIGN = _Alignof(max_align_t),
	ARENA_CHUNK_LEN = 4096 - 32, /* what an ordinary chunk takes from the heap */
};

struct arena_chunk {
	struct arena_chunk *older;
	size_t cap;
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

static void chunks_free(struct arena *a, struct arena_chunk *keep)
{
	while (a->chunks != keep) {
		struct arena_chunk *c = a->chunks;

		a->chunks = c->older;
		a->total -= sizeof(*c) + c->cap;
		free(c);
	}
	a->used = 0;
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *first = a->chunks;

	while (first && first->older)
		first = first->older;
	if (first && sizeof(*first) + first->cap > ARENA_CHUNK_LEN)
		first = NULL; /* one large request must not enlarge an idle owner */
	chunks_free(a, first);
}

void arena_fini(struct arena *a)
{
	chunks_free(a, NULL);
}

/* A new current chunk with room for len; of ordinary size if the limit allows. */
static bool chunk_add(struct arena *a, size_t len)
{
	size_t left = a->max - a->total;
	size_t want;

	if (!size_add(len, sizeof(struct arena_chunk), &want) || want > left)
		return false;
	if (want < ARENA_CHUNK_LEN)
		want = left < ARENA_CHUNK_LEN ? left : ARENA_CHUNK_LEN;

	struct arena_chunk *c = malloc(want);
	if (!c)
		return false;
	c->older = a->chunks;
	c->cap = want - sizeof(*c);
	a->chunks = c;
	a->used = 0;
	a->total += want;
	return true;
}

void *arena_alloc(struct arena *a, size_t len)
{
	size_t padded;

	if (!size_add(len ? len : 1, ARENA_ALIGN - 1, &padded))
		return NULL;
	padded &= ~(size_t)(ARENA_ALIGN - 1);
	if ((!a->chunks || padded > a->chunks->cap - a->used) && !chunk_add(a, padded))
		return NULL;

	void *p = a->chunks->data + a->used;
	a->used += padded;
	return memset(p, 0, padded);
}

void *arena_array(struct arena *a, size_t count, size_t elem_len)
{
	size_t len;

	if (!size_mul(count, elem_len, &len))
		return NULL;
	return arena_alloc(a, len);
}

void *arena_dup(struct arena *a, struct span bytes)
{
	size_t len;
	void *p;

	if (!size_add(bytes.len, 1, &len))
		return NULL;
	p = arena_alloc(a, len);
	if (p && bytes.len)
		memcpy(p, bytes.p, bytes.len);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_dup(a, span_of_str(s));
}
