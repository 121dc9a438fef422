#include "conf/value.h"

#include "base/log.h"
#include "conf/conf.h"
#include "conf/lex.h"

#include <assert.h>
#include <limits.h>
#include <unistr.h>

enum {
	ACCOUNT_MAX = 255,
	DOMAIN_MAX = 255,
	LABEL_MAX = 63,
	NETBIOS_MAX = 15,
	NETNAME_MAX = 80
};

static const struct {
	const char *suffix;
	unsigned shift;
} size_units[] = {
	{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"G", 30}, {"M", 20}, {"K", 10}, {"", 0},
};

/* Refusals */

static void value_blame(const struct value_in *in, struct span part)
{
	in->err->at = part.p ? (size_t)(part.p - in->text.p) : in->text.len;
}

bool value_refuse_as(const struct value_in *in, struct span part, const char *fmt, ...)
{
	va_list ap;

	value_blame(in, part);
	va_start(ap, fmt);
	vsnprintf(in->err->text, sizeof(in->err->text), fmt, ap);
	va_end(ap);
	return false;
}

bool value_refuse(const struct value_in *in, struct span part, const char *fmt, ...)
{
	struct log_esc esc;
	char want[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	if (!part.len)
		return value_refuse_as(in, part, "expected %s, found nothing", want);
	return value_refuse_as(
		in, part, "expected %s, found \"%s\"%s", want, log_esc(&esc, part),
		memchr(part.p, '#', part.len) ? "; a comment needs a line of its own"
					      : "");
}

bool value_refuse_known(const struct value_in *in, struct span part, const char *allowed)
{
	struct log_esc esc;

	return value_refuse_as(
		in, part,
		"%s: known, but this version does not act on it yet; allowed: %s",
		log_esc(&esc, part), allowed);
}

/* Pieces */

static bool is_separator(uint8_t c, char separator)
{
	return c == (uint8_t)separator || (c == '\t' && separator == ' ');
}

bool value_next(struct span *rest, char separator, struct span *ret_item)
{
	size_t len = 0;

	if (!rest->p)
		return false;
	while (len < rest->len && !is_separator(rest->p[len], separator))
		len++;
	*ret_item = lex_trim(span_head(*rest, len));
	*rest = len < rest->len ? span_from(*rest, len + 1) : span_of(NULL, 0);
	return true;
}

bool value_is(struct span part, const char *word)
{
	return span_eq(part, span_of_str(word));
}

bool value_number(struct span part, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!part.len)
		return false;
	for (size_t i = 0; i < part.len; i++) {
		if (part.p[i] < '0' || part.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, part.p[i] - '0', &n))
			return false;
	}
	if (n < min || n > max)
		return false;
	*ret = n;
	return true;
}

bool value_copy(const struct value_in *in, struct span part, const char **ret)
{
	const char *copy = arena_dup(in->arena, part);

	if (!copy)
		return value_refuse_as(in, part, "out of memory");
	*ret = copy;
	return true;
}

bool value_path(const struct value_in *in, struct span part, const char **ret)
{
	if (!part.len || part.p[0] != '/' || memchr(part.p, '\t', part.len))
		return value_refuse(in, part, "an absolute path");
	if (part.len >= PATH_MAX)
		return value_refuse_as(in, part, "expected at most %d bytes, found %zu",
				       PATH_MAX - 1, part.len);
	return value_copy(in, part, ret);
}

bool value_account(const struct value_in *in, struct span part, const char **ret)
{
	bool good = part.len && part.len <= ACCOUNT_MAX;

	for (size_t i = 0; good && i < part.len; i++)
		good = part.p[i] >= ' ' && !strchr(",:/\"*", part.p[i]);
	if (!good)
		return value_refuse(in, part, "the name of an account");
	return value_copy(in, part, ret);
}

/* Letters, digits, - and _; whatever the locale. */
static bool is_label(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i] | 0x20;

		if ((c < 'a' || c > 'z') && (s.p[i] < '0' || s.p[i] > '9') &&
		    s.p[i] != '-' && s.p[i] != '_')
			return false;
	}
	return s.len > 0;
}

/* Types with one value */

static bool bool_parse(const struct value_in *in, void *field)
{
	if (!value_is(in->text, "true") && !value_is(in->text, "false"))
		return value_refuse(in, in->text, "true or false");
	*(bool *)field = value_is(in->text, "true");
	return true;
}

static void bool_print(const struct param *p, const void *field, FILE *out)
{
	fputs(*(const bool *)field ? "true" : "false", out);
}

static bool int_parse(const struct value_in *in, void *field)
{
	const struct param *p = in->param;
	uint64_t n;

	if (!value_number(in->text, p->min, p->max, &n))
		return value_refuse(in, in->text, "a number from %ju to %ju",
				    (uintmax_t)p->min, (uintmax_t)p->max);
	*(uint32_t *)field = (uint32_t)n;
	return true;
}

