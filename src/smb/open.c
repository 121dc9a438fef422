/*
 * The close of an open is one chain of steps, each on the lane that closes:
 *
 *     open_close        OPEN -> CLOSING; parked requests are claimed
 *     close_drained     no request is under way any more
 *     close_turn        the node's turn is ours; if a deletion may be due, first the name's (of a named stream: its
 *                       file's, then its own), then the node's again
 *     close_applied     share modes and locks are gone; we may be the one who removes the name
 *     close_removed     who caches the directory's entries hears of the change
 *     close_told        CLOSED, the caller's wait ends
 */
#include "smb/open.h"

#include "base/log.h"
#include "smb/req.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct open_closing {
	struct open *open;
	struct lane *lane;
	struct wait wait;  /* of the step under way	*/
	struct wait *then; /* the caller's		*/
	struct open_drain drain;
	struct turn_ref turn;
	struct name_turn *name;
	struct turn_ref name_ref;
	struct name_turn *stream;
	struct turn_ref stream_ref;
	bool named; /* we have been through close_take_names() */
	struct arena arena;
	struct vfs_unlink unlink;
	struct vfs_stream_remove remove;
	struct state_result result;
	struct state_op op; /* has no ranges */
};

enum {
	CLOSE_ARENA_MAX = 16 * 1024,
	/* what of CreateOptions FileModeInformation tells: [MS-FSCC] 2.4.31 */
	MODE_OPTIONS = FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY |
		       FILE_NO_INTERMEDIATE_BUFFERING | FILE_SYNCHRONOUS_IO_ALERT |
		       FILE_SYNCHRONOUS_IO_NONALERT | FILE_DELETE_ON_CLOSE,
};

