/*
 * posix_sd.c - security descriptors as they are stored: the bytes of [MS-DTYP] 2.4.6 in one extended attribute, which
 *              nobody sees among the others (posix_ea.c), or with Samba's head before them (ntacl.h).
 */
#include "fs/cred.h"
#include "fs/ntacl.h"
#include "fs/posix_impl.h"

#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <sys/xattr.h>

#define SD_XATTR XATTR_USER_PREFIX "tsmb.$sd"

enum { SD_USUAL_LEN = 1024 };

static const char *sd_xattr(const struct posix_volume *v)
{
	return v->sd_form == POSIX_SD_RAW ? SD_XATTR : NTACL_XATTR;
}

/* Not knowing what is stored is an error: it might forbid. */
static int read_long(struct posix_file *f, struct arena *a, struct mspan *ret_xattr)
{
	uint8_t *all = arena_alloc(a, XATTR_SIZE_MAX);
	ssize_t n;

	if (!all)
		return -ENOMEM;
	n = posix_getxattr(f->vol, f->fd, sd_xattr(f->vol),
			   mspan_of(all, XATTR_SIZE_MAX));
	if (n < 0)
		return (int)n;
	*ret_xattr = mspan_of(all, (size_t)n);
	return 0;
}

/* A copy in the arena. -ENODATA: there is none. */
static int read_xattr(struct posix_file *f, struct arena *a, struct mspan *ret_xattr)
{
	uint8_t usual[SD_USUAL_LEN], *copy;
	ssize_t n;

	n = posix_getxattr(f->vol, f->fd, sd_xattr(f->vol),
			   mspan_of(usual, sizeof(usual)));
	if (n == -ERANGE)
		return read_long(f, a, ret_xattr);
	if (n < 0)
		return n == -EOPNOTSUPP ? -ENODATA : (int)n;
	copy = arena_dup(a, span_of(usual, (size_t)n));
	if (!copy)
		return -ENOMEM;
	*ret_xattr = mspan_of(copy, (size_t)n);
	return 0;
}

int posix_sd_read(struct posix_file *f, struct arena *a, struct span *ret_sd)
{
	static const uint8_t nonsense[1];
	struct mspan xattr;
	int err;

	*ret_sd = (struct span){0};
	if (f->type != VFS_FILE && f->type != VFS_DIR)
		return 0; /* others cannot have any */
	err = read_xattr(f, a, &xattr);
	if (err)
		return err == -ENODATA ? 0 : err;
	/* what cannot be read is there all the same: it must not be taken for none */
	if (!xattr.len ||
	    (f->vol->sd_form != POSIX_SD_RAW && ntacl_decode(xattr, ret_sd) != 0))
		*ret_sd = span_of(nonsense, sizeof(nonsense));
	else if (f->vol->sd_form == POSIX_SD_RAW)
		*ret_sd = span_of(xattr.p, xattr.len);
	return 0;
}

static int write_ntacl(struct posix_file *f, struct span sd)
{
	size_t room = NTACL_HEAD_LEN + sd.len;
	uint8_t *bytes = malloc(room);
	struct wr w = wr_of(mspan_of(bytes, bytes ? room : 0));
	int err;

	ntacl_encode(&w, f->vol->sd_form == POSIX_SD_NTACL3 ? 3 : 4, sd);
	err = wr_ok(&w) ? cred_security_begin() : bytes ? -EINVAL : -ENOMEM;
	if (!err) {
		if (setxattr(posix_proc(f->fd).path, NTACL_XATTR, bytes, wr_pos(&w), 0) <
		    0)
			err = -errno;
		cred_security_end();
	}
	free(bytes);
	return err;
}

int posix_sd_write(struct posix_file *f, struct span sd)
{
	if (f->vol->sd_form != POSIX_SD_RAW)
		return write_ntacl(f, sd);
	if (setxattr(posix_proc(f->fd).path, SD_XATTR, sd.p, sd.len, 0) < 0)
		return -errno;
	return 0;
}