static void int_print(const struct param *p, const void *field, FILE *out)
{
	fprintf(out, "%u", *(const uint32_t *)field);
}

static bool threads_parse(const struct value_in *in, void *field)
{
	const struct param *p = in->param;
	uint64_t n = 0;

	if (!value_is(in->text, "auto") && !value_number(in->text, p->min, p->max, &n))
		return value_refuse(in, in->text, "auto or a number from %ju to %ju",
				    (uintmax_t)p->min, (uintmax_t)p->max);
	*(uint32_t *)field = (uint32_t)n;
	return true;
}

static void threads_print(const struct param *p, const void *field, FILE *out)
{
	if (*(const uint32_t *)field == 0)
		fputs("auto", out);
	else
		int_print(p, field, out);
}

void value_size_text(uint64_t bytes, char *buf, size_t buf_len)
{
	for (size_t i = 0; i < ARRAY_LEN(size_units); i++) {
		uint64_t unit = 1ULL << size_units[i].shift;

		if (bytes % unit || (!bytes && unit > 1))
			continue;
		snprintf(buf, buf_len, "%ju%s", (uintmax_t)(bytes / unit),
			 size_units[i].suffix);
		return;
	}
}

static bool bytes_parse(const struct value_in *in, void *field)
{
	const struct param *p = in->param;
	struct span digits = in->text;
	char min[32], max[32];
	uint64_t n;

	while (digits.len &&
	       (digits.p[digits.len - 1] < '0' || digits.p[digits.len - 1] > '9'))
		digits.len--;
	for (size_t i = 0; i < ARRAY_LEN(size_units); i++) {
		unsigned shift = size_units[i].shift;

		if (!value_is(lex_trim(span_from(in->text, digits.len)),
			      size_units[i].suffix) ||
		    !value_number(digits, 0, UINT64_MAX >> shift, &n))
			continue;
		n <<= shift;
		if (n < p->min || n > p->max)
			break;
		*(uint64_t *)field = n;
		return true;
	}
	value_size_text(p->min, min, sizeof(min));
	value_size_text(p->max, max, sizeof(max));
	return value_refuse(in, in->text, "a size from %s to %s, in bytes, K, M or G",
			    min, max);
}

static void bytes_print(const struct param *p, const void *field, FILE *out)
{
	char text[32];

	value_size_text(*(const uint64_t *)field, text, sizeof(text));
	fputs(text, out);
}

static bool octal_parse(const struct value_in *in, void *field)
{
	uint64_t n = 0;
	bool good = in->text.len > 0;

	for (size_t i = 0; good && i < in->text.len; i++) {
		uint8_t c = in->text.p[i];

		n = n * 8 + (uint64_t)(c - '0');
		good = c >= '0' && c <= '7' && n <= in->param->max;
	}
	if (!good)
		return value_refuse(in, in->text, "an octal mode up to %jo",
				    (uintmax_t)in->param->max);
	*(uint32_t *)field = (uint32_t)n;
	return true;
}

static void octal_print(const struct param *p, const void *field, FILE *out)
{
	fprintf(out, "%04o", *(const uint32_t *)field);
}

static bool text_parse(const struct value_in *in, void *field)
{
	if (in->text.len > in->param->max)
		return value_refuse_as(in, in->text,
				       "expected at most %ju bytes, found %zu",
				       (uintmax_t)in->param->max, in->text.len);
	if (in->text.len && memchr(in->text.p, '\t', in->text.len))
		return value_refuse(in, in->text, "text without tabs");
	return value_copy(in, in->text, field);
}

static void text_print(const struct param *p, const void *field, FILE *out)
{
	const char *text = *(const char *const *)field;

	fputs(text ? text : "", out);
}

static bool path_parse(const struct value_in *in, void *field)
{
	return value_path(in, in->text, field);
}

static bool account_parse(const struct value_in *in, void *field)
{
	return value_account(in, in->text, field);
}

