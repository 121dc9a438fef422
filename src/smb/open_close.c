/*
 * The close of an open is one chain of steps, each on the lane that closes:
 *
 *     open_close        OPEN -> CLOSING, or open_part; parked requests are claimed
 *     close_drained     no request is under way any more
 *     close_turn        the node's turn is ours; if a deletion may be due, first the name's (of a named stream: its
 *                       file's, then its own), then the node's again
 *     close_applied     share modes and locks are gone; we may be the one who removes the name
 *     close_removed     who caches the directory's entries hears of the change
 *     close_told        CLOSED, the caller's wait ends
 */
#include "base/log.h"
#include "smb/durable.h"
#include "smb/req.h"
#include "smb/watches.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_ARENA_MAX = 16 * 1024 };

struct open_closing {
	struct open *open;
	struct lane *lane;
	struct wait wait;  /* of the step under way	*/
	struct wait *then; /* the caller's; may be NULL */
	struct msg begin;  /* forsaken: to the lane	*/
	struct open_drain drain;
	struct turn_ref turn;
	struct name_turn *name;
	struct turn_ref name_ref;
	struct name_turn *stream;
	struct turn_ref stream_ref;
	bool named; /* we have been through close_take_names() */
	struct arena arena;
	struct remover remover; /* with whose rights */
	struct vfs_unlink unlink;
	struct vfs_stream_remove remove;
	struct state_result result;
	struct state_op op; /* has no ranges */
};

void open_closings_init(struct smb_server *s, size_t max)
{
	stock_init_shared(&s->closing_stock, sizeof(struct open_closing), max);
}

struct open_closing *open_closing_new(struct open *o)
{
	struct open_closing *c = stock_take(&o->server->closing_stock);

	if (!c)
		return NULL;
	c->open = o;
	arena_init(&c->arena, CLOSE_ARENA_MAX);
	return c;
}

void open_closing_free(struct open_closing *c)
{
	arena_fini(&c->arena);
	stock_give(&c->open->server->closing_stock, c);
}

/* Its close has begun: nobody finds it any more. One that was DISCONNECTED is in no session's table. */
static void open_take_off(struct open *o)
{
	if (!o->sess)
		return;
	{
		LOCK_SCOPE(&o->sess->lock);
		if (!o->listed)
			return;
		open_unlist(o);
	}
	open_put(o); /* the table's */
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

/* From OPEN on to `next`, for exactly one caller: no request begins any more, those that wait for others end. */
static bool open_end(struct open *o, enum open_state next)
{
	struct list_node waiting;

	list_init(&waiting);
	{
		LOCK_SCOPE(&o->lock);
		if (o->state != OPEN_OPEN)
			return false;
		o->state = next;
		for (struct list_node *n;
		     next == OPEN_CLOSING && (n = list_pop(&o->parted));)
			list_add_tail(&waiting, n);
	}
	for (struct list_node *n; (n = list_pop(&waiting)) != NULL;)
		wait_post(container_of(n, struct open_drain, node)->wait, 0);
	for (struct req *q; (q = claim_parked(o)) != NULL;)
		wait_post(&q->wait, -ECANCELED);
	return true;
}

/* Wait for those under way but `skip`, then go on with `drained`. */
static void open_drain_for(struct open *o, struct lane *lane, struct req *skip,
			   struct wait *then, void (*fn)(struct wait *w))
{
	struct open_closing *c = o->closing;

	open_get(o); /* until close_finish(), or durable_keep() */
	c->lane = lane;
	c->then = then;
	wait_init(&c->wait, lane->mailbox);
	c->drain = (struct open_drain){.seq = UINT64_MAX, .skip = skip};
	open_drain(o, &c->drain, wait_arm(&c->wait, fn));
}

void open_close(struct open *o, struct lane *lane, struct req *skip, struct wait *w)
{
	if (open_end(o, OPEN_CLOSING))
		open_drain_for(o, lane, skip, w, close_drained);
	else
		wait_now(w, -EBADF);
}

static void part_drained(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);
	struct wait *then = c->then;

	if (durable_keep(c->open, c->lane)) /* which may be another's by now */
		wait_now(then, 0);
	else
		close_drained(w);
}

void open_part(struct open *o, struct lane *lane, struct wait *w)
{
	if (!o->durable)
		open_close(o, lane, NULL, w);
	else if (open_end(o, OPEN_PARTING))
		open_drain_for(o, lane, NULL, w, part_drained);
	else
		wait_now(w, -EBADF);
}

static void close_begin(struct msg *m)
{
	close_drained(&container_of(m, struct open_closing, begin)->wait);
}

