/* SMB2 READ.  Spec: [MS-SMB2] 2.2.19, 2.2.20, 3.3.5.12 */
#include "cmd/cmd.h"
#include "cmd/held_times.h"
#include "cmd/open_call.h"
#include "cmd/pipe_io.h"

#include <errno.h>

enum {
	OFF_LENGTH = SMB2_HEADER_LEN + 4, /* Length in the request */
	DATA_OFFSET = SMB2_HEADER_LEN + 16,
	RESPONSE_FIXED_LEN = 16,
};

struct read {
	uint32_t length, minimum;
	uint64_t offset;
	struct file_id id;
	struct vfs_io io;
	struct vfs_piece piece; /* instead of `io`, where that is possible */
};

uint32_t cmd_read_payload(struct req *q)
{
	struct rd r = rd_of(q->message);

	rd_seek(&r, OFF_LENGTH);
	return rd_u32(&r);
}

static nt_status read_decode(struct rd *r, struct read *a)
{
	rd_struct_size(r, 49);
	rd_skip(r, 1 + 1); /* Padding: a wish of the client's; Flags: unbuffered, RDMA */
	a->length = rd_u32(r);
	a->offset = rd_u64(r);
	a->id = rd_file_id(r);
	a->minimum = rd_u32(r);
	rd_skip(r, 4 + 4 + 2 + 2); /* Channel, RemainingBytes, ReadChannelInfo: no RDMA */
	return rd_ok(r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static void read_encode_fixed(struct wr *w, size_t len)
{
	wr_u16(w, 17); /* StructureSize */
	wr_u8(w, DATA_OFFSET);
	wr_u8(w, 0); /* Reserved */
	wr_u32(w, (uint32_t)len);
	wr_u32(w, 0); /* DataRemaining */
	wr_u32(w, 0); /* Flags */
}

/* The fixed part; data of `len` bytes lies behind it already. */
void read_encode(struct req *q, size_t len)
{
	struct wr *w = &q->w;

	read_encode_fixed(w, len);
	(void)!wr_room(w, len);
	if (len == 0)
		wr_u8(w, 0); /* the buffer is never empty on the wire */
}

struct mspan read_room(struct req *q, size_t len)
{
	struct wr *w = req_reply(q, RESPONSE_FIXED_LEN + len + 1);

	if (!wr_ok(w))
		return (struct mspan){0};
	return mspan_of(w->p + DATA_OFFSET, len);
}

static nt_status read_done(struct req *q, int err, struct wr *w)
{
	const struct read *a = q->state;

	if (err)
		return nt_from_errno(err);
	if (a->io.done < a->minimum || (a->io.done == 0 && a->length > 0))
		return STATUS_END_OF_FILE;
	open_moved_to(q->open, a->offset + a->io.done);
	if (q->piece)
		read_encode_fixed(w, q->piece_len);
	else if (!q->sealed)
		read_encode(q, a->io.done);
	return STATUS_SUCCESS;
}

/* What has been read cannot be unread: that the time could not be put back is no reason to fail. */
static nt_status read_times_held(struct req *q, int err, struct wr *w)
{
	return read_done(q, 0, w);
}

static nt_status read_hold_times(struct req *q, int err, struct wr *w)
{
	struct vfs_setattr *s;

	if (err || !held_times_by_reads(q->open))
		return read_done(q, err, w);
	s = arena_alloc(&q->arena, sizeof(*s));
	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	s->file = q->open->node->file;
	held_times_add(q->open, 0, s);
	return open_call(q, &s->call, VFS_SETATTR, read_times_held);
}

static nt_status read_start(struct req *q, bool lend);

/* Reading what was lent, encrypting it and putting it into the answer is one. */
static bool read_seal(struct req *q, struct vfs_io *io)
{
	int err;

	read_encode(q, io->lent.len);
	err = req_seal_from(q, io->lent);
	if (vfs_settle(io) && !err)
		return true;
	req_unseal(q);
	return false;
}

static nt_status read_got(struct req *q, int err, struct wr *w)
{
	struct read *a = q->state;

	if (!err && a->io.lent.p && !read_seal(q, &a->io))
		return read_start(q, false);
	return read_hold_times(q, err, w);
}

/* Into the answer's buffer, or from where the bytes lie. */
static nt_status read_start(struct req *q, bool lend)
{
	struct read *a = q->state;

	a->io.bytes = read_room(q, a->length);
	if (!a->io.bytes.p)
		return STATUS_INSUFFICIENT_RESOURCES;
	a->io.buf = q->out;
	a->io.data = q->open->data;
	a->io.off = a->offset;
	a->io.lend = lend;
	vfs_run(open_vfs(q->open), &a->io.call, VFS_READ, q->lane->lane, NULL, &q->arena,
		req_wait(q, read_got));
	return STATUS_PENDING;
}

static nt_status piece_done(struct req *q, int err, struct wr *w)
{
	struct read *a = q->state;

	if (err == -EOPNOTSUPP)
		return read_start(q, false);
	if (!err && a->piece.piece)
		req_piece_set(q, a->piece.piece, a->piece.done);
	a->io.done = err ? 0 : a->piece.done;
	return read_hold_times(q, err, w);
}

/* Nobody looks at the bytes, so they need not be copied. */
static nt_status piece_start(struct req *q)
{
	struct read *a = q->state;

	a->piece.data = q->open->data;
	a->piece.off = a->offset;
	a->piece.len = a->length;
	vfs_run(open_vfs(q->open), &a->piece.call, VFS_PIECE, q->lane->lane, NULL,
		&q->arena, req_wait(q, piece_done));
	return STATUS_PENDING;
}

/* Large enough, alone in its frame, neither signed nor encrypted. */
static bool wants_piece(const struct req *q, const struct read *a)
{
	size_t min = open_vfs(q->open)->piece_min;

	return min && a->length >= min && q->frame->first == q->frame->last &&
	       req_is_answered_plain(q);
}

/* Large enough, and sealed by who can do so while reading. */
static bool wants_loan(const struct req *q, const struct read *a)
{
	size_t min = open_vfs(q->open)->lend_min;

	return min && a->length >= min && req_may_seal_from(q);
}

static nt_status read_check(struct req *q, const struct read *a)
{
	struct open *o = q->open;

	if (a->length > q->conn->max_read)
		return STATUS_INVALID_PARAMETER;
	if (o->directory)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!open_may(o, FILE_READ_DATA | FILE_EXECUTE))
		return STATUS_ACCESS_DENIED;
	if (a->offset > INT64_MAX || a->length > INT64_MAX - a->offset)
		return STATUS_INVALID_PARAMETER;
	if (a->length == 0) /* touches no byte that could be locked */
		return STATUS_SUCCESS;
	return state_io_check(o->node->state, o->server->server_id, o->state_id,
			      a->offset, a->length, false);
}

nt_status cmd_read(struct req *q)
{
	struct read *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st;

	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = read_decode(&q->body, a);
	if (nt_ok(st))
		st = req_open_get(q, a->id);
	if (!nt_ok(st))
		return st;
	if (!q->open->node)
		return pipe_cmd_read(q, a->length);
	st = read_check(q, a);
	if (!nt_ok(st))
		return st;
	q->state = a;
	return wants_piece(q, a) ? piece_start(q) : read_start(q, wants_loan(q, a));
}
