/*
 * server.h - what all connections share. Assembled by src/server.c or by the simulation; the core finds
 *            everything through it.
 *
 * Owns     tables of sessions, opens, nodes.
 * Threads  the tables lock themselves; counters are atomic; the rest is immutable while workers run.
 */
#pragma once

#include "base/lane.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/stock.h"
#include "base/timer.h"
#include "fs/local_watch.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/state.h"
#include "fs/turn.h"
#include "secure/policy.h"
#include "smb/audit.h"
#include "smb/refuse.h"
#include "smb/share.h"
#include "smb/stats.h"
#include "smb/trail.h"

struct keylog;
struct logons;
struct open;
struct req;
struct rpc_share_change;

/* What a command needs before its handler runs. */
enum { NEED_SESSION = 1, NEED_TREE = 2, NEED_NOTHING = 0 };

/* One row a command; src/cmd/table.c has the only one. */
struct command {
	const char *name;
	nt_status (*run)(struct req *q);
	unsigned needs;
	/* Bytes of payload the request carries or asks for, for the CreditCharge check; NULL: none. */
	uint32_t (*payload)(struct req *q);
};

/* Names of Unix accounts and groups, for remote procedures. May block: asked from the pool. */
struct account_names {
	bool (*by_id)(struct arena *a, bool group, uint32_t id, const char **ret_name);
	bool (*by_name)(const char *name, bool *ret_group, uint32_t *ret_id);
};

/*
 * Changes of the configuration that clients ask for, by who may. May block: asked from the pool.
 *
 * user  who asks, for log and audit log
 *
 * The errors of rpc_admin.change_share() in rpc/admin.h.
 */
struct share_admin {
	int (*change)(struct share_admin *a, const struct rpc_share_change *c,
		      const char *user);
	/* As whom a user of the database acts. -ENOENT: there is no such user, or account. */
	int (*uid_of)(struct share_admin *a, const char *user, uint32_t *ret_uid);
};

/* An address of a network interface that clients may connect to. [MS-SMB2] 2.2.32.5 */
struct net_address {
	uint32_t if_index;   /* never 0						*/
	uint64_t link_speed; /* bits a second					*/
	bool rss;            /* several queues				*/
	bool ipv6;
	uint8_t address[16]; /* network order; IPv4: the first 4		*/
};

/* What is rare, and comes from anywhere. The rest is in smb/stats.h. */
struct server_counters {
	atomic_ullong refused[POLICY_REASON_COUNT];
	atomic_ullong refused_otherwise[REFUSED_COUNT];
	atomic_ullong
		audited[AUDIT_COUNT]; /* logons that a stricter setting would refuse */
	atomic_ullong local[LOCAL_EVENT_COUNT]; /* by other processes, to cached files */
};

/* Remote procedures at a time, over all pipes: they ask for account names, which may be slow, on the threads that files need. */
enum { RPC_AT_ONCE = 2 };

struct smb_server {
	struct env *env;
	const struct command *commands; /* indexed by command code */
	size_t command_count;
	uint8_t guid[16];
	uint32_t server_id;     /* in persistent file ids and state records */
	struct sid machine_sid; /* S-1-5-21-x-y-z		*/
	uint64_t start_time;    /* FILETIME */
	uint8_t hash_key[16];
	struct state *state;
	struct node_table *nodes;
	struct notify_server *notify;    /* NULL: CHANGE_NOTIFY is not supported here */
	struct local_watch *local_watch; /* NULL: local processes are not watched */
	struct local_sink local_sink;    /* breaks what is cached under a key */
	const struct account_names *accounts; /* NULL: SIDs have no names */
	struct share_admin *share_admin;      /* NULL: clients change no shares */
	/* Fills in what the listeners serve, at most `max`. May block: asked from the pool. NULL: nobody is told. */
	size_t (*net_addresses)(const struct conf *conf, struct net_address *ret,
				size_t max);

