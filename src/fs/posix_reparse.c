/*
 * posix_reparse.c - reparse points: those that clients make, and what the file system has of its own.
 *
 * A client's reparse point is an ordinary file or directory, empty, whose buffer ([MS-FSCC] 2.1.2) lies in an extended
 * attribute; one of its stored DOS attributes says that it is there, so that looking costs nothing where there is none. No
 * link, device, pipe or socket is made of it. A real link would lead local processes, who have more rights, wherever a
 * client points, and keeps neither a descriptor nor attributes; one that only leads downward today may lead out once
 * somebody moves it. A device would need root, and a pipe makes local readers hang. So it means something to clients only,
 * and it is they who follow it.
 *
 * Links, devices, pipes and sockets that others made on this machine are shown as reparse points.
 */
#include "fs/posix_impl.h"

#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

uint32_t posix_reparse_tag(struct span buffer)
{
	struct reparse r;

	return nt_ok(reparse_decode(buffer, &r)) ? r.tag : 0;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static int read_link(struct posix_file *f, struct arena *a, struct span *ret_buffer)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(f->fd, "", target, sizeof(target) - 1);
	size_t room;
	struct wr w;

	if (len < 0)
		return -errno;
	target[len] = '\0';
	room = reparse_link_room((size_t)len);
	w = wr_of(mspan_of(arena_alloc(a, room), room));
	if (!w.p)
		return -ENOMEM;
	wr_reparse_link(&w, target);
	if (!wr_ok(&w) || wr_pos(&w) > REPARSE_BUFFER_MAX)
		return -EILSEQ;
	*ret_buffer = wr_done(&w);
	return 0;
}

static uint64_t nfs_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
		return NFS_SPECFILE_CHR;
	case S_IFBLK:
		return NFS_SPECFILE_BLK;
	case S_IFSOCK:
		return NFS_SPECFILE_SOCK;
	default:
		return NFS_SPECFILE_FIFO;
	}
}

static int read_special(struct posix_file *f, struct arena *a, struct span *ret_buffer)
{
	struct wr w = wr_of(mspan_of(arena_alloc(a, REPARSE_NFS_ROOM), REPARSE_NFS_ROOM));
	struct statx stx;
	int err = posix_statx(f->fd, "", &stx);

	if (err)
		return err;
	if (!w.p)
		return -ENOMEM;
	wr_reparse_nfs(&w, nfs_type(stx.stx_mode), stx.stx_rdev_major,
		       stx.stx_rdev_minor);
	*ret_buffer = wr_done(&w);
	return 0;
}

static int read_stored(struct posix_file *f, struct arena *a, struct span *ret_buffer)
{
	uint8_t *buffer = arena_alloc(a, REPARSE_BUFFER_MAX);
	ssize_t n;

	if (!buffer)
		return -ENOMEM;
	n = posix_getxattr(f->vol, f->fd, POSIX_REPARSE_XATTR,
			   mspan_of(buffer, REPARSE_BUFFER_MAX));
	if (n < 0)
		return n == -ENODATA || n == -ERANGE ? 0 : (int)n;
	if (posix_reparse_tag(span_of(buffer, (size_t)n)))
		*ret_buffer = span_of(buffer, (size_t)n);
	return 0;
}

int posix_reparse_read(struct posix_file *f, const struct vfs_stat *st, struct arena *a,
		       struct span *ret_buffer)
{
	*ret_buffer = (struct span){0};
	if (!st->reparse_tag)
		return 0;
	switch (f->type) {
	case VFS_SYMLINK:
		return read_link(f, a, ret_buffer);
	case VFS_SPECIAL:
		return read_special(f, a, ret_buffer);
	default:
		return read_stored(f, a, ret_buffer);
	}
}

/* ---- writing ------------------------------------------------------------------------------------ */

int posix_reparse_write(struct posix_file *f, struct span buffer)
{
	struct posix_proc p = posix_proc(f->fd);

	if (buffer.len)
		return setxattr(p.path, POSIX_REPARSE_XATTR, buffer.p, buffer.len, 0) < 0
			       ? -errno
			       : 0;
	if (removexattr(p.path, POSIX_REPARSE_XATTR) < 0 && errno != ENODATA)
		return -errno;
	return 0;
}
