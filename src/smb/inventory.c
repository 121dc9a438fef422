#include "smb/inventory.h"

#include "base/env.h"
#include "smb/durable.h"
#include "smb/trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the ids there are, in order ------------------------------------------------------------------------------ */

struct ids {
	uint64_t *list;
	size_t count, room;
};

static size_t chain_len(const struct map_node *n)
{
	size_t len = 0;

	for (; n; n = n->next)
		len++;
	return len;
}

/* A piece of m, under its lock. False at the end. A slot that does not fit waits for more room: *ret_full. */
static bool ids_piece(struct lock *lock, const struct map *m, struct map_cursor *pos,
		      uint64_t from, struct ids *ids, bool *ret_full)
{
	struct map_node *n;
	LOCK_SCOPE(lock);

	*ret_full = false;
	for (unsigned i = 0; i < INVENTORY_SLOTS; i++) {
		if (!map_cursor_next(m, pos, &n))
			return false;
		if (chain_len(n) > ids->room - ids->count) {
			pos->slot--;
			*ret_full = true;
			return true;
		}
		for (; n; n = n->next)
			if (n->key >= from)
				ids->list[ids->count++] = n->key;
	}
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int ids_grow(struct ids *ids)
{
	size_t room = ids->room ? ids->room * 2 : (size_t)4 * INVENTORY_SLOTS;
	uint64_t *list = reallocarray(ids->list, room, sizeof(*list));

	if (!list)
		return -ENOMEM;
	ids->list = list;
	ids->room = room;
	return 0;
}

static void ids_fini(struct ids *ids)
{
	free(ids->list);
}

/* Keys of m from `from` on, in order. */
static int ids_collect(struct lock *lock, const struct map *m, uint64_t from,
		       struct ids *ids)
{
	struct map_cursor pos = {0};
	bool full = true;

	*ids = (struct ids){0};
	do {
		if (full && ids_grow(ids) != 0) {
			ids_fini(ids);
			return -ENOMEM;
		}
	} while (ids_piece(lock, m, &pos, from, ids, &full));
	if (ids->count)
		qsort(ids->list, ids->count, sizeof(*ids->list), by_value);
	return 0;
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

static void conn_read(const struct conn *c, struct conn_row *r)
{
	*r = (struct conn_row){
		.id = c->id,
		.since = c->since,
		.dialect = c->dialect,
		.cipher = c->cipher,
		.sign_alg = c->sign_alg,
		.lane = c->lane->lane->index,
		.sessions = c->channels.count,
		.requests = c->requests.count,
		.memory = c->memory,
		.answered = atomic_load(&c->answered),
		.retired = c->retired != NULL,
	};
	memcpy(r->peer, c->peer, sizeof(r->peer));
	memcpy(r->client_guid, c->client_guid, sizeof(r->client_guid));
	traffic_read(&c->traffic, &r->traffic);
}

/* Each was put at the end of the list when it got its id: they lie in order. */
size_t inventory_conns(struct smb_lane *l, uint64_t after, struct conn_row *ret,
		       size_t max)
{
	size_t count = 0;

	list_for_each (n, &l->conns) {
		const struct conn *c = container_of(n, struct conn, on_lane);

		if (count == max)
			break;
		if (c->id > after)
			conn_read(c, &ret[count++]);
	}
	return count;
}

/* ---- sessions ------------------------------------------------------------------------------------------------- */

/* What setting up has decided; nobody writes it afterwards. */
static void sess_read_setup(const struct sess *s, struct sess_row *r)
{
	if (!sess_is_set_up(s))
		return;
	r->kind = s->user;
	r->signing_required = s->signing_required;
	r->encrypt_data = s->encrypt_data;
	r->client_signs = s->client_signs;
	r->conf_encrypts = s->conf_encrypts;
	r->require_message_signing = s->require_message_signing;
	r->reject_unencrypted_access = s->reject_unencrypted_access;
}

/* Under s's lock. */
static void sess_read_channels(struct sess *s, struct sess_row *r,
			       char peer[CONN_PEER_MAX])
{
	list_for_each (n, &s->channels) {
		struct channel *ch = container_of(n, struct channel, on_sess);

		traffic_read(&ch->traffic, &r->traffic);
		if (ch->lost || r->conn_count == SESS_CHANNELS_MAX)
			continue;
		if (r->conn_count == 0)
			memcpy(peer, ch->conn->peer, CONN_PEER_MAX);
		r->conns[r->conn_count++] = ch->conn->id;
	}
}

/* Under s's lock. */
static uint64_t sess_idle_ns(struct sess *s)
{
	uint64_t now = env_now_ns(s->server->env), last = 0;

	list_for_each (n, &s->channels) {
		struct channel *ch = container_of(n, struct channel, on_sess);
		uint64_t used = atomic_load_explicit(&ch->used_ns, memory_order_relaxed);

		if (used > last)
			last = used;
	}
	return last && now > last ? now - last : 0;
}

/* Under s's lock: shares that encrypt, counted. */
static void sess_read_trees(struct sess *s, struct sess_row *r, struct share **shares)
{
	struct map_walk pos;

	for (struct map_node *n = map_walk_first(&s->trees, &pos); n;
	     n = map_walk_next(&s->trees, &pos)) {
		struct tree *t = container_of(n, struct tree, by_id);

		if (!atomic_load(&t->encrypt_data))
			continue;
		if (r->encrypting_count < ARRAY_LEN(r->encrypting))
			shares[r->encrypting_count] = share_get(t->share);
		r->encrypting_count++;
	}
}

static int sess_names(struct sess *s, struct arena *a, struct sess_row *r)
{
	CLEANUP(principal_putp) struct principal *who = sess_who(s);

	r->user = arena_strdup(a, who ? who->user : "");
	r->domain = arena_strdup(a, who ? who->domain : "");
	return r->user && r->domain ? 0 : -ENOMEM;
}

static int sess_read(struct sess *s, struct arena *a, struct sess_row *r)
{
	struct share *shares[ARRAY_LEN(r->encrypting)] = {0};
	char peer[CONN_PEER_MAX] = "";
	int err;

	*r = (struct sess_row){
		.id = s->id,
		.state = atomic_load(&s->state),
		.since = s->created,
		.dialect = s->dialect,
		.cipher = s->cipher,
		.sign_alg = s->sign_alg,
	};
	memcpy(r->client_guid, s->client_guid, sizeof(r->client_guid));
	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		r->refused[i] = atomic_load(&s->refused[i]);
	sess_read_setup(s, r);
	{
		LOCK_SCOPE(&s->lock);
		r->trees = s->trees.count;
		r->opens = s->open_count;
		r->idle_ns = sess_idle_ns(s);
		traffic_read(&s->traffic, &r->traffic);
		sess_read_channels(s, r, peer);
		sess_read_trees(s, r, shares);
	}
	err = sess_names(s, a, r);
	r->peer = arena_strdup(a, peer);
	if (!r->peer)
		err = -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(shares) && shares[i]; i++) {
		r->encrypting[i] = arena_strdup(a, shares[i]->name);
		if (!r->encrypting[i])
			err = -ENOMEM;
		share_put(shares[i]);
	}
	return err;
}

int inventory_sessions(struct smb_server *s, struct arena *a, uint64_t after, size_t max,
		       struct sess_row **ret_rows, size_t *ret_count, bool *ret_more)
{
	struct sess_row *rows = arena_array(a, max + 1, sizeof(*rows));
	CLEANUP(ids_fini) struct ids ids = {0};
	size_t count = 0, text = 0, i;
	int err = rows && after < UINT64_MAX
			  ? ids_collect(&s->lock, &s->sessions, after + 1, &ids)
			  : 0;

	if (!rows)
		return -ENOMEM;
	for (i = 0; !err && i < ids.count && count < max && text < INVENTORY_TEXT_MAX;
	     i++) {
		CLEANUP(sess_putp) struct sess *one = sess_find(s, ids.list[i]);

		if (!one)
			continue;
		err = sess_read(one, a, &rows[count]);
		if (!err)
			text += strlen(rows[count].user) + strlen(rows[count].domain);
		count++;
	}
	if (err)
		return err;
	*ret_rows = rows;
	*ret_count = count;
	*ret_more = i < ids.count;
	return 0;
}

/* ---- trees ---------------------------------------------------------------------------------------------------- */

static int tree_read(struct tree *t, struct arena *a, struct tree_row *r)
{
	*r = (struct tree_row){
		.session_id = t->sess->id,
		.id = t->id,
		.share = arena_strdup(a, t->share->name),
		.pipe = t->share->kind == SHARE_PIPE,
		.since = t->created,
	};
	return r->share ? 0 : -ENOMEM;
}

/* The trees of s, counted; how many. */
static size_t trees_collect(struct sess *s, struct tree *trees[SESS_TREES_MAX])
{
	struct map_walk pos;
	size_t count = 0;
	LOCK_SCOPE(&s->lock);

	for (struct map_node *n = map_walk_first(&s->trees, &pos); n;
	     n = map_walk_next(&s->trees, &pos))
		trees[count++] = tree_get(container_of(n, struct tree, by_id));
	return count;
}

static void tree_tally(struct open *o, struct tree_row *rows, size_t count)
{
	LOCK_SCOPE(&o->lock);

	for (size_t i = 0; o->tree && i < count; i++)
		if (rows[i].id == o->tree->id)
			rows[i].opens++;
}

/* A piece of s's opens. False at the end. */
static bool trees_tally_piece(struct sess *s, struct map_cursor *pos,
			      struct tree_row *rows, size_t count)
{
	struct map_node *n;
	LOCK_SCOPE(&s->lock);

	for (unsigned i = 0; i < INVENTORY_SLOTS; i++) {
		if (!map_cursor_next(&s->opens, pos, &n))
			return false;
		for (; n; n = n->next)
			tree_tally(container_of(n, struct open, by_id), rows, count);
	}
	return true;
}

/* All of s's, appended; trees: room to work in. */
static int sess_trees(struct sess *s, struct arena *a, struct tree **trees,
		      struct tree_row *rows, size_t *count)
{
	struct tree_row *first = &rows[*count];
	struct map_cursor pos = {0};
	struct sess_row of;
	int err = sess_read(s, a, &of);
	size_t n;

	if (err)
		return err;
	n = trees_collect(s, trees);
	for (size_t i = 0; i < n; i++) {
		err |= tree_read(trees[i], a, &first[i]);
		first[i].user = of.user;
		first[i].peer = of.peer;
		tree_put(trees[i]);
	}
	while (n && trees_tally_piece(s, &pos, first, n))
		;
	*count += n;
	return err ? -ENOMEM : 0;
}

int inventory_trees(struct smb_server *s, struct arena *a, uint64_t after, size_t max,
		    struct tree_row **ret_rows, size_t *ret_count, uint64_t *ret_session,
		    bool *ret_more)
{
	struct tree_row *rows = arena_array(a, max + SESS_TREES_MAX, sizeof(*rows));
	struct tree **trees = arena_array(a, SESS_TREES_MAX, sizeof(struct tree *));
	CLEANUP(ids_fini) struct ids ids = {0};
	size_t count = 0, i;
	int err = rows && trees && after < UINT64_MAX
			  ? ids_collect(&s->lock, &s->sessions, after + 1, &ids)
			  : 0;

	if (!rows || !trees)
		return -ENOMEM;
	for (i = 0; !err && i < ids.count && count < max; i++) {
		CLEANUP(sess_putp) struct sess *one = sess_find(s, ids.list[i]);

		if (one)
			err = sess_trees(one, a, trees, rows, &count);
	}
	if (err)
		return err;
	*ret_rows = rows;
	*ret_count = count;
	*ret_session = i ? ids.list[i - 1] : after;
	*ret_more = i < ids.count;
	return 0;
}

/* ---- opens ---------------------------------------------------------------------------------------------------- */

static void open_putp(struct open **o)
{
	open_put(*o);
}

static uint64_t open_session(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return o->sess ? o->sess->id : 0;
}

static void open_read_state(struct open *o, struct open_row *r)
{
	const struct state_op who = open_state_op(o, STATE_USE);
	struct state_open seen = {0};
	struct state_result held = {0};

	if (state_open_look(o->node->state, who.server, who.open, &seen)) {
		r->share_access = seen.share;
		r->locks = seen.lock_count;
		r->delete_pending = seen.delete_pending;
	}
	r->holds = state_held(o->node->state, &who, &held);
	r->lease_version = held.lease_version;
	r->caching = held.caching;
	r->breaking = held.breaking;
}

static int open_read(struct open *o, struct arena *a, struct open_row *r)
{
	*r = (struct open_row){
		.id = o->state_id,
		.session_id = open_session(o),
		.user = arena_strdup(a, o->who->user),
		.share = arena_strdup(a, o->share->name),
		.root = arena_strdup(a, o->share->conf ? o->share->conf->path : ""),
		.path = open_path(o, a),
		.directory = o->directory,
		.delete_on_close = o->delete_on_close,
		.durable = o->durable,
		.granted = o->granted,
	};
	{
		LOCK_SCOPE(&o->lock);
		r->encrypted = o->sealed;
	}
	open_read_state(o, r);
	return r->user && r->share && r->root && r->path ? 0 : -ENOMEM;
}

int inventory_opens(struct smb_server *s, struct arena *a, uint64_t after, size_t max,
		    struct open_row **ret_rows, size_t *ret_count, bool *ret_more)
{
	struct open_row *rows = arena_array(a, max + 1, sizeof(*rows));
	CLEANUP(ids_fini) struct ids ids = {0};
	size_t count = 0, text = 0, i;
	int err = rows && after < UINT64_MAX
			  ? ids_collect(&s->opens_lock, &s->opens, after + 1, &ids)
			  : 0;

	if (!rows)
		return -ENOMEM;
	for (i = 0; !err && i < ids.count && count < max && text < INVENTORY_TEXT_MAX;
	     i++) {
		CLEANUP(open_putp) struct open *o = open_by_state_id(s, ids.list[i]);

		if (!o)
			continue;
		err = open_read(o, a, &rows[count]);
		if (!err)
			text += strlen(rows[count].path) + strlen(rows[count].user);
		count++;
	}
	if (err)
		return err;
	*ret_rows = rows;
	*ret_count = count;
	*ret_more = i < ids.count;
	return 0;
}

/* ---- locks ---------------------------------------------------------------------------------------------------- */

struct lock_page {
	struct lock_row *rows;
	size_t count, max, text;
	struct state_open_lock *seen; /* room for INVENTORY_LOCKS_MAX */
	bool more;
};

static bool page_is_full(const struct lock_page *p)
{
	return p->count == p->max || p->text >= INVENTORY_TEXT_MAX;
}

/* o's locks but the first `skip`, as far as there is room. */
static int locks_read(struct open *o, struct arena *a, size_t skip, struct lock_page *p)
{
	struct lock_row r = {.open_id = o->state_id, .session_id = open_session(o)};
	size_t count = state_open_locks(o->node->state, o->server->server_id, o->state_id,
					skip, p->seen, INVENTORY_LOCKS_MAX);

	if (!count)
		return 0;
	r.user = arena_strdup(a, o->who->user);
	r.share = arena_strdup(a, o->share->name);
	r.path = open_path(o, a);
	if (!r.user || !r.share || !r.path)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (page_is_full(p)) {
			p->more = true;
			return 0;
		}
		r.range = p->seen[i].range;
		r.waiting = p->seen[i].waiting;
		p->rows[p->count++] = r;
		p->text += strlen(r.path) + strlen(r.user);
	}
	if (count == INVENTORY_LOCKS_MAX) /* and others of it may follow */
		p->more = true;
	return 0;
}

