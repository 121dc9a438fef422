/* CREATE on IPC$: the named pipes of rpc/.  Spec: [MS-SMB2] 3.3.5.9 (ShareType pipe), 2.2.14 */
#include "cmd/create.h"
#include "rpc/pipe.h"

nt_status create_pipe(struct req *q, const struct create *c)
{
	struct create answer = {.action = FILE_OPENED,
				.stat.dos_attributes = FILE_ATTRIBUTE_NORMAL};
	struct open_new in = {
		.channel_sequence = smb2_channel_sequence(&q->header),
		.tree = q->tree,
		.granted = FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES |
			   READ_CONTROL | SYNCHRONIZE,
		.maximal = q->tree->maximal_access,
		.pipe_free = pipe_free,
	};
	struct open *o;
	nt_status st;

	if (c->impersonation > SMB2_IMPERSONATION_DELEGATE)
		return STATUS_BAD_IMPERSONATION_LEVEL;
	if (c->path.count != 1 || c->path.stream)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	st = open_quota_take(q->sess, q->snap->conf);
	if (!nt_ok(st))
		return st;
	st = pipe_open(c->path.names[0], &in.pipe);
	if (nt_ok(st)) {
		in.who = principal_get(req_who(q));
		st = open_new(&in, &o);
		if (!nt_ok(st)) {
			principal_put(in.who);
			pipe_free(in.pipe);
		}
	}
	if (!nt_ok(st)) {
		open_quota_give(q->sess);
		return st;
	}
	q->file_id = o->id;
	q->has_file_id = true;
	answer.maximal = in.maximal;
	answer.contexts = c->contexts;
	answer.contexts.on_disk_id = false;
	answer.contexts.durable.granted = 0;
	answer.contexts.lease.version = 0; /* nothing of a pipe is cached */
	create_encode(q, &answer, o);
	open_put(o);
	return STATUS_SUCCESS;
}
