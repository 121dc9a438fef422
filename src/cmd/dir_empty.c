#include "cmd/dir_empty.h"

#include "cmd/open_call.h"

#include <errno.h>

enum { ENTRIES_TO_LOOK_AT = 3 }; /* two may be "." and ".." */

static nt_status listed(struct req *q, int err, struct wr *w)
{
	struct dir_empty *e = q->dir_empty;
	const struct vfs_readdir *l = &e->call.readdir;

	for (size_t i = 0; !err && i < l->count; i++)
		if (strcmp(l->entries[i].name, ".") != 0 &&
		    strcmp(l->entries[i].name, "..") != 0)
			err = -ENOTEMPTY;
	return e->then(q, err, w);
}

static nt_status list(struct req *q, struct vfile *data)
{
	struct vfs_readdir *l = &q->dir_empty->call.readdir;

	memset(l, 0, sizeof(*l));
	l->data = data;
	l->file = q->open->node->file;
	l->max = ENTRIES_TO_LOOK_AT;
	l->hidden_too = true; /* they would keep it from going */
	return open_call(q, &l->call, VFS_READDIR, listed);
}

static nt_status opened(struct req *q, int err, struct wr *w)
{
	struct dir_empty *e = q->dir_empty;

	if (err)
		return e->then(q, err, w);
	e->dir = e->call.open.data;
	return list(q, e->dir);
}

/* Whoever may delete a directory need not be able to list it: it is looked into with the server's rights. */
nt_status dir_empty_check(struct req *q, struct dir_empty *e, req_done then)
{
	struct open *o = q->open;
	struct vfs_open *v = &e->call.open;

	q->dir_empty = e;
	e->then = then;
	if (o->data)
		return list(q, o->data);
	memset(v, 0, sizeof(*v)); /* not raised: the server's own rights do */
	v->file = o->node->file;
	v->read = true;
	vfs_run(open_vfs(o), &v->call, VFS_OPEN, q->lane->lane, NULL, &q->arena,
		req_wait(q, opened));
	return STATUS_PENDING;
}

void dir_empty_fini(struct dir_empty *e)
{
	vfile_put(TAKE(e->dir));
}
