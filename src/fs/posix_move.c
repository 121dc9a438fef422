/*
 * posix_move.c - UNLINK, RENAME, LINK.
 *
 * The kernel acts on names, the caller means files: each name is checked to mean the file that was meant just before
 * the call. Within the server the turns keep others away in between; a local process may still exchange the name in
 * these microseconds, and can thereby have its own file renamed or removed instead - what it could have done itself.
 */
#include "fs/name.h"
#include "fs/posix_stream.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

static bool stx_is(const struct statx *stx, const struct node_key *key)
{
	struct node_key k = posix_key(stx);

	return node_key_eq(&k, key);
}

/*
 * Does the name mean this file, itself or as a link to it? 0, -ESTALE, ...; real is the name on disk, *ret_stx what bears
 * it.
 */
static int check_means(struct posix_volume *v, int dirfd, const char *name,
		       const struct node_key *key, enum posix_where where, char *real,
		       struct statx *ret_stx)
{
	struct statx target;
	int err;

	err = posix_disk_name(v, dirfd, name, where, real, ret_stx);
	if (err || stx_is(ret_stx, key))
		return err;
	if (!S_ISLNK(ret_stx->stx_mode))
		return -ESTALE;

	CLEANUP(posix_closep) int fd = posix_resolve(v, dirfd, real, O_PATH, 0, where);
	if (fd < 0)
		return fd == -EAGAIN ? fd : -ESTALE;
	err = posix_statx(fd, "", &target);
	if (!err && !stx_is(&target, key))
		err = -ESTALE;
	return err;
}

/* ---- UNLINK ------------------------------------------------------------------------------------- */

int posix_unlink(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_unlink *u = container_of(c, struct vfs_unlink, call);
	CLEANUP(posix_change_end) struct posix_change ch = {0};
	CLEANUP(posix_doom_end) struct posix_doomed doomed = {.fd = -1};
	struct posix_file *dir = posix_file_of(u->dir);
	char real[POSIX_NAME_MAX + 1];
	struct statx stx;
	int err;

	err = posix_check_name(u->name);
	if (err)
		return err;
	if (where == POSIX_INLINE && !dir->fs->local)
		return -EAGAIN;
	err = check_means(v, dir->fd, u->name, &u->key, where, real, &stx);
	if (!err)
		err = posix_doom_begin(&doomed, v, c, dir->fd, real, where);
	if (!err)
		err = posix_change_begin(&ch, v, u->dir);
	if (err)
		return err;
	/* of a link the link goes, also of one to a directory */
	bool rmdir = u->directory && !S_ISLNK(stx.stx_mode);
	if (unlinkat(dir->fd, real, rmdir ? AT_REMOVEDIR : 0) < 0)
		return -errno;
	ch.removed = real;
	if (stx.stx_nlink <= 1 && stx.stx_blocks > POSIX_QUICK_BLOCKS)
		atomic_store_explicit(&v->large_gone, stx.stx_ino, memory_order_relaxed);
	posix_doom_carry_out(&doomed);
	return 0;
}

/* ---- RENAME ------------------------------------------------------------------------------------- */

static int rename_flags(int src_fd, const char *src, int dst_fd, const char *dst,
			unsigned flags)
{
	struct statx stx;
	int err;

	if (renameat2(src_fd, src, dst_fd, dst, flags) == 0)
		return 0;
	if (errno != EINVAL || !(flags & RENAME_NOREPLACE))
		return -errno;
	/* network file systems do not know the flag; then the look before has to do */
	err = posix_statx(dst_fd, dst, &stx);
	if (err != -ENOENT)
		return err ? err : -EEXIST;
	return renameat(src_fd, src, dst_fd, dst) < 0 ? -errno : 0;
}

/* What stands where a name is to go. */
struct target {
	bool exists;
	char real[POSIX_NAME_MAX + 1]; /* its name on disk, perhaps in another case */
	struct statx stx;
};

static int find_target(struct posix_volume *v, int dirfd, const char *name,
		       enum posix_where where, struct target *t)
{
	int err = -ENOENT;

	t->exists = false;
	memcpy(t->real, name, strlen(name) + 1);
	if (v->names)
		err = posix_real_name(v, dirfd, name, where, t->real);
	if (err && err != -ENOENT && err != -EACCES)
		return err;
	if (err)
		memcpy(t->real, name, strlen(name) + 1);
	err = posix_statx(dirfd, t->real, &t->stx);
	if (err)
		return err == -ENOENT ? 0 : err;
	t->exists = true;
	return 0;
}

/* from: on disk. Over what is there, whose name may differ in case: what was meant is the new one. */
static int rename_over(const struct vfs_rename *r, const char *from, struct target *t,
		       struct posix_change *src, struct posix_change *dst)
{
	int err;

	if (stx_is(&t->stx,
		   &r->key)) { /* another link to the same file: rename(2) would do nothing */
		if (unlinkat(src->fd, from, 0) < 0)
			return -errno;
	} else {
		err = rename_flags(src->fd, from, dst->fd, t->real, 0);
		if (err)
			return err;
	}
	src->removed = from;
	if (strcmp(t->real, r->dst_name) != 0 &&
	    rename_flags(dst->fd, t->real, dst->fd, r->dst_name, RENAME_NOREPLACE) == 0) {
		dst->removed = t->real;
		dst->added = r->dst_name;
	}
	return 0;
}

