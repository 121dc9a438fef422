/*
 * span.h - borrowed bytes: a pointer and a length.
 *
 * Owns     nothing. A span is valid as long as the buffer it was cut from.
 * Threads  values; pass them by copy.
 */
#pragma once

#include "base/attr.h"

#include <string.h>

struct span {
	const uint8_t *p;
	size_t len;
};

/* The same, writable. */
struct mspan {
	uint8_t *p;
	size_t len;
};

static inline struct span span_of(const void *p, size_t len)
{
	return (struct span){.p = p, .len = len};
}

static inline struct span span_of_str(const char *s)
{
	return span_of(s, strlen(s));
}

static inline struct mspan mspan_of(void *p, size_t len)
{
	return (struct mspan){.p = p, .len = len};
}

static inline struct span span_of_m(struct mspan m)
{
	return (struct span){.p = m.p, .len = m.len};
}

/* The part from off to the end; empty if off lies behind it. */
static inline struct span span_from(struct span s, size_t off)
{
	if (off == 0 || s.len == 0)
		return s;
	if (off > s.len)
		off = s.len;
	return span_of(s.p + off, s.len - off);
}

/* At most len bytes from the start. */
static inline struct span span_head(struct span s, size_t len)
{
	return span_of(s.p, len < s.len ? len : s.len);
}

/* Not for secrets: see ct_eq(). */
static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
