/*
 * posix_sd.c - security descriptors as they are stored: the bytes of [MS-DTYP] 2.4.6 in one extended attribute, which
 *              nobody sees among the others (posix_ea.c).
 */
#include "fs/posix_impl.h"

#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <sys/xattr.h>

#define SD_XATTR XATTR_USER_PREFIX "tsmb.$sd"

enum { SD_USUAL_LEN = 1024 };

/* Not knowing what is stored is an error: it might forbid. */
static int read_all(struct posix_file *f, struct arena *a, struct span *ret_sd)
{
	uint8_t *all = arena_alloc(a, XATTR_SIZE_MAX);
	ssize_t n;

	if (!all)
		return -ENOMEM;
	n = posix_getxattr(f->vol, f->fd, SD_XATTR, mspan_of(all, XATTR_SIZE_MAX));
	if (n < 0)
		return (int)n;
	*ret_sd = span_of(all, (size_t)n);
	return 0;
}

int posix_sd_read(struct posix_file *f, struct arena *a, struct span *ret_sd)
{
	uint8_t usual[SD_USUAL_LEN], *copy;
	ssize_t n;

	*ret_sd = (struct span){0};
	if (f->type != VFS_FILE && f->type != VFS_DIR)
		return 0; /* others cannot have any */
	n = posix_getxattr(f->vol, f->fd, SD_XATTR, mspan_of(usual, sizeof(usual)));
	if (n == -ERANGE)
		return read_all(f, a, ret_sd);
	if (n < 0)
		return n == -ENODATA || n == -EOPNOTSUPP ? 0 : (int)n;
	copy = arena_dup(a, span_of(usual, (size_t)n));
	if (!copy)
		return -ENOMEM;
	/* an empty attribute makes no sense, but it is there: the zero behind the copy makes none either */
	*ret_sd = span_of(copy, n ? (size_t)n : 1);
	return 0;
}

int posix_sd_write(struct posix_file *f, struct span sd)
{
	if (setxattr(posix_proc(f->fd).path, SD_XATTR, sd.p, sd.len, 0) < 0)
		return -errno;
	return 0;
}
