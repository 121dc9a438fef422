#include "smb/server.h"

#include "base/env.h"
#include "smb/arrival.h"
#include "smb/breaks.h"
#include "smb/durable.h"
#include "smb/logons.h"
#include "smb/req.h"
#include "smb/send.h"
#include "smb/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what local processes do to files that clients cache ----------------------------------------------- */

/* One use by nobody of ours; nobody waits for it either, so it ends wherever it ends. */
struct local_use {
	struct mailbox home;
	struct wait wait;
	struct state_result result;
	struct state_op op; /* has no ranges: last */
};

static void run_at_once(struct mailbox *mb, struct msg *m)
{
	m->run(m);
}

static const struct mailbox_ops at_once = {.post = run_at_once, .here = run_at_once};

static void local_use_done(struct wait *w)
{
	free(container_of(w, struct local_use, wait));
}

/* Whoever opens a file behind our back may write to it at any time from then on: nothing of it can be cached. */
static enum caching_use use_of(enum local_event what)
{
	return what == LOCAL_NAMES ? CACHING_USE_ENTRIES : CACHING_USE_WRITE;
}

static void local_changed(struct local_sink *sink, const struct node_key *key,
			  enum local_event what)
{
	struct smb_server *s = container_of(sink, struct smb_server, local_sink);
	struct local_use *u = calloc(1, sizeof(*u));

	atomic_fetch_add(&s->counters.local[what], 1);
	if (!u) {
		log_warn("no memory to tell clients of what a local process does");
		return;
	}
	u->home.ops = &at_once;
	wait_init(&u->wait, &u->home);
	u->op.code = STATE_USE;
	u->op.node = *key;
	u->op.server = s->server_id;
	u->op.use = use_of(what);
	u->op.now_ms = env_now_ns(s->env) / 1000000;
	state_apply(s->state, NULL, &u->op, &u->result,
		    wait_arm(&u->wait, local_use_done));
}

int smb_server_init(struct smb_server *s, struct env *env, const uint8_t guid[16])
{
	memset(s, 0, sizeof(*s));
	s->env = env;
	list_init(&s->lanes);
	s->local_sink.changed = local_changed;
	memcpy(s->guid, guid, sizeof(s->guid));
	s->start_time = env_filetime(env);
	env_random(env, mspan_of(s->hash_key, sizeof(s->hash_key)));
	lock_init(&s->lock, LOCK_RANK_TABLE);
	lock_init(&s->opens_lock, LOCK_RANK_TABLE);
	opens_init(s);
	for (size_t i = 0; i < RPC_AT_ONCE; i++)
		turn_init(&s->rpc_turns[i]);
	s->state = state_new(s->server_id, s->hash_key);
	s->nodes = s->state ? node_table_new(s->state, s->hash_key) : NULL;
	s->logons = logons_new(s->hash_key);
	s->audit = audit_new();
	if (!s->nodes || !s->logons || !s->audit || map_init(&s->sessions) != 0 ||
	    map_init(&s->opens) != 0 || map_init(&s->durables) != 0 ||
	    map_init(&s->creates) != 0 || map_init(&s->creates_under_way) != 0 ||
	    map_init(&s->instances) != 0) {
		smb_server_fini(s);
		return -ENOMEM;
	}
	breaks_init(s);
	return 0;
}

void smb_server_fini(struct smb_server *s)
{
	node_table_free(s->nodes);
	state_free(s->state);
	map_fini(&s->sessions);
	map_fini(&s->opens);
	logons_free(s->logons);
	audit_free(s->audit);
	map_fini(&s->durables);
	map_fini(&s->creates);
	map_fini(&s->creates_under_way);
	map_fini(&s->instances);
	opens_fini(s);
	for (size_t i = 0; i < RPC_AT_ONCE; i++)
		turn_fini(&s->rpc_turns[i]);
	lock_fini(&s->opens_lock);
	lock_fini(&s->lock);
}

size_t smb_server_sessions(struct smb_server *s)
{
	LOCK_SCOPE(&s->lock);

	return s->session_count;
}

bool smb_server_each_open(struct smb_server *s, bool (*fn)(struct open *o, void *arg),
			  void *arg)
{
	struct map_walk pos;
	LOCK_SCOPE(&s->opens_lock);

	for (struct map_node *n = map_walk_first(&s->opens, &pos); n;
	     n = map_walk_next(&s->opens, &pos))
		if (!fn(container_of(n, struct open, by_state_id), arg))
			return false;
	return true;
}

static bool is_looser(struct sess *s, const struct conf *c)
{
	enum sess_state state = atomic_load(&s->state);

	if (state != SESS_VALID && state != SESS_EXPIRED)
		return false;
	return (c->require_message_signing && !s->require_message_signing) ||
	       (c->reject_unencrypted_access && !s->reject_unencrypted_access);
}

