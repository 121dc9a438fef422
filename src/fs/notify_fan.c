/*
 * notify_fan.c - whole trees, by a mark of fanotify on their file system.
 *
 * The kernel names the directory in which something happened by a handle, wherever it is. Once it is opened by that handle
 * its path says whose it is; then it is walked to from there, with the rights of who watches, and what was passed gets
 * spots. So spots can be forgotten at any time. What is nowhere for somebody is remembered, too (`misses`), until a
 * directory moves or its rights change.
 *
 * A path says where a directory is now, which may be elsewhere than when the event happened. So one that is made or comes
 * gets its spot from that event, and each rename moves it. Only what happens in one that was there before and was not met
 * yet is told at its new place, if it is renamed before this thread comes that far; and then the rename.
 *
 * The kernel puts what happens to one name into one event until it is read; what came first is found by whether the name
 * is there.
 */
#include "fs/notify_impl.h"

#include "fs/cred.h"
#include "fs/fan.h"
#include "fs/posix_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

enum {
	MISSES = 4096, /* power of two */
	RETRIES = 3,   /* of a walk that a rename overtakes */
	MOUNT_LINE_MAX = 8192,
};

struct notify_fan {
	uint64_t numbers;        /* of struct notify there have been */
	uint64_t misses[MISSES]; /* of hashes of directory and who watches; 0: none */
};

struct fan_watch {
	struct watch watch;
	struct fan_handle handle;
};

/* ---- directories by their handles ---------------------------------------------------------------- */

/* Handles come from the kernel; who could choose them well enough to fill one slot could do worse to the file system. */
static uint64_t handle_hash(const struct fan_handle *h)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (unsigned i = 0; i < h->len; i++)
		hash = (hash ^ h->bytes[i]) * 0x100000001b3;
	return hash ^ hash >> 29;
}

static struct watch *watch_find(const struct notify_root *r, const struct fan_handle *h)
{
	for (struct map_node *node = map_first(&r->watches, handle_hash(h)); node;
	     node = map_next(node)) {
		struct fan_watch *w = container_of(node, struct fan_watch, watch.by_key);

		if (fan_handle_eq(&w->handle, h))
			return &w->watch;
	}
	return NULL;
}

static void fan_drop(struct notify_root *r, struct watch *w)
{
	map_del(&r->watches, &w->by_key);
	r->watch_count--;
	free(container_of(w, struct fan_watch, watch));
}

static struct watch *watch_get(struct notify_root *r, const struct fan_handle *h)
{
	struct watch *old = watch_find(r, h);
	struct fan_watch *w = old ? NULL : calloc(1, sizeof(*w));

	if (!w)
		return old;
	w->handle = *h;
	list_init(&w->watch.spots);
	map_add(&r->watches, &w->watch.by_key, handle_hash(h));
	r->watch_count++;
	return &w->watch;
}

/* ---- marks --------------------------------------------------------------------------------------- */

static uint64_t mask_of(const struct notify *n)
{
	/* attributes, for rights are among them: who may see a directory does not always */
	uint64_t mask = FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ATTRIB | FAN_ONDIR;

	if (n->filter & NOTIFY_FILTER_CONTENTS)
		mask |= FAN_MODIFY;
	return mask;
}

static bool same_fs(const struct notify *a, const struct notify *b)
{
	return memcmp(&a->fsid, &b->fsid, sizeof(a->fsid)) == 0;
}

static int mark(const struct notify *n, unsigned flags, uint64_t mask)
{
	int err = cred_security_begin();

	if (err)
		return err;
	err = fanotify_mark(n->root->reader.fd, flags | FAN_MARK_FILESYSTEM, mask,
			    n->mount_fd, NULL);
	err = err < 0 ? -errno : 0;
	cred_security_end();
	return err;
}

/* n is no longer among the started. */
static void unmark(const struct notify *n)
{
	uint64_t mask = mask_of(n);

	list_for_each (it, &n->root->started) {
		const struct notify *other = container_of(it, struct notify, in_root);

		if (same_fs(other, n))
			mask &= ~mask_of(other);
	}
	if (mask && mark(n, FAN_MARK_REMOVE, mask) != 0)
		notify_lose_all(n->root);
}

/* ---- from a handle to a place -------------------------------------------------------------------- */

static uint64_t miss_hash(const struct notify *n, const struct fan_handle *h)
{
	uint64_t hash = (handle_hash(h) ^ n->number) * 0x9e3779b97f4a7c15;

	return hash ? hash : 1;
}

static uint64_t *miss_slot(const struct notify *n, uint64_t hash)
{
	return &n->root->fan->misses[hash >> 32 & (MISSES - 1)];
}

static void forget_misses(struct notify_root *r)
{
	memset(r->fan->misses, 0, sizeof(r->fan->misses));
}

