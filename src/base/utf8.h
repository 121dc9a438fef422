/*
 * utf8.h - one character of UTF-8 at a time.
 *
 * Strict: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 *
 * Spec     RFC 3629
 */
#pragma once

#include "base/span.h"

enum { UTF8_CHAR_MAX = 4 };

/* The character s begins with: its length, 1 to 4, or 0 if there is none (*ret_c is then untouched). */
size_t utf8_get(struct span s, uint32_t *ret_c);

/* c must be a character. Returns the length written. */
size_t utf8_put(uint8_t to[UTF8_CHAR_MAX], uint32_t c);
