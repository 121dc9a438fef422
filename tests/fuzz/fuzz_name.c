/*
 * fuzz_name.c - any bytes as a path from the wire; any text as a pattern and a name.
 *
 * Besides surviving: an accepted path can be shown, and written down again it gives the same components, behind each of which the
 * next begins; a pattern
 * without wildcards matches what equals it, one of them never more without "ignore case" than with it.
 *
 * Target functions: name_parse, name_tail_len, name_showable, name_pattern_init, name_pattern_match
 */
#include "fs/name.h"
#include "wire/utf16.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 22 };

static void write_path(struct wr *w, const struct name_path *p)
{
	static const char *const types[] = {"", ":$DATA", ":$INDEX_ALLOCATION"};

	for (size_t i = 0; i < p->count; i++) {
		if (i)
			(void)wr_utf16(w, "\\");
		(void)wr_utf16(w, p->names[i]);
	}
	if (p->stream || p->type)
		(void)wr_utf16(w, ":");
	if (p->stream)
		(void)wr_utf16(w, p->stream);
	(void)wr_utf16(w, types[p->type]);
	if (p->slash)
		(void)wr_utf16(w, "\\");
}

/* What stands behind a component begins with its separator; behind the last, with a stream or nothing. */
static void check_tails(struct span wire, size_t count)
{
	for (size_t behind = 0; behind < count; behind++) {
		size_t len = name_tail_len(wire, behind);

		if (len > wire.len || (behind && wire.p[wire.len - len] != '\\'))
			abort();
	}
}

static void check_path(struct arena *a, struct span wire)
{
	size_t max = wire.len + 64;
	uint8_t *room = arena_alloc(a, max);
	struct wr w = wr_of(mspan_of(room, room ? max : 0));
	struct name_path p, again;

	if (!nt_ok(name_parse(wire, a, &p)))
		return;
	for (size_t i = 0; i < p.count; i++)
		if (!name_showable(p.names[i]) && !name_reserved(p.names[i]))
			abort();
	write_path(&w, &p);
	if (!wr_ok(&w) || !nt_ok(name_parse(wr_done(&w), a, &again)) ||
	    again.count != p.count || again.slash != p.slash || again.type != p.type ||
	    !again.stream != !p.stream || (p.stream && strcmp(p.stream, again.stream)))
		abort();
	for (size_t i = 0; i < p.count; i++)
		if (strcmp(p.names[i], again.names[i]) != 0)
			abort();
	check_tails(wr_done(&w), p.count);
}

static void check_pattern(const char *pattern, const char *name)
{
	struct name_pattern exact, folded;

	if (!nt_ok(name_pattern_init(&exact, pattern, false)) ||
	    !nt_ok(name_pattern_init(&folded, pattern, true)))
		return;
	if (name_pattern_match(&exact, name) && !name_pattern_match(&folded, name))
		abort();
	if (name_has_wildcards(pattern) || !pattern[0] || utf16_len(name) <= 0)
		return;
	if (name_pattern_match(&exact, name) != (strcmp(pattern, name) == 0) ||
	    name_pattern_match(&folded, name) != utf8_eq_nocase(pattern, name))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct arena a;
	char *pattern;

	arena_init(&a, ARENA_MAX);
	check_path(&a, in);
	pattern = arena_dup(&a, in); /* ends at the first NUL; the name lies behind it */
	if (pattern && strlen(pattern) < size)
		check_pattern(pattern, pattern + strlen(pattern) + 1);
	arena_fini(&a);
	return 0;
}
