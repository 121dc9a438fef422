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

/* Allocates nothing yet. */
void arena_init(struct arena *a, size_t max);
/* Forget all; keeps the first chunk. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t len);
/* count * elem_len, overflow-checked. */
void *arena_array(struct arena *a, size_t count, size_t elem_len);
/* Copies; the copy of a string ends in NUL. */
void *arena_dup(struct arena *a, struct span bytes);
char *arena_strdup(struct arena *a, const char *s);
