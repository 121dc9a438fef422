/*
 * receive.c - frames from the server: opened, split, each answer held against its request.
 *
 * Spec     [MS-SMB2] 3.2.5.1, 3.2.5.2, 3.2.5.3
 */
#include "client/answer.h"
#include "client/client_impl.h"

#include "base/ct.h"
#include "secure/kdf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CIPHER_KEY_MAX = 32 };

static int fault(struct client *c, const char *what)
{
	if (!c->fault[0])
		snprintf(c->fault, sizeof(c->fault), "%s", what);
	return -EBADMSG;
}

static int fault_in(struct client *c, const struct smb2_header *h, const char *what)
{
	char text[CLIENT_FAULT_MAX];

	snprintf(text, sizeof(text), "command %u, message id %llu, status %s: %s",
		 (unsigned)h->command, (unsigned long long)h->message_id,
		 nt_status_name(NT_STATUS(h->status)), what);
	return fault(c, text);
}

/* ---- what answers teach --------------------------------------------------------------------------------- */

static int learn_negotiate(struct client *c, const struct client_answer *a)
{
	struct answer_negotiate n;

	if (!nt_ok(a->status))
		return 0;
	if (!answer_negotiate(a, &n))
		return fault(c, "malformed NEGOTIATE answer");
	c->dialect = n.dialect;
	c->security_mode = n.security_mode;
	c->capabilities = n.capabilities;
	c->max_transact = n.max_transact;
	c->max_read = n.max_read;
	c->max_write = n.max_write;
	c->sign_alg = n.dialect >= SMB2_DIALECT_300 ? SIGN_AES_CMAC : SIGN_HMAC_SHA256;
	c->cipher = SEAL_NONE;
	if (n.dialect == SMB2_DIALECT_311) {
		if (!n.preauth)
			return fault(c, "3.1.1 without preauthentication integrity");
		if (n.cipher != UINT16_MAX)
			c->cipher = n.cipher;
		if (n.signing != UINT16_MAX)
			c->sign_alg = n.signing;
		if (preauth_update(&c->preauth, a->message) != 0)
			abort();
	} else if (n.dialect >= SMB2_DIALECT_300 &&
		   (n.capabilities & SMB2_GLOBAL_CAP_ENCRYPTION)) {
		c->cipher = SEAL_AES_128_CCM;
	}
	return 0;
}

static void derive(const struct client *c, const struct client_session *s,
		   enum kdf_purpose purpose, struct mspan ret_key)
{
	struct span ki = span_of(logon_key(s->logon), LOGON_KEY_LEN);

	if (kdf_derive(purpose, c->dialect, ki, s->preauth.value, ret_key) != 0)
		abort();
}

static void make_cipher_keys(const struct client *c, struct client_session *s)
{
	uint8_t key[CIPHER_KEY_MAX], tail[SEAL_NONCE_TAIL_LEN];
	size_t len = seal_key_len(c->cipher);

	env_random(c->settings.env, mspan_of(tail, sizeof(tail)));
	derive(c, s, KDF_CLIENT_TO_SERVER, mspan_of(key, len));
	s->seal = seal_tx_new(c->cipher, span_of(key, len), tail);
	derive(c, s, KDF_SERVER_TO_CLIENT, mspan_of(key, len));
	s->open = seal_key_new(c->cipher, span_of(key, len));
	if (!s->seal || !s->open)
		abort();
	wipe(key, sizeof(key));
}

void client_assume(struct client *c)
{
	static const uint8_t key[CIPHER_KEY_MAX], tail[SEAL_NONCE_TAIL_LEN];
	const struct client_settings *in = &c->settings;
	struct client_session *s = c->session;

	c->dialect = SMB2_DIALECT_311;
	c->max_transact = c->max_read = c->max_write = CLIENT_ASSUMED_MAX;
	c->credits = in->credits_kept;
	c->sign_alg = in->signing_count ? in->signings[0] : SIGN_AES_CMAC;
	c->cipher = in->cipher_count ? in->ciphers[0] : SEAL_NONE;
	c->next_id = 1;
	s->id = CLIENT_ASSUMED_SESSION;
	s->sign = sign_key_new(c->sign_alg, key);
	if (c->cipher != SEAL_NONE) {
		s->seal = seal_tx_new(c->cipher, span_of(key, seal_key_len(c->cipher)),
				      tail);
		s->open = seal_key_new(c->cipher, span_of(key, seal_key_len(c->cipher)));
	}
	s->protect = in->protect;
	s->ready = true;
}

