/*
 * posix_names.c - names that differ in case only: directories as they were at their last scan, and our changes since.
 *
 *     unknown --scan--> known --changed by others, or doubtful for a second--> unknown
 *
 * While a scan reads a directory, our own changes go on: they are logged and entered again when it is done, since it
 * may or may not have seen them.
 */
#include "fs/posix_names.h"

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "fs/posix_name_set.h"
#include "wire/utf16.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	RESCAN_NS = 1000000000, /* doubtful knowledge is used for so long ... */
	RESCAN_SCANS = 20,      /* ... or for as long as so many scans take */
	UNSETTLED_S = 2, /* change times younger than this may hide a later change */
	LOG_MAX = 4096,  /* our changes during one scan */
};

/* ---- one change of ours -------------------------------------------------------------------------- */

struct change {
	struct list_node node;
	uint64_t added_hash, removed_hash;
	char added[NAME_MAX + 1], removed[NAME_MAX + 1]; /* "": none */
};

static void change_name(const uint8_t *key, const char *name, char *copy,
			uint64_t *ret_hash)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0 || len > NAME_MAX)
		return;
	memcpy(copy, name, len + 1);
	*ret_hash = utf8_hash_nocase(key, name);
}

static struct change *change_new(const uint8_t *key, const char *added,
				 const char *removed)
{
	struct change *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	change_name(key, added, c->added, &c->added_hash);
	change_name(key, removed, c->removed, &c->removed_hash);
	return c;
}

/* May have been seen already. */
static void change_enter(const struct change *c, struct name_set *s)
{
	if (c->removed[0])
		name_set_remove(s, c->removed_hash, c->removed);
	if (c->added[0] && !name_set_has(s, c->added_hash, c->added))
		name_set_add(s, c->added_hash, c->added);
}

/* ---- directories; the cache's lock is held ------------------------------------------------------- */

/* When a directory was last changed, as its file system tells. */
struct stamp {
	struct statx_timestamp mtime, ctime;
};

struct names_dir {
	struct map_node node; /* by inode; the device is compared */
	struct list_node lru;
	uint64_t dev, ino;
	bool known; /* names are all there were at `stamp` */
	struct stamp stamp;
	uint64_t scan_ns;     /* what the last scan took */
	uint64_t rescan_ns;   /* doubtful: known until then; 0: it is not */
	unsigned changing;    /* changes of ours under way */
	unsigned scans;       /* under way */
	struct list_node log; /* our changes since the first of these began */
	size_t log_count;
	struct name_set names;
};

struct posix_names {
	uint8_t hash_key[16]; /* I */
	struct lock lock;     /* leaf */
	struct map dirs;      /* L */
	struct list_node lru; /* L  least recently used first */
	size_t bytes;         /* L */
};

static struct stamp stamp_of(const struct statx *stx)
{
	return (struct stamp){stx->stx_mtime, stx->stx_ctime};
}

static int time_cmp(struct statx_timestamp a, struct statx_timestamp b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec < b.tv_sec ? -1 : 1;
	return (a.tv_nsec > b.tv_nsec) - (a.tv_nsec < b.tv_nsec);
}

static bool stamp_eq(const struct stamp *a, const struct stamp *b)
{
	return time_cmp(a->mtime, b->mtime) == 0 && time_cmp(a->ctime, b->ctime) == 0;
}

/* Every change moves the change time. */
static bool stamp_newer(const struct stamp *a, const struct stamp *b)
{
	return time_cmp(a->ctime, b->ctime) > 0;
}

static uint64_t dev_of(const struct statx *stx)
{
	return (uint64_t)stx->stx_dev_major << 32 | stx->stx_dev_minor;
}

static struct names_dir *dir_find(struct posix_names *pn, const struct statx *stx)
{
	for (struct map_node *n = map_first(&pn->dirs, stx->stx_ino); n;
	     n = map_next(n)) {
		struct names_dir *d = container_of(n, struct names_dir, node);

		if (d->dev == dev_of(stx))
			return d;
	}
	return NULL;
}

static struct names_dir *dir_add(struct posix_names *pn, const struct statx *stx)
{
	struct names_dir *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->dev = dev_of(stx);
	d->ino = stx->stx_ino;
	list_init(&d->log);
	map_add(&pn->dirs, &d->node, d->ino);
	list_add_tail(&pn->lru, &d->lru);
	pn->bytes += sizeof(*d);
	return d;
}

static void dir_free(struct names_dir *d)
{
	struct list_node *node;

	while ((node = list_pop(&d->log)))
		free(container_of(node, struct change, node));
	name_set_fini(&d->names);
	free(d);
}

/* Those in use stay: somebody will come back to them. Freed when the lock is no longer held. */
static void cache_trim(struct posix_names *pn, struct list_node *doomed)
{
	list_for_each (it, &pn->lru) {
		struct names_dir *d = container_of(it, struct names_dir, lru);

		if (pn->bytes <= POSIX_NAMES_BYTES_MAX)
			return;
		if (d->changing || d->scans)
			continue;
		map_del(&pn->dirs, &d->node);
		list_del(&d->lru);
		pn->bytes -= sizeof(*d) + d->names.bytes;
		list_add_tail(doomed, &d->lru);
	}
}

