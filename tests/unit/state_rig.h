/*
 * state_rig.h - operations of fs/state.h, one at a time and to their end, for tests.
 */
#pragma once

#include "box.h"
#include "fs/state.h"
#include "test.h"
#include "wire/smb2_proto.h"

#include <errno.h>
#include <stdlib.h>

struct rig {
	struct box box;
	struct state *state;
	struct state_node *node; /* of the file all is about */
	uint64_t waits;          /* LOCKs that wait, so far */
};

static const uint8_t rig_hash_key[16] = {1, 2, 3};
static const struct node_key rig_key = {.volume = 1, .inode = 2, .generation = 3};

/* One operation with room for ranges, and its end. */
struct rig_op {
	struct wait wait;
	struct state_result result;
	bool ended;
	struct state_op *op;
};

static inline void rig_init(struct rig *r)
{
	box_init(&r->box);
	r->waits = 0;
	r->state = state_new(0, rig_hash_key);
	CHECK(r->state);
	r->node = state_node_get(r->state, &rig_key);
	CHECK(r->node);
}

static inline void rig_fini(struct rig *r)
{
	state_node_put(r->node);
	state_free(r->state);
}

static inline void rig_ended(struct wait *w)
{
	container_of(w, struct rig_op, wait)->ended = true;
}

/* Start what `op` says; ranges is NULL without any. */
static inline void rig_start(struct rig *r, struct rig_op *o, const struct state_op *op,
			     const struct state_range *ranges)
{
	o->op = malloc(state_op_len(op->range_count));
	CHECK(o->op);
	*o->op = *op;
	o->op->node = rig_key;
	o->op->node.stream = op->node.stream; /* 0: the file itself */
	if (op->wait_if_held)
		o->op->wait_id = ++r->waits;
	for (size_t i = 0; i < op->range_count; i++)
		o->op->ranges[i] = ranges[i];
	o->ended = false;
	memset(&o->result, 0xee, sizeof(o->result));
	wait_init(&o->wait, &r->box.mb);
	state_apply(r->state, NULL, o->op, &o->result,
		    op->wait_if_held ? wait_park(&o->wait, rig_ended)
				     : wait_arm(&o->wait, rig_ended));
	CHECK(!o->ended); /* from the loop, never inside the call */
	box_run(&r->box);
}

static inline void rig_end(struct rig_op *o)
{
	CHECK(o->ended);
	free(o->op);
}

/* Start it and see it end at once. */
static inline struct state_result rig_do(struct rig *r, const struct state_op *op,
					 const struct state_range *ranges)
{
	struct rig_op o;

	rig_start(r, &o, op, ranges);
	rig_end(&o);
	CHECK_EQ(o.wait.err, 0);
	return o.result;
}

static inline nt_status rig_reserve(struct rig *r, uint64_t open, uint32_t access,
				    uint32_t share)
{
	return rig_do(r,
		      &(struct state_op){.code = STATE_RESERVE,
					 .open = open,
					 .access = access,
					 .share = share},
		      NULL)
		.status;
}

/* An operation that says nothing but which open. */
static inline struct state_result rig_simple(struct rig *r, enum state_code code,
					     uint64_t open)
{
	return rig_do(r, &(struct state_op){.code = code, .open = open}, NULL);
}

/* An open that shares all. */
static inline void rig_open(struct rig *r, uint64_t open)
{
	CHECK_ST(rig_reserve(r, open, FILE_READ_DATA,
			     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE),
		 STATUS_SUCCESS);
	CHECK_ST(rig_simple(r, STATE_COMMIT, open).status, STATUS_SUCCESS);
}
