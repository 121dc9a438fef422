/*
 * client.h - the client's side of SMB 2.0.2 to 3.1.1, to test and to measure a server with: builds requests, protects
 *            them, checks and opens what comes back.
 *
 * It moves no bytes and never waits. A frame to send is made by client_begin(), one or more requests, client_end(); a
 * frame that arrived goes to client_receive(), which calls back for each answer in it. What carries the frames is the
 * caller's: tests/sim has memory, a test client will have a socket.
 *
 *     client_begin(c);
 *     mid = client_echo(c);
 *     put(client_end(c));                      with the 4 bytes of Direct TCP in front
 *     ...
 *     err = client_receive(c, frame, got, arg) without them; got() is called with the answer to `mid`
 *
 * A logon is NEGOTIATE, then SESSION_SETUP until its answer is not STATUS_MORE_PROCESSING_REQUIRED any more; what the
 * answers say (dialect, keys, session id, credits) is taken over before the callback sees them. Requests go to
 * client->session; client_session_add() makes further ones, client_session_bind() one that is a channel of a session
 * of another connection. What the server sends unasked, breaks of oplocks and leases, goes to settings.broke.
 *
 * Every answer is distrusted: it must be to a request under way, protected as that was, hold the structure its command
 * and status demand, and grant credits that add up. Offsets and lengths are checked by the parsers of answer.h.
 *
 * Owns     its keys and one frame, which client_end() lends until the next client_begin().
 * Threads  one user at a time.
 * Errors   client_receive(): -EBADMSG, and client_fault() says what was wrong; the connection is of no more use. Requests
 *          that do not fit and logons that cannot be computed are the caller's faults: they abort.
 * Spec     [MS-SMB2] 3.2
 */
#pragma once

#include "base/env.h"
#include "base/list.h"
#include "base/status.h"
#include "client/logon.h"
#include "secure/preauth.h"
#include "secure/seal.h"
#include "secure/sign.h"
#include "wire/smb2_header.h"

enum client_protect { CLIENT_PLAIN, CLIENT_SIGNED, CLIENT_SEALED };

/* MessageId of what the server sends unasked. */
#define CLIENT_UNSOLICITED UINT64_MAX

enum {
	CLIENT_LIST_MAX = 8,
	CLIENT_FAULT_MAX = 160,
	/* Where the first message lies in a frame: behind room for the lengths of Direct TCP and a TRANSFORM_HEADER. */
	CLIENT_HEADROOM = 4 + SMB2_TRANSFORM_HEADER_LEN,
};

struct client_break;
/* A break the server told of; arg is client_receive()'s. */
typedef void (*client_broke)(void *arg, const struct client_break *b);

/* Lists are in the client's order and end with their count. Everything is borrowed and outlives the client. */
struct client_settings {
	struct env *env; /* random bytes and time */
	struct logon_settings logon;
	const char *host; /* in the paths of TREE_CONNECT */
	uint16_t dialects[CLIENT_LIST_MAX];
	size_t dialect_count;
	uint16_t
		ciphers[CLIENT_LIST_MAX]; /* none: no ENCRYPTION context, no capability */
	size_t cipher_count;
	uint16_t signings[CLIENT_LIST_MAX]; /* none: no SIGNING context */
	size_t signing_count;
	bool require_signing; /* in SecurityMode */
	enum client_protect
		protect; /* of requests after the logon, if the server does not want more */
	uint8_t guid[16];
	uint64_t previous_session_id;
	size_t frame_max;      /* bytes of one frame; 0: 2 MiB */
	uint16_t credits_kept; /* asks for so many while it holds fewer; 0: 64 */
	uint32_t
		verify_every; /* of so many signed answers one is verified; 0 and 1: all are. Logons always */
	client_broke broke; /* NULL: a break is a fault, as nobody asked for oplocks */
};

/* What one user has on a connection: a session of its own, or one more channel of a session of another connection. */
struct client_session {
	struct list_node node;
	struct logon_settings who;
	const struct client_session *bound; /* what this is a channel of; outlives it */
	uint64_t previous_id;