static int same_dir(int a, int b, bool *ret_same)
{
	struct statx sa, sb;
	int err;

	err = posix_statx(a, "", &sa);
	if (!err)
		err = posix_statx(b, "", &sb);
	if (!err)
		*ret_same = sa.stx_ino == sb.stx_ino && posix_dev(&sa) == posix_dev(&sb);
	return err;
}

static int rename_checked(const struct vfs_rename *r, const char *from, struct target *t,
			  struct posix_change *src, struct posix_change *dst)
{
	bool same;
	int err;

	err = same_dir(src->fd, dst->fd, &same);
	if (err)
		return err;
	if (same && strcmp(from, r->dst_name) == 0)
		return 0;
	same = same && t->exists && strcmp(t->real, from) == 0;
	if (t->exists && !same)
		return r->replace ? rename_over(r, from, t, src, dst) : -EEXIST;
	err = rename_flags(src->fd, from, dst->fd, r->dst_name, RENAME_NOREPLACE);
	if (err)
		return err;
	src->removed = from;
	dst->added = r->dst_name;
	return 0;
}

int posix_rename(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_rename *r = container_of(c, struct vfs_rename, call);
	struct posix_file *src_dir = posix_file_of(r->src_dir);
	struct posix_file *dst_dir = posix_file_of(r->dst_dir);
	CLEANUP(posix_change_end) struct posix_change src = {0};
	CLEANUP(posix_change_end) struct posix_change dst = {0};
	CLEANUP(posix_doom_end) struct posix_doomed doomed = {.fd = -1};
	char from[POSIX_NAME_MAX + 1];
	struct target t;
	struct statx stx;
	int err;

	err = posix_check_name(r->src_name);
	if (!err)
		err = posix_check_name(r->dst_name);
	if (err)
		return err;
	if (where == POSIX_INLINE &&
	    (!src_dir->fs->local || !dst_dir->fs->local || r->replace))
		return -EAGAIN; /* what is replaced may take its time to go */
	err = check_means(v, src_dir->fd, r->src_name, &r->key, where, from, &stx);
	if (!err)
		err = find_target(v, dst_dir->fd, r->dst_name, where, &t);
	if (!err)
		err = posix_change_begin(&src, v, r->src_dir);
	if (!err)
		err = posix_change_begin(&dst, v, r->dst_dir);
	if (!err && r->replace && t.exists)
		err = posix_doom_begin(&doomed, v, c, dst_dir->fd, t.real, where);
	if (!err)
		err = rename_checked(r, from, &t, &src, &dst);
	if (!err)
		posix_doom_carry_out(&doomed);
	return err;
}

/* ---- LINK --------------------------------------------------------------------------------------- */

static int link_as(int fd, int dirfd, const char *name)
{
	if (linkat(AT_FDCWD, posix_proc(fd).path, dirfd, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

/* Made aside and renamed over, so that the name is never missing. No client is shown it. */
static int link_over(int fd, int dirfd, const char *name)
{
	uint64_t salt;
	char aside[32];
	int err;

	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		return -EIO;
	snprintf(aside, sizeof(aside), NAME_ASIDE "%016llx", (unsigned long long)salt);
	err = link_as(fd, dirfd, aside);
	if (err)
		return err;
	if (renameat(dirfd, aside, dirfd, name) < 0) {
		err = -errno;
		unlinkat(dirfd, aside, 0);
	}
	return err;
}

int posix_link(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_link *l = container_of(c, struct vfs_link, call);
	struct posix_file *f = posix_file_of(l->file), *dir = posix_file_of(l->dst_dir);
	CLEANUP(posix_change_end) struct posix_change ch = {0};
	CLEANUP(posix_doom_end) struct posix_doomed doomed = {.fd = -1};
	struct target t;
	struct statx stx;
	int err;

	err = posix_check_name(l->dst_name);
	if (err)
		return err;
	if (f->type != VFS_FILE)
		return f->type == VFS_DIR ? -EISDIR : -EOPNOTSUPP;
	if (where == POSIX_INLINE && (!dir->fs->local || l->replace))
		return -EAGAIN;
	err = find_target(v, dir->fd, l->dst_name, where, &t);
	if (!err)
		err = posix_statx(f->fd, "", &stx);
	if (!err)
		err = posix_change_begin(&ch, v, l->dst_dir);
	if (err)
		return err;
	if (!t.exists)
		err = link_as(f->fd, dir->fd, l->dst_name);
	else if (!l->replace)
		err = -EEXIST;
	else if (t.stx.stx_ino == stx.stx_ino && posix_dev(&t.stx) == posix_dev(&stx))
		return 0; /* it is that link already */
	else
		err = posix_doom_begin(&doomed, v, c, dir->fd, t.real, where);
	if (!err && t.exists)
		err = link_over(f->fd, dir->fd, t.real);
	if (!err)
		posix_doom_carry_out(&doomed);
	if (!err && !t.exists)
		ch.added = l->dst_name;
	return err;
}
