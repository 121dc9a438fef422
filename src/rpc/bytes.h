/*
 * bytes.h - a byte string that grows, up to a bound.
 *
 * Owns     its memory, until bytes_free().
 * Threads  one owner at a time.
 */
#pragma once

#include "base/span.h"

/* Zeroed: empty. */
struct bytes {
	uint8_t *p;
	size_t len;
	size_t cap;
};

/* Append; false, and nothing changed, if that would exceed max bytes or memory. */
MUST_CHECK bool bytes_add(struct bytes *b, struct span s, size_t max);
/* Empty it and give the memory back. */
void bytes_free(struct bytes *b);
