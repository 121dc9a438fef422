#include "fs/name.h"

#include "base/utf8.h"
#include "wire/utf16.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum {
	NAME_BYTES_MAX = 255, /* what Linux file systems hold */
	NAME_UNITS_MAX = 255, /* [MS-FSCC] 2.1.5.2 */
	PATH_UNITS_MAX = 32760,
	NOT_A_CHAR = 0x110000,
};

/* [MS-FSCC] 2.1.5.2: not in any component. */
static const bool reserved[256] = {
	[0x00 ... 0x1F] = true, ['"'] = true, ['\\'] = true, ['/'] = true, [':'] = true,
	['|'] = true,           ['<'] = true, ['>'] = true,  ['*'] = true, ['?'] = true,
};

static nt_status length_check(const char *name)
{
	int64_t units = utf16_len(name) / 2;

	if (units <= 0 || units > NAME_UNITS_MAX || strlen(name) > NAME_BYTES_MAX)
		return STATUS_OBJECT_NAME_INVALID;
	return STATUS_SUCCESS;
}

static nt_status component_check(const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	for (const char *c = name; *c; c++)
		if (reserved[(unsigned char)*c])
			return STATUS_OBJECT_NAME_INVALID;
	return length_check(name);
}

/* The type of a stream. [MS-FSA] 2.1.5.1 phases 6 and 7 */
static nt_status stream_type(const char *stream, const char *type, enum name_type *ret)
{
	if (strcasecmp(type, "$DATA") == 0) {
		*ret = NAME_DATA;
		return STATUS_SUCCESS;
	}
	if (strcasecmp(type, "$INDEX_ALLOCATION") != 0)
		return STATUS_OBJECT_NAME_INVALID;
	if (stream[0] && strcasecmp(stream, "$I30") != 0)
		return STATUS_INVALID_PARAMETER;
	*ret = NAME_DIRECTORY;
	return STATUS_SUCCESS;
}

/* "name:stream:$TYPE" of the last component: cut it, see which stream is meant. [MS-FSCC] 2.1.5 */
static nt_status stream_split(char *last, struct name_path *path)
{
	char *stream = strchr(last, ':');
	char *type;

	if (!stream)
		return STATUS_SUCCESS;
	*stream++ = '\0';
	type = strchr(stream, ':');
	if (type) {
		nt_status st;

		*type++ = '\0';
		st = stream_type(stream, type, &path->type);
		if (!nt_ok(st))
			return st;
		if (stream[0] == '\0' || path->type == NAME_DIRECTORY)
			return STATUS_SUCCESS; /* the file or directory itself */
	}
	if (strchr(stream, '/'))
		return STATUS_OBJECT_NAME_INVALID;
	path->stream = stream;
	return length_check(stream);
}

static size_t count_components(const char *s)
{
	size_t n = 1;

	for (; *s; s++)
		n += *s == '\\';
	return n;
}

/* Is it the component that the stream is of, or that has a type? */
static bool has_stream(const struct name_path *path, const char *next)
{
	return !next && (path->stream || path->type != NAME_ANY);
}

/*
 * Cut text, which is not empty, at its backslashes; path->names has room.
 *
 * Deviation: the document refuses "..". As Samba, it takes the name before it away, and is refused where there is none.
 */
static nt_status components_split(char *text, struct name_path *path)
{
	for (char *next; text; text = next) {
		nt_status st;

		next = strchr(text, '\\');
		if (next)
			*next++ = '\0';
		if (strcmp(text, "..") == 0 && path->count && !has_stream(path, next)) {
			path->count--;
			continue;
		}
		st = component_check(text);
		if (!nt_ok(st))
			return st;
		path->names[path->count++] = text;
	}
	return STATUS_SUCCESS;
}

/*
 * Deviation: the document has no slash in any component. As Samba, it separates them like a backslash; in the name of a stream it
 * stays what it is.
 */
static void slashes_turn(char *text)
{
	for (; *text && *text != ':'; text++)
		if (*text == '/')
			*text = '\\';
}

