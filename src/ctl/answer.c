/*
 * answer.c - one request line, its call, and the line that answers it.
 */
#include "base/log.h"
#include "base/utf8.h"
#include "ctl/ctl_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const code_names[] = {
	[CTL_MALFORMED] = "malformed",     [CTL_UNKNOWN] = "unknown",
	[CTL_REFUSED] = "refused",         [CTL_FAILED] = "failed",
	[CTL_UNSUPPORTED] = "unsupported",
};

const char *ctl_code_name(enum ctl_code code)
{
	return code_names[code];
}

/* JSON takes UTF-8 only, and vsnprintf() may have cut a character in two. */
static void text_make_utf8(char *text)
{
	struct span s = span_of_str(text);
	uint32_t c;

	while (s.len) {
		size_t len = utf8_get(s, &c);

		if (len == 0) {
			text[strlen(text) - s.len] = '?';
			len = 1;
		}
		s = span_from(s, len);
	}
}

json_t *ctl_refuse(struct ctl_error *e, enum ctl_code code, const char *fmt, ...)
{
	va_list ap;
	int len;

	e->code = code;
	va_start(ap, fmt);
	len = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (len < 0)
		e->text[0] = '\0';
	text_make_utf8(e->text);
	return NULL;
}

static const struct ctl_family *find_call(const struct ctl_family *families, size_t count,
					  const char *name,
					  const struct ctl_call **ret_call)
{
	for (size_t i = 0; i < count; i++)
		for (const struct ctl_call *c = families[i].calls; c->name; c++)
			if (strcmp(c->name, name) == 0) {
				*ret_call = c;
				return &families[i];
			}
	return NULL;
}

static json_t *request_run(const struct ctl_family *families, size_t count,
			   const json_t *request, struct ctl_error *e)
{
	const json_t *version = json_object_get(request, "version");
	const char *name = json_string_value(json_object_get(request, "call"));
	json_t *args = json_object_get(request, "args"), *none, *result;
	const struct ctl_family *family;
	const struct ctl_call *call;
	struct log_esc esc;

	if (!json_is_integer(version))
		return ctl_refuse(e, CTL_MALFORMED, "version: expected a number");
	if (json_integer_value(version) != CTL_VERSION)
		return ctl_refuse(e, CTL_UNSUPPORTED, "version: expected %d, found %lld",
				  CTL_VERSION, (long long)json_integer_value(version));
	if (!name)
		return ctl_refuse(e, CTL_MALFORMED, "call: expected a text");
	if (args && !json_is_object(args))
		return ctl_refuse(e, CTL_MALFORMED, "args: expected an object");
	family = find_call(families, count, name, &call);
	if (!family)
		return ctl_refuse(e, CTL_UNKNOWN, "call: there is no \"%s\"",
				  log_esc(&esc, span_of_str(name)));
	if (args)
		return call->run(family->arg, args, e);
	none = json_object();
	result = none ? call->run(family->arg, none, e)
		      : ctl_refuse(e, CTL_FAILED, "out of memory");
	json_decref(none);
	return result;
}

static json_t *line_run(const struct ctl_family *families, size_t count, struct span line,
			struct ctl_error *e)
{
	json_error_t fault;
	json_t *request = json_loadb((const char *)line.p, line.len,
				     JSON_REJECT_DUPLICATES, &fault);
	json_t *result;

	if (!request)
		return ctl_refuse(e, CTL_MALFORMED, "at byte %d: %s", fault.position,
				  fault.text);
	if (json_is_object(request))
		result = request_run(families, count, request, e);
	else
		result = ctl_refuse(e, CTL_MALFORMED, "expected an object");
	json_decref(request);
	return result;
}

/* Takes the object. */
static char *line_of(json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	char *line = text ? realloc(text, len + 2) : NULL;

	json_decref(answer);
	if (line)
		memcpy(line + len, "\n", 2);
	else
		free(text);
	return line;
}

char *ctl_error_line(const struct ctl_error *e)
{
	return line_of(json_pack("{s:i, s:{s:s, s:s}}", "version", CTL_VERSION, "error",
				 "code", ctl_code_name(e->code), "text", e->text));
}

char *ctl_answer(const struct ctl_family *families, size_t count, struct span line)
{
	struct ctl_error e = {.code = CTL_FAILED, .text = "no reason given"};
	json_t *result = line_run(families, count, line, &e);
	char *text;

	if (!result)
		return ctl_error_line(&e);
	text = line_of(json_pack("{s:i, s:o}", "version", CTL_VERSION, "result", result));
	if (!text || strlen(text) <= CTL_ANSWER_MAX)
		return text;
	free(text);
	ctl_refuse(&e, CTL_FAILED, "the answer has more than %d bytes: ask for less",
		   CTL_ANSWER_MAX);
	return ctl_error_line(&e);
}
