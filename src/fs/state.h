/*
 * state.h - every change to what clients share: share modes, byte-range locks, deletion. One small interface, so that
 *           ordering the operations between servers later changes this file's one .c and nothing above it.
 *
 * A change is a flat record without pointers, clock or random values: times, ids and owner are arguments.
 * state_apply() is deterministic and always answers by completion, locally too. READ and WRITE never cross it:
 * they check locks on the local replica.
 *
 * Owns     the replica: a state_node per file anyone has open, kept alive by the nodes (fs/node.h) of it.
 * Threads  any. Locks: state table (TABLE), state_node (NODE). No I/O, no callback under them.
 * Spec     [MS-FSA] 2.1.5.1.2 (share access), 2.1.5.8 (locks), 2.1.5.5 (close); [MS-SMB2] 3.3.5.9, 3.3.5.14
 */
#pragma once

#include "base/lane.h"
#include "base/status.h"
#include "fs/vfs.h"

struct state;
struct state_node;

enum state_code {
	STATE_RESERVE,  /* CREATE: check share modes and deletion, insert a reservation	*/
	STATE_COMMIT,   /* the file was opened: the reservation is an open			*/
	STATE_WITHDRAW, /* it was not: as if never asked					*/
	STATE_CLOSE,    /* an open goes; its locks with it					*/
	STATE_SET_DELETE, /* FileDispositionInformation: flag set or cleared			*/
	STATE_CHECK,      /* would another open be allowed beside those there are?	*/
	STATE_LOCK,       /* all ranges of a LOCK request, or none				*/
	STATE_UNLOCK,
};

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
	/* LOCK, UNLOCK */
	uint16_t range_count;
	bool wait_if_held; /* LOCK of one range: answer only when it is granted	*/
	struct state_range ranges[];
};

/* Bytes of a record with so many ranges. */
static inline size_t state_op_len(size_t range_count)
{
	return sizeof(struct state_op) + range_count * sizeof(struct state_range);
}

struct state_result {
	nt_status status;
	bool remove_name; /* CLOSE: last one out, and deletion was pending: remove it now, inside the turn */
	bool remove_stream;    /* the same for a named stream: only it goes			*/
	bool delete_pending;   /* afterwards, for FileStandardInformation		*/
	uint16_t failed_range; /* LOCK, UNLOCK: which one				*/
};

struct state *state_new(void);
void state_free(struct state *s);

/*
 * Apply one change; *ret is filled before w ends. w->err is 0, or -ENOMEM with nothing changed. op and ret live until
 * the end.
 *
 * w is armed, but parked for a LOCK with wait_if_held: others (cancel, close) may claim it at any time, and then the
 * record has no effect.
 *
 * STATUS_SHARING_VIOLATION, STATUS_DELETE_PENDING  RESERVE, CHECK
 * STATUS_LOCK_NOT_GRANTED, STATUS_INVALID_LOCK_RANGE, STATUS_INSUFFICIENT_RESOURCES (an open has too many)  LOCK
 * STATUS_RANGE_NOT_LOCKED, STATUS_INVALID_LOCK_RANGE  UNLOCK: the ranges before failed_range are unlocked
 * STATUS_FILE_CLOSED  all others: no such open
 */
void state_apply(struct state *s, struct lane *lane, const struct state_op *op,
		 struct state_result *ret, struct wait *w);
/* After the caller won wait_claim() on a waiting LOCK: forget it. Then the caller ends w itself. */
void state_lock_forget(struct state *s, const struct state_op *op, struct wait *w);

/* The replica of one file, made if need be; counted. NULL without memory. */
MUST_CHECK struct state_node *state_node_get(struct state *s, const struct node_key *key);
void state_node_put(struct state_node *n);

/* READ and WRITE: may this open touch the range? Local, no I/O. STATUS_FILE_LOCK_CONFLICT if not; never for length 0. */
MUST_CHECK nt_status state_io_check(struct state_node *n, uint32_t server, uint64_t open,
				    uint64_t offset, uint64_t length, bool write);
bool state_delete_pending(struct state_node *n);
/* Opens there are, reservations included. */
size_t state_open_count(struct state_node *n);
