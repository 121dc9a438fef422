/*
 * posix_lookup.c - from names to a path handle, beneath the root of the volume whatever others do meanwhile.
 *
 * The kernel does the resolving and the containment: openat2() with RESOLVE_BENEATH. What peers send is only ever
 * a checked component: not empty, no "/", not "." or "..".
 *
 * What stops the walk, be it a link that is not followed or a reparse point that a client made, is told, so that clients can
 * follow it: by a look at where it ended, after it has failed.
 *
 * Symbolic links: RESOLVE_BENEATH counts from the directory we start in, so a link in a subdirectory that climbs
 * ("../lib") would count as leaving. Then, and only then, the kernel is asked for that directory's own path, and the
 * link is resolved again from the root: it is followed if it stays beneath the root. Absolute links always count as
 * leaving, also those that would lead back in.
 */
#include "fs/name.h"
#include "fs/posix_impl.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel gives up on ".." while something is being renamed anywhere; after so many times we do, too. */
enum { RACES_MAX = 64 };

int posix_check_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	if (len > POSIX_NAME_MAX)
		return -ENAMETOOLONG;
	return name_reserved(name) ? -EACCES : 0;
}

static int open_beneath(struct posix_volume *v, int dirfd, const char *path, int flags,
			mode_t mode, enum posix_where where)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (where == POSIX_INLINE && !(flags & O_CREAT)) {
		if (!v->resolve_cached)
			return -EAGAIN;
		how.resolve |= RESOLVE_CACHED;
	}
	for (int i = 0; i < RACES_MAX; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN || where == POSIX_INLINE)
			return fd < 0 ? -errno : (int)fd;
	}
	return -EXDEV; /* as far as we know */
}

/* Where fd is, relative to the root: the kernel's own words, checked again when they are used. */
static int path_from_root(struct posix_volume *v, int fd, const char *name,
			  char *ret_path)
{
	char root[PATH_MAX];
	ssize_t root_len, len;

	root_len = readlink(posix_proc(v->root->fd).path, root, sizeof(root));
	len = readlink(posix_proc(fd).path, ret_path, PATH_MAX);
	if (root_len <= 0 || len <= root_len || len == PATH_MAX)
		return -EXDEV;
	if (root_len == 1) /* "/" */
		root_len = 0;
	if (memcmp(ret_path, root, (size_t)root_len) != 0 || ret_path[root_len] != '/')
		return -EXDEV;

	size_t rel_len = (size_t)(len - root_len - 1);
	size_t name_len = strlen(name);
	if (rel_len + 1 + name_len + 1 > PATH_MAX)
		return -EXDEV;
	memmove(ret_path, ret_path + root_len + 1, rel_len);
	ret_path[rel_len] = '/';
	memcpy(ret_path + rel_len + 1, name, name_len + 1);
	return 0;
}

int posix_resolve(struct posix_volume *v, int dirfd, const char *name, int flags,
		  mode_t mode, enum posix_where where)
{
	char path[PATH_MAX];
	int fd = open_beneath(v, dirfd, name, flags, mode, where);

	if (fd != -EXDEV || dirfd == v->root->fd || (flags & O_NOFOLLOW))
		return fd;
	if (path_from_root(v, dirfd, name, path) < 0)
		return -EXDEV;
	return open_beneath(v, v->root->fd, path, flags, mode, where);
}

int posix_real_name(struct posix_volume *v, int dirfd, const char *name,
		    enum posix_where where, char *real)
{
	struct posix_names_dir dir = {.fd = dirfd, .may_scan = where == POSIX_POOL};
	const struct posix_fs *fs;
	struct statx stx;
	int err;

	err = posix_statx(dirfd, "", &stx);
	if (!err)
		err = posix_fs_of(v, dirfd, posix_dev(&stx), where, &fs);
	if (err)
		return err;
	dir.stx = &stx;
	dir.keep = fs->local;
	err = posix_names_find(v->names, &dir, name, real);
	if (err == -ENOENT && short_name_is_made(name))
		err = posix_names_find_short(v->names, &dir, name, real);
	return err;
}

const char *posix_shown_name(const struct posix_volume *v, const char *on_disk,
			     char buf[SHORT_NAME_LEN + 1])
{
	if (v->names)
		return short_name_shown(on_disk, buf);
	return name_showable(on_disk) ? on_disk : NULL;
}

int posix_disk_name(struct posix_volume *v, int dirfd, const char *name,
		    enum posix_where where, char *real, struct statx *ret_stx)
{
	int err = posix_statx(dirfd, name, ret_stx);

	memcpy(real, name, strlen(name) + 1);
	if (err != -ENOENT || !v->names || !short_name_is_made(name))
		return err;
	err = posix_real_name(v, dirfd, name, where, real);
	return err ? err : posix_statx(dirfd, real, ret_stx);
}