static bool host_parse(const struct value_in *in, void *field)
{
	char *copy;

	if (!is_label(in->text) || in->text.len > NETBIOS_MAX)
		return value_refuse(in, in->text, "1 to %d letters, digits, - and _",
				    NETBIOS_MAX);
	copy = arena_dup(in->arena, in->text);
	if (!copy)
		return value_refuse_as(in, in->text, "out of memory");
	for (char *c = copy; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	*(const char **)field = copy;
	return true;
}

static bool domain_parse(const struct value_in *in, void *field)
{
	bool dotted = in->text.len && memchr(in->text.p, '.', in->text.len);
	size_t label_max = dotted ? LABEL_MAX : NETBIOS_MAX;
	struct span rest = in->text, label;
	bool good = in->text.len <= DOMAIN_MAX;

	while (good && value_next(&rest, '.', &label))
		good = is_label(label) && label.len <= label_max;
	if (!good || memchr(in->text.p, ' ', in->text.len))
		return value_refuse(in, in->text,
				    "a DNS domain, or a workgroup of 1 to %d letters, "
				    "digits, - and _",
				    NETBIOS_MAX);
	return value_copy(in, in->text, field);
}

/* [MS-SRVS] 2.2.2.4 and what a path of the form \\server\share\file cannot hold. */
static bool netname_parse(const struct value_in *in, void *field)
{
	size_t chars = u8_mbsnlen(in->text.p, in->text.len);
	struct log_esc esc;

	if (chars < 1 || chars > NETNAME_MAX)
		return value_refuse_as(in, in->text,
				       "expected 1 to %d characters, found %zu",
				       NETNAME_MAX, chars);
	for (size_t i = 0; i < in->text.len; i++)
		if (in->text.p[i] < ' ' || strchr("\\/:*?\"<>|", in->text.p[i]))
			return value_refuse_as(in, span_from(in->text, i),
					       "expected a name without \\ / : * ? \" < "
					       "> |, found \"%s\"",
					       log_esc(&esc, in->text));
	if (in->text.len == 4 && strncasecmp((const char *)in->text.p, "IPC$", 4) == 0)
		return value_refuse_as(in, in->text,
				       "IPC$ is the server's own; see enable_ipc");
	return value_copy(in, in->text, field);
}

const char *value_words_text(const char *const *words, char *buf, size_t buf_len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && used < buf_len; i++) {
		const char *sep = i == 0 ? "" : words[i + 1] ? ", " : " or ";

		used += (size_t)snprintf(buf + used, buf_len - used, "%s%s", sep,
					 words[i]);
	}
	return buf;
}

static bool enum_parse(const struct value_in *in, void *field)
{
	const struct param *p = in->param;
	char allowed[128];

	for (unsigned i = 0; p->words[i]; i++) {
		if (!value_is(in->text, p->words[i]))
			continue;
		memcpy(field, &i, sizeof(i));
		return true;
	}
	value_words_text(p->words, allowed, sizeof(allowed));
	for (size_t i = 0; p->words_known && p->words_known[i]; i++)
		if (value_is(in->text, p->words_known[i]))
			return value_refuse_known(in, in->text, allowed);
	return value_refuse(in, in->text, "%s", allowed);
}

static void enum_print(const struct param *p, const void *field, FILE *out)
{
	unsigned i;

	memcpy(&i, field, sizeof(i));
	fputs(p->words[i], out);
}

static_assert(sizeof(enum conf_log) == sizeof(unsigned),
	      "enum_parse() writes an unsigned");

/* The types */

static const struct {
	value_parse_fn *parse;
	value_print_fn *print;
} value_types[PARAM_TYPE_COUNT] = {
	[PARAM_BOOL] = {bool_parse, bool_print},
	[PARAM_INT] = {int_parse, int_print},
	[PARAM_THREADS] = {threads_parse, threads_print},
	[PARAM_BYTES] = {bytes_parse, bytes_print},
	[PARAM_OCTAL] = {octal_parse, octal_print},
	[PARAM_TEXT] = {text_parse, text_print},
	[PARAM_PATH] = {path_parse, text_print},
	[PARAM_HOST] = {host_parse, text_print},
	[PARAM_DOMAIN] = {domain_parse, text_print},
	[PARAM_NETNAME] = {netname_parse, text_print},
	[PARAM_ACCOUNT] = {account_parse, text_print},
	[PARAM_ENUM] = {enum_parse, enum_print},
	[PARAM_LISTEN] = {listen_parse, listen_print},
	[PARAM_ENDPOINT] = {endpoint_parse, endpoint_print},
	[PARAM_DIALECTS] = {dialects_parse, dialects_print},
	[PARAM_CIPHERS] = {ciphers_parse, ciphers_print},
	[PARAM_SIGNINGS] = {signings_parse, signings_print},
	[PARAM_PERMISSIONS] = {permissions_parse, permissions_print},
	[PARAM_LOG_PARAMS] = {log_params_parse, log_params_print},
	[PARAM_SDDL] = {sddl_value_parse, sddl_value_print},
	[PARAM_AUDIT] = {audit_params_parse, audit_params_print},
	[PARAM_MAP_ATTRIBUTES] = {map_attributes_parse, map_attributes_print},
};

bool value_parse(const struct param *p, struct span text, struct arena *a, void *field,
		 struct value_error *ret_err)
{
	struct value_in in = {.param = p, .text = text, .arena = a, .err = ret_err};

	return value_types[p->type].parse(&in, field);
}

bool value_is_absent(const struct param *p, const void *field)
{
	switch (p->type) {
	case PARAM_ACCOUNT:
		return !*(const char *const *)field;
	case PARAM_SDDL:
		return !((const struct conf_sddl *)field)->text;
	case PARAM_PERMISSIONS:
		return !((const struct conf_permissions *)field)->count;
	default:
		return false;
	}
}

void value_print(const struct param *p, const void *field, FILE *out)
{
	value_types[p->type].print(p, field, out);
}
