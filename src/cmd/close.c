/* SMB2 CLOSE.  Spec: [MS-SMB2] 2.2.15, 2.2.16, 3.3.5.10 */
#include "cmd/cmd.h"
#include "cmd/held_times.h"
#include "cmd/open_call.h"

struct close_req {
	bool want_attributes;
	bool have_attributes;
	bool note_write; /* there were writes that the write time does not tell of yet */
	struct vfs_setattr times;
	struct vfs_statcall stat;
};

static nt_status close_encode(struct req *q, int err, struct wr *w)
{
	const struct close_req *c = q->state;
	struct vfs_stat s = {0};

	if (c->have_attributes && !err) {
		s = c->stat.stat;
		open_show(q, q->open->node, &s);
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

static nt_status close_stat(struct req *q, int err, struct wr *w)
{
	struct close_req *c = q->state;

	if (!c->want_attributes || !q->open->node)
		return close_encode(q, 0, w);
	c->have_attributes = true;
	c->stat.file = q->open->node->file;
	c->stat.call.raised = share_raises(q->open->tree->share);
	vfs_run(open_vfs(q->open), &c->stat.call, VFS_STAT, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, close_encode));
	return STATUS_PENDING;
}

static nt_status close_done(struct req *q, int err, struct wr *w)
{
	struct close_req *c = q->state;

	if (err)
		return STATUS_FILE_CLOSED; /* another was first */
	if (!c->note_write)
		return close_stat(q, 0, w);
	/* whoever may write but does not own the file leaves the time of his last write */
	c->times.file = q->open->node->file;
	c->times.what = VFS_SET_WRITE_TIME;
	c->times.attr.write_time = env_filetime(q->lane->lane->env);
	held_times_add(q->open, 0, &c->times);
	return open_call(q, &c->times.call, VFS_SETATTR, close_stat);
}

/* See fs/shown.h. */
static bool notes_write(const struct open *o)
{
	return o->node && open_may(o, FILE_WRITE_DATA | FILE_APPEND_DATA) &&
	       shown_late_again(open_shown(o)) && !held_time_any(&o->held_write_time);
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
	c->note_write = notes_write(q->open);
	q->state = c;
	open_close(q->open, q->lane->lane, q, req_wait(q, close_done));
	return STATUS_PENDING;
}
