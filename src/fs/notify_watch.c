/* notify_watch.c - directories watched by inotify, one watch each, and what that tells of them. */
#include "fs/notify_impl.h"

#include "fs/posix_impl.h"
#include "wire/smb2_proto.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

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

static struct watch *watch_find(struct notify_root *r, int wd)
{
	struct map_node *node = map_first(&r->watches, (uint64_t)wd);

	return node ? container_of(node, struct watch, by_key) : NULL;
}

static void inotify_drop(struct notify_root *r, struct watch *w)
{
	inotify_rm_watch(r->reader.fd,
			 (int)w->by_key.key); /* -EINVAL if the kernel was first */
	map_del(&r->watches, &w->by_key);
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
		map_add(&r->watches, &w->by_key, (uint64_t)wd);
		r->watch_count++;
	}
	*ret_watch = w;
	return 0;
}

/* fd is the directory; parent NULL: n's own. */
static int spot_add(struct notify *n, struct spot *parent, int fd, const char *name,
		    struct spot **ret_spot)
{
	struct watch *w = NULL;
	int err;

	err = watch_get(n->root, fd, mask_of(n), &w);
	if (err)
		return err;
	if (spot_find(w, n)) /* seen before: told twice, or mounted twice */
		return -EEXIST;
	return spot_new(n, w, parent, name, ret_spot);
}

/* ---- trees --------------------------------------------------------------------------------------- */

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
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
		    !notify_shows(s, de->d_name))
			continue;
		if (fresh && notify_wants_name(s->n, directory))
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

static void inotify_appeared(struct spot *s, const char *name, bool fresh)
{
	struct spot *child;

	CLEANUP(posix_closep) int fd = spot_open(s, O_PATH);
	if (fd < 0)
		return;
	child = watch_child(s, fd, name);
	if (child)
		scan_from(child, fresh);
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
		scan_from(s, false);
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

/* As inotify(7) lays them out; the buffer is aligned. */
static void inotify_events(struct notify_root *r, struct span events)
{
	for (size_t at = 0; at + sizeof(struct inotify_event) <= events.len;) {
		const struct inotify_event *e = (const void *)(events.p + at);

		notify_reached(r);
		on_event(r, e);
		notify_tell(r);
		at += sizeof(*e) + e->len;
		r->seen += sizeof(*e) + e->len;
	}
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
	.queued = inotify_queued,
	.events = inotify_events,
	.flush = inotify_flush,
};
