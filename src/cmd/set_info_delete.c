/*
 * SET_INFO, FileDispositionInformation. The flag is set inside the node's turn; the last close removes the name.
 *
 * Spec     [MS-FSA] 2.1.5.15.3, 2.1.5.15.4; [MS-SMB2] 3.3.5.21.1
 */
#include "cmd/set_info.h"

#include "cmd/break_wait.h"
#include "cmd/dir_empty.h"
#include "smb/watches.h"

enum {
	KNOWN_FLAGS = FILE_DISPOSITION_DELETE | FILE_DISPOSITION_POSIX_SEMANTICS |
		      FILE_DISPOSITION_FORCE_IMAGE_SECTION_CHECK |
		      FILE_DISPOSITION_ON_CLOSE |
		      FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE,
	/* images are not mapped here: nothing to check */
	REFUSED_FLAGS = FILE_DISPOSITION_POSIX_SEMANTICS | FILE_DISPOSITION_ON_CLOSE,
};

struct set_delete {
	bool pending;
	bool ignore_readonly;
	struct turn_ref turn;
	struct dir_empty empty;
	struct vfs_statcall stat;
	struct state_result result;
	struct state_op op; /* has no ranges: last */
};

static void delete_cleanup(struct req *q)
{
	struct set_delete *d = q->state;

	turn_give(&d->turn);
	dir_empty_fini(&d->empty);
}

static nt_status applied(struct req *q, int err, struct wr *w)
{
	struct set_delete *d = q->state;

	if (!err && !nt_ok(d->result.status))
		return d->result.status;
	if (!err && d->pending && q->open->directory)
		watches_end(q->conn->server, q->open->node);
	return set_done(q, err, w);
}

static nt_status apply(struct req *q)
{
	struct set_delete *d = q->state;
	struct open *o = q->open;

	if (d->pending)
		open_dooms(o);
	d->op = (struct state_op){
		.code = STATE_SET_DELETE,
		.node = o->node->key,
		.server = o->server->server_id,
		.open = o->state_id,
		.delete_pending = d->pending,
	};
	state_apply(o->server->state, q->lane->lane, &d->op, &d->result,
		    req_wait(q, applied));
	return STATUS_PENDING;
}

/* It may go: by the name it was opened through. */
static nt_status mark(struct req *q)
{
	struct node *parent;
	const char *name;
	int err;

	if (q->open->node->base) /* a stream has one name only */
		return apply(q);
	err = open_name(q->open, &q->arena, &parent, &name);
	if (err)
		return nt_from_errno(err);
	err = node_moved(q->open->node, parent, name);
	node_put(parent);
	return err ? nt_from_errno(err) : apply(q);
}

static nt_status looked_into(struct req *q, int err, struct wr *w)
{
	return err ? nt_from_errno(err) : mark(q);
}

/* ---- from the start ------------------------------------------------------------------------------ */

static nt_status stat_done(struct req *q, int err, struct wr *w)
{
	struct set_delete *d = q->state;

	if (err)
		return nt_from_errno(err);
	if ((d->stat.stat.dos_attributes & FILE_ATTRIBUTE_READONLY) &&
	    !d->ignore_readonly)
		return STATUS_CANNOT_DELETE;
	return q->open->directory ? dir_empty_check(q, &d->empty, looked_into) : mark(q);
}

static nt_status turn_held(struct req *q, int err, struct wr *w)
{
	struct set_delete *d = q->state;

	if (!d->pending)
		return apply(q);
	d->stat.file = q->open->node->file;
	return open_call(q, &d->stat.call, VFS_STAT, stat_done);
}

static bool is_root(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return !o->parent && !o->node->base;
}

/* Nobody keeps it open only because it is cached. */
static nt_status uncached(struct req *q, int err, struct wr *w)
{
	struct set_delete *d = q->state;

	turn_take(&q->open->node->turn, &d->turn, req_wait(q, turn_held));
	return STATUS_PENDING;
}

static nt_status dispose(struct req *q, bool pending, bool ignore_readonly)
{
	struct set_delete *d = arena_alloc(&q->arena, sizeof(*d));

	if (!d)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (pending && is_root(q->open)) /* the root of a share stays */
		return STATUS_CANNOT_DELETE;
	d->pending = pending;
	d->ignore_readonly = ignore_readonly;
	q->state = d;
	q->cleanup = delete_cleanup;
	return pending ? cache_use(q, CACHING_USE_NAME, uncached) : uncached(q, 0, NULL);
}

nt_status set_disposition(struct req *q, struct set_info *a)
{
	return dispose(q, rd_u8(&a->data) != 0, false);
}

/* The last close deletes, never an earlier one: POSIX semantics are refused rather than promised. */
nt_status set_disposition_ex(struct req *q, struct set_info *a)
{
	uint32_t flags = rd_u32(&a->data);

	if (flags & (~(uint32_t)KNOWN_FLAGS | REFUSED_FLAGS))
		return STATUS_NOT_SUPPORTED;
	return dispose(q, flags & FILE_DISPOSITION_DELETE,
		       (flags & FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE) &&
			       open_may(q->open, FILE_WRITE_ATTRIBUTES));
}