/* text: from the client, without the leading backslash it may not have */
static nt_status text_parse(char *text, struct arena *a, struct name_path *path)
{
	char *end = text + strlen(text) - 1;
	char *last;
	nt_status st;

	if (*end == '\\') {
		*end = '\0';
		path->slash = true;
	}
	path->names = arena_array(a, count_components(text), sizeof(*path->names));
	if (!path->names)
		return STATUS_INSUFFICIENT_RESOURCES;
	last = strrchr(text, '\\');
	st = stream_split(last ? last + 1 : text, path);
	if (!nt_ok(st))
		return st;
	if (text[0] == '\0') /* ":stream" and the like: of the root itself */
		return STATUS_SUCCESS;
	st = components_split(text, path);
	if (path->count == 0) /* the root is a directory anyway */
		path->slash = false;
	return st;
}

nt_status name_parse(struct span utf16le, struct arena *a, struct name_path *ret_path)
{
	struct name_path path = {0};
	nt_status st = STATUS_SUCCESS;
	char *text;
	int err;

	if (utf16le.len / 2 > PATH_UNITS_MAX)
		return STATUS_OBJECT_NAME_INVALID;
	err = utf16_to_utf8(a, utf16le, &text);
	if (err)
		return err == -ENOMEM ? STATUS_INSUFFICIENT_RESOURCES
				      : STATUS_OBJECT_NAME_INVALID;
	slashes_turn(text);
	if (text[0] == '\\')
		return STATUS_INVALID_PARAMETER;
	if (text[0])
		st = text_parse(text, a, &path);
	if (nt_ok(st))
		*ret_path = path;
	return st;
}

static bool is_unit(struct span utf16le, size_t i, char c)
{
	return utf16le.p[2 * i] == (uint8_t)c && utf16le.p[2 * i + 1] == 0;
}

static bool is_separator(struct span utf16le, size_t i)
{
	return is_unit(utf16le, i, '\\') || is_unit(utf16le, i, '/');
}

size_t name_tail_len(struct span utf16le, size_t behind)
{
	size_t units = utf16le.len / 2, end = units, start;

	if (end && is_separator(utf16le, end - 1)) /* only a directory will do */
		end--;
	for (; behind && end; behind--) {
		while (end && !is_separator(utf16le, end - 1))
			end--;
		end -= end > 0;
	}
	start = end;
	while (start && !is_separator(utf16le, start - 1))
		start--;
	for (size_t i = start; i < end; i++)
		if (is_unit(utf16le, i, ':'))
			end = i;
	return 2 * (units - end);
}

bool name_is_quota_index(struct span utf16le)
{
	static const char index[] = "$EXTEND\\$QUOTA:$Q:$INDEX_ALLOCATION";

	if (utf16le.len != 2 * strlen(index))
		return false;
	for (size_t i = 0; index[i]; i++)
		if (!is_unit(utf16le, i, index[i]) &&
		    !is_unit(utf16le, i, (char)tolower(index[i])))
			return false;
	return true;
}

bool name_reserved(const char *component)
{
	/* asked of each name: most begin with something else */
	if (component[0] != '.' && component[0] != NAME_ASIDE[0])
		return false;
	return strcasecmp(component, ".tsmb") == 0 ||
	       strncmp(component, NAME_ASIDE, strlen(NAME_ASIDE)) == 0;
}

bool name_showable(const char *on_disk)
{
	if (strcmp(on_disk, ".") == 0 || strcmp(on_disk, "..") == 0)
		return true;
	return nt_ok(component_check(on_disk)) && !name_reserved(on_disk);
}

bool name_has_wildcards(const char *pattern)
{
	return strpbrk(pattern, "*?<>\"") != NULL;
}

/* The next character of what is left; NOT_A_CHAR and above for a byte that is no UTF-8. */
static uint32_t take_char(struct span *s, bool ignore_case)
{
	uint32_t c = NOT_A_CHAR;
	size_t n;

	if (ignore_case)
		return utf8_take_upper(s);
	n = utf8_get(*s, &c);
	*s = span_from(*s, n ? n : 1);
	return c;
}