size_t smb_server_count_looser(struct smb_server *s, const struct conf *conf)
{
	struct map_walk pos;
	size_t count = 0;
	LOCK_SCOPE(&s->lock);

	for (struct map_node *n = map_walk_first(&s->sessions, &pos); n;
	     n = map_walk_next(&s->sessions, &pos))
		count += is_looser(container_of(n, struct sess, by_id), conf);
	return count;
}

/* All sessions there are, counted; NULL without memory. */
static struct sess **sessions_get(struct smb_server *s, size_t *ret_count)
{
	size_t cap = smb_server_sessions(s) +
		     64; /* others may come meanwhile: they know the new shares */
	struct sess **all = calloc(cap, sizeof(struct sess *));
	struct map_walk pos;
	size_t n = 0;

	if (!all)
		return NULL;
	LOCK_SCOPE(&s->lock);
	for (struct map_node *m = map_walk_first(&s->sessions, &pos); m && n < cap;
	     m = map_walk_next(&s->sessions, &pos))
		all[n++] = sess_get(container_of(m, struct sess, by_id));
	*ret_count = n;
	return all;
}

bool share_is_there(const struct snapshot *now, const struct share *old)
{
	struct share *s = snapshot_share(now, old->name);
	bool same = s && s->kind == old->kind && s->vfs == old->vfs;

	share_put(s);
	return same;
}

/* May t go on under `now`? */
static bool tree_may_stay(struct tree *t, const struct snapshot *now,
			  const struct principal *who)
{
	struct share *s = share_is_there(now, t->share)
				  ? snapshot_share(now, t->share->name)
				  : NULL;
	bool stays = s && tree_follow(t, s, who);

	share_put(s);
	return stays;
}

/* One tree of s that has to go, counted; NULL: there is none. */
static struct tree *tree_gone(struct sess *s, const struct snapshot *now,
			      const struct principal *who)
{
	struct map_walk pos;
	LOCK_SCOPE(&s->lock);

	for (struct map_node *m = map_walk_first(&s->trees, &pos); m;
	     m = map_walk_next(&s->trees, &pos)) {
		struct tree *t = container_of(m, struct tree, by_id);

		if (!tree_may_stay(t, now, who))
			return tree_get(t);
	}
	return NULL;
}

static void sess_follow(struct sess *s, struct lane *lane, const struct snapshot *now)
{
	struct principal *who = sess_who(s);

	for (struct tree *t; who && (t = tree_gone(s, now, who)) != NULL;) {
		tree_close(t, lane, NULL);
		tree_put(t);
	}
	principal_put(who);
}

void smb_server_follow(struct smb_server *s, struct lane *lane,
		       const struct snapshot *now)
{
	size_t count = 0;
	struct sess **all = sessions_get(s, &count);

	if (!all)
		log_error("reload: no memory to close the trees of shares that are gone");
	for (size_t i = 0; i < count; i++) {
		sess_follow(all[i], lane, now);
		sess_put(all[i]);
	}
	free(all);
	durable_forsake_gone(s, now);
}

enum { LANE_STOCK_MAX = 64 }; /* of each kind */

struct smb_lane *smb_lane_new(struct lane *lane, struct smb_server *server,
			      struct snapshot *first)
{
	struct smb_lane *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->counters = lane_counters_new();
	if (!l->counters) {
		free(l);
		return NULL;
	}
	l->lane = lane;
	l->server = server;
	list_add_tail(&server->lanes, &l->on_server);
	l->snapshot = snapshot_get(first);
	list_init(&l->conns);
	list_init(&l->out_conns);
	arrivals_init(l);
	stock_init(&l->frames, sizeof(struct frame), LANE_STOCK_MAX);
	stock_init(&l->outs, sizeof(struct out), LANE_STOCK_MAX);
	list_init(&l->disconnected);
	return l;
}

void smb_lane_free(struct smb_lane *l)
{
	if (!l)
		return;
	timer_cancel(l->lane->timers, &l->scavenger);
	arrivals_drop(l);
	while (l->free_reqs) {
		struct req *q = l->free_reqs;

		l->free_reqs = q->next;
		arena_fini(&q->arena);
		free(q);
	}
	stock_fini(&l->frames);
	stock_fini(&l->outs);
	snapshot_put(l->snapshot);
	list_del(&l->on_server);
	free(l->counters);
	free(l);
}

void smb_lane_swap(struct smb_lane *l, struct snapshot *s)
{
	struct snapshot *old = l->snapshot;

	l->snapshot = snapshot_get(s);
	snapshot_put(old);
}
