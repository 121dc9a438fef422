/* posix_sparse.c - ZERO, RANGES: what of a file is zeroes, in the pool. */
#include "fs/posix_stream.h"

#include <errno.h>
#include <unistd.h>

enum { ZERO_STEP = 64 << 20, WRITE_STEP = 64 << 10 };

/* Where the file system cannot, or the content is in memory. */
static int zero_by_writing(struct posix_volume *v, struct vfs_zero *z, size_t len)
{
	static const uint8_t zeroes[WRITE_STEP];
	struct vfs_io io = {.call = z->call, .data = z->data};
	int err = 0;

	while (!err && z->done < len) {
		size_t n = len - z->done < WRITE_STEP ? len - z->done : WRITE_STEP;

		io.off = z->off + z->done;
		io.bytes = mspan_of((uint8_t *)zeroes, n); /* only read */
		err = posix_write(v, &io.call, POSIX_POOL);
		z->done += io.done;
	}
	return err;
}

/* False: the file system has no such thing. */
static bool zero_by_kernel(int fd, struct vfs_zero *z, size_t len, int *ret_err)
{
	int mode = FALLOC_FL_KEEP_SIZE |
		   (z->punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);

	*ret_err = fallocate(fd, mode, (off_t)z->off, (off_t)len) < 0 ? -errno : 0;
	if (*ret_err == 0)
		z->done = len;
	return *ret_err != -EOPNOTSUPP && *ret_err != -ENOSYS;
}

/* How much from `off` on is a hole, before `end`; 0 where the file system does not say. */
static uint64_t hole_at(int fd, uint64_t off, uint64_t end)
{
	off_t data = fd < 0 ? (off_t)off : lseek(fd, (off_t)off, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? end - off : 0;
	return ((uint64_t)data < end ? (uint64_t)data : end) - off;
}

/*
 * It reads as zeroes already, and is done at once: a file may have more of it than could be done in steps while the server
 * lives. What is only set aside in it is given back.
 */
static int zero_hole(int fd, struct vfs_zero *z, size_t len)
{
	int err;

	if (z->punch && zero_by_kernel(fd, z, len, &err))
		return err;
	z->done = len;
	return 0;
}

int posix_zero(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_zero *z = container_of(c, struct vfs_zero, call);
	struct posix_file *f = posix_file_of(z->data);
	int fd = posix_contents_fd(f), err;
	uint64_t size = 0, end = z->end, hole;

	z->done = 0;
	err = posix_contents_size(f, &size);
	if (end > size)
		end = size;
	if (err || z->off >= end)
		return err;
	hole = hole_at(fd, z->off, end);
	if (hole)
		return zero_hole(fd, z, hole);
	if (end - z->off > ZERO_STEP)
		end = z->off + ZERO_STEP;
	if (fd < 0 || !zero_by_kernel(fd, z, (size_t)(end - z->off), &err))
		err = zero_by_writing(v, z, (size_t)(end - z->off));
	if (!err && z->sync && fd >= 0 && fdatasync(fd) < 0)
		err = -errno;
	return err;
}

/* From *pos on, before end. False: there is none. */
static bool next_range(int fd, uint64_t *pos, uint64_t end, struct vfs_range *ret_range)
{
	off_t from = fd < 0 ? (off_t)*pos : lseek(fd, (off_t)*pos, SEEK_DATA), to;

	if (from < 0 && errno == ENXIO)
		return false;
	if (from < 0) /* the file system does not say: all of it, then */
		from = (off_t)*pos;
	if ((uint64_t)from >= end)
		return false;
	to = fd < 0 ? -1 : lseek(fd, from, SEEK_HOLE);
	if (to < 0 || (uint64_t)to > end)
		to = (off_t)end;
	*ret_range = (struct vfs_range){.off = (uint64_t)from, .end = (uint64_t)to};
	*pos = (uint64_t)to;
	return true;
}

int posix_ranges(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_ranges *r = container_of(c, struct vfs_ranges, call);
	int fd = posix_contents_fd(posix_file_of(r->data));
	uint64_t pos = r->asked.off;
	struct vfs_range found;

	r->count = 0;
	r->more = false;
	r->list = arena_array(c->arena, r->max, sizeof(*r->list));
	if (!r->list)
		return -ENOMEM;
	while (pos < r->asked.end && next_range(fd, &pos, r->asked.end, &found)) {
		if (r->count == r->max) {
			r->more = true;
			break;
		}
		r->list[r->count++] = found;
	}
	return 0;
}
