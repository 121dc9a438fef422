#include "ctl/conf_json.h"

#include "conf/value.h"

#include <stdlib.h>

enum { ERROR_TEXT_MAX = 2048 };

static const void *field_of(const struct param *p, const void *owner)
{
	return (const char *)owner + p->field;
}

static json_t *lines_json(char *text)
{
	json_t *list = json_array();

	for (char *line; list && (line = strsep(&text, "\n")) != NULL;)
		if (json_array_append_new(list, json_string(line)) != 0) {
			json_decref(list);
			list = NULL;
		}
	return list;
}

/* As the file would have it; a list of listeners as an array. */
static json_t *text_json(const struct param *p, const void *owner)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *j;

	if (!out)
		return NULL;
	value_print(p, field_of(p, owner), out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	j = p->type == PARAM_LISTEN ? lines_json(text) : json_string(text);
	free(text);
	return j;
}

static json_t *number_json(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *value_json(const struct param *p, const void *owner)
{
	const void *field = field_of(p, owner);

	if (value_is_absent(p, field))
		return json_null();
	switch (p->type) {
	case PARAM_BOOL:
		return json_boolean(*(const bool *)field);
	case PARAM_INT:
		return number_json(*(const uint32_t *)field);
	case PARAM_BYTES:
		return number_json(*(const uint64_t *)field);
	case PARAM_THREADS:
		if (*(const uint32_t *)field)
			return number_json(*(const uint32_t *)field);
		return json_string("auto");
	default:
		return text_json(p, owner);
	}
}

/* Is there another one in its place? Its own value, the default then, counts for nobody. */
static bool is_replaced(const struct param *p, const void *owner)
{
	const struct param *other = p->excludes ? NULL : param_excluded(p);
	json_t *v = other ? value_json(other, owner) : NULL;
	bool replaced = v && !json_is_null(v);

	json_decref(v);
	return replaced;
}

static json_t *section_json(enum param_scope scope, const void *owner)
{
	json_t *o = json_object();

	for (size_t i = 0; o && i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (p->scope != scope || p->status != PARAM_EFFECTIVE)
			continue;
		if (json_object_set_new(o, p->name,
					is_replaced(p, owner)
						? json_null()
						: value_json(p, owner)) != 0) {
			json_decref(o);
			o = NULL;
		}
	}
	return o;
}

json_t *conf_json(const struct conf *c)
{
	json_t *shares = json_array();

	for (size_t i = 0; shares && i < c->share_count; i++)
		if (json_array_append_new(
			    shares, section_json(PARAM_SHARE, &c->shares[i])) != 0) {
			json_decref(shares);
			shares = NULL;
		}
	return json_pack("{s:o, s:o}", "global", section_json(PARAM_GLOBAL, c), "shares",
			 shares);
}

static const char *const apply_words[] = {
	[PARAM_DYNAMIC] = "now",
	[PARAM_TIGHTENS] = "now",
	[PARAM_CONNECTIONS] = "connections",
	[PARAM_TREES] = "trees",
	[PARAM_RESTART] = "restart",
};

static json_t *change_json(const struct conf_change *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *j;

	if (!out)
		return NULL;
	conf_change_print(c, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	j = json_pack("{s:s?, s:s?, s:s?, s:s?, s:s, s:s}", "share", c->share, "name",
		      c->param ? c->param->name : NULL, "from", c->from, "to", c->to,
		      "applies", apply_words[conf_change_applies(c)], "text", text);
	free(text);
	return j;
}

json_t *conf_changes_json(const struct conf_changes *cs)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < cs->count; i++)
		if (json_array_append_new(list, change_json(&cs->list[i])) != 0) {
			json_decref(list);
			list = NULL;
		}
	return list;
}

json_t *conf_errors_json(const struct conf_errors *errs, bool warnings)
{
	json_t *list = json_array();
	char text[ERROR_TEXT_MAX];

	for (size_t i = 0; list && i < errs->count; i++) {
		const char *said;
		json_t *j;

		if (errs->list[i].warning != warnings)
			continue;
		said = conf_error_text(errs, i, text, sizeof(text));
		j = json_string(said);
		if (!j) /* cut within a character, or a file name that is no UTF-8 */
			j = json_string(errs->list[i].text);
		if (!j)
			j = json_string("not UTF-8");
		if (json_array_append_new(list, j) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}