void open_close_forsaken(struct open *o, struct lane *lane, struct wait *w)
{
	struct open_closing *c = o->closing;

	c->lane = lane;
	c->then = w;
	c->begin.run = close_begin;
	wait_init(&c->wait, lane->mailbox);
	mailbox_post(lane->mailbox, &c->begin);
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
	remover_put(&c->remover);
	{
		LOCK_SCOPE(&o->lock);
		o->state = OPEN_CLOSED;
	}
	open_take_off(o);
	if (c->then)
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

static struct remover open_remover(const struct open *o)
{
	return (struct remover){
		.who = o->who,
		.cred = share_cred(o->share, o->who),
		.raised = share_raises(o->share),
	};
}

void open_dooms(struct open *o)
{
	const struct remover r = open_remover(o);

	node_doom(o->node, &r);
}

static void close_turn(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);
	struct open *o = c->open;
	bool may_remove = o->delete_on_close || state_delete_pending(o->node->state);

	if (c->named && !close_names_hold(c)) /* renamed in between */
		close_give_names(c);
	if (may_remove && !c->named && close_take_names(c))
		return;
	if (o->delete_on_close)
		open_dooms(o);
	c->op = open_state_op(o, STATE_CLOSE);
	state_apply(o->server->state, c->lane, &c->op, &c->result,
		    wait_arm(&c->wait, close_applied));
}

/* With whose rights n goes. If another server has asked for it: those of who is here. */
static void take_remover(struct open_closing *c, struct node *n)
{
	const struct remover here = open_remover(c->open);

	c->remover = node_remover(n);
	if (c->remover.who)
		return;
	node_doom(n, &here);
	c->remover = node_remover(n);
}

static void close_remove_file(struct open_closing *c)
{
	struct node *file = node_base(c->open->node);

	c->unlink.directory = file->directory;
	c->unlink.key = file->key;
	take_remover(c, file);
	c->unlink.call.raised = c->remover.raised;
	vfs_run(open_vfs(c->open), &c->unlink.call, VFS_UNLINK, c->lane, c->remover.cred,
		&c->arena, wait_arm(&c->wait, close_removed));
}

static void close_remove_stream(struct open_closing *c)
{
	c->remove.file = c->open->node->file;
	take_remover(c, c->open->node);
	c->remove.call.raised = c->remover.raised;
	vfs_run(open_vfs(c->open), &c->remove.call, VFS_STREAM_REMOVE, c->lane,
		c->remover.cred, &c->arena, wait_arm(&c->wait, close_removed));
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
	if (c->open->directory && c->open->delete_on_close)
		watches_end(c->open->server, c->open->node);
	if (open_may(c->open, FILE_WRITE_DATA | FILE_APPEND_DATA))
		shown_catch_up(open_shown(c->open));
	if (c->result.remove_name && c->unlink.dir) /* its streams go with it */
		close_remove_file(c);
	else if (c->result.remove_stream)
		close_remove_stream(c);
	else
		close_tell(c, atomic_load(&c->open->wrote));
}

/* What a rename under way may change under us is copied. */
static char *closing_path(struct open_closing *c)
{
	struct open *o = c->open;
	size_t len;
	char *path;

	{
		LOCK_SCOPE(&o->lock);
		len = strlen(o->path) + 1;
	}
	path = arena_alloc(&c->arena, len);
	if (path) {
		LOCK_SCOPE(&o->lock);
		snprintf(path, len, "%s", o->path);
	}
	return path;
}

static void removal_noted(struct open_closing *c)
{
	struct open *o = c->open;
	struct trail_event e = {.kind = TRAIL_DELETE, .directory = o->directory};
	const char *path, *stream = NULL;
	struct node *parent = NULL;

	if (!trail_wants_of_open(o, c->lane, CONF_AUDIT_CHANGES))
		return;
	path = closing_path(c);
	if (c->result.remove_name && c->unlink.dir)
		e.path = path;
	else if (path && node_name(o->node, &c->arena, &parent, &stream) == 0)
		e.path = trail_path(&c->arena, path, stream);
	node_put(parent);
	trail_note_removal(o, c->remover.who, &e);
}

static void close_removed(struct wait *w)
{
	struct open_closing *c = container_of(w, struct open_closing, wait);

	if (w->err)
		log_verbose("delete on close: \"%s\": %s",
			    c->unlink.name ? c->unlink.name : "", strerror(-w->err));
	else
		removal_noted(c);
	close_tell(c, true);
}

static void close_told(struct wait *w)
{
	close_finish(container_of(w, struct open_closing, wait), 0);
}
