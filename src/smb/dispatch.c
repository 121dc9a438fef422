/*
 * dispatch.c - the second half of receiving: the elements of a frame one after another, each through the checks of
 * [MS-SMB2] 3.3.5.2.5 to .11 that need what earlier elements did, then its handler.
 */
#include "smb/req.h"

enum { CREDIT_UNIT = 64 * 1024 };

/* [MS-SMB2] 3.3.5.2.7.2: session and tree of a related request are those of the element before. */
static nt_status dispatch_related(struct req *q)
{
	struct frame *f = q->frame;

	if (!q->related)
		return STATUS_SUCCESS;
	if (q->misplaced || !q->channel) /* nor had the one before a session */
		return STATUS_INVALID_PARAMETER;
	q->header.tree_id = f->last_tree_id;
	q->file_id = f->last_file_id;
	q->has_file_id = f->last_has_file_id;
	return STATUS_SUCCESS;
}

/* [MS-SMB2] 3.3.5.2.9: the session must be usable here. */
static nt_status dispatch_session(struct req *q, unsigned needs)
{
	if (!(needs & NEED_SESSION))
		return STATUS_SUCCESS;
	if (!q->channel || !q->channel->valid ||
	    atomic_load(&q->sess->state) == SESS_CLOSED)
		return STATUS_USER_SESSION_DELETED;
	return STATUS_SUCCESS;
}

/* [MS-SMB2] 3.3.5.2.5: the charge must cover what is carried or asked for. */
static nt_status dispatch_charge(struct req *q, const struct command *cmd)
{
	uint32_t payload;
	uint32_t charge = q->header.credit_charge ? q->header.credit_charge : 1;

	if (!cmd->payload)
		return STATUS_SUCCESS;
	payload = cmd->payload(q);
	if (!q->conn->multi_credit)
		return payload <= CREDIT_UNIT ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	if (payload && (payload - 1) / CREDIT_UNIT + 1 > charge)
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

/* [MS-SMB2] 3.3.5.2.11, and the second entry of policy. */
static nt_status dispatch_tree(struct req *q, unsigned needs)
{
	struct policy_in in;
	struct policy_out out;

	if (!(needs & NEED_TREE))
		return STATUS_SUCCESS;
	q->tree = tree_find(q->sess, q->header.tree_id);
	if (!q->tree)
		return STATUS_NETWORK_NAME_DELETED;
	in = req_policy(q);
	out = policy_access(&in);
	return refuse_apply(q, &out);
}

static nt_status dispatch(struct req *q)
{
	const struct command *cmd = smb_command(q->conn->server, q->header.command);
	nt_status st = cmd ? dispatch_related(q) : STATUS_INVALID_PARAMETER;

	if (nt_ok(st) && q->verdict.verdict == POLICY_REFUSE)
		st = q->verdict.status;
	if (nt_ok(st))
		st = dispatch_session(q, cmd->needs);
	if (nt_ok(st))
		st = dispatch_charge(q, cmd);
	if (nt_ok(st))
		st = dispatch_tree(q, cmd->needs);
	if (!nt_ok(st))
		return st;
	return cmd->run ? cmd->run(q) : STATUS_NOT_SUPPORTED;
}

void frame_run(struct frame *f)
{
	struct req *q;

	/* the last request frees f: look ahead before each ends */
	while ((q = f->running) != NULL) {
		struct req *next = q->next;
		nt_status st = q->conn->state == CONN_CLOSED
				       ? STATUS_CONNECTION_DISCONNECTED
				       : dispatch(q);

		if (nt_is(st, STATUS_PENDING) && q->pending) {
			if (q->peer)
				req_parked(q);
			return;
		}
		f->running = next;
		req_finish(q, st);
		if (!next)
			return;
	}
}