int inventory_locks(struct smb_server *s, struct arena *a, uint64_t from, size_t skip,
		    size_t max, struct lock_row **ret_rows, size_t *ret_count,
		    bool *ret_more)
{
	struct lock_page page = {
		.rows = arena_array(a, max + 1, sizeof(*page.rows)),
		.seen = arena_array(a, INVENTORY_LOCKS_MAX, sizeof(*page.seen)),
		.max = max,
	};
	CLEANUP(ids_fini) struct ids ids = {0};
	int err = page.rows && page.seen
			  ? ids_collect(&s->opens_lock, &s->opens, from, &ids)
			  : -ENOMEM;

	for (size_t i = 0; !err && i < ids.count && !page.more; i++) {
		CLEANUP(open_putp) struct open *o = open_by_state_id(s, ids.list[i]);

		if (o)
			err = locks_read(o, a, o->state_id == from ? skip : 0, &page);
	}
	if (err)
		return err;
	*ret_rows = page.rows;
	*ret_count = page.count;
	*ret_more = page.more;
	return 0;
}

/* ---- ending one of them --------------------------------------------------------------------------------------- */

static void conn_ended(struct conn *c, const struct evictor *who)
{
	struct trail_event e = {
		.name = "connection",
		.id = c->id,
		.of_client = conn_peer(c),
	};

	trail_ended(c->server, c->lane->lane, who, &e);
}

