/*
 * arena.h - memory that dies together: a request's.
 *
 * Owns     its chunks, freed by arena_fini() or kept for reuse by arena_reset().
 * Threads  one owner at a time.
 * Errors   NULL when memory or the arena's limit is exhausted.
 */
#pragma once

#include "base/span.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used;  /* in the current chunk			*/
	size_t total; /* over all chunks			*/
	size_t max;   /* refuse beyond			*/
};

/* Allocates nothing yet. max bounds what it takes from the heap, bookkeeping included. */
void arena_init(struct arena *a, size_t max);
/* Forget all; keeps one chunk of ordinary size. Not wiped: secrets do not belong in an arena. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

/* Zeroed, aligned for any type; len 0 gives a valid pointer. */
MUST_CHECK void *arena_alloc(struct arena *a, size_t len);
/* count * elem_len, overflow-checked. */
MUST_CHECK void *arena_array(struct arena *a, size_t count, size_t elem_len);
/* Copies, and a NUL behind the copy. */
MUST_CHECK void *arena_dup(struct arena *a, struct span bytes);
MUST_CHECK char *arena_strdup(struct arena *a, const char *s);
