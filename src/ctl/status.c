#include "ctl/status.h"

#include "conf/conf.h"
#include "ctl/status_json.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS_MEMORY_MAX = 64 << 20 };

static json_t *no_memory(struct ctl_error *e)
{
	return ctl_refuse(e, CTL_FAILED, "out of memory");
}

/* The result there is, or a refusal. */
static json_t *result_or_refuse(json_t *result, struct ctl_error *e)
{
	return result ? result : no_memory(e);
}

/* ---- arguments ------------------------------------------------------------------------------------------------- */

/* A number from 0 on; `absent` if it is not there. False after a refusal. */
static bool number_arg(const json_t *args, const char *name, uint64_t absent,
		       uint64_t *ret, struct ctl_error *e)
{
	const json_t *v = json_object_get(args, name);

	if (v && (!json_is_integer(v) || json_integer_value(v) < 0)) {
		ctl_refuse(e, CTL_MALFORMED, "%s: expected a number", name);
		return false;
	}
	*ret = v ? (uint64_t)json_integer_value(v) : absent;
	return true;
}

/* Which page. */
struct page {
	uint64_t after, skip;
	size_t max;
};

static bool page_args(const json_t *args, struct page *ret, struct ctl_error *e)
{
	uint64_t limit;
	bool ok = number_arg(args, "limit", STATUS_PAGE_MAX, &limit, e) &&
		  number_arg(args, "skip", 0, &ret->skip, e);

	if (ok && json_object_get(args, "from"))
		ok = number_arg(args, "from", 0, &ret->after, e);
	else
		ok = ok && number_arg(args, "after", 0, &ret->after, e);
	if (ok && (limit < 1 || limit > STATUS_PAGE_MAX)) {
		ctl_refuse(e, CTL_MALFORMED, "limit: expected 1 to %d", STATUS_PAGE_MAX);
		return false;
	}
	ret->max = limit;
	return ok;
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

/* Rows become an array. */
struct rows {
	json_t *list;
	bool failed;
};

static void row_add(struct rows *r, json_t *row)
{
	if (json_array_append_new(r->list, row) != 0)
		r->failed = true;
}

static json_t *rows_end(struct rows *r, const char *name, bool more, struct ctl_error *e)
{
	json_t *result = r->failed ? NULL
				   : json_pack("{s:O, s:b}", name, r->list, "more", more);

	json_decref(r->list);
	return result_or_refuse(result, e);
}

static struct rows rows_begin(void)
{
	json_t *list = json_array();

	return (struct rows){list, !list};
}

static json_t *call_connections(void *arg, const json_t *args, struct ctl_error *e)
{
	const struct status *s = arg;
	struct rows rows;
	struct conn_row *found;
	struct page p;
	size_t count;
	bool more;

	if (!page_args(args, &p, e))
		return NULL;
	if (s->ops->conns(s->arg, p.after, p.max, &found, &count, &more) != 0)
		return no_memory(e);
	rows = rows_begin();
	for (size_t i = 0; i < count; i++)
		row_add(&rows, conn_row_json(&found[i]));
	free(found);
	return rows_end(&rows, "connections", more, e);
}

/* Both lists of sessions; now: for the one about security. */
static json_t *list_sessions(const struct status *s, const json_t *args,
			     const struct conf *now, struct ctl_error *e)
{
	CLEANUP(arena_fini) struct arena a;
	struct rows rows;
	struct sess_row *found;
	struct page p;
	size_t count;
	bool more;

	arena_init(&a, ROWS_MEMORY_MAX);
	if (!page_args(args, &p, e))
		return NULL;
	if (s->ops->sessions(s->arg, &a, p.after, p.max, &found, &count, &more) != 0)
		return no_memory(e);
	rows = rows_begin();
	for (size_t i = 0; i < count; i++)
		row_add(&rows, now ? sess_security_json(&found[i], now)
				   : sess_row_json(&found[i]));
	return rows_end(&rows, "sessions", more, e);
}

static json_t *call_sessions(void *arg, const json_t *args, struct ctl_error *e)
{
	return list_sessions(arg, args, NULL, e);
}

static json_t *demands_json(const struct conf *c)
{
	return json_pack("{s:b, s:b, s:b}", "require_message_signing",
			 c->require_message_signing, "encrypt_data", c->encrypt_data,
			 "reject_unencrypted_access", c->reject_unencrypted_access);
}

static json_t *call_security(void *arg, const json_t *args, struct ctl_error *e)
{
	const struct status *s = arg;
	const struct conf *now = s->ops->conf(s->arg);
	json_t *result = list_sessions(s, args, now, e);
	struct stats all;
	int err;

	if (!result)
		return NULL;
	err = s->ops->stats(s->arg, &all);
	if (!err) {
		err |= json_object_set_new(result, "demands", demands_json(now));
		err |= json_object_set_new(result, "refused",
					   refused_json(all.refused, true));
		stats_fini(&all);
	}
	if (!err)
		return result;
	json_decref(result);
	return no_memory(e);
}

static json_t *call_files(void *arg, const json_t *args, struct ctl_error *e)
{
	const struct status *s = arg;
	CLEANUP(arena_fini) struct arena a;
	struct rows rows;
	struct open_row *found;
	struct page p;
	size_t count;
	bool more;

	arena_init(&a, ROWS_MEMORY_MAX);
	if (!page_args(args, &p, e))
		return NULL;
	if (s->ops->opens(s->arg, &a, p.after, p.max, &found, &count, &more) != 0)
		return no_memory(e);
	rows = rows_begin();
	for (size_t i = 0; i < count; i++)
		row_add(&rows, open_row_json(&found[i]));
	return rows_end(&rows, "files", more, e);
}

static json_t *call_locks(void *arg, const json_t *args, struct ctl_error *e)
{
	const struct status *s = arg;
	CLEANUP(arena_fini) struct arena a;
	struct rows rows;
	struct lock_row *found;
	struct page p;
	size_t count;
	bool more;

	arena_init(&a, ROWS_MEMORY_MAX);
	if (!page_args(args, &p, e))
		return NULL;
	if (s->ops->locks(s->arg, &a, p.after, p.skip, p.max, &found, &count, &more) != 0)
		return no_memory(e);
	rows = rows_begin();
	for (size_t i = 0; i < count; i++)
		row_add(&rows, lock_row_json(&found[i]));
	return rows_end(&rows, "locks", more, e);
}

/* ---- counts ---------------------------------------------------------------------------------------------------- */

static json_t *call_stats(void *arg, const json_t *args, struct ctl_error *e)
{
	const struct status *s = arg;
	struct stats all;
	json_t *result;

	if (s->ops->stats(s->arg, &all) != 0)
		return no_memory(e);
	result = stats_json(&all);
	stats_fini(&all);
	return result_or_refuse(result, e);
}

static json_t *call_shares(void *arg, const json_t *args, struct ctl_error *e)
{
	const struct status *s = arg;
	struct rows rows;
	struct stats all;

	if (s->ops->stats(s->arg, &all) != 0)
		return no_memory(e);
	rows = rows_begin();
	for (size_t i = 0; i < all.share_count; i++)
		row_add(&rows, stats_share_json(&all.shares[i]));
	stats_fini(&all);
	return rows_end(&rows, "shares", false, e);
}

/* ---- ending one of them ---------------------------------------------------------------------------------------- */

static json_t *evict(const struct status *s, enum status_kind what, const json_t *args,
		     struct ctl_error *e)
{
	static const char *const names[] = {
		[STATUS_CONNECTION] = "connection",
		[STATUS_SESSION] = "session",
		[STATUS_FILE] = "open file",
	};
	uint64_t id;

	if (!json_object_get(args, "id"))
		return ctl_refuse(e, CTL_MALFORMED, "id: expected a number");
	if (!number_arg(args, "id", 0, &id, e))
		return NULL;
	if (!s->ops->evict(s->arg, what, id))
		return ctl_refuse(e, CTL_UNKNOWN, "there is no %s %llu", names[what],
				  (unsigned long long)id);
	return result_or_refuse(json_pack("{s:b}", "done", true), e);
}

static json_t *call_disconnect(void *arg, const json_t *args, struct ctl_error *e)
{
	return evict(arg, STATUS_CONNECTION, args, e);
}

static json_t *call_close_session(void *arg, const json_t *args, struct ctl_error *e)
{
	return evict(arg, STATUS_SESSION, args, e);
}

static json_t *call_close_file(void *arg, const json_t *args, struct ctl_error *e)
{
	return evict(arg, STATUS_FILE, args, e);
}

const struct ctl_call status_calls[] = {
	{"status.stats", call_stats},
	{"status.shares", call_shares},
	{"status.connections", call_connections},
	{"status.sessions", call_sessions},
	{"status.security", call_security},
	{"status.files", call_files},
	{"status.locks", call_locks},
	{"status.disconnect", call_disconnect},
	{"status.close-session", call_close_session},
	{"status.close-file", call_close_file},
	{0},
};
