/*
 * posix_protection.c - owner, mode, ACLs and stored descriptor: changed together, or put back.
 *
 * Together they say who may do what, and each is a call of its own. In between a file would have the new owner with the old
 * owner's mode, or the old ACL of a new group. So where several change, the mode is first cut to what both the old and the new
 * one allow; and what was done before a call that fails is undone. What cannot be undone stays as narrow as that.
 */
#include "base/log.h"
#include "fs/posix_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { OWNERS = VFS_SET_OWNER | VFS_SET_GROUP };

/* Is there more than one call to it? */
static bool takes_several(unsigned what)
{
	return (what & VFS_SET_ACLS) ||
	       ((what & OWNERS) && (what & (VFS_SET_SD | VFS_SET_MODE)));
}

static int keep_acl(struct posix_file *f, const char *name, struct arena *a,
		    struct mspan *ret_acl)
{
	int err = posix_xattr_copy(f, name, a, ret_acl);

	return err == -ENODATA ? 0 : err;
}

int posix_protection_keep(struct posix_file *f, const struct vfs_setattr *set,
			  const struct vfs_stat *now, struct arena *a,
			  struct posix_protection *ret)
{
	struct posix_protection p = {.set = set, .now = now};
	int err = 0;

	if (!takes_several(set->what)) {
		*ret = p;
		return 0;
	}
	p.kept = true;
	if (set->what & VFS_SET_ACLS)
		err = keep_acl(f, XATTR_NAME_POSIX_ACL_ACCESS, a, &p.access);
	if (!err && (set->what & VFS_SET_ACLS) && f->type == VFS_DIR)
		err = keep_acl(f, XATTR_NAME_POSIX_ACL_DEFAULT, a, &p.inherited);
	if (!err && (set->what & VFS_SET_SD))
		err = posix_sd_keep(f, a, &p.sd);
	if (!err)
		*ret = p;
	return err;
}

static int narrow(const struct posix_protection *p, struct posix_file *f)
{
	uint32_t mode = p->now->mode & p->set->attr.mode & 07777;

	return chmod(posix_proc(f->fd).path, mode) < 0 ? -errno : 0;
}

int posix_protection_narrow(const struct posix_protection *p, struct posix_file *f)
{
	unsigned what = p->set->what;

	return p->kept && (what & OWNERS) && (what & VFS_SET_MODE) ? narrow(p, f) : 0;
}

/* Empty: there was none. */
static int acl_restore(struct posix_file *f, const char *name, struct mspan acl)
{
	struct posix_proc path = posix_proc(f->fd);

	if (acl.len)
		return setxattr(path.path, name, acl.p, acl.len, 0) < 0 ? -errno : 0;
	if (removexattr(path.path, name) == 0)
		return 0;
	return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
}

static int owner_restore(const struct posix_protection *p, struct posix_file *f)
{
	uid_t uid = p->set->what & VFS_SET_OWNER ? p->now->uid : (uid_t)-1;
	gid_t gid = p->set->what & VFS_SET_GROUP ? p->now->gid : (gid_t)-1;

	if (!(p->set->what & OWNERS))
		return 0;
	return fchownat(f->fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* The mode of before says what the mask of its ACL was, so it comes after that. */
static int access_restore(const struct posix_protection *p, struct posix_file *f)
{
	int err = 0;

	if (p->set->what & VFS_SET_ACLS)
		err = acl_restore(f, XATTR_NAME_POSIX_ACL_ACCESS, p->access);
	if (!err && (p->set->what & VFS_SET_MODE) &&
	    chmod(posix_proc(f->fd).path, p->now->mode & 07777) < 0)
		err = -errno;
	return err;
}

void posix_protection_restore(const struct posix_protection *p, struct posix_file *f)
{
	int err = 0;

	if (!p->kept)
		return;
	if (p->set->what & VFS_SET_SD)
		err = posix_sd_restore(f, p->sd);
	if (!err && (p->set->what & VFS_SET_MODE))
		err = narrow(p, f);
	if (!err)
		err = owner_restore(p, f);
	if (!err && f->type == VFS_DIR && (p->set->what & VFS_SET_ACLS))
		err = acl_restore(f, XATTR_NAME_POSIX_ACL_DEFAULT, p->inherited);
	if (!err)
		err = access_restore(p, f);
	if (err)
		log_warn("who may use inode %llu was to change, and is half changed: "
			 "undoing it failed: %s",
			 (unsigned long long)p->now->key.inode, strerror(-err));
}
