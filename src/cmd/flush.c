/* SMB2 FLUSH.  Spec: [MS-SMB2] 2.2.17, 2.2.18, 3.3.5.11 */
#include "cmd/cmd.h"

static nt_status flush_done(struct req *q, int err, struct wr *w)
{
	if (err)
		return nt_from_errno(err);
	if (q->open->node)
		shown_catch_up(open_shown(q->open));
	wr_u16(w, 4); /* StructureSize */
	wr_u16(w, 0); /* Reserved */
	return STATUS_SUCCESS;
}

/* Every WRITE that came before has been done. */
static nt_status flush_writes_done(struct req *q, int err, struct wr *w)
{
	struct vfs_sync *s = q->state;

	vfs_run(open_vfs(q->open), &s->call, VFS_SYNC, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, flush_done));
	return STATUS_PENDING;
}

nt_status cmd_flush(struct req *q)
{
	struct vfs_sync *s = arena_alloc(&q->arena, sizeof(*s));
	struct rd *r = &q->body;
	struct file_id id;
	nt_status st;

	rd_struct_size(r, 24);
	rd_skip(r, 2 + 4); /* Reserved1, Reserved2 */
	id = rd_file_id(r);
	if (!rd_ok(r))
		return STATUS_INVALID_PARAMETER;
	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = req_open_get(q, id);
	if (!nt_ok(st))
		return st;
	if (!q->open->node || !q->open->data)
		return q->open->node ? STATUS_ACCESS_DENIED
				     : flush_done(q, 0, req_reply(q, 4));
	if (!open_may(q->open, FILE_WRITE_DATA | FILE_APPEND_DATA))
		return STATUS_ACCESS_DENIED;
	s->data = q->open->data;
	q->state = s;
	open_after_writes(q->open, q, req_wait(q, flush_writes_done));
	return STATUS_PENDING;
}
