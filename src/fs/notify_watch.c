/* notify_watch.c - the directories that are watched, and what the kernel tells of them. */
#include "fs/notify_impl.h"

#include "fs/name.h"
#include "fs/posix_impl.h"
#include "wire/smb2_proto.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

/* ---- what is asked of the kernel ----------------------------------------------------------------- */

enum {
	FILTER_NAMES = FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME,
	FILTER_RENAMED = FILE_NOTIFY_CHANGE_ATTRIBUTES | FILE_NOTIFY_CHANGE_CREATION,
	FILTER_CONTENTS = FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE,
	FILTER_ATTRIBUTES = FILE_NOTIFY_CHANGE_ATTRIBUTES |
			    FILE_NOTIFY_CHANGE_LAST_WRITE |
			    FILE_NOTIFY_CHANGE_LAST_ACCESS | FILE_NOTIFY_CHANGE_CREATION |
			    FILE_NOTIFY_CHANGE_EA | FILE_NOTIFY_CHANGE_SECURITY,
};

static uint32_t mask_of(const struct notify *n)
{
	uint32_t mask = IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD;

	if ((n->filter & FILTER_NAMES) ||
	    n->tree) /* a tree has to follow its directories */
		mask |= IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
	if (n->filter & FILTER_RENAMED)
		mask |= IN_MOVED_FROM | IN_MOVED_TO;
	if (n->filter & FILTER_CONTENTS)
		mask |= IN_MODIFY;
	if (n->filter & FILTER_ATTRIBUTES)
		mask |= IN_ATTRIB;
	/* a mask must not be empty: that the directory itself goes is always worth knowing */
	return mask | IN_DELETE_SELF;
}

static bool wants_name(const struct notify *n, bool directory)
{
	return n->filter &
	       (directory ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME);
}

/* ---- watches and spots --------------------------------------------------------------------------- */

static struct watch *watch_find(struct notify_root *r, int wd)
{
	struct map_node *node = map_first(&r->watches, (uint64_t)wd);

	return node ? container_of(node, struct watch, by_wd) : NULL;
}

static void watch_drop(struct notify_root *r, struct watch *w)
{
	inotify_rm_watch(r->reader.fd,
			 (int)w->by_wd.key); /* -EINVAL if the kernel was first */
	map_del(&r->watches, &w->by_wd);
	r->watch_count--;
	free(w);
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
		w = r->watch_count < NOTIFY_WATCHES_MAX ? calloc(1, sizeof(*w)) : NULL;
		if (!w) {
			inotify_rm_watch(r->reader.fd, wd);
			return -ENOSPC;
		}
		list_init(&w->spots);
		map_add(&r->watches, &w->by_wd, (uint64_t)wd);
		r->watch_count++;
	}
	*ret_watch = w;
	return 0;
}

static struct spot *spot_find(const struct watch *w, const struct notify *n)
{
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		if (s->n == n)
			return s;
	}
	return NULL;
}