static void free_doomed(struct list_node *doomed)
{
	list_for_each (it, doomed)
		dir_free(container_of(it, struct names_dir, lru));
}

/* ---- time ---------------------------------------------------------------------------------------- */

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

/* ---- scanning ------------------------------------------------------------------------------------ */

/* What is looked for. */
struct wanted {
	const char *name;
	uint64_t hash;
	bool by_short; /* `name` is a short one */
};

struct scan {
	struct wanted wanted;
	char *real;
	enum { FOUND_NONE, FOUND_OTHER_CASE, FOUND_EXACT } found;
	size_t shorts;         /* names it is the short name of */
	struct name_set names; /* all of them */
	bool keep;             /* and they are wanted */
	uint64_t took_ns;
};

static void scan_compare(struct scan *s, const char *name, uint64_t hash)
{
	const struct wanted *w = &s->wanted;
	size_t len = strlen(name);

	if (hash != w->hash || len > NAME_MAX || s->found == FOUND_EXACT)
		return;
	if (strcmp(name, w->name) == 0)
		s->found = FOUND_EXACT;
	else if (s->found == FOUND_NONE && utf8_eq_nocase(name, w->name))
		s->found = FOUND_OTHER_CASE;
	else
		return;
	memcpy(s->real, name, len + 1);
}

static void scan_compare_short(struct scan *s, const char *name)
{
	if (name_set_is_short(s->wanted.name, name) && ++s->shorts == 1)
		memcpy(s->real, name, strlen(name) + 1);
}

static DIR *list_open(int fd)
{
	int list_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (list_fd < 0)
		return NULL;
	dir = fdopendir(list_fd);
	if (!dir)
		close(list_fd);
	return dir;
}

/* The search is answered whether all names can be kept or not. */
static int scan_read(struct scan *s, const uint8_t *hash_key, int fd)
{
	uint64_t begin_ns = now_ns();
	struct dirent *de;
	DIR *dir = list_open(fd);

	if (!dir)
		return -errno;
	for (errno = 0; (de = readdir(dir)); errno = 0) {
		uint64_t hash = utf8_hash_nocase(hash_key, de->d_name);

		if (s->wanted.by_short)
			scan_compare_short(s, de->d_name);
		else
			scan_compare(s, de->d_name, hash);
		if (s->keep && !s->names.lost)
			name_set_add(&s->names, hash, de->d_name);
	}
	int err = -errno;
	closedir(dir);
	s->took_ns = now_ns() - begin_ns;
	return err;
}

static bool scan_begin(struct posix_names *pn, const struct statx *stx, struct scan *s)
{
	struct names_dir *d;

	LOCK_SCOPE(&pn->lock);
	d = dir_find(pn, stx);
	if (!d)
		d = dir_add(pn, stx);
	if (!d)
		return false;
	d->scans++;
	s->names.with_shorts |= d->names.with_shorts; /* once asked for, always */
	return true;
}

static uint64_t rescan_at(const struct names_dir *d)
{
	uint64_t later = RESCAN_SCANS * d->scan_ns;

	return now_ns() + (later > RESCAN_NS ? later : RESCAN_NS);
}

/* What was read replaces what was known; s->names is left with that. */
static void take_names(struct posix_names *pn, struct names_dir *d,
		       const struct statx *stx, struct scan *s, bool doubtful)
{
	struct stamp stamp = stamp_of(stx);
	struct name_set old = d->names;

	list_for_each (it, &d->log)
		change_enter(container_of(it, struct change, node), &s->names);
	d->known = !s->names.lost && d->log_count <= LOG_MAX;
	if (!d->known)
		return;
	pn->bytes += s->names.bytes;
	pn->bytes -= old.bytes;
	d->names = s->names;
	s->names = old;
	d->scan_ns = s->took_ns;
	if (d->log_count || stamp_newer(&d->stamp, &stamp))
		doubtful =
			true; /* ours moved the times on; what else happened then is not seen */
	if (!stamp_newer(&d->stamp, &stamp))
		d->stamp = stamp;
	d->rescan_ns = doubtful ? rescan_at(d) : 0;
}

static void log_clear(struct names_dir *d)
{
	struct list_node *node;

	while ((node = list_pop(&d->log)))
		free(container_of(node, struct change, node));
	d->log_count = 0;
}

static void scan_end(struct posix_names *pn, const struct statx *stx, struct scan *s,
		     bool success)
{
	bool doubtful = unsettled(stx);
	struct list_node doomed;

	list_init(&doomed);
	{
		LOCK_SCOPE(&pn->lock);
		struct names_dir *d = dir_find(pn, stx);

		if (success)
			take_names(pn, d, stx, s, doubtful);
		if (--d->scans == 0)
			log_clear(d);
		cache_trim(pn, &doomed);
	}
	free_doomed(&doomed);
}

