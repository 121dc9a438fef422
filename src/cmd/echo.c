/* SMB2 ECHO.  Spec: [MS-SMB2] 2.2.28, 2.2.29, 3.3.5.17 */
#include "cmd/cmd.h"

nt_status cmd_echo(struct req *q)
{
	struct wr *w;

	rd_struct_size(&q->body, 4);
	rd_skip(&q->body, 2); /* Reserved */
	if (!rd_ok(&q->body))
		return STATUS_INVALID_PARAMETER;
	/* allowed without a session; one that is named must be usable: 3.3.5.2.9 */
	if (q->header.session_id && !(q->channel && q->channel->valid))
		return STATUS_USER_SESSION_DELETED;
	w = req_reply(q, 4);
	wr_u16(w, 4); /* StructureSize */
	wr_u16(w, 0); /* Reserved */
	return STATUS_SUCCESS;
}