static int handle_open(const struct notify *n, const struct fan_handle *h)
{
	struct {
		struct file_handle fh;
		uint8_t bytes[FAN_HANDLE_MAX];
	} buf = {.fh = {.handle_bytes = h->len, .handle_type = h->type}};
	int fd;

	memcpy(buf.fh.f_handle, h->bytes, h->len);
	posix_act_as(n->dir->vol, NULL);
	fd = open_by_handle_at(n->mount_fd, &buf.fh, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* As who watches. O_PATH: look for what is in it; O_RDONLY: list it, too. */
static bool may_open(const struct notify *n, const struct fan_handle *dir, int how)
{
	int fd = handle_open(n, dir), in;

	if (fd < 0)
		return false;
	posix_act_as(n->dir->vol, n->cred);
	in = openat(fd, ".", how | O_DIRECTORY | O_CLOEXEC);
	close(fd);
	if (in >= 0)
		close(in);
	return in >= 0;
}

static bool path_read(int fd, char path[PATH_MAX])
{
	ssize_t len = readlink(posix_proc(fd).path, path, PATH_MAX);

	if (len < 0 || len == PATH_MAX)
		return false;
	path[len] = '\0';
	return true;
}

/* What follows `top` in path; NULL: it is not below. */
static char *below(char *path, const char *top)
{
	size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);

	return strncmp(path, top, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

/* One step of the walk: the spot of `name` in that of *s, whose directory is *fd; both become the next. */
static int step(struct spot **s, int *fd, const char *name, struct fan_handle *ret_handle)
{
	struct notify *n = (*s)->n;
	struct spot *next;
	struct watch *w;
	int err, opened;

	if (!notify_shows(*s, name))
		return -ENOENT;
	opened = posix_resolve(n->dir->vol, *fd, name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, POSIX_POOL);
	if (opened < 0)
		return opened;
	if (*fd != n->dir->fd)
		close(*fd);
	*fd = opened;
	err = fan_handle_read(opened, ret_handle);
	if (err)
		return err;
	w = watch_get(n->root, ret_handle);
	if (!w)
		return -ENOMEM;
	next = spot_find(w, n);
	err = next ? spot_place(next, *s, name) : spot_new(n, w, *s, name, &next);
	*s = next;
	return err;
}

/* From the directory of n, as who watches it: 0 and a spot for each directory on the way, if the last is h. */
static int walk(struct notify *n, char *path, const struct fan_handle *h)
{
	struct spot *s = container_of(n->spots.next, struct spot, in_notify);
	struct fan_handle reached = {0};
	int fd = n->dir->fd, err = 0;
	char *rest = path;

	posix_act_as(n->dir->vol, n->cred);
	while (!err && rest) {
		char *name = strsep(&rest, "/");

		err = step(&s, &fd, name, &reached);
	}
	if (fd != n->dir->fd)
		close(fd);
	if (err)
		return err;
	return fan_handle_eq(&reached, h) ? 0 : -ESTALE;
}

/* 0 if n has a spot for h now. -ENOENT: it is not below, or gone; -EACCES: not for its user; -ESTALE: renamed meanwhile. */
static int look_up(struct notify *n, const struct fan_handle *h)
{
	char top[PATH_MAX], path[PATH_MAX];
	char *rest;
	int fd = handle_open(n, h);

	if (fd < 0)
		return -ENOENT;
	bool known = path_read(n->mount_fd, top) && path_read(fd, path);
	close(fd);
	rest = known ? below(path, top) : NULL;
	return rest ? walk(n, rest, h) : -ENOENT;
}

/* All places but the directories themselves: they are found again. */
static void forget_places(struct notify_root *r)
{
	list_for_each (it, &r->started) {
		struct notify *n = container_of(it, struct notify, in_root);
		struct spot *top = container_of(n->spots.next, struct spot, in_notify);

		for (struct list_node *node; (node = top->in_notify.next) != &n->spots;)
			spot_drop(container_of(node, struct spot, in_notify));
	}
}

static void place_for(struct notify *n, const struct fan_handle *h)
{
	uint64_t hash = miss_hash(n, h);
	int err = -ESTALE;

	if (*miss_slot(n, hash) == hash)
		return;
	for (int i = 0; i < RETRIES && err == -ESTALE; i++)
		err = look_up(n, h);
	if (err == -ESTALE || err == -ENOMEM)
		notify_lose(n);
	else if (err)
		*miss_slot(n, hash) = hash;
}

/* Everybody's places of a directory. NULL: nobody watches it. */
static struct watch *places(struct notify_root *r, const struct fan_handle *h)
{
	struct watch *w = watch_find(r, h);

	list_for_each (it, &r->started) {
		struct notify *n = container_of(it, struct notify, in_root);

		if (memcmp(&n->fsid, &h->fsid, sizeof(n->fsid)) == 0 &&
		    !(w && spot_find(w, n)))
			place_for(n, h);
		w = watch_find(r, h);
	}
	return w;
}

/* ---- events -------------------------------------------------------------------------------------- */

static struct notify_entry entry_of(struct notify_root *r, const struct fan_names *f,
				    const struct fan_name *name, uint64_t mask)
{
	return (struct notify_entry){
		.name = name->name,
		.directory = mask & FAN_ONDIR,
		.self = f->has_self ? watch_find(r, &f->self) : NULL,
		.handle = f->has_self ? &f->self : NULL,
	};
}

static void on_rename(struct notify_root *r, const struct fan_names *f, uint64_t mask)
{
	struct watch *from, *to;
	struct notify_entry old, entry;

	if (!f->has_from || !f->has_to)
		return;
	if (mask & FAN_ONDIR)
		forget_misses(r);
	from = places(r, &f->from.dir);
	to = places(r, &f->to.dir);
	old = entry_of(r, f, &f->from, mask);
	entry = entry_of(r, f, &f->to, mask);
	if (from && to)
		notify_renamed(from, &old, to, &entry);
	else if (from)
		notify_gone(from, &old);
	else if (to)
		notify_arrived(to, &entry);
}

/* Who may not list it any more loses it; it is looked up again if there is another way. */
static void on_rights(struct notify_root *r, struct watch *w)
{
	const struct fan_watch *fw = container_of(w, struct fan_watch, watch);

	watch_pin(w);
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		if (s->parent && !may_open(s->n, &fw->handle, O_RDONLY))
			spot_drop(s);
	}
	watch_unpin(r, w);
}

/* A directory's own attributes: told where it is, as its parent's are. */
static void on_directory(struct watch *w, uint32_t filter)
{
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		if (s->parent && (s->n->filter & filter))
			notify_gather(s->parent, FILE_ACTION_MODIFIED, s->name);
	}
}

static bool is_there(const struct watch *w, const char *name)
{
	const struct spot *s = container_of(w->spots.next, struct spot, in_watch);
	const struct fan_watch *fw = container_of(w, struct fan_watch, watch);
	int fd = handle_open(s->n, &fw->handle);
	bool there;

	if (fd < 0)
		return false;
	there = faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	close(fd);
	return there;
}

static uint32_t filter_of(uint64_t mask)
{
	return (mask & FAN_MODIFY ? NOTIFY_FILTER_CONTENTS : 0) |
	       (mask & FAN_ATTRIB ? NOTIFY_FILTER_ATTRIBUTES : 0);
}

static void on_entry(struct notify_root *r, struct watch *w, const struct fan_names *f,
		     uint64_t mask)
{
	struct notify_entry e = entry_of(r, f, &f->in, mask);
	bool came = mask & FAN_CREATE, went = mask & FAN_DELETE;
	bool back = came && went && is_there(w, e.name);

	watch_pin(w);
	watch_pin(e.self);
	if (back)
		notify_gone(w, &e);
	if (came)
		notify_created(w, &e, false);
	if (filter_of(mask))
		notify_modified(w, e.name, filter_of(mask));
	if (went && !back && !list_empty(&w->spots)) {
		struct notify_entry gone = entry_of(r, f, &f->in, mask);

		notify_gone(w, &gone);
	}
	watch_unpin(r, e.self);
	watch_unpin(r, w);
}

static void on_event(struct notify_root *r, uint64_t mask, struct span records)
{
	struct fan_names f;
	struct watch *w;

	if (mask & FAN_Q_OVERFLOW) {
		forget_misses(r);
		notify_lose_all(r);
	}
	if (!fan_names_parse(records, &f))
		return;
	if (r->watch_count > NOTIFY_WATCHES_MAX)
		forget_places(r);
	if (mask & FAN_RENAME) {
		on_rename(r, &f, mask);
		return;
	}
	if (!f.has_in) /* of a file that has no name any more */
		return;
	if (mask & FAN_ATTRIB && mask & FAN_ONDIR) /* it may be open to others now */
		forget_misses(r);
	w = places(r, &f.in.dir);
	if (!w)
		return;
	if (strcmp(f.in.name, ".") != 0) {
		on_entry(r, w, &f, mask);
		return;
	}
	on_directory(w, filter_of(mask));
	if (mask & FAN_ATTRIB)
		on_rights(r, w);
}

/* Of each event only what all have. */
static uint64_t fan_queued(struct span events)
{
	struct fanotify_event_metadata e;
	struct span records;
	uint64_t sum = 0;

	while (fan_event_next(&events, &e, &records))
		sum += FAN_EVENT_METADATA_LEN;
	return sum;
}

static struct span fan_next(struct span *events)
{
	struct fanotify_event_metadata e;
	struct span all = *events, records;

	return fan_event_next(events, &e, &records)
		       ? span_head(all, all.len - events->len)
		       : span_of(NULL, 0);
}

static void fan_event(struct notify_root *r, struct span event)
{
	struct fanotify_event_metadata e;
	struct span records;

	if (fan_event_next(&event, &e, &records))
		on_event(r, e.mask, records);
}

/* ---- life ---------------------------------------------------------------------------------------- */

/* Another file system below would not be told of. */
static bool has_mounts_below(const struct notify *n)
{
	char top[PATH_MAX], line[MOUNT_LINE_MAX];
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	bool found = !mounts || !path_read(n->mount_fd, top);

	while (!found && fgets(line, sizeof(line), mounts))
		found = fan_mount_is_below(line, top);
	if (mounts)
		fclose(mounts);
	return found;
}

/* Its directory, and what must be possible there. */
static int prepare(struct notify *n, struct fan_handle *ret_handle)
{
	int fd;

	if (!n->dir->fs->local)
		return -EOPNOTSUPP;
	posix_act_as(n->dir->vol, NULL);
	n->mount_fd = posix_reopen(n->dir->vol, n->dir->fd, O_RDONLY | O_DIRECTORY);
	if (n->mount_fd < 0 || has_mounts_below(n) ||
	    fan_handle_read(n->mount_fd, ret_handle) != 0)
		return -EOPNOTSUPP;
	n->fsid = ret_handle->fsid;
	fd = handle_open(n, ret_handle);
	if (fd < 0)
		return -EOPNOTSUPP;
	close(fd);
	return 0;
}

static int may_list(const struct notify *n)
{
	int fd;

	posix_act_as(n->dir->vol, n->cred);
	fd = posix_reopen(n->dir->vol, n->dir->fd, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int begin(struct notify *n)
{
	struct fan_handle h;
	struct watch *w;
	struct spot *s;
	int err = may_list(n);

	if (!err)
		err = prepare(n, &h);
	if (!err && mark(n, FAN_MARK_ADD, mask_of(n)) != 0)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	w = watch_get(n->root, &h);
	err = w ? spot_new(n, w, NULL, "", &s) : -ENOMEM;
	if (err)
		unmark(n);
	return err;
}

static int fan_start(struct notify *n)
{
	int err;

	n->number = ++n->root->fan->numbers;
	err = begin(n);
	if (err && n->mount_fd >= 0) {
		close(n->mount_fd);
		n->mount_fd = -1;
	}
	return err;
}

static void fan_stop(struct notify *n)
{
	spots_free(&n->spots);
	unmark(n);
}

/* Everything that happens in it is seen; where it is, only now. */
static void fan_appeared(struct spot *s, const struct notify_entry *e, bool fresh)
{
	const struct fan_watch *parent = container_of(s->watch, struct fan_watch, watch);
	struct watch *w = e->handle ? watch_find(s->n->root, e->handle) : NULL;
	struct spot *child;

	if (!e->handle || (w && spot_find(w, s->n)) ||
	    !may_open(s->n, &parent->handle, O_PATH) ||
	    !may_open(s->n, e->handle, O_RDONLY))
		return;
	w = watch_get(s->n->root, e->handle);
	if (!w || spot_new(s->n, w, s, e->name, &child) != 0)
		notify_lose(s->n);
}

static void fan_flush(struct notify_root *r)
{
}

/* Anybody may have the descriptor. Another failure is the root file system's. */
static int try_mark(int fd)
{
	const uint64_t mask = FAN_RENAME | FAN_ONDIR;

	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD, "/") <
	    0)
		return errno == EPERM || errno == EINVAL ? -errno : 0;
	if (fanotify_mark(fd, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, mask, AT_FDCWD,
			  "/") < 0)
		return -errno;
	return 0;
}

/* A filter of system calls may have it. A descriptor that is none is looked at after the right to call. */
static int try_handles(void)
{
	struct {
		struct file_handle fh;
		uint8_t bytes[8];
	} buf = {.fh.handle_bytes = sizeof(buf.bytes)};
	int fd = open_by_handle_at(-1, &buf.fh, O_PATH | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && (errno == EPERM || errno == ENOSYS) ? -errno : 0;
}

static int fan_open(struct notify_root *r)
{
	int fd, err;

	r->fan = calloc(1, sizeof(*r->fan));
	if (!r->fan)
		return -ENOMEM;
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME_TARGET | FAN_CLOEXEC |
				   FAN_NONBLOCK,
			   O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = try_mark(fd);
	if (!err)
		err = try_handles();
	if (!err)
		return fd;
	close(fd);
	return err;
}

const struct notify_source notify_fanotify = {
	.open = fan_open,
	.start = fan_start,
	.stop = fan_stop,
	.drop = fan_drop,
	.appeared = fan_appeared,
	.queued = fan_queued,
	.next = fan_next,
	.event = fan_event,
	.flush = fan_flush,
};
