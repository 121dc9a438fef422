/*
 * The way of a request:
 *
 *     ioctl_duplicate_extents  decoded, checked; what others cache of the target is broken
 *     uncached                 how long is the source?
 *     source_known             do the two fit? The same of the target
 *     target_known             it begins
 *     duplicate                one VFS_CLONE
 *     cloned                   attributes and times of the target
 */
#include "cmd/duplicate_extents.h"

#include "cmd/break_wait.h"
#include "cmd/open_call.h"
#include "cmd/write_note.h"
#include "wire/fscc_proto.h"

#include <errno.h>

enum { EX_SIZE = 0x30 };

/* ---- decoders ---------------------------------------------------------------------------------------- */

static bool is_range(uint64_t offset, uint64_t length)
{
	return offset <= INT64_MAX && length <= INT64_MAX - offset;
}

static nt_status decode_ranges(struct rd *r, struct duplicate_request *d)
{
	d->source = rd_file_id(r);
	d->source_offset = rd_u64(r);
	d->target_offset = rd_u64(r);
	d->length = rd_u64(r);
	if (!rd_ok(r) || !is_range(d->source_offset, d->length) ||
	    !is_range(d->target_offset, d->length))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

nt_status duplicate_decode(struct span input, struct duplicate_request *ret_request)
{
	struct rd r = rd_of(input);
	struct duplicate_request d;
	nt_status st = decode_ranges(&r, &d);

	if (nt_ok(st))
		*ret_request = d;
	return st;
}

nt_status duplicate_ex_decode(struct span input, struct duplicate_request *ret_request)
{
	struct rd r = rd_of(input);
	uint64_t size = rd_u64(&r);
	struct duplicate_request d;
	nt_status st = decode_ranges(&r, &d);
	uint32_t flags = rd_u32(&r);

	rd_skip(&r, 4); /* Reserved */
	if (!rd_ok(&r))
		return STATUS_INVALID_PARAMETER;
	if (size != EX_SIZE || (flags & DUPLICATE_EXTENTS_DATA_EX_SOURCE_ATOMIC))
		return STATUS_NOT_SUPPORTED;
	if (nt_ok(st))
		*ret_request = d;
	return st;
}

/* ---- the control ------------------------------------------------------------------------------------- */

struct duplicate {
	const struct ioctl *c;
	struct duplicate_request in;
	struct open *source; /* held */
	struct vfs_statcall stat;
	struct vfs_stat source_stat;
	struct write_note note;
	struct vfs_clone call;
	nt_status status;
};

static nt_status answer(struct req *q, int err, struct wr *w)
{
	const struct duplicate *d = q->state;

	return nt_ok(d->status) ? ioctl_answer_nothing(q, d->c) : d->status;
}

static nt_status cloned(struct req *q, int err, struct wr *w)
{
	struct duplicate *d = q->state;

	d->status = err == -EOPNOTSUPP ? STATUS_INVALID_DEVICE_REQUEST /* not here */
		    : err == -EXDEV    ? STATUS_INVALID_PARAMETER      /* two volumes */
				       : nt_from_errno(err);
	return write_note_end(q, &d->note, answer);
}

/* Locks on bytes that somebody else has. */
static nt_status check_locks(const struct req *q, const struct duplicate *d)
{
	const struct open *from = d->source, *to = q->open;
	nt_status st = state_io_check(from->node->state, from->server->server_id,
				      from->state_id, d->in.source_offset, d->in.length,
				      false);

	if (!nt_ok(st))
		return st;
	return state_io_check(to->node->state, to->server->server_id, to->state_id,
			      d->in.target_offset, d->in.length, true);
}

static nt_status duplicate(struct req *q, int err, struct wr *w)
{
	struct duplicate *d = q->state;

	d->call = (struct vfs_clone){
		.src = d->source->data,
		.src_off = d->in.source_offset,
		.data = q->open->data,
		.off = d->in.target_offset,
		.len = d->in.length,
		.sync = atomic_load(&q->open->mode) & FILE_WRITE_THROUGH,
	};
	return open_call(q, &d->call.call, VFS_CLONE, cloned);
}

static bool is_sparse(const struct vfs_stat *st)
{
	return st->dos_attributes & FILE_ATTRIBUTE_SPARSE_FILE;
}

static nt_status target_known(struct req *q, int err, struct wr *w)
{
	struct duplicate *d = q->state;

	if (err)
		return nt_from_errno(err);
	if (is_sparse(&d->source_stat) && !is_sparse(&d->stat.stat))
		return STATUS_NOT_SUPPORTED;
	return write_note_begin(q, &d->note, duplicate);
}

static nt_status source_known(struct req *q, int err, struct wr *w)
{
	struct duplicate *d = q->state;

	if (err)
		return nt_from_errno(err);
	d->source_stat = d->stat.stat;
	if (d->in.length > d->source_stat.size ||
	    d->in.source_offset > d->source_stat.size - d->in.length)
		return STATUS_NOT_SUPPORTED;
	d->stat = (struct vfs_statcall){.file = q->open->node->file};
	return open_call(q, &d->stat.call, VFS_STAT, target_known);
}

/* What is asked of the source is asked as whoever opened it. */
static nt_status uncached(struct req *q, int err, struct wr *w)
{
	struct duplicate *d = q->state;
	struct open *from = d->source;

	d->stat.file = from->node->file;
	d->stat.call.raised = share_raises(from->tree->share);
	vfs_run(open_vfs(from), &d->stat.call, VFS_STAT, q->lane->lane,
		tree_cred(from->tree, from->who), &q->arena, req_wait(q, source_known));
	return STATUS_PENDING;
}

static bool overlaps(const struct req *q, const struct duplicate *d)
{
	uint64_t a = d->in.source_offset, b = d->in.target_offset;

	return d->source->node == q->open->node && (a < b ? b - a : a - b) < d->in.length;
}

/* In the order of the document, whose clusters only the file system knows. */
static nt_status check(const struct req *q, const struct duplicate *d)
{
	const struct open *from = d->source, *to = q->open;

	if (to->directory)
		return STATUS_NOT_SUPPORTED;
	if (!open_may(to, FILE_WRITE_DATA))
		return STATUS_ACCESS_DENIED;
	if (!from->node || from->directory || !open_may(from, FILE_READ_DATA))
		return STATUS_INVALID_PARAMETER;
	if (overlaps(q, d))
		return STATUS_NOT_SUPPORTED;
	return check_locks(q, d);
}

/* An open of this session, of whatever share. Held and counted. */
static struct open *source_get(struct req *q, struct file_id id)
{
	struct open *o = open_find(q->sess, id);

	if (o && nt_ok(open_hold(o)))
		return o;
	open_put(o);
	return NULL;
}

static void duplicate_cleanup(struct req *q)
{
	struct duplicate *d = q->state;

	open_let_go(d->source);
	open_put(d->source);
}

nt_status ioctl_duplicate_extents(struct req *q, const struct ioctl *c)
{
	struct duplicate *d = arena_alloc(&q->arena, sizeof(*d));
	nt_status st = ioctl_file(q, c, 0);

	if (!nt_ok(st))
		return st;
	if (!d)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = c->code == FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX
		     ? duplicate_ex_decode(c->input, &d->in)
		     : duplicate_decode(c->input, &d->in);
	if (!nt_ok(st))
		return st;
	d->c = c;
	d->source = source_get(q, d->in.source);
	if (!d->source)
		return STATUS_INVALID_HANDLE;
	q->state = d;
	q->cleanup = duplicate_cleanup;
	st = check(q, d);
	if (!nt_ok(st))
		return st;
	if (d->in.length == 0)
		return ioctl_answer_nothing(q, c);
	return cache_use(q, CACHING_USE_WRITE, uncached);
}
