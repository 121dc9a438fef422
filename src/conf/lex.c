#include "conf/lex.h"

#include <unistr.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span lex_trim(struct span s)
{
	while (s.len && is_blank(s.p[0]))
		s = span_from(s, 1);
	while (s.len && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct lex lex_of(struct span text)
{
	static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};

	if (span_eq(span_head(text, sizeof(mark)), span_of(mark, sizeof(mark))))
		text = span_from(text, sizeof(mark));
	return (struct lex){.rest = text};
}

struct conf_place lex_place(const struct lex_line *line, const uint8_t *at)
{
	size_t before = (size_t)(at - line->all.p);

	return (struct conf_place){
		.line = line->number,
		.column = (unsigned)u8_mbsnlen(line->all.p, before) + 1,
	};
}

static struct span lex_cut(struct lex *x)
{
	const uint8_t *end = x->rest.len ? memchr(x->rest.p, '\n', x->rest.len) : NULL;
	struct span s = x->rest;

	if (end) {
		s.len = (size_t)(end - s.p);
		x->rest = span_from(x->rest, s.len + 1);
	} else {
		x->rest = span_from(x->rest, s.len);
	}
	if (s.len && s.p[s.len - 1] == '\r')
		s.len--;
	return s;
}

static void lex_bad(struct lex_line *l, const uint8_t *at, const char *fault)
{
	l->kind = LEX_BAD;
	l->fault_at = at;
	snprintf(l->fault, sizeof(l->fault), "%s", fault);
}

/* Text at all? Checked before anything else looks at the line, comments included. */
static bool lex_is_text(struct lex_line *l)
{
	const uint8_t *bad;

	if (l->all.len > LEX_LINE_MAX) {
		lex_bad(l, l->all.p, "");
		snprintf(l->fault, sizeof(l->fault),
			 "expected at most %d bytes, found %zu", LEX_LINE_MAX,
			 l->all.len);
		return false;
	}
	bad = u8_check(l->all.p, l->all.len);
	if (bad) {
		lex_bad(l, bad, "");
		snprintf(l->fault, sizeof(l->fault),
			 "expected UTF-8, found the byte 0x%02X", *bad);
		return false;
	}
	for (size_t i = 0; i < l->all.len; i++) {
		uint8_t c = l->all.p[i];

		if ((c >= 0x20 && c != 0x7F) || c == '\t')
			continue;
		lex_bad(l, l->all.p + i, "");
		snprintf(l->fault, sizeof(l->fault),
			 "expected text, found the control character 0x%02X", c);
		return false;
	}
	return true;
}

static void lex_section(struct lex_line *l, struct span s)
{
	bool close;

	if (s.p[s.len - 1] != ']') {
		lex_bad(l, s.p, "expected [name] or [/name] and nothing after it");
		return;
	}
	s = span_of(s.p + 1, s.len - 2);
	close = s.len && s.p[0] == '/';
	l->name = lex_trim(close ? span_from(s, 1) : s);
	if (!l->name.len) {
		lex_bad(l, s.p, "expected the name of a section, found nothing");
		return;
	}
	l->kind = close ? LEX_CLOSE : LEX_OPEN;
}

static void lex_set(struct lex_line *l, struct span s)
{
	const uint8_t *equals = memchr(s.p, '=', s.len);
	size_t name_len;

	if (!equals) {
		lex_bad(l, s.p, "expected name = value, [section] or # comment");
		return;
	}
	name_len = (size_t)(equals - s.p);
	l->name = lex_trim(span_head(s, name_len));
	l->value = lex_trim(span_from(s, name_len + 1));
	if (!l->name.len) {
		lex_bad(l, s.p, "expected a name before the =, found nothing");
		return;
	}
	l->kind = LEX_SET;
}

bool lex_next(struct lex *x, struct lex_line *ret_line)
{
	struct lex_line l = {0};
	struct span s;

	if (!x->rest.len)
		return false;
	l.all = lex_cut(x);
	l.number = ++x->number;
	s = lex_trim(l.all);
	if (!lex_is_text(&l))
		; /* already LEX_BAD */
	else if (!s.len || s.p[0] == '#')
		l.kind = LEX_BLANK;
	else if (s.p[0] == '[')
		lex_section(&l, s);
	else
		lex_set(&l, s);
	*ret_line = l;
	return true;
}
