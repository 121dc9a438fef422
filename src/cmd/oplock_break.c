/* SMB2 OPLOCK_BREAK acknowledgement.  Spec: [MS-SMB2] 2.2.24, 3.3.5.22.  No oplock is ever granted, so none is broken. */
#include "cmd/cmd.h"

nt_status cmd_oplock_break(struct req *q)
{
	struct rd *r = &q->body;
	uint16_t size = rd_u16(r);

	if (!rd_ok(r) ||
	    (size != SMB2_OPLOCK_BREAK_SIZE && size != SMB2_LEASE_BREAK_SIZE))
		return STATUS_INVALID_PARAMETER;
	if (size == SMB2_LEASE_BREAK_SIZE)
		return STATUS_OBJECT_NAME_NOT_FOUND; /* no lease by that key: 3.3.5.22.2 */
	{
		struct file_id id;
		nt_status st;

		rd_skip(r, 1 + 1 + 4); /* OplockLevel, Reserved, Reserved2 */
		id = rd_file_id(r);
		if (!rd_ok(r))
			return STATUS_INVALID_PARAMETER;
		st = req_open_get(q, id);
		return nt_ok(st) ? STATUS_INVALID_OPLOCK_PROTOCOL : st;
	}
}
