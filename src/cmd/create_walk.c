/*
 * CREATE: from the path to what its last name means, with the name's turn held.  See create.h
 *
 * Symbolic links of the file system are followed where they stay in the share, unless the client asks for the link itself.
 * All others are the client's to follow, as are reparse points that clients made: [MS-FSA] 2.1.5.1 phase 6.
 *
 * Deviation: the document has the client follow all of them. Clients like to be spared that, and some cannot.
 */
#include "cmd/create.h"
#include "wire/reparse.h"

#include <errno.h>
#include <string.h>

static nt_status walked_to_parent(struct req *q, int err, struct wr *w);
static nt_status name_turn_held(struct req *q, int err, struct wr *w);
static nt_status looked(struct req *q, int err, struct wr *w);

/* count names beneath dir; `next` reads c->call.lookup. */
static nt_status lookup(struct req *q, struct vfile *dir, const char **names,
			size_t count, req_done next)
{
	struct create *c = q->state;
	struct vfs_lookup *l = &c->call.lookup;

	memset(l, 0, sizeof(*l));
	l->dir = dir;
	l->names = names;
	l->count = count;
	l->no_follow = next == looked && (c->options & FILE_OPEN_REPARSE_POINT);
	file_lookup_prepare(q, l);
	vfs_run(q->tree->share->vfs, &l->call, VFS_LOOKUP, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, next));
	return STATUS_PENDING;
}

/* From the root, also a second time: a wait is long enough for a directory to be moved, or for other rights in it. */
nt_status create_walk(struct req *q)
{
	struct create *c = q->state;

	c->leaf = "";
	if (c->path.count == 0) /* the root has no parent and no other name */
		return lookup(q, q->tree->root->file, NULL, 0, looked);
	return lookup(q, q->tree->root->file, c->path.names, c->path.count - 1,
		      walked_to_parent);
}

nt_status create_stopped(struct req *q, struct span reparse, size_t behind)
{
	struct create *c = q->state;
	size_t room = SYMLINK_ERROR_HEADER_LEN + reparse.len;
	struct wr w = wr_of(mspan_of(arena_alloc(&q->arena, room), room));
	struct reparse r;

	if (!w.p)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	if (!nt_ok(reparse_decode(reparse, &r)) || r.tag != IO_REPARSE_TAG_SYMLINK)
		return create_fail(q, STATUS_IO_REPARSE_TAG_NOT_HANDLED);
	wr_symlink_error(&w, &r, (uint16_t)name_tail_len(c->asked, behind));
	q->error_data = wr_done(&w);
	return create_fail(q, STATUS_STOPPED_ON_SYMLINK);
}

/* A missing or non-directory component before the last. [MS-FSA] 2.1.5.1 phase 6 */
static nt_status parent_status(int err)
{
	return err == -ENOENT || err == -ENOTDIR ? STATUS_OBJECT_PATH_NOT_FOUND
						 : nt_from_errno(err);
}

static nt_status take_name_turn(struct req *q)
{
	struct create *c = q->state;

	c->leaf = c->path.names[c->path.count - 1];
	c->name = name_turn_take(c->parent, c->leaf, &c->name_ref,
				 req_wait(q, name_turn_held));
	return STATUS_PENDING;
}

static nt_status walked_to_parent(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct vfs_lookup *l = &c->call.lookup;
	nt_status st;

	if (err && l->reparse.len)
		return create_stopped(q, l->reparse, c->path.count - 1 - l->resolved);
	if (err)
		return create_fail(q, parent_status(err));
	c->file = l->file;
	if (l->reparse.len)
		return create_stopped(q, l->reparse, 1);
	if (l->stat.type != VFS_DIR)
		return create_fail(q, STATUS_OBJECT_PATH_NOT_FOUND);
	st = file_facts_take(q, l, &c->parent_facts);
	if (!nt_ok(st))
		return create_fail(q, st);
	c->parent = node_find_or_new(q->conn->server->nodes, &l->stat, c->file, NULL, "");
	vfile_put(TAKE(c->file));
	if (!c->parent)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	return take_name_turn(q);
}

static nt_status name_turn_held(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	if (err)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	if (state_delete_pending(c->parent->state)) /* [MS-FSA] 2.1.5.1 phase 6 */
		return create_fail(q, STATUS_DELETE_PENDING);
	return create_look(q);
}

nt_status create_look(struct req *q)
{
	struct create *c = q->state;

	return lookup(q, c->parent->file, &c->path.names[c->path.count - 1], 1, looked);
}

static bool makes_file(const struct create *c)
{
	return c->disposition != FILE_OPEN && c->disposition != FILE_OVERWRITE &&
	       !(c->options & FILE_DIRECTORY_FILE);
}

/* It is to be made under another name: [MS-FSA] 2.1.5.1.1, tunnelling. Under that name's turn. */
static nt_status begin_as(struct req *q, const char *name)
{
	struct create *c = q->state;

	name_turn_give(TAKE(c->name), &c->name_ref);
	c->path.names[c->path.count - 1] = name;
	return take_name_turn(q);
}

static nt_status looked(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct vfs_lookup *l = &c->call.lookup;
	struct file_facts facts;
	nt_status st;

	if (err == -ENOENT && c->parent && l->name && makes_file(c))
		return begin_as(q, l->name);
	if (err == -ENOENT && c->parent)
		return create_new(q);
	if (err)
		return create_fail_errno(q, err);
	c->file = l->file;
	c->stat = l->stat;
	c->reparse = l->reparse;
	if (c->parent)
		c->leaf = l->name;
	st = file_facts_take(q, l, &facts);
	return nt_ok(st) ? create_open(q, &facts) : create_fail(q, st);
}
