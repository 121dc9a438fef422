/*
 * permissions.c - the value of `permissions`: who may do what on a share.
 */
#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/value.h"
#include "wire/utf16.h"

#include <strings.h>

enum { PERM_MAX = 256 };

/* Compared without case, as names are: "Everyone" must not be taken for an account of that name. */
static const struct {
	const char *name;
	enum conf_perm_kind kind;
} perm_groups[] = {
	{"everyone", CONF_PERM_EVERYONE},
	{"anonymous", CONF_PERM_ANONYMOUS},
	{"authenticatedusers", CONF_PERM_AUTHENTICATED},
};

/* By enum conf_access. */
static const char *const access_names[] = {"no", "read", "change", "full"};

static bool access_parse(const struct value_in *in, struct span part,
			 enum conf_access *ret_access)
{
	for (unsigned i = 0; i < ARRAY_LEN(access_names); i++) {
		if (!value_is(part, access_names[i]))
			continue;
		*ret_access = (enum conf_access)i;
		return true;
	}
	return value_refuse(in, part, "no, read, change or full");
}

static bool sid_id_parse(const struct value_in *in, struct span id, struct conf_perm *p)
{
	char text[SID_TEXT_MAX] = "";
	struct span sid = span_from(id, 1);

	p->kind = CONF_PERM_SID;
	if (sid.len < sizeof(text))
		memcpy(text, sid.p, sid.len);
	if (sid_parse(text, &p->sid))
		return value_refuse(in, id,
				    "a security identifier such as *S-1-5-32-545");
	return true;
}

bool perm_id_parse(const struct value_in *in, struct span id, struct conf_perm *p)
{
	for (size_t i = 0; i < ARRAY_LEN(perm_groups); i++) {
		const char *name = perm_groups[i].name;

		if (id.len != strlen(name) ||
		    strncasecmp((const char *)id.p, name, id.len) != 0)
			continue;
		p->kind = perm_groups[i].kind;
		return true;
	}
	if (id.len && id.p[0] == '*')
		return sid_id_parse(in, id, p);
	if (id.len && id.p[0] == '@') {
		p->kind = CONF_PERM_GROUP;
		return value_account(in, lex_trim(span_from(id, 1)), &p->name);
	}
	p->kind = CONF_PERM_USER;
	return value_account(in, id, &p->name);
}

/* Names have no colon, so the last one parts name and access. */
static bool perm_parse(const struct value_in *in, struct span item, struct conf_perm *p)
{
	const uint8_t *colon = item.len ? memrchr(item.p, ':', item.len) : NULL;
	struct span rest, id, access;
	size_t at;

	if (!colon)
		return value_refuse(in, item, "id:access, ...");
	at = (size_t)(colon - item.p);
	rest = span_head(item, at);
	(void)!value_next(&rest, ':', &id);
	if (rest.p)
		return value_refuse(in, item, "id:access, ...");
	rest = span_from(item, at + 1);
	(void)!value_next(&rest, ':', &access);
	return perm_id_parse(in, id, p) && access_parse(in, access, &p->access);
}

static bool perm_same_id(const struct conf_perm *a, const struct conf_perm *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == CONF_PERM_SID)
		return sid_eq(&a->sid, &b->sid);
	return !a->name || utf8_eq_nocase(a->name, b->name);
}

static size_t item_count(struct span text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == ',';
	return n;
}

bool permissions_parse(const struct value_in *in, void *field)
{
	struct span rest = in->text, item;
	struct conf_permissions ps = {0};
	size_t max = item_count(in->text);

	if (max > PERM_MAX)
		return value_refuse_as(in, in->text, "more than %d entries", PERM_MAX);
	ps.list = arena_array(in->arena, max, sizeof(*ps.list));
	if (!ps.list)
		return value_refuse_as(in, in->text, "out of memory");
	while (value_next(&rest, ',', &item)) {
		struct conf_perm *p = &ps.list[ps.count];

		if (!perm_parse(in, item, p))
			return false;
		for (size_t i = 0; i < ps.count; i++)
			if (perm_same_id(&ps.list[i], p))
				return value_refuse_as(in, item, "named twice");
		ps.count++;
	}
	*(struct conf_permissions *)field = ps;
	return true;
}

static void id_print(const struct conf_perm *p, FILE *out)
{
	char sid[SID_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(perm_groups); i++)
		if (perm_groups[i].kind == p->kind)
			fputs(perm_groups[i].name, out);
	if (p->kind == CONF_PERM_SID)
		fprintf(out, "*%s", sid_text(&p->sid, sid));
	if (p->name)
		fprintf(out, "%s%s", p->kind == CONF_PERM_GROUP ? "@" : "", p->name);
}

void permissions_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_permissions *ps = field;

	for (size_t i = 0; i < ps->count; i++) {
		fputs(i ? ", " : "", out);
		id_print(&ps->list[i], out);
		fprintf(out, ":%s", access_names[ps->list[i].access]);
	}
}