nt_status open_quota_take(struct sess *s, const struct conf *conf)
{
	struct smb_server *server = s->server;

	if (atomic_fetch_add(&server->open_count, 1) >= conf->open_files_max) {
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

void open_quota_give(struct sess *s)
{
	atomic_fetch_sub(&s->server->open_count, 1);
	LOCK_SCOPE(&s->lock);
	s->open_count--;
}

uint64_t open_state_id(struct smb_server *server)
{
	return atomic_fetch_add(&server->next_open_id, 1) + 1;
}

static struct open *open_alloc(void)
{
	struct open *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->closing = calloc(1, sizeof(*o->closing));
	if (!o->closing) {
		free(o);
		return NULL;
	}
	lock_init(&o->lock, LOCK_RANK_OPEN);
	list_init(&o->inflight);
	list_init(&o->drains);
	turn_init(&o->scan_turn);
	turn_init(&o->pipe_turn);
	arena_init(&o->closing->arena, CLOSE_ARENA_MAX);
	o->closing->open = o;
	o->refs = 2; /* the table's and the caller's */
	return o;
}

static void open_release(struct open *o)
{
	if (o->scan)
		o->scan_free(o->scan);
	arena_fini(&o->closing->arena);
	free(o->closing);
	turn_fini(&o->scan_turn);
	turn_fini(&o->pipe_turn);
	lock_fini(&o->lock);
	free(o);
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
	return STATUS_SUCCESS;
}

nt_status open_new(const struct open_new *in, struct open **ret_open)
{
	struct open *o = open_alloc();
	nt_status st;

	if (!o)
		return STATUS_INSUFFICIENT_RESOURCES;
	o->server = in->tree->sess->server;
	o->sess = in->tree->sess;
	o->tree = in->tree;
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
	o->state_id = in->state_id;
	o->sealed = in->sealed;
	o->lease_version = in->lease_version;
	o->lease = in->lease;
	o->has_parent_lease = in->has_parent_lease;
	o->parent_lease = in->parent_lease;
	o->made_on = in->made_on;
	o->channel_sequence.current = in->channel_sequence;
	o->directory = in->directory;
	o->delete_on_close = in->delete_on_close;
	o->mode = in->create_options & MODE_OPTIONS;
	/* low byte: which server made it; ~0 means "the file before" in compounds */
	o->id.persistent_id = (env_random_u64(o->server->env) >> 1 << 8) |
			      (o->server->server_id & 0xFF);
	st = open_publish(o);
	if (!nt_ok(st)) {
		open_release(o);
		return st;
	}
	sess_get(o->sess);
	tree_get(o->tree);
	if (o->node) {
		LOCK_SCOPE(&o->server->opens_lock);
		map_add(&o->server->opens, &o->by_state_id, o->state_id);
	}
	*ret_open = o;
	return STATUS_SUCCESS;
}

/* One whose last reference goes is not brought back. */
static struct open *open_get_unless_gone(struct open *o)
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
	struct tree *tree;
	struct sess *s;

	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (o->node) {
		LOCK_SCOPE(&o->server->opens_lock);
		map_del(&o->server->opens, &o->by_state_id);
	}
	if (o->notify)
		o->server->notify->ops->free(o->notify);
	if (o->pipe)
		o->pipe_free(o->pipe);
	vfile_put(o->data);
	if (o->node)
		node_put(o->node);
	if (o->parent)
		node_put(o->parent);
	free(o->path);
	principal_put(o->who);
	tree = o->tree;
	s = o->sess;
	open_release(o);
	open_quota_give(s);
	tree_put(tree);
	sess_put(s);
}

void open_take_off(struct open *o)
{
	{
		LOCK_SCOPE(&o->sess->lock);
		if (!o->listed)
			return;
		o->listed = false;
		map_del(&o->sess->opens, &o->by_id);
	}
	open_put(o); /* the table's */
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

	if (o->state != OPEN_OPEN)
		return STATUS_FILE_CLOSED;
	st = open_enter_sequence(o, q);
	if (!nt_ok(st))
		return st;
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

void open_moved_to(struct open *o, uint64_t position)
{
	LOCK_SCOPE(&o->lock);

	o->position = position;
}

/* Has everything ended that d waits for? Under o's lock. */
static bool drained(const struct open *o, const struct open_drain *d)
{
	list_for_each (n, &o->inflight) {
		const struct req *q = container_of(n, struct req, on_open);

		if (q->open_seq >= d->seq)
			return true; /* in order: all others came later */
		if (q != d->skip && (!d->writes_only || q->header.command == SMB2_WRITE))
			return false;
	}
	return true;
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
		list_for_each (n, &o->drains) {
			if (!drained(o, container_of(n, struct open_drain, node)))
				continue;
			list_del(n);
			list_add_tail(&ended, n);
		}
	}
	for (struct list_node *n; (n = list_pop(&ended)) != NULL;)
		wait_post(container_of(n, struct open_drain, node)->wait, 0);
}

/* End w when d is drained; at once if it is. */
static void open_drain(struct open *o, struct open_drain *d, struct wait *w)
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

/* One parked request on o that this call has claimed, or NULL. The claim keeps it alive. */
static struct req *claim_parked(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	list_for_each (n, &o->inflight) {
		struct req *q = container_of(n, struct req, on_open);

		if (wait_claim(&q->wait, WAIT_CLOSED))
			return q;
	}
	return NULL;
}

static void close_drained(struct wait *w);
static void close_turn(struct wait *w);
static void close_applied(struct wait *w);
static void close_removed(struct wait *w);
static void close_told(struct wait *w);

void open_close(struct open *o, struct lane *lane, struct req *skip, struct wait *w)
{
	struct open_closing *c = o->closing;
	bool mine = false;

	{
		LOCK_SCOPE(&o->lock);
		if (o->state == OPEN_OPEN) {
			o->state = OPEN_CLOSING;
			mine = true;
		}
	}
	if (!mine) {
		wait_now(w, -EBADF);
		return;
	}
	for (struct req *q; (q = claim_parked(o)) != NULL;)
		wait_post(&q->wait, -ECANCELED);
	open_get(o); /* until close_finish() */
	c->lane = lane;
	c->then = w;
	wait_init(&c->wait, lane->mailbox);
	c->drain = (struct open_drain){.seq = UINT64_MAX, .skip = skip};
	open_drain(o, &c->drain, wait_arm(&c->wait, close_drained));
}

static void close_give_names(struct open_closing *c)
{
	if (c->stream)
		name_turn_give(TAKE(c->stream), &c->stream_ref);
	if (c->name)
		name_turn_give(TAKE(c->name), &c->name_ref);
	vfile_put(TAKE(c->unlink.dir));
	c->named = false;
}

static void close_finish(struct open_closing *c, int err)
{
	struct open *o = c->open;

	turn_give(&c->turn);
	close_give_names(c);
	{
		LOCK_SCOPE(&o->lock);
		o->state = OPEN_CLOSED;
	}
	open_take_off(o);
	wait_now(c->then, err);
	open_put(o);
}

static void close_drained(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);
	struct open *o = c->open;

	if (!o->node) {
		close_finish(c, 0);
		return;
	}
	turn_take(&o->node->turn, &c->turn, wait_arm(&c->wait, close_turn));
}

/* All names' turns are ours: the node's is the last. */
static void close_stream_named(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);

	turn_take(&c->open->node->turn, &c->turn, wait_arm(&c->wait, close_turn));
}

