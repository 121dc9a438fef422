/*
 * utf16.h - UTF-16LE on the wire, UTF-8 in memory and on disk; case folding.
 *
 * Errors   -EILSEQ for what has no counterpart (lone surrogates, invalid UTF-8), -ENOSPC when the
 *          destination is too short, -EINVAL for an odd length.
 * Spec     [MS-SMB2] 2.2 (strings), Unicode simple case folding through libunistring
 */
#pragma once

#include "base/arena.h"
#include "wire/rd.h"
#include "wire/wr.h"

/* NUL-terminated UTF-8 in the arena. The result contains no NUL of its own: U+0000 inside is -EILSEQ. */
MUST_CHECK int utf16_to_utf8(struct arena *a, struct span utf16le, char **ret_utf8);

/* Append to w without terminator; fails w if it does not fit or is not UTF-8. Returns bytes written. */
size_t wr_utf16(struct wr *w, const char *utf8);

/* Bytes that `utf8` takes as UTF-16LE, or a negative errno. */
MUST_CHECK int64_t utf16_len(const char *utf8);

/* Simple upper case, one code point to one: how Windows compares names. In the arena. */
MUST_CHECK int utf8_upper(struct arena *a, const char *utf8, char **ret_upper);
/* Compare two UTF-8 names case-insensitively, without allocation. */
MUST_CHECK bool utf8_eq_nocase(const char *a, const char *b);
/* Hash that is equal for names equal under utf8_eq_nocase(); keyed like map_hash(). */
uint64_t utf8_hash_nocase(const uint8_t key[16], const char *name);
