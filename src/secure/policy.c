/*
 * policy.c - see policy.h. doc/SECURITY.md has the matrix these rows amount to, tests/vectors/policy-matrix.txt
 * its 240 lines.
 */
#include "secure/policy.h"

#include "wire/smb2_proto.h"

/* ---- what the rows are made of ----------------------------------------------------------------- */

static bool is_negotiate(const struct policy_in *in)
{
	return in->command == SMB2_NEGOTIATE;
}

static bool is_setup(const struct policy_in *in)
{
	return in->command == SMB2_SESSION_SETUP;
}

static bool is_binding(const struct policy_in *in)
{
	return is_setup(in) && in->binding;
}

/* Part of a first authentication: there is nothing yet to protect it with. */
static bool is_first_setup(const struct policy_in *in)
{
	return is_setup(in) && !in->binding && !in->has_keys &&
	       (in->session == POLICY_SESSION_NONE ||
		in->session == POLICY_SESSION_IN_PROGRESS);
}

static bool is_plain(const struct policy_in *in)
{
	return in->protection == POLICY_PLAIN;
}

static bool is_encrypted(const struct policy_in *in)
{
	return in->protection == POLICY_ENCRYPTED;
}

static bool is_protected(const struct policy_in *in)
{
	return in->protection == POLICY_SIGNED || is_encrypted(in);
}

/* [MS-SMB2] 3.3.5.16: an unsigned CANCEL is not checked against a session; it reaches this connection's requests only. */
static bool is_plain_cancel(const struct policy_in *in)
{
	return in->command == SMB2_CANCEL && is_plain(in);
}

static bool is_set_up_here(const struct policy_in *in)
{
	return in->session == POLICY_SESSION_VALID ||
	       in->session == POLICY_SESSION_EXPIRED;
}

/* Not the client's capability bit: 3.1.1 clients need not set it. */
static bool can_encrypt(const struct policy_in *in)
{
	return in->dialect >= SMB2_DIALECT_300 && in->cipher;
}

/* ---- NEGOTIATE and what must come after it. [MS-SMB2] 3.3.5.2.2, 3.3.5.2.4, 3.3.5.4 -------------- */

static bool second_negotiate(const struct policy_in *in)
{
	return is_negotiate(in) && in->dialect;
}

static bool before_negotiate(const struct policy_in *in)
{
	return !is_negotiate(in) && !in->dialect;
}

static bool negotiate_signed(const struct policy_in *in)
{
	return is_negotiate(in) && !is_plain(in);
}

/* ---- transforms. [MS-SMB2] 3.3.5.2.1.1 ---------------------------------------------------------- */

/*
 * Keyless sessions included. Deviation: Windows decrypts for guests; such a key protects nothing. What a session's keys
 * opened where it has no channel is refused further down.
 */
static bool transform_impossible(const struct policy_in *in)
{
	return is_encrypted(in) &&
	       !(can_encrypt(in) && in->has_keys &&
		 (is_set_up_here(in) || in->session == POLICY_SESSION_ELSEWHERE));
}

/* [MS-SMB2] 3.3.5.2.9; a SESSION_SETUP may still turn it into a named session */
static bool anonymous_no_more(const struct policy_in *in)
{
	return is_set_up_here(in) && in->user == POLICY_USER_ANONYMOUS &&
	       !in->null_session_access && !is_setup(in);
}

/* Signed with a key that is not known here: its session is gone, or was never bound to this connection. */
static bool signature_without_session(const struct policy_in *in)
{
	return in->protection == POLICY_UNVERIFIED && !is_set_up_here(in) &&
	       in->session != POLICY_SESSION_IN_PROGRESS;
}

/* ---- require_message_signing -------------------------------------------------------------------- */

/*
 * Deviation: [MS-SMB2] 3.3.5.2.4 answers STATUS_ACCESS_DENIED; this parameter promises that nothing unproved gets
 * an answer or has an effect. That holds for unsigned CANCEL and ECHO, too. A signed message for a session that is gone
 * is told so: its client has to set up anew, and the answer gives nothing away.
 */
static bool unproved(const struct policy_in *in)
{
	return in->require_message_signing && !is_protected(in) && !is_negotiate(in) &&
	       !is_first_setup(in) && !(signature_without_session(in) && !is_setup(in));
}

static bool unproved_by_signature(const struct policy_in *in)
{
	return unproved(in) && in->protection == POLICY_BAD_SIGNATURE;
}

/* ---- reject_unencrypted_access ------------------------------------------------------------------ */

