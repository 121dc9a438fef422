/*
 * utf16.h - UTF-16LE on the wire, UTF-8 in memory and on disk; case folding.
 *
 * Errors   -EILSEQ for what has no counterpart (lone surrogates, invalid UTF-8), -EINVAL for an odd length,
 *          -ENOMEM when the arena is full.
 * Spec     [MS-SMB2] 2.2 (strings); [MS-UCODEREF] 3.1.5.3, from Unicode simple case mapping (libunistring)
 */
#pragma once

#include "base/arena.h"
#include "wire/rd.h"
#include "wire/wr.h"

/* NUL-terminated UTF-8 in the arena. The result contains no NUL of its own: U+0000 inside is -EILSEQ. */
MUST_CHECK int utf16_to_utf8(struct arena *a, struct span utf16le, char **ret_utf8);

/* Append to w without terminator; fails w and returns 0 if it does not fit or is not UTF-8. Returns bytes written. */
size_t wr_utf16(struct wr *w, const char *utf8);

/* Bytes that `utf8` takes as UTF-16LE, or a negative errno. */
MUST_CHECK int64_t utf16_len(const char *utf8);

/*
 * Upper case as Windows compares file names: one 16-bit unit to one, no expansions (sharp s stays), nothing
 * outside the BMP, and no character outside ASCII becomes one inside (dotless i stays).
 */

/* In the arena. -EILSEQ, -ENOMEM. */
MUST_CHECK int utf8_upper(struct arena *a, const char *utf8, char **ret_upper);

/* The next three take any bytes: one that is no UTF-8 equals only itself. Without allocation. */

/* Take the first character off *s, which is not empty, in upper case. A byte that is no UTF-8: 0x110000 + the byte. */
uint32_t utf8_take_upper(struct span *s);
MUST_CHECK bool utf8_eq_nocase(const char *a, const char *b);
/* Equal for names equal under utf8_eq_nocase(); keyed like map_hash(). */
uint64_t utf8_hash_nocase(const uint8_t key[16], const char *name);
