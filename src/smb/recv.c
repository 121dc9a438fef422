/*
 * recv.c - the first half of receiving: what can be said of a transport message before any of it runs. One function a
 * step, in the order of [MS-SMB2] 3.3.5.2:
 *
 *     recv_frame      what is it                                3.3.5.2
 *     recv_unseal     decrypt                                   3.3.5.2.1.1
 *     recv_split      headers and compound framing              3.3.5.2.6, 3.3.5.2.7
 *     recv_state      nothing but NEGOTIATE before it           3.3.5.2.2
 *     recv_session    whose it is                               3.3.5.2.9
 *     recv_window     message ids, look only                    3.3.5.2.3
 *     recv_admit      policy, signature, policy again           3.3.5.2.4
 *     recv_consume    message ids, now for good                 3.3.5.2.3
 *
 * A frame of which any element is dropped leaves no trace but a counter. The rest is dispatch.c's.
 */
#include "smb/req.h"

enum {
	ELEMENTS_MAX = 1024,
	OFF_SETUP_FLAGS = SMB2_HEADER_LEN + 2, /* SESSION_SETUP Flags: [MS-SMB2] 2.2.5 */
};

static const uint8_t id_smb1[] = {0xFF, 'S', 'M', 'B'};
static const uint8_t id_smb2[] = {0xFE, 'S', 'M', 'B'};
static const uint8_t id_transform[] = {0xFD, 'S', 'M', 'B'};

static bool begins(struct mspan m, const uint8_t id[4])
{
	return span_eq(span_head(span_of_m(m), 4), span_of(id, 4));
}

/*
 * Whose keys open a transform: those of a session that is valid on this connection, or of one that a connection like it
 * leads to.
 *
 * Deviation: [MS-SMB2] 3.3.5.2.1.1 disconnects in the second case. Its requests are refused, as signed ones are (policy.h,
 * POLICY_SESSION_ELSEWHERE): a client whose channel was lost or never came about learns that, and whoever repeats what he
 * overheard learns nothing.
 */
static struct sess *sealing_session(struct conn *c, uint64_t id)
{
	struct channel *ch = conn_channel(c, id);
	CLEANUP(sess_putp) struct sess *s = NULL;

	if (ch)
		return ch->valid ? sess_get(ch->sess) : NULL;
	s = sess_find(c->server, id);
	if (!s || !sess_is_set_up(s) || s->dialect != c->dialect ||
	    s->cipher != c->cipher)
		return NULL;
	return TAKE(s);
}

/* [MS-SMB2] 3.3.5.2.1.1. Every failure ends the connection without an answer; so does all before a named user's logon. */
static const char *recv_unseal(struct frame *f, struct mspan *m)
{
	struct conn *c = f->conn;
	CLEANUP(sess_putp) struct sess *s = NULL;
	uint64_t id;

	if (c->dialect < SMB2_DIALECT_300 || c->cipher == SEAL_NONE)
		return "encrypted message on a connection without encryption";
	if (!seal_peek_session(span_of_m(*m), &id))
		return "encrypted message cut short";
	s = c->constrained ? NULL : sealing_session(c, id);
	if (!s || !s->open_key)
		return "encrypted message for a session that has no keys here";
	if (seal_open(s->open_key, *m, m) != 0)
		return "encrypted message that is not authentic";
	if (!begins(*m, id_smb2))
		return "encrypted message of an unknown kind";
	f->encrypted = true;
	f->seal_sess = TAKE(s);
	return NULL;
}

/* One element at `off`; its end in *ret_end. NULL: none or it is malformed. */
static struct req *split_one(struct frame *f, struct span all, size_t off,
			     size_t *ret_end)
{
	struct rd r = rd_of(span_from(all, off));
	struct smb2_header h;
	size_t len;
	struct req *q;

	h = rd_smb2_header(&r);
	if (!rd_ok(&r))
		return NULL;
	len = h.next_command ? h.next_command : all.len - off;
	if (len < SMB2_HEADER_LEN || len > all.len - off)
		return NULL;
	if (h.next_command &&
	    (h.next_command % 8 || all.len - off - len < SMB2_HEADER_LEN))
		return NULL;
	q = req_new(f, span_head(span_from(all, off), len));
	if (!q)
		return NULL;
	q->header = h;
	q->related = h.flags & SMB2_FLAGS_RELATED_OPERATIONS;
	rd_seek(&q->body, SMB2_HEADER_LEN);
	*ret_end = h.next_command ? off + len : all.len;
	return q;
}

