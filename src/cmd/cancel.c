/* SMB2 CANCEL.  Spec: [MS-SMB2] 2.2.30, 3.3.5.16.  It is never answered; dispatch sees to that. */
#include "cmd/cmd.h"

static struct req *cancel_target(struct req *q)
{
	struct map_node *n;

	if (q->header.flags & SMB2_FLAGS_ASYNC_COMMAND) {
		n = map_first(&q->conn->async, q->header.async_id);
		return n ? container_of(n, struct req, by_async) : NULL;
	}
	n = map_first(&q->conn->requests, q->header.message_id);
	return n ? container_of(n, struct req, by_id) : NULL;
}

nt_status cmd_cancel(struct req *q)
{
	struct req *target = cancel_target(q);

	/* only by the session that made it, and only what waits for another client */
	if (target && target->sess == q->sess)
		req_cancel(target, WAIT_CANCELLED);
	return STATUS_SUCCESS;
}
