/* vfs.c - the counted handles of all back ends. */
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
