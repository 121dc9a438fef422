/* posix_extent.c - what only some file systems can: CLONE, in the pool; compression. */
#include "fs/posix_stream.h"

#include "wire/fscc_proto.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- CLONE -------------------------------------------------------------------------------------- */

/* Whole blocks. */
static int clone_blocks(int src, int dst, const struct vfs_clone *k, uint64_t len)
{
	struct file_clone_range range = {
		.src_fd = src,
		.src_offset = k->src_off,
		.src_length = len,
		.dest_offset = k->off,
	};

	if (len == 0) /* would be all there is */
		return 0;
	if (ioctl(dst, FICLONERANGE, &range) < 0)
		return errno == ENOTTY ? -EOPNOTSUPP : -errno;
	return 0;
}

/* The beginning of a block, up to the end of the target. */
static int copy_tail(struct posix_volume *v, const struct vfs_clone *k, uint64_t done,
		     uint64_t len)
{
	struct vfs_copy tail = {
		.call = k->call,
		.src = k->src,
		.src_off = k->src_off + done,
		.data = k->data,
		.off = k->off + done,
		.len = (size_t)(len - done),
	};

	return done == len ? 0 : posix_copy(v, &tail.call, POSIX_POOL);
}

/* How much of it lies within the target; and how much of that in whole blocks. */
static int measure(int dst, const struct vfs_clone *k, uint64_t *ret_len,
		   uint64_t *ret_whole)
{
	struct statvfs fs;
	struct stat st;
	uint64_t size;

	if (fstat(dst, &st) < 0 || fstatvfs(dst, &fs) < 0)
		return -errno;
	size = (uint64_t)st.st_size > k->off ? (uint64_t)st.st_size - k->off : 0;
	*ret_len = *ret_whole = k->len;
	if (k->len <= size)
		return 0;
	*ret_len = size;
	*ret_whole = size - size % (fs.f_bsize ? fs.f_bsize : 1);
	return 0;
}

int posix_clone(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_clone *k = container_of(c, struct vfs_clone, call);
	uint64_t len, whole;
	int src, dst, err;

	if (k->src->ops != k->data->ops)
		return -EXDEV;
	src = posix_contents_fd(posix_file_of(k->src));
	dst = posix_contents_fd(posix_file_of(k->data));
	if (src < 0 || dst < 0) /* in memory, as small streams are */
		return -EOPNOTSUPP;
	err = measure(dst, k, &len, &whole);
	if (!err)
		err = clone_blocks(src, dst, k, whole);
	if (!err)
		err = copy_tail(v, k, whole, len);
	return !err && k->sync && fdatasync(dst) < 0 ? -errno : err;
}

/* ---- compression -------------------------------------------------------------------------------- */

int posix_compress(struct posix_file *f, bool compressed)
{
	CLEANUP(posix_closep) int fd = posix_reopen(f->vol, f->fd, O_RDONLY | O_NONBLOCK);
	unsigned flags;

	if (!f->fs->compresses)
		return -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return errno == ENOTTY ? -EOPNOTSUPP : -errno;
	flags &= ~(unsigned)(FS_COMPR_FL | FS_NOCOMP_FL);
	if (compressed)
		flags |= FS_COMPR_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0 ? -errno : 0;
}

/* ---- what a file system can --------------------------------------------------------------------- */

/* struct xfs_fsop_geom, of which no header of the system speaks: what was decided when it was made. */
struct xfs_geometry {
	uint8_t sizes[92];
	uint32_t flags;
	uint8_t rest[160];
};

#define XFS_IOC_GEOMETRY      _IOR('X', 126, struct xfs_geometry)
#define XFS_GEOMETRY_REFLINKS (1u << 20)

bool posix_xfs_clones(int dirfd)
{
	CLEANUP(posix_closep)
	int fd = open(posix_proc(dirfd).path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct xfs_geometry g;

	return fd >= 0 && ioctl(fd, XFS_IOC_GEOMETRY, &g) == 0 &&
	       (g.flags & XFS_GEOMETRY_REFLINKS);
}
