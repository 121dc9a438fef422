/*
 * hash.h - SHA-256 and SHA-512 of several pieces, one after the other.
 *
 * Owns     nothing.
 * Threads  any.
 * Errors   -EIO: the library or memory failed; the result is untouched.
 * Spec     FIPS 180-4
 */
#pragma once

#include "base/span.h"

enum { SHA256_LEN = 32, SHA512_LEN = 64 };

MUST_CHECK int sha256(const struct span *parts, size_t part_count,
		      uint8_t ret_hash[SHA256_LEN]);
/* ret_hash may be one of the parts. */
MUST_CHECK int sha512(const struct span *parts, size_t part_count,
		      uint8_t ret_hash[SHA512_LEN]);
