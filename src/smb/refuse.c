#include "smb/refuse.h"

#include "base/log.h"
#include "smb/audit.h"
#include "smb/req.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { REFUSALS_LOGGED_A_SECOND = 8, SUMMARY_MAX = 960 };

static const char *const policy_names[] = {
	[POLICY_OK] = "ok",
	[POLICY_NOT_NEGOTIATED] = "not_negotiated",
	[POLICY_SECOND_NEGOTIATE] = "second_negotiate",
	[POLICY_NEGOTIATE_SIGNED] = "negotiate_signed",
	[POLICY_UNEXPECTED_TRANSFORM] = "unexpected_transform",
	[POLICY_ANONYMOUS] = "anonymous_session",
	[POLICY_UNSIGNED] = "unsigned",
	[POLICY_UNSIGNED_CLIENT_DEMAND] = "unsigned_client_demand",
	[POLICY_WRONG_SIGNATURE] = "wrong_signature",
	[POLICY_NO_KEY] = "no_key",
	[POLICY_UNENCRYPTED] = "unencrypted",
	[POLICY_CANNOT_ENCRYPT] = "cannot_encrypt",
	[POLICY_CANNOT_SIGN] = "cannot_sign",
	[POLICY_TREE_CONNECT_UNPROTECTED] = "tree_connect_unprotected",
	[POLICY_SESSION_NOT_FOUND] = "session_not_found",
	[POLICY_SESSION_HAS_EXPIRED] = "session_expired",
	[POLICY_BINDING_REFUSED] = "binding_refused",
};

static_assert(ARRAY_LEN(policy_names) == POLICY_REASON_COUNT, "a name for each reason");

static const struct {
	const char *name;
	const char *text;
	const char *parameter;
} refusals[] = {
	[REFUSED_DIALECT] = {"dialect", "no dialect in common", "dialects"},
	[REFUSED_NEGOTIATE] = {"negotiate_altered",
			       "VALIDATE_NEGOTIATE_INFO does not fit what was "
			       "negotiated: somebody may have altered NEGOTIATE",
			       NULL},
	[REFUSED_TRANSFORM] = {"transform", "an encrypted message that is not authentic",
			       NULL},
	[REFUSED_CREDENTIALS] = {"credentials",
				 "unknown user, wrong password or no Unix account", NULL},
	[REFUSED_DISABLED] = {"disabled", "the user is disabled", NULL},
	[REFUSED_ANONYMOUS] = {"anonymous_logon", "anonymous access is not allowed",
			       "null_session_access"},
	[REFUSED_MECHANISM] = {"mechanism", "no way to log on in common, or one too weak",
			       "ntlm"},
	[REFUSED_TOKEN] = {"token", "a malformed logon", NULL},
	[REFUSED_OTHER_USER] = {"other_user", "the session is another user's", NULL},
	[REFUSED_LOGON] = {"logon", "the logon failed", NULL},
	[REFUSED_TOO_MANY] = {"too_many", "too many sessions, or logons under way", NULL},
};

static_assert(ARRAY_LEN(refusals) == REFUSED_COUNT, "a row for each refusal");

const char *refusal_name(unsigned i)
{
	return i < POLICY_REASON_COUNT ? policy_names[i]
				       : refusals[i - POLICY_REASON_COUNT].name;
}

const char *refusal_text(unsigned i)
{
	return i < POLICY_REASON_COUNT ? policy_reason_text(i)
				       : refusals[i - POLICY_REASON_COUNT].text;
}

/* Whoever cannot protect messages learns at the server what would help him. */
static const char *remedy(const struct policy_out *out)
{
	return out->reason == POLICY_CANNOT_SIGN
		       ? "; a user with an account can: tsmb-passwd -a NAME"
		       : "";
}

/* Who the session is, or says it will be; of a binding who says he is the one. With a reference to keep it by. */
static const char *user_of(const struct req *q, struct principal **ret_who)
{
	/* while a step runs the exchange is the pool's */
	bool claims = q->channel && q->channel->setup && !q->channel->setup->busy;
	struct principal *who = q->sess ? sess_who(q->sess) : NULL;
	const char *name = who ? who->user : "";

	if (claims && (!who || q->binding))
		name = auth_claimed_user(q->channel->setup->auth);
	*ret_who = who;
	return name;
}

