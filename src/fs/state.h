/*
 * state.h - every change to what clients share: share modes, oplocks and leases, byte-range locks, deletion. One small
 *           interface, so that ordering the operations between servers later changes how state_apply() works and
 *           nothing above it.
 *
 * A change is a flat record without pointers, clock or random values: times, ids and owner are arguments.
 * state_apply() is deterministic and always answers by completion, locally too. READ and WRITE never cross it:
 * they check locks on the local replica.
 *
 * All replicas that execute the same records in the same order are equal (fs/state_dump.h compares them): the server that
 * answers by state_execute(), all others by state_follow(). What only one server knows therefore decides nothing: a LOCK
 * whose wait was claimed meanwhile, by cancel or close, is granted all the same, and given back by the FORGET that is
 * a record like any other and follows in any case (state_lock_forget()).
 *
 *     state.c        the replica, what all operations have in common
 *     state_share.c  opens: share modes, deletion
 *     state_cache.c  oplocks and leases: who holds what (the rules are fs/caching.h's), whom to tell, who waits
 *     state_lock.c   byte-range locks
 *
 * Owns     the replica: a state_node per file or named stream anyone has open, kept alive by its opens and by the nodes
 *          (fs/node.h) of it.
 * Threads  any. Locks: state table (TABLE), state_node (NODE; a file's serves its streams). No I/O, no callback under them.
 * Spec     [MS-FSA] 2.1.5.1.2 (share access), 2.1.5.8 (locks), 2.1.5.5 (close); [MS-SMB2] 3.3.5.9, 3.3.5.14
 */
#pragma once

#include "base/lane.h"
#include "base/list.h"
#include "base/status.h"
#include "fs/caching.h"
#include "fs/vfs.h"

#include <string.h>

struct state;
struct state_node;

enum state_code {
	STATE_RESERVE, /* CREATE: check share modes and deletion, break caching, insert a reservation */
	STATE_COMMIT, /* the file was opened: the reservation is an open, and may cache	*/
	STATE_WITHDRAW,   /* it was not: as if never asked					*/
	STATE_CLOSE,      /* an open goes; its locks with it					*/
	STATE_SET_DELETE, /* FileDispositionInformation: flag set or cleared			*/
	STATE_CHECK,      /* would another open be allowed beside those there are?	*/
	STATE_LOCK,       /* all ranges of a LOCK request, or none				*/
	STATE_UNLOCK,
	STATE_FORGET, /* a LOCK that may be waiting is not wanted any more	*/
	STATE_USE,    /* an operation that what others cache does not survive		*/
	STATE_ACK,    /* a break is acknowledged						*/
	STATE_EXPIRE, /* breaks that nobody acknowledged in time are taken for acknowledged	*/
	STATE_CODE_COUNT,
};

/* A lease is named by the client, and the key it chose. [MS-SMB2] 3.3.1.11 */
struct lease_id {
	uint8_t client[16]; /* ClientGuid */
	uint8_t key[16];    /* LeaseKey */
};

