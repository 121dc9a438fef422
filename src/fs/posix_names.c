/* posix_names.c - names that differ in case only: directories as they were at their last scan. */
#include "fs/posix_names.h"

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "fs/posix_impl.h"
#include "wire/utf16.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	RESCAN_NS = 1000 * 1000 * 1000, /* doubtful knowledge is used for so long */
	UNSETTLED_S = 2, /* change times younger than this may hide a later change */
};

struct name_entry {
	struct map_node node; /* by folded hash */
	char name[];
};

/* When a directory was last changed, as its file system tells. */
struct stamp {
	struct statx_timestamp mtime, ctime;
};

/* One directory; all under the cache's lock. */
struct names_dir {
	struct map_node node; /* by inode; the device is compared */
	struct list_node lru;
	uint64_t dev, ino;
	struct stamp stamp;
	uint64_t rescan_ns; /* knowledge is doubtful from then on; 0: it is not */
	unsigned changing;  /* changes of ours under way */
	bool huge;          /* too many names to keep: while building only */
	size_t bytes;
	struct map names;
};

struct posix_names {
	uint8_t hash_key[16]; /* I */
	struct lock lock;     /* leaf */
	struct map dirs;      /* L */
	struct list_node lru; /* L  least recently used first */
	size_t bytes;         /* L */
};

/* ---- one directory ------------------------------------------------------------------------------ */

static size_t entry_bytes(size_t name_len)
{
	return sizeof(struct name_entry) + name_len + 1 + sizeof(void *);
}

static struct names_dir *dir_new(const struct statx *stx)
{
	struct names_dir *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	if (map_init(&d->names) < 0) {
		free(d);
		return NULL;
	}
	list_init(&d->lru);
	d->dev = (uint64_t)stx->stx_dev_major << 32 | stx->stx_dev_minor;
	d->ino = stx->stx_ino;
	d->stamp = (struct stamp){stx->stx_mtime, stx->stx_ctime};
	d->bytes = sizeof(*d);
	return d;
}

static void dir_clear(struct names_dir *d)
{
	struct map_walk pos;

	for (struct map_node *n = map_walk_first(&d->names, &pos); n;
	     n = map_walk_next(&d->names, &pos)) {
		map_del(&d->names, n);
		free(container_of(n, struct name_entry, node));
	}
}

static void dir_free(struct names_dir *d)
{
	if (!d)
		return;
	dir_clear(d);
	map_fini(&d->names);
	free(d);
}

static void dir_freep(struct names_dir **d)
{
	dir_free(*d);
}

/* The exact name, else one that differs in case. */
static struct name_entry *dir_find(const struct names_dir *d, uint64_t hash,
				   const char *name)
{
	struct name_entry *other = NULL;

	for (struct map_node *n = map_first(&d->names, hash); n; n = map_next(n)) {
		struct name_entry *e = container_of(n, struct name_entry, node);

		if (strcmp(e->name, name) == 0)
			return e;
		if (!other && utf8_eq_nocase(e->name, name))
			other = e;
	}
	return other;
}

/* False without memory. */
static bool dir_add(struct names_dir *d, uint64_t hash, const char *name)
{
	size_t len = strlen(name);
	struct name_entry *e = malloc(sizeof(*e) + len + 1);

	if (!e)
		return false;
	memcpy(e->name, name, len + 1);
	map_add(&d->names, &e->node, hash);
	d->bytes += entry_bytes(len);
	return true;
}

static void dir_remove(struct names_dir *d, uint64_t hash, const char *name)
{
	struct name_entry *e = dir_find(d, hash, name);

	if (!e || strcmp(e->name, name) != 0)
		return;
	d->bytes -= entry_bytes(strlen(name));
	map_del(&d->names, &e->node);
	free(e);
}

/* ---- the cache; its lock is held ---------------------------------------------------------------- */

static struct names_dir *cache_find(struct posix_names *pn, const struct statx *stx)
{
	uint64_t dev = (uint64_t)stx->stx_dev_major << 32 | stx->stx_dev_minor;

	for (struct map_node *n = map_first(&pn->dirs, stx->stx_ino); n;
	     n = map_next(n)) {
		struct names_dir *d = container_of(n, struct names_dir, node);

		if (d->dev == dev)
			return d;
	}
	return NULL;
}