static struct spot *spot_child(const struct spot *parent, const char *name)
{
	list_for_each (it, &parent->n->spots) {
		struct spot *s = container_of(it, struct spot, in_notify);

		if (s->parent == parent && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static void spot_orphan(struct spot *s)
{
	if (s->parent)
		s->parent->child_count--;
	s->parent = NULL;
}

static void spot_free(struct spot *s)
{
	struct watch *w = s->watch;

	list_del(&s->in_watch);
	list_del(&s->in_notify);
	if (list_empty(&w->spots))
		watch_drop(s->n->root, w);
	spot_orphan(s);
	free(s->name);
	free(s);
}

/* All of a list; whose parents are all in it, or orphans. */
static void spots_free(struct list_node *spots)
{
	struct list_node *node;

	list_for_each (it, spots)
		spot_orphan(container_of(it, struct spot, in_notify));
	while ((node = list_pop(spots)))
		spot_free(container_of(node, struct spot, in_notify));
}

static bool spot_is_below(const struct spot *s, const struct spot *top)
{
	while (s && s != top)
		s = s->parent;
	return s;
}

/* It and all below it: sorted out first, since each is asked for its parents. */
static void spot_drop(struct spot *top)
{
	struct list_node doomed;

	if (top->child_count == 0) {
		spot_free(top);
		return;
	}
	list_init(&doomed);
	list_for_each (it, &top->n->spots) {
		if (!spot_is_below(container_of(it, struct spot, in_notify), top))
			continue;
		list_del(it);
		list_add_tail(&doomed, it);
	}
	spots_free(&doomed);
}

static bool spot_move(struct spot *s, struct spot *parent, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return false;
	free(s->name);
	s->name = copy;
	spot_orphan(s);
	if (parent)
		parent->child_count++;
	s->parent = parent;
	return true;
}

/* fd is the directory; parent NULL: n's own. An old spot of n for the same directory is moved. */
static int spot_add(struct notify *n, struct spot *parent, int fd, const char *name,
		    struct spot **ret_spot)
{
	struct watch *w = NULL;
	struct spot *s;
	int err;

	err = watch_get(n->root, fd, mask_of(n), &w);
	if (err)
		return err;
	s = spot_find(w, n);
	if (s) /* seen before: told twice, or mounted twice */
		return -EEXIST;
	s = calloc(1, sizeof(*s));
	if (!s || !spot_move(s, parent, name)) {
		free(s);
		if (list_empty(&w->spots))
			watch_drop(n->root, w);
		return -ENOMEM;
	}
	s->n = n;
	s->watch = w;
	list_add_tail(&w->spots, &s->in_watch);
	list_add_tail(&n->spots, &s->in_notify);
	*ret_spot = s;
	return 0;
}

/* ---- trees --------------------------------------------------------------------------------------- */

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Where the directory of s is, from the directory of its notify, for openat2(). */
static bool spot_path(const struct spot *s, char *buf, size_t cap, const char **ret_path)
{
	size_t at = cap - 1;

	buf[at] = '\0';
	for (; s->parent; s = s->parent) {
		size_t len = strlen(s->name);

		if (len + 1 > at)
			return false;
		if (buf[at])
			buf[--at] = '/';
		at -= len;
		memcpy(buf + at, s->name, len);
	}
	*ret_path = buf[at] ? buf + at : ".";
	return true;
}

static int spot_open(const struct spot *s, int flags)
{
	struct posix_file *top = s->n->dir;
	char buf[PATH_MAX];
	const char *path;

	if (!spot_path(s, buf, sizeof(buf), &path))
		return -ENAMETOOLONG;
	posix_act_as(top->vol, s->n->cred);
	return posix_resolve(top->vol, top->fd, path, flags | O_DIRECTORY | O_NOFOLLOW, 0,
			     POSIX_POOL);
}

/* A directory that was found in that of `parent`. What the user may not list is not his; what does not fit is lost. */
static struct spot *watch_child(struct spot *parent, int parent_fd, const char *name)
{
	struct notify *n = parent->n;
	struct spot *s;
	int err;

	posix_act_as(n->dir->vol, n->cred);
	CLEANUP(posix_closep)
	int fd = posix_resolve(n->dir->vol, parent_fd, name,
			       O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, POSIX_POOL);
	if (fd < 0)
		return NULL;
	err = spot_add(n, parent, fd, name, &s);
	if (err == -ENOSPC || err == -ENOMEM)
		notify_lose(n);
	return err ? NULL : s;
}

static bool is_directory(int fd, const struct dirent *de)
{
	struct statx stx;

	if (de->d_type != DT_UNKNOWN)
		return de->d_type == DT_DIR;
	return posix_statx(fd, de->d_name, &stx) == 0 && S_ISDIR(stx.stx_mode);
}

/* Watch the directories in that of s. fresh: what is in it came before we could see it come. */
static void scan(struct spot *s, bool fresh)
{
	CLEANUP(closedirp) DIR *dir = NULL;
	struct dirent *de;
	int fd = spot_open(s, O_RDONLY);

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((de = readdir(dir))) {
		bool directory = is_directory(fd, de);

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    !name_showable(de->d_name))
			continue;
		if (fresh && wants_name(s->n, directory))
			notify_gather(s, FILE_ACTION_ADDED, de->d_name);
		if (directory)
			watch_child(s, fd, de->d_name);
	}
}

/* From s on: what a scan finds is added behind, and scanned in its turn. */
static void scan_from(struct spot *s, bool fresh)
{
	struct notify *n = s->n;

	for (struct list_node *it = &s->in_notify; it != &n->spots; it = it->next)
		scan(container_of(it, struct spot, in_notify), fresh);
}

/* A directory appeared in that of s. */
static void appeared(struct spot *s, const char *name, bool fresh)
{
	struct spot *child;

	if (!s->n->tree)
		return;
	CLEANUP(posix_closep) int fd = spot_open(s, O_PATH);
	if (fd < 0)
		return;
	child = watch_child(s, fd, name);
	if (child)
		scan_from(child, fresh);
}

int notify_watch_start(struct notify *n)
{
	struct spot *s;
	int err;

	posix_act_as(n->dir->vol, n->cred);
	err = spot_add(n, NULL, n->dir->fd, "", &s);
	if (!err && n->tree)
		scan_from(s, false);
	return err;
}

void notify_watch_stop(struct notify *n)
{
	spots_free(&n->spots);
}

/* ---- events -------------------------------------------------------------------------------------- */

static void tell_name(struct spot *s, uint32_t action, const char *name, bool directory)
{
	if (wants_name(s->n, directory) && name_showable(name))
		notify_gather(s, action, name);
}

/*
 * A rename changes a file's attributes as well: [MS-FSA] 2.1.5.15.12 sets FILE_ATTRIBUTE_ARCHIVE. Deviation: nothing there
 * tells of that; Windows does, as of attributes and creation (smb2.notify.mask-change), but not who is told of the name
 * (smb2.notify.rec).
 */
static void tell_renamed(struct spot *s, const char *name, bool directory)
{
	if (!directory && !wants_name(s->n, false) && name_showable(name) &&
	    (s->n->filter & FILTER_RENAMED))
		notify_gather(s, FILE_ACTION_MODIFIED, name);
}

static void on_created(struct watch *w, const char *name, bool directory, bool fresh)
{
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		tell_name(s, FILE_ACTION_ADDED, name, directory);
		if (directory)
			appeared(s, name, fresh);
	}
}

/* A name is gone. The kernel would tell us when a directory is, too, but not as long as we hold it open. */
static void on_gone(struct watch *w, const char *name, bool directory)
{
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);
		struct spot *child = directory ? spot_child(s, name) : NULL;

