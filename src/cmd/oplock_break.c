/* SMB2 OPLOCK_BREAK: a client acknowledges a break.  Spec: [MS-SMB2] 2.2.24, 2.2.25, 3.3.5.22 */
#include "cmd/cmd.h"
#include "fs/caching.h"

struct ack {
	uint16_t size; /* StructureSize: which kind it is */
	uint8_t level; /* of an oplock */
	struct lease_id lease;
	uint32_t lease_state;
	struct state_result result;
	struct state_op op; /* has no ranges: last */
};

static nt_status apply(struct req *q, req_done then)
{
	struct ack *a = q->state;

	a->op.now_ms = env_now_ns(q->conn->server->env) / 1000000;
	state_apply(q->conn->server->state, q->lane->lane, &a->op, &a->result,
		    req_wait(q, then));
	return STATUS_PENDING;
}

/* ---- oplocks: 3.3.5.22.1 --------------------------------------------------------------------------- */

static nt_status oplock_acked(struct req *q, int err, struct wr *w)
{
	const struct ack *a = q->state;

	if (err)
		return nt_from_errno(err);
	if (!nt_ok(a->result.status))
		return a->result.status;
	wr_u16(w, SMB2_OPLOCK_BREAK_SIZE);
	wr_u8(w, caching_level(a->result.caching));
	wr_u8(w, 0);  /* Reserved */
	wr_u32(w, 0); /* Reserved2 */
	wr_file_id(w, q->open->id);
	return STATUS_SUCCESS;
}

static nt_status ack_oplock(struct req *q)
{
	struct rd *r = &q->body;
	struct ack *a = q->state;
	struct file_id id;
	nt_status st;

	a->level = rd_u8(r);
	rd_skip(r, 1 + 4); /* Reserved, Reserved2 */
	id = rd_file_id(r);
	if (!rd_ok(r))
		return STATUS_INVALID_PARAMETER;
	st = req_open_get(q, id);
	if (!nt_ok(st))
		return st;
	if (!q->open->node || q->open->lease_version)
		return STATUS_INVALID_OPLOCK_PROTOCOL;
	a->op = open_state_op(q->open, STATE_ACK);
	/* a level there is not keeps more than anybody may: refused like one that is too high, and the oplock lost */
	a->op.caching = a->level == SMB2_OPLOCK_LEVEL_NONE || caching_of_level(a->level)
				? caching_of_level(a->level)
				: UINT8_MAX;
	return apply(q, oplock_acked);
}

/* ---- leases: 3.3.5.22.2 ---------------------------------------------------------------------------- */

static nt_status lease_acked(struct req *q, int err, struct wr *w)
{
	const struct ack *a = q->state;

	if (err)
		return nt_from_errno(err);
	if (!nt_ok(a->result.status))
		return a->result.status;
	wr_u16(w, SMB2_LEASE_BREAK_SIZE);
	wr_u16(w, 0); /* Reserved */
	wr_u32(w, 0); /* Flags */
	wr_bytes(w, span_of(a->lease.key, sizeof(a->lease.key)));
	wr_u32(w, a->lease_state);
	wr_u64(w, 0); /* LeaseDuration */
	return STATUS_SUCCESS;
}

static nt_status ack_lease(struct req *q)
{
	struct rd *r = &q->body;
	struct ack *a = q->state;

	rd_skip(r, 2 + 4); /* Reserved, Flags */
	rd_copy(r, a->lease.key, sizeof(a->lease.key));
	a->lease_state = rd_u32(r);
	rd_skip(r, 8); /* LeaseDuration */
	if (!rd_ok(r) || (a->lease_state & ~(uint32_t)CACHING_ALL))
		return STATUS_INVALID_PARAMETER;
	memcpy(a->lease.client, q->sess->client_guid, sizeof(a->lease.client));
	if (!state_lease_find(q->conn->server->state, &a->lease, &a->op.node))
		return STATUS_OBJECT_NAME_NOT_FOUND;
	a->op.code = STATE_ACK;
	a->op.server = q->conn->server->server_id;
	a->op.lease_version = 1; /* either is named by its key */
	a->op.lease = a->lease;
	a->op.caching = (uint8_t)a->lease_state;
	return apply(q, lease_acked);
}

nt_status cmd_oplock_break(struct req *q)
{
	struct ack *a = arena_alloc(&q->arena, sizeof(*a));

	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	q->state = a;
	a->size = rd_u16(&q->body);
	if (a->size == SMB2_LEASE_BREAK_SIZE && q->conn->dialect != SMB2_DIALECT_202)
		return ack_lease(q);
	return a->size == SMB2_OPLOCK_BREAK_SIZE ? ack_oplock(q)
						 : STATUS_INVALID_PARAMETER;
}
