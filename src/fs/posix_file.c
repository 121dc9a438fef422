/* posix_file.c - handles of the kernel, and the one place that goes through /proc/self/fd. */
#include "fs/posix_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>

struct posix_proc posix_proc(int fd)
{
	struct posix_proc p = {{0}};

	snprintf(p.path, sizeof(p.path), "/proc/self/fd/%d", fd);
	return p;
}

/* What fd stands for is opened, whatever its name means by now. */
int posix_reopen(int fd, int flags)
{
	int ret = open(posix_proc(fd).path, flags | O_NOCTTY | O_CLOEXEC);

	return ret < 0 ? -errno : ret;
}

void posix_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static struct posix_file *file_of_seg(struct seg_file *seg)
{
	return container_of(seg, struct posix_file, vf.seg);
}

static ssize_t seg_send(struct seg_file *seg, int sock, uint64_t off, size_t len)
{
	off_t pos = (off_t)off;
	ssize_t n;

	do {
		n = sendfile(sock, file_of_seg(seg)->fd, &pos, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void seg_free(struct seg_file *seg)
{
	struct posix_file *f = file_of_seg(seg);

	close(f->fd);
	lock_fini(&f->lock);
	free(f);
}

static const struct seg_file_ops seg_ops = {
	.send = seg_send,
	.free = seg_free,
};

/* Output under way may still need the descriptor: the segment's count decides when it goes. */
void posix_file_close(struct vfile *f)
{
	seg_file_put(&f->seg);
}

struct posix_file *posix_file_new(struct posix_volume *v, int fd, enum vfs_type type,
				  const struct posix_fs *fs)
{
	struct posix_file *f = calloc(1, sizeof(*f));

	if (!f) {
		close(fd);
		return NULL;
	}
	atomic_init(&f->vf.refs, 1);
	f->vf.ops = &posix_vfs_ops;
	f->vf.seg.ops = &seg_ops;
	atomic_init(&f->vf.seg.refs, 1);
	f->vol = v;
	f->fd = fd;
	f->type = type;
	f->fs = fs;
	lock_init(&f->lock, LOCK_RANK_LEAF);
	return f;
}
