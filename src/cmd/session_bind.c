#include "cmd/session_bind.h"

#include "base/log.h"
#include "cmd/session_keys.h"
#include "smb/logons.h"

#include <inttypes.h>

nt_status session_bind_begin(struct req *q)
{
	struct conn *c = q->conn;
	struct channel *ch = conn_binding(c, q->sess->id);
	nt_status st;

	/* what is hashed must be what is sent: nothing of a compound is final before its last element */
	if (q->frame->first != q->frame->last)
		return STATUS_INVALID_PARAMETER;
	if (ch != q->channel) /* bound since it was looked at, or removed */
		return STATUS_REQUEST_NOT_ACCEPTED;
	if (ch)
		return STATUS_SUCCESS;
	if (c->in_progress >= CONN_IN_PROGRESS_MAX ||
	    !logons_may_begin(c->server->logons, c->address))
		st = STATUS_INSUFFICIENT_RESOURCES;
	else
		st = channel_bind(c, q->sess, &ch);
	if (nt_ok(st))
		q->channel = channel_get(ch);
	if (nt_is(st, STATUS_INSUFFICIENT_RESOURCES))
		refuse_other(q, REFUSED_TOO_MANY, st);
	return st;
}

/* Deviation: [MS-SMB2] 3.3.5.5 answers STATUS_NOT_SUPPORTED to another user; Windows and Samba do this. */
static nt_status bind_same_user(struct req *q, const struct principal *who)
{
	struct principal *old = sess_who(q->sess);
	bool same = old && principal_same(old, who);

	principal_put(old);
	if (same)
		return STATUS_SUCCESS;
	refuse_other(q, REFUSED_OTHER_USER, STATUS_ACCESS_DENIED);
	return STATUS_ACCESS_DENIED;
}

static nt_status bind_allowed(struct req *q, const struct principal *who)
{
	struct policy_in in = req_policy(q);
	struct policy_session_out out;

	in.user = principal_user(who);
	out = policy_session(&in, false);
	return refuse_apply(q, &out.out);
}

static nt_status bind_channel(struct req *q)
{
	struct setup *setup = q->channel->setup;
	nt_status st = STATUS_NETWORK_SESSION_EXPIRED;

	if (atomic_load(&q->sess->state) != SESS_EXPIRED)
		st = channel_key_make(q->channel, &setup->preauth,
				      auth_session_key(setup->auth));
	if (nt_ok(st))
		st = channel_bound(q->channel);
	if (!nt_ok(st))
		refuse_logon(q, st);
	return st;
}

nt_status session_bind_finish(struct req *q, const struct principal *who)
{
	nt_status st = bind_allowed(q, who);

	if (nt_ok(st))
		st = bind_same_user(q, who);
	if (nt_ok(st))
		st = bind_channel(q);
	if (!nt_ok(st))
		return st;
	q->final_setup = true;
	conn_authenticated(q->conn, true);
	log_verbose("conn %" PRIu64 ": one more channel of the session of \"%s\"",
		    q->conn->id, who->user);
	return STATUS_SUCCESS;
}
