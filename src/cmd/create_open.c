/* CREATE of what exists: access, share modes, a data handle.  See create.h; [MS-FSA] 2.1.5.1.2 */
#include "cmd/create.h"

#include <errno.h>
#include <string.h>

enum {
	READS_DATA = FILE_READ_DATA | FILE_EXECUTE,
	WRITES_DATA = FILE_WRITE_DATA | FILE_APPEND_DATA,
};

/* A link itself, a device, a pipe, a socket: there is nothing in it that a client could read or cache. */
static bool has_contents(const struct create *c)
{
	return c->stat.type == VFS_FILE || c->stat.type == VFS_DIR;
}

static bool overwrites(const struct create *c)
{
	return c->disposition == FILE_OVERWRITE || c->disposition == FILE_OVERWRITE_IF ||
	       c->disposition == FILE_SUPERSEDE;
}

/* Is there something to be emptied? */
static bool replaces(const struct create *c)
{
	return overwrites(c) && !c->made && !c->stream_made;
}

/* As itself it is of any kind, as its target may have been shown. Otherwise it leads nowhere, or out of the share. */
static nt_status check_link(const struct create *c)
{
	bool itself = c->options & FILE_OPEN_REPARSE_POINT;

	return itself && !c->path.stream && !overwrites(c) ? STATUS_SUCCESS
							   : STATUS_ACCESS_DENIED;
}

/* Does the kind of file fit what was asked for? */
static nt_status check_kind(const struct create *c)
{
	bool directory = c->stat.type == VFS_DIR;

	if (c->path.stream && c->stat.type != VFS_SYMLINK)
		return STATUS_SUCCESS; /* files and directories have streams */
	if (c->disposition == FILE_CREATE)
		return STATUS_OBJECT_NAME_COLLISION;
	if (c->stat.type == VFS_SYMLINK)
		return check_link(c);
	if (directory && (c->options & FILE_NON_DIRECTORY_FILE))
		return STATUS_FILE_IS_A_DIRECTORY;
	if (!directory && (c->options & FILE_DIRECTORY_FILE))
		return STATUS_NOT_A_DIRECTORY;
	if (!directory && c->path.slash) /* [MS-FSA] 2.1.5.1 phase 7 */
		return STATUS_OBJECT_NAME_INVALID;
	if (directory && overwrites(c))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

/* [MS-FSA] 2.1.5.1.2.1 and the attribute checks of 2.1.5.1.2 */
static nt_status check_attributes(const struct create *c)
{
	const uint32_t kept = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM;
	uint32_t desired = access_map_generic(c->desired_access);
	bool read_only = (c->stat.dos_attributes & FILE_ATTRIBUTE_READONLY) &&
			 c->stat.type != VFS_DIR;

	if (read_only && ((desired & WRITES_DATA) || overwrites(c)))
		return STATUS_ACCESS_DENIED;
	if (read_only && (c->options & FILE_DELETE_ON_CLOSE))
		return STATUS_CANNOT_DELETE;
	if (c->path.stream)
		return STATUS_SUCCESS; /* the rest is about the file */
	if (c->parent == NULL && (c->options & FILE_DELETE_ON_CLOSE))
		return STATUS_ACCESS_DENIED; /* the root of a share stays */
	if (overwrites(c) && (c->stat.dos_attributes & kept & ~c->file_attributes))
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

/* What replacing a file's contents takes besides what was desired. [MS-FSA] 2.1.5.1.2 */
static uint32_t implied_access(const struct create *c)
{
	if (!overwrites(c))
		return 0;
	return FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES |
	       (c->disposition == FILE_SUPERSEDE ? DELETE : FILE_WRITE_DATA);
}

static nt_status check_access(struct req *q, const struct file_facts *f)
{
	struct create *c = q->state;

	c->maximal = file_maximal(q, req_who(q), f, c->parent ? &c->parent_facts : NULL) |
		     c->privileged;
	if (!has_contents(c))
		c->maximal &= ~(uint32_t)(READS_DATA | WRITES_DATA);
	if (implied_access(c) & ~c->maximal)
		return STATUS_ACCESS_DENIED;
	return create_grant(c);
}

nt_status create_open(struct req *q, const struct file_facts *f)
{
	struct create *c = q->state;
	nt_status st;

	if (c->reparse.len && (c->path.stream || c->disposition != FILE_CREATE))
		return create_stopped(q, c->reparse, 0);
	st = check_kind(c);
	if (nt_ok(st))
		st = check_attributes(c);
	if (nt_ok(st))
		st = check_access(q, f);
	if (!nt_ok(st))
		return create_fail(q, st);
	c->action = create_action(c);
	return create_reserve(q);
}

uint32_t create_action(const struct create *c)
{
	switch (c->disposition) {
	case FILE_SUPERSEDE:
		return FILE_SUPERSEDED;
	case FILE_OVERWRITE:
	case FILE_OVERWRITE_IF:
		return FILE_OVERWRITTEN;
	default:
		return FILE_OPENED;
	}
}

static nt_status node_turn_held(struct req *q, int err, struct wr *w);
static nt_status reserved(struct req *q, int err, struct wr *w);
static nt_status opened(struct req *q, int err, struct wr *w);
static nt_status attributes_set(struct req *q, int err, struct wr *w);
static nt_status streams_cleared(struct req *q, int err, struct wr *w);
static nt_status streams_told(struct req *q, int err, struct wr *w);
static nt_status committed(struct req *q, int err, struct wr *w);

nt_status create_reserve(struct req *q)
{
	struct create *c = q->state;

	if (c->path.stream && !c->base)
		return create_stream(q);
	c->node = c->base ? node_find_or_new_stream(q->conn->server->nodes, &c->stat,
						    c->file, c->base, c->stream)
			  : node_find_or_new(q->conn->server->nodes, &c->stat, c->file,
					     c->parent, c->leaf);
	if (!c->node)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	turn_take(&c->node->turn, &c->node_ref, req_wait(q, node_turn_held));
	return STATUS_PENDING;
}

static nt_status node_turn_held(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	nt_status st = create_instance(q);

	if (!nt_is(st, STATUS_SUCCESS))
		return st;
	c->op.code = STATE_RESERVE;
	c->op.node = c->node->key;
	c->op.overwrite = replaces(c);
	c->op.access = c->granted | (c->op.overwrite ? FILE_WRITE_DATA : 0);
	c->op.share = c->share_access;
	c->op.delete_on_close = c->options & FILE_DELETE_ON_CLOSE;
	c->op.directory = c->stat.type == VFS_DIR;
	if (c->op.directory)
		create_cache_of_directory(q);
	if (!has_contents(c))
		c->op.caching = 0;
	c->op.now_ms = env_now_ns(q->conn->server->env) / 1000000;
	state_apply(q->conn->server->state, q->lane->lane, &c->op, &c->result,
		    req_wait(q, reserved));
	return STATUS_PENDING;
}

static nt_status commit(struct req *q)
{
	struct create *c = q->state;

	c->op.code = STATE_COMMIT;
	state_apply(q->conn->server->state, q->lane->lane, &c->op, &c->result,
		    req_wait(q, committed));
	return STATUS_PENDING;
}

static nt_status reserved(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct vfs_open *o = &c->call.open;
	nt_status st = err ? nt_from_errno(err) : c->result.status;

	if (nt_is(st, STATUS_PENDING))
		return create_cache_wait(q);
	if (!nt_ok(st))
		return create_fail(q, st);
	c->reserved = true;
	/* deletion removes the name it was asked for through */
	if ((c->options & FILE_DELETE_ON_CLOSE) && !c->base &&
	    node_moved(c->node, c->parent, c->leaf) != 0)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	if (c->data || (!(c->granted & (READS_DATA | WRITES_DATA)) && !overwrites(c)))
		return commit(q);
	memset(o, 0, sizeof(*o));
	o->file = c->file;
	o->truncate = replaces(c);
	o->write = c->stat.type != VFS_DIR && ((c->granted & WRITES_DATA) || o->truncate);
	/* what is cached begins with what there is now: others may have written since the look-up */
	o->stat_known = !o->truncate && !c->op.caching && !c->base;
	o->call.raised = share_raises(q->tree->share);
	o->read = c->stat.type == VFS_DIR || (c->granted & READS_DATA) || !o->write;
	vfs_run(q->tree->share->vfs, &o->call, VFS_OPEN, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, opened));
	return STATUS_PENDING;
}

static nt_status opened(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct vfs_setattr *s = &c->call.setattr;

	if (err)
		return create_fail_errno(q, err);
	c->data = c->call.open.data;
	if (!c->call.open.stat_known)
		c->stat = c->call.open.stat;
	if (!replaces(c))
		return commit(q);
	/* a file that was overwritten begins with the attributes asked for. [MS-FSA] 2.1.5.1.2 */
	memset(s, 0, sizeof(*s));
	s->file = c->file;
	s->data = c->data;
	s->what = c->base ? 0 : VFS_SET_DOS_ATTRIBUTES;
	s->call.raised = share_raises(q->tree->share);
	s->attr.dos_attributes = c->file_attributes | FILE_ATTRIBUTE_ARCHIVE;
	if (c->contexts.has_allocation && c->contexts.allocation) {
		s->what |= VFS_SET_ALLOCATION;
		s->attr.allocated = c->contexts.allocation;
	}
	vfs_run(q->tree->share->vfs, &s->call, VFS_SETATTR, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, attributes_set));
	return STATUS_PENDING;
}

