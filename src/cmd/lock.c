/* SMB2 LOCK.  Spec: [MS-SMB2] 2.2.26, 2.2.27, 3.3.5.14 */
#include "cmd/break_wait.h"
#include "cmd/cmd.h"
#include "cmd/lock_request.h"

#include <errno.h>

struct lock_call {
	struct lock_request asked;
	struct lock_ranges ranges;
	bool sequenced; /* remember that it was done */
	size_t taken; /* of open_locks_take(): to be given back if nothing comes of it */
	struct state_result result;
};

/* Why a waiting lock was not granted, as the client hears it. */
static nt_status lock_ended(enum wait_why why)
{
	return why == WAIT_CANCELLED ? STATUS_CANCELLED : STATUS_RANGE_NOT_LOCKED;
}

static void lock_encode(struct wr *w)
{
	wr_u16(w, 4); /* StructureSize */
	wr_u16(w, 0); /* Reserved */
}

/* [MS-SMB2] 3.3.5.14. No open is resilient or persistent. */
static bool lock_sequenced(const struct conn *c, const struct open *o)
{
	return lock_sequence_applies(c->dialect, c->server_capabilities, o->durable != 0);
}

/* A request that was done before is not done again. */
static bool lock_is_repeated(const struct lock_call *l, struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return lock_sequence_seen(&o->lock_sequences, l->asked.sequence);
}

static void lock_remember(const struct lock_call *l, struct open *o)
{
	LOCK_SCOPE(&o->lock);

	lock_sequence_done(&o->lock_sequences, l->asked.sequence);
}

/* Those before the one that failed are gone. */
static size_t unlocked(const struct lock_call *l)
{
	return nt_ok(l->result.status) ? l->ranges.op->range_count
				       : l->result.failed_range;
}

static nt_status lock_done(struct req *q, int err, struct wr *w)
{
	struct lock_call *l = q->state;

	if (err == -ECANCELED) {
		state_lock_forget(q->conn->server->state, l->ranges.op, &q->wait);
		return lock_ended(q->wait.why);
	}
	if (err)
		return nt_from_errno(err);
	if (l->ranges.op->code == STATE_UNLOCK)
		open_locks_give(q->open, unlocked(l));
	if (!nt_ok(l->result.status))
		return l->result.status;
	l->taken = 0;
	if (!nt_ok(l->ranges.rest))
		return l->ranges.rest;
	if (l->sequenced)
		lock_remember(l, q->open);
	lock_encode(w);
	return STATUS_SUCCESS;
}

static nt_status lock_check(const struct open *o)
{
	if (!o->node)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (o->directory) /* [MS-FSA] 2.1.5.8, 2.1.5.9 */
		return STATUS_INVALID_PARAMETER;
	if (!open_may(o,
		      FILE_READ_DATA | FILE_WRITE_DATA | FILE_EXECUTE | FILE_APPEND_DATA))
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

/* Nobody else reads from a cache what is about to be locked. */
static nt_status lock_go(struct req *q, int err, struct wr *reply)
{
	struct lock_call *l = q->state;
	struct state_op *op = l->ranges.op;
	struct wait *w;
	nt_status st;

	if (op->wait_if_held) {
		st = req_wait_peer(q, lock_done, &w);
		if (!nt_ok(st))
			return st;
	} else {
		w = req_wait(q, lock_done);
	}
	state_apply(q->conn->server->state, q->lane->lane, op, &l->result, w);
	return STATUS_PENDING;
}

static void lock_cleanup(struct req *q)
{
	const struct lock_call *l = q->state;

	if (l->taken)
		open_locks_give(q->open, l->taken);
}

static nt_status lock_apply(struct req *q, struct lock_call *l)
{
	struct state_op *op = l->ranges.op;
	struct open *o = q->open;
	nt_status st;

	op->node = o->node->key;
	op->server = o->server->server_id;
	op->open = o->state_id;
	if (op->wait_if_held)
		op->wait_id = open_state_id(o->server);
	q->state = l;
	if (op->code == STATE_UNLOCK)
		return lock_go(q, 0, NULL);
	st = open_locks_take(o, op->range_count);
	if (!nt_ok(st))
		return st;
	l->taken = op->range_count;
	q->cleanup = lock_cleanup;
	return cache_use(q, CACHING_USE_LOCK, lock_go);
}

nt_status cmd_lock(struct req *q)
{
	struct lock_call *l = arena_alloc(&q->arena, sizeof(*l));
	nt_status st;

	if (!l)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = lock_request_decode(&q->body, &l->asked);
	if (nt_ok(st))
		st = req_open_get(q, l->asked.id);
	if (!nt_ok(st))
		return st;
	l->sequenced = lock_sequenced(q->conn, q->open);
	if (l->sequenced && lock_is_repeated(l, q->open)) {
		lock_encode(req_reply(q, 4));
		return STATUS_SUCCESS;
	}
	st = lock_ranges_decode(&q->body, l->asked.count, &q->arena, &l->ranges);
	if (nt_ok(st))
		st = lock_check(q->open);
	if (!nt_ok(st))
		return st;
	return lock_apply(q, l);
}
