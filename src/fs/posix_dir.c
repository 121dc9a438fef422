/* posix_dir.c - READDIR. */
#include "fs/posix_impl.h"

#include "wire/fscc_proto.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

enum {
	GETDENTS_BYTES = 8192,         /* on the stack */
	DIRENT_LEN_MIN = 24,           /* a name of four bytes or less */
	FILTER_ARENA_MAX = 512 * 1024, /* the largest descriptor, and taken apart */
	DIRENT_LEN_MAX = (int)offsetof(struct dirent64, d_name) + POSIX_NAME_MAX + 1 + 7,
};

/* One READDIR under way. */
struct listing {
	struct posix_volume *v;
	struct vfs_readdir *r;
	int fd;         /* whose position we use */
	uint64_t *pos;  /* the cookie of that position; 0: the start, or not known */
	uint64_t fresh; /* of a descriptor of our own */
	uint64_t volume;
	struct arena scratch; /* the filter's */
};

/*
 * A descriptor has one position; whoever comes while it is in use gets a descriptor of his own (*ret_own).
 */
static int take_position(struct listing *l, struct posix_file *d, int *ret_own)
{
	if (!atomic_exchange_explicit(&d->dir_busy, true, memory_order_acquire)) {
		l->pos = &d->dir_pos;
		return d->fd;
	}
	l->pos = &l->fresh;
	*ret_own = posix_reopen(d->vol, d->fd, O_RDONLY | O_DIRECTORY);
	return *ret_own;
}

static void give_position(struct posix_file *d, int *own)
{
	if (*own < 0)
		atomic_store_explicit(&d->dir_busy, false, memory_order_release);
	posix_closep(own);
}

/* Being put where it is already costs the kernel what it has prepared: some file systems read anew then. */
static int seek(struct listing *l)
{
	uint64_t cookie = l->r->cookie;

	if (cookie && cookie == *l->pos)
		return 0;
	*l->pos = 0;
	if (cookie > INT64_MAX || lseek(l->fd, (off_t)cookie, SEEK_SET) < 0)
		return -EINVAL;
	return 0;
}

static enum vfs_type type_of(unsigned char d_type)
{
	switch (d_type) {
	case DT_REG:
		return VFS_FILE;
	case DT_DIR:
		return VFS_DIR;
	case DT_LNK:
		return VFS_SYMLINK;
	default:
		return VFS_SPECIAL;
	}
}

/* The name is a checked one: it came from the kernel. */
static void stored_attributes(struct listing *l, const char *name,
			      const struct statx *stx, struct vfs_stat *st)
{
	struct dosattr attr;

	posix_dosattr_get_at(l->v, l->fd, name, stx, &attr);
	posix_dosattr_apply(&attr, st);
}

/* A link is shown as what it leads to, if it may be followed; else as the link. */
static void stat_link(struct listing *l, const char *name, struct vfs_stat *st)
{
	CLEANUP(posix_closep)
	int fd = posix_resolve(l->v, l->fd, name, O_PATH, 0, POSIX_POOL);
	struct dosattr attr;
	struct statx stx;

	if (fd < 0 || posix_statx(fd, "", &stx) < 0)
		return;
	posix_stat_basic(&stx, name[0] == '.', st);
	if (posix_dosattr_mapped(l->v, &stx, name[0] == '.', &attr) ||
	    posix_dosattr_read(l->v, fd, &attr) == 0)
		posix_dosattr_apply(&attr, st);
}

/* -ENOENT if it has gone meanwhile. */
static int stat_entry(struct listing *l, const struct dirent64 *de, struct vfs_stat *st)
{
	const char *name = de->d_name;
	struct statx stx;
	int err;

	posix_dosattr_expect(l->v->dosattrs, de->d_ino, l->volume);
	err = posix_statx(l->fd, name, &stx);
	if (err == -EACCES)
		return 0; /* may be listed but not passed: name and kind are all there is */
	if (err)
		return err;
	posix_stat_basic(&stx, name[0] == '.', st);
	if (st->type == VFS_SYMLINK)
		stat_link(l, name, st);
	else if (st->type != VFS_SPECIAL)
		stored_attributes(l, name, &stx, st);
	return 0;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0;
}

static bool is_dot_dot(const char *name)
{
	return strcmp(name, "..") == 0;
}

static bool is_dots(const char *name)
{
	return is_dot(name) || is_dot_dot(name);
}

/* ".." of the root is the root: what is above is nobody's business. */
static int stat_dots(struct listing *l, const char *name, struct vfs_stat *st)
{
	struct vfile *f = is_dot_dot(name) && l->r->parent ? l->r->parent : l->r->file;

	return posix_stat_file(posix_file_of(f), l->r->call.cred, st);
}

/* ---- a filter ----------------------------------------------------------------------------------- */

/* What the name leads to; of a link that may not be followed, the link. */
static int open_entry(struct listing *l, const char *name)
{
	int fd = posix_resolve(l->v, l->fd, name, O_PATH, 0, POSIX_POOL);

	if (fd != -ENOENT && fd != -EXDEV && fd != -ELOOP)
		return fd;
	return posix_resolve(l->v, l->fd, name, O_PATH | O_NOFOLLOW, 0, POSIX_POOL);
}

