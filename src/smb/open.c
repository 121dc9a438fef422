/*
 *     (open_new) --> OPEN --open_close()------------------------------------> CLOSING --close_finish()--> CLOSED
 *                     ^ \                                                    ^     ^
 *                     |  open_part() --> PARTING --durable_keep(): no ------+     |
 *                     |                     \                                     |
 *                     |                      durable_keep(): yes                  |
 *                     |                         v                                 |
 *                     +--durable_adopt()-- DISCONNECTED --its time is up, durable_forsake()
 *
 * Session and tree are there but in DISCONNECTED. Requests begin in OPEN only (open_enter), and those under way are waited for
 * in PARTING and CLOSING.
 */
#include "smb/open.h"

#include "smb/durable.h"
#include "smb/req.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STOCK_MAX = 256, /* of each kind, for all workers */
	PATH_ROOM = 256, /* paths are shorter, as a rule */
	/* byte-range locks, of 128 bytes each */
	SESS_LOCKS_MAX = 131072,
	SERVER_LOCKS_MAX = 2097152,
	/* what of CreateOptions FileModeInformation tells: [MS-FSCC] 2.4.31 */
	MODE_OPTIONS = FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY |
		       FILE_NO_INTERMEDIATE_BUFFERING | FILE_SYNCHRONOUS_IO_ALERT |
		       FILE_SYNCHRONOUS_IO_NONALERT | FILE_DELETE_ON_CLOSE,
};

size_t open_files_limit(struct smb_server *s, const struct conf *conf)
{
	size_t max = atomic_load_explicit(&s->open_max, memory_order_relaxed);

	return max && max < conf->open_files_max ? max : conf->open_files_max;
}

nt_status open_quota_take(struct sess *s, const struct conf *conf)
{
	struct smb_server *server = s->server;

	if (atomic_fetch_add(&server->open_count, 1) >= open_files_limit(server, conf)) {
		atomic_fetch_sub(&server->open_count, 1);
		return STATUS_TOO_MANY_OPENED_FILES;
	}
	{
		LOCK_SCOPE(&s->lock);
		if (s->open_count < conf->sess_open_files_max) {
			s->open_count++;
			return STATUS_SUCCESS;
		}
	}
	atomic_fetch_sub(&server->open_count, 1);
	return STATUS_TOO_MANY_OPENED_FILES;
}

void open_sess_leave(struct sess *s, size_t lock_count)
{
	LOCK_SCOPE(&s->lock);

	s->open_count--;
	s->lock_count -= lock_count;
}

void open_quota_give(struct sess *s)
{
	atomic_fetch_sub(&s->server->open_count, 1);
	open_sess_leave(s, 0);
}

static bool sess_locks_take(struct open *o, size_t count)
{
	LOCK_SCOPE(&o->sess->lock);

	if (o->sess->lock_count + count > SESS_LOCKS_MAX)
		return false;
	o->sess->lock_count += count;
	o->lock_count += count;
	return true;
}

nt_status open_locks_take(struct open *o, size_t count)
{
	struct smb_server *server = o->server;

	if (atomic_fetch_add(&server->lock_count, count) + count <= SERVER_LOCKS_MAX &&
	    sess_locks_take(o, count))
		return STATUS_SUCCESS;
	atomic_fetch_sub(&server->lock_count, count);
	return STATUS_INSUFFICIENT_RESOURCES;
}

void open_locks_give(struct open *o, size_t count)
{
	atomic_fetch_sub(&o->server->lock_count, count);
	LOCK_SCOPE(&o->sess->lock);
	o->sess->lock_count -= count;
	o->lock_count -= count;
}

uint64_t open_state_id(struct smb_server *server)
{
	return atomic_fetch_add(&server->next_open_id, 1) + 1;
}

void opens_init(struct smb_server *s)
{
	env_random(s->env, mspan_of(s->persistent_key, sizeof(s->persistent_key)));
	stock_init_shared(&s->open_stock, sizeof(struct open), STOCK_MAX);
	open_closings_init(s, STOCK_MAX);
	stock_init_shared(&s->path_stock, PATH_ROOM, STOCK_MAX);
}

void opens_fini(struct smb_server *s)
{
	stock_fini(&s->open_stock);
	stock_fini(&s->closing_stock);
	stock_fini(&s->path_stock);
}

