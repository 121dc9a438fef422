/*
 * edit.c - tsmb.conf changed as text: find the place, put other bytes there, leave the rest.
 */
#include "conf/edit.h"

#include "conf/lex.h"
#include "conf/value.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes from .. to. */
struct place {
	size_t from, to;
};

/* A section, and where its lines begin and end without those of its name. */
struct section {
	struct place all, body;
};

/* A line with its line end. */
struct line {
	struct lex_line lex;
	struct place at;
};

struct lines {
	struct span text;
	struct lex lex;
};

static struct lines lines_of(const struct edit *e)
{
	return (struct lines){.text = edit_span(e), .lex = lex_of(edit_span(e))};
}

static bool lines_next(struct lines *x, struct line *ret)
{
	size_t from = x->text.len - x->lex.rest.len;

	if (!lex_next(&x->lex, &ret->lex))
		return false;
	ret->at = (struct place){from, x->text.len - x->lex.rest.len};
	return true;
}

/* Like lines_of(), from a place where a line begins. */
static struct lines lines_from(const struct edit *e, size_t at)
{
	return (struct lines){.text = edit_span(e),
			      .lex = {.rest = span_from(edit_span(e), at)}};
}

int edit_init(struct edit *e, struct span text)
{
	e->text = malloc(text.len + 1);
	if (!e->text)
		return -ENOMEM;
	if (text.len)
		memcpy(e->text, text.p, text.len);
	e->text[text.len] = '\0';
	e->len = text.len;
	return 0;
}

void edit_fini(struct edit *e)
{
	free(e->text);
	*e = (struct edit){0};
}

static MUST_CHECK int splice(struct edit *e, struct place at, struct span with)
{
	size_t len = e->len - (at.to - at.from) + with.len;
	char *text = malloc(len + 1);

	if (!text)
		return -ENOMEM;
	memcpy(text, e->text, at.from);
	if (with.len)
		memcpy(text + at.from, with.p, with.len);
	memcpy(text + at.from + with.len, e->text + at.to, e->len - at.to);
	text[len] = '\0';
	free(e->text);
	e->text = text;
	e->len = len;
	return 0;
}

/* ---- finding ---- */

static bool netname_is(const struct line *l, const char *share)
{
	char name[LEX_LINE_MAX + 1];

	if (l->lex.kind != LEX_SET || !value_is(l->lex.name, "netname") ||
	    memchr(l->lex.all.p, '\0', l->lex.all.len))
		return false;
	memcpy(name, l->lex.value.p, l->lex.value.len);
	name[l->lex.value.len] = '\0';
	return utf8_eq_nocase(name, share);
}

/* share: NULL for [global]. */
static bool find_section(const struct edit *e, const char *share, struct section *ret)
{
	struct lines x = lines_of(e);
	struct section s = {0};
	bool open = false, found = false;
	struct line l;

	while (lines_next(&x, &l)) {
		if (open && (l.lex.kind == LEX_OPEN || l.lex.kind == LEX_CLOSE)) {
			bool closed = l.lex.kind == LEX_CLOSE;

			s.body.to = l.at.from;
			s.all.to = closed ? l.at.to : l.at.from;
			open = false;
			if (found)
				break;
			if (closed)
				continue;
		}
		if (l.lex.kind == LEX_OPEN) {
			open = value_is(l.lex.name, share ? "share" : "global");
			found = open && !share;
			s.all.from = l.at.from;
			s.body.from = l.at.to;
		} else if (open && share && netname_is(&l, share)) {
			found = true;
		}
	}
	if (found && open) /* never closed */
		s.all.to = s.body.to = e->len;
	if (found)
		*ret = s;
	return found;
}

static bool is_line_of(const struct line *l, const struct param *p)
{
	return l->lex.kind == LEX_SET && value_is(l->lex.name, p->name);
}

/* "#name = ..." */
static bool shows(const struct line *l, const struct param *p)
{
	struct span s = lex_trim(l->lex.all);
	size_t name_len = strlen(p->name);

	if (l->lex.kind != LEX_BLANK || !s.len)
		return false;
	while (s.len && s.p[0] == '#')
		s = lex_trim(span_from(s, 1));
	if (!value_is(span_head(s, name_len), p->name))
		return false;
	s = lex_trim(span_from(s, name_len));
	return s.len && s.p[0] == '=';
}

static bool find_line(const struct edit *e, const struct section *s,
		      const struct param *p, size_t index, struct line *ret)
{
	struct lines x = lines_from(e, s->body.from);
	struct line l;

	while (lines_next(&x, &l) && l.at.from < s->body.to) {
		if (!is_line_of(&l, p) || index-- > 0)
			continue;
		*ret = l;
		return true;
	}
	return false;
}

bool edit_get(const struct edit *e, const char *share, const struct param *p,
	      size_t index, struct span *ret_value)
{
	struct section s;
	struct line l;

	if (!find_section(e, share, &s) || !find_line(e, &s, p, index, &l))
		return false;
	*ret_value = l.lex.value;
	return true;
}

/* ---- writing ---- */

static bool fits_on_a_line(const char *value)
{
	for (const char *c = value; *c; c++)
		if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7F)
			return false;
	return true;
}

