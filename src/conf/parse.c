/*
 * parse.c - from the text of tsmb.conf to a snapshot.
 *
 * Sections:  none -> [global] -> none -> ([share] -> none)*. A line that does not fit is reported and the
 * reading goes on as if it had been right, so that one run shows every fault.
 */
#include "base/log.h"
#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/lint.h"
#include "conf/param.h"
#include "conf/share_key.h"
#include "conf/value.h"

#include <errno.h>
#include <stdlib.h>

enum section { SECTION_NONE, SECTION_GLOBAL, SECTION_SHARE, SECTION_UNKNOWN };

enum { CONF_ARENA_MAX = 256 << 20, SERVER_NAME_MAX = 15 };

struct parse {
	struct conf *conf;
	struct conf_errors *errs;
	enum section section;
	struct conf_place opened;               /* of the open section		*/
	struct conf_place global_open;          /* line 0: not seen		*/
	bool order_told;                        /* that [global] comes first	*/
	struct conf_share *share;               /* being read			*/
	struct conf_place global_at[PARAM_MAX]; /* where each was set; line 0: nowhere */
	struct conf_place share_at[PARAM_MAX];
};

/* Defaults */

static MUST_CHECK bool default_set(struct conf *c, const struct param *p, void *owner)
{
	struct span rest = span_of_str(p->def), one;
	struct value_error err;

	while (value_next(&rest, '\n', &one))
		if (!value_parse(p, one, &c->arena, (char *)owner + p->field, &err))
			return false;
	return true;
}

/* False without memory. */
static MUST_CHECK bool defaults_set(struct conf *c, enum param_scope scope, void *owner)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (p->scope == scope && p->def && !default_set(c, p, owner))
			return false;
	}
	return true;
}

/* The first label of the host name as a NetBIOS name. */
static MUST_CHECK bool server_name_set(struct conf *c, const char *host_name)
{
	size_t len = strcspn(host_name, ".");
	char *name;

	if (len == 0) {
		host_name = "TSMB";
		len = strlen(host_name);
	}
	name = arena_dup(
		&c->arena,
		span_of(host_name, len < SERVER_NAME_MAX ? len : SERVER_NAME_MAX));
	if (!name)
		return false;
	for (char *x = name; *x; x++) {
		if (*x >= 'a' && *x <= 'z')
			*x = (char)(*x - 'a' + 'A');
		else if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *x))
			*x = '-';
	}
	c->server_name = name;
	return true;
}

static uint64_t memory_default(uint64_t machine_memory)
{
	const struct param *p = param_find(PARAM_GLOBAL, span_of_str("memory_max"));
	uint64_t quarter = machine_memory / 4;

	if (quarter < p->min)
		return p->min;
	return quarter > p->max ? p->max : quarter;
}

static struct conf *conf_new(const struct conf_machine *machine)
{
	CLEANUP(conf_putp) struct conf *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	atomic_init(&c->refs, 1);
	arena_init(&c->arena, CONF_ARENA_MAX);
	c->memory_max = memory_default(machine->memory);
	if (map_init(&c->share_map) || !defaults_set(c, PARAM_GLOBAL, c) ||
	    !server_name_set(c, machine->host_name))
		return NULL;
	return TAKE(c);
}

/* Sections */

static const char *section_name(enum section s)
{
	return s == SECTION_GLOBAL ? "global" : "share";
}

static enum section section_of(struct span name)
{
	if (value_is(name, "global"))
		return SECTION_GLOBAL;
	if (value_is(name, "share"))
		return SECTION_SHARE;
	return SECTION_UNKNOWN;
}

static MUST_CHECK int share_begin(struct parse *p, struct conf_place at)
{
	struct conf *c = p->conf;

	p->share = &c->shares[c->share_count];
	p->share->line = at.line;
	memset(p->share_at, 0, sizeof(p->share_at));
	if (!defaults_set(c, PARAM_SHARE, p->share))
		return -ENOMEM;
	p->share->encrypt_data = c->encrypt_data;
	return 0;
}

static void share_check_required(struct parse *p)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *x = &param_table[i];

		if (x->scope == PARAM_SHARE && x->required && !p->share_at[i].line)
			conf_errors_add(p->errs, p->opened, x->name,
					"expected once in [share], found none");
	}
}

/* Of two that exclude each other the one that says so is told. */
static void share_check_excluded(struct parse *p)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *x = &param_table[i];
		const struct conf_place *other;

		if (x->scope != PARAM_SHARE || !x->excludes || !p->share_at[i].line)
			continue;
		other = &p->share_at[param_index(param_excluded(x))];
		if (other->line)
			conf_errors_add(p->errs, p->share_at[i], x->name,
					"excludes %s, which is on line %u", x->excludes,
					other->line);
	}
	if (p->share->security_descriptor.text)
		p->share->permissions = (struct conf_permissions){0};
}

