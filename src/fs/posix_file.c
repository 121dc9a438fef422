/* posix_file.c - handles of the kernel, and the one place that goes through /proc/self/fd. */
#include "fs/posix_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

struct posix_proc posix_proc(int fd)
{
	struct posix_proc p = {{0}};

	snprintf(p.path, sizeof(p.path), "/proc/self/fd/%d", fd);
	return p;
}

/* The last component of the same, for calls relative to v->proc_fd. */
struct fd_name {
	char text[12];
};

static struct fd_name fd_name(int fd)
{
	struct fd_name n = {{0}};

	snprintf(n.text, sizeof(n.text), "%d", fd);
	return n;
}

/* What fd stands for is opened, whatever its name means by now. */
int posix_reopen(const struct posix_volume *v, int fd, int flags)
{
	int ret = openat(v->proc_fd, fd_name(fd).text, flags | O_NOCTTY | O_CLOEXEC);

	return ret < 0 ? -errno : ret;
}

/* Linux 6.13; <linux/xattr.h> and <sys/syscall.h> of older systems lack it. */
#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#endif
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif

static ssize_t getxattr_at(int dirfd, const char *name, int flags, const char *xattr,
			   struct mspan buf)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} args = {.value = (uintptr_t)buf.p, .size = (uint32_t)buf.len};
	long n = syscall(SYS_getxattrat, dirfd, name, flags, xattr, &args, sizeof(args));

	return n < 0 ? -errno : n;
}

bool posix_probe_xattrat(const struct posix_volume *v)
{
	uint8_t buf[1];
	ssize_t n = getxattr_at(v->proc_fd, fd_name(v->root->fd).text, 0, DOSATTR_XATTR,
				mspan_of(buf, sizeof(buf)));

	return n != -ENOSYS &&
	       n != -EPERM; /* some sandboxes answer so to what they do not know */
}

ssize_t posix_getxattr(const struct posix_volume *v, int fd, const char *xattr,
		       struct mspan buf)
{
	ssize_t n;

	if (v->xattrat)
		return getxattr_at(v->proc_fd, fd_name(fd).text, 0, xattr, buf);
	n = getxattr(posix_proc(fd).path, xattr, buf.p, buf.len);
	return n < 0 ? -errno : n;
}

ssize_t posix_listxattr(const struct posix_volume *v, int fd, struct mspan buf)
{
	ssize_t n;

	if (v->xattrat)
		n = syscall(SYS_listxattrat, v->proc_fd, fd_name(fd).text, 0, buf.p,
			    buf.len);
	else
		n = listxattr(posix_proc(fd).path, (char *)buf.p, buf.len);
	return n < 0 ? -errno : n;
}

ssize_t posix_getxattr_at(const struct posix_volume *v, int dirfd, const char *name,
			  const char *xattr, struct mspan buf)
{
	char path[sizeof(struct posix_proc) + POSIX_NAME_MAX + 2];
	ssize_t n;

	if (v->xattrat)
		return getxattr_at(dirfd, name, AT_SYMLINK_NOFOLLOW, xattr, buf);
	snprintf(path, sizeof(path), "%s/%s", posix_proc(dirfd).path, name);
	n = lgetxattr(path, xattr, buf.p, buf.len);
	return n < 0 ? -errno : n;
}

void posix_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void posix_file_free(struct posix_file *f)
{
	posix_windows_drop(f->vol->windows, f);
	posix_stream_put(f->vol->streams, f->stream);
	close(f->fd);
	stock_give(&f->vol->files, f);
}

void posix_file_close(struct vfile *vf)
{
	struct posix_file *f = posix_file_of(vf);
	struct posix_volume *v = f->vol;

	posix_closer_close(v->closer, f);
	vfs_put(&v->vfs);
}

struct posix_file *posix_file_new(struct posix_volume *v, int fd, enum vfs_type type,
				  const struct posix_fs *fs)
{
	struct posix_file *f = stock_take(&v->files);

	if (!f) {
		close(fd);
		return NULL;
	}
	atomic_init(&f->vf.refs, 1);
	f->vf.ops = &posix_vfs_ops;
	f->vol = posix_volume_of(vfs_get(&v->vfs));
	f->fd = fd;
	f->type = type;
	f->fs = fs;
	return f;
}