/* How the last line ends that does so before `end`, or there; LF if there is none. */
static const char *line_end(const struct edit *e, size_t end)
{
	const char *lf = memrchr(e->text, '\n', end);

	return lf && lf > e->text && lf[-1] == '\r' ? "\r\n" : "\n";
}

/* The line behind which a new one of p belongs. */
static struct line anchor(const struct edit *e, const struct section *s,
			  const struct param *p)
{
	struct lines x = lines_from(e, s->all.from);
	struct line l, own = {0}, shown = {0}, last = {0};

	while (lines_next(&x, &l) && l.at.from < s->body.to) {
		if (is_line_of(&l, p))
			own = l;
		else if (shows(&l, p))
			shown = l;
		if (l.lex.kind == LEX_SET || l.at.from == s->all.from)
			last = l;
	}
	return own.at.to ? own : shown.at.to ? shown : last;
}

/* Blanks in front of a line; none behind [section]. */
static int indent_len(const struct line *l)
{
	int n = 0;

	while (l->lex.kind != LEX_OPEN && (size_t)n < l->lex.all.len &&
	       (l->lex.all.p[n] == ' ' || l->lex.all.p[n] == '\t'))
		n++;
	return n;
}

static MUST_CHECK int insert_line(struct edit *e, const struct section *s,
				  const struct param *p, const char *value)
{
	struct line after = anchor(e, s, p);
	size_t at = after.at.to;
	const char *end = line_end(e, at);
	bool unended = at > 0 && e->text[at - 1] != '\n';
	char *text;
	int len, err;

	len = asprintf(&text, "%s%.*s%s =%s%s%s", unended ? end : "", indent_len(&after),
		       (const char *)after.lex.all.p, p->name, *value ? " " : "", value,
		       end);
	if (len < 0)
		return -ENOMEM;
	err = splice(e, (struct place){at, at}, span_of(text, (size_t)len));
	free(text);
	return err;
}

static MUST_CHECK int replace_value(struct edit *e, const struct line *l,
				    const char *value)
{
	size_t from = (size_t)((const char *)l->lex.value.p - e->text);
	bool tight = e->text[from - 1] == '=' && *value && !l->lex.value.len;
	char *text;
	int len, err;

	len = asprintf(&text, "%s%s", tight ? " " : "", value);
	if (len < 0)
		return -ENOMEM;
	err = splice(e, (struct place){from, from + l->lex.value.len},
		     span_of(text, (size_t)len));
	free(text);
	return err;
}

int edit_set(struct edit *e, const char *share, const struct param *p, const char *value)
{
	struct section s;
	struct line l;
	int err = 0;

	if (value && !fits_on_a_line(value))
		return -EINVAL;
	if (!find_section(e, share, &s))
		return -ENOENT;
	if (value)
		return find_line(e, &s, p, 0, &l) ? replace_value(e, &l, value)
						  : insert_line(e, &s, p, value);
	while (!err && find_line(e, &s, p, 0, &l)) {
		err = splice(e, l.at, span_of(NULL, 0));
		s.body.to -= l.at.to - l.at.from;
	}
	return err;
}

int edit_add(struct edit *e, const char *share, const struct param *p, const char *value)
{
	struct section s;

	if (!fits_on_a_line(value))
		return -EINVAL;
	return find_section(e, share, &s) ? insert_line(e, &s, p, value) : -ENOENT;
}

int edit_del(struct edit *e, const char *share, const struct param *p, size_t index)
{
	struct section s;
	struct line l;

	if (!find_section(e, share, &s) || !find_line(e, &s, p, index, &l))
		return -ENOENT;
	return splice(e, l.at, span_of(NULL, 0));
}

/* ---- whole shares ---- */

/* Is there an empty line, ending at `end`? Its beginning. */
static bool empty_before(const struct edit *e, size_t end, size_t *ret_from)
{
	size_t from = end;

	if (from == 0 || e->text[from - 1] != '\n')
		return false;
	from--;
	if (from > 0 && e->text[from - 1] == '\r')
		from--;
	if (from > 0 && e->text[from - 1] != '\n')
		return false;
	*ret_from = from;
	return true;
}

static bool empty_at(const struct edit *e, size_t from)
{
	return from == e->len || e->text[from] == '\n' ||
	       (e->text[from] == '\r' && from + 1 < e->len && e->text[from + 1] == '\n');
}

int edit_share_add(struct edit *e, const char *netname)
{
	const char *end = line_end(e, e->len);
	bool unended = e->len && e->text[e->len - 1] != '\n';
	size_t from;
	bool parted = !e->len || (!unended && empty_before(e, e->len, &from));
	char *text;
	int len, err;

	if (!fits_on_a_line(netname))
		return -EINVAL;
	len = asprintf(&text, "%s%s[share]%snetname = %s%s[/share]%s", unended ? end : "",
		       parted ? "" : end, end, netname, end, end);
	if (len < 0)
		return -ENOMEM;
	err = splice(e, (struct place){e->len, e->len}, span_of(text, (size_t)len));
	free(text);
	return err;
}

int edit_share_del(struct edit *e, const char *share)
{
	struct section s;
	size_t blank;

	if (!find_section(e, share, &s))
		return -ENOENT;
	if (empty_before(e, s.all.from, &blank) && empty_at(e, s.all.to))
		s.all.from = blank;
	return splice(e, s.all, span_of(NULL, 0));
}
