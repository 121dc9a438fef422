#include "cmd/open_call.h"

#include <errno.h>
#include <string.h>

nt_status open_call(struct req *q, struct vfs_call *c, enum vfs_op op, req_done then)
{
	struct open *o = q->open;

	c->raised = share_raises(o->tree->share);
	vfs_run(open_vfs(o), c, op, q->lane->lane, tree_cred(o->tree, o->who), &q->arena,
		req_wait(q, then));
	return STATUS_PENDING;
}

/* No allocation under the lock: measure, make room, look whether it still fits. */
static int copy_path(struct open *o, struct arena *a, struct node **ret_parent,
		     char **ret_path)
{
	size_t len = 0;

	for (;;) {
		char *room = arena_alloc(a, len + 1);

		if (!room)
			return -ENOMEM;
		LOCK_SCOPE(&o->lock);
		if (strlen(o->path) > len) {
			len = strlen(o->path);
			continue;
		}
		memcpy(room, o->path, strlen(o->path) + 1);
		*ret_path = room;
		if (ret_parent)
			*ret_parent = o->parent ? node_get(o->parent) : NULL;
		return 0;
	}
}

char *open_path(struct open *o, struct arena *a)
{
	char *path;

	return copy_path(o, a, NULL, &path) == 0 ? path : NULL;
}

int open_name(struct open *o, struct arena *a, struct node **ret_parent,
	      const char **ret_name)
{
	char *path, *sep;
	int err = copy_path(o, a, ret_parent, &path);

	if (err)
		return err;
	sep = strrchr(path, '\\');
	*ret_name = sep ? sep + 1 : path;
	return 0;
}
