/*
 * policy.h - every decision whether a message is processed, refused, dropped, or ends the connection, and
 *            how its answer is protected. Pure functions over plain values: one table in policy.c.
 *
 * Owns     nothing; no state, no I/O.
 * Threads  pure.
 * Spec     [MS-SMB2] 3.3.5.2.1.1, 3.3.5.2.4, 3.3.5.2.9, 3.3.5.2.11, 3.3.5.5, 3.3.5.7, 3.3.4.1.1,
 *          3.3.4.1.4, and the three parameters require_message_signing, encrypt_data,
 *          reject_unencrypted_access. doc/SECURITY.md has the matrix.
 */
#pragma once

#include "base/status.h"

/* How a message arrived, as far as it could be proved. */
enum policy_protection {
	POLICY_PLAIN = 0,     /* neither flag nor transform			*/
	POLICY_UNVERIFIED,    /* SIGNED flag set, no key known to check it with (yet) */
	POLICY_BAD_SIGNATURE, /* SIGNED flag set, signature wrong		*/
	POLICY_SIGNED,        /* verified					*/
	POLICY_ENCRYPTED,     /* came out of an authenticated transform		*/
};

enum policy_user {
	POLICY_USER_NONE = 0,
	POLICY_USER_NAMED,
	POLICY_USER_GUEST,
	POLICY_USER_ANONYMOUS
};

enum policy_session {
	POLICY_SESSION_NONE = 0, /* SessionId 0, or not found where it must be	*/
	POLICY_SESSION_ELSEWHERE, /* exists, but not on this connection (binding or probing) */
	POLICY_SESSION_IN_PROGRESS, /* first authentication under way: no keys		*/
	POLICY_SESSION_VALID,
	POLICY_SESSION_EXPIRED,
};

/* Everything a decision may depend on. Zero is the strict or the absent choice wherever there is one. */
struct policy_in {
	/* configuration in force for this message (for an old session: the tighter of then and now) */
	bool require_message_signing;
	bool encrypt_data;          /* global				*/
	bool any_share_unencrypted; /* some share overrides encrypt_data to false */
	bool reject_unencrypted_access;

	/* connection */
	uint16_t dialect; /* 0x0202 .. 0x0311; 0: not negotiated	*/
	bool cipher;      /* CipherId != 0			*/

	/* session named by the message */
	enum policy_session session;
	enum policy_user user;
	bool has_keys;             /* set up with a named user: can sign and seal */
	bool signing_required;     /* Session.SigningRequired		*/
	bool session_encrypt_data; /* Session.EncryptData, as announced	*/

	/* message */
	uint16_t command;
	bool binding;          /* SESSION_SETUP with SMB2_SESSION_FLAG_BINDING */
	bool async_or_related; /* reserved for the caller's statistics; decides nothing */
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
	POLICY_NOT_NEGOTIATED,         /* a command before NEGOTIATE		*/
	POLICY_UNSIGNED,               /* require_message_signing		*/
	POLICY_UNSIGNED_CLIENT_DEMAND, /* the session's client asked for signing */
	POLICY_WRONG_SIGNATURE,
	POLICY_UNENCRYPTED,    /* reject_unencrypted_access		*/
	POLICY_CANNOT_ENCRYPT, /* client, dialect or user cannot	*/
	POLICY_CANNOT_SIGN,    /* guest or anonymous while signing is required */
	POLICY_TREE_CONNECT_UNPROTECTED, /* 3.1.1, neither signed nor encrypted */
	POLICY_UNEXPECTED_TRANSFORM,     /* encrypted where nothing can be	*/
	POLICY_NEGOTIATE_SIGNED,
	POLICY_SESSION_UNKNOWN,
	POLICY_SESSION_HAS_EXPIRED,
	POLICY_REASON_COUNT,
};

struct policy_out {
	enum policy_verdict verdict;
	nt_status status; /* for POLICY_REFUSE */
	enum policy_reason reason;
	const char *parameter; /* the parameter responsible, or NULL; static */
};

/*
 * First entry: after session lookup, before the message id is consumed, and once more when the signature
 * turned out wrong (protection = POLICY_BAD_SIGNATURE). Everything that does not need the tree.
 */
struct policy_out policy_admit(const struct policy_in *in);

/* Second entry: the tree (or the share of a TREE_CONNECT) is known. */
struct policy_out policy_access(const struct policy_in *in);

/*
 * Final SESSION_SETUP, user known, before the answer: may this session come to life, and with which flags?
 * in->user is the new user, in->session VALID for a re-authentication.
 */
struct policy_session_out {
	struct policy_out out; /* REFUSE or PROCESS			*/
	bool signing_required; /* Session.SigningRequired		*/
	bool encrypt_data; /* Session.EncryptData and the flag SMB2_SESSION_FLAG_ENCRYPT_DATA */
};
struct policy_session_out policy_session(const struct policy_in *in,
					 bool client_requires_signing);

/* How to protect the answer to this message; `final_setup`: a SESSION_SETUP answer with STATUS_SUCCESS of a first
 * authentication or binding. */
enum policy_answer {
	POLICY_ANSWER_PLAIN = 0,
	POLICY_ANSWER_SIGNED,
	POLICY_ANSWER_ENCRYPTED
};
enum policy_answer policy_answer(const struct policy_in *in, bool interim,
				 bool final_setup);

/* NEGOTIATE SecurityMode of the answer. [MS-SMB2] 2.2.4 */
uint16_t policy_security_mode(bool require_message_signing,
			      bool reject_unencrypted_access);

/* One plain sentence for the log: what was missing. Static. */
const char *policy_reason_text(enum policy_reason r);