bool evict_conn(struct smb_lane *l, uint64_t id, const struct evictor *who)
{
	list_for_each (n, &l->conns) {
		struct conn *c = container_of(n, struct conn, on_lane);

		if (c->id != id)
			continue;
		conn_ended(c, who);
		conn_disconnect(c, "by the administrator");
		return true;
	}
	return false;
}

static void session_ended(struct smb_lane *l, struct sess *s, const struct evictor *who)
{
	CLEANUP(principal_putp) struct principal *of = sess_who(s);
	struct trail_event e = {
		.name = "session",
		.id = s->id,
		.of = of ? of->user : NULL,
		.of_client = s->client,
	};

	trail_ended(l->server, l->lane, who, &e);
}

bool evict_session(struct smb_lane *l, uint64_t id, const struct evictor *who)
{
	CLEANUP(sess_putp) struct sess *s = sess_find(l->server, id);

	if (!s)
		return false;
	session_ended(l, s, who);
	sess_close(s, l->lane, NULL);
	return true;
}

static void open_ended(struct smb_lane *l, struct open *o, const struct evictor *who)
{
	CLEANUP(arena_fini) struct arena a;
	struct trail_event e = {
		.name = "file",
		.id = o->state_id,
		.share = o->share->name,
		.of = o->who->user,
		.of_client = o->sess ? o->sess->client : NULL,
	};

	arena_init(&a, INVENTORY_TEXT_MAX);
	e.path = open_path(o, &a);
	trail_ended(l->server, l->lane, who, &e);
}

static void evicted(struct wait *w)
{
	free(w);
}

/* One of a client that is away, or about to be, is its own list's to end. */
bool evict_open(struct smb_lane *l, uint64_t id, const struct evictor *who)
{
	CLEANUP(open_putp) struct open *o = open_by_state_id(l->server, id);
	struct wait *w = o ? malloc(sizeof(*w)) : NULL;

	if (!w)
		return false;
	open_ended(l, o, who);
	durable_forsake(o);
	wait_init(w, l->lane->mailbox);
	open_close(o, l->lane, NULL, wait_arm(w, evicted));
	return true;
}
