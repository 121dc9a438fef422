/* SMB2 SET_INFO.  Spec: [MS-SMB2] 2.2.39, 2.2.40, 3.3.5.21 */
#include "cmd/set_info.h"

#include "cmd/ea.h"
#include "cmd/file_info.h"
#include "cmd/fs_info.h"
#include "cmd/held_times.h"

#include <errno.h>

enum {
	OFF_BUFFER_LENGTH = SMB2_HEADER_LEN + 4, /* in the request */
	SYNCHRONOUS = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT,
	MODE_SETTABLE = FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | SYNCHRONOUS,
};

uint32_t cmd_set_info_payload(struct req *q)
{
	struct rd r = rd_of(q->message);

	rd_seek(&r, OFF_BUFFER_LENGTH);
	return rd_u32(&r);
}

static nt_status set_decode(struct req *q, struct set_info *a)
{
	struct rd *r = &q->body;
	uint32_t len;
	uint16_t off;

	rd_struct_size(r, 33);
	a->type = rd_u8(r);
	a->class = rd_u8(r);
	len = rd_u32(r);
	off = rd_u16(r);
	rd_skip(r, 2); /* Reserved */
	a->additional = rd_u32(r);
	a->id = rd_file_id(r);
	if (off < rd_pos(r)) /* inside the fixed part */
		return STATUS_INVALID_PARAMETER;
	a->data = rd_at(r, off, len);
	if (!rd_ok(r) || len == 0 || len > q->conn->max_transact)
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

nt_status set_succeed(struct req *q)
{
	wr_u16(req_reply(q, 2), 2); /* StructureSize */
	return STATUS_SUCCESS;
}

nt_status set_done(struct req *q, int err, struct wr *w)
{
	return err ? nt_from_errno(err) : set_succeed(q);
}

/* What was done stays done. */
static nt_status set_noted(struct req *q, int err, struct wr *w)
{
	return set_succeed(q);
}

nt_status set_done_note(struct req *q, int err, struct wr *w)
{
	struct vfs_setattr *s;

	if (err || (q->open->directory && !held_times_any(q->open)))
		return set_done(q, err, w);
	s = arena_alloc(&q->arena, sizeof(*s));
	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	s->file = q->open->node->file;
	s->what = VFS_SET_ARCHIVE;
	held_times_add(q->open, 0, s);
	return open_call(q, &s->call, VFS_SETATTR, set_noted);
}

/* ---- classes that change only the open ----------------------------------------------------------- */

/* [MS-FSA] 2.1.5.15.10 */
static nt_status set_position(struct req *q, struct set_info *a)
{
	uint64_t position = rd_u64(&a->data);

	if (position > INT64_MAX)
		return STATUS_INVALID_PARAMETER;
	{
		LOCK_SCOPE(&q->open->lock);
		q->open->position = position;
	}
	return set_succeed(q);
}

/* [MS-FSA] 2.1.5.15.8: what it says about synchronous opens, no SMB2 open is. */
static nt_status set_mode(struct req *q, struct set_info *a)
{
	uint32_t mode = rd_u32(&a->data);
	struct open *o = q->open;
	uint32_t now = atomic_load(&o->mode);

	if ((mode & ~(uint32_t)MODE_SETTABLE) ||
	    !(mode & SYNCHRONOUS) != !(now & SYNCHRONOUS) ||
	    (mode & SYNCHRONOUS) == SYNCHRONOUS)
		return STATUS_INVALID_PARAMETER;
	mode |= now & ~(uint32_t)MODE_SETTABLE;
	if (now & FILE_NO_INTERMEDIATE_BUFFERING)
		mode = (mode & ~(uint32_t)FILE_WRITE_THROUGH) |
		       (now & FILE_WRITE_THROUGH);
	atomic_store(&o->mode, mode);
	return set_succeed(q);
}

/* [MS-FSCC] 2.4.37: our pipes are message pipes that answer at once, and stay so. */
static nt_status set_pipe(struct req *q, struct set_info *a)
{
	uint32_t read_mode = rd_u32(&a->data);
	uint32_t completion = rd_u32(&a->data);

	if (read_mode > FILE_PIPE_MESSAGE_MODE ||
	    completion > FILE_PIPE_COMPLETE_OPERATION)
		return STATUS_INVALID_PARAMETER;
	if (read_mode != FILE_PIPE_MESSAGE_MODE ||
	    completion != FILE_PIPE_QUEUE_OPERATION)
		return STATUS_NOT_SUPPORTED;
	return set_succeed(q);
}

/* [MS-FSA] 2.1.5.15.15: nobody manages volumes through this server. */
static nt_status set_valid_data_length(struct req *q, struct set_info *a)
{
	return STATUS_PRIVILEGE_NOT_HELD;
}

/* ---- extended attributes ------------------------------------------------------------------------- */

static nt_status eas_done(struct req *q, int err, struct wr *w)
{
	if (err == -EINVAL)
		return STATUS_INVALID_EA_NAME;
	return set_done_note(q, err, w);
}

/* [MS-FSA] 2.1.5.15.6 */
static nt_status set_eas(struct req *q, struct set_info *a)
{
	struct vfs_ea_set *s = arena_alloc(&q->arena, sizeof(*s));
	struct vfs_ea *eas;
	nt_status st;

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = ea_decode(rd_rest(&a->data), &q->arena, &eas, &s->count);
	if (!nt_ok(st))
		return st;
	s->file = q->open->node->file;
	s->eas = eas;
	return open_call(q, &s->call, VFS_EA_SET, eas_done);
}

/* ---- the table ----------------------------------------------------------------------------------- */

static const struct set_class {
	uint8_t class;
	uint8_t least_len;
	uint32_t access; /* 0: none */
	bool of_pipe;    /* of pipes instead of files */
	nt_status (*apply)(struct req *q, struct set_info *a);
} classes[] = {
	{FileAllocationInformation, 8, FILE_WRITE_DATA, false, set_allocation},
	{FileBasicInformation, 40, FILE_WRITE_ATTRIBUTES, false, set_basic},
	{FileDispositionInformation, 1, DELETE, false, set_disposition},
	{FileDispositionInformationEx, 4, DELETE, false, set_disposition_ex},
	{FileEndOfFileInformation, 8, FILE_WRITE_DATA, false, set_end_of_file},
	{FileFullEaInformation, 1, FILE_WRITE_EA, false, set_eas},
	{FileLinkInformation, 24, 0, false, set_link},
	{FileModeInformation, 4, 0, false, set_mode},
	{FilePipeInformation, 8, FILE_WRITE_ATTRIBUTES, true, set_pipe},
	{FilePositionInformation, 8, 0, false, set_position},
	{FileRenameInformation, 24, DELETE, false, set_rename},
	{FileValidDataLengthInformation, 8, FILE_WRITE_DATA, false,
	 set_valid_data_length},
};

static nt_status set_file(struct req *q, struct set_info *a)
{
	const struct set_class *c = NULL;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == a->class)
			c = &classes[i];
	if (!c)
		return file_info_is_settable(a->class) ? STATUS_NOT_SUPPORTED
						       : STATUS_INVALID_INFO_CLASS;
	if (c->of_pipe != !q->open->node) /* [MS-FSCC] 2.4: not of this file system */
		return STATUS_INVALID_PARAMETER;
	if (rd_left(&a->data) < c->least_len)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (c->access && !open_may(q->open, c->access))
		return STATUS_ACCESS_DENIED;
	return c->apply(q, a);
}

/* [MS-SMB2] 3.3.5.21.2: nothing of a volume can be set. */
static nt_status set_fs(struct req *q, const struct set_info *a)
{
	bool writes = a->class == FileFsControlInformation ||
		      a->class == FileFsObjectIdInformation;

	if (!fs_info_is_settable(a->class))
		return STATUS_INVALID_INFO_CLASS;
	if (writes && !open_may(q->open, FILE_WRITE_DATA))
		return STATUS_ACCESS_DENIED;
	return STATUS_NOT_SUPPORTED;
}

nt_status cmd_set_info(struct req *q)
{
	struct set_info *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st;

	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = set_decode(q, a);
	if (nt_ok(st))
		st = req_open_get(q, a->id);
	if (!nt_ok(st))
		return st;
	switch (a->type) {
	case SMB2_0_INFO_FILE:
		return set_file(q, a);
	case SMB2_0_INFO_FILESYSTEM:
		return set_fs(q, a);
	case SMB2_0_INFO_SECURITY:
		return set_security(q, a);
	case SMB2_0_INFO_QUOTA:
		return set_quota(q, a);
	default:
		return STATUS_INVALID_PARAMETER;
	}
}
