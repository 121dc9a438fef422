/* SMB2 WRITE.  Spec: [MS-SMB2] 2.2.21, 2.2.22, 3.3.5.13 */
#include "cmd/break_wait.h"
#include "cmd/cmd.h"
#include "cmd/open_call.h"
#include "cmd/pipe_io.h"
#include "cmd/write_note.h"

enum { OFF_LENGTH = SMB2_HEADER_LEN + 4 };

struct write {
	uint64_t offset;
	uint32_t flags;
	struct file_id id;
	struct span data; /* in the frame's buffer, where it was received or decrypted */
	struct write_note note;
	struct vfs_io io;
	struct vfs_statcall stat; /* before, for who may only append; inside the turn */
	struct turn_ref turn;
};

uint32_t cmd_write_payload(struct req *q)
{
	struct rd r = rd_of(q->message);

	rd_seek(&r, OFF_LENGTH);
	return rd_u32(&r);
}

static nt_status write_decode(struct rd *r, struct write *a)
{
	uint16_t off;
	uint32_t len;
	struct rd data;

	rd_struct_size(r, 49);
	off = rd_u16(r);
	len = rd_u32(r);
	a->offset = rd_u64(r);
	a->id = rd_file_id(r);
	rd_skip(r,
		4 + 4 + 2 + 2); /* Channel, RemainingBytes, WriteChannelInfo: no RDMA */
	a->flags = rd_u32(r);
	if (len && off < rd_pos(r)) /* data inside the fixed part */
		return STATUS_INVALID_PARAMETER;
	data = rd_at(r, off, len);
	a->data = rd_rest(&data);
	return rd_ok(r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

void write_encode(struct wr *w, uint32_t count)
{
	wr_u16(w, 17); /* StructureSize */
	wr_u16(w, 0);  /* Reserved */
	wr_u32(w, count);
	wr_u32(w, 0); /* Remaining */
	wr_u16(w, 0); /* WriteChannelInfoOffset, Length */
	wr_u16(w, 0);
	wr_u8(w, 0); /* Buffer: the structure counts one byte of it */
}

static nt_status write_done(struct req *q, int err, struct wr *w)
{
	const struct write *a = q->state;

	if (err)
		return nt_from_errno(err);
	open_moved_to(q->open, a->offset + a->io.done);
	write_encode(w, (uint32_t)a->io.done);
	return STATUS_SUCCESS;
}

static nt_status write_ended(struct req *q, int err, struct wr *w)
{
	struct write *a = q->state;

	return err ? write_done(q, err, w) : write_note_end(q, &a->note, write_done);
}

static nt_status write_start(struct req *q, int err, struct wr *w)
{
	struct write *a = q->state;

	a->io.data = q->open->data;
	a->io.off = a->offset;
	/* the frame's buffer is ours alone until the request ends; the kernel only reads it */
	a->io.bytes = mspan_of(q->frame->buf->data + (a->data.p - q->frame->buf->data),
			       a->data.len);
	a->io.buf = q->frame->buf;
	a->io.sync = (atomic_load(&q->open->mode) & FILE_WRITE_THROUGH) ||
		     (a->flags & SMB2_WRITEFLAG_WRITE_THROUGH);
	vfs_run(open_vfs(q->open), &a->io.call, VFS_WRITE, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, write_ended));
	return STATUS_PENDING;
}

static nt_status write_check(struct req *q, const struct write *a)
{
	struct open *o = q->open;

	if (a->data.len > q->conn->max_write)
		return STATUS_INVALID_PARAMETER;
	if (o->directory)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!open_may(o, FILE_WRITE_DATA | FILE_APPEND_DATA))
		return STATUS_ACCESS_DENIED;
	if (a->offset > INT64_MAX || a->data.len > INT64_MAX - a->offset)
		return STATUS_INVALID_PARAMETER;
	if (a->data.len && a->offset + a->data.len > FILE_SIZE_MAX)
		return STATUS_INVALID_PARAMETER;
	return state_io_check(o->node->state, o->server->server_id, o->state_id,
			      a->offset, a->data.len, true);
}

static void write_cleanup(struct req *q)
{
	struct write *a = q->state;

	turn_give(&a->turn);
}

/* Nobody is in the way any more. */
static nt_status write_begin(struct req *q)
{
	struct write *a = q->state;

	return write_note_begin(q, &a->note, write_start);
}

/*
 * Who may not write may still append: 3.3.5.13. What others append meanwhile is not written over, as they take turns.
 *
 * Deviation: the document also wants FILE_APPEND_DATA for what extends the file; NTFS is content with FILE_WRITE_DATA.
 */
static nt_status append_size_known(struct req *q, int err, struct wr *w)
{
	const struct write *a = q->state;

	if (err)
		return nt_from_errno(err);
	return a->offset < a->stat.stat.size ? STATUS_ACCESS_DENIED : write_begin(q);
}

static nt_status append_turn_held(struct req *q, int err, struct wr *w)
{
	struct write *a = q->state;

	a->stat.file = q->open->data;
	return open_call(q, &a->stat.call, VFS_STAT, append_size_known);
}

/* Nobody else caches what is about to change. */
static nt_status write_uncached(struct req *q, int err, struct wr *w)
{
	struct write *a = q->state;

	if (open_may(q->open, FILE_WRITE_DATA))
		return write_begin(q);
	q->cleanup = write_cleanup;
	turn_take(&q->open->node->turn, &a->turn, req_wait(q, append_turn_held));
	return STATUS_PENDING;
}

nt_status cmd_write(struct req *q)
{
	struct write *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st;

	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = write_decode(&q->body, a);
	if (nt_ok(st))
		st = req_open_get(q, a->id);
	if (!nt_ok(st))
		return st;
	if (!q->open->node)
		return pipe_cmd_write(q, a->data);
	st = write_check(q, a);
	if (!nt_ok(st))
		return st;
	if (a->data.len == 0) {
		write_encode(req_reply(q, 17), 0);
		return STATUS_SUCCESS;
	}
	q->state = a;
	return cache_use(q, CACHING_USE_WRITE, write_uncached);
}