/* [MS-SMB2] 3.3.5.5: before the token is looked at */
static bool setup_without_encryption(const struct policy_in *in)
{
	return in->reject_unencrypted_access && is_setup(in) && !can_encrypt(in);
}

/* [MS-SMB2] 3.3.5.2.9. Deviation: MS demands EncryptData besides; this parameter works alone and on every share. */
static bool unencrypted(const struct policy_in *in)
{
	return in->reject_unencrypted_access && !is_encrypted(in) && !is_negotiate(in) &&
	       !is_setup(in);
}

/* ---- binding. [MS-SMB2] 3.3.5.5, and where it leaves the order open, that of Windows -------------- */

static bool bind_not_offered(const struct policy_in *in)
{
	return is_binding(in) && !in->bind.multichannel;
}

static bool bind_without_session(const struct policy_in *in)
{
	return is_binding(in) && in->session == POLICY_SESSION_NONE;
}

static bool bind_unknown(const struct policy_in *in)
{
	return is_binding(in) && in->session == POLICY_SESSION_UNKNOWN;
}

static bool bind_gmac_session(const struct policy_in *in)
{
	return is_binding(in) && in->bind.session_gmac && !in->bind.connection_gmac;
}

static bool bind_gmac_connection(const struct policy_in *in)
{
	return is_binding(in) && in->bind.connection_gmac && !in->bind.session_gmac;
}

static bool bind_old_dialect(const struct policy_in *in)
{
	return is_binding(in) && in->dialect < SMB2_DIALECT_300;
}

/* Encryption is no proof here: it would be the session's, not this connection's. */
static bool bind_unsigned(const struct policy_in *in)
{
	return is_binding(in) && (is_plain(in) || is_encrypted(in));
}

static bool bind_mismatch(const struct policy_in *in)
{
	return is_binding(in) &&
	       (in->bind.session_dialect != in->dialect || !in->bind.same_cipher);
}

static bool bind_expired(const struct policy_in *in)
{
	return is_binding(in) && in->bind.state == POLICY_SESSION_EXPIRED;
}

static bool bind_not_valid(const struct policy_in *in)
{
	return is_binding(in) && in->bind.state != POLICY_SESSION_VALID;
}

static bool bind_again(const struct policy_in *in)
{
	return is_binding(in) && is_set_up_here(in);
}

static bool bind_keyless(const struct policy_in *in)
{
	return is_binding(in) && !in->has_keys;
}

/* ---- signatures. [MS-SMB2] 3.3.5.2.4 ------------------------------------------------------------- */

static bool signature_wrong(const struct policy_in *in)
{
	return in->protection == POLICY_BAD_SIGNATURE ||
	       (is_binding(in) && in->protection == POLICY_UNVERIFIED);
}

static bool signature_without_key(const struct policy_in *in)
{
	return in->protection == POLICY_UNVERIFIED;
}

/* A CANCEL may come unsigned: [MS-SMB2] 3.3.5.16. */
static bool unsigned_though_demanded(const struct policy_in *in)
{
	return in->signing_required && is_plain(in) && !is_plain_cancel(in) &&
	       (is_set_up_here(in) || in->session == POLICY_SESSION_IN_PROGRESS);
}

/* ---- sessions. [MS-SMB2] 3.3.5.2.9, 3.3.5.5, 3.3.5.17 -------------------------------------------- */

/* Including one that has ended. An ECHO may do without: [MS-SMB2] 3.3.5.17. */
static bool session_missing(const struct policy_in *in)
{
	if (is_negotiate(in) || is_binding(in) || is_plain_cancel(in))
		return false;
	if (in->session == POLICY_SESSION_NONE)
		return in->has_keys || (!is_setup(in) && in->command != SMB2_ECHO);
	return in->session == POLICY_SESSION_UNKNOWN ||
	       in->session == POLICY_SESSION_ELSEWHERE;
}

/* Deviation: MS lets CLOSE and LOCK through as well; a session without a user has nothing to close. */
static bool session_unfinished(const struct policy_in *in)
{
	return in->session == POLICY_SESSION_IN_PROGRESS && !is_setup(in) &&
	       in->command != SMB2_LOGOFF && !is_plain_cancel(in);
}

static bool session_expired(const struct policy_in *in)
{
	if (in->session != POLICY_SESSION_EXPIRED)
		return false;
	switch (in->command) {
	case SMB2_NEGOTIATE:
	case SMB2_SESSION_SETUP:
	case SMB2_LOGOFF:
	case SMB2_CLOSE:
	case SMB2_LOCK:
	case SMB2_CANCEL: /* of a request that was accepted before */
		return false;
	}
	return true;
}