/* A channel has a signing key of its own; it encrypts with the session's. [MS-SMB2] 3.2.5.3.3 */
static void make_keys(const struct client *c, struct client_session *s)
{
	uint8_t key[SIGN_KEY_LEN];

	memcpy(key, logon_key(s->logon), SIGN_KEY_LEN);
	if (c->dialect >= SMB2_DIALECT_300)
		derive(c, s, KDF_SIGNING, mspan_of(key, SIGN_KEY_LEN));
	s->sign = sign_key_new(c->sign_alg, key);
	if (!s->sign)
		abort();
	wipe(key, sizeof(key));
	if (s->bound) {
		s->seal = s->bound->seal;
		s->open = s->bound->open;
	} else if (c->cipher != SEAL_NONE) {
		make_cipher_keys(c, s);
	}
}

/* Who has no keys sends plain; the others at least what the session demands. */
static enum client_protect protection(const struct client *c,
				      const struct client_session *s)
{
	enum client_protect p = c->settings.protect;
	bool must_sign = c->settings.require_signing ||
			 (c->security_mode & SMB2_NEGOTIATE_SIGNING_REQUIRED);

	if (!s->sign)
		return CLIENT_PLAIN;
	if (must_sign && p == CLIENT_PLAIN)
		p = CLIENT_SIGNED;
	if (s->flags & SMB2_SESSION_FLAG_ENCRYPT_DATA)
		p = CLIENT_SEALED;
	return p == CLIENT_SEALED && !s->seal ? CLIENT_SIGNED : p;
}

static int learn_session(struct client *c, struct client_session *s,
			 const struct answer_setup *a)
{
	bool guest = a->flags & (SMB2_SESSION_FLAG_IS_GUEST | SMB2_SESSION_FLAG_IS_NULL);

	if (s->bound && guest)
		return fault(c, "a guest's channel");
	if (logon_last(s->logon, a->token, guest) != 0)
		return fault(c, "the end of the logon does not verify");
	if (!s->ready) {
		s->flags = s->bound ? s->bound->flags : a->flags;
		if (!guest)
			make_keys(c, s);
		s->protect = protection(c, s);
		s->ready = true;
	}
	logon_free(TAKE(s->logon));
	return 0;
}

/* Before the signature is looked at: the last answer is signed with the key it leads to. */
static int learn_setup(struct client *c, struct client_session *s,
		       const struct smb2_header *h, const struct client_answer *a)
{
	bool is_new = !s->ready && !s->bound;
	struct answer_setup setup;

	if (is_new)
		s->id = h->session_id;
	if (!nt_ok(a->status) && !nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED)) {
		logon_free(TAKE(s->logon));
		if (is_new)
			s->id = 0;
		return 0;
	}
	if (!s->logon || h->session_id != s->id || !answer_setup(a, &setup))
		return fault(c, "a SESSION_SETUP answer that is none");
	if (nt_ok(a->status))
		return learn_session(c, s, &setup);
	if (!s->ready && preauth_update(&s->preauth, a->message) != 0)
		abort();
	if (logon_next(s->logon, setup.token, &s->token) != 0)
		return fault(c, "the server's challenge is malformed");
	return 0;
}

/* ---- one answer ----------------------------------------------------------------------------------------- */

static struct client_pending *pending_of(struct client *c, uint64_t message_id)
{
	list_for_each (n, &c->pending) {
		struct client_pending *p = container_of(n, struct client_pending, node);

		if (p->message_id == message_id)
			return p;
	}
	return NULL;
}

/*
 * sign_verify() takes no answers (both directions share the key): sign it anew, in place, and compare. What leads to a
 * channel is signed with the session's key: [MS-SMB2] 3.2.5.1.3
 */
static bool signature_holds(const struct client_session *s, struct mspan message)
{
	struct sign_item item = {.key = s->sign || !s->bound ? s->sign : s->bound->sign,
				 .msg = message};
	uint8_t *signature = message.p + SMB2_OFF_SIGNATURE;
	uint8_t was[SIGNATURE_LEN];

	if (!item.key)
		return false;
	memcpy(was, signature, SIGNATURE_LEN);
	sign_batch(&item, 1);
	return item.err == 0 && ct_eq(was, signature, SIGNATURE_LEN);
}

