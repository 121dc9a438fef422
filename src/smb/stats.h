/*
 * stats.h - what the server counts while it serves, and how that is read.
 *
 * A counter has one writer: the worker that owns the lane, the connection or the channel it lies in. So counting is an
 * ordinary addition in a line of memory that no other worker writes to; who reads adds up. What is rare and comes from
 * anywhere (refusals, audit) is counted in struct server_counters, atomically.
 *
 *     lane       by command: requests, errors, bytes, latency; messages and bytes by their protection; logons
 *     share      requests, errors, bytes: one cell a lane, kept over a reload under the share's name
 *     connection, channel, session
 *                messages and bytes by their protection; what a channel counted becomes its session's when it goes
 *
 * Bytes are those of SMB2 messages, header to last byte; neither the transform around nor the length in front of them.
 *
 * Owns     lane_counters, share_stats (counted), the arrays of struct stats.
 * Threads  stats_received(), stats_sent(), stats_answered(), stats_logon(): the connection's worker. stats_gather(),
 *          traffic_read(): any, while it serves; what is read may be some messages old.
 * Errors   -ENOMEM.
 */
#pragma once

#include "fs/local_watch.h"
#include "smb/audit.h"
#include "smb/refuse.h"
#include "wire/smb2_proto.h"

#include <stdatomic.h>

struct conn;
struct frame;
struct lane;
struct out;
struct req;
struct smb_server;
struct snapshot;

/* Seen from the server. */
enum stats_way { STATS_IN, STATS_OUT, STATS_WAY_COUNT };
/* As it was on the wire, and proved; a signature that could not be checked or was wrong counts as none. */
enum stats_kind { STATS_PLAIN, STATS_SIGNED, STATS_ENCRYPTED, STATS_KIND_COUNT };

enum {
	STATS_UNKNOWN_COMMAND = SMB2_COMMAND_COUNT, /* the row of what is no command */
	STATS_COMMAND_COUNT,
	STATS_BUCKET_COUNT = 28,
	STATS_BUCKET_FIRST_BITS = 10, /* the first holds what took less than 2^10 ns */
	STATS_NAME_MAX = 324,         /* a netname of 80 characters in UTF-8 */
	/* Batches of 1, 2, 3-4, 5-8, 9-16, and more messages (at most 64). */
	TOGETHER_COUNT = 6,
};

/* ---- counting ------------------------------------------------------------------------------------------------- */

struct traffic_counters {
	atomic_ullong messages[STATS_WAY_COUNT][STATS_KIND_COUNT];
	atomic_ullong bytes[STATS_WAY_COUNT][STATS_KIND_COUNT];
};

struct command_counters {
	atomic_ullong requests; /* answered, or a CANCEL */
	atomic_ullong errors;   /* of those: with a status that is an error */
	atomic_ullong waited;   /* of those: with an interim answer first */
	atomic_ullong bytes[STATS_WAY_COUNT];
	/* Of those that did not wait: from the beginning of the worker's turn that read it to its answer. */
	atomic_ullong latency_ns;
	atomic_ullong latency[STATS_BUCKET_COUNT]; /* stats_bucket() */
};

/* A lane's: written by its worker alone. */
struct lane_counters {
	struct command_counters commands[STATS_COMMAND_COUNT];
	struct traffic_counters traffic;
	atomic_ullong connections;           /* accepted */
	atomic_ullong logons, logons_failed; /* first ones, renewals and bindings */
	atomic_ullong signed_together[TOGETHER_COUNT];   /* how many answers at a time */
	atomic_ullong verified_together[TOGETHER_COUNT]; /* requests; not those by GMAC */
};

/* On cache lines of its own; NULL without memory. free() ends it. */
struct lane_counters *lane_counters_new(void);

/* A share's on one lane, a cache line of it. */
struct share_cell {
	_Alignas(64) atomic_ullong requests;
	atomic_ullong errors;
	atomic_ullong bytes[STATS_WAY_COUNT];
};

