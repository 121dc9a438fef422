/*
 * print.c - a snapshot as text, and what differs between two.
 */
#include "conf/conf.h"
#include "conf/param.h"
#include "conf/value.h"

#include <errno.h>
#include <stdlib.h>

enum { CHANGES_ARENA_MAX = 64 << 20 };

static const void *field_of(const struct param *p, const void *owner)
{
	return (const char *)owner + p->field;
}

static bool param_in(const struct param *p, enum param_scope scope)
{
	return p->scope == scope && p->status == PARAM_EFFECTIVE;
}

static void free_p(char **p)
{
	free(*p);
}

/* The value as text on the heap; NULL without memory. */
static char *field_text(const struct param *p, const void *owner)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool failed;

	if (!out)
		return NULL;
	value_print(p, field_of(p, owner), out);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* A repeatable parameter has a line for each value. */
static void field_print(const struct param *p, const void *owner, FILE *out)
{
	CLEANUP(free_p) char *text = field_text(p, owner);
	char *rest = text, *line;

	if (!text || value_is_absent(p, field_of(p, owner)))
		return;
	while ((line = strsep(&rest, "\n")))
		fprintf(out, "%s =%s%s\n", p->name, *line ? " " : "", line);
}

static void section_print(enum param_scope scope, const void *owner, FILE *out)
{
	const char *name = param_scope_name(scope);

	fprintf(out, "[%s]\n", name);
	for (size_t i = 0; i < param_count; i++)
		if (param_in(&param_table[i], scope))
			field_print(&param_table[i], owner, out);
	fprintf(out, "[/%s]\n", name);
}

void conf_print(const struct conf *c, FILE *out)
{
	section_print(PARAM_GLOBAL, c, out);
	for (size_t i = 0; i < c->share_count; i++)
		section_print(PARAM_SHARE, &c->shares[i], out);
}

/* Differences */

struct diff {
	struct conf_changes changes;
	size_t room;
};