static void share_check_unique(struct parse *p)
{
	const struct param *x = param_find(PARAM_SHARE, span_of_str("netname"));
	const struct conf_share *other = conf_share_find(p->conf, p->share->netname);
	struct log_esc esc;

	if (other)
		conf_errors_add(p->errs, p->share_at[param_index(x)], x->name,
				"\"%s\" is the name of the share on line %u already",
				log_esc(&esc, span_of_str(p->share->netname)),
				other->line);
	else
		map_add(&p->conf->share_map, &p->share->node,
			share_key(p->share->netname));
}

static void section_end(struct parse *p)
{
	if (p->section == SECTION_SHARE) {
		share_check_required(p);
		share_check_excluded(p);
		if (p->share->netname)
			share_check_unique(p);
		if (!p->share->encrypt_data)
			p->conf->any_share_unencrypted = true;
		p->conf->share_count++;
		p->share = NULL;
	}
	p->section = SECTION_NONE;
}

static void section_check_order(struct parse *p, enum section s, struct conf_place at)
{
	bool seen = p->global_open.line != 0;

	if (s == SECTION_GLOBAL && seen) {
		conf_errors_add(
			p->errs, at, "section",
			"expected [global] once, found it again; the first is on line %u",
			p->global_open.line);
	} else if (s == SECTION_SHARE && !seen && !p->order_told) {
		conf_errors_add(p->errs, at, "section",
				"expected [global] first, found [share]");
		p->order_told = true;
	}
}

static struct conf_place section_place(const struct lex_line *l)
{
	return lex_place(l, lex_trim(l->all).p);
}

static MUST_CHECK int section_open(struct parse *p, const struct lex_line *l)
{
	struct conf_place at = section_place(l);
	enum section s = section_of(l->name);
	struct log_esc esc;

	if (p->section != SECTION_NONE) {
		if (p->section != SECTION_UNKNOWN)
			conf_errors_add(p->errs, at, "section",
					"expected [/%s], as [%s] is open since line %u; "
					"found [%s]",
					section_name(p->section),
					section_name(p->section), p->opened.line,
					log_esc(&esc, l->name));
		section_end(p);
	}
	section_check_order(p, s, at);
	p->section = s;
	p->opened = at;
	if (s == SECTION_UNKNOWN)
		conf_errors_add(p->errs, at, "section",
				"expected [global] or [share], found [%s]",
				log_esc(&esc, l->name));
	if (s == SECTION_GLOBAL && !p->global_open.line)
		p->global_open = at;
	return s == SECTION_SHARE ? share_begin(p, at) : 0;
}

static void section_close(struct parse *p, const struct lex_line *l)
{
	struct conf_place at = section_place(l);
	enum section s = section_of(l->name);
	struct log_esc esc;

	if (s == p->section) {
		section_end(p);
		return;
	}
	if (p->section == SECTION_NONE)
		conf_errors_add(p->errs, at, "section",
				"expected [global] or [share], found [/%s]",
				log_esc(&esc, l->name));
	else if (p->section != SECTION_UNKNOWN)
		conf_errors_add(
			p->errs, at, "section",
			"expected [/%s], as [%s] is open since line %u; found [/%s]",
			section_name(p->section), section_name(p->section),
			p->opened.line, log_esc(&esc, l->name));
}

/* Parameters */

static void set_unknown(struct parse *p, const struct lex_line *l, enum param_scope scope)
{
	enum param_scope other = scope == PARAM_GLOBAL ? PARAM_SHARE : PARAM_GLOBAL;
	struct conf_place at = lex_place(l, l->name.p);
	struct log_esc esc;

	if (param_find(other, l->name))
		conf_errors_add(p->errs, at, log_esc(&esc, l->name),
				"belongs in [%s], found in [%s]", param_scope_name(other),
				param_scope_name(scope));
	else
		conf_errors_add(p->errs, at, log_esc(&esc, l->name),
				"unknown parameter of [%s]; the nearest known name is %s",
				param_scope_name(scope),
				param_nearest(scope, l->name)->name);
}

static void set_value(struct parse *p, const struct lex_line *l, const struct param *x,
		      struct conf_place *set_at, void *owner)
{
	void *field = (char *)owner + x->field;
	struct value_error err;

	if (set_at->line && x->type != PARAM_LISTEN) {
		conf_errors_add(p->errs, lex_place(l, l->name.p), x->name,
				"expected once, found again; the first is on line %u",
				set_at->line);
		return;
	}
	if (!set_at->line && x->type == PARAM_LISTEN)
		*(struct conf_listens *)field = (struct conf_listens){0};
	if (!set_at->line)
		*set_at = lex_place(l, l->value.p);
	if (!value_parse(x, l->value, &p->conf->arena, field, &err))
		conf_errors_add(p->errs, lex_place(l, l->value.p + err.at), x->name, "%s",
				err.text);
}

