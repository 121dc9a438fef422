/* posix_stat.c - what a file is, in the terms of Windows; and what a user may do to it. */
#include "fs/posix_stream.h"

#include "wire/filetime.h"
#include "wire/fscc_proto.h"

#include <errno.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static uint64_t filetime(struct statx_timestamp t)
{
	return filetime_of((struct timespec){.tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec});
}

int posix_statx(int fd, const char *name, struct statx *ret_stx)
{
	if (statx(fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  POSIX_STATX_MASK, ret_stx) < 0)
		return -errno;
	return 0;
}

dev_t posix_dev(const struct statx *stx)
{
	return makedev(stx->stx_dev_major, stx->stx_dev_minor);
}

/* No generation: a node holds its file open, so that the inode number is not given to another. */
struct node_key posix_key(const struct statx *stx)
{
	return (struct node_key){.volume = posix_dev(stx), .inode = stx->stx_ino};
}

enum vfs_type posix_type(const struct statx *stx)
{
	switch (stx->stx_mode & S_IFMT) {
	case S_IFREG:
		return VFS_FILE;
	case S_IFDIR:
		return VFS_DIR;
	case S_IFLNK:
		return VFS_SYMLINK;
	default:
		return VFS_SPECIAL;
	}
}

/* Where the file system knows no birth: the oldest moment it does know. */
static uint64_t birth(const struct statx *stx, const struct vfs_stat *st)
{
	uint64_t oldest = st->write_time < st->change_time ? st->write_time
							   : st->change_time;

	return stx->stx_mask & STATX_BTIME ? filetime(stx->stx_btime) : oldest;
}

/* What holds for a file without stored attributes: [MS-FSCC] 2.6; new files are to be archived. */
static uint32_t derived_attributes(const struct statx *stx, bool dot_name)
{
	uint32_t a = S_ISDIR(stx->stx_mode) ? 0 : FILE_ATTRIBUTE_ARCHIVE;

	if (!(stx->stx_mode & S_IWUSR) && !S_ISLNK(stx->stx_mode))
		a |= FILE_ATTRIBUTE_READONLY;
	if (dot_name)
		a |= FILE_ATTRIBUTE_HIDDEN;
	if (stx->stx_attributes & STATX_ATTR_COMPRESSED)
		a |= FILE_ATTRIBUTE_COMPRESSED;
	return a;
}

/* What is a reparse point by its nature; devices, pipes and sockets as the NFS server of Windows has them. */
static uint32_t own_reparse_tag(enum vfs_type type)
{
	if (type == VFS_SYMLINK)
		return IO_REPARSE_TAG_SYMLINK;
	return type == VFS_SPECIAL ? IO_REPARSE_TAG_NFS : 0;
}

/* Those that follow from what the file is, and the value that means none. */
static uint32_t whole_attributes(uint32_t kept, enum vfs_type type)
{
	if (type == VFS_DIR)
		kept |= FILE_ATTRIBUTE_DIRECTORY;
	if (own_reparse_tag(type))
		kept |= FILE_ATTRIBUTE_REPARSE_POINT;
	return kept ? kept : FILE_ATTRIBUTE_NORMAL;
}

void posix_stat_basic(const struct statx *stx, bool dot_name, struct vfs_stat *ret_stat)
{
	struct vfs_stat st = {
		.key = posix_key(stx),
		.type = posix_type(stx),
		.mode = stx->stx_mode & 07777,
		.uid = stx->stx_uid,
		.gid = stx->stx_gid,
		.nlink = stx->stx_nlink,
		.access_time = filetime(stx->stx_atime),
		.write_time = filetime(stx->stx_mtime),
		.change_time = filetime(stx->stx_ctime),
	};

	st.create_time = birth(stx, &st);
	st.dos_attributes = whole_attributes(derived_attributes(stx, dot_name), st.type);
	st.reparse_tag = own_reparse_tag(st.type);
	if (st.type == VFS_FILE) {
		st.size = stx->stx_size;
		st.allocated = st.size ? stx->stx_blocks * 512 : 0;
	}
	if (st.type == VFS_DIR && st.nlink > 1)
		st.nlink = 1; /* what Unix counts are its subdirectories */
	*ret_stat = st;
}

void posix_dosattr_apply(const struct dosattr *attr, struct vfs_stat *stat)
{
	const uint32_t reparse = FILE_ATTRIBUTE_REPARSE_POINT;
	uint32_t kept = attr->attributes & ~(attr->reparse_tag ? 0 : reparse);

	if (attr->has_attributes) {
		kept |= stat->dos_attributes &
			FILE_ATTRIBUTE_COMPRESSED; /* never stored */
		stat->dos_attributes = whole_attributes(kept, stat->type);
		stat->reparse_tag = attr->reparse_tag;
	}
	if (attr->has_create_time)
		stat->create_time = attr->create_time;
	if (dosattr_change_time_holds(attr, stat->change_time, stat->write_time))
		stat->change_time = attr->change_time;
}

void posix_stat_from(struct posix_file *f, const struct cred *c, const struct statx *stx,
		     struct vfs_stat *ret_stat)
{
	struct dosattr attr;

	posix_stat_basic(stx, f->dot_name, ret_stat);
	if (f->type != VFS_FILE && f->type != VFS_DIR)
		return; /* others cannot have any */
	posix_dosattr_get(f, c, stx, &attr);
	posix_dosattr_apply(&attr, ret_stat);
	if (f->stream)
		posix_stream_stat(f->stream, ret_stat);
}

int posix_stat_file(struct posix_file *f, const struct cred *c, struct vfs_stat *ret_stat)
{
	struct statx stx;
	int err;

	err = posix_statx(f->fd, "", &stx);
	if (!err)
		posix_stat_from(f, c, &stx, ret_stat);
	return err;
}

static bool may_access(int fd, int mode)
{
	return syscall(SYS_faccessat2, fd, "", mode, AT_EACCESS | AT_EMPTY_PATH) == 0;
}

unsigned posix_may(struct posix_volume *v, const struct cred *c, int fd,
		   const struct statx *stx)
{
	uid_t uid = posix_acting_uid(v, c);
	unsigned may = 0;

	if (uid == 0)
		return VFS_MAY_READ | VFS_MAY_WRITE | VFS_MAY_EXEC;
	if (uid == stx->stx_uid) /* the owner's bits count, whatever lists follow */
		return (stx->stx_mode >> 6) & 7;

	posix_act_unraised(v, c);
	if (may_access(fd, R_OK | W_OK | X_OK))
		return VFS_MAY_READ | VFS_MAY_WRITE | VFS_MAY_EXEC;
	if (may_access(fd, R_OK))
		may |= VFS_MAY_READ;
	if (may_access(fd, W_OK))
		may |= VFS_MAY_WRITE;
	if (may_access(fd, X_OK))
		may |= VFS_MAY_EXEC;
	return may;
}
