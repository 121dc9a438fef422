/*
 * refuse.c - what policy refused: one counter, one line, one consequence.
 */
#include "base/log.h"
#include "smb/req.h"

#include <inttypes.h>

enum { REFUSALS_LOGGED_A_SECOND = 8 };

void refuse_report(const struct req *q, const struct policy_out *out)
{
	struct smb_server *server = q->conn->server;
	struct log_esc esc;
	struct principal *who;

	atomic_fetch_add_explicit(&server->counters.refused[out->reason], 1,
				  memory_order_relaxed);
	if (!log_limit_ok(&server->refusal_log, REFUSALS_LOGGED_A_SECOND,
			  env_now_ns(server->env)))
		return;
	who = q->sess ? sess_who(q->sess) : NULL;
	log_warn("conn %" PRIu64 " %s: %s refused to user \"%s\", dialect %s: %s%s%s",
		 q->conn->id,
		 q->conn->xport ? q->conn->xport->ops->peer(q->conn->xport) : "-",
		 smb_command_name(server, q->header.command),
		 who ? log_esc(&esc, span_of_str(who->user)) : "",
		 conn_dialect_name(q->conn->dialect), policy_reason_text(out->reason),
		 out->parameter ? "; parameter " : "",
		 out->parameter ? out->parameter : "");
	principal_put(who);
}

nt_status refuse_apply(const struct req *q, const struct policy_out *out)
{
	if (out->verdict == POLICY_PROCESS)
		return STATUS_SUCCESS;
	refuse_report(q, out);
	if (out->verdict == POLICY_REFUSE)
		return out->status;
	/* the tree is looked at after the message id was used: a DROP that late can only be a disconnect */
	conn_disconnect(q->conn, policy_reason_text(out->reason));
	return STATUS_CONNECTION_DISCONNECTED;
}
