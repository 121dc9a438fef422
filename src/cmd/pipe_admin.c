/* pipe_admin.c - rpc/admin.h over the tables of sessions, trees and opens.  Spec: [MS-SRVS] 3.1.4.1 - 3.1.4.6 */
#include "base/log.h"
#include "cmd/pipe_io.h"
#include "rpc/admin.h"
#include "smb/inventory.h"
#include "smb/stats.h"
#include "smb/trail.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { PAGE_MAX = 256 };

/* "192.0.2.1:50123" without the port; NULL without memory. */
static const char *address(struct arena *a, const char *peer)
{
	const char *colon = strrchr(peer, ':');

	return arena_dup(a, colon ? span_of(peer, (size_t)(colon - peer))
				  : span_of_str(peer));
}

static uint32_t seconds_since(const struct req *q, uint64_t filetime)
{
	uint64_t now = env_filetime(q->conn->server->env);

	return now > filetime ? (uint32_t)((now - filetime) / 10000000) : 0;
}

static int session_fill(const struct req *q, struct arena *a, const struct sess_row *s,
			struct rpc_activity *r)
{
	*r = (struct rpc_activity){
		.id = s->id,
		.user = s->user,
		.client = address(a, s->peer),
		.opens = (uint32_t)s->opens,
		.active_s = seconds_since(q, s->since),
		.idle_s = (uint32_t)(s->idle_ns / 1000000000),
		.guest = s->kind == POLICY_USER_GUEST,
	};
	return r->client ? 0 : -ENOMEM;
}

static int tree_fill(const struct req *q, struct arena *a, const struct tree_row *t,
		     struct rpc_activity *r)
{
	*r = (struct rpc_activity){
		.id = t->id,
		.user = t->user,
		.client = address(a, t->peer),
		.share = t->share,
		.opens = (uint32_t)t->opens,
		.active_s = seconds_since(q, t->since),
		.pipe = t->pipe,
	};
	return r->client ? 0 : -ENOMEM;
}

static void file_fill(const struct open_row *o, struct rpc_activity *r)
{
	*r = (struct rpc_activity){
		.id = o->id,
		.user = o->user,
		.share = o->share,
		.root = o->root,
		.path = o->path,
		.access = o->granted,
		.locks = (uint32_t)o->locks,
	};
}

static int list_sessions(const struct req *q, struct arena *a, uint64_t *cursor,
			 struct rpc_activity *rows, size_t *count)
{
	struct sess_row *found;
	bool more;
	int err = inventory_sessions(q->conn->server, a, *cursor, PAGE_MAX, &found, count,
				     &more);

	for (size_t i = 0; !err && i < *count; i++) {
		err = session_fill(q, a, &found[i], &rows[i]);
		*cursor = found[i].id;
	}
	return err;
}

static int list_trees(const struct req *q, struct arena *a, uint64_t *cursor,
		      struct rpc_activity **ret_rows, size_t *count)
{
	struct rpc_activity *rows;
	struct tree_row *found;
	bool more;
	int err = inventory_trees(q->conn->server, a, *cursor, PAGE_MAX, &found, count,
				  cursor, &more);

	if (err)
		return err;
	rows = arena_array(a, *count + 1, sizeof(*rows));
	for (size_t i = 0; rows && !err && i < *count; i++)
		err = tree_fill(q, a, &found[i], &rows[i]);
	*ret_rows = rows;
	return rows ? err : -ENOMEM;
}

static int list_files(const struct req *q, struct arena *a, uint64_t *cursor,
		      struct rpc_activity *rows, size_t *count)
{
	struct open_row *found;
	bool more;
	int err = inventory_opens(q->conn->server, a, *cursor, PAGE_MAX, &found, count,
				  &more);

	for (size_t i = 0; !err && i < *count; i++) {
		file_fill(&found[i], &rows[i]);
		*cursor = found[i].id;
	}
	return err;
}

static int admin_list(void *ctx, enum rpc_activity_kind kind, struct arena *a,
		      uint64_t *cursor, struct rpc_activity **ret_rows, size_t *ret_count)
{
	const struct pipe_context *p = ctx;
	struct rpc_activity *rows;

	if (kind == RPC_TREES)
		return list_trees(p->q, a, cursor, ret_rows, ret_count);
	rows = arena_array(a, PAGE_MAX, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	*ret_rows = rows;
	return kind == RPC_SESSIONS ? list_sessions(p->q, a, cursor, rows, ret_count)
				    : list_files(p->q, a, cursor, rows, ret_count);
}

/* Closing is for a worker: it waits until the call is over and back on its own. */
static int admin_end(void *ctx, enum rpc_activity_kind kind, uint64_t id)
{
	struct pipe_context *p = ctx;
	struct pipe_ending *e = arena_alloc(&p->q->arena, sizeof(*e));

	if (!e)
		return -ENOMEM;
	*e = (struct pipe_ending){.next = p->endings, .kind = kind, .id = id};
	p->endings = e;
	return 0;
}

static int admin_change_share(void *ctx, const struct rpc_share_change *change)
{
	const struct pipe_context *p = ctx;
	struct share_admin *a = p->q->conn->server->share_admin;

	return a ? a->change(a, change, p->who->user) : -EOPNOTSUPP;
}

static uint64_t bytes_of(const struct stats *s, enum stats_way way)
{
	uint64_t sum = 0;

	for (size_t kind = 0; kind < STATS_KIND_COUNT; kind++)
		sum += s->traffic.bytes[way][kind];
	return sum;
}

static int admin_statistics(void *ctx, struct rpc_statistics *ret)
{
	const struct pipe_context *p = ctx;
	struct stats all;
	int err = stats_gather(p->q->conn->server, p->q->snap, &all);

	if (err)
		return err;
	*ret = (struct rpc_statistics){
		.start_time = all.start_time,
		.files_opened = all.commands[SMB2_CREATE].requests -
				all.commands[SMB2_CREATE].errors,
		.sessions_opened = all.logons,
		.logons_failed = all.logons_failed,
		.bytes_sent = bytes_of(&all, STATS_OUT),
		.bytes_received = bytes_of(&all, STATS_IN),
	};
	stats_fini(&all);
	return 0;
}

const struct rpc_admin pipe_admin = {
	.list = admin_list,
	.end = admin_end,
	.change_share = admin_change_share,
	.statistics = admin_statistics,
};

void pipe_end_all(struct pipe_context *p)
{
	struct req *q = p->q;
	const struct evictor who = {.by = "srvsvc", .q = q};
	struct log_esc esc;

	for (const struct pipe_ending *e = p->endings; e; e = e->next) {
		bool session = e->kind == RPC_SESSIONS;
		bool done = session ? evict_session(q->lane, e->id, &who)
				    : evict_open(q->lane, e->id, &who);

		if (done)
			log_info("srvsvc: \"%s\" from %s %s %" PRIu64,
				 log_esc(&esc, span_of_str(req_who(q)->user)),
				 q->conn->peer, session ? "ends session" : "closes file",
				 e->id);
	}
	p->endings = NULL;
}