	struct state_sink breaks; /* smb/breaks.h */
	struct lock lock;         /* rank TABLE */
	struct map sessions;      /* L  by SessionId */
	size_t session_count;     /* L */
	struct logons *logons;    /* under way, and failed */
	struct audit *audit;
	struct keylog *keylog;  /* NULL: keys go nowhere */
	struct trail *trail;    /* NULL: nobody writes an audit log */
	struct lock opens_lock; /* rank TABLE */
	struct map opens;       /* L of opens_lock  open.by_state_id: all but pipes */
	struct map durables;    /* L of opens_lock  open.by_persistent_id */
	struct map creates;     /* L of opens_lock  open.by_create */
	struct map creates_under_way; /* L of opens_lock  create_under_way.by_create */
	struct map instances;         /* L of opens_lock  open.by_instance */
	struct stock open_stock, closing_stock; /* struct open, struct open_closing */
	struct stock path_stock;                /* open_path_new() */
	struct turn rpc_turns[RPC_AT_ONCE];     /* cmd/pipe_io.c: calls that may run */
	atomic_uint next_rpc_turn;
	atomic_bool stopping; /* smb/durable.h */
	atomic_size_t open_count;
	atomic_size_t lock_count; /* open.lock_count, of all there are */
	atomic_size_t
		open_max; /* what there are descriptors for, if open_files_max is more; 0: any number */
	atomic_ullong next_open_id;
	atomic_ullong next_persistent_id;
	uint8_t persistent_key[16]; /* I  what makes ids of that number */
	atomic_ullong next_conn_id;
	struct server_counters counters;
	struct list_node lanes; /* smb_lane.on_server; as they are while workers run */
	struct log_limit refusal_log, logon_log;
	atomic_bool unlocked_told; /* that keys are not locked into memory */
};

/* The row of a command code from the wire; NULL: there is no such command. */
static inline const struct command *smb_command(const struct smb_server *s, uint16_t code)
{
	return code < s->command_count ? &s->commands[code] : NULL;
}

static inline const char *smb_command_name(const struct smb_server *s, uint16_t code)
{
	const struct command *c = smb_command(s, code);

	return c ? c->name : "unknown command";
}

/* Fills in the tables and identities; 0 or -ENOMEM. The caller sets commands, notify, local_watch. */
MUST_CHECK int smb_server_init(struct smb_server *s, struct env *env,
			       const uint8_t guid[16]);
/* Sessions there are. */
size_t smb_server_sessions(struct smb_server *s);
/* Living sessions that were set up under looser demands than conf's. */
size_t smb_server_count_looser(struct smb_server *s, const struct conf *conf);
/* After a reload: trees follow their shares (tree_follow()); those whose share is gone or has another directory, or whose user
 * is not let in any more, are closed, and so are disconnected opens of shares that are gone. On lane's worker. */
void smb_server_follow(struct smb_server *s, struct lane *lane,
		       const struct snapshot *now);
/* All connections, sessions and opens must be gone. */
void smb_server_fini(struct smb_server *s);

/* Is old, or what came after it, still there in `now`, over the same directory? */
bool share_is_there(const struct snapshot *now, const struct share *old);

/*
 * Call fn for every open there is but pipes, until it returns false; false if it did. One whose close is over may be among
 * them. fn runs under the lock of the table and takes the open's at most. For rare things only.
 */
bool smb_server_each_open(struct smb_server *s, bool (*fn)(struct open *o, void *arg),
			  void *arg);

/* Per worker: what lane->core points to. */
struct smb_lane {
	struct lane *lane;
	struct smb_server *server;
	struct list_node on_server;
	struct lane_counters *counters; /* smb/stats.h */
	struct snapshot *snapshot;      /* in force for messages received from now on */
	struct list_node conns;         /* conn.on_lane */
	struct list_node out_conns;     /* conn.on_out: have finished responses waiting */
	struct list_node arrivals;      /* frame.on_arrivals: smb/arrival.h */
	struct msg arrived;             /* on its way while there are any */
	struct list_node disconnected;  /* opens_lock  open.on_home: smb/durable.h */
	struct timer scavenger;         /* worker: looks at them ... */
	uint64_t scavenge_ms;           /* ... by then */
	uint64_t scavenged_ms;          /* ... did last */
	struct stock frames, outs;      /* struct frame, struct out */
	struct req *free_reqs;          /* recycled */
	size_t free_req_count;
};

MUST_CHECK struct smb_lane *smb_lane_new(struct lane *lane, struct smb_server *server,
					 struct snapshot *first);
void smb_lane_free(struct smb_lane *l);
/* On the lane's worker: judge everything from now on by s (takes a reference of its own). */
void smb_lane_swap(struct smb_lane *l, struct snapshot *s);
/* On the lane's worker, at the end of a turn: protect and send what waits, over all its connections. */
void smb_lane_turn_end(struct smb_lane *l);

static inline struct smb_lane *smb_lane_of(struct lane *l)
{
	return l->core;
}
