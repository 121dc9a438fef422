/* chaos_impl.h - between chaos*.c and vandal.c. */
#pragma once

#include "client/contexts.h"
#include "sim/chaos.h"
#include "wire/smb2_proto.h"

enum {
	CHAOS_OPENS_MAX = 8,
	CHAOS_OPS_MAX = 24,
	CHAOS_TREES = 2, /* the files, and IPC$ */
	CHAOS_OUTPUT_MAX = 4096,
	CHAOS_LEASES = 64, /* two of each path */
	CHAOS_COPY_MAX = 64,
	CHAOS_OTHER = 0x80, /* so that a WRITE changes what was written before */
};

#define CHAOS_STREAM "s" /* the one name of all streams */

/* It took this long because an acknowledgement did. */
#define LONG_NS UINT64_C(34000000000)

enum chaos_phase {
	CHAOS_OUT,   /* not connected */
	CHAOS_LOGON, /* NEGOTIATE to TREE_CONNECT */
	CHAOS_WORKING,
	CHAOS_LEAVING, /* waits for what is under way, then hangs up */
};

/* OPEN while the client has sent nothing that may end it; CLOSING until nothing under way names it. */
enum chaos_open_state { SLOT_FREE, SLOT_OPENING, SLOT_OPEN, SLOT_CLOSING };

/*
 * What a client knows of a lease. Sure, until an acknowledgement is under way that need not be right, or was sent for
 * nothing (stray).
 */
struct chaos_lease {
	uint16_t number; /* of the leases that this one has been so far */
	uint8_t ever; /* CACHING_* that was asked for in any CREATE; 0x80: there was one */
	uint8_t versions; /* likewise, or'ed */
	bool has_epoch, known, stray;
	uint8_t state; /* held; while a break is not acknowledged, before it */
	uint16_t epoch;
	unsigned breaks, acks; /* told; under way */
	bool unacked;          /* a break was told that must be acknowledged */
	bool coming;           /* an answer told of a break that has not come yet */
	bool acked;            /* an acknowledgement was sent since the last break */
	uint8_t told;          /* unacked: to what */
	uint64_t told_ns;
};

struct chaos_open {
	enum chaos_open_state state;
	unsigned generation; /* of this slot: its uses so far */
	bool known;          /* its id is */
	bool cancelled;      /* its CREATE was */
	struct client_file id;
	unsigned tree; /* index */
	bool directory;
	uint64_t file;     /* its number */
	uint64_t contents; /* the same, or the number of the stream that is open */
	uint64_t changes;  /* of it that this client asked for so far */
	uint32_t access;
	int lease; /* index; -1: none */
	/* of an oplock, as in chaos_lease */
	uint8_t held, told;
	bool unacked, stray;
	unsigned acks;
	uint64_t told_ns;
	/* what was read from it while it could be cached */
	struct {
		uint64_t offset;
		size_t len;
		uint8_t bytes[CHAOS_COPY_MAX];
	} copy;
};

/* A request under way. */
struct chaos_op {
	bool used;
	uint64_t mid;
	uint16_t command;
	int slot;            /* -1: none */
	unsigned generation; /* of the slot when it was sent */
	bool cancelled;
	bool unlock;
	bool unlocked; /* LOCK: an unlock of its range was sent before it was answered */
	uint8_t class; /* of a list */
	unsigned tree; /* of a TREE_CONNECT: index */
	uint64_t offset, length;
	uint32_t access, share;
	bool stream; /* of the file that is opened; there is one name for them */
	bool exclusive;
	bool interim; /* it waits */
	uint64_t interim_ns;
	uint64_t sent_ns;
	bool changes;            /* it may change a file */
	uint64_t file;           /* that one; 0: any */
	uint64_t changes_before; /* READ: of this client */
	bool caching;            /* READ: was it sure to be cached? */
	uint8_t oplock;          /* CREATE: asked for, SMB2_OPLOCK_LEVEL_* */
	/* OPLOCK_BREAK */
	int lease; /* -1: an oplock */
	uint32_t tree_id;
	uint16_t number;
	uint8_t kept;
	bool sure; /* must succeed */
};

struct chaos {
	struct sim_actor actor;
	struct station st;
	struct chaos_settings settings;
	struct model *model;
	char name[32];

	enum chaos_phase phase;
	unsigned lives, actions; /* left */
	bool impatient;          /* hangs up during the logon */
	bool ending;             /* LOGOFF was sent: everything may end */
	uint64_t previous;       /* session that was cut off, to be replaced */
	bool has_tree[CHAOS_TREES];
	uint32_t tree_ids[CHAOS_TREES];
	struct chaos_open opens[CHAOS_OPENS_MAX];
	struct chaos_op ops[CHAOS_OPS_MAX];
	struct chaos_lease leases[CHAOS_LEASES];
	uint8_t resume_key
		[SRV_RESUME_KEY_LEN]; /* the last it was given, by whatever session */