/* One in so many, where the caller asked for that; the last word of a logon always. */
static bool is_to_verify(struct client *c, bool ends_logon)
{
	if (!ends_logon && ++c->unverified < c->settings.verify_every)
		return false;
	c->unverified = 0;
	return true;
}

/*
 * As the request was, or better; the answer that ends a logon is signed unasked. An interim answer is never signed: its
 * MessageId comes again. A session that has ended, and one that was refused a channel, has no key to sign with.
 */
static const char *protection_fault(struct client *c, const struct smb2_header *h,
				    const struct client_pending *p,
				    const struct client_session *opened, bool ends_logon,
				    struct mspan message)
{
	bool is_signed = h->flags & SMB2_FLAGS_SIGNED;
	bool interim = nt_is(NT_STATUS(h->status), STATUS_PENDING);

	if (opened && opened != p->session)
		return "encrypted in another session than the request's";
	if (opened)
		return is_signed ? "both encrypted and signed" : NULL;
	if (is_signed && interim)
		return "a signed interim answer";
	if (is_signed && is_to_verify(c, ends_logon) &&
	    !signature_holds(p->session, message))
		return "wrong signature";
	if (nt_is(NT_STATUS(h->status), STATUS_USER_SESSION_DELETED))
		return NULL;
	if (p->command == SMB2_SESSION_SETUP && p->session->bound && !p->session->ready)
		return NULL;
	if (p->protect == CLIENT_SEALED)
		return "a plain answer to an encrypted request";
	if (!is_signed && !interim && p->session->sign &&
	    (p->protect == CLIENT_SIGNED || ends_logon))
		return "an unsigned answer to a signed request";
	return NULL;
}

static const char *header_fault(const struct smb2_header *h,
				const struct client_pending *p)
{
	bool interim = nt_is(NT_STATUS(h->status), STATUS_PENDING);

	if (!(h->flags & SMB2_FLAGS_SERVER_TO_REDIR))
		return "not marked as an answer";
	if (!p)
		return "nothing under way has this message id";
	if (h->command != p->command)
		return "another command than the request's";
	if (interim != (p->async_id == 0 && smb2_header_is_async(h)))
		return interim ? "a second interim answer, or one without AsyncId"
			       : "an AsyncId that no interim answer gave";
	if (p->async_id && h->credits)
		return "credits twice: the interim answer gave them";
	if (p->async_id && h->async_id != p->async_id)
		return "another AsyncId than the interim answer's";
	if (p->session->ready && p->command != SMB2_NEGOTIATE &&
	    h->session_id != p->session->id)
		return "another session than the request's";
	return NULL;
}

static void credits_take(struct client *c, uint16_t granted)
{
	c->credits += granted;
}

static void pending_settle(struct client *c, struct client_pending *p,
			   const struct smb2_header *h, bool interim)
{
	if (interim) {
		p->async_id = h->async_id;
		return;
	}
	list_del(&p->node);
	c->pending_count--;
	free(p);
}

static enum client_protect protection_of(const struct smb2_header *h, bool sealed)
{
	if (sealed)
		return CLIENT_SEALED;
	return h->flags & SMB2_FLAGS_SIGNED ? CLIENT_SIGNED : CLIENT_PLAIN;
}

/* opened: the session it was encrypted in, if it was. */
static int answer_take(struct client *c, const struct smb2_header *h,
		       struct mspan message, const struct client_session *opened,
		       client_got got, void *arg)
{
	struct client_pending *p = pending_of(c, h->message_id);
	struct client_answer a = {
		.message_id = h->message_id,
		.command = h->command,
		.status = NT_STATUS(h->status),
		.interim = nt_is(NT_STATUS(h->status), STATUS_PENDING),
		.async_id = h->async_id,
		.tree_id = h->tree_id,
		.protect = protection_of(h, opened),
		.session = p ? p->session : NULL,
		.message = span_of_m(message),
	};
	const char *why = header_fault(h, p);
	bool was_ready = p && p->session->ready;
	int err = 0;

	if (!why)
		why = answer_check(&a);
	if (why)
		return fault_in(c, h, why);
	if (h->command == SMB2_NEGOTIATE)
		err = learn_negotiate(c, &a);
	if (h->command == SMB2_SESSION_SETUP)
		err = learn_setup(c, p->session, h, &a);
	if (err)
		return err;
	why = protection_fault(c, h, p, opened, p->session->ready && !was_ready, message);
	if (why)
		return fault_in(c, h, why);
	credits_take(c, h->credits);
	pending_settle(c, p, h, a.interim);
	got(arg, &a);
	return 0;
}

