/*
 * conn.h - one transport connection: dialect, algorithms, message ids, channels, output.
 *
 * Owns     its channels, its output queue, its requests under way.
 * Threads  only its worker touches it; others hold references and post. refs is atomic.
 * Spec     [MS-SMB2] 3.3.1.7 Connection, 3.3.1.14 Channel, 3.3.1.15 PreauthSession
 */
#pragma once

#include "base/timer.h"
#include "net/xport.h"
#include "secure/preauth.h"
#include "secure/seal.h"
#include "secure/sign.h"
#include "smb/credits.h"
#include "smb/server.h"
#include "smb/stats.h"

struct sess;
struct out;

enum { CONN_PEER_MAX = 64 };

enum conn_state {
	CONN_NEW,      /* nothing negotiated: NEGOTIATE only			*/
	CONN_WILDCARD, /* 0x02FF answered to the multi-protocol NEGOTIATE	*/
	CONN_READY,    /* Dialect is final					*/
	CONN_CLOSED,   /* the transport is gone or going: nothing more is sent	*/
};

/* A session on this connection. While `setup` is there an authentication is under way. */
struct channel {
	unsigned refs;              /* table, requests, unsent responses; worker only	*/
	struct map_node by_session; /* in conn->channels				*/
	bool listed;                /* in conn->channels				*/
	bool settling;              /* counted in conn->in_progress			*/
	bool valid; /* authenticated here: carries more than SESSION_SETUP */
	bool home;  /* the session's first: it signs with Session.SigningKey		*/
	bool half;  /* being bound: in conn->bindings. Written here, under sess's lock	*/
	bool lost;  /* its connection is, but not all its requests. Likewise		*/
	unsigned orphans;      /* requests that go on after the connection; worker only */
	struct conn *conn;     /* borrowed: channels go before their connection	*/
	struct sess *sess;     /* counted						*/
	struct sign_key *sign; /* signs and verifies here; NULL: no keys (yet)	*/
	struct setup *setup;   /* NULL: no authentication under way		*/
	struct traffic_counters traffic; /* here; its session's when it goes	*/
	_Atomic uint64_t used_ns;        /* A  when a request of it came last	*/
	struct list_node
		on_sess;   /* in sess->channels: sess's lock; then in conn->ended	*/
	bool forgotten;    /* sess's lock: `forget` is on its way		*/
	struct msg forget; /* the session's end, travelling to our worker	*/
};

struct conn {
	atomic_uint refs;
	uint64_t id;
	struct smb_server *server; /* I */
	struct smb_lane *lane;     /* I */
	struct xport *xport;
	uint64_t address;         /* I  of the peer, for server->logons			*/
	char peer[CONN_PEER_MAX]; /* I  "192.0.2.1:50123"				*/
	uint64_t since;           /* I  FILETIME					*/
	struct list_node on_lane;
	struct list_node on_out;

	enum conn_state state;
	uint16_t dialect;  /* 0x0202 .. 0x0311; 0 before			*/
	bool multi_credit; /* Connection.SupportsMultiCredit			*/
	bool client_signs; /* Connection.ShouldSign: the client requires it	*/
	bool constrained;  /* until the first named logon			*/
	uint8_t client_guid[16];
	uint16_t client_security_mode;
	uint32_t client_capabilities;
	uint16_t *client_dialects; /* as sent, for VALIDATE_NEGOTIATE_INFO		*/
	size_t client_dialect_count;
	uint16_t server_security_mode;
	uint32_t server_capabilities;
	uint32_t max_transact, max_read, max_write;
	enum seal_cipher cipher;
	enum sign_alg sign_alg;
	struct preauth preauth; /* 3.1.1: after the NEGOTIATE answer, final		*/

	struct credits credits;
	struct map channels; /* by SessionId */
	struct map bindings; /* half-open channels, by SessionId: PreauthSessionTable */
	struct list_node
		ended; /* in `channels`, of sessions that have ended, latest last */
	unsigned ended_count;
	struct map requests; /* req.by_id: received, not answered, by MessageId	*/
	struct map async;    /* req.by_async: interim sent, by AsyncId		*/
	uint64_t next_async_id;
	uint32_t async_count;
	uint32_t in_progress; /* sessions in their first authentication, or being bound */
	uint32_t dropped;     /* messages dropped for lack of protection		*/
	uint32_t arrivals;    /* its frames that wait in lane->arrivals */
	struct list_node out; /* struct out: finished, not protected yet		*/
	size_t memory;        /* bytes of buffers that its requests hold */
	uint64_t turn_ns;     /* the worker's turn that ... */
	size_t turn_len;      /* ... made room for so many bytes of answers */
	struct traffic_counters traffic;
	atomic_ullong answered; /* requests */
	bool paused;            /* not read until `memory` has shrunk */
	const char *retired;    /* why it ends once nothing is left to answer; NULL */
	struct timer deadline;  /* NEGOTIATE and SESSION_SETUP must come through	*/
};