/*
 * [MS-SMB2] 3.3.5.7, whatever the parameters: it is the proof to us that both sides saw the same handshake. Asked of
 * the session's keys, not of its user: a re-authentication may have changed the user.
 */
static bool tree_connect_unprotected(const struct policy_in *in)
{
	return in->command == SMB2_TREE_CONNECT && in->dialect == SMB2_DIALECT_311 &&
	       in->has_keys && !is_protected(in);
}

/* ---- a new session. [MS-SMB2] 3.3.5.5.3 ---------------------------------------------------------- */

static bool is_reauthentication(const struct policy_in *in)
{
	return is_set_up_here(in) || in->binding;
}

/* Keys are made once, by the first authentication, and only for a named user. */
static bool will_have_keys(const struct policy_in *in)
{
	return is_reauthentication(in) ? in->has_keys : in->user == POLICY_USER_NAMED;
}

static bool user_missing(const struct policy_in *in)
{
	return in->user == POLICY_USER_NONE;
}

static bool user_anonymous(const struct policy_in *in)
{
	return in->user == POLICY_USER_ANONYMOUS && !in->null_session_access;
}

static bool user_cannot_bind(const struct policy_in *in)
{
	return in->binding && in->user != POLICY_USER_NAMED;
}

static bool user_cannot_sign(const struct policy_in *in)
{
	return in->require_message_signing && !will_have_keys(in);
}

static bool user_cannot_encrypt(const struct policy_in *in)
{
	return in->reject_unencrypted_access && !(will_have_keys(in) && can_encrypt(in));
}

/* ---- the tables ---------------------------------------------------------------------------------- */

struct row {
	bool (*applies)(const struct policy_in *in);
	enum policy_verdict verdict;
	nt_status status; /* for POLICY_REFUSE */
	enum policy_reason reason;
	const char *parameter;
};

#define DISCONNECT(reason)      POLICY_DISCONNECT, STATUS_SUCCESS, reason, NULL
#define DROP(reason)            POLICY_DROP, STATUS_SUCCESS, reason, SIGNING
#define REFUSE(status, reason)  POLICY_REFUSE, status, reason, NULL
#define DENY(reason, parameter) POLICY_REFUSE, STATUS_ACCESS_DENIED, reason, parameter

#define SIGNING     "require_message_signing"
#define UNENCRYPTED "reject_unencrypted_access"
#define ANONYMOUS   "null_session_access"

/* clang-format off */
static const struct row admit_rows[] = {
	{second_negotiate,	    DISCONNECT(POLICY_SECOND_NEGOTIATE)},
	{before_negotiate,	    DISCONNECT(POLICY_NOT_NEGOTIATED)},
	{transform_impossible,	    DISCONNECT(POLICY_UNEXPECTED_TRANSFORM)},
	{negotiate_signed,	    REFUSE(STATUS_INVALID_PARAMETER, POLICY_NEGOTIATE_SIGNED)},
	{anonymous_no_more,	    POLICY_DISCONNECT, STATUS_SUCCESS, POLICY_ANONYMOUS, ANONYMOUS},

	{unproved_by_signature,	    DROP(POLICY_WRONG_SIGNATURE)},
	{unproved,		    DROP(POLICY_UNSIGNED)},
	{setup_without_encryption,  DENY(POLICY_CANNOT_ENCRYPT, UNENCRYPTED)},

	{bind_not_offered,	    REFUSE(STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED)},
	{bind_without_session,	    REFUSE(STATUS_INVALID_PARAMETER, POLICY_BINDING_REFUSED)},
	{bind_unknown,		    REFUSE(STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND)},
	{bind_gmac_session,	    REFUSE(STATUS_REQUEST_OUT_OF_SEQUENCE, POLICY_BINDING_REFUSED)},
	{bind_gmac_connection,	    REFUSE(STATUS_NOT_SUPPORTED, POLICY_BINDING_REFUSED)},
	{bind_old_dialect,	    REFUSE(STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED)},
	{bind_unsigned,		    REFUSE(STATUS_INVALID_PARAMETER, POLICY_BINDING_REFUSED)},
	{bind_mismatch,		    REFUSE(STATUS_INVALID_PARAMETER, POLICY_BINDING_REFUSED)},
	{bind_expired,		    REFUSE(STATUS_NETWORK_SESSION_EXPIRED, POLICY_SESSION_HAS_EXPIRED)},
	{bind_not_valid,	    REFUSE(STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED)},
	{bind_keyless,		    REFUSE(STATUS_NOT_SUPPORTED, POLICY_BINDING_REFUSED)},

	{signature_wrong,	    REFUSE(STATUS_ACCESS_DENIED, POLICY_WRONG_SIGNATURE)},
	{bind_again,		    REFUSE(STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED)},
	{signature_without_session, REFUSE(STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND)},
	{signature_without_key,	    REFUSE(STATUS_NOT_SUPPORTED, POLICY_NO_KEY)},
	{unsigned_though_demanded,  REFUSE(STATUS_ACCESS_DENIED, POLICY_UNSIGNED_CLIENT_DEMAND)},

	{session_missing,	    REFUSE(STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND)},
	{session_unfinished,	    REFUSE(STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND)},
	{unencrypted,		    DENY(POLICY_UNENCRYPTED, UNENCRYPTED)},
	{session_expired,	    REFUSE(STATUS_NETWORK_SESSION_EXPIRED, POLICY_SESSION_HAS_EXPIRED)},
	{tree_connect_unprotected,  DISCONNECT(POLICY_TREE_CONNECT_UNPROTECTED)},
};