		tell_name(s, FILE_ACTION_REMOVED, name, directory);
		if (child)
			spot_drop(child);
	}
}

/* Within one directory. Names that cannot be shown come and go as far as clients are concerned. */
static void on_renamed(struct spot *s, const char *from, const char *to, bool directory)
{
	struct spot *child = directory ? spot_child(s, from) : NULL;

	if (!name_showable(from)) {
		tell_name(s, FILE_ACTION_ADDED, to, directory);
	} else if (!name_showable(to)) {
		tell_name(s, FILE_ACTION_REMOVED, from, directory);
	} else {
		tell_name(s, FILE_ACTION_RENAMED_OLD_NAME, from, directory);
		tell_name(s, FILE_ACTION_RENAMED_NEW_NAME, to, directory);
	}
	tell_renamed(s, to, directory);
	if (child && !spot_move(child, s, to)) {
		spot_drop(child);
		notify_lose(s->n);
	}
}

/* From somewhere else. */
static void on_arrived(struct watch *w, const char *name, bool directory)
{
	on_created(w, name, directory, false);
	list_for_each (it, &w->spots)
		tell_renamed(container_of(it, struct spot, in_watch), name, directory);
}

/* From one directory to another: for who sees both, gone here and added there. */
static void on_moved(struct watch *from, struct watch *to, const struct notify_move *m,
		     const char *name)
{
	list_for_each (it, &from->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);
		struct spot *child = m->directory ? spot_child(s, m->name) : NULL;
		struct spot *parent = spot_find(to, s->n);

		tell_name(s, FILE_ACTION_REMOVED, m->name, m->directory);
		if (child && !(parent && spot_move(child, parent, name)))
			spot_drop(child);
	}
	on_arrived(to, name, m->directory); /* moved spots are there already */
}

