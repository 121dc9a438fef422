#include "cfg_args.h"

#include <unistr.h>

#define TOOL "tsmb-cfg"

static const struct param *find_option(enum param_scope scope,
				       const struct cmdline_option *o)
{
	if (o->name_len > 2)
		return param_find_flag(scope, span_of(o->name + 2, o->name_len - 2));
	for (size_t i = 0; i < param_count; i++)
		if (param_table[i].scope == scope &&
		    param_table[i].flag_short == o->name[1])
			return &param_table[i];
	return NULL;
}

static enum cmdline_value takes_value(const struct cmdline_option *o)
{
	if (option_is(o, "--json", NULL) || option_is(o, "--help", "-h") ||
	    option_is(o, "--version", "-v"))
		return CMDLINE_NO_VALUE;
	if (option_is(o, "--config", "-c") || option_is(o, "--unset", NULL) ||
	    find_option(PARAM_GLOBAL, o) || find_option(PARAM_SHARE, o))
		return CMDLINE_VALUE;
	return CMDLINE_UNKNOWN;
}

static const char *nearest_option(const struct cmdline_option *o)
{
	if (o->name_len <= 3)
		return NULL; /* of a letter each is as near as any */
	return param_nearest_flag(span_of(o->name + 2, o->name_len - 2));
}

/* ---- what they mean ---- */

static const struct param *option_param(const struct cfg_command *c,
					const struct cmdline_option *o)
{
	const struct param *p = find_option(
		c->params == CFG_GLOBAL_PARAMS ? PARAM_GLOBAL : PARAM_SHARE, o);

	/* what this version does not act on yet the call refuses by name */
	if (!p || (p->status == PARAM_EFFECTIVE && !cfg_has_param(c, p)) ||
	    (p->status == PARAM_KNOWN && c->params == CFG_NO_PARAMS))
		return NULL;
	return p;
}

static bool no_command(struct cfg_args *a)
{
	const char *first = a->line.words[0];
	char verbs[128];

	if (!cfg_is_group(first))
		return usage(TOOL, "there is no command \"%s\"", first);
	if (a->line.word_count == 1 && a->help) {
		a->group = first;
		return true;
	}
	cfg_group_verbs(first, verbs, sizeof(verbs));
	if (a->line.word_count == 1)
		return usage(TOOL, "%s: expected %s", first, verbs);
	return usage(TOOL, "%s: expected %s, found \"%s\"", first, verbs,
		     a->line.words[1]);
}

/* The words behind a command. */
static bool words_check(const struct cfg_args *a, size_t words)
{
	const struct cfg_command *c = a->command;

	words += c->value ? 2 : 0;
	if (a->help || a->line.word_count == words)
		return true;
	if (a->line.word_count < words)
		return usage(TOOL, "expected %s %s PARAMETER VALUE", c->group, c->verb);
	if (c->changes_share || c->params == CFG_SHARE_PARAMS)
		return usage(TOOL,
			     "unexpected argument \"%s\": the name of a share goes "
			     "with -n",
			     a->line.words[words]);
	return usage(TOOL, "unexpected argument \"%s\"", a->line.words[words]);
}

static bool command_find(struct cfg_args *a)
{
	const struct cfg_command *c = NULL;
	size_t words = 1;

	if (a->line.word_count == 0)
		return a->help || a->version || usage(TOOL, "expected a command");
	c = cfg_command_find(a->line.words[0], NULL);
	if (!c && a->line.word_count > 1) {
		c = cfg_command_find(a->line.words[0], a->line.words[1]);
		words = 2;
	}
	if (!c)
		return no_command(a);
	a->command = c;
	return words_check(a, words);
}

static void common_options(struct cfg_args *a)
{
	a->conf_path = CONF_DEFAULT;
	for (size_t i = 0; i < a->line.option_count; i++) {
		const struct cmdline_option *o = &a->line.options[i];

		if (option_is(o, "--config", "-c"))
			a->conf_path = o->value;
		a->json |= option_is(o, "--json", NULL);
		a->help |= option_is(o, "--help", "-h");
		a->version |= option_is(o, "--version", "-v");
	}
}

static bool is_common(const struct cmdline_option *o)
{
	return option_is(o, "--config", "-c") || option_is(o, "--json", NULL) ||
	       option_is(o, "--help", "-h") || option_is(o, "--version", "-v");
}

