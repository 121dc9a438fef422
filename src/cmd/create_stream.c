/*
 * CREATE of a named stream, once its file was found or made: the turn of the stream's name, then what the name means.
 * From there on the stream is what is opened.  See create.h; [MS-FSA] 2.1.5.1.1, 2.1.5.1.2
 */
#include "cmd/create.h"

#include <errno.h>
#include <string.h>

static nt_status turn_held(struct req *q, int err, struct wr *w);
static nt_status looked(struct req *q, int err, struct wr *w);

nt_status create_stream(struct req *q)
{
	struct create *c = q->state;
	const char *name = node_stream_turn_name(c->path.stream, &q->arena);

	vfile_put(TAKE(c->data)); /* of the file */
	c->base = node_find_or_new(q->conn->server->nodes, &c->stat, c->file, c->parent,
				   c->leaf);
	if (!c->base || !name)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	c->stream_name = name_turn_take(c->base, name, &c->stream_ref,
					req_wait(q, turn_held));
	return STATUS_PENDING;
}

static nt_status look(struct req *q, bool create)
{
	struct create *c = q->state;
	struct vfs_stream_open *s = &c->call.stream;

	memset(s, 0, sizeof(*s));
	s->file = c->base->file;
	s->name = c->path.stream;
	s->create = create;
	s->call.raised = share_raises(q->tree->share);
	vfs_run(q->tree->share->vfs, &s->call, VFS_STREAM_OPEN, q->lane->lane,
		req_cred(q), &q->arena, req_wait(q, looked));
	return STATUS_PENDING;
}

static nt_status turn_held(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	if (err)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	if (state_delete_pending(c->base->state))
		return create_fail(q, STATUS_DELETE_PENDING);
	return look(q, false);
}

/* There is none of that name. */
static nt_status make(struct req *q)
{
	const struct create *c = q->state;

	if (c->disposition == FILE_OPEN || c->disposition == FILE_OVERWRITE)
		return create_fail(q, STATUS_OBJECT_NAME_NOT_FOUND);
	if (!(c->maximal & FILE_WRITE_DATA))
		return create_fail(q, STATUS_ACCESS_DENIED);
	return look(q, true);
}

static nt_status looked(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct vfs_stream_open *s = &c->call.stream;

	if (err == -ENOENT && !s->create)
		return make(q);
	if (err == -EOPNOTSUPP) /* as on a file system of Windows' that has none */
		return create_fail(q, STATUS_OBJECT_NAME_INVALID);
	if (err)
		return create_fail_errno(q, err);
	vfile_put(c->file);
	c->file = s->stream;
	c->stat = s->stat;
	c->stream = s->stored_name;
	c->stream_made = s->created;
	if (!s->created && c->disposition == FILE_CREATE)
		return create_fail(q, STATUS_OBJECT_NAME_COLLISION);
	c->action = s->created ? FILE_CREATED : create_action(c);
	return create_reserve(q);
}
