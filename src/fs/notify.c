/*
 * notify.c - the gathering side: events of one open, who waits for them, and the thread that brings them.
 *
 *     struct notify   todo --thread: watched--> started --free--> dying --thread--> gone
 */
#include "fs/notify_impl.h"

#include "base/cred.h"
#include "fs/posix_impl.h"
#include "wire/fscc_proto.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	EVENTS_BYTES = 65536, /* read at once */
	MOVE_WAIT_MS = 10,    /* for the second half of a rename */
	PATH_BYTES_MAX = PATH_MAX,
};

static struct notify_root *root_of(struct notify_server *s)
{
	return container_of(s, struct notify_root, server);
}

/* ---- gathering ---------------------------------------------------------------------------------- */

static void drop_events(struct notify *n)
{
	while (n->first) {
		struct notify_event *e = n->first;

		n->first = e->next;
		free(e);
	}
	n->last = &n->first;
	n->count = 0;
	n->bytes = 0;
}

static void lose(struct notify *n)
{
	drop_events(n);
	n->overflow = true;
}

static bool repeats(const struct notify *n, uint32_t action, const char *path)
{
	const struct notify_event *e;

	if (action != FILE_ACTION_MODIFIED || !n->first)
		return false;
	e = container_of(n->last, struct notify_event, next);
	return e->action == action && strcmp(e->name, path) == 0;
}

/* The lock is held. */
static void append(struct notify *n, uint32_t action, const char *path)
{
	size_t len = strlen(path) + 1;
	struct notify_event *e;

	if (n->overflow || repeats(n, action, path))
		return;
	e = n->count < NOTIFY_EVENTS_MAX && n->bytes + len <= NOTIFY_EVENT_BYTES_MAX
		    ? malloc(sizeof(*e) + len)
		    : NULL;
	if (!e) {
		lose(n);
		return;
	}
	*e = (struct notify_event){.action = action, .name = (char *)(e + 1)};
	memcpy(e->name, path, len);
	*n->last = e;
	n->last = &e->next;
	n->count++;
	n->bytes += len;
}

static void make_ready(struct notify *n)
{
	if (!list_linked(&n->ready))
		list_add_tail(&n->root->ready, &n->ready);
}

/* From the end: name, then the names of the directories above it. False if it gets too long. */
static bool spot_path(const struct spot *s, const char *name, char *path,
		      const char **ret_path)
{
	size_t len = strlen(name), at = PATH_BYTES_MAX - 1;

	if (len > at)
		return false;
	path[at] = '\0';
	at -= len;
	memcpy(path + at, name, len);
	for (; s->parent; s = s->parent) {
		char made[SHORT_NAME_LEN + 1];
		const char *part = posix_shown_name(s->n->dir->vol, s->name, made);

		len = part ? strlen(part) : at;
		if (len + 1 > at)
			return false;
		path[--at] = '\\';
		at -= len;
		memcpy(path + at, part, len);
	}
	*ret_path = path + at;
	return true;
}

void notify_gather(struct spot *s, uint32_t action, const char *on_disk)
{
	char buf[PATH_BYTES_MAX], made[SHORT_NAME_LEN + 1];
	struct notify *n = s->n;
	const char *name = posix_shown_name(n->dir->vol, on_disk, made);
	const char *path;

	if (!name)
		return;
	if (!spot_path(s, name, buf, &path)) {
		notify_lose(n);
		return;
	}
	make_ready(n);
	LOCK_SCOPE(&n->lock);
	append(n, action, path);
}

void notify_lose(struct notify *n)
{
	make_ready(n);
	LOCK_SCOPE(&n->lock);
	lose(n);
}

/* ---- waits -------------------------------------------------------------------------------------- */

static bool has_news(const struct notify *n)
{
	return n->first || n->overflow;
}

/* The oldest wait that nobody else has claimed: now it is the caller's to end. The lock is held. */
static struct wait *claim_oldest(struct notify *n)
{
	struct wait *won = NULL;

	while (n->wait_count && !won) {
		struct wait *w = n->waits[0];

		n->wait_count--;
		memmove(n->waits, n->waits + 1, n->wait_count * sizeof(struct wait *));
		if (wait_claim(w, WAIT_GRANTED))
			won = w;
	}
	return won;
}

/* Once a batch of events, so that what belongs together is told together. */
static void tell_ready(struct notify_root *r)
{
	struct list_node *node;

	while ((node = list_pop(&r->ready))) {
		struct notify *n = container_of(node, struct notify, ready);
		struct wait *w = NULL;

		{
			LOCK_SCOPE(&n->lock);
			if (has_news(n))
				w = claim_oldest(n);
		}
		if (w)
			wait_post(w, 0);
	}
}

static int park(struct notify *n, struct wait *w)
{
	LOCK_SCOPE(&n->lock);
	if (has_news(n))
		return 0;
	if (n->wait_count == NOTIFY_WAITS_MAX)
		return -ENOBUFS;
	n->waits[n->wait_count++] = w;
	return -EINPROGRESS;
}

static void inotify_wait(struct notify *n, struct wait *w)
{
	int err = park(n, w);

	if (err != -EINPROGRESS && wait_claim(w, WAIT_GRANTED))
		wait_now(w, err);
}