/* The file's name is ours, or it is a root and has none. */
static void close_named(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);
	struct node *n = c->open->node, *parent = NULL;
	const char *name;

	if (n->base && node_name(n, &c->arena, &parent, &name) == 0)
		name = node_stream_turn_name(name, &c->arena);
	else
		name = NULL;
	if (!name) { /* a file; or without memory: on without it */
		close_stream_named(w);
		return;
	}
	c->stream = name_turn_take(n->base, name, &c->stream_ref,
				   wait_arm(&c->wait, close_stream_named));
}

/* Name turns come before node turns: give ours back and take all. False: without memory, go on without them. */
static bool close_take_names(struct open_closing *c)
{
	struct node *file = node_base(c->open->node), *parent;
	const char *name;

	if (node_name(file, &c->arena, &parent, &name) != 0)
		return false;
	if (!parent && file == c->open->node)
		return false;
	c->named = true;
	turn_give(&c->turn);
	if (!parent) {
		close_named(&c->wait);
		return true;
	}
	c->name = name_turn_take(parent, name, &c->name_ref,
				 wait_arm(&c->wait, close_named));
	c->unlink.dir = vfile_get(parent->file);
	c->unlink.name = name;
	node_put(parent);
	return true;
}

/* With all turns held: are the names still those we took the turns of? */
static bool close_names_hold(struct open_closing *c)
{
	struct node *n = c->open->node, *parent;
	const char *name;
	bool same;

	if (node_name(node_base(n), &c->arena, &parent, &name) != 0)
		return true; /* the unlink checks inode and device again */
	same = !parent == !c->unlink.dir &&
	       (!parent ||
		(parent->file == c->unlink.dir && strcmp(name, c->unlink.name) == 0));
	if (parent)
		node_put(parent);
	if (!same || !c->stream || node_name(n, &c->arena, &parent, &name) != 0)
		return same;
	return utf8_eq_nocase(name, c->stream->name + 1);
}

static void close_turn(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);
	struct open *o = c->open;
	bool may_remove = o->delete_on_close || state_delete_pending(o->node->state) ||
			  state_delete_pending(node_base(o->node)->state);

	if (c->named && !close_names_hold(c)) /* renamed in between */
		close_give_names(c);
	if (may_remove && !c->named && close_take_names(c))
		return;
	c->op = open_state_op(o, STATE_CLOSE);
	state_apply(o->server->state, c->lane, &c->op, &c->result,
		    wait_arm(&c->wait, close_applied));
}

static void close_remove_file(struct open_closing *c)
{
	struct node *file = node_base(c->open->node);

	c->unlink.directory = file->directory;
	c->unlink.key = file->key;
	c->unlink.call.raised = share_raises(c->open->tree->share);
	vfs_run(open_vfs(c->open), &c->unlink.call, VFS_UNLINK, c->lane,
		tree_cred(c->open->tree, c->open->who), &c->arena,
		wait_arm(&c->wait, close_removed));
}

static void close_remove_stream(struct open_closing *c)
{
	c->remove.file = c->open->node->file;
	c->remove.call.raised = share_raises(c->open->tree->share);
	vfs_run(open_vfs(c->open), &c->remove.call, VFS_STREAM_REMOVE, c->lane,
		tree_cred(c->open->tree, c->open->who), &c->arena,
		wait_arm(&c->wait, close_removed));
}

/* [MS-FSA] 2.1.5.5: a directory's cached entries end with what the file became. */
static void close_tell(struct open_closing *c, bool changed)
{
	struct open *o = c->open;
	struct node *dir = changed ? open_parent(o) : NULL;

	if (!dir || !state_is_cached(dir->state)) {
		node_put(dir);
		close_finish(c, 0);
		return;
	}
	c->op = open_state_op(o, STATE_USE);
	c->op.node = dir->key;
	c->op.use = CACHING_USE_ENTRIES;
	c->op.lease_version = o->has_parent_lease ? o->lease_version : 0;
	c->op.lease = o->parent_lease;
	node_put(dir);
	state_apply(o->server->state, c->lane, &c->op, &c->result,
		    wait_arm(&c->wait, close_told));
}

static void close_applied(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);

	if (c->open->node->watched)
		node_watch(c->open->node);
	if (open_may(c->open, FILE_WRITE_DATA | FILE_APPEND_DATA))
		shown_catch_up(open_shown(c->open));
	if (c->result.remove_name && c->unlink.dir) /* its streams go with it */
		close_remove_file(c);
	else if (c->result.remove_stream)
		close_remove_stream(c);
	else
		close_tell(c, atomic_load(&c->open->wrote));
}

static void close_removed(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);

	if (w->err)
		log_verbose("delete on close: \"%s\": %s",
			    c->unlink.name ? c->unlink.name : "", strerror(-w->err));
	close_tell(c, true);
}

static void close_told(struct wait *w)
{
	close_finish(container_of(w, struct open_closing, wait), 0);
}