/* The first cannot be related to anything. [MS-SMB2] 3.3.5.2.7.2 */
static bool is_misplaced(const struct req *q, const struct req *before)
{
	return q->related && (!before || before->misplaced);
}

/* [MS-SMB2] 3.3.5.2.6, 3.3.5.2.7 */
static const char *recv_split(struct frame *f, struct span all)
{
	size_t count = f->conn->server->command_count;
	size_t off = 0;

	do {
		struct req *before = f->last;
		struct req *q = split_one(f, all, off, &off);

		if (!q)
			return "malformed header";
		q->misplaced = is_misplaced(q, before);
		/* an unknown command among others is answered by dispatch.c: 3.3.5.2.6 */
		if ((q->header.command >= count && q == f->first) ||
		    f->count > ELEMENTS_MAX)
			return "unknown command, or too many in one message";
		if (q->header.flags & SMB2_FLAGS_SERVER_TO_REDIR)
			return "a response where a request was expected";
	} while (off < all.len);
	return NULL;
}

/* [MS-SMB2] 3.3.5.2.1.1: what the elements of an encrypted message must have in common. */
static const char *recv_inner(struct frame *f)
{
	for (struct req *q = f->first; q; q = q->next) {
		if (q == f->first && q->related)
			return "first element of an encrypted message is related";
		if (!q->related && q->header.session_id != f->seal_sess->id)
			return "session inside an encrypted message is another";
	}
	return NULL;
}

/* [MS-SMB2] 3.3.5.2.2 */
static const char *recv_state(struct frame *f)
{
	for (struct req *q = f->first; q; q = q->next) {
		bool negotiate = q->header.command == SMB2_NEGOTIATE;

		if (negotiate && (f->conn->state == CONN_READY || f->first != f->last))
			return "NEGOTIATE where none is allowed";
		if (!negotiate && f->conn->state != CONN_READY)
			return "a command before NEGOTIATE";
	}
	return NULL;
}

static bool asks_to_bind(const struct req *q)
{
	return q->header.command == SMB2_SESSION_SETUP &&
	       q->message.len > OFF_SETUP_FLAGS &&
	       (q->message.p[OFF_SETUP_FLAGS] & SMB2_SESSION_FLAG_BINDING);
}

/*
 * A binding is about a session wherever it lives: its channel here is half-open, or bound already. [MS-SMB2] 3.3.5.5
 */
static struct channel *channel_of(const struct req *q)
{
	uint64_t id = q->header.session_id;
	struct channel *ch = id ? conn_channel(q->conn, id) : NULL;

	return ch || !q->binding ? ch : conn_binding(q->conn, id);
}

/* Whose it is: the session named, on this connection if it is known here. In a related element: that of the one before. */
static void recv_session(struct frame *f)
{
	struct req *before = NULL;

	for (struct req *q = f->first; q; before = q, q = q->next) {
		struct channel *ch;

		if (q->related && before)
			q->header.session_id = before->header.session_id;
		q->binding = asks_to_bind(q);
		ch = channel_of(q);
		if (ch)
			q->channel = channel_get(ch);
		if (ch)
			q->sess = sess_get(ch->sess);
		else if (q->header.session_id)
			q->sess = sess_find(f->conn->server, q->header.session_id);
	}
}

/* CANCEL has no id of its own and no answer: it names another request's. [MS-SMB2] 3.3.5.16 */
static bool takes_id(const struct req *q)
{
	return q->header.command != SMB2_CANCEL;
}

static uint16_t charge_of(const struct req *q)
{
	return q->conn->multi_credit ? q->header.credit_charge : 1;
}

/* Is every id one the client may use? Nothing is consumed. */
static bool recv_window(const struct frame *f)
{
	for (const struct req *q = f->first; q; q = q->next)
		if (takes_id(q) &&
		    !credits_fit(&f->conn->credits, q->header.message_id, charge_of(q)))
			return false;
	return true;
}

