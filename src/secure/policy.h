/*
 * policy.h - every decision whether a message is processed, refused, dropped, or ends the connection, and
 *            how its answer is protected. Pure functions over plain values: one table in policy.c.
 *
 * Each entry is a list of rows, judged from top to bottom; the first that applies decides, and a message no row
 * applies to is processed. So the order of the rows is the order of [MS-SMB2] 3.3.5, and no rule hides elsewhere.
 *
 * Owns     nothing; no state, no I/O.
 * Threads  pure.
 * Spec     [MS-SMB2] 3.3.5.2.1.1, 3.3.5.2.4, 3.3.5.2.9, 3.3.5.2.11, 3.3.5.5, 3.3.5.7, 3.3.4.1.1,
 *          3.3.4.1.4, and the three parameters require_message_signing, encrypt_data,
 *          reject_unencrypted_access. doc/SECURITY.md has the matrix.
 */
#pragma once

#include "base/status.h"

/*
 * How a message arrived, as far as it is proved. Before its signature is checked a message is judged as
 * POLICY_SIGNED if the key to check it with is at hand, and once more as POLICY_BAD_SIGNATURE if the check failed: a
 * message that is dropped or refused whatever its signature costs no MAC.
 */
enum policy_protection {
	POLICY_PLAIN = 0,     /* neither flag nor transform			*/
	POLICY_UNVERIFIED,    /* SIGNED flag set, and no key to check it with	*/
	POLICY_BAD_SIGNATURE, /* SIGNED flag set, signature wrong		*/
	POLICY_SIGNED,
	POLICY_ENCRYPTED, /* came out of an authenticated transform		*/
};

enum policy_user {
	POLICY_USER_NONE = 0,
	POLICY_USER_NAMED,
	POLICY_USER_GUEST,
	POLICY_USER_ANONYMOUS
};

/* The session a message names, as seen from the connection it came on. */
enum policy_session {
	POLICY_SESSION_NONE =
		0, /* SessionId 0; with has_keys: it has ended, perhaps while its request ran */
	POLICY_SESSION_UNKNOWN,     /* there is no such session on any connection	*/
	POLICY_SESSION_ELSEWHERE,   /* exists, but was not set up or bound here	*/
	POLICY_SESSION_IN_PROGRESS, /* being set up or bound here: SESSION_SETUP only	*/
	POLICY_SESSION_VALID,
	POLICY_SESSION_EXPIRED,
};

/* What binding a session to one more connection depends on. [MS-SMB2] 3.3.5.5 */
struct policy_binding {
	bool multichannel; /* this server binds sessions		*/
	enum policy_session
		state; /* on its own connections: IN_PROGRESS, VALID, EXPIRED */
	uint16_t session_dialect; /* of the session: Session.Connection.Dialect	*/
	bool session_gmac;        /* it signs with AES-GMAC			*/
	bool connection_gmac;     /* this connection does			*/
	bool same_cipher;         /* CipherId of both			*/
};

/* Everything a decision may depend on. Zero is the strict or the absent choice wherever there is one. */
struct policy_in {
	/* configuration in force for this message; for an old session the tighter of then and now */
	bool require_message_signing;
	bool encrypt_data;          /* global				*/
	bool any_share_unencrypted; /* some share overrides encrypt_data to false */
	bool reject_unencrypted_access;
	bool null_session_access; /* anonymous sessions are allowed		*/

	/* connection */
	uint16_t dialect; /* 0x0202 .. 0x0311; 0: not negotiated (the wildcard neither) */
	bool cipher;      /* CipherId != 0			*/

	/* session named by the message, wherever it lives */
	enum policy_session session;
	enum policy_user user;
	bool has_keys;             /* set up with a named user: can sign and seal */
	bool signing_required;     /* Session.SigningRequired		*/
	bool session_encrypt_data; /* Session.EncryptData, as announced	*/

	/* message */
	uint16_t command;
	bool binding; /* SESSION_SETUP with SMB2_SESSION_FLAG_BINDING */
	struct policy_binding bind;
	enum policy_protection protection;

	/* tree of the message (policy_access, policy_answer): only for TREE_CONNECT and after */
	bool has_tree;
	bool share_encrypt_data; /* effective value of the share		*/
};

enum policy_verdict {
	POLICY_DISCONNECT = 0, /* close without an answer			*/
	POLICY_DROP,           /* no answer, no trace: no id consumed		*/
	POLICY_REFUSE,         /* answer with `status`				*/
	POLICY_PROCESS,
};

