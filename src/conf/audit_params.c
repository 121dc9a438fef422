/* audit_params.c - where the audit log goes, for whom, how long, and what of it is hidden. */
#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/value.h"

enum { DAYS_MAX = 36500, CN_MAX = 255 };

static const char *const sensitive_words[] = {"allow", "strip", "hash", NULL};

static bool number_parse(const struct value_in *in, struct span value, uint64_t max,
			 uint32_t *ret)
{
	uint64_t n;

	if (!value_number(value, 0, max, &n))
		return value_refuse(in, value, "a number from 0 to %ju", (uintmax_t)max);
	*ret = (uint32_t)n;
	return true;
}

static bool cn_parse(const struct value_in *in, struct span value, const char **ret)
{
	if (!value.len)
		return value_refuse(in, value, "a name");
	if (value.len > CN_MAX)
		return value_refuse_as(in, value, "expected at most %d bytes, found %zu",
				       CN_MAX, value.len);
	return value_copy(in, value, ret);
}

static bool sensitive_parse(const struct value_in *in, struct span value,
			    enum conf_sensitive *ret)
{
	char allowed[64];

	for (unsigned i = 0; sensitive_words[i]; i++) {
		if (!value_is(value, sensitive_words[i]))
			continue;
		*ret = (enum conf_sensitive)i;
		return true;
	}
	return value_refuse(in, value, "%s",
			    value_words_text(sensitive_words, allowed, sizeof(allowed)));
}

static bool item_parse(const struct value_in *in, struct span item,
		       struct conf_audit_params *ap)
{
	struct span rest = item, key, value = span_from(item, item.len);

	(void)!value_next(&rest, '=', &key);
	if (rest.p)
		value = lex_trim(rest);
	if (value_is(key, "path"))
		return value_path(in, value, &ap->path);
	if (value_is(key, "days"))
		return number_parse(in, value, DAYS_MAX, &ap->days);
	if (value_is(key, "uid"))
		return number_parse(in, value, CONF_ID_NONE - 1, &ap->uid);
	if (value_is(key, "gid"))
		return number_parse(in, value, CONF_ID_NONE - 1, &ap->gid);
	if (value_is(key, "cn"))
		return cn_parse(in, value, &ap->cn);
	if (value_is(key, "sensitive_data"))
		return sensitive_parse(in, value, &ap->sensitive_data);
	return value_refuse(in, item,
			    "path=..., days=..., uid=..., gid=..., cn=... or "
			    "sensitive_data=allow|strip|hash");
}

bool audit_params_parse(const struct value_in *in, void *field)
{
	struct conf_audit_params ap = {.uid = CONF_ID_NONE, .gid = CONF_ID_NONE};
	struct span rest = in->text, item;

	while (value_next(&rest, ',', &item))
		if (!item_parse(in, item, &ap))
			return false;
	*(struct conf_audit_params *)field = ap;
	return true;
}

void audit_params_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_audit_params *ap = field;

	if (ap->path)
		fprintf(out, "path=%s,", ap->path);
	fprintf(out, "days=%u,", ap->days);
	if (ap->uid != CONF_ID_NONE)
		fprintf(out, "uid=%u,", ap->uid);
	if (ap->gid != CONF_ID_NONE)
		fprintf(out, "gid=%u,", ap->gid);
	if (ap->cn)
		fprintf(out, "cn=%s,", ap->cn);
	fprintf(out, "sensitive_data=%s", sensitive_words[ap->sensitive_data]);
}
