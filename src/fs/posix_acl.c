/* posix_acl.c - POSIX ACLs of files, by libacl.  acl(5) */
#include "fs/posix_impl.h"

#include <acl/libacl.h>
#include <errno.h>
#include <linux/xattr.h>
#include <sys/acl.h>
#include <sys/xattr.h>

static void acl_freep(acl_t *acl)
{
	if (*acl)
		acl_free(*acl);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static uint8_t may_of(acl_entry_t e)
{
	static const struct {
		acl_perm_t perm;
		uint8_t may;
	} perms[] = {
		{ACL_READ, VFS_MAY_READ},
		{ACL_WRITE, VFS_MAY_WRITE},
		{ACL_EXECUTE, VFS_MAY_EXEC},
	};
	acl_permset_t set;
	uint8_t may = 0;

	if (acl_get_permset(e, &set) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(perms); i++)
		if (acl_get_perm(set, perms[i].perm) == 1)
			may |= perms[i].may;
	return may;
}

/* A named one; -EIO if it has no name. */
static int take_named(struct vfs_acl *acl, acl_entry_t e, bool group)
{
	const uint32_t *id = acl_get_qualifier(e);

	if (!id)
		return -EIO;
	acl->entries[acl->count++] =
		(struct vfs_acl_entry){.group = group, .id = *id, .may = may_of(e)};
	acl_free((void *)id);
	return 0;
}

static int take(struct vfs_acl *acl, acl_entry_t e, uint8_t *ret_mask)
{
	acl_tag_t tag;

	if (acl_get_tag_type(e, &tag) < 0)
		return -errno;
	switch (tag) {
	case ACL_USER_OBJ:
		acl->may[VFS_ACL_OWNER] = may_of(e);
		return 0;
	case ACL_GROUP_OBJ:
		acl->may[VFS_ACL_GROUP] = may_of(e);
		return 0;
	case ACL_OTHER:
		acl->may[VFS_ACL_OTHERS] = may_of(e);
		return 0;
	case ACL_MASK:
		*ret_mask = may_of(e);
		return 0;
	default:
		return take_named(acl, e, tag == ACL_GROUP);
	}
}

static void apply_mask(struct vfs_acl *acl, uint8_t mask)
{
	acl->may[VFS_ACL_GROUP] &= mask;
	for (size_t i = 0; i < acl->count; i++)
		acl->entries[i].may &= mask;
}

/* Not there: where the file system has none, or it would say no more than the mode. */
static int read_acl(struct posix_file *f, acl_type_t type, struct arena *a,
		    struct vfs_acl *ret_acl)
{
	CLEANUP(acl_freep) acl_t acl = acl_get_file(posix_proc(f->fd).path, type);
	uint8_t mask = VFS_MAY_READ | VFS_MAY_WRITE | VFS_MAY_EXEC;
	struct vfs_acl found = {.there = true};
	acl_entry_t e;
	int more, err = 0, count;

	if (!acl)
		return errno == EOPNOTSUPP ? 0 : -errno;
	count = acl_entries(acl);
	if (count <= 0 ||
	    (type == ACL_TYPE_ACCESS && acl_equiv_mode(acl, &(mode_t){0}) == 0))
		return 0;
	found.entries = arena_array(a, (size_t)count, sizeof(*found.entries));
	if (!found.entries)
		return -ENOMEM;
	for (more = acl_get_entry(acl, ACL_FIRST_ENTRY, &e); more == 1 && !err;
	     more = acl_get_entry(acl, ACL_NEXT_ENTRY, &e))
		err = take(&found, e, &mask);
	if (err || more < 0)
		return err ? err : -errno;
	apply_mask(&found, mask);
	*ret_acl = found;
	return 0;
}

int posix_acls_read(struct posix_file *f, struct arena *a, struct vfs_acls *ret_acls)
{
	struct vfs_acls acls = {0};
	int err = 0;

	if (f->type == VFS_FILE || f->type == VFS_DIR)
		err = read_acl(f, ACL_TYPE_ACCESS, a, &acls.access);
	if (!err && f->type == VFS_DIR)
		err = read_acl(f, ACL_TYPE_DEFAULT, a, &acls.inherited);
	if (!err)
		*ret_acls = acls;
	return err;
}

bool posix_has_default_acl(struct posix_file *dir)
{
	return posix_getxattr(dir->vol, dir->fd, XATTR_NAME_POSIX_ACL_DEFAULT,
			      (struct mspan){0}) > 0;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static int add(acl_t *acl, acl_tag_t tag, const uint32_t *id, uint8_t may)
{
	acl_permset_t set;
	acl_entry_t e;

	if (acl_create_entry(acl, &e) < 0 || acl_set_tag_type(e, tag) < 0 ||
	    (id && acl_set_qualifier(e, id) < 0) || acl_get_permset(e, &set) < 0)
		return -errno;
	if (((may & VFS_MAY_READ) && acl_add_perm(set, ACL_READ) < 0) ||
	    ((may & VFS_MAY_WRITE) && acl_add_perm(set, ACL_WRITE) < 0) ||
	    ((may & VFS_MAY_EXEC) && acl_add_perm(set, ACL_EXECUTE) < 0))
		return -errno;
	return 0;
}

static int write_acl(struct posix_file *f, acl_type_t type, const struct vfs_acl *acl)
{
	static const acl_tag_t tags[VFS_ACL_CLASSES] = {ACL_USER_OBJ, ACL_GROUP_OBJ,
							ACL_OTHER};
	CLEANUP(acl_freep)
	acl_t made = acl_init((int)acl->count + VFS_ACL_CLASSES + 1);
	int err = made ? 0 : -errno;

	for (size_t i = 0; i < VFS_ACL_CLASSES && !err; i++)
		err = add(&made, tags[i], NULL, acl->may[i]);
	for (size_t i = 0; i < acl->count && !err; i++)
		err = add(&made, acl->entries[i].group ? ACL_GROUP : ACL_USER,
			  &acl->entries[i].id, acl->entries[i].may);
	if (!err && acl->count && acl_calc_mask(&made) < 0)
		err = -errno;
	if (!err && acl_set_file(posix_proc(f->fd).path, type, made) < 0)
		err = -errno;
	return err;
}

/* While there is one, chmod changes its mask, not what the group may: the mode goes first, so that nobody gets more. */
static int drop_access(struct posix_file *f, uint32_t mode)
{
	struct posix_proc p = posix_proc(f->fd);

	if (getxattr(p.path, XATTR_NAME_POSIX_ACL_ACCESS, NULL, 0) < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
	if (chmod(p.path, mode & 07777) < 0 ||
	    removexattr(p.path, XATTR_NAME_POSIX_ACL_ACCESS) < 0)
		return -errno;
	return 0;
}

static int drop_inherited(struct posix_file *f)
{
	if (acl_delete_def_file(posix_proc(f->fd).path) < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
	return 0;
}

int posix_acls_write(struct posix_file *f, const struct vfs_acls *acls, uint32_t mode)
{
	int err;

	err = acls->access.there ? write_acl(f, ACL_TYPE_ACCESS, &acls->access)
				 : drop_access(f, mode);
	if (err || f->type != VFS_DIR)
		return err;
	return acls->inherited.there ? write_acl(f, ACL_TYPE_DEFAULT, &acls->inherited)
				     : drop_inherited(f);
}
