/*
 * sha256_pair.h - SHA-256 of two messages side by side. For crypto/hmac_many.c and its kernel.
 *
 * A processor's SHA instructions take four cycles and two of them can be under way; the rounds of one message depend on one
 * another, so a second message costs nothing. More than two gain nothing.
 *
 * Threads  any; constant.
 * Spec     FIPS 180-4, 6.2
 */
#pragma once

#include "base/span.h"

/* Takes `blocks` blocks of 64 bytes from each data into each state of eight words. */
typedef void (*sha256_pair)(uint32_t *const state[2], const uint8_t *const data[2],
			    size_t blocks);

/* NULL if this machine has no such instructions. */
sha256_pair sha256_pair_get(void);
