#include "cmd/compression.h"

#include "cmd/held_times.h"
#include "cmd/open_call.h"
#include "wire/fscc_proto.h"

#include <errno.h>

enum { COMPRESSION_STATE_LEN = 2 };

struct compression {
	const struct ioctl *c;
	struct vfs_statcall stat;
	struct vfs_setattr set;
};

/* The file system has its own way; the only name there is for one is that of NTFS. */
static nt_status told(struct req *q, int err, struct wr *w)
{
	const struct compression *a = q->state;
	struct wr out;

	if (err)
		return nt_from_errno(err);
	out = wr_of(ioctl_room(q, COMPRESSION_STATE_LEN));
	wr_u16(&out, a->stat.stat.dos_attributes & FILE_ATTRIBUTE_COMPRESSED
			     ? COMPRESSION_FORMAT_LZNT1
			     : COMPRESSION_FORMAT_NONE);
	ioctl_encode(q, a->c, COMPRESSION_STATE_LEN);
	return STATUS_SUCCESS;
}

nt_status ioctl_get_compression(struct req *q, const struct ioctl *c)
{
	struct compression *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st = ioctl_file(q, c, COMPRESSION_STATE_LEN);

	if (!nt_ok(st))
		return st;
	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	q->state = a;
	a->c = c;
	a->stat.file = q->open->node->file;
	return open_call(q, &a->stat.call, VFS_STAT, told);
}

/* As it is already: done, also where nothing else is possible. */
static nt_status set(struct req *q, int err, struct wr *w)
{
	const struct compression *a = q->state;

	if (err == -EOPNOTSUPP && !a->set.attr.dos_attributes)
		err = 0;
	return err ? nt_from_errno(err) : ioctl_answer_nothing(q, a->c);
}

/*
 * What is there already stays as it is; what is written from now on is compressed, or not.
 *
 * Deviation: where it is not supported the document has STATUS_INVALID_DEVICE_REQUEST for all of it; clients are used to
 * STATUS_NOT_SUPPORTED.
 */
nt_status ioctl_set_compression(struct req *q, const struct ioctl *c)
{
	struct compression *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st = ioctl_file(q, c, 0);
	struct rd r = rd_of(c->input);
	uint16_t state = rd_u16(&r);

	if (!nt_ok(st))
		return st;
	if (!open_may(q->open,
		      FILE_WRITE_DATA)) /* the code itself asks for it: [MS-FSCC] 2.3 */
		return STATUS_ACCESS_DENIED;
	if (!rd_ok(&r) || state > COMPRESSION_FORMAT_LZNT1)
		return STATUS_INVALID_PARAMETER;
	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	q->state = a;
	a->c = c;
	a->set.file = q->open->node->file;
	a->set.what = VFS_SET_COMPRESSED;
	a->set.attr.dos_attributes = state == COMPRESSION_FORMAT_NONE
					     ? 0
					     : FILE_ATTRIBUTE_COMPRESSED;
	held_times_add(q->open, 0, &a->set);
	return open_call(q, &a->set.call, VFS_SETATTR, set);
}
