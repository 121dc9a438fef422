/* posix_io.c - READ, WRITE, SYNC: inline what the page cache can do, the rest in the pool. */
#include "fs/posix_stream.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/* No file ends beyond what off_t counts. */
static int check_range(const struct vfs_io *io)
{
	return io->off > INT64_MAX || io->bytes.len > (uint64_t)INT64_MAX - io->off
		       ? -EINVAL
		       : 0;
}

static struct iovec io_rest(const struct vfs_io *io)
{
	return (struct iovec){
		.iov_base = io->bytes.p + io->done,
		.iov_len = io->bytes.len - io->done,
	};
}

/* ---- READ --------------------------------------------------------------------------------------- */

/* Go on where io->done is, until all is read, the file ends, or (RWF_NOWAIT) it would have to wait: -EAGAIN. */
static int read_on(int fd, struct vfs_io *io, int flags)
{
	while (io->done < io->bytes.len) {
		struct iovec iov = io_rest(io);
		ssize_t n = preadv2(fd, &iov, 1, (off_t)(io->off + io->done), flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		io->done += (size_t)n;
	}
	return 0;
}

static int read_inline(struct posix_volume *v, struct posix_file *f, struct vfs_io *io)
{
	int fd = posix_contents_fd(f);
	int err;

	if (posix_map_lend(v, f, io))
		return 0;
	io->done = 0;
	if (!atomic_load_explicit(&f->no_nowait, memory_order_relaxed)) {
		err = read_on(fd, io, RWF_NOWAIT);
		if (err != -EOPNOTSUPP)
			return err;
		atomic_store_explicit(&f->no_nowait, true, memory_order_relaxed);
	}
	return f->fs->memory ? read_on(fd, io, 0) : -EAGAIN;
}

int posix_read(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_io *io = container_of(c, struct vfs_io, call);
	struct posix_file *f = posix_file_of(io->data);
	bool done = false;
	int err;

	io->lent = (struct span){0};
	err = check_range(io);
	if (!err && posix_contents_fd(f) < 0) {
		if (where == POSIX_INLINE)
			return -EAGAIN;
		err = posix_stream_read(f->stream, io, &done);
	}
	if (err || done)
		return err;
	return where == POSIX_INLINE ? read_inline(v, f, io)
				     : read_on(posix_contents_fd(f), io, 0);
}

/* ---- WRITE -------------------------------------------------------------------------------------- */

static int write_all(int fd, struct vfs_io *io)
{
	io->done = 0;
	while (io->done < io->bytes.len) {
		struct iovec iov = io_rest(io);
		ssize_t n = pwritev(fd, &iov, 1, (off_t)(io->off + io->done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		io->done += (size_t)n;
	}
	return 0;
}

/* Copying into the page cache is quick until the kernel makes us wait for the disk. */
static int write_inline(struct posix_file *f, struct vfs_io *io)
{
	struct posix_mark mark;
	int err;

	if (io->sync || io->bytes.len > POSIX_WRITE_INLINE_MAX || !f->fs->local ||
	    !posix_pace_begin(&f->pace, &mark))
		return -EAGAIN;
	err = write_all(posix_contents_fd(f), io);
	posix_pace_end(&f->pace, &mark);
	return err;
}

/* It may move to a file on the way, by the server's rights; its blocks are the user's affair again. */
static int write_stream(struct posix_file *f, struct vfs_io *io)
{
	bool done;
	int err;

	err = posix_stream_write(f, io, &done);
	if (!err && !done) {
		if (io->call.cred)
			posix_act_as(f->vol, io->call.cred);
		err = write_all(posix_contents_fd(f), io);
	}
	return err || !io->sync ? err : posix_stream_sync(f);
}

int posix_write(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_io *io = container_of(c, struct vfs_io, call);
	struct posix_file *f = posix_file_of(io->data);
	int err;

	err = check_range(io);
	if (err)
		return err;
	if (f->stream && (io->sync || posix_contents_fd(f) < 0))
		return where == POSIX_INLINE ? -EAGAIN : write_stream(f, io);
	if (where == POSIX_INLINE)
		return write_inline(f, io);
	err = write_all(posix_contents_fd(f), io);
	if (!err && io->sync && fdatasync(f->fd) < 0)
		err = -errno;
	return err;
}

/* ---- SYNC --------------------------------------------------------------------------------------- */

int posix_sync(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_sync *s = container_of(c, struct vfs_sync, call);
	struct posix_file *f = posix_file_of(s->data);
	int fd = f->fd;

	if (f->stream)
		return posix_stream_sync(f);
	if ((s->data_only ? fdatasync(fd) : fsync(fd)) < 0)
		return -errno;
	return 0;
}
