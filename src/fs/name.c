#include "fs/name.h"

#include "wire/utf16.h"

#include <string.h>

enum {
	NAME_BYTES_MAX = 255, /* what Linux file systems hold */
	NAME_UNITS_MAX = 255, /* [MS-FSCC] 2.1.5.2 */
	PATTERN_UNITS_MAX = 1024,
};

/* [MS-FSCC] 2.1.5.2: not in any component; '/' has no other meaning here than to be refused. */
static bool is_reserved_char(unsigned char c)
{
	return c < 0x20 || strchr("\"/\\:|<>*?", c) != NULL;
}

static nt_status component_check(const char *name, size_t len)
{
	int64_t units;

	if (len == 0)
		return STATUS_OBJECT_NAME_INVALID;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	for (size_t i = 0; i < len; i++)
		if (is_reserved_char((unsigned char)name[i]))
			return STATUS_OBJECT_NAME_INVALID;
	units = utf16_len(name) / 2;
	if (len > NAME_BYTES_MAX || units < 0 || units > NAME_UNITS_MAX)
		return STATUS_OBJECT_NAME_INVALID;
	return STATUS_SUCCESS;
}

/* "name:stream:$TYPE" of the last component: cut it, see which stream is meant. [MS-FSCC] 2.1.5.3 */
static nt_status stream_split(char *last, struct name_path *path)
{
	char *stream = strchr(last, ':');
	char *type;

	if (!stream)
		return STATUS_SUCCESS;
	*stream++ = '\0';
	type = strchr(stream, ':');
	if (type) {
		*type++ = '\0';
		if (strcasecmp(type, "$INDEX_ALLOCATION") == 0 &&
		    (stream[0] == '\0' || strcasecmp(stream, "$I30") == 0))
			return STATUS_SUCCESS; /* the directory itself */
		if (strcasecmp(type, "$DATA") != 0)
			return STATUS_OBJECT_NAME_INVALID;
	} else if (stream[0] == '\0') {
		return STATUS_OBJECT_NAME_INVALID;
	}
	if (strpbrk(stream, "/\\"))
		return STATUS_OBJECT_NAME_INVALID;
	path->stream = stream[0] ? stream : NULL;
	return STATUS_SUCCESS;
}

static size_t count_components(const char *s)
{
	size_t n = 1;

	for (; *s; s++)
		n += *s == '\\';
	return n;
}

nt_status name_parse(struct span utf16le, struct arena *a, struct name_path *ret_path)
{
	struct name_path path = {0};
	char *text, *at;
	nt_status st;

	if (utf16le.len == 0) {
		*ret_path = path;
		return STATUS_SUCCESS;
	}
	if (utf16_to_utf8(a, utf16le, &text) != 0)
		return STATUS_OBJECT_NAME_INVALID;
	if (text[0] == '\\')
		return STATUS_INVALID_PARAMETER;
	path.names = arena_array(a, count_components(text), sizeof(*path.names));
	if (!path.names)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = stream_split(strrchr(text, '\\') ? strrchr(text, '\\') + 1 : text, &path);
	if (!nt_ok(st))
		return st;
	if (text[0] == '\0') { /* "::$DATA" and the like: of the root itself */
		*ret_path = path;
		return STATUS_SUCCESS;
	}
	for (at = text; at;) {
		char *sep = strchr(at, '\\');

		if (sep)
			*sep = '\0';
		if (at[0] == '\0' && !sep &&
		    path.count) /* one trailing backslash is tolerated */
			break;
		st = component_check(at, strlen(at));
		if (!nt_ok(st))
			return st;
		path.names[path.count++] = at;
		at = sep ? sep + 1 : NULL;
	}
	*ret_path = path;
	return STATUS_SUCCESS;
}

bool name_reserved(const char *component)
{
	return strcasecmp(component, ".tsmb") == 0;
}