static MUST_CHECK int diff_add(struct diff *d, struct conf_change c)
{
	struct conf_changes *cs = &d->changes;

	if (cs->count == d->room) {
		size_t room = d->room ? 2 * d->room : 16;
		struct conf_change *list = reallocarray(cs->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		cs->list = list;
		d->room = room;
	}
	cs->list[cs->count++] = c;
	cs->restart_count += c.param && c.param->apply == PARAM_RESTART;
	return 0;
}

static MUST_CHECK int diff_field(struct diff *d, const struct param *p, const char *share,
				 const void *from, const void *to)
{
	CLEANUP(free_p) char *from_text = field_text(p, from);
	CLEANUP(free_p) char *to_text = field_text(p, to);
	struct arena *a = &d->changes.arena;
	struct conf_change c = {.param = p};

	if (!from_text || !to_text)
		return -ENOMEM;
	if (strcmp(from_text, to_text) == 0)
		return 0;
	c.share = share ? arena_strdup(a, share) : NULL;
	c.from = arena_strdup(a, from_text);
	c.to = arena_strdup(a, to_text);
	if (!c.from || !c.to || (share && !c.share))
		return -ENOMEM;
	return diff_add(d, c);
}

static char *privileges_text(const struct conf *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	privileges_print(&c->privileges, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* What stands in the file that privilegedb names, told as its value. */
static MUST_CHECK int diff_privileges(struct diff *d, const struct conf *from,
				      const struct conf *to)
{
	CLEANUP(free_p) char *from_text = privileges_text(from);
	CLEANUP(free_p) char *to_text = privileges_text(to);
	struct arena *a = &d->changes.arena;
	struct conf_change c = {
		.param = param_find(PARAM_GLOBAL, span_of_str("privilegedb"))};

	if (!from_text || !to_text)
		return -ENOMEM;
	if (strcmp(from_text, to_text) == 0)
		return 0;
	c.from = arena_strdup(a, from_text);
	c.to = arena_strdup(a, to_text);
	return c.from && c.to ? diff_add(d, c) : -ENOMEM;
}

static MUST_CHECK int diff_section(struct diff *d, enum param_scope scope,
				   const char *share, const void *from, const void *to)
{
	int err = 0;

	for (size_t i = 0; !err && i < param_count; i++)
		if (param_in(&param_table[i], scope))
			err = diff_field(d, &param_table[i], share, from, to);
	return err;
}

/* A share that only one side has; its path stands for it. */
static MUST_CHECK int diff_one_sided(struct diff *d, const struct conf_share *from,
				     const struct conf_share *to)
{
	const struct conf_share *s = from ? from : to;
	struct arena *a = &d->changes.arena;
	struct conf_change c = {.share = arena_strdup(a, s->netname)};
	const char *path = arena_strdup(a, s->path);

	if (!c.share || !path)
		return -ENOMEM;
	c.from = from ? path : NULL;
	c.to = to ? path : NULL;
	return diff_add(d, c);
}

static MUST_CHECK int diff_shares(struct diff *d, const struct conf *from,
				  const struct conf *to)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->share_count; i++) {
		const struct conf_share *s = &from->shares[i];
		const struct conf_share *t = conf_share_find(to, s->netname);

		err = t ? diff_section(d, PARAM_SHARE, t->netname, s, t)
			: diff_one_sided(d, s, NULL);
	}
	for (size_t i = 0; !err && i < to->share_count; i++)
		if (!conf_share_find(from, to->shares[i].netname))
			err = diff_one_sided(d, NULL, &to->shares[i]);
	return err;
}

int conf_diff(const struct conf *from, const struct conf *to,
	      struct conf_changes *ret_changes)
{
	struct diff d = {0};
	int err;

	arena_init(&d.changes.arena, CHANGES_ARENA_MAX);
	err = diff_section(&d, PARAM_GLOBAL, NULL, from, to);
	if (!err)
		err = diff_privileges(&d, from, to);
	if (!err)
		err = diff_shares(&d, from, to);
	if (err)
		conf_changes_fini(&d.changes);
	else
		*ret_changes = d.changes;
	return err;
}

void conf_changes_fini(struct conf_changes *cs)
{
	free(cs->list);
	arena_fini(&cs->arena);
	*cs = (struct conf_changes){0};
}

/* The lines of a repeatable value, on one. */
static void line_print(const char *text, FILE *out)
{
	for (; *text; text++)
		fputs(*text == '\n' ? "; " : (const char[]){*text, '\0'}, out);
}

enum param_apply conf_change_applies(const struct conf_change *c)
{
	if (!c->param)
		return PARAM_DYNAMIC;
	if (c->param->apply != PARAM_TIGHTENS)
		return c->param->apply;
	if (strcmp(c->to, "true") == 0)
		return PARAM_DYNAMIC;
	return c->share ? PARAM_TREES : PARAM_CONNECTIONS;
}

static const char *const apply_notes[] = {
	[PARAM_DYNAMIC] = "",
	[PARAM_TIGHTENS] = "",
	[PARAM_CONNECTIONS] = " (counts for clients that connect from now on)",
	[PARAM_TREES] = " (counts for clients that connect to the share from now on)",
	[PARAM_RESTART] = " (needs a restart)",
};

void conf_change_print(const struct conf_change *c, FILE *out)
{
	if (c->share)
		fprintf(out, "share %s: ", c->share);
	if (!c->param) {
		fprintf(out, "%s (%s)", c->to ? "added" : "removed",
			c->to ? c->to : c->from);
		return;
	}
	fprintf(out, "%s: ", c->param->name);
	line_print(*c->from ? c->from : "nothing", out);
	fputs(" -> ", out);
	line_print(*c->to ? c->to : "nothing", out);
	fputs(apply_notes[conf_change_applies(c)], out);
}
