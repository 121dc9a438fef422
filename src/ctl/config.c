/*
 * config.c - see config.h. A call that changes something is a function that changes the text; change() does the rest.
 */
#include "ctl/config.h"

#include "base/log.h"
#include "conf/edit.h"
#include "conf/file.h"
#include "conf/lex.h"
#include "conf/value.h"
#include "ctl/conf_json.h"

#include <errno.h>
#include <stdlib.h>
#include <unistr.h>

enum { LINE_MAX_TEXT = 2048 };

/* One change under way. */
struct change {
	struct config *config;
	struct ctl_error *error;
	struct conf_file file;
	struct edit edit;
	struct conf *before; /* what the file said */
	struct conf *after;  /* what it will say */
	struct conf_errors notes;
	struct conf_errors notes_before;
};

/* True, or false after ctl_refuse(). */
typedef bool edit_fn(struct change *c, const json_t *args);

static bool refuse_for(struct change *c, int err)
{
	if (err == -ENOMEM)
		ctl_refuse(c->error, CTL_FAILED, "out of memory");
	else
		ctl_refuse(c->error, CTL_FAILED, "%s", strerror(-err));
	return false;
}

/* ---- what is to be changed ---- */

static const struct param *find_param(struct change *c, enum param_scope scope,
				      const char *name)
{
	const struct param *p = param_find(scope, span_of_str(name));
	struct log_esc esc;

	if (!p) {
		ctl_refuse(c->error, CTL_UNKNOWN,
			   "%s: unknown parameter of [%s]; the nearest known name is %s",
			   log_esc(&esc, span_of_str(name)), param_scope_name(scope),
			   param_nearest(scope, span_of_str(name))->name);
		return NULL;
	}
	if (p->status == PARAM_KNOWN) {
		ctl_refuse(c->error, CTL_REFUSED,
			   "%s: known, but this version does not act on it yet", p->name);
		return NULL;
	}
	return p;
}

/* Room for any field. */
union field {
	bool b;
	uint64_t u;
	const char *s;
	struct conf_listens listens;
	struct conf_ciphers ciphers;
	struct conf_signings signings;
	struct conf_permissions permissions;
	struct conf_log_params log_params;
	struct conf_audit_params audit_params;
	struct conf_sddl sddl;
};

/*
 * Is text a value of p? If not it is refused as the file's would be, but for the place. ret_text: as it is always spelled,
 * on the heap; or NULL.
 */
static bool value_check(struct change *c, const struct param *p, const char *text,
			char **ret_text)
{
	struct span s = lex_trim(span_of_str(text));
	struct value_error fault;
	union field field = {0};
	struct arena arena;
	size_t len;
	FILE *out;
	bool ok;

	if (s.len > LEX_LINE_MAX - 128 || strpbrk(text, "\n\r") || u8_check(s.p, s.len)) {
		ctl_refuse(c->error, CTL_REFUSED, "%s: expected one line of text",
			   p->name);
		return false;
	}
	arena_init(&arena, 1 << 20);
	ok = value_parse(p, s, &arena, &field, &fault);
	if (!ok)
		ctl_refuse(c->error, CTL_REFUSED, "%s: %s", p->name, fault.text);
	if (ok && ret_text) {
		out = open_memstream(ret_text, &len);
		ok = out != NULL;
		if (out)
			value_print(p, &field, out);
		if (!out || fclose(out) != 0)
			ok = refuse_for(c, -ENOMEM);
	}
	arena_fini(&arena);
	return ok;
}

/* As the file has it; buf is for numbers. NULL after a refusal. */
static const char *value_text(struct change *c, const struct param *p, const json_t *v,
			      char buf[32])
{
	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_boolean(v))
		return json_is_true(v) ? "true" : "false";
	if (json_is_integer(v)) {
		snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		return buf;
	}
	ctl_refuse(c->error, CTL_MALFORMED, "%s: expected a text, a number or a boolean",
		   p->name);
	return NULL;
}

static bool set_one(struct change *c, const char *share, const struct param *p,
		    const json_t *v)
{
	char buf[32];
	const char *text = value_text(c, p, v, buf);
	int err;

	if (!text || !value_check(c, p, text, NULL))
		return false;
	err = edit_set(&c->edit, share, p, text);
	return err ? refuse_for(c, err) : true;
}