enum {
	CONN_FRAME_MAX_EARLY = 64 * 1024, /* until a session is valid here		*/
	CONN_DEADLINE_MS = 45 * 1000, /* [MS-SMB2] 3.3.2.2 names no figure; Windows'	*/
	CONN_ASYNC_MAX = 512,      /* PEER waits; beyond: STATUS_INSUFFICIENT_RESOURCES */
	CONN_IN_PROGRESS_MAX = 16, /* first authentications and bindings */
	CONN_ENDED_MAX = 8, /* sessions whose clients are told signed that they ended */
	CONN_MEMORY_PAUSE =
		24 << 20, /* bytes of buffers; with one more frame under 32 MiB */
	CONN_MEMORY_RESUME = 8 << 20,
	CONN_MEMORY_MAX = 32 << 20, /* who lets breaks pile up to that is disconnected */
	CONN_TURN_LEN = 64 << 10,
	CONN_RETIRE_MS = 10 * 1000, /* for the last answers to be fetched */
	CONN_DROPS_MAX = 64,        /* dropped messages before the connection is closed */
};

/* How connections are handed to a transport; user_data is the conn. */
extern const struct xport_user conn_xport_user;

/* A new connection on lane; closed() frees it. NULL without memory. */
struct conn *conn_new(struct smb_lane *lane, struct xport *x);
struct conn *conn_get(struct conn *c);
void conn_put(struct conn *c);

/* Close: of answers only what the transport has goes out. Logs `why` once. Worker only. */
void conn_disconnect(struct conn *c, const char *why);

/*
 * Close politely: nothing more is read, what waits for other clients ends, the rest is answered, then the connection ends; after
 * CONN_RETIRE_MS in any case. Worker only.
 */
void conn_retire(struct conn *c, const char *why);
/* Everything queued is with the transport: if c is retired and has nothing under way, close it. */
void conn_sent_all(struct conn *c);

/* Borrowed; NULL if the session is not known here. */
struct channel *conn_channel(struct conn *c, uint64_t session_id);
/* Likewise, of the sessions that are being bound to c. */
struct channel *conn_binding(struct conn *c, uint64_t session_id);
/* On both sides; takes references of its own to sess. Borrowed from c. NULL without memory. */
struct channel *channel_new(struct conn *c, struct sess *sess);
/*
 * A half-open one: nothing finds it but conn_binding(), and it does not keep its session alive. Borrowed from c.
 * STATUS_INSUFFICIENT_RESOURCES beyond SESS_CHANNELS_MAX, half-open ones included, or without memory;
 * STATUS_USER_SESSION_DELETED if the session has ended.
 */
MUST_CHECK nt_status channel_bind(struct conn *c, struct sess *sess,
				  struct channel **ret_channel);
/* It is proved, and a channel like any other now. STATUS_USER_SESSION_DELETED likewise. */
MUST_CHECK nt_status channel_bound(struct channel *ch);
struct channel *channel_get(struct channel *ch);
void channel_put(struct channel *ch); /* wipes the key with the last */
/* The authentication under way is over. */
void channel_settled(struct channel *ch);
/* Off both sides; borrowed pointers to it end. */
void channel_remove(struct channel *ch);
/* Carries messages of its session, or did: neither half-open nor lost. Under its session's lock. */
static inline bool channel_carries(const struct channel *ch)
{
	return !ch->half && !ch->lost;
}
/* Its session would go on without it. */
bool channel_is_one_of_many(struct channel *ch);
/* A request of a lost channel is over: the session lets go of the channel with the last. */
void channel_orphan_ended(struct channel *ch);
/* Any thread: the session has ended, take it off every connection. lane: the caller's. */
void channels_forget(struct sess *s, struct lane *lane);
/* Begins an exchange with the users and settings of snap. NULL without memory. */
struct setup *setup_new(struct snapshot *snap);
void setup_free(struct setup *s); /* wipes; NULL is fine */

/*
 * Room was made for an answer of len bytes, to what arrived in the worker's turn of turn_ns. Once that is CONN_TURN_LEN in one
 * turn the rest of what has arrived waits for the next: so the client can work on the first answers while we do on the others,
 * instead of each sleeping while the other works, and waking him.
 */
void conn_turn_answer(struct conn *c, uint64_t turn_ns, size_t len);
/* Account for a buffer that a request of c got (bytes > 0) or gave back (< 0): pauses or resumes reading. */
void conn_memory(struct conn *c, int64_t bytes);
/* A session is valid here: longer frames, deadline off. */
void conn_authenticated(struct conn *c, bool named);
/* Where the client is, for the log: "192.0.2.1:50123", or "-" once it is gone. Borrowed. */
const char *conn_peer(const struct conn *c);
/* "3.1.1" */
const char *conn_dialect_name(uint16_t dialect);
