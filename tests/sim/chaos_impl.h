/* chaos_impl.h - between chaos.c, chaos_send.c, chaos_got.c and vandal.c. */
#pragma once

#include "sim/chaos.h"
#include "wire/smb2_proto.h"

enum {
	CHAOS_OPENS_MAX = 8,
	CHAOS_OPS_MAX = 24,
	CHAOS_TREES = 2, /* the files, and IPC$ */
	CHAOS_OUTPUT_MAX = 4096,
};

enum chaos_phase {
	CHAOS_OUT,   /* not connected */
	CHAOS_LOGON, /* NEGOTIATE to TREE_CONNECT */
	CHAOS_WORKING,
	CHAOS_LEAVING, /* waits for what is under way, then hangs up */
};

/* OPEN while the client has sent nothing that may end it; CLOSING until nothing under way names it. */
enum chaos_open_state { SLOT_FREE, SLOT_OPENING, SLOT_OPEN, SLOT_CLOSING };

struct chaos_open {
	enum chaos_open_state state;
	unsigned generation; /* of this slot: its uses so far */
	bool known;          /* its id is */
	struct client_file id;
	unsigned tree; /* index */
	bool directory;
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
	uint8_t class; /* of a list */
	unsigned tree; /* of a TREE_CONNECT: index */
	uint64_t offset, length;
	uint32_t access, share;
	bool stream; /* of the file that is opened; there is one name for them */
	bool exclusive;
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
	uint8_t resume_key
		[SRV_RESUME_KEY_LEN]; /* the last it was given, by whatever session */

	bool damaged; /* a vandal that has begun */
};

static inline struct rng *chaos_rng(struct chaos *c)
{
	return sim_rng(c->actor.sim);
}

/* The byte that every file holds at an offset, where it was written. */
static inline uint8_t chaos_byte(uint64_t offset)
{
	return (uint8_t)(offset % 251 + 1);
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

/* chaos_got.c: an answer to a request that is not of the logon. */
void chaos_got(struct chaos *c, struct chaos_op *op, const struct client_answer *a);

/* vandal.c */
/* Send the frame, damaged perhaps. */
void vandal_put(struct chaos *c);