/*
 * Deviation: [MS-SMB2] 3.3.5.2.11 refuses a plain request on a tree with Share.EncryptData. Here encrypt_data, of a
 * share or of all, is about what the server sends; what clients may send is reject_unencrypted_access alone, and no
 * share's encrypt_data = false opens a hole in that.
 */
static const struct row access_rows[] = {
	{unencrypted,		    DENY(POLICY_UNENCRYPTED, UNENCRYPTED)},
};

static const struct row session_rows[] = {
	{user_missing,		    REFUSE(STATUS_ACCESS_DENIED, POLICY_SESSION_NOT_FOUND)},
	{user_anonymous,	    DENY(POLICY_ANONYMOUS, ANONYMOUS)},
	{user_cannot_bind,	    REFUSE(STATUS_ACCESS_DENIED, POLICY_BINDING_REFUSED)},
	{user_cannot_sign,	    DENY(POLICY_CANNOT_SIGN, SIGNING)},
	{user_cannot_encrypt,	    DENY(POLICY_CANNOT_ENCRYPT, UNENCRYPTED)},
};
/* clang-format on */

static struct policy_out judge(const struct row *rows, size_t count,
			       const struct policy_in *in)
{
	for (size_t i = 0; i < count; i++) {
		struct policy_out out = {.verdict = rows[i].verdict,
					 .status = rows[i].status,
					 .reason = rows[i].reason,
					 .parameter = rows[i].parameter};

		if (!rows[i].applies(in))
			continue;
		if (out.verdict == POLICY_REFUSE && in->command == SMB2_CANCEL)
			out.verdict = POLICY_DROP; /* nothing answers a CANCEL */
		return out;
	}
	return (struct policy_out){.verdict = POLICY_PROCESS, .reason = POLICY_OK};
}

struct policy_out policy_admit(const struct policy_in *in)
{
	return judge(admit_rows, ARRAY_LEN(admit_rows), in);
}

struct policy_out policy_access(const struct policy_in *in)
{
	return judge(access_rows, ARRAY_LEN(access_rows), in);
}

/*
 * SMB2_SESSION_FLAG_ENCRYPT_DATA would overrule a share that is exempt from encrypt_data: where there is one, the
 * shares announce it themselves.
 */
static bool whole_session_encrypted(const struct policy_in *in)
{
	return in->reject_unencrypted_access ||
	       (in->encrypt_data && !in->any_share_unencrypted);
}

struct policy_session_out policy_session(const struct policy_in *in,
					 bool client_requires_signing)
{
	struct policy_session_out so = {
		.out = judge(session_rows, ARRAY_LEN(session_rows), in)};

	if (is_reauthentication(in)) {
		so.signing_required = in->signing_required;
		so.encrypt_data = in->session_encrypt_data;
		return so;
	}
	/* Deviation: MS requires it of guests, too, if their client asks; they have no key to sign with. */
	so.signing_required = will_have_keys(in) &&
			      (client_requires_signing || in->require_message_signing);
	so.encrypt_data = will_have_keys(in) && can_encrypt(in) &&
			  whole_session_encrypted(in);
	return so;
}

bool policy_is_outdated(const struct policy_in *in, bool require_message_signing_then,
			bool reject_unencrypted_access_then)
{
	struct policy_in then = *in, anew = *in;

	if (!is_set_up_here(in))
		return false;
	then.require_message_signing = require_message_signing_then;
	then.reject_unencrypted_access = reject_unencrypted_access_then;
	anew.session = POLICY_SESSION_NONE;
	anew.binding = false;
	return policy_admit(in).verdict == POLICY_REFUSE &&
	       policy_admit(&then).verdict == POLICY_PROCESS &&
	       policy_session(&anew, false).out.verdict == POLICY_PROCESS;
}