/* Why; indexes the counters and the log lines. Keep in step with policy_reason_text(). */
enum policy_reason {
	POLICY_OK = 0,
	POLICY_NOT_NEGOTIATED, /* a command before NEGOTIATE		*/
	POLICY_SECOND_NEGOTIATE,
	POLICY_NEGOTIATE_SIGNED,
	POLICY_UNEXPECTED_TRANSFORM,   /* encrypted where nothing can be	*/
	POLICY_ANONYMOUS,              /* null_session_access			*/
	POLICY_UNSIGNED,               /* require_message_signing		*/
	POLICY_UNSIGNED_CLIENT_DEMAND, /* the session's client asked for signing */
	POLICY_WRONG_SIGNATURE,
	POLICY_NO_KEY,         /* signed on a session that has no key	*/
	POLICY_UNENCRYPTED,    /* reject_unencrypted_access		*/
	POLICY_CANNOT_ENCRYPT, /* client, dialect or user cannot	*/
	POLICY_CANNOT_SIGN,    /* guest or anonymous while signing is required */
	POLICY_TREE_CONNECT_UNPROTECTED, /* 3.1.1, neither signed nor encrypted */
	POLICY_SESSION_NOT_FOUND,
	POLICY_SESSION_HAS_EXPIRED,
	POLICY_BINDING_REFUSED,
	POLICY_REASON_COUNT,
};

struct policy_out {
	enum policy_verdict verdict;
	nt_status status; /* for POLICY_REFUSE */
	enum policy_reason reason;
	const char *parameter; /* the parameter responsible, or NULL; static */
};

/*
 * First entry: after session lookup, before the message id is consumed; once more when the signature turned out
 * wrong. Everything that does not need the tree, TREE_CONNECT's own protection included.
 *
 * Nothing answers a CANCEL: it is dropped where another command is refused.
 */
struct policy_out policy_admit(const struct policy_in *in);

/* Second entry: the tree (or the share of a TREE_CONNECT) is known. */
struct policy_out policy_access(const struct policy_in *in);

/*
 * Final SESSION_SETUP, user known, before the answer: may this session come to life, and with which flags?
 *
 * in->user                 the new user
 * in->session              VALID or EXPIRED for a re-authentication: keys and flags stay what they were
 * client_requires_signing  SIGNING_REQUIRED in SecurityMode of the SESSION_SETUP, or Connection.ShouldSign
 */
struct policy_session_out {
	struct policy_out out; /* REFUSE or PROCESS			*/
	bool signing_required; /* Session.SigningRequired		*/
	bool encrypt_data; /* Session.EncryptData and the flag SMB2_SESSION_FLAG_ENCRYPT_DATA */
};
struct policy_session_out policy_session(const struct policy_in *in,
					 bool client_requires_signing);

/*
 * Was this message of a living session refused only because the configuration became stricter since it was set up, and
 * would its client be served if it set up anew? Then its connection is to be closed after the answer, so that it does.
 *
 * in                         as policy_admit() refused it
 * require_message_signing_then, reject_unencrypted_access_then
 *                            what the session was set up under
 */
bool policy_is_outdated(const struct policy_in *in, bool require_message_signing_then,
			bool reject_unencrypted_access_then);

enum policy_answer {
	POLICY_ANSWER_PLAIN = 0,
	POLICY_ANSWER_SIGNED,
	POLICY_ANSWER_ENCRYPTED
};
/*
 * How to protect the answer to this message, refusals included.
 *
 * interim      STATUS_PENDING: never signed, as its MessageId comes again
 * final_setup  STATUS_SUCCESS that ends a first authentication or a binding; has_keys is true by then if the
 *              session got keys
 */
enum policy_answer policy_answer(const struct policy_in *in, bool interim,
				 bool final_setup);

/* Is SMB2_SHAREFLAG_ENCRYPT_DATA said of this tree? Not to who cannot encrypt: he would give up. [MS-SMB2] 3.3.5.7 */
bool policy_announces_encryption(const struct policy_in *in);

/* SecurityMode of the NEGOTIATE answer; scanners judge a server by it. [MS-SMB2] 2.2.4 */
uint16_t policy_security_mode(bool require_message_signing,
			      bool reject_unencrypted_access);

/* One plain sentence for the log: what was missing. Static. */
const char *policy_reason_text(enum policy_reason r);