static void on_moved_to(struct notify_root *r, struct watch *to,
			const struct inotify_event *e)
{
	struct notify_move m = r->move;
	struct watch *from = m.pending && m.cookie == e->cookie ? watch_find(r, m.wd)
								: NULL;

	if (!from) {
		on_arrived(to, e->name, e->mask & IN_ISDIR);
		return;
	}
	r->move.pending = false;
	if (from != to) {
		on_moved(from, to, &m, e->name);
		return;
	}
	list_for_each (it, &to->spots)
		on_renamed(container_of(it, struct spot, in_watch), m.name, e->name,
			   m.directory);
}

void notify_watch_flush(struct notify_root *r)
{
	struct notify_move m = r->move;
	struct watch *w = m.pending ? watch_find(r, m.wd) : NULL;

	r->move.pending = false;
	if (w)
		on_gone(w, m.name, m.directory);
}

static void on_moved_from(struct notify_root *r, const struct inotify_event *e)
{
	size_t len = strlen(e->name);

	notify_watch_flush(r);
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

static void on_modified(struct watch *w, const struct inotify_event *e)
{
	uint32_t filter = (e->mask & IN_MODIFY ? FILTER_CONTENTS : 0) |
			  (e->mask & IN_ATTRIB ? FILTER_ATTRIBUTES : 0);

	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		if ((s->n->filter & filter) && name_showable(e->name))
			notify_gather(s, FILE_ACTION_MODIFIED, e->name);
	}
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

static void on_overflow(struct notify_root *r)
{
	struct map_walk pos;

	for (struct map_node *node = map_walk_first(&r->watches, &pos); node;
	     node = map_walk_next(&r->watches, &pos)) {
		struct watch *w = container_of(node, struct watch, by_wd);

		list_for_each (it, &w->spots)
			notify_lose(container_of(it, struct spot, in_watch)->n);
	}
}

static void on_event(struct notify_root *r, const struct inotify_event *e)
{
	struct watch *w = watch_find(r, e->wd);

	if (e->mask & IN_Q_OVERFLOW)
		on_overflow(r);
	else if (e->mask & IN_IGNORED)
		on_ignored(r, e->wd);
	else if (!w || e->len == 0 || e->name[0] == '\0')
		return; /* given up since; or of the directory itself */
	else if (e->mask & IN_MOVED_FROM)
		on_moved_from(r, e);
	else if (e->mask & IN_MOVED_TO)
		on_moved_to(r, w, e);
	else if (e->mask & IN_CREATE)
		on_created(w, e->name, e->mask & IN_ISDIR, true);
	else if (e->mask & IN_DELETE)
		on_gone(w, e->name, e->mask & IN_ISDIR);
	else
		on_modified(w, e);
}

/* As inotify(7) lays them out; the buffer is aligned. */
void notify_watch_events(struct notify_root *r, const char *buf, size_t len)
{
	for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
		const struct inotify_event *e = (const void *)(buf + at);

		on_event(r, e);
		notify_tell(r);
		at += sizeof(*e) + e->len;
	}
}
