/* posix_copy.c - COPY: by the kernel between plain files, else through a buffer. */
#include "fs/posix_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int posix_contents_size(const struct posix_file *f, uint64_t *ret_size)
{
	int fd = posix_contents_fd(f);
	struct stat st;

	if (fd < 0) {
		*ret_size = atomic_load(&f->stream->len);
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int copy_check(const struct vfs_copy *k)
{
	uint64_t size = 0;
	int err;

	if (k->src->ops != k->data->ops)
		return -EXDEV;
	if (k->len > VFS_COPY_MAX || k->off > INT64_MAX - k->len)
		return -EINVAL;
	err = posix_contents_size(posix_file_of(k->src), &size);
	if (err)
		return err;
	return k->src_off > size || k->len > size - k->src_off ? -ENODATA : 0;
}

/* Is the kernel unable to copy between these two, which says nothing of either? */
static bool is_unable(int err)
{
	switch (err) {
	case -EXDEV:
	case -EINVAL: /* the ranges overlap */
	case -EOPNOTSUPP:
	case -ENOSYS:
		return true;
	default:
		return false;
	}
}

/* As far as the kernel can: sharing blocks, or letting a file server do it, if possible. */
static int copy_by_kernel(struct vfs_copy *k)
{
	int src = posix_file_of(k->src)->fd, dst = posix_file_of(k->data)->fd;

	while (k->done < k->len) {
		off_t from = (off_t)(k->src_off + k->done),
		      to = (off_t)(k->off + k->done);
		ssize_t n = copy_file_range(src, &from, dst, &to, k->len - k->done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return is_unable(-errno) ? 0 : -errno;
		if (n == 0) /* some file systems have nothing to copy, but to read */
			return 0;
		k->done += (size_t)n;
	}
	return k->sync && fdatasync(dst) < 0 ? -errno : 0;
}

static struct vfs_io rest_of(const struct vfs_copy *k, struct vfile *f, uint64_t off,
			     struct mspan bytes)
{
	return (struct vfs_io){
		.call = k->call,
		.data = f,
		.off = off + k->done,
		.bytes = bytes,
		.sync = k->sync,
	};
}

/* What is left of it. */
static int copy_by_buffer(struct posix_volume *v, struct vfs_copy *k, struct mspan buffer)
{
	struct vfs_io in = rest_of(k, k->src, k->src_off, buffer);
	struct vfs_io out = rest_of(k, k->data, k->off, buffer);
	int err;

	err = posix_read(v, &in.call, POSIX_POOL);
	if (err)
		return err;
	if (in.done < buffer.len) /* cut off meanwhile */
		return -ENODATA;
	err = posix_write(v, &out.call, POSIX_POOL);
	k->done += out.done;
	return err;
}

int posix_copy(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_copy *k = container_of(c, struct vfs_copy, call);
	uint8_t *buffer;
	int err;

	k->done = 0;
	err = copy_check(k);
	if (!err && !posix_file_of(k->src)->stream && !posix_file_of(k->data)->stream)
		err = copy_by_kernel(k);
	if (err || k->done == k->len)
		return err;
	buffer = malloc(k->len - k->done);
	if (!buffer)
		return -ENOMEM;
	err = copy_by_buffer(v, k, mspan_of(buffer, k->len - k->done));
	free(buffer);
	return err;
}
