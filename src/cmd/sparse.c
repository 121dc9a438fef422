#include "cmd/sparse.h"

#include "cmd/break_wait.h"
#include "cmd/held_times.h"
#include "cmd/open_call.h"
#include "cmd/sparse_request.h"
#include "cmd/write_note.h"
#include "wire/fscc_proto.h"

enum {
	RANGES_MAX = 16384, /* told at once: 256 KiB */
	TRIM_RESPONSE_LEN = 4,
};

/* A file, opened with one of these rights. */
static nt_status file_check(struct req *q, const struct ioctl *c, uint32_t any_of)
{
	nt_status st = ioctl_file(q, c, 0);

	if (!nt_ok(st))
		return st;
	if (q->open->directory)
		return STATUS_INVALID_PARAMETER;
	return open_may(q->open, any_of) ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

/* ---- FSCTL_SET_SPARSE ---------------------------------------------------------------------------------------- */

struct set_sparse {
	const struct ioctl *c;
	struct vfs_setattr call;
};

static nt_status sparse_set(struct req *q, int err, struct wr *w)
{
	const struct set_sparse *s = q->state;

	return err ? nt_from_errno(err) : ioctl_answer_nothing(q, s->c);
}

nt_status ioctl_set_sparse(struct req *q, const struct ioctl *c)
{
	struct set_sparse *s = arena_alloc(&q->arena, sizeof(*s));
	nt_status st = file_check(
		q, c, FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_ATTRIBUTES);

	if (!nt_ok(st))
		return st;
	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	q->state = s;
	s->c = c;
	s->call.file = q->open->node->file;
	s->call.what = VFS_SET_SPARSE;
	s->call.attr.dos_attributes = set_sparse_decode(c->input)
					      ? FILE_ATTRIBUTE_SPARSE_FILE
					      : 0;
	held_times_add(q->open, 0, &s->call);
	return open_call(q, &s->call.call, VFS_SETATTR, sparse_set);
}

/* ---- FSCTL_SET_ZERO_DATA, FSCTL_FILE_LEVEL_TRIM ---------------------------------------------------------------- */

/* One range after another is made to read as zeroes, in steps, so that others get their turn in between. */
struct zero {
	const struct ioctl *c;
	struct file_range *ranges;
	size_t count, next;
	bool trim; /* or sparse: no blocks need to stay */
	nt_status status;
	struct vfs_statcall stat;
	struct write_note note;
	struct vfs_zero call;
};

static nt_status zero_step(struct req *q, int err, struct wr *w);

static nt_status zero_encode(struct req *q, int err, struct wr *w)
{
	const struct zero *z = q->state;
	struct wr out;

	if (!nt_ok(z->status))
		return z->status;
	if (z->c->code != FSCTL_FILE_LEVEL_TRIM)
		return ioctl_answer_nothing(q, z->c);
	out = wr_of(ioctl_room(q, TRIM_RESPONSE_LEN));
	wr_u32(&out, (uint32_t)z->next); /* NumRangesProcessed */
	ioctl_encode(q, z->c, TRIM_RESPONSE_LEN);
	return STATUS_SUCCESS;
}

static nt_status zeroed(struct req *q, int err, struct wr *w)
{
	struct zero *z = q->state;

	if (err) {
		z->status = nt_from_errno(err);
		return write_note_end(q, &z->note, zero_encode);
	}
	z->ranges[z->next].offset += z->call.done;
	if (z->call.done == 0)
		z->next++;
	return zero_step(q, 0, w);
}

/* The end of the file ends a range: nothing is made longer. [MS-FSA] 2.1.5.10.37 */
static nt_status zero_step(struct req *q, int err, struct wr *w)
{
	struct zero *z = q->state;
	struct file_range *f = &z->ranges[z->next];

	if (z->next == z->count)
		return write_note_end(q, &z->note, zero_encode);
	z->call = (struct vfs_zero){
		.data = q->open->data,
		.off = f->offset,
		.end = f->end,
		.punch = z->trim ||
			 (z->stat.stat.dos_attributes & FILE_ATTRIBUTE_SPARSE_FILE),
		.sync = atomic_load(&q->open->mode) & FILE_WRITE_THROUGH,
	};
	return open_call(q, &z->call.call, VFS_ZERO, zeroed);
}

static nt_status zero_stat_known(struct req *q, int err, struct wr *w)
{
	struct zero *z = q->state;

	return err ? nt_from_errno(err) : write_note_begin(q, &z->note, zero_step);
}

static nt_status zero_uncached(struct req *q, int err, struct wr *w)
{
	struct zero *z = q->state;

	z->stat.file = q->open->node->file;
	return open_call(q, &z->stat.call, VFS_STAT, zero_stat_known);
}

static nt_status zero_locks_check(const struct req *q, const struct zero *z)
{
	const struct open *o = q->open;

	for (size_t i = 0; i < z->count; i++) {
		const struct file_range *f = &z->ranges[i];
		nt_status st;

		if (f->offset == f->end)
			continue;
		st = state_io_check(o->node->state, o->server->server_id, o->state_id,
				    f->offset, f->end - f->offset, true);
		if (!nt_ok(st))
			return st;
	}
	return STATUS_SUCCESS;
}

static nt_status zero_begin(struct req *q, struct zero *z)
{
	nt_status st = zero_locks_check(q, z);

	if (!nt_ok(st))
		return st;
	z->status = STATUS_SUCCESS;
	q->state = z;
	return cache_use(q, CACHING_USE_WRITE, zero_uncached);
}

nt_status ioctl_set_zero_data(struct req *q, const struct ioctl *c)
{
	struct zero *z = arena_alloc(&q->arena, sizeof(*z));
	nt_status st = file_check(q, c, FILE_WRITE_DATA);

	if (!nt_ok(st))
		return st;
	if (z)
		z->ranges = arena_alloc(&q->arena, sizeof(*z->ranges));
	if (!z || !z->ranges)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = zero_data_decode(c->input, z->ranges);
	if (!nt_ok(st))
		return st;
	z->c = c;
	z->count = 1;
	return zero_begin(q, z);
}

/* What was there is not to be read again; that it reads as zeroes is one of the things that may be. [MS-FSA] 2.1.5.10.6 */
nt_status ioctl_trim(struct req *q, const struct ioctl *c)
{
	struct zero *z = arena_alloc(&q->arena, sizeof(*z));
	nt_status st = file_check(q, c, FILE_WRITE_DATA);

	if (!nt_ok(st))
		return st;
	if (!z)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = trim_decode(c->input, &q->arena, &z->ranges, &z->count);
	if (!nt_ok(st))
		return st;
	if (c->max_output < TRIM_RESPONSE_LEN)
		return STATUS_BUFFER_TOO_SMALL;
	z->c = c;
	z->trim = true;
	return zero_begin(q, z);
}

/* ---- FSCTL_QUERY_ALLOCATED_RANGES ------------------------------------------------------------------------------ */

struct ranges {
	const struct ioctl *c;
	struct file_range asked;
	struct vfs_statcall stat;
	struct vfs_ranges call;
};

/* What does not fit is asked for next, from behind the last one. */
static nt_status ranges_encode(struct req *q, const struct vfs_range *list, size_t count,
			       bool more)
{
	const struct ranges *a = q->state;
	size_t len = count * RANGE_LEN;
	struct wr w = wr_of(ioctl_room(q, len));

	for (size_t i = 0; i < count; i++) {
		wr_u64(&w, list[i].off);
		wr_u64(&w, list[i].end - list[i].off);
	}
	ioctl_encode(q, a->c, len);
	q->with_body = more;
	return more ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static nt_status ranges_known(struct req *q, int err, struct wr *w)
{
	const struct ranges *a = q->state;

	return err ? nt_from_errno(err)
		   : ranges_encode(q, a->call.list, a->call.count, a->call.more);
}

static nt_status ranges_stat_known(struct req *q, int err, struct wr *w)
{
	struct ranges *a = q->state;
	const struct vfs_stat *st = &a->stat.stat;
	struct vfs_range whole = {.off = a->asked.offset, .end = a->asked.end};
	size_t room = a->c->max_output / RANGE_LEN;

	if (err)
		return nt_from_errno(err);
	if (whole.end > st->size)
		whole.end = st->size;
	if (whole.off >= whole.end)
		return ranges_encode(q, NULL, 0, false);
	if (room == 0)
		return STATUS_BUFFER_TOO_SMALL;
	if (!(st->dos_attributes & FILE_ATTRIBUTE_SPARSE_FILE))
		return ranges_encode(q, &whole, 1, false);
	a->call.data = q->open->data;
	a->call.asked = whole;
	a->call.max = room < RANGES_MAX ? room : RANGES_MAX;
	return open_call(q, &a->call.call, VFS_RANGES, ranges_known);
}

nt_status ioctl_allocated_ranges(struct req *q, const struct ioctl *c)
{
	struct ranges *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st = file_check(q, c, FILE_READ_DATA);

	if (!nt_ok(st))
		return st;
	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = allocated_ranges_decode(c->input, &a->asked);
	if (!nt_ok(st))
		return st;
	q->state = a;
	a->c = c;
	a->stat.file = q->open->node->file;
	return open_call(q, &a->stat.call, VFS_STAT, ranges_stat_known);
}