/* What cannot be looked at is not shown. */
static bool passes_filter(struct listing *l, const char *name)
{
	CLEANUP(posix_closep) int fd = open_entry(l, name);
	const struct vfs_readdir *r = l->r;
	struct vfs_stat stat;
	struct vfs_looked e = {.stat = &stat};
	struct posix_file file; /* counted nowhere: for the one call */
	struct statx stx;

	if (fd < 0 || posix_statx(fd, "", &stx) < 0)
		return false;
	posix_stat_basic(&stx, false, &stat);
	arena_reset(&l->scratch);
	file = (struct posix_file){.vol = l->v, .fd = fd, .type = stat.type};
	if (r->filter->with_sd && posix_sd_read(&file, &l->scratch, &e.sd) != 0)
		return false;
	if (e.sd.len == 0) {
		e.may = posix_may(l->v, r->call.cred, fd, &stx);
		posix_act_again(l->v, &r->call);
	}
	return r->filter->shows(r->filter, &e, &l->scratch);
}

/* As what an entry is listed; NULL: it is not. */
static const char *listed_name(struct listing *l, const char *name,
			       char buf[SHORT_NAME_LEN + 1])
{
	const struct vfs_readdir *r = l->r;
	const char *shown = posix_shown_name(l->v, name, buf);

	if (!shown && r->hidden_too)
		shown = name;
	if (shown && r->filter && !is_dots(name) && !passes_filter(l, name))
		return NULL;
	return shown;
}

/* ---- entries ------------------------------------------------------------------------------------ */

static int fill(struct listing *l, const struct dirent64 *de, const char *name,
		struct vfs_dirent *e)
{
	e->cookie = (uint64_t)de->d_off;
	e->stat = (struct vfs_stat){
		.key = {.volume = l->volume, .inode = de->d_ino},
		.type = type_of(de->d_type),
		.dos_attributes = de->d_type == DT_DIR ? FILE_ATTRIBUTE_DIRECTORY
						       : FILE_ATTRIBUTE_NORMAL,
	};
	e->name = arena_strdup(l->r->call.arena, name);
	if (!e->name)
		return -ENOMEM;
	if (is_dots(de->d_name))
		return stat_dots(l, de->d_name, &e->stat);
	if (l->r->with_stat || de->d_type == DT_LNK || de->d_type == DT_UNKNOWN)
		return stat_entry(l, de, &e->stat);
	return 0;
}

/* The entries of one buffer, as far as there is room for them. */
static int take_entries(struct listing *l, const char *buf, size_t len)
{
	struct vfs_readdir *r = l->r;
	uint64_t last = 0;
	size_t pos = 0;

	*l->pos = 0;
	while (pos < len && r->count < r->max) {
		const struct dirent64 *de = (const void *)(buf + pos);
		char made[SHORT_NAME_LEN + 1];
		const char *name;
		int err;

		pos += de->d_reclen;
		last = (uint64_t)de->d_off;
		name = listed_name(l, de->d_name, made);
		if (!name)
			continue;
		err = fill(l, de, name, &r->entries[r->count]);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		r->count++;
	}
	if (pos == len)
		*l->pos = last;
	return 0;
}

/* Bytes of entries to ask for: not more than there is room for, as the rest would have to be read again. */
static size_t wanted(const struct vfs_readdir *r)
{
	size_t left = r->max - r->count;

	if (left > GETDENTS_BYTES / DIRENT_LEN_MIN)
		return GETDENTS_BYTES;
	return left * DIRENT_LEN_MIN;
}

static int list(struct listing *l)
{
	_Alignas(struct dirent64) char buf[GETDENTS_BYTES];
	struct vfs_readdir *r = l->r;
	int err = seek(l);

	while (r->count < r->max && !r->end && !err) {
		size_t len = wanted(r);
		ssize_t n;

		if (r->count > r->max / 2 || (r->count && len < DIRENT_LEN_MAX))
			break; /* another call for what little there is room for */
		if (len < DIRENT_LEN_MAX)
			len = DIRENT_LEN_MAX;
		n = getdents64(l->fd, buf, len);
		if (n < 0)
			return -errno;
		r->end = n == 0;
		err = r->end ? 0 : take_entries(l, buf, (size_t)n);
	}
	/* what fits is an answer; the rest is asked for next */
	return err == -ENOMEM && r->count ? 0 : err;
}

int posix_readdir(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_readdir *r = container_of(c, struct vfs_readdir, call);
	struct posix_file *d = posix_file_of(r->data);
	struct listing l = {.v = v, .r = r};
	struct statx stx;
	int err, own = -1;

	if (d->type != VFS_DIR || !d->data)
		return -ENOTDIR;
	r->count = 0;
	r->end = false;
	r->entries = arena_array(c->arena, r->max, sizeof(*r->entries));
	if (!r->entries)
		return -ENOMEM;
	err = posix_statx(d->fd, "", &stx);
	if (err)
		return err;
	l.volume = posix_key(&stx).volume;
	l.fd = take_position(&l, d, &own);
	if (l.fd < 0)
		return l.fd;
	arena_init(&l.scratch, FILTER_ARENA_MAX);
	err = list(&l);
	arena_fini(&l.scratch);
	give_position(d, &own);
	return err;
}