/* ---- walking ------------------------------------------------------------------------------------ */

struct walk {
	struct posix_volume *v;
	enum posix_where where;
	int at;         /* the file reached: borrowed, or `owned` */
	int owned;      /* or -1 */
	bool no_follow; /* the last name */
	bool at_link;   /* reached, but only because it could not be followed */
	char real[POSIX_NAME_MAX + 1]; /* its name on disk */
};

static void walk_fini(struct walk *w)
{
	posix_closep(&w->owned);
}

static void walk_to(struct walk *w, int fd, const char *real)
{
	posix_closep(&w->owned);
	w->at = w->owned = fd;
	memcpy(w->real, real, strlen(real) + 1);
}

/* Exact names, all in one call. */
static int walk_at_once(struct walk *w, const char *const *names, size_t count)
{
	char path[PATH_MAX];
	size_t pos = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(names[i]);

		if (pos + len + 1 > sizeof(path))
			return -ENAMETOOLONG;
		memcpy(path + pos, names[i], len);
		pos += len;
		path[pos++] = '/';
	}
	path[pos - 1] = '\0';

	int fd = posix_resolve(w->v, w->at, path, O_PATH, 0, w->where);
	if (fd < 0)
		return fd;
	walk_to(w, fd, names[count - 1]);
	return 0;
}

/*
 * The name exists but cannot be followed: a link that dangles, leaves or turns in circles. A find if it is the last
 * name, and the error `err` before. Or it does not exist.
 */
static int walk_link(struct walk *w, const char *name, bool last, int err)
{
	int fd = posix_resolve(w->v, w->at, name, O_PATH | O_NOFOLLOW, 0, w->where);

	if (fd < 0)
		return fd;
	walk_to(w, fd, name);
	w->at_link = !last;
	return last ? 0 : err;
}

static int walk_flags(const struct walk *w, bool last)
{
	return last && w->no_follow ? O_PATH | O_NOFOLLOW : O_PATH;
}

static bool may_be_link(int err)
{
	return err == -ENOENT || err == -EXDEV || err == -ELOOP;
}

/* What the kernel did not find (err -ENOENT), or has not in memory (-EAGAIN): ask the names we know. */
static int walk_by_case(struct walk *w, const char *name, bool last, int err)
{
	char real[POSIX_NAME_MAX + 1];
	int fd, found;

	found = posix_real_name(w->v, w->at, name, w->where, real);
	if (found == -EACCES) /* may be passed but not listed: nothing to compare with */
		memcpy(real, name, strlen(name) + 1);
	else if (found)
		return found;
	if (strcmp(real, name) == 0)
		return err == -EAGAIN ? err : walk_link(w, name, last, err);

	fd = posix_resolve(w->v, w->at, real, walk_flags(w, last), 0, w->where);
	if (may_be_link(fd))
		return walk_link(w, real, last, fd);
	if (fd < 0)
		return fd;
	walk_to(w, fd, real);
	return 0;
}

/* One name further. */
static int walk_step(struct walk *w, const char *name, bool last)
{
	int fd = posix_resolve(w->v, w->at, name, walk_flags(w, last), 0, w->where);

	if ((fd == -ENOENT || fd == -EAGAIN) && w->v->names)
		return walk_by_case(w, name, last, fd);
	if (may_be_link(fd))
		return walk_link(w, name, last, fd);
	if (fd < 0)
		return fd;
	walk_to(w, fd, name);
	return 0;
}

/* All at once; then all but the last: most look-ups that fail, fail there; then one by one. */
static int walk(struct walk *w, const char *const *names, size_t count,
		size_t *ret_resolved)
{
	size_t done = 0;
	int err;

	for (size_t n = count - w->no_follow; n >= 2 && n + 1 >= count && !done; n--) {
		if (walk_at_once(w, names, n) == 0)
			done = n;
	}
	for (; done < count; done++) {
		*ret_resolved = done;
		err = walk_step(w, names[done], done == count - 1);
		if (err)
			return err;
	}
	*ret_resolved = done;
	return 0;
}

/* ---- LOOKUP ------------------------------------------------------------------------------------- */

static int lookup_done(struct posix_volume *v, struct vfs_lookup *l, struct vfile *file,
		       const struct statx *stx, const char *real)
{
	struct posix_file *f = posix_file_of(file);
	char buf[SHORT_NAME_LEN + 1];
	const char *name = posix_shown_name(v, real, buf);
	int err;

	posix_stat_from(f, l->call.cred, stx, &l->stat);
	if (l->with_sd) {
		err = posix_sd_read(f, l->call.arena, &l->sd);
		if (err)
			return err;
	}
	if (l->sd.len == 0)
		l->may = posix_may(v, l->call.cred, f->fd, stx);
	l->name = arena_strdup(l->call.arena, name ? name : real);
	return l->name ? 0 : -ENOMEM;
}