char *open_path_new(struct smb_server *s, size_t len)
{
	return len <= PATH_ROOM ? stock_take(&s->path_stock) : malloc(len);
}

/* A long one that was made shorter has the room of a short one. */
void open_path_free(struct smb_server *s, char *path)
{
	if (path && strlen(path) >= PATH_ROOM)
		free(path);
	else
		stock_give(&s->path_stock, path);
}

static struct open *open_alloc(struct smb_server *server)
{
	struct open *o = stock_take(&server->open_stock);

	if (!o)
		return NULL;
	o->server = server;
	o->closing = open_closing_new(o);
	if (!o->closing) {
		stock_give(&server->open_stock, o);
		return NULL;
	}
	lock_init(&o->lock, LOCK_RANK_OPEN);
	list_init(&o->inflight);
	list_init(&o->drains);
	list_init(&o->parted);
	turn_init(&o->scan_turn);
	turn_init(&o->pipe_turn);
	list_init(&o->pipe_readers);
	o->refs = 2; /* the table's and the caller's */
	return o;
}

static void open_release(struct open *o)
{
	if (o->scan)
		o->scan_free(o->scan);
	open_closing_free(o->closing);
	turn_fini(&o->scan_turn);
	turn_fini(&o->pipe_turn);
	lock_fini(&o->lock);
	stock_give(&o->server->open_stock, o);
}

/* Into the session's table, unless session or tree ended meanwhile. */
static nt_status open_publish(struct open *o)
{
	struct sess *s = o->sess;
	LOCK_SCOPE(&s->lock);

	if (atomic_load(&s->state) == SESS_CLOSED)
		return STATUS_USER_SESSION_DELETED;
	if (atomic_load(&o->tree->closed))
		return STATUS_NETWORK_NAME_DELETED;
	o->id.volatile_id = s->next_volatile_id++;
	map_add(&s->opens, &o->by_id, o->id.volatile_id);
	o->listed = true;
	sess_get(o->sess); /* before a teardown can have it */
	tree_get(o->tree);
	share_get(o->share);
	return STATUS_SUCCESS;
}

/* Into the server's tables. */
static void open_enlist(struct open *o)
{
	LOCK_SCOPE(&o->server->opens_lock);

	map_add(&o->server->opens, &o->by_state_id, o->state_id);
	durable_enlist(o);
}

/*
 * Not to be guessed, without asking the system each time: a keyed hash of a number. Low byte: which server made it; ~0
 * means "the file before" in compounds.
 */
static uint64_t persistent_id_new(struct smb_server *s)
{
	uint64_t number = atomic_fetch_add(&s->next_persistent_id, 1);
	uint64_t id = map_hash(s->persistent_key, span_of(&number, sizeof(number)));

	return (id >> 1 << 8) | (s->server_id & 0xFF);
}

nt_status open_new(const struct open_new *in, struct open **ret_open)
{
	struct open *o = open_alloc(in->tree->sess->server);
	nt_status st;

	if (!o)
		return STATUS_INSUFFICIENT_RESOURCES;
	o->sess = in->tree->sess;
	o->tree = in->tree;
	o->share = in->tree->share;
	o->who = in->who;
	o->node = in->node;
	o->parent = in->parent;
	o->path = in->path;
	o->data = in->data;
	o->pipe = in->pipe;
	o->pipe_free = in->pipe_free;
	o->granted = in->granted;
	o->maximal = in->maximal;
	o->create_options = in->create_options;
	o->create_action = in->create_action;
	o->state_id = in->state_id;
	o->sealed = in->sealed;
	o->lease_version = in->lease_version;
	o->lease = in->lease;
	o->has_parent_lease = in->has_parent_lease;
	o->parent_lease = in->parent_lease;
	o->made_on = in->made_on;
	o->channel_sequence.current = in->channel_sequence;
	o->durable = in->durable;
	o->durable_timeout_ms = in->durable_timeout_ms;
	o->has_create_guid = in->has_create_guid;
	o->create_guid = in->create_guid;
	o->has_instance = in->has_instance;
	o->instance = in->instance;
	o->instance_version = in->instance_version;
	atomic_store(&o->replay_eligible, in->replay_eligible);
	memcpy(o->client_guid, in->client_guid, sizeof(o->client_guid));
	o->directory = in->directory;
	o->delete_on_close = in->delete_on_close;
	o->mode = in->create_options & MODE_OPTIONS;
	o->id.persistent_id = persistent_id_new(o->server);
	st = open_publish(o);
	if (!nt_ok(st)) {
		open_release(o);
		return st;
	}
	if (o->node)
		open_enlist(o);
	*ret_open = o;
	return STATUS_SUCCESS;
}