static inline bool lease_id_eq(const struct lease_id *a, const struct lease_id *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* One byte range; [offset, offset + length), length 0 allowed. */
struct state_range {
	uint64_t offset, length;
	bool exclusive;
};

enum { STATE_RANGES_MAX = 64 };

struct state_op {
	enum state_code code;
	struct node_key node;
	uint32_t server;      /* id of the server that holds the open		*/
	uint64_t open;        /* id of the open, unique on that server		*/
	uint32_t access;      /* RESERVE: granted access; CHECK: what to check for	*/
	uint32_t share;       /* RESERVE, CHECK: FILE_SHARE_*: what others may have */
	bool delete_on_close; /* RESERVE						*/
	bool delete_pending;  /* SET_DELETE					*/
	bool directory;       /* RESERVE						*/
	bool overwrite;       /* RESERVE: the contents are replaced			*/
	/* Who opens, uses or acknowledges, where it is a lease; RESERVE to CLOSE of an open that has one say the same. */
	uint8_t lease_version; /* 0: no lease; 1, 2				*/
	struct lease_id lease; /* USE of a directory's entries: the parent's key */
	uint16_t epoch;        /* RESERVE of a lease of version 2: the client's	*/
	uint8_t caching;       /* COMMIT: asked for; ACK: kept			*/
	enum caching_use use;  /* USE						*/
	bool of_streams; /* USE: of all the file's streams, not of itself; nobody is waited for */
	uint64_t now_ms; /* RESERVE, USE, ACK, EXPIRE: by a clock that never goes back */
	/* LOCK, UNLOCK */
	uint16_t range_count;
	bool wait_if_held; /* LOCK of one range: answer only when it is granted	*/
	uint64_t wait_id;  /* LOCK that waits, FORGET: which, of the open's; not 0	*/
	struct state_range ranges[];
};

/* Bytes of a record with so many ranges. */
static inline size_t state_op_len(size_t range_count)
{
	return sizeof(struct state_op) + range_count * sizeof(struct state_range);
}

struct state_result {
	nt_status status;
	/* CLOSE, WITHDRAW: last one out, and deletion was pending: remove it now, inside the turn. The file, whose last open may
	 * have been of a stream; or only the stream. */
	bool remove_name, remove_stream;
	bool delete_pending;   /* afterwards, for FileStandardInformation		*/
	uint16_t failed_range; /* LOCK, UNLOCK: which one				*/
	/* COMMIT, ACK: what the oplock or lease holds now, and whether a break of it is under way; a lease keeps the
	 * version it began with */
	uint8_t lease_version;
	uint8_t caching;
	bool breaking;
	uint16_t epoch;
};

/* A break for whoever holds an oplock or a lease. */
struct state_break {
	struct node_key node;
	uint64_t open;         /* the oplock's */
	uint8_t lease_version; /* 0: an oplock */
	struct lease_id lease;
	uint16_t epoch;
	struct caching_notice notice;
};

/* Who tells clients of breaks; called without locks, from whatever thread applied the operation. */
struct state_sink {
	/* False: whoever holds it is not known yet. state_tell_again() when he is. */
	bool (*tell)(struct state_sink *s, const struct state_break *b);
};

/*
 * Where operations are put in order before they are applied: another server's are among them, or a test delays them. The
 * ordering calls state_execute() for each of this server's, once, on any thread, and state_follow() for others'. Those of
 * one open keep their order.
 */
struct state_order {
	/* w NULL: op is a FORGET that nobody waits for, and is copied; ret is NULL, too. */
	void (*put)(struct state_order *o, struct lane *lane, const struct state_op *op,
		    struct state_result *ret, struct wait *w);
	/* op and w are about to go; true: it had not been executed and never will be. Not while it is being executed. */
	bool (*forget)(struct state_order *o, struct wait *w);
	bool at_once; /* put() executes on the calling thread: ends stay on it */
};

enum { STATE_ACK_WAIT_MS = 35000 }; /* [MS-SMB2] 3.3.2.1, 3.3.2.5: Windows' figure */

/* server: which opens are here. hash_key: 16 random bytes. NULL without memory. */
struct state *state_new(uint32_t server, const uint8_t *hash_key);
void state_free(struct state *s);
/* Before the first operation; NULL: none. Both outlive the state. */
void state_set_sink(struct state *s, struct state_sink *sink);
void state_set_order(struct state *s, struct state_order *order);

/*
 * Apply one change; *ret is filled before w ends. w->err is 0, or -ENOMEM with nothing changed. op and ret live until
 * the end; op->node is known by then (state_node_get()).
 *
 * w is armed, but parked for a LOCK with wait_if_held: others (cancel, close) may claim it at any time, and then they
 * call state_lock_forget().
 *
 * STATUS_PENDING  RESERVE, USE: a break must be acknowledged first; nothing was reserved. Wait with state_wait(), holding
 *                 no turn, then ask again.
 * STATUS_SHARING_VIOLATION, STATUS_DELETE_PENDING  RESERVE, CHECK
 * STATUS_INVALID_PARAMETER  RESERVE: the lease's key is in use for another file
 * STATUS_LOCK_NOT_GRANTED, STATUS_INVALID_LOCK_RANGE, STATUS_INSUFFICIENT_RESOURCES (an open has too many)  LOCK
 * STATUS_RANGE_NOT_LOCKED, STATUS_INVALID_LOCK_RANGE  UNLOCK: the ranges before failed_range are unlocked
 * as caching_ack(), STATUS_OBJECT_NAME_NOT_FOUND (no such lease)  ACK
 * STATUS_FILE_CLOSED  all others: no such open
 */
void state_apply(struct state *s, struct lane *lane, const struct state_op *op,
		 struct state_result *ret, struct wait *w);
/* After the caller won wait_claim() on a LOCK with wait_if_held: whether it waits or not, nothing will be left of it, and w
 * is not touched any more. */
void state_lock_forget(struct state *s, const struct state_op *op, struct wait *w);

/* For whoever orders operations: apply one now. Ends w as state_apply() says. */
void state_execute(struct state *s, struct lane *lane, const struct state_op *op,
		   struct state_result *ret, struct wait *w);
/* The same for one that somebody else answers. -ENOMEM with nothing changed. */
MUST_CHECK int state_follow(struct state *s, const struct state_op *op);

/* ---- waiting for acknowledgements: a matter of this server alone --------------------------------------------- */

/* Embedded in who waits. */
struct state_waiter {
	struct list_node node;
	struct wait *wait;
};

/*
 * End w when something may have changed for who got STATUS_PENDING: at once if no break of another's caching is under way.
 * w is parked; whoever claims it otherwise calls state_wait_forget() and ends it.
 *
 * Returns since when the oldest of those breaks waits (now_ms of the operation that caused it): after STATE_ACK_WAIT_MS from
 * then it is time for STATE_EXPIRE. 0: none does.
 */
uint64_t state_wait(struct state_node *n, const struct state_op *op,
		    struct state_waiter *sw, struct wait *w);
void state_wait_forget(struct state_node *n, struct state_waiter *sw);

/* The open of a COMMIT can be found by the sink from now on: a break that came before is told. */
void state_tell_again(struct state_node *n, const struct state_op *op);

/* ---- looking at the local replica -------------------------------------------------------------------------- */

/* The file that a lease is of; false: there is no such lease. */
bool state_lease_find(struct state *s, const struct lease_id *id,
		      struct node_key *ret_node);
/* Opens on this server that share a lease, oldest first, at most max. Returns how many there are of those. */
size_t state_lease_opens(struct state *s, const struct node_key *node,
			 const struct lease_id *id, uint64_t *opens, size_t max);
/* What the oplock or the lease that `who` names holds, into ret as COMMIT does; false: there is none. */
bool state_held(struct state_node *n, const struct state_op *who,
		struct state_result *ret);
/* What an open of this server has asked for; false: there is no such open. */
struct state_open {
	uint32_t access, share; /* of its CREATE */
	size_t lock_count;
	bool delete_pending; /* of the file or stream */
};
bool state_open_look(struct state_node *n, uint32_t server, uint64_t open,
		     struct state_open *ret);
/* Its byte-range locks, held ones first: at most max, without the first `skip`. Returns how many of those there are. */
struct state_open_lock {
	struct state_range range;
	bool waiting;
};
size_t state_open_locks(struct state_node *n, uint32_t server, uint64_t open, size_t skip,
			struct state_open_lock *ret, size_t max);
/* All that anybody caches of it: CACHING_READ, CACHING_WRITE. */
uint8_t state_cached(struct state_node *n);
/* Might somebody have it open only because that is cached? */
bool state_is_handle_cached(struct state_node *n);
/* Could a WRITE, LOCK or change of entries be news to somebody who caches? No lock, no I/O. */
bool state_is_cached(const struct state_node *n);

/* The replica of one file or stream, made if need be; counted. NULL without memory. */
MUST_CHECK struct state_node *state_node_get(struct state *s, const struct node_key *key);
void state_node_put(struct state_node *n);

/* READ and WRITE: may this open touch the range? Local, no I/O. STATUS_FILE_LOCK_CONFLICT if not; never for length 0. */
MUST_CHECK nt_status state_io_check(struct state_node *n, uint32_t server, uint64_t open,
				    uint64_t offset, uint64_t length, bool write);
/* Of the stream, or of its whole file. */
bool state_delete_pending(struct state_node *n);
/* Opens there are, reservations included. */
size_t state_open_count(struct state_node *n);
/* Files and streams of which something is known. */
size_t state_node_count(struct state *s);