	struct logon *logon; /* under way */
	struct logon_token token;
	uint64_t id;
	uint16_t flags; /* SessionFlags */
	bool ready;     /* logged on, or bound */
	struct preauth preauth;
	struct sign_key *sign; /* of the channel */
	struct seal_tx *seal;  /* of the session: a channel borrows both */
	struct seal_key *open;
	enum client_protect protect;
};

/* A request that was sent and is not answered for good. */
struct client_pending {
	struct list_node node;
	uint64_t message_id;
	uint64_t async_id; /* 0: no interim answer yet */
	uint16_t command;
	uint16_t charge;
	enum client_protect protect; /* how it was sent, so how it is answered */
	struct client_session *session;
};

/* What a FileId names. */
struct client_file {
	uint64_t persistent_id, volatile_id;
};

/* One answer, valid inside the callback. */
struct client_answer {
	uint64_t message_id;
	uint16_t command;
	nt_status status;
	bool interim; /* STATUS_PENDING: another will follow */
	uint64_t async_id;
	uint32_t tree_id;
	enum client_protect protect; /* how it came */
	const struct client_session *session;
	struct span message; /* header to last byte; offsets in it count from its start */
};

/* What a break says. [MS-SMB2] 2.2.23 */
struct client_break {
	bool lease;
	bool sealed;
	/* of an oplock */
	struct client_file id;
	uint8_t level; /* SMB2_OPLOCK_LEVEL_*: what may be kept */
	/* of a lease */
	uint8_t key[SMB2_LEASE_KEY_LEN];
	uint16_t epoch;
	uint32_t from, to;     /* SMB2_LEASE_* */
	bool must_acknowledge; /* an oplock's break does not say: any but II needs it */
};

struct client {
	struct client_settings settings;

	/* since NEGOTIATE */
	uint16_t dialect; /* 0 before */
	uint16_t security_mode;
	uint32_t capabilities;
	uint32_t max_transact, max_read, max_write;
	enum seal_cipher cipher;
	enum sign_alg sign_alg;
	struct preauth preauth;
	struct logon_token hint; /* the server's first word of SPNEGO */

	struct list_node sessions;      /* client_session, oldest first */
	struct client_session *session; /* whose requests are added from now on */

	uint64_t next_id;         /* MessageId of the next request */
	uint32_t credits;         /* ids from next_id on that may be used */
	struct list_node pending; /* client_pending, oldest first */
	size_t pending_count;
	uint32_t unverified; /* signed answers since one was verified */

	struct wr w; /* the frame under construction */
	uint8_t *frame;
	size_t element; /* offset of its last element; SIZE_MAX: none yet */
	bool related;   /* what is added from now on */
	bool replay;    /* likewise: SMB2_FLAGS_REPLAY_OPERATION. The caller's */
	enum client_protect frame_protect;
	bool frame_exact; /* not even what the protocol demands changes it */
	char fault[CLIENT_FAULT_MAX];
};

/* Aborts without memory. */
struct client *client_new(const struct client_settings *s);
void client_free(struct client *c); /* wipes; NULL is fine */

/* ---- sessions ------------------------------------------------------------------------------------- */

/*
 * A further session, which client->session then is: not between client_begin() and client_end(). The first is made by
 * client_new(). All of them live until client_free(), or until they are dropped: nothing may be under way in them then,
 * and client->session is the oldest again.
 */
struct client_session *client_session_add(struct client *c,
					  const struct logon_settings *who);
/* The same, but its logon binds this connection to a session of another: 3.x, same dialect and algorithms. */
struct client_session *client_session_bind(struct client *c,
					   const struct client_session *of);
void client_session_drop(struct client *c, struct client_session *s);

/*
 * Behave as if everything up to the logon had been done, towards a program that does the same: 3.1.1 with the first
 * cipher and signing algorithm of the settings, keys of zero bytes, SessionId 1, MessageIds from 1 on. What remains is
 * the pipeline of messages.
 */
enum { CLIENT_ASSUMED_SESSION = 1, CLIENT_ASSUMED_MAX = 8 << 20 };
void client_assume(struct client *c);

/* ---- frames --------------------------------------------------------------------------------------- */

