/* notify_watch.c - directories watched by inotify, one watch each, and what that tells of them. */
#include "fs/notify_impl.h"

#include "base/arena.h"
#include "fs/posix_impl.h"
#include "wire/smb2_proto.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { SCAN_BYTES_MAX = 64 << 20 }; /* of names in one directory, and changes */

/* ---- what is asked of the kernel ----------------------------------------------------------------- */

static uint32_t mask_of(const struct notify *n)
{
	uint32_t mask = IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD;

	if ((n->filter & NOTIFY_FILTER_NAMES) ||
	    n->tree) /* a tree has to follow its directories */
		mask |= IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
	if (n->filter & NOTIFY_FILTER_RENAMED)
		mask |= IN_MOVED_FROM | IN_MOVED_TO;
	if (n->filter & NOTIFY_FILTER_CONTENTS)
		mask |= IN_MODIFY;
	if (n->filter & NOTIFY_FILTER_ATTRIBUTES)
		mask |= IN_ATTRIB;
	/* a mask must not be empty: that the directory itself goes is always worth knowing */
	return mask | IN_DELETE_SELF;
}

/* ---- watches ------------------------------------------------------------------------------------- */

/* Which directory it is: a path may lead to another by now. */
struct inode_watch {
	struct watch watch;
	dev_t dev;
	ino_t ino;
};

static struct inode_watch *inode_watch_of(struct watch *w)
{
	return container_of(w, struct inode_watch, watch);
}

static struct watch *watch_find(struct notify_root *r, int wd)
{
	struct map_node *node = map_first(&r->watches, (uint64_t)wd);

	return node ? container_of(node, struct watch, by_key) : NULL;
}

static int watch_wd(const struct watch *w)
{
	return (int)w->by_key.key;
}

static void inotify_drop(struct notify_root *r, struct watch *w)
{
	inotify_rm_watch(r->reader.fd, watch_wd(w)); /* -EINVAL if the kernel was first */
	map_del(&r->watches, &w->by_key);
	r->watch_count--;
	free(inode_watch_of(w));
}

static struct watch *watch_new(struct notify_root *r, int fd, int wd)
{
	struct inode_watch *w;
	struct stat st;

	if (r->watch_count == NOTIFY_WATCHES_MAX || fstat(fd, &st) < 0)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->dev = st.st_dev;
	w->ino = st.st_ino;
	list_init(&w->watch.spots);
	map_add(&r->watches, &w->watch.by_key, (uint64_t)wd);
	r->watch_count++;
	return &w->watch;
}

/* The kernel knows a directory once, however often we ask. */
static int watch_get(struct notify_root *r, int fd, uint32_t mask,
		     struct watch **ret_watch)
{
	struct watch *w;
	int wd;

	wd = inotify_add_watch(r->reader.fd, posix_proc(fd).path, mask);
	if (wd < 0)
		return -errno;
	w = watch_find(r, wd);
	if (!w) {
		w = watch_new(r, fd, wd);
		if (!w) {
			inotify_rm_watch(r->reader.fd, wd);
			return -ENOSPC;
		}
	}
	*ret_watch = w;
	return 0;
}

/* fd is the directory; parent NULL: n's own. */
static int spot_add(struct notify *n, struct spot *parent, int fd, const char *name,
		    struct spot **ret_spot)
{
	struct watch *w = NULL;
	struct spot *old;
	int err;

	err = watch_get(n->root, fd, mask_of(n), &w);
	if (err)
		return err;
	old = spot_find(w, n);
	if (!old)
		return spot_new(n, w, parent, name, ret_spot);
	/* it has come from where it is known; that it went there is still to be told */
	err = old->parent && parent ? spot_place(old, parent, name) : 0;
	return err ? err : -EEXIST;
}

/* ---- what is still to be looked at --------------------------------------------------------------- */

static bool is_of_name(const struct inotify_event *e, int wd)
{
	const uint32_t names = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

	return e->wd == wd && (e->mask & names) && e->len > 0;
}

/* Something will happen to the name that is not looked at yet. */
static bool will_change(struct notify_root *r, int wd, const char *name)
{
	struct notify_later later;
	struct span event;

	notify_later(r, &later);
	while ((event = notify_later_next(r, &later)).len) {
		const struct inotify_event *e = (const void *)event.p;

		if (is_of_name(e, wd) && strcmp(e->name, name) == 0)
			return true;
	}
	return false;
}

/* ---- trees --------------------------------------------------------------------------------------- */