/* [MS-SMB2] 3.3.4.1.4: the server's own wish, besides answering as it was asked */
static bool wants_encryption(const struct policy_in *in)
{
	if (is_setup(in))
		return false;
	if (in->session_encrypt_data || whole_session_encrypted(in))
		return true;
	return in->has_tree && in->share_encrypt_data && in->command != SMB2_TREE_CONNECT;
}

bool policy_announces_encryption(const struct policy_in *in)
{
	return in->has_tree && in->share_encrypt_data && in->has_keys && can_encrypt(in);
}

/* Its keys are in use on this connection. */
static bool keys_here(const struct policy_in *in)
{
	return in->has_keys && (is_set_up_here(in) || in->session == POLICY_SESSION_NONE);
}

/*
 * [MS-SMB2] 3.3.4.1.1, 3.3.5.5. The refusal of a bad signature is signed, so that the client can tell it from an
 * attacker's; but not that of a binding, where MessageIds of two connections could meet under one GMAC key. Whoever has
 * the key of a session that is not on this connection hears that from us, not from anybody.
 */
static bool answers_signed(const struct policy_in *in)
{
	if (in->protection == POLICY_SIGNED)
		return keys_here(in) || is_binding(in) ||
		       in->session == POLICY_SESSION_ELSEWHERE;
	return in->protection == POLICY_BAD_SIGNATURE && keys_here(in) && !is_binding(in);
}

enum policy_answer policy_answer(const struct policy_in *in, bool interim,
				 bool final_setup)
{
	if (!in->has_keys || is_negotiate(in))
		return POLICY_ANSWER_PLAIN;
	if (final_setup) /* always, unasked: it closes the proof of the handshake */
		return POLICY_ANSWER_SIGNED;
	if (can_encrypt(in) &&
	    (is_encrypted(in) || (keys_here(in) && wants_encryption(in))))
		return POLICY_ANSWER_ENCRYPTED;
	if (interim)
		return POLICY_ANSWER_PLAIN;
	return answers_signed(in) ? POLICY_ANSWER_SIGNED : POLICY_ANSWER_PLAIN;
}

uint16_t policy_security_mode(bool require_message_signing,
			      bool reject_unencrypted_access)
{
	uint16_t mode = SMB2_NEGOTIATE_SIGNING_ENABLED;

	/* What is encrypted counts as signed, so both parameters keep this promise. */
	if (require_message_signing || reject_unencrypted_access)
		mode |= SMB2_NEGOTIATE_SIGNING_REQUIRED;
	return mode;
}

const char *policy_reason_text(enum policy_reason r)
{
	static const char *const texts[] = {
		[POLICY_OK] = "nothing is wrong",
		[POLICY_NOT_NEGOTIATED] = "a command before NEGOTIATE",
		[POLICY_SECOND_NEGOTIATE] = "a second NEGOTIATE",
		[POLICY_NEGOTIATE_SIGNED] =
			"a protected NEGOTIATE, before there is a key",
		[POLICY_UNEXPECTED_TRANSFORM] =
			"an encrypted message where no session has encryption keys",
		[POLICY_ANONYMOUS] = "anonymous access is not allowed",
		[POLICY_UNSIGNED] = "the message is not signed",
		[POLICY_UNSIGNED_CLIENT_DEMAND] =
			"the message is not signed, though its client demanded signing",
		[POLICY_WRONG_SIGNATURE] = "the signature is wrong",
		[POLICY_NO_KEY] = "the message is signed on a session that has no key",
		[POLICY_UNENCRYPTED] = "the message is not encrypted",
		[POLICY_CANNOT_ENCRYPT] = "this client or user cannot encrypt",
		[POLICY_CANNOT_SIGN] = "guests and anonymous users cannot sign",
		[POLICY_TREE_CONNECT_UNPROTECTED] =
			"an SMB 3.1.1 TREE_CONNECT is neither signed nor encrypted",
		[POLICY_SESSION_NOT_FOUND] = "no such session on this connection",
		[POLICY_SESSION_HAS_EXPIRED] = "the session has expired",
		[POLICY_BINDING_REFUSED] =
			"the session cannot be bound to this connection",
	};

	_Static_assert(ARRAY_LEN(texts) == POLICY_REASON_COUNT, "a text for each reason");
	return texts[r];
}