static bool set_lines(struct change *c, const char *share, const struct param *p,
		      const json_t *list)
{
	const json_t *v;
	size_t i;
	int err = edit_set(&c->edit, share, p, NULL);

	if (err)
		return refuse_for(c, err);
	json_array_foreach(list, i, v)
	{
		char buf[32];
		const char *text = value_text(c, p, v, buf);

		if (!text || !value_check(c, p, text, NULL))
			return false;
		err = edit_add(&c->edit, share, p, text);
		if (err)
			return refuse_for(c, err);
	}
	return true;
}

static bool set_value(struct change *c, const char *share, const struct param *p,
		      const json_t *v)
{
	int err;

	if (json_is_null(v)) {
		err = edit_set(&c->edit, share, p, NULL);
		return err ? refuse_for(c, err) : true;
	}
	if (param_has_lines(p) && json_is_array(v))
		return set_lines(c, share, p, v);
	if (!param_has_lines(p))
		return set_one(c, share, p, v);
	ctl_refuse(c->error, CTL_MALFORMED, "%s: expected an array of texts", p->name);
	return false;
}

/* What excludes p goes, unless it is asked for as well: then the file's check says so. */
static bool drop_excluded(struct change *c, const char *share, const struct param *p,
			  const json_t *set)
{
	const struct param *other = param_excluded(p);
	int err;

	if (!other || json_object_get(set, other->name) ||
	    json_is_null(json_object_get(set, p->name)))
		return true;
	err = edit_set(&c->edit, share, other, NULL);
	return err ? refuse_for(c, err) : true;
}

/* All of {"set": {...}}; a netname last, as the others are found by the old one. */
static bool set_all(struct change *c, const char *share, const json_t *args)
{
	enum param_scope scope = share ? PARAM_SHARE : PARAM_GLOBAL;
	json_t *set = json_object_get(args, "set"), *v;
	const char *name;

	if (!json_is_object(set) || json_object_size(set) == 0) {
		ctl_refuse(c->error, CTL_MALFORMED,
			   "set: expected an object of parameters");
		return false;
	}
	json_object_foreach(set, name, v)
	{
		const struct param *p = find_param(c, scope, name);

		if (!p)
			return false;
		if (p->type != PARAM_NETNAME &&
		    (!set_value(c, share, p, v) || !drop_excluded(c, share, p, set)))
			return false;
	}
	v = json_object_get(set, "netname");
	return !share || !v ||
	       set_value(c, share, param_find(PARAM_SHARE, span_of_str("netname")), v);
}

static bool edit_global(struct change *c, const json_t *args)
{
	return set_all(c, NULL, args);
}

static const char *text_arg(struct change *c, const json_t *args, const char *name)
{
	const char *text = json_string_value(json_object_get(args, name));

	if (!text)
		ctl_refuse(c->error, CTL_MALFORMED, "%s: expected a text", name);
	return text;
}

/* ---- parameters with several lines ---- */

/* While the file has no line the default counts: what is added to it or taken from it needs it there. */
static bool lines_begin(struct change *c, const struct param *p)
{
	struct span value;
	char *text = NULL, *rest, *line;
	size_t len;
	FILE *out;
	int err = 0;

	if (edit_get(&c->edit, NULL, p, 0, &value))
		return true;
	out = open_memstream(&text, &len);
	if (!out)
		return refuse_for(c, -ENOMEM);
	value_print(p, (const char *)c->before + p->field, out);
	if (fclose(out) != 0)
		err = -ENOMEM;
	for (rest = text; !err && (line = strsep(&rest, "\n")) != NULL;)
		err = edit_add(&c->edit, NULL, p, line);
	free(text);
	return err ? refuse_for(c, err) : true;
}

