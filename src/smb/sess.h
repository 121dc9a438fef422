/*
 * sess.h - a session: who, with which keys, with which trees and opens.
 *
 * Owns     keys, principal, trees, opens. Counted by the server's table, channels and requests.
 * Threads  any. `lock` (rank SESS) guards what is marked L; keys and user flags are immutable once VALID.
 * Spec     [MS-SMB2] 3.3.1.8
 */
#pragma once

#include "auth/principal.h"
#include "base/lock.h"
#include "base/map.h"
#include "secure/policy.h"
#include "secure/preauth.h"
#include "secure/seal.h"
#include "secure/sign.h"
#include "secure/signed_once.h"
#include "smb/server.h"
#include "smb/stats.h"
#include "smb/teardown.h"

struct conn;
struct channel;
struct open;
struct tree;

enum { SESS_CHANNELS_MAX = 32 /* as Windows */, SESS_CLIENT_MAX = 64 };

enum sess_state { SESS_IN_PROGRESS, SESS_VALID, SESS_EXPIRED, SESS_CLOSED };

/* One authentication under way on one channel: first logon, re-authentication or binding. */
struct setup {
	struct snapshot *snap; /* counted: whose users and settings it began with */
	struct auth *auth;
	struct preauth preauth; /* 3.1.1: the hash of this exchange		*/
	bool busy;              /* a step runs in the pool: no second one meanwhile */
	bool client_signs;      /* SecurityMode of the request demands signing */
};

struct sess {
	struct map_node by_id;     /* server's lock */
	struct smb_server *server; /* I */
	uint64_t id;               /* I */
	atomic_uint refs;
	_Atomic(enum sess_state) state;
	uint64_t created;             /* I  FILETIME */
	uint16_t dialect;             /* I */
	enum seal_cipher cipher;      /* I */
	enum sign_alg sign_alg;       /* I */
	uint8_t client_guid[16];      /* I */
	char client[SESS_CLIENT_MAX]; /* I  conn_peer() of its first connection */

	/* written once by the worker that completes the first authentication, before VALID */
	enum policy_user user;
	bool has_keys;
	bool signing_required;
	bool encrypt_data;            /* the session flag as announced		*/
	bool require_message_signing; /* in force at setup: loosening acts on new sessions only */
	bool reject_unencrypted_access;
	bool client_signs;     /* its client demanded signing		*/
	bool conf_encrypts;    /* encrypt_data of [global], likewise in force at setup */
	struct sign_key *sign; /* Session.SigningKey: final setup answer, binding */
	struct seal_key *open_key; /* client to server			*/
	struct seal_tx *seal;      /* server to client			*/

	struct traffic_counters traffic; /* A  of channels that are gone	*/
	atomic_uint
		refused[REFUSAL_COUNT]; /* A  refusal_name() has the rows		*/
	struct lock lock;               /* rank SESS */
	struct principal *who;          /* L  re-authentication replaces it	*/
	struct list_node channels;      /* L  channel.on_sess			*/
	struct map trees;               /* L  tree.by_id				*/
	struct map opens;               /* L  open.by_id, by volatile id		*/
	uint32_t next_tree_id;          /* L */
	uint64_t next_volatile_id;      /* L */
	uint32_t open_count;            /* L */
	size_t lock_count;              /* L  open.lock_count, of all of them */
	struct signed_once signed_once; /* L  of AES-GMAC */
	struct teardown teardown;       /* of whoever closed it */
};

/* In the server's table, IN_PROGRESS, one reference for the caller. STATUS_INSUFFICIENT_RESOURCES at sessions_max. */
MUST_CHECK nt_status sess_new(struct smb_server *server, const struct conn *c,
			      uint32_t sessions_max, struct sess **ret_sess);
/* Its keys and user flags are there, and stay as they are. */
static inline bool sess_is_set_up(const struct sess *s)
{
	return atomic_load(&s->state) != SESS_IN_PROGRESS;
}

/* From the global table; counted. NULL if there is none (or it is closed). */
struct sess *sess_find(struct smb_server *server, uint64_t id);
struct sess *sess_get(struct sess *s);
void sess_put(struct sess *s);

static inline void sess_putp(struct sess **s)
{
	sess_put(*s);
}

static inline enum policy_user principal_user(const struct principal *who)
{
	switch (who->kind) {
	case PRINCIPAL_NAMED:
		return POLICY_USER_NAMED;
	case PRINCIPAL_GUEST:
		return POLICY_USER_GUEST;
	case PRINCIPAL_ANONYMOUS:
		break;
	}
	return POLICY_USER_ANONYMOUS;
}

/* A reference to who the session is now. */
struct principal *sess_who(struct sess *s);

/*
 * The one way a session ends (failed setup): out of the table, off every
 * channel, its opens closed, its trees gone. Ends w when all that is done; w may be NULL. Idempotent: a second
 * caller's w ends at once. lane: the caller's worker.
 */
void sess_close(struct sess *s, struct lane *lane, struct wait *w);
/*
 * The same where its client is not done with it (last channel lost, PreviousSessionId, LOGOFF): durable opens stay for it.
 * [MS-SMB2] 3.3.7.1, 3.3.5.5.3, 3.3.5.6
 */
void sess_disconnect(struct sess *s, struct lane *lane, struct wait *w);
