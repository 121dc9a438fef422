/* SMB2 TREE_DISCONNECT.  Spec: [MS-SMB2] 2.2.11, 2.2.12, 3.3.5.8 */
#include "cmd/cmd.h"

static nt_status disconnect_done(struct req *q, int err, struct wr *w)
{
	wr_u16(w, 4); /* StructureSize */
	wr_u16(w, 0); /* Reserved */
	return STATUS_SUCCESS;
}

nt_status cmd_tree_disconnect(struct req *q)
{
	rd_struct_size(&q->body, 4);
	rd_skip(&q->body, 2); /* Reserved */
	if (!rd_ok(&q->body))
		return STATUS_INVALID_PARAMETER;
	tree_close(q->tree, q->lane->lane, req_wait(q, disconnect_done));
	return STATUS_PENDING;
}