static void report(const struct req *q, nt_status st, const char *text,
		   const char *parameter, const char *more)
{
	CLEANUP(principal_putp) struct principal *who = NULL;
	struct smb_server *server = q->conn->server;
	const char *user = user_of(q, &who);
	struct log_esc esc;

	trail_refused(q, st, user, text, parameter);
	if (!log_limit_ok(&server->refusal_log, REFUSALS_LOGGED_A_SECOND,
			  env_now_ns(server->env)))
		return;
	log_warn("conn %" PRIu64 " %s: %s refused to user \"%s\", dialect %s: %s%s%s%s",
		 q->conn->id, conn_peer(q->conn),
		 smb_command_name(server, q->header.command),
		 log_esc(&esc, span_of_str(user)), conn_dialect_name(q->conn->dialect),
		 text, parameter ? "; parameter " : "", parameter ? parameter : "", more);
}

static void count_one(const struct req *q, atomic_ullong *all, unsigned i)
{
	atomic_fetch_add_explicit(all, 1, memory_order_relaxed);
	if (q->sess)
		atomic_fetch_add_explicit(&q->sess->refused[i], 1, memory_order_relaxed);
}

void refuse_report(const struct req *q, const struct policy_out *out)
{
	count_one(q, &q->conn->server->counters.refused[out->reason], out->reason);
	report(q, out->verdict == POLICY_REFUSE ? out->status : STATUS_SUCCESS,
	       policy_reason_text(out->reason), out->parameter, remedy(out));
}

void refuse_other(const struct req *q, enum refusal r, nt_status st)
{
	char status[80];

	count_one(q, &q->conn->server->counters.refused_otherwise[r],
		  POLICY_REASON_COUNT + r);
	snprintf(status, sizeof(status), " (%s)", nt_status_name(st));
	report(q, st, refusals[r].text, refusals[r].parameter, status);
}

void refuse_logon(const struct req *q, nt_status st)
{
	static const struct {
		uint32_t status;
		enum refusal refusal;
	} rows[] = {
		{0xC000006D, REFUSED_CREDENTIALS}, /* STATUS_LOGON_FAILURE		*/
		{0xC0000072, REFUSED_DISABLED},    /* STATUS_ACCOUNT_DISABLED	*/
		{0xC0000022, REFUSED_ANONYMOUS},   /* STATUS_ACCESS_DENIED		*/
		{0xC00000BB, REFUSED_MECHANISM},   /* STATUS_NOT_SUPPORTED		*/
		{0xC000000D, REFUSED_TOKEN},       /* STATUS_INVALID_PARAMETER	*/
	};
	enum refusal r = REFUSED_LOGON;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == st.v)
			r = rows[i].refusal;
	refuse_other(q, r, st);
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

struct summary {
	char text[SUMMARY_MAX];
	size_t len;
};

static void summary_add(struct summary *s, const char *what, unsigned long long count)
{
	int n;

	if (!count || s->len >= sizeof(s->text))
		return;
	n = snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s%s: %llu",
		     s->len ? "; " : "", what, count);
	s->len += n > 0 ? (size_t)n : 0;
}

void refuse_summary(const struct smb_server *s)
{
	struct summary refused = {0}, audited = {0};

	for (unsigned i = 0; i < POLICY_REASON_COUNT; i++)
		summary_add(&refused, policy_reason_text(i),
			    atomic_load(&s->counters.refused[i]));
	for (unsigned i = 0; i < REFUSED_COUNT; i++)
		summary_add(&refused, refusals[i].text,
			    atomic_load(&s->counters.refused_otherwise[i]));
	for (unsigned i = 0; i < AUDIT_COUNT; i++)
		summary_add(&audited, audit_setting_text(i),
			    atomic_load(&s->counters.audited[i]));
	log_info("refused since the start: %s", refused.len ? refused.text : "nothing");
	if (audited.len)
		log_info("audit: logons that would have been shut out: %s", audited.text);
}
