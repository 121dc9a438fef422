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

static int read_long(struct posix_file *f, const char *name, struct arena *a,
		     struct mspan *ret_xattr)
{
	uint8_t *all = arena_alloc(a, XATTR_SIZE_MAX);
	ssize_t n;

	if (!all)
		return -ENOMEM;
	n = posix_getxattr(f->vol, f->fd, name, mspan_of(all, XATTR_SIZE_MAX));
	if (n < 0)
		return (int)n;
	*ret_xattr = mspan_of(all, (size_t)n);
	return 0;
}

int posix_xattr_copy(struct posix_file *f, const char *name, struct arena *a,
		     struct mspan *ret_xattr)
{
	uint8_t usual[SD_USUAL_LEN], *copy;
	ssize_t n;

	n = posix_getxattr(f->vol, f->fd, name, mspan_of(usual, sizeof(usual)));
	if (n == -ERANGE)
		return read_long(f, name, a, ret_xattr);
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
	err = posix_sd_keep(f, a, &xattr);
	if (err) /* not knowing what is stored is an error: it might forbid */
		return err;
	if (!xattr.p)
		return 0;
	/* what cannot be read is there all the same: it must not be taken for none */
	if (!xattr.len ||
	    (f->vol->sd_form != POSIX_SD_RAW && ntacl_decode(xattr, ret_sd) != 0))
		*ret_sd = span_of(nonsense, sizeof(nonsense));
	else if (f->vol->sd_form == POSIX_SD_RAW)
		*ret_sd = span_of(xattr.p, xattr.len);
	return 0;
}

/* Samba's attribute is not the user's to set. */
static int raise_for(const struct posix_volume *v)
{
	return v->sd_form == POSIX_SD_RAW ? 0 : cred_security_begin();
}

static void lower_for(const struct posix_volume *v)
{
	if (v->sd_form != POSIX_SD_RAW)
		cred_security_end();
}

int posix_sd_keep(struct posix_file *f, struct arena *a, struct mspan *ret_xattr)
{
	int err = posix_xattr_copy(f, sd_xattr(f->vol), a, ret_xattr);

	if (err == -ENODATA)
		*ret_xattr = (struct mspan){0};
	return err == -ENODATA ? 0 : err;
}

static int write_xattr(struct posix_file *f, struct span xattr)
{
	int err = raise_for(f->vol);

	if (err)
		return err;
	if (setxattr(posix_proc(f->fd).path, sd_xattr(f->vol), xattr.p, xattr.len, 0) < 0)
		err = -errno;
	lower_for(f->vol);
	return err;
}

static int drop_xattr(struct posix_file *f)
{
	int err = raise_for(f->vol);

	if (err)
		return err;
	if (removexattr(posix_proc(f->fd).path, sd_xattr(f->vol)) < 0 && errno != ENODATA)
		err = -errno;
	lower_for(f->vol);
	return err;
}

int posix_sd_restore(struct posix_file *f, struct mspan xattr)
{
	return xattr.p ? write_xattr(f, span_of(xattr.p, xattr.len)) : drop_xattr(f);
}

static int write_ntacl(struct posix_file *f, struct span sd)
{
	size_t room = NTACL_HEAD_LEN + sd.len;
	uint8_t *bytes = malloc(room);
	struct wr w = wr_of(mspan_of(bytes, bytes ? room : 0));
	int err;

	ntacl_encode(&w, f->vol->sd_form == POSIX_SD_NTACL3 ? 3 : 4, sd);
	if (wr_ok(&w))
		err = write_xattr(f, span_of(bytes, wr_pos(&w)));
	else
		err = bytes ? -EINVAL : -ENOMEM;
	free(bytes);
	return err;
}

int posix_sd_write(struct posix_file *f, struct span sd)
{
	return f->vol->sd_form == POSIX_SD_RAW ? write_xattr(f, sd) : write_ntacl(f, sd);
}
