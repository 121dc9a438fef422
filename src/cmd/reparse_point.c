/*
 * SET and DELETE go, inside the file's turn, from one look to the next:
 *
 *     begin         rights, kind of open; the turn
 *     turn_held     what it is now
 *     stat_known    does that fit what is asked?
 *     looked_into   of a directory: it is empty
 *     set           one VFS_SETATTR
 *     set_done      who caches the directory's entries hears of it
 */
#include "cmd/reparse_point.h"

#include "cmd/break_wait.h"
#include "cmd/dir_empty.h"
#include "cmd/held_times.h"
#include "cmd/open_call.h"
#include "smb/trail.h"
#include "wire/fscc_proto.h"
#include "wire/reparse.h"

#include <errno.h>

/* ---- FSCTL_GET_REPARSE_POINT ------------------------------------------------------------------------------- */

struct get_reparse {
	const struct ioctl *c;
	struct vfs_statcall stat;
};

/* As much of it as the client has room for, but not less than the header. */
static nt_status encode(struct req *q, const struct ioctl *c, struct span buffer)
{
	size_t len = buffer.len < c->max_output ? buffer.len : c->max_output;
	struct reparse r;
	struct wr w;

	if (!nt_ok(reparse_decode(buffer, &r)))
		return STATUS_NOT_A_REPARSE_POINT;
	if (len < (r.guid.len ? REPARSE_GUID_HEADER_LEN : REPARSE_HEADER_LEN))
		return STATUS_BUFFER_TOO_SMALL;
	w = wr_of(ioctl_room(q, len));
	wr_bytes(&w, span_head(buffer, len));
	ioctl_encode(q, c, len);
	return len < buffer.len ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static nt_status got(struct req *q, int err, struct wr *w)
{
	const struct get_reparse *g = q->state;

	return err ? nt_from_errno(err) : encode(q, g->c, g->stat.reparse);
}

nt_status ioctl_get_reparse_point(struct req *q, const struct ioctl *c)
{
	struct get_reparse *g = arena_alloc(&q->arena, sizeof(*g));
	nt_status st = ioctl_file(q, c, 0);

	if (!nt_ok(st))
		return st;
	if (!g)
		return STATUS_INSUFFICIENT_RESOURCES;
	q->state = g;
	g->c = c;
	g->stat.file = q->open->node->file;
	g->stat.with_reparse = true;
	return open_call(q, &g->stat.call, VFS_STAT, got);
}

/* ---- FSCTL_SET_REPARSE_POINT, FSCTL_DELETE_REPARSE_POINT ------------------------------------------------------ */

struct set_reparse {
	const struct ioctl *c;
	struct reparse in;
	struct turn_ref turn;
	struct vfs_statcall stat;
	struct dir_empty empty;
	struct vfs_setattr call;
};

static bool sets(const struct set_reparse *s)
{
	return s->c->code == FSCTL_SET_REPARSE_POINT;
}

static nt_status answer(struct req *q, int err, struct wr *w)
{
	const struct set_reparse *s = q->state;

	return ioctl_answer_nothing(q, s->c);
}

static void noted(struct req *q)
{
	const struct set_reparse *s = q->state;
	struct trail_event e = {
		.kind = TRAIL_REPARSE,
		.reason = sets(s) ? NULL : "removed",
		.tag = s->in.tag,
		.directory = q->open->directory,
	};

	if (!trail_wants(q, CONF_AUDIT_CHANGES))
		return;
	e.path = open_path(q->open, &q->arena);
	trail_note(q, &e);
}

static nt_status set_done(struct req *q, int err, struct wr *w)
{
	if (err == -EOPNOTSUPP)
		return STATUS_VOLUME_NOT_UPGRADED; /* it keeps no attributes */
	if (err)
		return nt_from_errno(err);
	noted(q);
	return cache_entry_of_open(q, answer);
}

static nt_status set(struct req *q)
{
	struct set_reparse *s = q->state;

	s->call.file = q->open->node->file;
	s->call.what = VFS_SET_REPARSE | (q->open->directory ? 0 : VFS_SET_ARCHIVE);
	s->call.reparse = sets(s) ? s->c->input : (struct span){0};
	held_times_add(q->open, 0, &s->call);
	return open_call(q, &s->call.call, VFS_SETATTR, set_done);
}

/* Only its maker knows what a reparse point means: with the tag, and the GUID, comes the leave to change it. */
static nt_status check_owner(const struct set_reparse *s)
{
	struct reparse now;

	if (!nt_ok(reparse_decode(s->stat.reparse, &now)))
		return sets(s) ? STATUS_SUCCESS : STATUS_NOT_A_REPARSE_POINT;
	if (now.tag != s->in.tag)
		return STATUS_IO_REPARSE_TAG_MISMATCH;
	return span_eq(now.guid, s->in.guid) ? STATUS_SUCCESS
					     : STATUS_REPARSE_ATTRIBUTE_CONFLICT;
}

static nt_status looked_into(struct req *q, int err, struct wr *w)
{
	return err ? nt_from_errno(err) : set(q);
}

/*
 * Deviation: the document refuses files with extended attributes. Clients of WSL files have just set owner, mode and device
 * numbers as such.
 */
static nt_status stat_known(struct req *q, int err, struct wr *w)
{
	struct set_reparse *s = q->state;
	const struct vfs_stat *now = &s->stat.stat;
	nt_status st;

	if (err && err != -EILSEQ)
		return nt_from_errno(err);
	if (err || (now->type != VFS_FILE && now->type != VFS_DIR))
		return STATUS_ACCESS_DENIED; /* links and special files of this machine stay */
	st = check_owner(s);
	if (!nt_ok(st))
		return st;
	if (!sets(s))
		return set(q);
	if (s->in.tag == IO_REPARSE_TAG_SYMLINK && now->size)
		return STATUS_IO_REPARSE_DATA_INVALID;
	return q->open->directory ? dir_empty_check(q, &s->empty, looked_into) : set(q);
}

static nt_status turn_held(struct req *q, int err, struct wr *w)
{
	struct set_reparse *s = q->state;

	s->stat.file = q->open->node->file;
	s->stat.with_reparse = true;
	return open_call(q, &s->stat.call, VFS_STAT, stat_known);
}

static void set_cleanup(struct req *q)
{
	struct set_reparse *s = q->state;

	turn_give(&s->turn);
	dir_empty_fini(&s->empty);
}

/* Of the root of a share nothing would be left. */
static nt_status check_open(const struct req *q)
{
	const struct open *o = q->open;

	if (o->node->base)
		return STATUS_INVALID_PARAMETER;
	if (!open_may(o, FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES) ||
	    o->node == o->tree->root)
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

static nt_status begin(struct req *q, const struct ioctl *c,
		       nt_status (*decode)(struct span buffer, struct reparse *ret))
{
	struct set_reparse *s = arena_alloc(&q->arena, sizeof(*s));
	nt_status st = ioctl_file(q, c, 0);

	if (nt_ok(st))
		st = check_open(q);
	if (!nt_ok(st))
		return st;
	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = decode(c->input, &s->in);
	if (!nt_ok(st))
		return st;
	s->c = c;
	q->state = s;
	q->cleanup = set_cleanup;
	turn_take(&q->open->node->turn, &s->turn, req_wait(q, turn_held));
	return STATUS_PENDING;
}

nt_status ioctl_set_reparse_point(struct req *q, const struct ioctl *c)
{
	return begin(q, c, reparse_decode);
}

nt_status ioctl_delete_reparse_point(struct req *q, const struct ioctl *c)
{
	return begin(q, c, reparse_delete_decode);
}
