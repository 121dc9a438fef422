/* posix_attr.c - STAT, SETATTR, STATFS. */
#include "fs/posix_impl.h"

#include <errno.h>

int posix_stat(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_statcall *s = container_of(c, struct vfs_statcall, call);
	struct posix_file *f = posix_file_of(s->file);

	if (where == POSIX_INLINE && !f->fs->local)
		return -EAGAIN;
	return posix_stat_file(f, c->cred, &s->stat);
}