/* Begin a frame, protected as client->session->protect says; before the logon plain. */
void client_begin(struct client *c);
/* The same, protected exactly so, be it wrong; the session must have the keys. */
void client_begin_as(struct client *c, enum client_protect protect);
/* Requests added from now on are related to the one before. */
void client_relate(struct client *c);
/* The finished frame, Direct TCP header first. */
struct span client_end(struct client *c);
/* Give the memory of the frame back until the next client_begin(). */
void client_trim(struct client *c);

typedef void (*client_got)(void *arg, const struct client_answer *a);
/* One frame from the server; decrypted in place. */
MUST_CHECK int client_receive(struct client *c, struct mspan frame, client_got got,
			      void *arg);
/* What was wrong. */
const char *client_fault(const struct client *c);

/* Whether a request with so many bytes to carry or ask for may be sent now. */
bool client_may_send(const struct client *c, size_t payload);
/* NULL: answered or never sent. */
const struct client_pending *client_pending(const struct client *c, uint64_t message_id);

/* ---- requests: each adds one to the frame and returns its MessageId --------------------------------- */

uint64_t client_negotiate(struct client *c);
/* The next step of the logon; the first begins it. On a session that is valid: a re-authentication. */
uint64_t client_session_setup(struct client *c);
uint64_t client_logoff(struct client *c);
uint64_t client_echo(struct client *c);
uint64_t client_tree_connect(struct client *c, const char *share);
uint64_t client_tree_disconnect(struct client *c, uint32_t tree);

struct client_create {
	const char *path; /* backslashes */
	uint32_t access, attributes, share, disposition, options;
	uint8_t oplock;       /* SMB2_OPLOCK_LEVEL_* */
	struct span contexts; /* encoded: contexts.h */
};
uint64_t client_create(struct client *c, uint32_t tree, const struct client_create *in);

struct client_file client_related_id(void); /* the file of the request before */
uint64_t client_close(struct client *c, uint32_t tree, struct client_file id,
		      uint16_t flags);
uint64_t client_flush(struct client *c, uint32_t tree, struct client_file id);
uint64_t client_read(struct client *c, uint32_t tree, struct client_file id, uint64_t off,
		     uint32_t len);
uint64_t client_write(struct client *c, uint32_t tree, struct client_file id,
		      uint64_t off, struct span data);

struct client_lock {
	uint64_t offset, length;
	uint32_t flags; /* SMB2_LOCKFLAG_* */
};
uint64_t client_lock(struct client *c, uint32_t tree, struct client_file id,
		     const struct client_lock *locks, size_t count);
/* Acknowledge a break. [MS-SMB2] 2.2.24 */
uint64_t client_oplock_ack(struct client *c, uint32_t tree, struct client_file id,
			   uint8_t level);
uint64_t client_lease_ack(struct client *c, uint32_t tree,
			  const uint8_t key[SMB2_LEASE_KEY_LEN], uint32_t state);
uint64_t client_ioctl(struct client *c, uint32_t tree, struct client_file id,
		      uint32_t code, struct span in, uint32_t output_max);
uint64_t client_query_directory(struct client *c, uint32_t tree, struct client_file id,
				uint8_t class, uint8_t flags, const char *pattern,
				uint32_t output_max);
uint64_t client_change_notify(struct client *c, uint32_t tree, struct client_file id,
			      uint16_t flags, uint32_t filter, uint32_t output_max);

/* What is asked or set: SMB2_0_INFO_*, a class of it, and for security which parts. */
struct client_info {
	uint8_t type, class;
	uint32_t additional;
};
uint64_t client_query_info(struct client *c, uint32_t tree, struct client_file id,
			   struct client_info what, uint32_t output_max);
uint64_t client_set_info(struct client *c, uint32_t tree, struct client_file id,
			 struct client_info what, struct span data);
/* FileDispositionInformation */
uint64_t client_set_delete(struct client *c, uint32_t tree, struct client_file id,
			   bool on);
/* FileRenameInformation. to: from the root of the share, backslashes */
uint64_t client_rename(struct client *c, uint32_t tree, struct client_file id,
		       const char *to, bool replace);

/* Of a request under way, in its session. It has no id of its own and no answer. */
void client_cancel(struct client *c, uint64_t message_id);
