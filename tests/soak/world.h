/*
 * world.h - the clients that contend for files: connections, two clients on each, what they have under way.
 *
 * Everything is one thread's. A client does something at random when it has room for it (actor.c); what it is answered
 * and told goes to the model (answers.c); whoever loses or gives up its connection or session comes back (conn.c).
 *
 * Spec     [MS-SMB2] 3.2.4, 3.2.5
 */
#pragma once

#include "client/sock.h"
#include "net/clock.h"
#include "sim/rng.h"
#include "soak/model.h"

enum {
	CONNS = 4,
	ACTORS_EACH = 2,
	ACTORS = CONNS * ACTORS_EACH,
	FILES = 20,
	OPENS_MAX = 6,   /* of a client */
	OPS_MAX = 6,     /* under way, of a client */
	EARLY_MAX = 64,  /* breaks of oplocks whose CREATE is not answered yet */
	STATUS_MAX = 64, /* different ones */
	RANGES_MAX = 3,  /* of a LOCK */
	NAME_MAX_LEN = 8,
};

struct world_settings {
	const char *address, *share, *user, *password;
	uint16_t port;
};

enum op_kind {
	OP_CREATE,
	OP_CLOSE,
	OP_READ,
	OP_WRITE,
	OP_LOCK,
	OP_UNLOCK,
	OP_DELETE,
	OP_RENAME,
	OP_FLUSH,
	OP_QUERY,
	OP_ACK,
	OP_LEAVE, /* LOGOFF or TREE_DISCONNECT */
};

/* A request under way. */
struct op {
	struct list_node node;
	enum op_kind kind;
	struct actor *actor;
	uint64_t message_id, sent;
	struct model_open *open; /* counted; NULL: CREATE, OP_LEAVE, a lease's OP_ACK */
	bool cancelled;
	struct model_open wanted; /* CREATE */
	bool wants_lease;
	struct client_lease lease_wanted;
	struct client_lock
		locks[RANGES_MAX]; /* LOCK, UNLOCK; READ and WRITE: the range */
	size_t lock_count;
	struct model_lease *lease; /* OP_ACK */
};

enum leaving { STAYS, LEAVES_TREE, LEAVES_SESSION };

struct actor {
	unsigned index;
	struct conn *conn;
	struct client_session *session;
	uint32_t tree;
	uint64_t previous_id; /* of what it lost by hanging up and wants replaced; or 0 */
	enum leaving leaving; /* comes back once nothing is under way */
	struct model_open *opens[OPENS_MAX]; /* live ones, counted */
	size_t open_count;
	unsigned op_count;
};

/* An acknowledgement that will be sent later. */
struct due {
	struct list_node node;
	uint64_t at_ns;
	struct actor *actor;
	struct model_open *open;   /* counted, or */
	struct model_lease *lease; /* this */
	uint32_t level;            /* or state */
};

struct conn {
	struct world *world;
	unsigned index;
	unsigned serial; /* of all connections ever: what leases belong to */
	struct sock *sock;
	struct actor actors[ACTORS_EACH];
	struct list_node ops, dues;
	struct client_file early[EARLY_MAX];
	size_t early_count; /* ever; the last EARLY_MAX are kept */
};

struct world {
	struct world_settings settings;
	struct clock clock;
	struct rng rng;
	struct model model;
	struct conn conns[CONNS];
	unsigned serial;
	uint64_t round_ns; /* since when each connection is being read once more */
	bool draining;     /* nobody begins anything any more */
	unsigned long requests, hangups, logoffs;
	struct {
		nt_status status;
		unsigned long count;
	} seen[STATUS_MAX];
};

/* conn.c */
void conn_open(struct conn *c);
void conn_close(struct conn *c, bool hard); /* all that was under way in it is void */
/* Receive what is there; come back if the time for it has come. A lost connection is a fault and opened again. */
void conn_turn(struct conn *c);
/* A connection of its own for the user of the settings, logged on and in the share. NULL after saying why. */
struct sock *world_visit(struct world *w, const struct sock_settings *base,
			 uint32_t *ret_tree);

/* actor.c */
void actor_turn(struct actor *a);
void actor_end_opens(struct actor *a); /* without sending anything */
void actor_close_all(struct actor *a);
/* Send what was built for op, and note it. The frame was begun by actor_begin(). */
void actor_begin(struct actor *a);
struct op *actor_put(struct actor *a, enum op_kind kind, uint64_t message_id,
		     struct model_open *o);
void actor_ack(struct actor *a, struct model_open *o, struct model_lease *l,
	       uint32_t level);
void op_free(struct op *op);

/* answers.c: the callbacks of a connection; whether what was not read for long makes caches uncertain. */
void world_stalled(struct world *w);
void conn_got(void *arg, const struct client_answer *a);
void conn_broke(void *arg, const struct client_break *b);

static inline struct world *world_of(const struct actor *a)
{
	return a->conn->world;
}

static inline struct client *client_of(const struct actor *a)
{
	return a->conn->sock->client;
}
