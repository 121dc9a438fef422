#include "cmd/open_call.h"

nt_status open_call(struct req *q, struct vfs_call *c, enum vfs_op op, req_done then)
{
	struct open *o = q->open;

	c->raised = share_raises(o->tree->share);
	vfs_run(open_vfs(o), c, op, q->lane->lane, tree_cred(o->tree, o->who), &q->arena,
		req_wait(q, then));
	return STATUS_PENDING;
}
