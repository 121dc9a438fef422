/*
 * SMB2 SESSION_SETUP: first logon, re-authentication, binding.  Spec: [MS-SMB2] 2.2.5, 2.2.6, 3.3.5.5
 *
 *     cmd_session_setup  decode, find or make the session, hash the request
 *     step_run           one step of the exchange, in the authentication pool if it may take its time
 *     step_done          MORE_PROCESSING, failure, or the keys of a session
 *     setup_refuse       of a wrong password: later
 *     setup_finish       once the session it replaces is gone
 */
#include "cmd/cmd.h"

#include "base/ct.h"
#include "base/log.h"
#include "cmd/session_bind.h"
#include "cmd/session_keys.h"
#include "smb/logons.h"

#include <inttypes.h>

struct setup_req {
	struct job job;
	uint8_t security_mode;
	uint64_t previous_session_id;
	struct span token;
	struct span answer;
	nt_status status; /* of the step */
	bool first;       /* first authentication of the session, or here: makes keys */
	uint16_t session_flags;
	struct arena *arena;
	struct auth *auth;
	struct req *q;
	struct timer delay; /* of a failure's answer */
	uint64_t due_ns;    /* when it may go */
};

static nt_status setup_decode(struct rd *r, struct setup_req *s)
{
	uint16_t off, len;
	struct rd token;

	rd_struct_size(r, 25);
	rd_skip(r, 1); /* Flags: recv.c has looked at SMB2_SESSION_FLAG_BINDING */
	s->security_mode = rd_u8(r);
	rd_skip(r, 4 + 4); /* Capabilities, Channel */
	off = rd_u16(r);
	len = rd_u16(r);
	s->previous_session_id = rd_u64(r);
	token = rd_at(r, off, len);
	s->token = rd_rest(&token);
	return rd_ok(r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static nt_status setup_new_session(struct req *q)
{
	struct conn *c = q->conn;
	nt_status st;

	if (c->in_progress >= CONN_IN_PROGRESS_MAX ||
	    !logons_may_begin(c->server->logons, c->address)) {
		refuse_other(q, REFUSED_TOO_MANY, STATUS_INSUFFICIENT_RESOURCES);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	st = sess_new(c->server, c, q->snap->conf->sessions_max, &q->sess);
	if (!nt_ok(st)) {
		refuse_other(q, REFUSED_TOO_MANY, st);
		return st;
	}
	q->channel = channel_new(c, q->sess);
	if (!q->channel) {
		sess_close(q->sess, q->lane->lane, NULL);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	channel_get(q->channel);
	return STATUS_SUCCESS;
}

/* The exchange under way on this channel; a new one begins it. */
static nt_status setup_begin(struct req *q, struct setup_req *s)
{
	struct channel *ch = q->channel;

	if (!ch->setup) {
		ch->setup = setup_new(q->snap);
		if (!ch->setup)
			return STATUS_INSUFFICIENT_RESOURCES;
		ch->setup->preauth = q->conn->preauth;
	}
	if (ch->setup->busy)
		return STATUS_REQUEST_NOT_ACCEPTED;
	if (s->security_mode & SMB2_NEGOTIATE_SIGNING_REQUIRED)
		ch->setup->client_signs = true;
	if (s->first && q->conn->dialect == SMB2_DIALECT_311 &&
	    preauth_update(&ch->setup->preauth, q->message) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	return STATUS_SUCCESS;
}

/* The exchange is over; a failed first logon takes its session along, a failed re-authentication, too. A failed binding
 * only its half-open channel: the session may be somebody else's. */
static nt_status setup_end(struct req *q, nt_status st)
{
	setup_free(TAKE(q->channel->setup));
	if (q->binding)
		channel_remove(q->channel);
	else
		sess_close(q->sess, q->lane->lane, NULL);
	return st;
}

static nt_status delay_done(struct req *q, int err, struct wr *w)
{
	struct setup_req *s = q->state;

	timer_cancel(q->lane->lane->timers, &s->delay);
	return setup_end(q, s->status);
}

static void delay_over(struct timer *t);

/* A timer counts from the beginning of the lane's turn, so it may be a little early. */
static void delay_arm(struct req *q, struct setup_req *s)
{
	uint64_t now_ns = env_now_ns(q->conn->server->env);
	uint64_t left_ns = s->due_ns > now_ns ? s->due_ns - now_ns : 0;

	timer_arm(q->lane->lane->timers, &s->delay, (left_ns + 999999) / 1000000,
		  delay_over);
}

static void delay_over(struct timer *t)
{
	struct setup_req *s = container_of(t, struct setup_req, delay);
	struct req *q = s->q;

	if (env_now_ns(q->conn->server->env) < s->due_ns)
		delay_arm(q, s);
	else if (wait_claim(&q->wait, WAIT_TIMED_OUT))
		wait_now(&q->wait, 0);
}

/* Nothing of the exchange ends before the answer, so that asking for its session says no more than waiting. */
static nt_status setup_delay(struct req *q, struct setup_req *s)
{
	s->q = q;
	q->channel->setup->busy = true;
	delay_arm(q, s);
	req_wait_quietly(q, delay_done);
	return STATUS_PENDING;
}

/*
 * What the user database or a proof said no to is answered late, so that passwords cannot be tried out quickly. Whatever
 * is wrong with the message itself, or becomes of a right password, says nothing about passwords.
 */
static nt_status setup_refuse(struct req *q, struct setup_req *s)
{
	const struct conf *conf = q->snap->conf;

	refuse_logon(q, s->status);
	stats_logon(q, false);
	if (!nt_is(s->status, STATUS_LOGON_FAILURE) || !conf->auth_delay_ms)
		return setup_end(q, s->status);
	s->due_ns = logons_failed(q->conn->server->logons, q->conn->address,
				  auth_claimed_user(s->auth),
				  env_now_ns(q->conn->server->env),
				  conf->auth_delay_ms * UINT64_C(1000000));
	if (q->conn->state == CONN_CLOSED || q->conn->retired) /* nobody waits any more */
		return setup_end(q, s->status);
	return setup_delay(q, s);
}

static void setup_encode(struct wr *w, uint16_t session_flags, struct span token)
{
	size_t off;

	wr_u16(w, 9); /* StructureSize */
	wr_u16(w, session_flags);
	off = wr_hole_u16(w);
	wr_u16(w, (uint16_t)token.len);
	wr_fill_u16(w, off, (uint16_t)wr_pos(w));
	wr_bytes(w, token);
}

/* MORE_PROCESSING answers of a first authentication are hashed; those of a binding as they are signed.
 * [MS-SMB2] 3.3.5.5.3 */
static void setup_hash_answer(struct req *q, struct span message)
{
	if (q->channel->setup &&
	    preauth_update(&q->channel->setup->preauth, message) != 0)
		conn_disconnect(q->conn, "preauthentication hash failed");
}

static nt_status setup_more(struct req *q, struct setup_req *s)
{
	struct wr *w = req_reply(q, 16 + s->answer.len);

	setup_encode(w, 0, s->answer);
	if (!wr_ok(w)) { /* nobody will see this challenge: the next token begins a new exchange */
		setup_free(TAKE(q->channel->setup));
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	if (s->first && q->conn->dialect == SMB2_DIALECT_311)
		q->encoded = setup_hash_answer;
	return STATUS_MORE_PROCESSING_REQUIRED;
}

static void setup_audit(const struct req *q, const struct policy_in *in,
			const struct principal *who)
{
	const struct setup *setup = q->channel->setup;
	const struct auth_server without_ntlm = {.ntlm = false};
	struct audit_logon l = {
		.conn = q->conn,
		.in = *in,
		.client_requires_signing = setup->client_signs || q->conn->client_signs,
		.needs_ntlm = auth_needs_other(setup->auth, &without_ntlm),
		.user = who->user,
	};

	if (q->snap->conf->security_audit)
		audit_logon(&l);
	if (in->user == POLICY_USER_GUEST)
		audit_guest(q->conn, who->user);
}

/* Everything of a session that a first authentication decides; visible to others only once it is VALID. */
static nt_status setup_establish(struct req *q, struct setup_req *s,
				 struct principal *who)
{
	struct conn *c = q->conn;
	struct sess *sess = q->sess;
	struct policy_in in = req_policy(q);
	struct policy_session_out out;
	nt_status st;

	in.user = principal_user(who);
	in.has_keys = who->kind == PRINCIPAL_NAMED;
	out = policy_session(&in, q->channel->setup->client_signs || c->client_signs);
	st = refuse_apply(q, &out.out);
	if (!nt_ok(st))
		return st;
	setup_audit(q, &in, who);
	if (in.has_keys) {
		st = session_keys_make(sess, q->channel, &q->channel->setup->preauth,
				       auth_session_key(q->channel->setup->auth),
				       c->server);
		if (!nt_ok(st)) {
			refuse_logon(q, st);
			return st;
		}
	}
	sess->user = in.user;
	sess->has_keys = in.has_keys;
	sess->signing_required = out.signing_required;
	sess->encrypt_data = out.encrypt_data;
	sess->require_message_signing = q->snap->conf->require_message_signing;
	sess->reject_unencrypted_access = q->snap->conf->reject_unencrypted_access;
	sess->client_signs = q->channel->setup->client_signs || c->client_signs;
	sess->conf_encrypts = q->snap->conf->encrypt_data;
	{
		LOCK_SCOPE(&sess->lock);
		sess->who = principal_get(who);
	}
	atomic_store(&sess->state, SESS_VALID);
	q->channel->valid = true;
	q->final_setup = in.has_keys;
	conn_authenticated(c, in.has_keys);
	log_verbose("conn %" PRIu64 ": session of \"%s\", dialect %s%s%s", c->id,
		    who->user, conn_dialect_name(c->dialect),
		    sess->signing_required ? ", signing required" : "",
		    sess->encrypt_data ? ", encrypted" : "");
	return STATUS_SUCCESS;
}

/*
 * Re-authentication keeps keys and flags; only who acts, with his groups as they are now, is new. Another named user is
 * refused; to anonymous and back is legal.
 */
static nt_status setup_renew(struct req *q, struct principal *who)
{
	struct principal *old = sess_who(q->sess);
	bool swaps = old && old->kind == PRINCIPAL_NAMED &&
		     who->kind == PRINCIPAL_NAMED && !principal_same(old, who);

	if (!swaps) {
		LOCK_SCOPE(&q->sess->lock);
		principal_put(q->sess->who);
		q->sess->who = principal_get(who);
	}
	principal_put(old);
	if (swaps) {
		refuse_other(q, REFUSED_OTHER_USER, STATUS_ACCESS_DENIED);
		return STATUS_ACCESS_DENIED;
	}
	if (atomic_load(&q->sess->state) == SESS_EXPIRED)
		atomic_store(&q->sess->state, SESS_VALID);
	return STATUS_SUCCESS;
}

static uint16_t session_flags(const struct sess *s, const struct principal *who)
{
	uint16_t flags = 0;

	if (who->kind == PRINCIPAL_GUEST)
		flags |= SMB2_SESSION_FLAG_IS_GUEST;
	if (who->kind == PRINCIPAL_ANONYMOUS)
		flags |= SMB2_SESSION_FLAG_IS_NULL;
	if (s->encrypt_data)
		flags |= SMB2_SESSION_FLAG_ENCRYPT_DATA;
	return flags;
}

static nt_status setup_finish(struct req *q, int err, struct wr *w)
{
	struct setup_req *s = q->state;

	setup_encode(req_reply(q, 16 + s->answer.len), s->session_flags, s->answer);
	return STATUS_SUCCESS;
}

/* PreviousSessionId: the same user's, another session, and only after success. [MS-SMB2] 3.3.5.5.3 */
static struct sess *previous_session(struct req *q, const struct setup_req *s,
				     const struct principal *who)
{
	struct sess *old = NULL;
	struct principal *old_who = NULL;

	if (s->first && !q->binding && s->previous_session_id &&
	    s->previous_session_id != q->sess->id)
		old = sess_find(q->conn->server, s->previous_session_id);
	if (old)
		old_who = sess_who(old);
	if (old && (!old_who || !principal_same(old_who, who))) {
		sess_put(old);
		old = NULL;
	}
	principal_put(old_who);
	return old;
}

static void setup_noted(struct req *q, const struct setup_req *s)
{
	struct trail_event e = {
		.kind = TRAIL_LOGON,
		.reason = q->binding ? "a further connection"
			  : s->first ? NULL
				     : "once more",
	};

	if (trail_wants(q, CONF_AUDIT_NONE))
		trail_note(q, &e);
}

static nt_status setup_succeed(struct req *q, struct setup_req *s)
{
	struct principal *who = auth_principal(q->channel->setup->auth);
	struct sess *old;
	nt_status st;

	if (!who)
		return setup_end(q, STATUS_INSUFFICIENT_RESOURCES);
	if (q->binding)
		st = session_bind_finish(q, who);
	else
		st = s->first ? setup_establish(q, s, who) : setup_renew(q, who);
	stats_logon(q, nt_ok(st));
	if (!nt_ok(st)) {
		principal_put(who);
		return setup_end(q, st);
	}
	setup_noted(q, s);
	s->session_flags = session_flags(q->sess, who);
	channel_settled(q->channel);
	setup_free(TAKE(q->channel->setup));
	old = previous_session(q, s, who);
	principal_put(who);
	if (!old)
		return setup_finish(q, 0, req_reply(q, 0));
	sess_disconnect(old, q->lane->lane, req_wait(q, setup_finish));
	sess_put(old);
	return STATUS_PENDING;
}

static nt_status step_done(struct req *q, int err, struct wr *w)
{
	struct setup_req *s = q->state;
	struct channel *ch = q->channel;

	ch->setup->busy = false;
	if (!nt_ok(s->status) && !nt_is(s->status, STATUS_MORE_PROCESSING_REQUIRED))
		return setup_refuse(q, s); /* counted even if nobody waits any more */
	if (!ch->listed || atomic_load(&q->sess->state) == SESS_CLOSED) {
		setup_free(TAKE(ch->setup));
		return STATUS_USER_SESSION_DELETED;
	}
	return nt_ok(s->status) ? setup_succeed(q, s) : setup_more(q, s);
}

static int step_run(struct job *j)
{
	struct setup_req *s = container_of(j, struct setup_req, job);

	s->status = auth_step(s->auth, s->token, s->arena, &s->answer);
	return 0;
}

nt_status cmd_session_setup(struct req *q)
{
	struct setup_req *s = arena_alloc(&q->arena, sizeof(*s));
	nt_status st;

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = setup_decode(&q->body, s);
	if (!nt_ok(st))
		return st;
	if (q->binding)
		st = session_bind_begin(q);
	else if (q->header.session_id == 0)
		st = setup_new_session(q);
	else if (!q->channel)
		st = STATUS_USER_SESSION_DELETED;
	if (!nt_ok(st))
		return st;
	s->first = q->binding || !sess_is_set_up(q->sess);
	st = setup_begin(q, s);
	if (!nt_ok(st))
		return st;
	q->state = s;
	s->arena = &q->arena;
	s->auth = q->channel->setup->auth;
	s->job.run = step_run;
	s->job.wait = req_wait(q, step_done);
	q->channel->setup->busy = true;
	if (auth_step_is_quick(s->auth, s->token))
		wait_now(s->job.wait, step_run(&s->job));
	else
		exec_run(q->lane->lane->exec, EXEC_AUTH, &s->job);
	return STATUS_PENDING;
}
