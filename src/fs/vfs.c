/* vfs.c - the counted volumes and handles of all back ends. */
#include "fs/vfs.h"

struct vfile *vfile_get(struct vfile *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void vfile_put(struct vfile *f)
{
	if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		f->ops->close(f);
}

struct vfs *vfs_get(struct vfs *v)
{
	atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void vfs_put(struct vfs *v)
{
	if (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
		v->ops->free(v);
}
