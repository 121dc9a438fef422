/*
 * list.c - values that are lists of names from a fixed set, and log_params.
 */
#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/value.h"

enum { NAMES_MAX = 8 };

struct name {
	const char *name;
	unsigned value;
};

static const struct name dialect_names[] = {
	{"SMB2.002", CONF_DIALECT_202}, {"SMB2.1", CONF_DIALECT_210},
	{"SMB3.0", CONF_DIALECT_300},   {"SMB3.02", CONF_DIALECT_302},
	{"SMB3.1.1", CONF_DIALECT_311},
};

static const struct name cipher_names[] = {
	{"AES-256-GCM", SEAL_AES_256_GCM},
	{"AES-128-GCM", SEAL_AES_128_GCM},
	{"AES-256-CCM", SEAL_AES_256_CCM},
	{"AES-128-CCM", SEAL_AES_128_CCM},
};

static const struct name signing_names[] = {
	{"AES-GMAC", SIGN_AES_GMAC},
	{"AES-CMAC", SIGN_AES_CMAC},
	{"HMAC-SHA256", SIGN_HMAC_SHA256},
};

static const struct name *name_find(const struct name *names, size_t count,
				    struct span text)
{
	for (size_t i = 0; i < count; i++)
		if (value_is(text, names[i].name))
			return &names[i];
	return NULL;
}

static const char *name_of(const struct name *names, size_t count, unsigned value)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].value == value)
			return names[i].name;
	return "";
}

const char *conf_cipher_name(enum seal_cipher cipher)
{
	return name_of(cipher_names, ARRAY_LEN(cipher_names), cipher);
}

const char *conf_signing_name(enum sign_alg alg)
{
	return name_of(signing_names, ARRAY_LEN(signing_names), alg);
}

static bool name_refuse(const struct value_in *in, struct span part,
			const struct name *names, size_t count)
{
	const char *words[NAMES_MAX + 1] = {0};
	char text[160];

	for (size_t i = 0; i < count; i++)
		words[i] = names[i].name;
	return value_refuse(in, part, "%s", value_words_text(words, text, sizeof(text)));
}

/* Each name at most once, at least one. values holds one element a name. */
static bool names_parse(const struct value_in *in, char separator,
			const struct name *names, size_t count, unsigned *values,
			size_t *ret_count)
{
	struct span rest = in->text, item;
	size_t n = 0;

	while (value_next(&rest, separator, &item)) {
		const struct name *name = name_find(names, count, item);

		if (separator == ' ' && !item.len && in->text.len)
			continue; /* several blanks between two names */
		if (!name)
			return name_refuse(in, item, names, count);
		for (size_t i = 0; i < n; i++)
			if (values[i] == name->value)
				return value_refuse_as(in, item, "%s is named twice",
						       name->name);
		values[n++] = name->value;
	}
	*ret_count = n;
	return true;
}

bool dialects_parse(const struct value_in *in, void *field)
{
	unsigned values[ARRAY_LEN(dialect_names)];
	uint32_t set = 0;
	size_t count;

	if (!names_parse(in, ' ', dialect_names, ARRAY_LEN(dialect_names), values,
			 &count))
		return false;
	for (size_t i = 0; i < count; i++)
		set |= values[i];
	*(uint32_t *)field = set;
	return true;
}

void dialects_print(const struct param *p, const void *field, FILE *out)
{
	uint32_t set = *(const uint32_t *)field;
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_LEN(dialect_names); i++) {
		if (!(set & dialect_names[i].value))
			continue;
		fprintf(out, "%s%s", sep, dialect_names[i].name);
		sep = " ";
	}
}

bool ciphers_parse(const struct value_in *in, void *field)
{
	unsigned values[ARRAY_LEN(cipher_names)];
	struct conf_ciphers c = {0};

	if (!names_parse(in, ',', cipher_names, ARRAY_LEN(cipher_names), values,
			 &c.count))
		return false;
	for (size_t i = 0; i < c.count; i++)
		c.list[i] = (enum seal_cipher)values[i];
	*(struct conf_ciphers *)field = c;
	return true;
}

void ciphers_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_ciphers *c = field;

	for (size_t i = 0; i < c->count; i++)
		fprintf(out, "%s%s", i ? ", " : "",
			name_of(cipher_names, ARRAY_LEN(cipher_names), c->list[i]));
}

bool signings_parse(const struct value_in *in, void *field)
{
	unsigned values[ARRAY_LEN(signing_names)];
	struct conf_signings s = {0};

	if (!names_parse(in, ',', signing_names, ARRAY_LEN(signing_names), values,
			 &s.count))
		return false;
	for (size_t i = 0; i < s.count; i++)
		s.list[i] = (enum sign_alg)values[i];
	*(struct conf_signings *)field = s;
	return true;
}

void signings_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_signings *s = field;

	for (size_t i = 0; i < s->count; i++)
		fprintf(out, "%s%s", i ? ", " : "",
			name_of(signing_names, ARRAY_LEN(signing_names), s->list[i]));
}

static bool log_param_parse(const struct value_in *in, struct span item,
			    struct conf_log_params *lp)
{
	struct span rest = item, key, value = span_from(item, item.len);

	(void)!value_next(&rest, '=', &key);
	if (rest.p)
		value = lex_trim(rest);
	if (value_is(key, "path"))
		return value_path(in, value, &lp->path);
	if (value_is(key, "timestamp")) {
		if (!value_is(value, "true") && !value_is(value, "false"))
			return value_refuse(in, value,
					    "timestamp=true or timestamp=false");
		lp->timestamp = value_is(value, "true");
		return true;
	}
	return value_refuse(in, item, "path=... or timestamp=true|false");
}

bool log_params_parse(const struct value_in *in, void *field)
{
	struct conf_log_params lp = {.timestamp = true};
	struct span rest = in->text, item;

	while (value_next(&rest, ',', &item))
		if (!log_param_parse(in, item, &lp))
			return false;
	*(struct conf_log_params *)field = lp;
	return true;
}

void log_params_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_log_params *lp = field;

	if (lp->path)
		fprintf(out, "path=%s,", lp->path);
	fprintf(out, "timestamp=%s", lp->timestamp ? "true" : "false");
}