struct open *open_get_unless_gone(struct open *o)
{
	unsigned refs = atomic_load(&o->refs);

	while (refs)
		if (atomic_compare_exchange_weak(&o->refs, &refs, refs + 1))
			return o;
	return NULL;
}

struct open *open_by_state_id(struct smb_server *server, uint64_t state_id)
{
	LOCK_SCOPE(&server->opens_lock);
	struct map_node *n = map_first(&server->opens, state_id);

	return n ? open_get_unless_gone(container_of(n, struct open, by_state_id)) : NULL;
}

struct state_op open_state_op(const struct open *o, enum state_code code)
{
	return (struct state_op){
		.code = code,
		.node = o->node->key,
		.server = o->server->server_id,
		.open = o->state_id,
		.lease_version = o->lease_version,
		.lease = o->lease,
		.now_ms = env_now_ns(o->server->env) / 1000000,
	};
}

struct open *open_find(struct sess *s, struct file_id id)
{
	LOCK_SCOPE(&s->lock);
	struct map_node *n = map_first(&s->opens, id.volatile_id);
	struct open *o = n ? container_of(n, struct open, by_id) : NULL;

	return o && o->id.persistent_id == id.persistent_id ? open_get(o) : NULL;
}

struct open *open_get(struct open *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void open_put(struct open *o)
{
	struct smb_server *server;
	struct share *share;
	struct tree *tree;
	size_t lock_count;
	struct sess *s;

	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (o->node) {
		LOCK_SCOPE(&o->server->opens_lock);
		map_del(&o->server->opens, &o->by_state_id);
		durable_delist(o);
	}
	if (o->notify) {
		atomic_fetch_sub(&o->node->watchers, 1);
		o->server->notify->ops->free(o->notify);
	}
	if (o->pipe)
		o->pipe_free(o->pipe);
	vfile_put(o->data);
	if (o->node)
		node_put(o->node);
	if (o->parent)
		node_put(o->parent);
	open_path_free(o->server, o->path);
	principal_put(o->who);
	server = o->server;
	share = o->share;
	tree = o->tree;
	s = o->sess;
	lock_count = o->lock_count;
	open_release(o);
	if (s)
		open_sess_leave(s, lock_count);
	atomic_fetch_sub(&server->open_count, 1);
	atomic_fetch_sub(&server->lock_count, lock_count);
	tree_put(tree);
	sess_put(s);
	share_put(share);
}

void open_unlist(struct open *o)
{
	o->listed = false;
	map_del(&o->sess->opens, &o->by_id);
}

struct open *open_take_any(struct sess *s, const struct tree *tree, struct map_cursor *at)
{
	struct map_cursor next = *at;
	struct map_node *n;
	LOCK_SCOPE(&s->lock);

	for (; map_cursor_next(&s->opens, &next, &n); *at = next)
		for (; n; n = n->next) {
			struct open *o = container_of(n, struct open, by_id);

			if (tree && o->tree != tree)
				continue;
			open_unlist(o);
			return o;
		}
	return NULL;
}

/* What may not come late: [MS-SMB2] 3.3.5.2.10 */
static bool changes(const struct req *q)
{
	switch (q->header.command) {
	case SMB2_WRITE:
	case SMB2_SET_INFO:
	case SMB2_IOCTL:
		return true;
	}
	return false;
}

/* Under o's lock. */
static nt_status open_enter_sequence(struct open *o, struct req *q)
{
	bool replay = q->header.flags & SMB2_FLAGS_REPLAY_OPERATION;

	if (q->conn->dialect < SMB2_DIALECT_300)
		return STATUS_SUCCESS;
	if (!channel_sequence_enter(&o->channel_sequence,
				    smb2_channel_sequence(&q->header), replay,
				    &q->sequence_counted) &&
	    changes(q))
		return STATUS_FILE_NOT_AVAILABLE;
	return STATUS_SUCCESS;
}

nt_status open_enter(struct open *o, struct req *q)
{
	nt_status st;
	LOCK_SCOPE(&o->lock);

	if (o->state != OPEN_OPEN || o->tree != q->tree)
		return STATUS_FILE_CLOSED;
	st = open_enter_sequence(o, q);
	if (!nt_ok(st))
		return st;
	if (q->header.command !=
	    SMB2_CREATE) /* answered from it: nothing is done with it */
		atomic_store_explicit(&o->replay_eligible, false, memory_order_relaxed);
	q->open_seq = o->next_seq++;
	list_add_tail(&o->inflight, &q->on_open);
	return STATUS_SUCCESS;
}

bool open_is_closing(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return o->state != OPEN_OPEN;
}

struct node *open_parent(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return o->parent ? node_get(o->parent) : NULL;
}

/* Does it change contents, perhaps? IOCTL may copy. */
static bool may_write(const struct req *q)
{
	return q->header.command == SMB2_WRITE || q->header.command == SMB2_IOCTL;
}

/* Has everything ended that d waits for? Under o's lock. */
static bool drained(const struct open *o, const struct open_drain *d)
{
	if (o->holds && !d->writes_only)
		return false;
	list_for_each (n, &o->inflight) {
		const struct req *q = container_of(n, struct req, on_open);

		if (q->open_seq >= d->seq)
			return true; /* in order: all others came later */
		if (q != d->skip && (!d->writes_only || may_write(q)))
			return false;
	}
	return true;
}

/* Those that wait no longer: to `ended`. Under o's lock. */
static void take_drained(struct open *o, struct list_node *ended)
{
	list_for_each (n, &o->drains) {
		if (!drained(o, container_of(n, struct open_drain, node)))
			continue;
		list_del(n);
		list_add_tail(ended, n);
	}
}

static void end_drained(struct list_node *ended)
{
	for (struct list_node *n; (n = list_pop(ended)) != NULL;)
		wait_post(container_of(n, struct open_drain, node)->wait, 0);
}

void open_leave(struct open *o, struct req *q)
{
	struct list_node ended;

	list_init(&ended);
	{
		LOCK_SCOPE(&o->lock);
		list_del(&q->on_open);
		channel_sequence_leave(&o->channel_sequence,
				       smb2_channel_sequence(&q->header),
				       q->sequence_counted);
		take_drained(o, &ended);
	}
	end_drained(&ended);
}

nt_status open_hold(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	if (o->state != OPEN_OPEN)
		return STATUS_FILE_CLOSED;
	o->holds++;
	return STATUS_SUCCESS;
}

void open_let_go(struct open *o)
{
	struct list_node ended;

	list_init(&ended);
	{
		LOCK_SCOPE(&o->lock);
		o->holds--;
		take_drained(o, &ended);
	}
	end_drained(&ended);
}

void open_drain(struct open *o, struct open_drain *d, struct wait *w)
{
	d->wait = w;
	{
		LOCK_SCOPE(&o->lock);
		if (!drained(o, d)) {
			list_add_tail(&o->drains, &d->node);
			return;
		}
	}
	wait_now(w, 0);
}

void open_after_writes(struct open *o, struct req *q, struct wait *w)
{
	q->drain = (struct open_drain){.seq = q->open_seq, .writes_only = true};
	open_drain(o, &q->drain, w);
}

/* No allocation under the lock: measure, make room, look whether it still fits. */
static int copy_path(struct open *o, struct arena *a, struct node **ret_parent,
		     char **ret_path)
{
	size_t len = 0;

	for (;;) {
		char *room = arena_alloc(a, len + 1);

		if (!room)
			return -ENOMEM;
		LOCK_SCOPE(&o->lock);
		if (strlen(o->path) > len) {
			len = strlen(o->path);
			continue;
		}
		memcpy(room, o->path, strlen(o->path) + 1);
		*ret_path = room;
		if (ret_parent)
			*ret_parent = o->parent ? node_get(o->parent) : NULL;
		return 0;
	}
}

char *open_path(struct open *o, struct arena *a)
{
	char *path;

	return copy_path(o, a, NULL, &path) == 0 ? path : NULL;
}

int open_name(struct open *o, struct arena *a, struct node **ret_parent,
	      const char **ret_name)
{
	char *path, *sep;
	int err = copy_path(o, a, ret_parent, &path);

	if (err)
		return err;
	sep = strrchr(path, '\\');
	*ret_name = sep ? sep + 1 : path;
	return 0;
}