static void set_line(struct parse *p, const struct lex_line *l)
{
	bool in_share = p->section == SECTION_SHARE;
	enum param_scope scope = in_share ? PARAM_SHARE : PARAM_GLOBAL;
	const struct param *x = param_find(scope, l->name);
	struct log_esc esc;

	if (p->section == SECTION_UNKNOWN)
		return; /* its [line] was reported */
	if (p->section == SECTION_NONE) {
		conf_errors_add(p->errs, lex_place(l, l->name.p), log_esc(&esc, l->name),
				"expected inside [global] or [share], found outside");
		return;
	}
	if (!x) {
		set_unknown(p, l, scope);
		return;
	}
	if (x->status == PARAM_KNOWN) {
		conf_errors_add(p->errs, lex_place(l, l->name.p), x->name,
				"known, but this version does not act on it yet; remove "
				"the line");
		return;
	}
	if (in_share)
		set_value(p, l, x, &p->share_at[param_index(x)], p->share);
	else
		set_value(p, l, x, &p->global_at[param_index(x)], p->conf);
}

/* The file */

static MUST_CHECK int parse_line(struct parse *p, const struct lex_line *l)
{
	switch (l->kind) {
	case LEX_BLANK:
		return 0;
	case LEX_OPEN:
		return section_open(p, l);
	case LEX_CLOSE:
		section_close(p, l);
		return 0;
	case LEX_SET:
		set_line(p, l);
		return 0;
	case LEX_BAD:
		conf_errors_add(p->errs, lex_place(l, l->fault_at), "line", "%s",
				l->fault);
		return 0;
	}
	return 0;
}

/* Room for every [share] that the text can hold: the entries must not move once they are in the map. */
static MUST_CHECK int shares_reserve(struct conf *c, struct span text)
{
	struct lex x = lex_of(text);
	struct lex_line l;
	size_t count = 0;

	while (lex_next(&x, &l))
		count += l.kind == LEX_OPEN && section_of(l.name) == SECTION_SHARE;
	c->shares = calloc(count ? count : 1, sizeof(*c->shares));
	return c->shares ? 0 : -ENOMEM;
}

static void parse_end(struct parse *p)
{
	struct conf_place start = {.line = 1, .column = 1};
	const struct param *log = param_find(PARAM_GLOBAL,
					     span_of_str("log_destination"));
	const struct param *audit = param_find(PARAM_GLOBAL, span_of_str("audit_enable"));

	if (p->section == SECTION_GLOBAL || p->section == SECTION_SHARE)
		conf_errors_add(p->errs, p->opened, "section",
				"expected [/%s] before the end of the file, found none",
				section_name(p->section));
	section_end(p);
	if (!p->global_open.line && !p->order_told)
		conf_errors_add(p->errs, start, "section",
				"expected [global], found none");
	if (p->conf->log_destination == CONF_LOG_FILE && !p->conf->log_params.path)
		conf_errors_add(p->errs, p->global_at[param_index(log)], log->name,
				"file needs a line log_params = path=...");
	if (p->conf->audit_enable && !p->conf->audit_params.path)
		conf_errors_add(p->errs, p->global_at[param_index(audit)], audit->name,
				"true needs a line audit_params = path=...");
}

static void parse_lint(struct parse *p)
{
	for (size_t i = 0; i < param_count; i++)
		if (!p->global_at[i].line)
			p->global_at[i] = p->global_open;
	lint_conf(p->conf, p->global_at, p->errs);
}

static MUST_CHECK int parse_text(struct parse *p, struct span text)
{
	struct lex x = lex_of(text);
	struct lex_line l;
	int err = shares_reserve(p->conf, text);

	while (!err && lex_next(&x, &l))
		err = parse_line(p, &l);
	if (!err)
		parse_end(p);
	return err;
}

int conf_parse(struct span text, const char *file, const struct conf_machine *machine,
	       struct conf **ret_conf, struct conf_errors *errs)
{
	CLEANUP(conf_putp) struct conf *c = conf_new(machine);
	struct parse p = {.conf = c, .errs = errs};
	size_t errors_before = errs->error_count;
	int err;

	if (!c)
		return -ENOMEM;
	conf_errors_file(errs, file);
	if (text.len > LEX_FILE_MAX) {
		conf_errors_add(errs, (struct conf_place){0}, "file",
				"expected at most %d bytes, found %zu", LEX_FILE_MAX,
				text.len);
		return -EINVAL;
	}
	err = parse_text(&p, text);
	if (err)
		return err;
	if (errs->error_count == errors_before)
		parse_lint(&p);
	conf_errors_sort(errs);
	if (errs->error_count != errors_before)
		return -EINVAL;
	*ret_conf = TAKE(c);
	return 0;
}