/* One character as UTF-16: how many units. */
static size_t to_units(uint32_t c, uint16_t units[2])
{
	if (c < 0x10000) {
		units[0] = (uint16_t)c;
		return 1;
	}
	units[0] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
	units[1] = (uint16_t)(0xDC00 + (c & 0x3FF));
	return 2;
}

nt_status name_pattern_init(struct name_pattern *p, const char *pattern, bool ignore_case)
{
	struct span s = span_of_str(pattern);

	p->ignore_case = ignore_case;
	p->everything = s.len == 0 || strcmp(pattern, "*.*") == 0;
	p->len = 0;
	while (s.len) {
		uint32_t c = take_char(&s, ignore_case);
		uint16_t units[2];
		size_t n;

		if (c == '*' && p->len && p->units[p->len - 1] == '*')
			continue;
		if (c >= NOT_A_CHAR)
			return STATUS_OBJECT_NAME_INVALID;
		n = to_units(c, units);
		if (n > NAME_PATTERN_UNITS_MAX - p->len)
			return STATUS_OBJECT_NAME_INVALID;
		memcpy(p->units + p->len, units, n * sizeof(units[0]));
		p->len += n;
	}
	p->everything |= p->len == 1 && p->units[0] == '*';
	return STATUS_SUCCESS;
}

/*
 * [MS-FSA] 2.1.4.4. All pattern positions that the name so far can have led to are kept as a set; each unit of the
 * name moves it on, so no pattern makes a name expensive.
 *
 *     *  any run        ?  one unit       >  one unit, but none before a dot and at the end
 *     <  any run up to the last dot       "  a dot, or nothing at the end
 */
struct positions {
	uint64_t set[NAME_PATTERN_UNITS_MAX / 64 + 1];
};

static void positions_add(struct positions *s, size_t i)
{
	s->set[i / 64] |= UINT64_C(1) << (i % 64);
}

/* The first one that is not below i; SIZE_MAX if there is none. */
static size_t positions_next(const struct positions *s, size_t i)
{
	size_t word = i / 64;
	uint64_t left = s->set[word] & ~UINT64_C(0) << (i % 64);

	while (!left) {
		if (++word == ARRAY_LEN(s->set))
			return SIZE_MAX;
		left = s->set[word];
	}
	return word * 64 + (size_t)__builtin_ctzll(left);
}

/* Does the pattern unit let us past it without taking c (0: the end)? */
static bool passes(uint16_t unit, uint16_t c)
{
	switch (unit) {
	case '*':
	case '<':
		return true;
	case '>':
		return c == '.' || c == 0;
	case '"':
		return c == 0;
	default:
		return false;
	}
}

/* Move on by c, or to the end with 0; last_dot: c is the last dot of the name. */
static void match_step(const struct name_pattern *p, struct positions *at, uint16_t c,
		       bool last_dot)
{
	struct positions next = {0};

	for (size_t i = positions_next(at, 0); i < p->len;
	     i = positions_next(at, i + 1)) {
		uint16_t unit = p->units[i];

		if (passes(unit, c))
			positions_add(at, i + 1);
		if (c == 0)
			continue;
		if (unit == '*' || (unit == '<' && !last_dot))
			positions_add(&next, i);
		else if (unit == '?' || unit == c || (unit == '"' && c == '.') ||
			 (unit == '>' && c != '.'))
			positions_add(&next, i + 1);
	}
	if (c)
		*at = next;
}

bool name_pattern_match(const struct name_pattern *p, const char *name)
{
	const char *last_dot = strrchr(name, '.');
	struct positions at = {{1}};

	if (p->everything)
		return true;
	for (struct span s = span_of_str(name); s.len;) {
		bool is_last_dot = (const char *)s.p == last_dot;
		uint32_t c = take_char(&s, p->ignore_case);
		uint16_t units[2];

		if (c >= NOT_A_CHAR)
			return false;
		for (size_t i = 0, n = to_units(c, units); i < n; i++)
			match_step(p, &at, units[i], is_last_dot);
		if (positions_next(&at, 0) == SIZE_MAX)
			return false;
	}
	match_step(p, &at, 0, false);
	return positions_next(&at, p->len) == p->len;
}
