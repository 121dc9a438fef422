/*
 * vectors.h - known answers from tests/vectors/ (the directory is in TSMB_VECTORS).
 *
 * A file is lines `name = HEX` or `name =` with indented lines of hex behind it; `## ` opens a section, `#`
 * is a comment. A missing file or name fails the test: a vector that is not checked must not look checked.
 */
#pragma once

#include "test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { VEC_LINE_MAX = 4096, VEC_POOL_LEN = 1 << 18 };

static inline FILE *vec_open(const char *file)
{
	const char *dir = getenv("TSMB_VECTORS");
	char path[VEC_LINE_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/vectors", file);
	f = fopen(path, "r");
	if (!f)
		fail_msg("no vectors at %s", path);
	return f;
}

static inline int vec_nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)toupper(c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Append the hex digits of s to out; returns the new length. */
static inline size_t vec_hex(const char *s, uint8_t *out, size_t len, size_t cap)
{
	for (; vec_nibble(s[0]) >= 0 && vec_nibble(s[1]) >= 0 && len < cap; s += 2)
		out[len++] = (uint8_t)(vec_nibble(s[0]) << 4 | vec_nibble(s[1]));
	return len;
}

/* Position f behind the line `## section...`; NULL: the start. */
static inline void vec_seek(FILE *f, const char *section)
{
	char line[VEC_LINE_MAX];

	while (section && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "## ", 3) &&
		    !strncmp(line + 3, section, strlen(section)))
			return;
	}
	if (section)
		fail_msg("no section %s", section);
}

/* The nth (from 0) line `name = ...` of the section, into value; false at the end of the section. */
static inline bool vec_find(FILE *f, const char *section, const char *name, size_t nth,
			    char value[VEC_LINE_MAX])
{
	size_t name_len = strlen(name);
	char line[VEC_LINE_MAX];

	while (fgets(line, sizeof(line), f)) {
		if (section && !strncmp(line, "## ", 3))
			return false;
		if (strncmp(line, name, name_len) || strncmp(line + name_len, " =", 2))
			continue;
		if (nth--)
			continue;
		snprintf(value, VEC_LINE_MAX, "%s", line + name_len + 2);
		return true;
	}
	return false;
}

/* The nth value of that name as bytes; they live until the program ends. */
static inline struct span vec_nth(const char *file, const char *section, const char *name,
				  size_t nth)
{
	static uint8_t pool[VEC_POOL_LEN];
	static size_t used;
	char line[VEC_LINE_MAX];
	FILE *f = vec_open(file);
	uint8_t *out = pool + used;
	size_t len;

	vec_seek(f, section);
	if (!vec_find(f, section, name, nth, line))
		fail_msg("%s: no %s in %s", file, name, section ? section : "it");
	len = vec_hex(line + strspn(line, " "), out, 0, VEC_POOL_LEN - used);
	while (fgets(line, sizeof(line), f) && line[0] == ' ')
		len = vec_hex(line + strspn(line, " "), out, len, VEC_POOL_LEN - used);
	fclose(f);
	if (!len)
		fail_msg("%s: %s is empty", file, name);
	used += len;
	return span_of(out, len);
}

static inline struct span vec(const char *file, const char *section, const char *name)
{
	return vec_nth(file, section, name, 0);
}

/* A value written 0x... */
static inline uint64_t vec_u64(const char *file, const char *section, const char *name)
{
	char line[VEC_LINE_MAX] = "";
	FILE *f = vec_open(file);

	vec_seek(f, section);
	if (!vec_find(f, section, name, 0, line))
		fail_msg("%s: no %s", file, name);
	fclose(f);
	return strtoull(line, NULL, 0);
}
