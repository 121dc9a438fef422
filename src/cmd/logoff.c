/* SMB2 LOGOFF.  Spec: [MS-SMB2] 2.2.7, 2.2.8, 3.3.5.6 */
#include "cmd/cmd.h"

static nt_status logoff_done(struct req *q, int err, struct wr *w)
{
	wr_u16(w, 4); /* StructureSize */
	wr_u16(w, 0); /* Reserved */
	return STATUS_SUCCESS;
}

nt_status cmd_logoff(struct req *q)
{
	rd_struct_size(&q->body, 4);
	rd_skip(&q->body, 2); /* Reserved */
	if (!rd_ok(&q->body))
		return STATUS_INVALID_PARAMETER;
	sess_disconnect(q->sess, q->lane->lane, req_wait(q, logoff_done));
	return STATUS_PENDING;
}