static void inotify_forget(struct notify *n, struct wait *w)
{
	LOCK_SCOPE(&n->lock);
	for (size_t i = 0; i < n->wait_count; i++)
		if (n->waits[i] == w) {
			n->wait_count--;
			memmove(n->waits + i, n->waits + i + 1,
				(n->wait_count - i) * sizeof(struct wait *));
			return;
		}
}

static struct notify_event *inotify_take(struct notify *n, struct arena *a,
					 bool *ret_overflow)
{
	struct notify_event *first = NULL, **last = &first;

	LOCK_SCOPE(&n->lock);
	for (struct notify_event *e = n->first; e; e = e->next) {
		struct notify_event *copy = arena_alloc(a, sizeof(*copy));

		if (copy)
			copy->name = arena_strdup(a, e->name);
		if (!copy || !copy->name) {
			n->overflow = true;
			break;
		}
		copy->action = e->action;
		*last = copy;
		last = &copy->next;
	}
	*ret_overflow = n->overflow;
	drop_events(n);
	n->overflow = false;
	return *ret_overflow ? NULL : first;
}

/* ---- life --------------------------------------------------------------------------------------- */

static void notify_destroy(struct notify *n)
{
	assert(n->wait_count == 0);
	list_del(&n->ready);
	drop_events(n);
	vfile_put(&n->dir->vf);
	cred_put(n->cred);
	lock_fini(&n->lock);
	free(n);
}

static void inotify_start(struct notify_server *s, struct vfile *dir, struct cred *cred,
			  uint32_t filter, bool tree, struct notify **ret, struct wait *w)
{
	struct notify_root *r = root_of(s);
	struct notify *n;

	if (dir->ops != &posix_vfs_ops) {
		wait_now(w, -EOPNOTSUPP);
		return;
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		wait_now(w, -ENOMEM);
		return;
	}
	n->root = r;
	n->dir = posix_file_of(vfile_get(dir));
	n->cred = cred ? cred_get(cred) : NULL;
	n->filter = filter;
	n->tree = tree;
	n->ret = ret;
	n->start = w;
	n->last = &n->first;
	list_init(&n->spots);
	list_init(&n->ready);
	lock_init(&n->lock, LOCK_RANK_LEAF);
	{
		LOCK_SCOPE(&r->lock);
		list_add_tail(&r->todo, &n->command);
	}
	reader_wake(&r->reader);
}

static void inotify_free(struct notify *n)
{
	struct notify_root *r = n->root;

	{
		LOCK_SCOPE(&r->lock);
		list_add_tail(&r->dying, &n->command);
	}
	reader_wake(&r->reader);
}

static const struct notify_ops inotify_ops = {
	.start = inotify_start,
	.wait = inotify_wait,
	.forget = inotify_forget,
	.take = inotify_take,
	.free = inotify_free,
};

/* ---- the thread --------------------------------------------------------------------------------- */

static void start_one(struct notify *n)
{
	struct wait *w = n->start;
	int err = notify_watch_start(n);

	if (err)
		notify_destroy(n);
	else
		*n->ret = n;
	wait_post(w, err);
}

static void do_commands(struct notify_root *r)
{
	struct list_node todo, dying, *node;

	list_init(&todo);
	list_init(&dying);
	{
		LOCK_SCOPE(&r->lock);
		list_splice_tail(&todo, &r->todo);
		list_splice_tail(&dying, &r->dying);
	}
	while ((node = list_pop(&dying))) {
		struct notify *n = container_of(node, struct notify, command);

		notify_watch_stop(n);
		notify_destroy(n);
	}
	while ((node = list_pop(&todo)))
		start_one(container_of(node, struct notify, command));
}

/* All there is. True if there was something. */
static bool read_events(struct notify_root *r)
{
	bool any = false;
	ssize_t n;

	while ((n = read(r->reader.fd, r->events, EVENTS_BYTES)) > 0) {
		notify_watch_events(r, r->events, (size_t)n);
		any = true;
	}
	return any;
}

static int turn(struct reader *reader, bool woken)
{
	struct notify_root *r = container_of(reader, struct notify_root, reader);

	/* events first: they are older than what is commanded now */
	if (!read_events(r))
		notify_watch_flush(r);
	if (woken)
		do_commands(r);
	tell_ready(r);
	return r->move.pending ? MOVE_WAIT_MS : -1;
}

/* ---- server ------------------------------------------------------------------------------------- */

static void root_free(struct notify_root *r)
{
	map_fini(&r->watches);
	lock_fini(&r->lock);
	free(r->events);
	free(r);
}

int inotify_server_new(struct notify_server **ret)
{
	struct notify_root *r = calloc(1, sizeof(*r));
	int err, fd;

	if (!r)
		return -ENOMEM;
	r->server.ops = &inotify_ops;
	lock_init(&r->lock, LOCK_RANK_LEAF);
	list_init(&r->ready);
	list_init(&r->todo);
	list_init(&r->dying);
	r->events = malloc(EVENTS_BYTES);
	err = r->events ? map_init(&r->watches) : -ENOMEM;
	if (!err) {
		fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		err = fd < 0 ? -errno : reader_start(&r->reader, fd, turn);
	}
	if (err) {
		root_free(r);
		return err;
	}
	*ret = &r->server;
	return 0;
}

void inotify_server_free(struct notify_server *s)
{
	struct notify_root *r = root_of(s);

	reader_stop(&r->reader);
	assert(r->watch_count == 0);
	root_free(r);
}