static int lookup_self(struct posix_volume *v, struct vfs_lookup *l)
{
	struct statx stx;
	int err;

	err = posix_statx(posix_file_of(l->dir)->fd, "", &stx);
	if (!err)
		err = lookup_done(v, l, l->dir, &stx, "");
	if (!err)
		l->file = vfile_get(l->dir);
	return err;
}

/* What the walk ended at, for the client to follow. Absolute links are of this machine: [MS-SMB2] 2.2.2.2.1. */
static int lookup_reparse(struct vfs_lookup *l, struct posix_file *f)
{
	struct reparse r;
	struct span buffer;
	int err;

	err = posix_reparse_read(f, &l->stat, l->call.arena, &buffer);
	if (err || !buffer.len)
		return err == -EILSEQ ? 0 : err;
	if (f->type == VFS_SYMLINK &&
	    !(nt_ok(reparse_decode(buffer, &r)) && reparse_is_relative_link(&r)))
		return 0;
	l->reparse = buffer;
	return 0;
}

static int lookup_found(struct posix_volume *v, struct vfs_lookup *l, struct walk *w)
{
	CLEANUP(vfile_putp) struct vfile *file = NULL;
	const struct posix_fs *fs;
	struct posix_file *f;
	struct statx stx;
	int err;

	err = posix_statx(w->at, "", &stx);
	if (!err)
		err = posix_fs_of(v, w->at, posix_dev(&stx), w->where, &fs);
	if (err)
		return err;
	f = posix_file_new(v, w->owned, posix_type(&stx), fs);
	w->owned = -1;
	if (!f)
		return -ENOMEM;
	f->dot_name = w->real[0] == '.';
	f->ino = stx.stx_ino;
	f->small = stx.stx_blocks <= POSIX_QUICK_BLOCKS;
	file = &f->vf;
	err = lookup_done(v, l, file, &stx, w->real);
	if (!err && l->stat.reparse_tag && !w->no_follow)
		err = lookup_reparse(l, f);
	if (!err)
		l->file = TAKE(file);
	return err;
}

/* A short name whose long one went just now: that one, or NULL. */
static const char *lookup_missed(struct posix_volume *v, struct vfs_lookup *l,
				 const struct walk *w)
{
	const char *last = l->names[l->count - 1];
	char real[POSIX_NAME_MAX + 1];
	struct statx stx;

	if (!v->tunnel || !short_name_is_made(last) || posix_statx(w->at, "", &stx) < 0 ||
	    !posix_tunnel_find(v->tunnel, &stx, last, real) || !name_showable(real))
		return NULL;
	return arena_strdup(l->call.arena, real);
}

/* The walk ended early, with err: at something that is to be followed? A directory is, if what should be in it is not. */
static int lookup_stopped(struct posix_volume *v, struct vfs_lookup *l, struct walk *w,
			  int err)
{
	bool at_link = w->at_link;
	int found;

	if (w->owned < 0 || (!at_link && err != -ENOENT && err != -ENOTDIR))
		return err;
	w->no_follow = false;
	found = lookup_found(v, l, w);
	if (found)
		return found == -EAGAIN ? found : err;
	vfile_put(TAKE(l->file));
	if (!l->reparse.len)
		return err;
	if (!at_link)
		l->resolved--;
	return -ELOOP;
}

int posix_lookup(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_lookup *l = container_of(c, struct vfs_lookup, call);
	struct posix_file *dir = posix_file_of(l->dir);
	const char *missed = NULL;
	int err;

	l->resolved = 0;
	l->name = NULL;
	l->sd = (struct span){0};
	l->reparse = (struct span){0};
	l->may = 0;
	if (where == POSIX_INLINE && !dir->fs->local)
		return -EAGAIN;
	if (l->count == 0)
		return lookup_self(v, l);
	for (size_t i = 0; i < l->count; i++) {
		err = posix_check_name(l->names[i]);
		if (err)
			return err;
	}

	CLEANUP(walk_fini)
	struct walk w = {.v = v,
			 .where = where,
			 .at = dir->fd,
			 .owned = -1,
			 .no_follow = l->no_follow};
	err = walk(&w, l->names, l->count, &l->resolved);
	if (!err)
		return lookup_found(v, l, &w);
	if (err == -ENOENT && l->resolved == l->count - 1)
		missed = lookup_missed(v, l, &w);
	err = lookup_stopped(v, l, &w, err);
	l->name = missed;
	return err;
}