/* ---- interface ----------------------------------------------------------------------------------- */

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

/* Doubtful knowledge is good for its second also for who looked at the directory a little earlier. */
static bool still_known(const struct names_dir *d, const struct statx *stx)
{
	struct stamp stamp = stamp_of(stx);

	if (!d->known || (d->rescan_ns && now_ns() >= d->rescan_ns))
		return false;
	return d->changing || stamp_eq(&d->stamp, &stamp) ||
	       (d->rescan_ns && !stamp_newer(&stamp, &d->stamp));
}

/* -EAGAIN: not known. */
static int find_cached(struct posix_names *pn, const struct statx *stx,
		       const struct wanted *w, char *real)
{
	const struct name_entry *e;
	struct names_dir *d;

	LOCK_SCOPE(&pn->lock);
	d = dir_find(pn, stx);
	if (!d || !still_known(d, stx) || (w->by_short && !d->names.with_shorts))
		return -EAGAIN;
	list_del(&d->lru);
	list_add_tail(&pn->lru, &d->lru);
	e = w->by_short ? name_set_find_short(&d->names, w->hash, w->name)
			: name_set_find(&d->names, w->hash, w->name);
	if (!e)
		return -ENOENT;
	memcpy(real, e->name, strlen(e->name) + 1);
	return 0;
}

static int scan_for(struct posix_names *pn, const struct posix_names_dir *dir,
		    struct scan *s)
{
	int err;

	s->names.with_shorts = s->wanted.by_short;
	s->keep = dir->keep && scan_begin(pn, dir->stx, s);
	err = name_set_init(&s->names, pn->hash_key);
	if (!err)
		err = scan_read(s, pn->hash_key, dir->fd);
	if (s->keep)
		scan_end(pn, dir->stx, s, err == 0);
	name_set_fini(&s->names);
	return err;
}

static int find(struct posix_names *pn, const struct posix_names_dir *dir,
		struct wanted w, char *real)
{
	struct scan s = {.real = real};
	int err;

	w.hash = utf8_hash_nocase(pn->hash_key, w.name);
	err = find_cached(pn, dir->stx, &w, real);
	if (err != -EAGAIN || !dir->may_scan)
		return err;
	s.wanted = w;
	err = scan_for(pn, dir, &s);
	if (err)
		return err;
	return s.found != FOUND_NONE || s.shorts == 1 ? 0 : -ENOENT;
}

int posix_names_find(struct posix_names *pn, const struct posix_names_dir *dir,
		     const char *name, char *real)
{
	return find(pn, dir, (struct wanted){.name = name}, real);
}

int posix_names_find_short(struct posix_names *pn, const struct posix_names_dir *dir,
			   const char *made, char *real)
{
	return find(pn, dir, (struct wanted){.name = made, .by_short = true}, real);
}

void posix_names_begin(struct posix_names *pn, const struct statx *dir_stx)
{
	struct stamp stamp = stamp_of(dir_stx);
	struct names_dir *d;

	LOCK_SCOPE(&pn->lock);
	d = dir_find(pn, dir_stx);
	if (!d)
		return;
	if (!d->changing && stamp_newer(&stamp, &d->stamp))
		d->known = false; /* others changed it: ours must not hide that */
	d->changing++;
}

/* Into what is known, and into the log of whoever is scanning. True if the log took it over. */
static bool enter(struct posix_names *pn, struct names_dir *d, struct change *c)
{
	if (d->known) {
		pn->bytes -= d->names.bytes;
		change_enter(c, &d->names);
		pn->bytes += d->names.bytes;
		d->known = !d->names.lost;
	}
	if (!d->scans || d->log_count++ >= LOG_MAX)
		return false;
	list_add_tail(&d->log, &c->node);
	return true;
}

static void advance(struct names_dir *d, const struct statx *stx)
{
	struct stamp stamp = stamp_of(stx);

	if (stamp_newer(&stamp, &d->stamp))
		d->stamp = stamp;
	if (!d->rescan_ns)
		d->rescan_ns = rescan_at(d);
}

void posix_names_end(struct posix_names *pn, int dir_fd, const struct statx *dir_stx,
		     const char *added, const char *removed)
{
	struct change *c = change_new(pn->hash_key, added, removed);
	struct list_node doomed;
	struct names_dir *d;
	struct statx stx;
	bool seen, taken = false;

	seen = statx(dir_fd, "", AT_EMPTY_PATH, STATX_MTIME | STATX_CTIME, &stx) == 0;
	list_init(&doomed);
	{
		LOCK_SCOPE(&pn->lock);
		d = dir_find(pn, dir_stx);
		if (d && d->changing)
			d->changing--;
		if (d && c && seen) {
			advance(d, &stx);
			taken = enter(pn, d, c);
		} else if (d) {
			d->known = false;
			d->log_count = d->scans ? LOG_MAX + 1 : 0;
		}
		cache_trim(pn, &doomed);
	}
	free_doomed(&doomed);
	if (!taken)
		free(c);
}