bool name_showable(const char *on_disk)
{
	size_t len = strlen(on_disk);

	if (strcmp(on_disk, ".") == 0 || strcmp(on_disk, "..") == 0)
		return true;
	return nt_ok(component_check(on_disk, len)) && !name_reserved(on_disk);
}

bool name_has_wildcards(const char *pattern)
{
	return strpbrk(pattern, "*?<>\"") != NULL;
}

/* One string as UTF-16 units, upper-cased if case does not matter: what the expression is defined on. */
static bool to_units(struct arena *a, const char *s, bool ignore_case, uint16_t *units,
		     size_t max, size_t *ret_len)
{
	struct wr w;
	char *upper;

	if (ignore_case) {
		if (utf8_upper(a, s, &upper) != 0)
			return false;
		s = upper;
	}
	w = wr_of(mspan_of(units, max * sizeof(*units)));
	(void)wr_utf16(&w, s);
	*ret_len = wr_pos(&w) / 2;
	return wr_ok(&w);
}

/*
 * [MS-FSA] 2.1.4.4. The set of pattern positions that the name so far can have reached is kept as a bitmap; each unit of
 * the name moves it on: time pattern x name, whatever the pattern.
 *
 *     *  any run        ?  one unit       >  one unit, or none at a dot or the end
 *     <  any run up to the last dot       "  a dot, or the end
 */
struct matcher {
	const uint16_t *pattern;
	size_t len;
	bool at[PATTERN_UNITS_MAX + 1];
	bool next[PATTERN_UNITS_MAX + 1];
};

/* Positions reachable without consuming anything, when the rest of the name begins with `c` (0: at the end). */
static void match_close(struct matcher *m, uint16_t c)
{
	for (size_t i = 0; i < m->len; i++) {
		uint16_t p = m->pattern[i];

		if (!m->at[i])
			continue;
		if (p == '*' || p == '<' || (p == '>' && (c == '.' || c == 0)) ||
		    (p == '"' && c == 0))
			m->at[i + 1] = true;
	}
}

/* Consume c; last_dot: no dot comes after it. */
static void match_step(struct matcher *m, uint16_t c, bool dots_follow)
{
	memset(m->next, 0, (m->len + 1) * sizeof(m->next[0]));
	for (size_t i = 0; i < m->len; i++) {
		uint16_t p = m->pattern[i];

		if (!m->at[i])
			continue;
		if (p == '*' || (p == '<' && (c != '.' || dots_follow)))
			m->next[i] = true;
		else if (p == '?' || p == c || (p == '"' && c == '.') ||
			 (p == '>' && c != '.'))
			m->next[i + 1] = true;
	}
	memcpy(m->at, m->next, (m->len + 1) * sizeof(m->at[0]));
}

static size_t count_dots(const uint16_t *name, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += name[i] == '.';
	return n;
}

static bool match_units(struct matcher *m, const uint16_t *name, size_t len)
{
	size_t dots = count_dots(name, len);

	memset(m->at, 0, sizeof(m->at));
	m->at[0] = true;
	for (size_t i = 0; i < len; i++) {
		match_close(m, name[i]);
		dots -= name[i] == '.';
		match_step(m, name[i], dots > 0);
	}
	match_close(m, 0);
	return m->at[m->len];
}

bool name_match(const char *pattern, const char *name, bool ignore_case)
{
	uint16_t pattern_units[PATTERN_UNITS_MAX], name_units[PATTERN_UNITS_MAX];
	struct matcher m;
	struct arena a;
	size_t name_len;
	bool matches;

	if (strcmp(pattern, "*") == 0)
		return true;
	arena_init(&a, 16 * 1024);
	m.pattern = pattern_units;
	matches = to_units(&a, pattern, ignore_case, pattern_units, PATTERN_UNITS_MAX,
			   &m.len) &&
		  to_units(&a, name, ignore_case, name_units, PATTERN_UNITS_MAX,
			   &name_len) &&
		  match_units(&m, name_units, name_len);
	arena_fini(&a);
	return matches;
}
