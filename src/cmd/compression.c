#include "cmd/compression.h"

#include "wire/fscc_proto.h"

enum { COMPRESSION_STATE_LEN = 2 };

nt_status ioctl_get_compression(struct req *q, const struct ioctl *c)
{
	nt_status st = ioctl_file(q, c, COMPRESSION_STATE_LEN);
	struct wr w;

	if (!nt_ok(st))
		return st;
	w = wr_of(ioctl_room(q, COMPRESSION_STATE_LEN));
	wr_u16(&w, COMPRESSION_FORMAT_NONE);
	ioctl_encode(q, c, COMPRESSION_STATE_LEN);
	return STATUS_SUCCESS;
}

/*
 * As it is already: done. Otherwise it cannot be.
 *
 * Deviation: the document has STATUS_INVALID_DEVICE_REQUEST for all of it; clients are used to STATUS_NOT_SUPPORTED.
 */
nt_status ioctl_set_compression(struct req *q, const struct ioctl *c)
{
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
	if (state != COMPRESSION_FORMAT_NONE)
		return STATUS_NOT_SUPPORTED;
	return ioctl_answer_nothing(q, c);
}