/* Freed when the lock is no longer held: there may be many names. */
static void cache_drop(struct posix_names *pn, struct names_dir *d,
		       struct list_node *doomed)
{
	map_del(&pn->dirs, &d->node);
	list_del(&d->lru);
	pn->bytes -= d->bytes;
	list_add_tail(doomed, &d->lru);
}

/* Directories that we are changing stay: posix_names_end() has something to tell them. */
static void cache_trim(struct posix_names *pn, struct list_node *doomed)
{
	list_for_each (it, &pn->lru) {
		struct names_dir *d = container_of(it, struct names_dir, lru);

		if (pn->bytes <= POSIX_NAMES_BYTES_MAX)
			return;
		if (!d->changing)
			cache_drop(pn, d, doomed);
	}
}

static void cache_put(struct posix_names *pn, struct names_dir *d,
		      const struct statx *stx, struct list_node *doomed)
{
	struct names_dir *old = cache_find(pn, stx);

	if (old) {
		d->changing = old->changing;
		cache_drop(pn, old, doomed);
	}
	map_add(&pn->dirs, &d->node, d->ino);
	list_add_tail(&pn->lru, &d->lru);
	pn->bytes += d->bytes;
	cache_trim(pn, doomed);
}

static void free_doomed(struct list_node *doomed)
{
	list_for_each (it, doomed)
		dir_free(container_of(it, struct names_dir, lru));
}

static bool time_eq(struct statx_timestamp a, struct statx_timestamp b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool stamp_eq(const struct stamp *s, const struct statx *stx)
{
	return time_eq(s->mtime, stx->stx_mtime) && time_eq(s->ctime, stx->stx_ctime);
}

/* ---- scanning ----------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A directory changed this recently may change again without its times showing it. */
static bool unsettled(const struct statx *stx)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now.tv_sec - stx->stx_ctime.tv_sec <= UNSETTLED_S;
}

static DIR *dir_open(int fd)
{
	int list_fd = posix_reopen(fd, O_RDONLY | O_DIRECTORY);
	DIR *dir;

	if (list_fd < 0) {
		errno = -list_fd;
		return NULL;
	}
	dir = fdopendir(list_fd);
	if (!dir)
		close(list_fd);
	return dir;
}

struct scan {
	const char *name; /* looked for */
	uint64_t hash;
	char *real;
	enum { FOUND_NONE, FOUND_OTHER_CASE, FOUND_EXACT } found;
};

static void scan_compare(struct scan *s, const char *name, uint64_t hash)
{
	size_t len = strlen(name);

	if (hash != s->hash || len > NAME_MAX || s->found == FOUND_EXACT)
		return;
	if (strcmp(name, s->name) == 0)
		s->found = FOUND_EXACT;
	else if (s->found == FOUND_NONE && utf8_eq_nocase(name, s->name))
		s->found = FOUND_OTHER_CASE;
	else
		return;
	memcpy(s->real, name, len + 1);
}

/* All names into d as far as they fit; the search is answered whether they do or not. */
static int scan(struct posix_names *pn, int fd, struct names_dir *d, struct scan *s)
{
	struct dirent *de;
	DIR *dir = dir_open(fd);

	if (!dir)
		return -errno;
	for (errno = 0; (de = readdir(dir)); errno = 0) {
		uint64_t hash = utf8_hash_nocase(pn->hash_key, de->d_name);

		scan_compare(s, de->d_name, hash);
		if (d->huge)
			continue;
		if (d->bytes > POSIX_NAMES_DIR_BYTES_MAX ||
		    !dir_add(d, hash, de->d_name)) {
			d->huge = true;
			dir_clear(d);
		}
	}
	int err = -errno;
	closedir(dir);
	return err;
}

/* ---- interface ---------------------------------------------------------------------------------- */

struct posix_names *posix_names_new(const uint8_t *hash_key)
{
	struct posix_names *pn = calloc(1, sizeof(*pn));

	if (!pn)
		return NULL;
	if (map_init(&pn->dirs) < 0) {
		free(pn);
		return NULL;
	}
	memcpy(pn->hash_key, hash_key, sizeof(pn->hash_key));
	lock_init(&pn->lock, LOCK_RANK_LEAF);
	list_init(&pn->lru);
	return pn;
}

void posix_names_free(struct posix_names *pn)
{
	if (!pn)
		return;
	free_doomed(&pn->lru);
	map_fini(&pn->dirs);
	lock_fini(&pn->lock);
	free(pn);
}

