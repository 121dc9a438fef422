#include "cfg_print.h"

#include "table.h"
#include "wire/utf16.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PARAM_WIDTH = 32 };

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static size_t count_of(const json_t *o, const char *name)
{
	return json_array_size(json_object_get(o, name));
}

static const json_t *item(const json_t *o, const char *name, size_t i)
{
	return json_array_get(json_object_get(o, name), i);
}

static void print_lines(const json_t *result, const char *name, FILE *out)
{
	for (size_t i = 0; i < count_of(result, name); i++)
		fprintf(out, "%s\n", json_string_value(item(result, name, i)));
}

void cfg_print_change(const json_t *result, FILE *out)
{
	json_int_t held = json_integer_value(json_object_get(result, "sessions_held"));

	print_lines(result, "warnings", stderr);
	for (size_t i = 0; i < count_of(result, "changes"); i++)
		fprintf(out, "%s\n", text_of(item(result, "changes", i), "text"));
	if (count_of(result, "changes") == 0)
		fputs("nothing has changed\n", out);
	if (held)
		fprintf(out,
			"%" JSON_INTEGER_FORMAT " sessions were set up under looser "
			"demands; from now on they are held to the new ones\n",
			held);
	if (!json_is_true(json_object_get(result, "running")))
		fprintf(out, "no server runs with it: %s\n",
			json_is_true(json_object_get(result, "written"))
				? "only the file was changed"
				: "the file is as it was");
}

const json_t *cfg_share_of(const json_t *shown, const char *netname)
{
	for (size_t i = 0; i < count_of(shown, "shares"); i++) {
		const json_t *s = item(shown, "shares", i);

		if (utf8_eq_nocase(text_of(s, "netname"), netname))
			return s;
	}
	return NULL;
}

/* Who may what: permissions, or the descriptor in their place. */
static const char *share_access(const json_t *s)
{
	const char *descriptor = text_of(s, "security_descriptor");

	return *descriptor ? descriptor : text_of(s, "permissions");
}

void cfg_print_shares(const json_t *shown, size_t columns, FILE *out)
{
	static const struct table_column titles[] = {{"SHARE", false, 12},
						     {"PATH", false, 16},
						     {"ENCRYPTED", false, 0},
						     {"PERMISSIONS", false, 16}};
	struct table *t = table_new(titles, ARRAY_LEN(titles));

	for (size_t i = 0; i < count_of(shown, "shares"); i++) {
		const json_t *s = item(shown, "shares", i);
		bool encrypted = json_is_true(json_object_get(s, "encrypt_data"));

		table_text(t, text_of(s, "netname"));
		table_text(t, text_of(s, "path"));
		table_text(t, encrypted ? "yes" : "no");
		table_text(t, share_access(s));
	}
	table_end(t, columns, false, out);
}

static void print_value(const char *name, const json_t *v, FILE *out)
{
	char *shown = json_is_string(v) ? text_shown(json_string_value(v)) : NULL;

	fprintf(out, "%-*s ", PARAM_WIDTH, name);
	if (json_is_string(v))
		fprintf(out, "%s\n", shown ? shown : "out of memory");
	else if (json_is_integer(v))
		fprintf(out, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(v));
	else if (json_is_boolean(v))
		fprintf(out, "%s\n", json_is_true(v) ? "true" : "false");
	else
		fputs("\n", out);
	free(shown);
}

/* A line a parameter; of those that have several a line each. */
static void print_section(json_t *section, FILE *out)
{
	for (void *i = json_object_iter(section); i;
	     i = json_object_iter_next(section, i)) {
		const char *name = json_object_iter_key(i);
		const json_t *v = json_object_iter_value(i);

		if (!json_is_array(v))
			print_value(name, v, out);
		for (size_t k = 0; k < json_array_size(v); k++)
			print_value(name, json_array_get(v, k), out);
	}
}

bool cfg_print_share(const json_t *shown, const char *netname, FILE *out)
{
	const json_t *s = cfg_share_of(shown, netname);

	print_section((json_t *)s, out); /* iterators change nothing, but take no const */
	return s != NULL;
}

void cfg_print_global(const json_t *shown, FILE *out)
{
	print_section(json_object_get(shown, "global"), out);
}

void cfg_print_check(const json_t *result, FILE *out)
{
	print_lines(result, "warnings", stderr);
	print_lines(result, "errors", stderr);
	if (count_of(result, "errors") == 0)
		fprintf(out, "%s: no errors\n", text_of(result, "file"));
}
