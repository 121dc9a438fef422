/*
 * posix_dosattr.c - reading stored DOS attributes, and remembering them: a table of the files seen lately.
 *
 * Every change of an extended attribute moves the file's change time, so what was read holds as long as that stays
 * the same; but not for a change in the same tick of the file system's clock, which is why a file that was changed
 * only just is read each time. Whoever comes later takes the slot.
 */
#include "fs/attr_map.h"
#include "fs/posix_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <time.h>

enum {
	SLOTS = 32768, /* 2.4 MB if all are used: a large directory that is listed again */
	LOCKS = 8,     /* each for every 8th slot */
	SETTLED_S = 2, /* the coarsest file systems count in (two) seconds */
};

struct slot {
	bool used;
	dev_t dev;
	uint64_t ino;
	struct statx_timestamp ctime;
	struct dosattr attr;
};

struct posix_dosattrs {
	struct lock locks[LOCKS]; /* leaves */
	struct slot slots[SLOTS]; /* L */
};

struct posix_dosattrs *posix_dosattrs_new(void)
{
	struct posix_dosattrs *t = calloc(1, sizeof(*t));

	for (size_t i = 0; t && i < LOCKS; i++)
		lock_init(&t->locks[i], LOCK_RANK_LEAF);
	return t;
}

void posix_dosattrs_free(struct posix_dosattrs *t)
{
	for (size_t i = 0; t && i < LOCKS; i++)
		lock_fini(&t->locks[i]);
	free(t);
}

/* Inode numbers come in sequence as a rule. */
static size_t slot_index(const struct statx *stx)
{
	return (stx->stx_ino ^ (stx->stx_ino >> 15) ^ posix_dev(stx)) % SLOTS;
}

static bool slot_holds(const struct slot *s, const struct statx *stx)
{
	return s->used && s->ino == stx->stx_ino && s->dev == posix_dev(stx) &&
	       s->ctime.tv_sec == stx->stx_ctime.tv_sec &&
	       s->ctime.tv_nsec == stx->stx_ctime.tv_nsec;
}

static bool recall(struct posix_dosattrs *t, const struct statx *stx,
		   struct dosattr *ret_attr)
{
	size_t i = slot_index(stx);

	LOCK_SCOPE(&t->locks[i % LOCKS]);
	if (!slot_holds(&t->slots[i], stx))
		return false;
	*ret_attr = t->slots[i].attr;
	return true;
}

static void remember(struct posix_dosattrs *t, const struct statx *stx,
		     const struct dosattr *attr)
{
	size_t i = slot_index(stx);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec - stx->stx_ctime.tv_sec <= SETTLED_S)
		return;

	LOCK_SCOPE(&t->locks[i % LOCKS]);
	t->slots[i] = (struct slot){
		.used = true,
		.dev = posix_dev(stx),
		.ino = stx->stx_ino,
		.ctime = stx->stx_ctime,
		.attr = *attr,
	};
}

/* ---- reading ------------------------------------------------------------------------------------ */

static int decode(ssize_t n, const uint8_t *xattr, struct dosattr *ret_attr)
{
	return n < 0 ? (int)n : dosattr_decode(span_of(xattr, (size_t)n), ret_attr);
}

bool posix_dosattr_mapped(const struct posix_volume *v, const struct statx *stx,
			  bool dot_name, struct dosattr *ret_attr)
{
	if (attr_map_stores(&v->attributes))
		return false;
	*ret_attr = (struct dosattr){
		.has_attributes = true,
		.attributes = attr_map_read(&v->attributes, stx->stx_mode,
					    S_ISDIR(stx->stx_mode), dot_name),
	};
	return true;
}

int posix_dosattr_read(const struct posix_volume *v, int fd, struct dosattr *ret_attr)
{
	uint8_t xattr[DOSATTR_LEN_MAX];

	if (!attr_map_stores(&v->attributes))
		return -EOPNOTSUPP;
	return decode(
		posix_getxattr(v, fd, DOSATTR_XATTR, mspan_of(xattr, sizeof(xattr))),
		xattr, ret_attr);
}

static int read_of_data(int fd, struct dosattr *ret_attr)
{
	uint8_t xattr[DOSATTR_LEN_MAX];
	ssize_t n = fgetxattr(fd, DOSATTR_XATTR, xattr, sizeof(xattr));

	return decode(n < 0 ? -errno : n, xattr, ret_attr);
}

/* Not having the right to look, or a failing disk, is nothing to remember. */
static bool known(int err)
{
	return err == 0 || err == -ENODATA || err == -EOPNOTSUPP || err == -EBADMSG;
}

void posix_dosattr_get(struct posix_file *f, const struct cred *c,
		       const struct statx *stx, struct dosattr *ret_attr)
{
	struct posix_dosattrs *t = f->vol->dosattrs;
	int err;

	if (posix_dosattr_mapped(f->vol, stx, f->dot_name, ret_attr) ||
	    recall(t, stx, ret_attr))
		return;
	*ret_attr = (struct dosattr){0};
	posix_act_as(f->vol, c);
	err = f->data ? read_of_data(f->fd, ret_attr)
		      : posix_dosattr_read(f->vol, f->fd, ret_attr);
	if (known(err))
		remember(t, stx, ret_attr);
}

void posix_dosattr_get_at(struct posix_volume *v, int dirfd, const char *name,
			  const struct statx *stx, struct dosattr *ret_attr)
{
	uint8_t xattr[DOSATTR_LEN_MAX];
	int err;

	if (posix_dosattr_mapped(v, stx, name[0] == '.', ret_attr) ||
	    recall(v->dosattrs, stx, ret_attr))
		return;
	*ret_attr = (struct dosattr){0};
	err = decode(posix_getxattr_at(v, dirfd, name, DOSATTR_XATTR,
				       mspan_of(xattr, sizeof(xattr))),
		     xattr, ret_attr);
	if (known(err))
		remember(v->dosattrs, stx, ret_attr);
}