/*
 * What is done to a directory goes by its path, which is that of the event that is looked at. If it is renamed by an event
 * that is still to come, the path leads nowhere, or elsewhere: -ESTALE. Then a directory in it is missed until that event.
 */
static int spot_reach(const struct spot *s, int flags)
{
	const struct inode_watch *w = inode_watch_of(s->watch);
	int fd = spot_open(s, flags);
	struct stat st;

	if (fd < 0)
		return fd == -EACCES ? fd : -ESTALE;
	if (fstat(fd, &st) == 0 && st.st_dev == w->dev && st.st_ino == w->ino)
		return fd;
	close(fd);
	return -ESTALE;
}

static void miss(struct spot *parent, bool fresh)
{
	if (parent->missed != MISSED_FRESH)
		parent->missed = fresh ? MISSED_FRESH : MISSED_OLD;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* A directory that was found in that of `parent`. What the user may not list is not his; what does not fit is lost. */
static void watch_child(struct spot *parent, int parent_fd, const char *name)
{
	struct notify *n = parent->n;
	struct spot *s;
	int err;

	posix_act_as(n->dir->vol, n->cred);
	CLEANUP(posix_closep)
	int fd = posix_resolve(n->dir->vol, parent_fd, name,
			       O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, POSIX_POOL);
	if (fd < 0)
		return;
	if (!notify_read_ahead(n->root))
		notify_lose(n); /* it may be another by now: still better than none */
	if (will_change(n->root, watch_wd(parent->watch), name))
		return; /* that event finds it, or what is there then */
	err = spot_add(n, parent, fd, name, &s);
	if (err == -ENOSPC || err == -ENOMEM)
		notify_lose(n);
}

static bool is_directory(int fd, const struct dirent *de)
{
	struct statx stx;

	if (de->d_type != DT_UNKNOWN)
		return de->d_type == DT_DIR;
	return posix_statx(fd, de->d_name, &stx) == 0 && S_ISDIR(stx.stx_mode);
}

/* ---- what was in a directory when its watch began ------------------------------------------------- */

/*
 * A listing says what is there now, and the events that are still to come what has changed since the watch began. Of a
 * name that has changed the first event says whether it was there; what is there now will be told by events.
 */
struct change {
	const char *name; /* in a chunk of the queue */
	size_t order;
	bool went, directory;
};

struct changes {
	struct change *first; /* of each name, by name */
	size_t count;
};

struct listed {
	struct listed *next;
	bool directory;
	char name[];
};

static int by_name_and_order(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int by_name(const void *name, const void *change)
{
	return strcmp(name, ((const struct change *)change)->name);
}

/* All that is to come of the directory: into `to`, unless it is NULL. */
static size_t changes_copy(const struct notify_root *r, int wd, struct change *to)
{
	struct notify_later later;
	struct span event;
	size_t count = 0;

	notify_later(r, &later);
	while ((event = notify_later_next(r, &later)).len) {
		const struct inotify_event *e = (const void *)event.p;

		if (!is_of_name(e, wd))
			continue;
		if (to)
			to[count] = (struct change){
				.name = e->name,
				.order = count,
				.went = e->mask & (IN_DELETE | IN_MOVED_FROM),
				.directory = e->mask & IN_ISDIR,
			};
		count++;
	}
	return count;
}

/* 0 or -ENOMEM. */
static int changes_since(struct notify_root *r, int wd, struct arena *a,
			 struct changes *ret)
{
	size_t all, first = 0;

	if (!notify_read_ahead(r))
		return -ENOMEM;
	all = changes_copy(r, wd, NULL);
	ret->first = arena_array(a, all, sizeof(*ret->first));
	if (!ret->first)
		return -ENOMEM;
	changes_copy(r, wd, ret->first);
	qsort(ret->first, all, sizeof(*ret->first), by_name_and_order);
	for (size_t i = 0; i < all; i++)
		if (i == 0 || strcmp(ret->first[i].name, ret->first[i - 1].name) != 0)
			ret->first[first++] = ret->first[i];
	ret->count = first;
	return 0;
}

static bool has_changed(const struct changes *c, const char *name)
{
	return bsearch(name, c->first, c->count, sizeof(*c->first), by_name);
}

enum scan {
	SCAN_OLD,
	SCAN_FRESH,  /* what is in it came before we could see it come: it is told */
	SCAN_MISSED, /* what has no spot yet */
};

/* What is there now; only directories, unless `fresh`. 0 or -ENOMEM. */
static int list_names(DIR *dir, bool fresh, struct arena *a, struct listed **ret_names)
{
	struct dirent *de;

	while ((de = readdir(dir))) {
		bool directory = is_directory(dirfd(dir), de);
		size_t size = strlen(de->d_name) + 1;
		struct listed *l;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    (!directory && !fresh))
			continue;
		l = arena_alloc(a, sizeof(*l) + size);
		if (!l)
			return -ENOMEM;
		l->directory = directory;
		memcpy(l->name, de->d_name, size);
		l->next = *ret_names;
		*ret_names = l;
	}
	return 0;
}

/* It was in the directory of s before anybody could see it come. */
static void tell_found(struct spot *s, const char *name, bool directory)
{
	if (notify_wants_name(s->n, directory))
		notify_gather(s, FILE_ACTION_ADDED, name);
}

static void take_found(struct spot *s, int fd, enum scan what,
		       const struct changes *changes, const struct listed *names)
{
	bool fresh = what == SCAN_FRESH;

	for (size_t i = 0; i < changes->count && fresh; i++)
		if (changes->first[i].went)
			tell_found(s, changes->first[i].name,
				   changes->first[i].directory);
	for (const struct listed *l = names; l; l = l->next) {
		if (has_changed(changes, l->name) || !notify_shows(s, l->name))
			continue;
		if (fresh)
			tell_found(s, l->name, l->directory);
		if (l->directory)
			watch_child(s, fd, l->name);
	}
}

/* What is in the directory of s, which fd is; closes fd. */
static void scan_open(struct spot *s, int fd, enum scan what)
{
	CLEANUP(closedirp) DIR *dir = fdopendir(fd);
	CLEANUP(arena_fini) struct arena arena;
	struct listed *names = NULL;
	struct changes changes = {0};
	int err;

	arena_init(&arena, SCAN_BYTES_MAX);
	if (!dir) {
		close(fd);
		notify_lose(s->n);
		return;
	}
	err = list_names(dir, what == SCAN_FRESH, &arena, &names);
	if (!err)
		err = changes_since(s->n->root, watch_wd(s->watch), &arena, &changes);
	if (err)
		notify_lose(s->n);
	take_found(s, fd, what, &changes, names);
}

/* Watch the directories in that of s. False: it cannot be reached now, and has no spot any more. */
static bool scan(struct spot *s, enum scan what)
{
	int fd = spot_reach(s, O_RDONLY);

	if (fd >= 0) {
		scan_open(s, fd, what);
	} else if (fd == -ESTALE && s->parent) {
		miss(s->parent, what == SCAN_FRESH);
		spot_drop(s);
		return false;
	}
	return true;
}

/* Those behind `last`, and what a scan of them finds, which is added behind, and scanned in its turn. */
static void scan_behind(struct notify *n, struct list_node *last, enum scan what)
{
	while (last->next != &n->spots)
		if (scan(container_of(last->next, struct spot, in_notify), what))
			last = last->next;
}

/* Now that the directory of s is where it is thought to be, or closer to that. */
static void scan_missed(struct spot *s)
{
	struct list_node *last = s->n->spots.prev;
	bool fresh = s->missed == MISSED_FRESH;
	int fd = spot_reach(s, O_RDONLY);

	if (fd < 0)
		return;
	s->missed = MISSED_NONE;
	scan_open(s, fd, SCAN_MISSED);
	scan_behind(s->n, last, fresh ? SCAN_FRESH : SCAN_OLD);
}

static void inotify_appeared(struct spot *s, const struct notify_entry *e, bool fresh)
{
	struct notify *n = s->n;
	struct list_node *last = n->spots.prev;
	int fd = spot_reach(s, O_PATH);

	if (fd == -ESTALE)
		miss(s, fresh);
	if (fd < 0)
		return;
	watch_child(s, fd, e->name);
	close(fd);
	scan_behind(n, last, fresh ? SCAN_FRESH : SCAN_OLD);
}

static void inotify_moved(struct spot *top)
{
	list_for_each (it, &top->n->spots) {
		struct spot *s = container_of(it, struct spot, in_notify);

		if (s->missed && spot_is_below(s, top))
			scan_missed(s);
	}
}

/* Its own directory; those below it, if it wants them, take the thread. */
static void inotify_foresee(struct notify *n)
{
	if (!n->dir->fs->local)
		return;
	posix_act_as(n->dir->vol, n->cred);
	(void)!inotify_add_watch(n->root->reader.fd, posix_proc(n->dir->fd).path,
				 mask_of(n));
	posix_act_as(n->dir->vol, NULL);
}

static int inotify_start(struct notify *n)
{
	struct spot *s;
	int err;

	posix_act_as(n->dir->vol, n->cred);
	err = spot_add(n, NULL, n->dir->fd, "", &s);
	if (!err && n->tree)
		scan_behind(n, n->spots.prev->prev, SCAN_OLD);
	return err;
}

static void inotify_stop(struct notify *n)
{
	spots_free(&n->spots);
}

/* ---- events -------------------------------------------------------------------------------------- */

static struct notify_entry entry_of(const char *name, bool directory)
{
	return (struct notify_entry){
		.name = name, .directory = directory, .by_name = true};
}

static void on_moved_to(struct notify_root *r, struct watch *to,
			const struct inotify_event *e)
{
	struct notify_move m = r->move;
	struct watch *from = m.pending && m.cookie == e->cookie ? watch_find(r, m.wd)
								: NULL;
	struct notify_entry old = entry_of(m.name, m.directory),
			    entry = entry_of(e->name, e->mask & IN_ISDIR);

	if (!from) {
		notify_arrived(to, &entry);
		return;
	}
	r->move.pending = false;
	notify_renamed(from, &old, to, &entry);
}

static void inotify_flush(struct notify_root *r)
{
	struct notify_move m = r->move;
	struct watch *w = m.pending ? watch_find(r, m.wd) : NULL;
	struct notify_entry entry = entry_of(m.name, m.directory);

	r->move.pending = false;
	if (w)
		notify_gone(w, &entry);
}

static void on_moved_from(struct notify_root *r, const struct inotify_event *e)
{
	size_t len = strlen(e->name);

	inotify_flush(r);
	if (len > NAME_MAX)
		return;
	r->move = (struct notify_move){
		.pending = true,
		.cookie = e->cookie,
		.wd = e->wd,
		.directory = e->mask & IN_ISDIR,
	};
	memcpy(r->move.name, e->name, len + 1);
}

/* The directory is no more: so are its spots. Whose own it was has to look for itself. */
static void on_ignored(struct notify_root *r, int wd)
{
	struct watch *w;

	while ((w = watch_find(r, wd))) {
		struct spot *s = container_of(w->spots.next, struct spot, in_watch);

		if (!s->parent)
			notify_lose(s->n);
		spot_drop(s);
	}
}

static void on_change(struct watch *w, const struct inotify_event *e)
{
	struct notify_entry entry = entry_of(e->name, e->mask & IN_ISDIR);

	if (e->mask & IN_CREATE)
		notify_created(w, &entry, true);
	else if (e->mask & IN_DELETE)
		notify_gone(w, &entry);
	else
		notify_modified(
			w, e->name,
			(e->mask & IN_MODIFY ? NOTIFY_FILTER_CONTENTS : 0) |
				(e->mask & IN_ATTRIB ? NOTIFY_FILTER_ATTRIBUTES : 0));
}

static void on_event(struct notify_root *r, const struct inotify_event *e)
{
	struct watch *w = watch_find(r, e->wd);

	if (e->mask & IN_Q_OVERFLOW)
		notify_lose_all(r);
	else if (e->mask & IN_IGNORED)
		on_ignored(r, e->wd);
	else if (!w || e->len == 0 || e->name[0] == '\0')
		return; /* given up since; or of the directory itself */
	else if (e->mask & IN_MOVED_FROM)
		on_moved_from(r, e);
	else if (e->mask & IN_MOVED_TO)
		on_moved_to(r, w, e);
	else
		on_change(w, e);
}

static uint64_t inotify_queued(struct span events)
{
	return events.len;
}

/* As inotify(7) lays them out; they are aligned. */
static struct span inotify_next(struct span *events)
{
	const struct inotify_event *e = (const void *)events->p;
	struct span event;

	if (events->len < sizeof(*e) || events->len - sizeof(*e) < e->len)
		return span_of(NULL, 0);
	event = span_head(*events, sizeof(*e) + e->len);
	*events = span_from(*events, event.len);
	return event;
}

static void inotify_event(struct notify_root *r, struct span event)
{
	on_event(r, (const void *)event.p);
}

static int inotify_open(struct notify_root *r)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

const struct notify_source notify_inotify = {
	.lags = true,
	.open = inotify_open,
	.foresee = inotify_foresee,
	.start = inotify_start,
	.stop = inotify_stop,
	.drop = inotify_drop,
	.appeared = inotify_appeared,
	.moved = inotify_moved,
	.queued = inotify_queued,
	.next = inotify_next,
	.event = inotify_event,
	.flush = inotify_flush,
};