static bool is_notification(const struct smb2_header *h)
{
	return h->command == SMB2_OPLOCK_BREAK && h->message_id == CLIENT_UNSOLICITED;
}

/* The session of an oplock's break is the open's, or none; a lease's has none. [MS-SMB2] 3.3.4.6, 3.3.4.7 */
static bool session_is_known(const struct client *c, uint64_t id)
{
	list_for_each (n, &c->sessions)
		if (container_of(n, struct client_session, node)->id == id)
			return true;
	return id == 0;
}

/* Who demands that all be encrypted is not told in plain text; a break of nobody's is for any session. */
static bool plain_is_lawful(const struct client *c, uint64_t id)
{
	list_for_each (n, &c->sessions) {
		const struct client_session *s = container_of(n, struct client_session,
							      node);

		if ((id == 0 || s->id == id) &&
		    !(s->flags & SMB2_SESSION_FLAG_ENCRYPT_DATA))
			return true;
	}
	return false;
}

static int break_take(struct client *c, const struct smb2_header *h, struct span message,
		      const struct client_session *opened, void *arg)
{
	struct client_break b = {.sealed = opened};

	if (!c->settings.broke)
		return fault_in(c, h, "a break of what nobody asked for");
	if (h->flags != SMB2_FLAGS_SERVER_TO_REDIR || h->status || h->credits ||
	    h->tree_id || !session_is_known(c, h->session_id))
		return fault_in(c, h, "the header of a break that is none");
	if (!opened && !plain_is_lawful(c, h->session_id))
		return fault_in(c, h, "a plain break where all is to be encrypted");
	if (!answer_break(message, &b))
		return fault_in(c, h, "malformed break");
	if (b.lease && c->dialect < SMB2_DIALECT_210)
		return fault_in(c, h, "a lease's break in a dialect without leases");
	c->settings.broke(arg, &b);
	return 0;
}

/* ---- frames --------------------------------------------------------------------------------------------- */

static int frame_open(struct client *c, struct mspan *frame,
		      const struct client_session **ret_session)
{
	uint64_t session_id;

	if (!seal_peek_session(span_of_m(*frame), &session_id))
		return fault(c, "not a whole TRANSFORM_HEADER");
	list_for_each (n, &c->sessions) {
		const struct client_session *s = container_of(n, struct client_session,
							      node);

		if (s->id != session_id || !s->open)
			continue;
		if (seal_open(s->open, *frame, frame) != 0)
			return fault(c, "an encrypted frame that is not authentic");
		*ret_session = s;
		return 0;
	}
	return fault(c, "encrypted for nobody here");
}

static bool is_sealed(struct mspan frame)
{
	struct rd r = rd_of(span_of_m(frame));

	return rd_u32(&r) == SMB2_TRANSFORM_PROTOCOL_ID;
}

int client_receive(struct client *c, struct mspan frame, client_got got, void *arg)
{
	const struct client_session *opened = NULL;
	int err = is_sealed(frame) ? frame_open(c, &frame, &opened) : 0;

	for (size_t off = 0; !err && off < frame.len;) {
		struct mspan m = mspan_of(frame.p + off, frame.len - off);
		struct rd r = rd_of(span_of_m(m));
		struct smb2_header h = rd_smb2_header(&r);

		if (!rd_ok(&r))
			return fault(c, "not an SMB2 message");
		if (h.next_command) {
			if (h.next_command % 8 || h.next_command < SMB2_HEADER_LEN ||
			    h.next_command > m.len - SMB2_HEADER_LEN)
				return fault_in(c, &h, "NextCommand leads astray");
			m.len = h.next_command;
		}
		if (is_notification(&h))
			err = break_take(c, &h, span_of_m(m), opened, arg);
		else
			err = answer_take(c, &h, m, opened, got, arg);
		off += m.len;
	}
	return err;
}