	bool damaged; /* a vandal that has begun */
};

static inline struct rng *chaos_rng(struct chaos *c)
{
	return sim_rng(c->actor.sim);
}

/* The byte that every file holds at an offset, where it was written; with CHAOS_OTHER in it or not. */
static inline uint8_t chaos_byte(uint64_t offset)
{
	return (uint8_t)(offset % 127 + 1);
}

static inline struct model_who chaos_who(const struct chaos *c, int slot)
{
	return (struct model_who){.client = c, .open = (unsigned)slot};
}

/* chaos.c */
struct chaos_op *chaos_op_find(struct chaos *c, uint64_t mid);
/* A request was added to the frame. NULL slot: of no open. */
struct chaos_op *chaos_op_add(struct chaos *c, uint64_t mid, uint16_t command, int slot);
/* Everything on the tree (index; -1: everything) may end from now on. */
void chaos_doom(struct chaos *c, int tree);
void chaos_hang_up(struct chaos *c);

/* chaos_send.c: add one or more requests, or do something worse. */
void chaos_do_something(struct chaos *c);
/* For requests: is there room, and money, for one with so much payload, or an answer with it? */
bool chaos_may_send(struct chaos *c, size_t payload);
struct client *chaos_client_of(struct chaos *c);
enum chaos_kind { ANY, FILES, DIRECTORIES };
/* The slot of one that is open; -1: there is none. */
int chaos_any_open(struct chaos *c, enum chaos_kind kind);
uint32_t chaos_tree_of(struct chaos *c, int slot);
const char *chaos_any_path(struct chaos *c);
uint64_t chaos_any_offset(struct chaos *c);
/* op, which was just added, may change files. */
void chaos_changes(struct chaos *c, struct chaos_op *op);

/* chaos_info.c: likewise */
void chaos_do_list(struct chaos *c);
void chaos_do_notify(struct chaos *c);
void chaos_do_query(struct chaos *c);
void chaos_do_set(struct chaos *c);
void chaos_do_reparse(struct chaos *c);
/* What a FSCTL_GET_REPARSE_POINT was answered: one of those that are set? */
bool chaos_reparse_is_ours(struct span buffer);

void chaos_close(struct chaos *c, int slot);

/* chaos_end.c */
void chaos_do_cancel(struct chaos *c);
void chaos_do_tree_connect(struct chaos *c);
void chaos_do_tree_disconnect(struct chaos *c);
void chaos_do_reauthenticate(struct chaos *c);
void chaos_do_reload(struct chaos *c);
void chaos_do_nap(struct chaos *c);
/* A request that waits for somebody's acknowledgement, or NULL; and one of the ways to end it. */
struct chaos_op *chaos_waiting(struct chaos *c);
void chaos_end_waiting(struct chaos *c, struct chaos_op *op);

/* chaos_got.c: an answer to a request that is not of the logon. */
void chaos_got(struct chaos *c, struct chaos_op *op, const struct client_answer *a);

/* chaos_cache.c */
/* A CREATE of paths[path], in directory paths[parent], may ask for an oplock or lease. */
void chaos_cache_ask(struct chaos *c, int slot, unsigned path, unsigned parent,
		     struct client_create *in, struct wr *w);
void chaos_cache_created(struct chaos *c, const struct chaos_op *op, struct chaos_open *o,
			 const struct answer_create *created);
/* The same number for all opens of a lease; 0: none. */
uint64_t chaos_lease_id(const struct chaos *c, int lease);
/* What ends it was sent, or it failed: the slot is closing. */
void chaos_cache_closing(struct chaos *c, int slot, bool failed);
void chaos_broke(struct chaos *c, const struct client_break *b);
void chaos_do_ack(struct chaos *c);
void chaos_cache_acked(struct chaos *c, const struct chaos_op *op, nt_status st);
/* op may change a file, of that number; 0: any. */
void chaos_cache_changes(struct chaos *c, struct chaos_op *op, uint64_t file);
/* Could a READ sent now be answered from a cache? And what one that was sent then was answered. */
bool chaos_cache_may_read(const struct chaos *c, int slot);
void chaos_cache_read(struct chaos *c, const struct chaos_op *op, struct span data);
/* All that was under way has arrived: what is cached is what there is. */
void chaos_settled(struct sim_actor *a);

/* chaos_count.c: what an event hits that ends other things. */
void chaos_count_op(struct chaos *c, enum tally_event e, const struct chaos_op *op);
/* tree: index; -1: everything. */
void chaos_count_all(struct chaos *c, enum tally_event e, int tree);
void chaos_count_open(struct chaos *c, enum tally_event e, int slot);
/* A break that was told then is acknowledged now. */
void chaos_count_late(struct chaos *c, uint64_t told_ns, enum tally_hit h);

/* vandal.c */
/* Send the frame, damaged perhaps. */
void vandal_put(struct chaos *c);