/* -EAGAIN: not known. */
static int find_cached(struct posix_names *pn, const struct statx *stx, const char *name,
		       uint64_t hash, char *real)
{
	uint64_t now = now_ns();
	struct name_entry *e;
	struct names_dir *d;

	LOCK_SCOPE(&pn->lock);
	d = cache_find(pn, stx);
	if (!d || (d->rescan_ns && now >= d->rescan_ns) ||
	    (!d->changing && !stamp_eq(&d->stamp, stx)))
		return -EAGAIN;
	list_del(&d->lru);
	list_add_tail(&pn->lru, &d->lru);
	e = dir_find(d, hash, name);
	if (!e)
		return -ENOENT;
	memcpy(real, e->name, strlen(e->name) + 1);
	return 0;
}

static void keep(struct posix_names *pn, struct names_dir *d, const struct statx *stx)
{
	struct list_node doomed;

	list_init(&doomed);
	{
		LOCK_SCOPE(&pn->lock);
		cache_put(pn, d, stx, &doomed);
	}
	free_doomed(&doomed);
}

int posix_names_find(struct posix_names *pn, const struct posix_names_dir *dir,
		     const char *name, char *real)
{
	CLEANUP(dir_freep) struct names_dir *d = NULL;
	struct scan s = {.name = name, .real = real};
	int err;

	s.hash = utf8_hash_nocase(pn->hash_key, name);
	err = find_cached(pn, dir->stx, name, s.hash, real);
	if (err != -EAGAIN || !dir->may_scan)
		return err;

	d = dir_new(dir->stx);
	if (!d)
		return -ENOMEM;
	d->huge = !dir->keep;
	if (unsettled(dir->stx))
		d->rescan_ns = now_ns() + RESCAN_NS;
	err = scan(pn, dir->fd, d, &s);
	if (err)
		return err;
	if (!d->huge)
		keep(pn, TAKE(d), dir->stx);
	return s.found == FOUND_NONE ? -ENOENT : 0;
}

void posix_names_begin(struct posix_names *pn, const struct statx *dir_stx)
{
	struct names_dir *d;

	LOCK_SCOPE(&pn->lock);
	d = cache_find(pn, dir_stx);
	if (!d)
		return;
	if (!d->changing && !stamp_eq(&d->stamp, dir_stx))
		d->rescan_ns = 1; /* others changed it: ours must not hide that */
	d->changing++;
}

/* A name and its hash, computed before the lock is taken. */
struct hashed {
	const char *name; /* or NULL */
	uint64_t hash;
};

static struct hashed hash_name(struct posix_names *pn, const char *name)
{
	return (struct hashed){
		.name = name,
		.hash = name ? utf8_hash_nocase(pn->hash_key, name) : 0,
	};
}

/* Enter what we changed; without memory the directory is as good as unknown. */
static void enter(struct posix_names *pn, struct names_dir *d, struct hashed added,
		  struct hashed removed)
{
	pn->bytes -= d->bytes;
	if (removed.name)
		dir_remove(d, removed.hash, removed.name);
	if (added.name && !dir_add(d, added.hash, added.name))
		d->rescan_ns = 1;
	pn->bytes += d->bytes;
}

void posix_names_end(struct posix_names *pn, int dir_fd, const struct statx *dir_stx,
		     const char *added, const char *removed)
{
	struct hashed in = hash_name(pn, added), out = hash_name(pn, removed);
	uint64_t now = now_ns();
	struct list_node doomed;
	struct names_dir *d;
	struct statx stx;

	bool seen = statx(dir_fd, "", AT_EMPTY_PATH, STATX_MTIME | STATX_CTIME, &stx) ==
		    0;
	list_init(&doomed);
	{
		LOCK_SCOPE(&pn->lock);
		d = cache_find(pn, dir_stx);
		if (!d)
			return;
		if (d->changing)
			d->changing--;
		if (seen)
			d->stamp = (struct stamp){stx.stx_mtime, stx.stx_ctime};
		if (!d->rescan_ns)
			d->rescan_ns = now + RESCAN_NS;
		enter(pn, d, in, out);
		if (d->bytes > POSIX_NAMES_DIR_BYTES_MAX && !d->changing)
			cache_drop(pn, d, &doomed);
		cache_trim(pn, &doomed);
	}
	free_doomed(&doomed);
}
