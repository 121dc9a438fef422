/*
 * posix_dosattr.c - reading stored DOS attributes, and remembering them: a table of the files seen lately. It also
 *                   remembers who has no extended attributes besides.
 *
 * Every change of an extended attribute moves the file's change time, so what was read holds as long as that stays
 * the same; but not for a change in the same tick of the file system's clock, which is why a file that was changed
 * only just is read each time. Whoever comes later takes the slot.
 */
#include "fs/attr_map.h"
#include "fs/posix_impl.h"

#include "wire/fscc_proto.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <time.h>

enum {
	SLOTS = 32768, /* 2.4 MB if all are used: a large directory that is listed again */
	LOCKS = 8,     /* each for every 8th slot */
	SETTLED_S = 2, /* the coarsest file systems count in (two) seconds */
};

enum { KNOWN_ATTR = 1, KNOWN_NO_EAS = 2 };

struct slot {
	unsigned known; /* KNOWN_*; 0: unused */
	dev_t dev;
	uint64_t ino;
	struct statx_timestamp ctime;
	struct dosattr attr; /* KNOWN_ATTR */
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
static size_t index_of(uint64_t ino, dev_t dev)
{
	return (ino ^ (ino >> 15) ^ dev) % SLOTS;
}

static size_t slot_index(const struct statx *stx)
{
	return index_of(stx->stx_ino, posix_dev(stx));
}

void posix_dosattr_expect(const struct posix_dosattrs *t, uint64_t ino, dev_t dev)
{
	const struct slot *s = &t->slots[index_of(ino, dev)];

	__builtin_prefetch(s);
	__builtin_prefetch(s + 1); /* a slot lies in two lines of the cache */
}

/* Something of this file as it is. */
static bool slot_holds(const struct slot *s, const struct statx *stx)
{
	return s->known && s->ino == stx->stx_ino && s->dev == posix_dev(stx) &&
	       s->ctime.tv_sec == stx->stx_ctime.tv_sec &&
	       s->ctime.tv_nsec == stx->stx_ctime.tv_nsec;
}

static bool recall(struct posix_dosattrs *t, const struct statx *stx,
		   struct dosattr *ret_attr)
{
	size_t i = slot_index(stx);

	LOCK_SCOPE(&t->locks[i % LOCKS]);
	if (!slot_holds(&t->slots[i], stx) || !(t->slots[i].known & KNOWN_ATTR))
		return false;
	*ret_attr = t->slots[i].attr;
	return true;
}

static bool settled(const struct statx *stx)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now.tv_sec - stx->stx_ctime.tv_sec > SETTLED_S;
}

/* The slot, under its lock: what it knows of the file as it is stays, all else goes. */
static struct slot *slot_for(struct posix_dosattrs *t, const struct statx *stx)
{
	struct slot *s = &t->slots[slot_index(stx)];

	if (!slot_holds(s, stx))
		*s = (struct slot){
			.dev = posix_dev(stx),
			.ino = stx->stx_ino,
			.ctime = stx->stx_ctime,
		};
	return s;
}

static void remember(struct posix_dosattrs *t, const struct statx *stx,
		     const struct dosattr *attr)
{
	struct slot *s;

	if (!settled(stx))
		return;
	LOCK_SCOPE(&t->locks[slot_index(stx) % LOCKS]);
	s = slot_for(t, stx);
	s->attr = *attr;
	s->known |= KNOWN_ATTR;
}

bool posix_no_eas_recall(struct posix_dosattrs *t, const struct statx *stx)
{
	size_t i = slot_index(stx);

	LOCK_SCOPE(&t->locks[i % LOCKS]);
	return slot_holds(&t->slots[i], stx) && (t->slots[i].known & KNOWN_NO_EAS);
}

void posix_no_eas_remember(struct posix_dosattrs *t, const struct statx *stx)
{
	if (!settled(stx))
		return;
	LOCK_SCOPE(&t->locks[slot_index(stx) % LOCKS]);
	slot_for(t, stx)->known |= KNOWN_NO_EAS;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* A path handle, a data handle, or a name in a directory. */
struct source {
	const struct posix_volume *v;
	int fd;
	bool data;
	const char *name; /* or NULL */
};

static ssize_t get(const struct source *s, const char *xattr, struct mspan buf)
{
	ssize_t n;

	if (s->name)
		return posix_getxattr_at(s->v, s->fd, s->name, xattr, buf);
	if (!s->data)
		return posix_getxattr(s->v, s->fd, xattr, buf);
	n = fgetxattr(s->fd, xattr, buf.p, buf.len);
	return n < 0 ? -errno : n;
}

static uint32_t read_tag(const struct source *s)
{
	uint8_t buffer[REPARSE_BUFFER_MAX];
	ssize_t n = get(s, POSIX_REPARSE_XATTR, mspan_of(buffer, sizeof(buffer)));

	return n < 0 ? 0 : posix_reparse_tag(span_of(buffer, (size_t)n));
}

static int read_source(const struct source *s, struct dosattr *ret_attr)
{
	uint8_t xattr[DOSATTR_LEN_MAX];
	ssize_t n = get(s, DOSATTR_XATTR, mspan_of(xattr, sizeof(xattr)));
	int err;

	if (n < 0)
		return (int)n;
	err = dosattr_decode(span_of(xattr, (size_t)n), ret_attr);
	if (!err && ret_attr->has_attributes &&
	    (ret_attr->attributes & FILE_ATTRIBUTE_REPARSE_POINT))
		ret_attr->reparse_tag = read_tag(s);
	return err;
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
	const struct source s = {.v = v, .fd = fd};

	if (!attr_map_stores(&v->attributes))
		return -EOPNOTSUPP;
	return read_source(&s, ret_attr);
}

/* Not having the right to look, or a failing disk, is nothing to remember. */
static bool known(int err)
{
	return err == 0 || err == -ENODATA || err == -EOPNOTSUPP || err == -EBADMSG;
}

void posix_dosattr_get(struct posix_file *f, const struct cred *c,
		       const struct statx *stx, struct dosattr *ret_attr)
{
	const struct source s = {.v = f->vol, .fd = f->fd, .data = f->data};
	struct posix_dosattrs *t = f->vol->dosattrs;
	int err;

	if (posix_dosattr_mapped(f->vol, stx, f->dot_name, ret_attr) ||
	    recall(t, stx, ret_attr))
		return;
	*ret_attr = (struct dosattr){0};
	posix_act_as(f->vol, c);
	err = read_source(&s, ret_attr);
	if (known(err))
		remember(t, stx, ret_attr);
}

void posix_dosattr_get_at(struct posix_volume *v, int dirfd, const char *name,
			  const struct statx *stx, struct dosattr *ret_attr)
{
	const struct source s = {.v = v, .fd = dirfd, .name = name};
	int err;

	if (posix_dosattr_mapped(v, stx, name[0] == '.', ret_attr) ||
	    recall(v->dosattrs, stx, ret_attr))
		return;
	*ret_attr = (struct dosattr){0};
	err = read_source(&s, ret_attr);
	if (known(err))
		remember(v->dosattrs, stx, ret_attr);
}