/* What replaces a file replaces all of it, as Windows does. */
static nt_status clear_streams(struct req *q)
{
	struct create *c = q->state;
	struct vfs_stream_remove *r = &c->call.streams;

	memset(r, 0, sizeof(*r));
	r->file = c->file;
	r->call.raised = share_raises(q->tree->share);
	vfs_run(q->tree->share->vfs, &r->call, VFS_STREAM_CLEAR, q->lane->lane,
		req_cred(q), &q->arena, req_wait(q, streams_cleared));
	return STATUS_PENDING;
}

static nt_status attributes_set(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	/* a writer who does not own the file may not set them: the contents are replaced all the same */
	if (err && err != -EPERM && err != -EACCES && err != -EOPNOTSUPP)
		return create_fail_errno(q, err);
	if (!err)
		c->stat = c->call.setattr.stat;
	return c->base || !q->tree->share->conf->named_streams ? commit(q)
							       : clear_streams(q);
}

static nt_status streams_cleared(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	return err ? create_fail_errno(q, err)
		   : cache_streams(q, c->node, &c->op, streams_told);
}

static nt_status streams_told(struct req *q, int err, struct wr *w)
{
	return commit(q);
}

static nt_status committed(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	if (err || !nt_ok(c->result.status))
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	create_cache_granted(c);
	if (c->result.caching)
		node_watch(c->node);
	return c->made ? create_cache_entries(q) : create_succeed(q);
}
