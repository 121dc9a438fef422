/* SMB2 CLOSE.  Spec: [MS-SMB2] 2.2.15, 2.2.16, 3.3.5.10 */
#include "cmd/cmd.h"

struct close_req {
	bool want_attributes;
	bool have_attributes;
	struct vfs_statcall stat;
};

static nt_status close_encode(struct req *q, int err, struct wr *w)
{
	const struct close_req *c = q->state;
	struct vfs_stat s = {0};

	if (c->have_attributes && !err) {
		s = c->stat.stat;
		node_show_change_time(q->open->node, &s);
	}
	wr_u16(w, 60); /* StructureSize */
	wr_u16(w, s.dos_attributes ? SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB : 0);
	wr_u32(w, 0); /* Reserved */
	wr_u64(w, s.create_time);
	wr_u64(w, s.access_time);
	wr_u64(w, s.write_time);
	wr_u64(w, s.change_time);
	wr_u64(w, s.allocated);
	wr_u64(w, s.size);
	wr_u32(w, s.dos_attributes);
	return STATUS_SUCCESS;
}

static nt_status close_done(struct req *q, int err, struct wr *w)
{
	struct close_req *c = q->state;
	struct open *o = q->open;

	if (err)
		return STATUS_FILE_CLOSED; /* another was first */
	if (!c->want_attributes || !o->node)
		return close_encode(q, 0, w);
	c->have_attributes = true;
	c->stat.file = o->node->file;
	c->stat.call.raised = share_raises(o->tree->share);
	vfs_run(open_vfs(o), &c->stat.call, VFS_STAT, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, close_encode));
	return STATUS_PENDING;
}

nt_status cmd_close(struct req *q)
{
	struct close_req *c = arena_alloc(&q->arena, sizeof(*c));
	struct rd *r = &q->body;
	struct file_id id;
	uint16_t flags;
	nt_status st;

	rd_struct_size(r, 24);
	flags = rd_u16(r);
	rd_skip(r, 4); /* Reserved */
	id = rd_file_id(r);
	if (!rd_ok(r))
		return STATUS_INVALID_PARAMETER;
	if (!c)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = req_open_get(q, id);
	if (!nt_ok(st))
		return st;
	c->want_attributes = flags & SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB;
	q->state = c;
	open_close(q->open, q->lane->lane, q, req_wait(q, close_done));
	return STATUS_PENDING;
}
