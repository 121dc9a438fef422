/* SMB2 LOCK.  Spec: [MS-SMB2] 2.2.26, 2.2.27, 3.3.5.14 */
#include "cmd/break_wait.h"
#include "cmd/cmd.h"

#include <errno.h>

enum {
	LOCK_ELEM_LEN = 24,
	LOCK_KIND = SMB2_LOCKFLAG_SHARED_LOCK | SMB2_LOCKFLAG_EXCLUSIVE_LOCK |
		    SMB2_LOCKFLAG_UNLOCK,
};

struct lock_req {
	struct file_id id;
	uint16_t count;
	struct state_op *op;
	nt_status rest; /* of elements that are not in op: the answer if op succeeds */
	struct state_result result;
};

/* What one element may say, given the first: all unlock, or all lock; only a lone one may wait. [MS-SMB2] 3.3.5.14.1,
 * 3.3.5.14.2 */
static nt_status lock_flags(uint32_t flags, uint32_t first, uint16_t count)
{
	bool unlock = first & SMB2_LOCKFLAG_UNLOCK;

	if (unlock)
		return flags == SMB2_LOCKFLAG_UNLOCK ? STATUS_SUCCESS
						     : STATUS_INVALID_PARAMETER;
	switch (flags & ~(uint32_t)SMB2_LOCKFLAG_FAIL_IMMEDIATELY) {
	case SMB2_LOCKFLAG_SHARED_LOCK:
	case SMB2_LOCKFLAG_EXCLUSIVE_LOCK:
		break;
	default:
		return STATUS_INVALID_PARAMETER;
	}
	if (count > 1 && !(flags & SMB2_LOCKFLAG_FAIL_IMMEDIATELY))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

static nt_status lock_decode(struct rd *r, struct lock_req *l)
{
	rd_struct_size(r, 48);
	l->count = rd_u16(r);
	rd_skip(r, 4); /* LockSequence: replay needs durable opens */
	l->id = rd_file_id(r);
	return rd_ok(r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* The elements, into a record of fs/state. Unlocks before an element that may not be are done all the same, then the
 * request fails: [MS-SMB2] 3.3.5.14.1. */
static nt_status lock_decode_ranges(struct req *q, struct lock_req *l)
{
	struct rd *r = &q->body;
	uint32_t first = 0;

	if (l->count == 0 || l->count > STATE_RANGES_MAX ||
	    rd_fit(r, l->count, LOCK_ELEM_LEN) != l->count)
		return STATUS_INVALID_PARAMETER;
	l->op = arena_alloc(&q->arena, state_op_len(l->count));
	if (!l->op)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (uint16_t i = 0; i < l->count; i++) {
		struct state_range *range = &l->op->ranges[i];
		uint32_t flags;

		range->offset = rd_u64(r);
		range->length = rd_u64(r);
		flags = rd_u32(r);
		rd_skip(r, 4); /* Reserved */
		if (i == 0)
			first = flags;
		l->rest = lock_flags(flags, first, l->count);
		if (!nt_ok(l->rest) && (i == 0 || !(first & SMB2_LOCKFLAG_UNLOCK)))
			return l->rest;
		if (!nt_ok(l->rest))
			break;
		range->exclusive = flags & SMB2_LOCKFLAG_EXCLUSIVE_LOCK;
		l->op->range_count++;
	}
	l->op->code = first & SMB2_LOCKFLAG_UNLOCK ? STATE_UNLOCK : STATE_LOCK;
	l->op->wait_if_held = l->op->code == STATE_LOCK &&
			      !(first & SMB2_LOCKFLAG_FAIL_IMMEDIATELY);
	return STATUS_SUCCESS;
}

/* Why a waiting lock was not granted, as the client hears it. */
static nt_status lock_ended(enum wait_why why)
{
	return why == WAIT_CANCELLED ? STATUS_CANCELLED : STATUS_RANGE_NOT_LOCKED;
}

static nt_status lock_done(struct req *q, int err, struct wr *w)
{
	struct lock_req *l = q->state;

	if (err == -ECANCELED) {
		state_lock_forget(q->conn->server->state, l->op, &q->wait);
		return lock_ended(q->wait.why);
	}
	if (err)
		return nt_from_errno(err);
	if (!nt_ok(l->result.status) || !nt_ok(l->rest))
		return nt_ok(l->result.status) ? l->rest : l->result.status;
	wr_u16(w, 4); /* StructureSize */
	wr_u16(w, 0); /* Reserved */
	return STATUS_SUCCESS;
}

/* Nobody else reads from a cache what is about to be locked. */
static nt_status lock_go(struct req *q, int err, struct wr *reply)
{
	struct lock_req *l = q->state;
	struct wait *w;
	nt_status st;

	if (l->op->wait_if_held) {
		st = req_wait_peer(q, lock_done, &w);
		if (!nt_ok(st))
			return st;
	} else {
		w = req_wait(q, lock_done);
	}
	state_apply(q->conn->server->state, q->lane->lane, l->op, &l->result, w);
	return STATUS_PENDING;
}

nt_status cmd_lock(struct req *q)
{
	struct lock_req *l = arena_alloc(&q->arena, sizeof(*l));
	struct open *o;
	nt_status st;

	if (!l)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = lock_decode(&q->body, l);
	if (nt_ok(st))
		st = req_open_get(q, l->id);
	if (nt_ok(st))
		st = lock_decode_ranges(q, l);
	if (!nt_ok(st))
		return st;
	o = q->open;
	if (!o->node || o->directory)
		return o->node ? STATUS_INVALID_PARAMETER : STATUS_INVALID_DEVICE_REQUEST;
	if (!open_may(o,
		      FILE_READ_DATA | FILE_WRITE_DATA | FILE_EXECUTE | FILE_APPEND_DATA))
		return STATUS_ACCESS_DENIED;
	l->op->node = o->node->key;
	l->op->server = o->server->server_id;
	l->op->open = o->state_id;
	q->state = l;
	return l->op->code == STATE_LOCK ? cache_use(q, CACHING_USE_LOCK, lock_go)
					 : lock_go(q, 0, NULL);
}
