#include "cmd/dir_filter.h"

#include "smb/tree.h"

/* What cannot be made out for want of memory is left out. */
static bool shows(const struct vfs_filter *vfs, const struct vfs_looked *e,
		  struct arena *scratch)
{
	const struct dir_filter *f = container_of(vfs, struct dir_filter, vfs);
	struct access_file file = {.stat = e->stat, .may = e->may};

	if (access_stored(e->sd, e->stat, scratch, &file.sd) != 0)
		return false;
	return access_shows(f->security, f->who, &file);
}

const struct vfs_filter *dir_filter_for(const struct open *o, struct dir_filter *f)
{
	if (!atomic_load(&o->tree->hides_unreadable))
		return NULL;
	*f = (struct dir_filter){
		.vfs = {.with_sd = share_has_sds(o->tree->share), .shows = shows},
		.security = share_security(o->tree->share),
		.who = tree_who(o->tree, o->who),
	};
	return &f->vfs;
}