/* The line that says the same as `spelled`. */
static bool lines_find(struct change *c, const struct param *p, const char *spelled,
		       size_t *ret_index)
{
	struct span value;

	for (size_t i = 0; edit_get(&c->edit, NULL, p, i, &value); i++) {
		char *line = strndup((const char *)value.p, value.len), *there = NULL;
		bool same = line && value_check(c, p, line, &there) &&
			    strcmp(there, spelled) == 0;

		free(line);
		free(there);
		if (!same)
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

static const struct param *lines_param(struct change *c, const json_t *args)
{
	const char *name = text_arg(c, args, "name");
	const struct param *p = name ? find_param(c, PARAM_GLOBAL, name) : NULL;

	if (!p || param_has_lines(p))
		return p;
	ctl_refuse(c->error, CTL_REFUSED, "%s: has one value: set it", p->name);
	return NULL;
}

static bool line_add(struct change *c, const struct param *p, const char *value,
		     const char *spelled)
{
	size_t index;
	int err;

	if (lines_find(c, p, spelled, &index)) {
		ctl_refuse(c->error, CTL_REFUSED, "%s: %s is there already", p->name,
			   spelled);
		return false;
	}
	err = edit_add(&c->edit, NULL, p, value);
	return err ? refuse_for(c, err) : true;
}

static bool line_del(struct change *c, const struct param *p, const char *value,
		     const char *spelled)
{
	struct span other;
	size_t index;
	int err;

	if (!lines_find(c, p, spelled, &index)) {
		ctl_refuse(c->error, CTL_UNKNOWN, "%s: there is no %s", p->name, spelled);
		return false;
	}
	if (!edit_get(&c->edit, NULL, p, 1, &other)) {
		ctl_refuse(c->error, CTL_REFUSED,
			   "%s: the last one stays: without any the default would count",
			   p->name);
		return false;
	}
	err = edit_del(&c->edit, NULL, p, index);
	return err ? refuse_for(c, err) : true;
}

static bool edit_line(struct change *c, const json_t *args,
		      bool (*fn)(struct change *c, const struct param *p,
				 const char *value, const char *spelled))
{
	const struct param *p = lines_param(c, args);
	const char *value = p ? text_arg(c, args, "value") : NULL;
	char *spelled = NULL;
	bool ok = value && value_check(c, p, value, &spelled) && lines_begin(c, p) &&
		  fn(c, p, value, spelled);

	free(spelled);
	return ok;
}

static bool edit_line_add(struct change *c, const json_t *args)
{
	return edit_line(c, args, line_add);
}

static bool edit_line_del(struct change *c, const json_t *args)
{
	return edit_line(c, args, line_del);
}

/* ---- shares ---- */

static bool edit_new_share(struct change *c, const json_t *args)
{
	const json_t *set = json_object_get(args, "set");
	const char *name = json_string_value(json_object_get(set, "netname"));
	const struct param *p = param_find(PARAM_SHARE, span_of_str("netname"));
	struct log_esc esc;
	int err;

	if (!name) {
		ctl_refuse(c->error, CTL_MALFORMED, "netname: expected a text");
		return false;
	}
	if (!value_check(c, p, name, NULL))
		return false;
	if (conf_share_find(c->before, name)) {
		ctl_refuse(c->error, CTL_REFUSED,
			   "netname: there is a share \"%s\" already",
			   log_esc(&esc, span_of_str(name)));
		return false;
	}
	err = edit_share_add(&c->edit, name);
	return err ? refuse_for(c, err) : set_all(c, name, args);
}

static const char *share_arg(struct change *c, const json_t *args)
{
	const char *name = text_arg(c, args, "share");
	const struct conf_share *s = name ? conf_share_find(c->before, name) : NULL;
	struct log_esc esc;

	if (!name || s)
		return s ? s->netname : NULL;
	ctl_refuse(c->error, CTL_UNKNOWN, "share: there is no \"%s\"",
		   log_esc(&esc, span_of_str(name)));
	return NULL;
}

static bool edit_share(struct change *c, const json_t *args)
{
	const char *name = share_arg(c, args);

	return name && set_all(c, name, args);
}

static bool edit_no_share(struct change *c, const json_t *args)
{
	const char *name = share_arg(c, args);
	int err = name ? edit_share_del(&c->edit, name) : 0;

	return err ? refuse_for(c, err) : name != NULL;
}

static bool edit_nothing(struct change *c, const json_t *args)
{
	return true;
}

/* ---- the way of a change ---- */

/* All errors of a text, as the file's. */
static void refuse_errors(struct change *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; out && i < c->notes.count; i++) {
		char line[LINE_MAX_TEXT];

		if (!c->notes.list[i].warning)
			fprintf(out, "%s%s", ftell(out) ? "\n" : "",
				conf_error_text(&c->notes, i, line, sizeof(line)));
	}
	if (out && fclose(out) == 0)
		ctl_refuse(c->error, CTL_REFUSED, "%s", text);
	else
		refuse_for(c, -ENOMEM);
	free(text);
}

static bool parse(struct change *c, struct span text, struct conf **ret)
{
	int err = conf_load_text(text, c->config->path, ret, &c->notes);

	if (err == -ENOMEM)
		return refuse_for(c, err);
	if (err)
		refuse_errors(c);
	return !err;
}

/* Kept apart: who changes one share need not hear what is doubtful with all others. */
static bool parse_before(struct change *c)
{
	bool ok = parse(c, edit_span(&c->edit), &c->before);

	c->notes_before = c->notes;
	conf_errors_init(&c->notes);
	return ok;
}

/* The tools read runstate_dir from the file: a server that goes on in another one would be out of their reach, and so would be
 * its protection: what is typed then would change the file alone. */
static bool reachable(struct change *c)
{
	if (!c->config->ops ||
	    strcmp(c->before->runstate_dir, c->after->runstate_dir) == 0)
		return true;
	ctl_refuse(c->error, CTL_REFUSED,
		   "runstate_dir: cannot change while the server runs, as it is found by "
		   "it: stop it first");
	return false;
}

static bool file_failed(struct change *c)
{
	ctl_refuse(c->error, CTL_REFUSED, "%s", c->file.why);
	return false;
}

/* The server takes the change over, then the file; or neither. */
static bool commit(struct change *c, bool differs, struct config_applied *applied)
{
	struct config *g = c->config;
	CLEANUP(conf_putp)
	struct conf *was = g->ops ? conf_get(g->ops->current(g->arg)) : NULL;
	struct config_applied back;

	if (differs && conf_file_prepare(&c->file, edit_span(&c->edit)) != 0)
		return file_failed(c);
	if (g->ops && g->ops->apply(g->arg, c->after, applied) != 0) {
		ctl_refuse(c->error, CTL_REFUSED, "%s", applied->why);
		return false;
	}
	if (!differs || conf_file_commit(&c->file) == 0)
		return true;
	if (g->ops && g->ops->apply(g->arg, was, &back) != 0)
		log_error("%s: the change is in force, but not in the file: %s",
			  c->file.path, back.why);
	return file_failed(c);
}

/* What will differ from what is in force, which may be more than was asked for: somebody may have edited the file. */
static json_t *changes_of(struct change *c)
{
	struct config *g = c->config;
	const struct conf *from = g->ops ? g->ops->current(g->arg) : c->before;
	struct conf_changes changes;
	json_t *list;

	if (conf_diff(from, c->after, &changes) != 0)
		return NULL;
	list = conf_changes_json(&changes);
	conf_changes_fini(&changes);
	return list;
}

static json_t *carry_out(struct change *c)
{
	bool differs = !span_eq(edit_span(&c->edit), span_of(c->file.text, c->file.len));
	struct config_applied applied = {0};
	json_t *changes = changes_of(c), *notes;

	if (differs)
		conf_errors_drop(&c->notes, &c->notes_before);
	notes = conf_errors_json(&c->notes, true);
	if (!changes || !notes)
		refuse_for(c, -ENOMEM);
	else if (commit(c, differs, &applied))
		return json_pack("{s:s, s:b, s:b, s:I, s:o, s:o}", "file", c->file.path,
				 "running", c->config->ops != NULL, "written", differs,
				 "sessions_held", (json_int_t)applied.sessions_held,
				 "warnings", notes, "changes", changes);
	json_decref(changes);
	json_decref(notes);
	return NULL;
}

static json_t *change(struct config *g, const json_t *args, struct ctl_error *e,
		      edit_fn *fn)
{
	struct change c = {.config = g, .error = e};
	json_t *result = NULL;
	int err;

	conf_errors_init(&c.notes);
	conf_errors_init(&c.notes_before);
	err = conf_file_open(&c.file, g->path);
	if (err)
		file_failed(&c);
	else if ((err = edit_init(&c.edit, span_of(c.file.text, c.file.len))) != 0)
		refuse_for(&c, err);
	else if (parse_before(&c) && fn(&c, args) &&
		 parse(&c, edit_span(&c.edit), &c.after) && reachable(&c))
		result = carry_out(&c);
	conf_put(c.before);
	conf_put(c.after);
	edit_fini(&c.edit);
	conf_file_close(&c.file);
	conf_errors_fini(&c.notes);
	conf_errors_fini(&c.notes_before);
	return result;
}

/* ---- the calls ---- */

static json_t *call_set(void *arg, const json_t *args, struct ctl_error *e)
{
	return change(arg, args, e, edit_global);
}

static json_t *call_add(void *arg, const json_t *args, struct ctl_error *e)
{
	return change(arg, args, e, edit_line_add);
}

static json_t *call_del(void *arg, const json_t *args, struct ctl_error *e)
{
	return change(arg, args, e, edit_line_del);
}

static json_t *call_share_add(void *arg, const json_t *args, struct ctl_error *e)
{
	return change(arg, args, e, edit_new_share);
}

static json_t *call_share_update(void *arg, const json_t *args, struct ctl_error *e)
{
	return change(arg, args, e, edit_share);
}

static json_t *call_share_del(void *arg, const json_t *args, struct ctl_error *e)
{
	return change(arg, args, e, edit_no_share);
}

static json_t *call_reload(void *arg, const json_t *args, struct ctl_error *e)
{
	return change(arg, args, e, edit_nothing);
}

/* Without symbolic links, as callers compare it; as it is where it cannot be looked at. */
static json_t *path_json(const struct config *g)
{
	char path[PATH_MAX];
	json_t *j = json_string(realpath(g->path, path) ? path : g->path);

	return j ? j : json_string("not UTF-8");
}

static json_t *call_file(void *arg, const json_t *args, struct ctl_error *e)
{
	return json_pack("{s:o}", "file", path_json(arg));
}

static json_t *call_check(void *arg, const json_t *args, struct ctl_error *e)
{
	const struct config *g = arg;
	struct conf_errors notes;
	struct conf *c = NULL;
	json_t *result;

	conf_errors_init(&notes);
	if (conf_load(g->path, &c, &notes) == -ENOMEM)
		result = ctl_refuse(e, CTL_FAILED, "out of memory");
	else
		result = json_pack("{s:o, s:b, s:o, s:o}", "file", path_json(g), "valid",
				   c != NULL, "errors", conf_errors_json(&notes, false),
				   "warnings", conf_errors_json(&notes, true));
	conf_put(c);
	conf_errors_fini(&notes);
	return result;
}

static json_t *show(const struct config *g, const struct conf *c)
{
	json_t *all = conf_json(c);

	if (all && json_object_set_new(all, "file", path_json(g)) != 0) {
		json_decref(all);
		return NULL;
	}
	return all;
}

static json_t *call_show(void *arg, const json_t *args, struct ctl_error *e)
{
	struct config *g = arg;
	struct change c = {.config = g, .error = e};
	json_t *result = NULL;
	char *text = NULL;
	size_t len;
	int err;

	if (g->ops)
		return show(g, g->ops->current(g->arg));
	err = conf_file_read(g->path, LEX_FILE_MAX, &text, &len, NULL);
	if (err)
		return ctl_refuse(e, CTL_REFUSED, "%s: %s", g->path, strerror(-err));
	conf_errors_init(&c.notes);
	if (parse(&c, span_of(text, len), &c.after))
		result = show(g, c.after);
	conf_put(c.after);
	conf_errors_fini(&c.notes);
	free(text);
	return result;
}

const struct ctl_call config_calls[] = {
	{"config.file", call_file},
	{"config.show", call_show},
	{"config.check", call_check},
	{"config.set", call_set},
	{"config.add", call_add},
	{"config.del", call_del},
	{"config.share-add", call_share_add},
	{"config.share-update", call_share_update},
	{"config.share-del", call_share_del},
	{"config.reload", call_reload},
	{0},
};

json_t *config_call(struct config *c, const char *name, const json_t *args,
		    struct ctl_error *ret_error)
{
	for (const struct ctl_call *k = config_calls; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k->run(c, args, ret_error);
	return ctl_refuse(ret_error, CTL_UNKNOWN, "there is no call \"%s\"", name);
}
