/*
 * ct.h - constant-time comparison, and wiping.
 */
#pragma once

#include "base/span.h"

/* Equality of n bytes in time that depends on n only. For MACs, tags, hashes, proofs. */
MUST_CHECK bool ct_eq(const void *a, const void *b, size_t n);

/* Overwrite; the compiler cannot drop it. */
void wipe(void *p, size_t n);
