#include "conf/privileges.h"

#include "base/log.h"
#include "conf/conf.h"
#include "conf/file.h"
#include "conf/lex.h"
#include "conf/value.h"
#include "wire/utf16.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unistr.h>

/* By bit of enum privilege. */
static const char *const names[] = {
	"SeBackupPrivilege",   "SeRestorePrivilege",      "SeTakeOwnershipPrivilege",
	"SeSecurityPrivilege", "SeDiskOperatorPrivilege",
};

const char *privilege_name(size_t i)
{
	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

struct reading {
	const char *path;
	struct conf_errors *errs;
	struct conf_privileges *to;
	struct arena *arena;
};

static void complain(const struct reading *r, struct conf_place at, const char *text)
{
	conf_errors_add(r->errs, (struct conf_place){0}, "privilegedb", "%s:%u:%u: %s",
			r->path, at.line, at.column, text);
}

static bool holder_parse(const struct value_in *in, struct span id,
			 struct conf_privilege *p)
{
	struct conf_perm who = {0};

	if (!perm_id_parse(in, id, &who))
		return false;
	switch (who.kind) {
	case CONF_PERM_USER:
		p->kind = CONF_HOLDER_USER;
		break;
	case CONF_PERM_GROUP:
		p->kind = CONF_HOLDER_GROUP;
		break;
	case CONF_PERM_SID:
		p->kind = CONF_HOLDER_SID;
		break;
	default:
		return value_refuse(in, id, "a user, @group or *S-1-...");
	}
	p->name = who.name;
	p->sid = who.sid;
	p->gid = UINT32_MAX;
	return true;
}

static bool held_parse(const struct value_in *in, struct span item, uint32_t *held)
{
	char list[256];
	const char *const words[] = {names[0], names[1], names[2],
				     names[3], names[4], NULL};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!value_is(item, names[i]))
			continue;
		*held |= UINT32_C(1) << i;
		return true;
	}
	return value_refuse(in, item, "%s", value_words_text(words, list, sizeof(list)));
}

static bool same_holder(const struct conf_privilege *a, const struct conf_privilege *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == CONF_HOLDER_SID ? sid_eq(&a->sid, &b->sid)
					  : utf8_eq_nocase(a->name, b->name);
}

/* in->text: the whole line */
static bool line_parse(const struct value_in *in, const struct conf_privileges *before,
		       struct conf_privilege *p)
{
	struct span rest = in->text, id, item;

	(void)!value_next(&rest, ':', &id);
	if (!rest.p)
		return value_refuse(in, in->text, "account: privilege, ...");
	if (!holder_parse(in, id, p))
		return false;
	for (size_t i = 0; i < before->count; i++)
		if (same_holder(&before->list[i], p))
			return value_refuse_as(in, id, "named twice");
	while (value_next(&rest, ',', &item))
		if (!held_parse(in, item, &p->held))
			return false;
	return true;
}

static void line_read(struct reading *r, const struct lex_line *l)
{
	struct value_error err;
	struct value_in in = {.text = lex_trim(l->all), .arena = r->arena, .err = &err};
	struct conf_privilege p = {0};

	if (!in.text.len || in.text.p[0] == '#')
		return;
	if (u8_check(in.text.p, in.text.len))
		complain(r, lex_place(l, in.text.p), "not UTF-8");
	else if (r->to->count == PRIVILEGES_ACCOUNTS_MAX)
		complain(r, lex_place(l, in.text.p), "more accounts than are taken");
	else if (!line_parse(&in, r->to, &p))
		complain(r, lex_place(l, in.text.p + err.at), err.text);
	else
		r->to->list[r->to->count++] = p;
}

static size_t line_count(struct span text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == '\n';
	return n < PRIVILEGES_ACCOUNTS_MAX ? n : PRIVILEGES_ACCOUNTS_MAX;
}

bool privileges_parse(struct span text, const char *path, struct arena *a,
		      struct conf_privileges *ret, struct conf_errors *errs)
{
	struct conf_privileges to = {
		.list = arena_array(a, line_count(text), sizeof(*to.list))};
	struct reading r = {.path = path, .errs = errs, .to = &to, .arena = a};
	size_t errors_before = errs->error_count;
	struct lex x = lex_of(text);
	struct lex_line l;

	if (!to.list) {
		complain(&r, (struct conf_place){1, 1}, "out of memory");
		return false;
	}
	while (lex_next(&x, &l))
		line_read(&r, &l);
	if (errs->error_count != errors_before)
		return false;
	*ret = to;
	return true;
}

static void holder_print(const struct conf_privilege *p, FILE *out)
{
	char sid[SID_TEXT_MAX];

	if (p->kind == CONF_HOLDER_SID)
		fprintf(out, "*%s", sid_text(&p->sid, sid));
	else
		fprintf(out, "%s%s", p->kind == CONF_HOLDER_GROUP ? "@" : "", p->name);
}

void privileges_print(const struct conf_privileges *ps, FILE *out)
{
	for (size_t i = 0; i < ps->count; i++) {
		const char *before = ": ";

		fputs(i ? "; " : "", out);
		holder_print(&ps->list[i], out);
		for (size_t bit = 0; bit < ARRAY_LEN(names); bit++) {
			if (!(ps->list[i].held & UINT32_C(1) << bit))
				continue;
			fprintf(out, "%s%s", before, names[bit]);
			before = ", ";
		}
	}
}

/* NULL: nobody gives himself privileges by it. */
static const char *file_fault(const struct stat *st, uid_t owner)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != owner)
		return "belongs to another account than root, the server's and the "
		       "configuration's owner";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "others than its owner may change it";
	return NULL;
}

static void gids_find(struct conf_privileges *ps, const char *path,
		      struct conf_errors *errs)
{
	enum { BUF_LEN = 1 << 16 };
	char *buf = malloc(BUF_LEN);
	struct group gr, *found;
	struct log_esc esc;

	for (size_t i = 0; buf && i < ps->count; i++) {
		struct conf_privilege *p = &ps->list[i];

		if (p->kind != CONF_HOLDER_GROUP)
			continue;
		found = NULL;
		if (getgrnam_r(p->name, &gr, buf, BUF_LEN, &found) == 0 && found)
			p->gid = found->gr_gid;
		else
			conf_errors_warn(errs, (struct conf_place){0}, "privilegedb",
					 "%s: @%s: no such group", path,
					 log_esc(&esc, span_of_str(p->name)));
	}
	free(buf);
}

static void free_p(char **p)
{
	free(*p);
}

bool privileges_read(const char *path, bool may_miss, uid_t owner, struct arena *a,
		     struct conf_privileges *ret, struct conf_errors *errs)
{
	CLEANUP(free_p) char *text = NULL;
	const char *fault;
	struct stat st;
	size_t len;
	int err = conf_file_read(path, PRIVILEGES_FILE_MAX, &text, &len, &st);

	if (err == -ENOENT && may_miss) {
		*ret = (struct conf_privileges){0};
		return true;
	}
	fault = err ? strerror(-err) : file_fault(&st, owner);
	if (fault) {
		conf_errors_add(errs, (struct conf_place){0}, "privilegedb", "%s: %s",
				path, fault);
		return false;
	}
	if (!privileges_parse(span_of(text, len), path, a, ret, errs))
		return false;
	gids_find(ret, path, errs);
	return true;
}