struct share_stats {
	atomic_uint refs;
	atomic_ullong trees; /* A  connections to it there are; rare */
	unsigned lane_count;
	struct share_cell *cells;
};

/* NULL without memory. */
struct share_stats *share_stats_new(unsigned lane_count);
struct share_stats *share_stats_get(struct share_stats *s); /* NULL is fine, for both */
void share_stats_put(struct share_stats *s);

/* A counter with one writer. */
static inline void stats_add(atomic_ullong *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* One batch of `messages`, at least one, into one of the rows of TOGETHER_COUNT. */
static inline void together_count(atomic_ullong counts[TOGETHER_COUNT], size_t messages)
{
	size_t row = 0;

	while (row + 1 < TOGETHER_COUNT && messages > (size_t)1 << row)
		row++;
	stats_add(&counts[row], 1);
}

/* The requests of a frame that is about to run. */
void stats_received(const struct frame *f);
/* All that is signed is signed; nothing is sealed yet. */
void stats_sent(struct conn *c, const struct out *o);
/* q ends with st and an answer of `len` bytes; 0: none. On a connection that is gone nothing is counted. */
void stats_answered(const struct req *q, nt_status st, size_t len);
/* A logon came to its end. */
void stats_logon(const struct req *q, bool ok);

/* Move what `from` counted to `to`, which several write to. On from's worker. */
void traffic_fold(struct traffic_counters *to, struct traffic_counters *from);

/* Where a latency is counted. */
unsigned stats_bucket(uint64_t ns);
/* What is in bucket i took less than that; UINT64_MAX: the last one. */
uint64_t stats_bucket_limit_ns(unsigned i);

/* ---- reading -------------------------------------------------------------------------------------------------- */

struct stats_traffic {
	uint64_t messages[STATS_WAY_COUNT][STATS_KIND_COUNT];
	uint64_t bytes[STATS_WAY_COUNT][STATS_KIND_COUNT];
};

struct stats_command {
	const char *name; /* "CREATE"; static */
	uint64_t requests, errors, waited;
	uint64_t bytes[STATS_WAY_COUNT];
	uint64_t latency_ns;
	uint64_t latency[STATS_BUCKET_COUNT];
};

struct stats_share {
	char name[STATS_NAME_MAX];
	bool encrypt_data; /* in force for new connections to it */
	uint64_t trees;
	uint64_t requests, errors;
	uint64_t bytes[STATS_WAY_COUNT];
};

/* A number and what it may grow to; 0: no limit. */
struct stats_level {
	uint64_t now, max;
};

struct stats {
	uint64_t start_time; /* FILETIME */
	uint64_t uptime_ms;
	unsigned workers;
	struct stats_command commands[STATS_COMMAND_COUNT];
	struct stats_traffic traffic;
	uint64_t connections_accepted;
	uint64_t logons, logons_failed;
	uint64_t refused[REFUSAL_COUNT]; /* refusal_name() */
	uint64_t audited[AUDIT_COUNT];
	uint64_t events_noted, events_lost; /* of the audit log: smb/trail.h */
	uint64_t local[LOCAL_EVENT_COUNT];
	uint64_t signed_together[TOGETHER_COUNT], verified_together[TOGETHER_COUNT];
	/* Resources. connections and memory (bytes of payload buffers) are for the caller to fill in, who has the net. */
	struct stats_level connections, sessions, opens, memory;
	size_t share_count;
	struct stats_share *shares; /* of the configuration in force, IPC$ included */
};

/* Everything, into *ret: stats_fini() afterwards. now: what is in force. */
MUST_CHECK int stats_gather(struct smb_server *s, const struct snapshot *now,
			    struct stats *ret);
void stats_fini(struct stats *s);

/* Add what t has counted. */
void traffic_read(const struct traffic_counters *t, struct stats_traffic *sum);

/* "plain", "signed", "encrypted" */
const char *stats_kind_name(enum stats_kind k);
/* "received", "sent" */
const char *stats_way_name(enum stats_way w);
