/*
 * SET_INFO, FileRenameInformation of a named stream: the turns of both names, the node's, then the new name.
 *
 * Spec     [MS-FSA] 2.1.5.15.12.1
 */
#include "cmd/break_wait.h"
#include "cmd/file_info.h"
#include "cmd/set_info.h"
#include "wire/utf16.h"

#include <errno.h>
#include <string.h>

struct set_stream {
	const struct file_target *to;
	const char *names[2]; /* as turns know them, in their order */
	size_t count, taken;
	const char *name; /* as it was when the turns were asked for */

	/* places held: given back by stream_cleanup() */
	struct name_turn *turns[2];
	struct turn_ref turn_refs[2];
	struct turn_ref turn;
	struct vfs_stream_rename call;
};

static nt_status turn_held(struct req *q, int err, struct wr *w);
static nt_status all_held(struct req *q, int err, struct wr *w);
static nt_status renamed(struct req *q, int err, struct wr *w);

static void give_back(struct set_stream *s)
{
	turn_give(&s->turn);
	for (size_t i = 0; i < ARRAY_LEN(s->turns); i++)
		if (s->turns[i])
			name_turn_give(TAKE(s->turns[i]), &s->turn_refs[i]);
	s->taken = 0;
}

static void stream_cleanup(struct req *q)
{
	give_back(q->state);
}

static int order_names(struct req *q)
{
	struct set_stream *s = q->state;
	const char *from = node_stream_turn_name(s->name, &q->arena);
	const char *to = node_stream_turn_name(s->to->path.stream, &q->arena);
	char *from_upper, *to_upper;
	int order;

	if (!from || !to || utf8_upper(&q->arena, from, &from_upper) != 0 ||
	    utf8_upper(&q->arena, to, &to_upper) != 0)
		return -ENOMEM;
	order = strcmp(from_upper, to_upper);
	s->count = order ? 2 : 1;
	s->names[0] = order > 0 ? to : from;
	s->names[1] = order > 0 ? from : to;
	return 0;
}

static nt_status take_turns(struct req *q)
{
	struct set_stream *s = q->state;
	struct node *n = q->open->node;
	size_t i = s->taken;

	if (i == s->count) {
		turn_take(&n->turn, &s->turn, req_wait(q, all_held));
		return STATUS_PENDING;
	}
	s->taken++;
	s->turns[i] = name_turn_take(n->base, s->names[i], &s->turn_refs[i],
				     req_wait(q, turn_held));
	return STATUS_PENDING;
}

static nt_status turn_held(struct req *q, int err, struct wr *w)
{
	return err ? STATUS_INSUFFICIENT_RESOURCES : take_turns(q);
}

static nt_status begin(struct req *q)
{
	struct set_stream *s = q->state;
	struct node *no_parent;

	if (node_name(q->open->node, &q->arena, &no_parent, &s->name) != 0 ||
	    order_names(q) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	return take_turns(q);
}

/* Nobody keeps it open only because it is cached. */
static nt_status uncached(struct req *q, int err, struct wr *w)
{
	return begin(q);
}

nt_status set_stream_rename(struct req *q, const struct file_target *to)
{
	struct set_stream *s = arena_alloc(&q->arena, sizeof(*s));

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!q->open->node->base)
		return to->path.count ? STATUS_OBJECT_NAME_INVALID
				      : STATUS_INVALID_PARAMETER;
	if (to->path.count) /* as Windows, which opens the file for it */
		return STATUS_SHARING_VIOLATION;
	/* Deviation: [MS-FSA] 2.1.5.15.12.1 can move a stream to the unnamed one and back if that is empty */
	if (!to->path.stream)
		return to->replace ? STATUS_INVALID_PARAMETER
				   : STATUS_OBJECT_NAME_COLLISION;
	s->to = to;
	q->state = s;
	q->cleanup = stream_cleanup;
	return cache_use(q, CACHING_USE_NAME, uncached);
}

static nt_status all_held(struct req *q, int err, struct wr *w)
{
	struct set_stream *s = q->state;
	struct open *o = q->open;
	struct node *no_parent;
	const char *name;

	if (node_name(o->node, &q->arena, &no_parent, &name) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (strcmp(name, s->name) != 0) { /* another rename was quicker: again */
		give_back(s);
		return begin(q);
	}
	if (state_delete_pending(o->node->state))
		return STATUS_ACCESS_DENIED;
	s->call.stream = o->node->file;
	s->call.name = s->to->path.stream;
	s->call.replace = s->to->replace;
	return open_call(q, &s->call.call, VFS_STREAM_RENAME, renamed);
}

/* Streams are named with their file. */
static void stream_noted(struct req *q)
{
	const struct set_stream *s = q->state;
	struct trail_event e = {.kind = TRAIL_RENAME};
	const char *path;

	if (!trail_wants(q, CONF_AUDIT_CHANGES))
		return;
	path = open_path(q->open, &q->arena);
	if (path) {
		e.path = trail_path(&q->arena, path, s->name);
		e.to = trail_path(&q->arena, path, s->to->path.stream);
	}
	trail_note(q, &e);
}

static nt_status renamed(struct req *q, int err, struct wr *w)
{
	const struct set_stream *s = q->state;

	if (err == -EEXIST ||
	    err == -ENOTEMPTY) /* what is open or holds anything is not replaced */
		return s->to->replace ? STATUS_INVALID_PARAMETER
				      : STATUS_OBJECT_NAME_COLLISION;
	if (err)
		return nt_from_errno(err);
	/* without memory it keeps its old name here: no turn is missed that way, at worst a wrong one taken */
	stream_noted(q);
	err = node_moved(q->open->node, NULL, s->to->path.stream);
	return set_done(q, err, w);
}
