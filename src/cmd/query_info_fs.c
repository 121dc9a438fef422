/* QUERY_INFO, SMB2_0_INFO_FILESYSTEM.  Spec: [MS-SMB2] 3.3.5.20.2, [MS-FSA] 2.1.5.13 */
#include "cmd/fs_info.h"
#include "cmd/query_info.h"

#include <string.h>

struct query_fs {
	const struct query_info *asked;
	const struct fs_info_class *class;
	struct fs_info info;
	struct vfs_statfs call;
};

static nt_status answer(struct req *q)
{
	struct query_fs *f = q->state;
	struct wr *w = query_begin(q, FS_INFO_LEN_MAX + 2 * (strlen(f->info.label) +
							     strlen(f->info.fs.fs_name)));

	f->class->encode(w, &f->info);
	return query_end(q, f->asked, STATUS_SUCCESS);
}

static nt_status statfs_done(struct req *q, int err, struct wr *w)
{
	struct query_fs *f = q->state;

	if (err)
		return nt_from_errno(err);
	f->info.fs = f->call;
	return answer(q);
}

nt_status query_fs(struct req *q, const struct query_info *a)
{
	const struct fs_info_class *c = fs_info_class(a->class);
	struct query_fs *f = arena_alloc(&q->arena, sizeof(*f));
	bool pipe = !q->open->node;

	if (!f)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!c)
		return fs_info_is_class(a->class) ? STATUS_NOT_SUPPORTED
						  : STATUS_INVALID_INFO_CLASS;
	if (pipe && !c->of_pipe)
		return STATUS_NOT_SUPPORTED;
	if (a->output_len < c->fixed_len)
		return query_too_short(q);
	f->asked = a;
	f->class = c;
	f->info = (struct fs_info){
		.fs.fs_name = "NPFS",
		.fs.name_max = 255,
		.label = q->tree->share->name,
		.guid = q->conn->server->guid,
		.pipe = pipe,
		.named_streams = !pipe && q->open->tree->share->conf->named_streams,
	};
	q->state = f;
	if (pipe)
		return answer(q);
	return open_call(q, &f->call.call, VFS_STATFS, statfs_done);
}