/* [MS-SMB2] 3.3.5.2.3: outside the window, or used before: the connection ends. */
static const char *recv_consume(struct frame *f)
{
	struct credits *c = &f->conn->credits;

	for (struct req *q = f->first; q; q = q->next) {
		if (!takes_id(q))
			continue;
		if (!credits_fit(c, q->header.message_id, charge_of(q)))
			return "message id outside the window or used before";
		credits_use(c, q->header.message_id, charge_of(q));
		map_add(&f->conn->requests, &q->by_id, q->header.message_id);
		q->listed = true;
	}
	return NULL;
}

static enum policy_session session_of(const struct req *q)
{
	enum sess_state state = atomic_load(&q->sess->state);

	if (state == SESS_CLOSED)
		return q->binding ? POLICY_SESSION_UNKNOWN : POLICY_SESSION_NONE;
	if (!q->channel)
		return POLICY_SESSION_ELSEWHERE;
	if (state == SESS_IN_PROGRESS || !q->channel->valid)
		return POLICY_SESSION_IN_PROGRESS;
	return state == SESS_EXPIRED ? POLICY_SESSION_EXPIRED : POLICY_SESSION_VALID;
}

/* What a session brings to the decision, wherever it lives: nothing before it is set up. */
static void policy_of_session(struct policy_in *in, const struct sess *s)
{
	if (!sess_is_set_up(s))
		return;
	in->require_message_signing |= s->require_message_signing;
	in->reject_unencrypted_access |= s->reject_unencrypted_access;
	in->user = s->user;
	in->has_keys = s->has_keys;
	in->signing_required = s->signing_required;
	in->session_encrypt_data = s->encrypt_data;
}

/* inline: it is asked four times a request, and filling one copy costs less than filling one and copying it. */
static inline struct policy_in policy_of(const struct conf *conf, const struct conn *c,
					 const struct sess *s, const struct tree *t)
{
	struct policy_in in = {
		.require_message_signing = conf->require_message_signing,
		.encrypt_data = conf->encrypt_data,
		.any_share_unencrypted = conf->any_share_unencrypted,
		.reject_unencrypted_access = conf->reject_unencrypted_access,
		.null_session_access = conf->null_session_access,
		.dialect = c->state == CONN_READY ? c->dialect : 0,
		.cipher = c->cipher != SEAL_NONE,
		.has_tree = t != NULL,
		.share_encrypt_data = t && atomic_load(&t->encrypt_data),
	};

	if (s)
		policy_of_session(&in, s);
	return in;
}

struct policy_in conn_policy(const struct conn *c, const struct sess *s,
			     const struct tree *t)
{
	return policy_of(c->lane->snapshot->conf, c, s, t);
}

struct policy_in req_policy(const struct req *q)
{
	struct policy_in in = policy_of(q->snap->conf, q->conn, q->sess, q->tree);

	in.command = q->header.command;
	in.protection = q->protection;
	in.binding = q->binding;
	if (q->sess)
		in.session = session_of(q);
	else if (q->header.session_id)
		in.session = POLICY_SESSION_UNKNOWN;
	return in;
}

static enum policy_session state_elsewhere(const struct sess *s)
{
	switch (atomic_load(&s->state)) {
	case SESS_IN_PROGRESS:
		return POLICY_SESSION_IN_PROGRESS;
	case SESS_EXPIRED:
		return POLICY_SESSION_EXPIRED;
	default:
		return POLICY_SESSION_VALID;
	}
}

static struct policy_binding binding_of(const struct req *q)
{
	struct policy_binding bind = {.multichannel = true};
	const struct sess *s = q->sess;

	if (!s)
		return bind;
	bind.state = state_elsewhere(s);
	bind.session_dialect = s->dialect;
	bind.session_gmac = s->sign_alg == SIGN_AES_GMAC;
	bind.connection_gmac = q->conn->sign_alg == SIGN_AES_GMAC;
	bind.same_cipher = s->cipher == q->conn->cipher;
	return bind;
}

/* How it came: claimed first, proved by recv_admit(). */
static enum policy_protection claimed(const struct req *q)
{
	if (q->frame->encrypted)
		return POLICY_ENCRYPTED;
	if (!(q->header.flags & SMB2_FLAGS_SIGNED))
		return POLICY_PLAIN;
	return req_sign_key(q) ? POLICY_SIGNED : POLICY_UNVERIFIED;
}