static bool options_check(struct cfg_args *a)
{
	const struct cfg_command *c = a->command;

	for (size_t i = 0; i < a->line.option_count; i++) {
		const struct cmdline_option *o = &a->line.options[i];
		const struct param *p;

		if (is_common(o) || (c->unset && option_is(o, "--unset", NULL)))
			continue;
		p = option_param(c, o);
		if (!p)
			return usage(TOOL, "%s%s%s has no option %.*s", c->group,
				     c->verb ? " " : "", c->verb ? c->verb : "",
				     (int)o->name_len, o->name);
		if (c->changes_share && p->type == PARAM_NETNAME) {
			if (a->share)
				return usage(TOOL,
					     "%.*s: expected once, as it says which "
					     "share; shares keep their names",
					     (int)o->name_len, o->name);
			a->share = o->value;
		}
	}
	if (c->changes_share && !a->share)
		return usage(TOOL, "%s %s: expected -n NAME", c->group, c->verb);
	return true;
}

bool cfg_args_parse(struct cfg_args *a, int argc, char **argv)
{
	*a = (struct cfg_args){
		.line = {.tool = TOOL, .takes = takes_value, .nearest = nearest_option}};
	if (!cmdline_split(&a->line, argc, argv))
		return false;
	common_options(a);
	if (!command_find(a))
		return false;
	return a->help || a->version || options_check(a);
}

/* ---- the call ---- */

static bool add_value(json_t *set, const struct param *p, const char *value)
{
	json_t *lines = json_object_get(set, p->name);

	if (!param_has_lines(p))
		return lines ? usage(TOOL, "--%s: expected once",
				     p->flag ? p->flag : p->name)
			     : json_object_set_new(set, p->name, json_string(value)) == 0;
	if (!lines && json_object_set_new(set, p->name, lines = json_array()) != 0)
		return false;
	return json_array_append_new(lines, json_string(value)) == 0;
}

static bool add_unset(json_t *set, const struct cfg_command *c, const char *name)
{
	enum param_scope scope = c->params == CFG_GLOBAL_PARAMS ? PARAM_GLOBAL
								: PARAM_SHARE;
	const struct param *p = param_find(scope, span_of_str(name));

	if (!p)
		p = param_find_flag(scope, span_of_str(name));
	if (!p)
		return usage(TOOL, "--unset %s: there is no such parameter", name);
	return json_object_set_new(set, p->name, json_null()) == 0;
}

static bool fill_set(const struct cfg_args *a, json_t *set)
{
	const struct cfg_command *c = a->command;

	for (size_t i = 0; i < a->line.option_count; i++) {
		const struct cmdline_option *o = &a->line.options[i];
		const struct param *p;

		if (is_common(o))
			continue;
		if (u8_check((const uint8_t *)o->value, strlen(o->value)))
			return usage(TOOL, "%.*s: expected UTF-8", (int)o->name_len,
				     o->name);
		if (option_is(o, "--unset", NULL)) {
			if (!add_unset(set, c, o->value))
				return false;
			continue;
		}
		p = option_param(c, o);
		if (c->changes_share && p->type == PARAM_NETNAME)
			continue;
		if (!add_value(set, p, o->value))
			return false;
	}
	return true;
}

static bool set_check(const struct cfg_args *a, const json_t *set)
{
	const struct cfg_command *c = a->command;

	if (json_object_size(set) == 0)
		return usage(TOOL, "%s %s: expected something to change", c->group,
			     c->verb);
	for (size_t i = 0; !c->changes_share && i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (p->required && cfg_has_param(c, p) && !json_object_get(set, p->name))
			return usage(TOOL, "%s %s: expected -%c, --%s", c->group, c->verb,
				     p->flag_short, p->flag);
	}
	return true;
}

json_t *cfg_args_json(const struct cfg_args *a)
{
	const struct cfg_command *c = a->command;
	json_t *args = json_object(), *set = NULL;
	int err = 0;

	if (a->share)
		err |= json_object_set_new(args, "share", json_string(a->share));
	if (c->value) {
		err |= json_object_set_new(args, "name", json_string(a->line.words[2]));
		err |= json_object_set_new(args, "value", json_string(a->line.words[3]));
	}
	if (c->params != CFG_NO_PARAMS) {
		err |= json_object_set_new(args, "set", set = json_object());
		if (err || !fill_set(a, set) || !set_check(a, set)) {
			json_decref(args);
			return NULL;
		}
	}
	if (!err)
		return args;
	usage(TOOL, "an argument is not UTF-8, or memory is exhausted");
	json_decref(args);
	return NULL;
}