/*
 * [MS-SMB2] 3.3.5.2.4, around it the first entry of policy. False: the whole frame is dropped or the connection ended.
 */
static bool recv_admit(struct req *q)
{
	struct policy_in in;

	q->protection = claimed(q);
	in = req_policy(q);
	if (q->binding)
		in.bind = binding_of(q);
	q->verdict = policy_admit(&in);
	if (q->verdict.verdict != POLICY_DISCONNECT &&
	    q->verdict.verdict != POLICY_DROP && q->protection == POLICY_SIGNED) {
		q->protection = in.protection = req_prove(q);
		q->verdict = policy_admit(&in);
	}
	if (q->verdict.verdict != POLICY_PROCESS)
		refuse_report(q, &q->verdict);
	if (q->verdict.verdict == POLICY_REFUSE && q->channel && q->channel->valid &&
	    policy_is_outdated(&in, q->sess->require_message_signing,
			       q->sess->reject_unencrypted_access))
		conn_retire(q->conn, "set up before the demands became stricter");
	if (q->verdict.verdict == POLICY_DISCONNECT)
		conn_disconnect(q->conn, policy_reason_text(q->verdict.reason));
	if (q->verdict.verdict == POLICY_DROP && ++q->conn->dropped >= CONN_DROPS_MAX)
		conn_disconnect(q->conn,
				"too many messages without the protection demanded");
	return q->conn->state != CONN_CLOSED && (q->verdict.verdict == POLICY_PROCESS ||
						 q->verdict.verdict == POLICY_REFUSE);
}

/* Unprotected messages outside the window are dropped, too, where protection is demanded: an injected one may neither be
 * told from a late one nor end the connection. */
static bool window_forgives(const struct frame *f)
{
	struct policy_in in = req_policy(f->first);

	return in.require_message_signing && !f->encrypted &&
	       !(f->first->header.flags & SMB2_FLAGS_SIGNED);
}

static bool frame_admit(struct frame *f)
{
	bool in_window = recv_window(f);

	for (struct req *q = f->first; q; q = q->next)
		if (!recv_admit(q))
			return false;
	if (!in_window && window_forgives(f))
		return false;
	return true;
}

/* The multi-protocol NEGOTIATE: an SMB1 message, as the first one only, that counts as NEGOTIATE with MessageId 0.
 * [MS-SMB2] 3.3.5.3 */
static const char *recv_smb1(struct frame *f, struct span all)
{
	struct req *q;

	if (f->conn->state != CONN_NEW)
		return "SMB1 is not spoken here";
	q = req_new(f, all);
	if (!q)
		return "out of memory";
	q->smb1 = true;
	q->header.command = SMB2_NEGOTIATE;
	q->verdict.verdict = POLICY_PROCESS;
	return NULL;
}

static const char *frame_check(struct frame *f, struct mspan m)
{
	const char *why = NULL;

	if (begins(m, id_transform)) {
		why = recv_unseal(f, &m);
		if (why)
			atomic_fetch_add(&f->conn->server->counters
						  .refused_otherwise[REFUSED_TRANSFORM],
					 1);
	}
	if (!why)
		why = begins(m, id_smb2) ? recv_split(f, span_of_m(m))
					 : "not an SMB2 message";
	if (!why && f->encrypted)
		why = recv_inner(f);
	if (!why)
		why = recv_state(f);
	return why;
}

void recv_frame(struct frame *f)
{
	struct conn *c = f->conn;
	const char *why;

	if (c->state == CONN_CLOSED || c->retired) {
		frame_drop(f);
		return;
	}
	if (begins(f->bytes, id_smb1)) {
		why = recv_smb1(f, span_of_m(f->bytes));
	} else {
		why = frame_check(f, f->bytes);
		if (!why) {
			recv_session(f);
			if (!frame_admit(f)) {
				frame_drop(f);
				return;
			}
		}
	}
	if (!why)
		why = recv_consume(f);
	if (why) {
		conn_disconnect(c, why);
		frame_drop(f);
		return;
	}
	stats_received(f);
	frame_run(f);
}
