/*
 * notify.c - the gathering side: events of one open, who waits for them, and the threads that bring them.
 *
 *     struct notify   todo --thread: watched--> started --free--> dying --thread--> gone
 *
 * What a client did before it asked is in the kernel's queue by the time it asks. So a request that begins to wait notes how
 * far that queue reaches and goes to the thread, which reads on to there; then it is told of all of it at once, or waits. One
 * that waits already is ended by the first change, and told of that alone: what is done next is the next request's, whoever
 * is quicker. Likewise the first request of an open: what its client does right behind it, without waiting for an answer, is
 * behind what the queue held then, and the thread starts it when it comes there.
 */
#include "fs/notify_impl.h"

#include "base/cred.h"
#include "base/log.h"
#include "fs/posix_impl.h"
#include "wire/fscc_proto.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	MOVE_WAIT_MS = 10, /* for the second half of a rename */
	PATH_BYTES_MAX = PATH_MAX,
};

/* Trees go to fanotify, if the kernel lets us; all else, and what that cannot, to inotify. */
struct kernel_notify {
	struct notify_server server;
	struct notify_root *trees; /* or NULL */
	struct notify_root *rest;
};

/* ---- gathering ---------------------------------------------------------------------------------- */

struct gathered {
	struct list_node node; /* notify->events */
	uint32_t action;
	bool ends; /* the last that a request which was ended is told of */
	char name[];
};

static struct gathered *gathered_of(struct list_node *node)
{
	return container_of(node, struct gathered, node);
}

static void drop_event(struct notify *n, struct gathered *e)
{
	list_del(&e->node);
	n->count--;
	n->bytes -= strlen(e->name) + 1;
	free(e);
}

static void drop_events(struct notify *n)
{
	while (!list_empty(&n->events))
		drop_event(n, gathered_of(n->events.next));
}

static void lose(struct notify *n)
{
	drop_events(n);
	n->overflow = true;
}

static bool repeats(const struct notify *n, uint32_t action, const char *path)
{
	const struct gathered *e;

	if (action != FILE_ACTION_MODIFIED || list_empty(&n->events))
		return false;
	e = gathered_of(n->events.prev);
	return e->action == action && strcmp(e->name, path) == 0;
}

/* The lock is held. */
static void append(struct notify *n, uint32_t action, const char *path)
{
	size_t len = strlen(path) + 1;
	struct gathered *e;

	if (n->overflow || repeats(n, action, path))
		return;
	e = n->count < NOTIFY_EVENTS_MAX && n->bytes + len <= NOTIFY_EVENT_BYTES_MAX
		    ? calloc(1, sizeof(*e) + len)
		    : NULL;
	if (!e) {
		lose(n);
		return;
	}
	e->action = action;
	memcpy(e->name, path, len);
	list_add_tail(&n->events, &e->node);
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

bool notify_shows(const struct spot *s, const char *on_disk)
{
	char made[SHORT_NAME_LEN + 1];

	return posix_shown_name(s->n->dir->vol, on_disk, made) != NULL;
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

/* Besides what those are told that were ended already and have not taken it yet. */
static bool has_news(const struct notify *n)
{
	return n->overflow ||
	       (!list_empty(&n->events) && !gathered_of(n->events.prev)->ends);
}

static void drop_wait(struct notify *n, size_t at)
{
	n->wait_count--;
	memmove(n->waits + at, n->waits + at + 1,
		(n->wait_count - at) * sizeof(struct wait *));
	if (at < n->ready_count)
		n->ready_count--;
}

/* The oldest wait that nobody else has claimed: now it is the caller's to end. The lock is held. */
static struct wait *claim_oldest(struct notify *n)
{
	struct wait *won = NULL;

	while (n->ready_count && !won) {
		struct wait *w = n->waits[0];

		drop_wait(n, 0);
		if (wait_claim(w, WAIT_GRANTED))
			won = w;
	}
	return won;
}

/* End one wait, which is told of all there is now. */
static void tell(struct notify *n)
{
	struct wait *w = NULL;

	{
		LOCK_SCOPE(&n->lock);
		if (has_news(n))
			w = claim_oldest(n);
		if (w && !list_empty(&n->events))
			gathered_of(n->events.prev)->ends = true;
	}
	if (w)
		wait_post(w, 0);
}

void notify_tell(struct notify_root *r)
{
	struct list_node *node;

	while ((node = list_pop(&r->ready)))
		tell(container_of(node, struct notify, ready));
}

static bool park(struct notify *n, struct wait *w)
{
	LOCK_SCOPE(&n->lock);
	if (n->wait_count == NOTIFY_WAITS_MAX)
		return false;
	n->waits[n->wait_count++] = w;
	return true;
}

/* Its lock is held: nobody reads meanwhile. other: if the kernel does not say. */
static uint64_t end_of_queue(const struct notify_root *r, uint64_t other)
{
	int queued = 0;

	return ioctl(r->reader.fd, FIONREAD, &queued) == 0 ? r->taken + (unsigned)queued
							   : other;
}

/* If it has asked already, and nobody has looked yet, both requests are told of what was done before the first. */
static void ask(struct notify_root *r, struct notify *n)
{
	LOCK_SCOPE(&r->lock);
	if (list_linked(&n->asking))
		return;
	n->asked_at = end_of_queue(r, UINT64_MAX);
	list_add_tail(&r->asking, &n->asking);
}

static void kernel_wait(struct notify *n, struct wait *w)
{
	struct notify_root *r = n->root;

	if (!park(n, w)) {
		if (wait_claim(w, WAIT_GRANTED))
			wait_now(w, -ENOBUFS);
		return;
	}
	ask(r, n);
	reader_wake(&r->reader);
}

/* All that was done before it was asked for has been gathered. */
static void asked(struct notify *n)
{
	{
		LOCK_SCOPE(&n->lock);
		n->ready_count = n->wait_count;
	}
	tell(n);
}

static void kernel_forget(struct notify *n, struct wait *w)
{
	LOCK_SCOPE(&n->lock);
	for (size_t i = 0; i < n->wait_count; i++)
		if (n->waits[i] == w) {
			drop_wait(n, i);
			return;
		}
}

/* The oldest, unless there is no memory to tell it in: then it is lost. The lock is held. */
static struct notify_event *take_event(struct notify *n, struct arena *a, bool *ret_ends)
{
	struct gathered *e = gathered_of(n->events.next);
	struct notify_event *copy = arena_alloc(a, sizeof(*copy));

	if (copy)
		copy->name = arena_strdup(a, e->name);
	if (!copy || !copy->name) {
		lose(n);
		return NULL;
	}
	copy->action = e->action;
	*ret_ends = e->ends;
	drop_event(n, e);
	return copy;
}

static struct notify_event *kernel_take(struct notify *n, struct arena *a,
					bool *ret_overflow)
{
	struct notify_event *first = NULL, **last = &first, *e;
	bool ends = false;

	LOCK_SCOPE(&n->lock);
	while (!ends && !list_empty(&n->events) && (e = take_event(n, a, &ends))) {
		*last = e;
		last = &e->next;
	}
	*ret_overflow = n->overflow;
	n->overflow = false;
	return *ret_overflow ? NULL : first;
}

/* ---- life --------------------------------------------------------------------------------------- */

static void notify_destroy(struct notify *n)
{
	assert(n->wait_count == 0);
	list_del(&n->ready);
	drop_events(n);
	if (n->mount_fd >= 0)
		close(n->mount_fd);
	vfile_put(&n->dir->vf);
	cred_put(n->cred);
	lock_fini(&n->lock);
	free(n);
}

static void hand_to(struct notify_root *r, struct notify *n)
{
	n->root = r;
	if (r->source->foresee)
		r->source->foresee(n);
	{
		LOCK_SCOPE(&r->lock);
		n->start_at = end_of_queue(r, 0);
		list_add_tail(&r->todo, &n->command);
	}
	reader_wake(&r->reader);
}

static void kernel_start(struct notify_server *s, struct vfile *dir, struct cred *cred,
			 uint32_t filter, bool tree, struct notify **ret, struct wait *w)
{
	struct kernel_notify *k = container_of(s, struct kernel_notify, server);
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
	n->mount_fd = -1;
	n->dir = posix_file_of(vfile_get(dir));
	n->cred = cred ? cred_get(cred) : NULL;
	n->filter = filter;
	n->tree = tree;
	n->ret = ret;
	n->start = w;
	list_init(&n->events);
	list_init(&n->spots);
	list_init(&n->ready);
	list_init(&n->asking);
	lock_init(&n->lock, LOCK_RANK_LEAF);
	hand_to(tree && k->trees ? k->trees : k->rest, n);
}

static void kernel_free(struct notify *n)
{
	struct notify_root *r = n->root;

	{
		LOCK_SCOPE(&r->lock);
		list_del(&n->asking);
		list_add_tail(&r->dying, &n->command);
	}
	reader_wake(&r->reader);
}

static void kernel_settle(struct notify_server *server, struct notify_settle *s,
			  struct wait *w)
{
	struct notify_root *r = container_of(server, struct kernel_notify, server)->rest;

	s->wait = w;
	{
		LOCK_SCOPE(&r->lock);
		list_add_tail(&r->settling, &s->node);
	}
	reader_wake(&r->reader);
}

static const struct notify_ops kernel_ops = {
	.start = kernel_start,
	.wait = kernel_wait,
	.forget = kernel_forget,
	.take = kernel_take,
	.free = kernel_free,
	.settle = kernel_settle,
};

/* ---- the thread --------------------------------------------------------------------------------- */

static void count_lagging(const struct notify *n, int by)
{
	if (n->tree && n->root->source->lags)
		atomic_fetch_add(&n->root->server->lagging, (unsigned)by);
}

static void start_one(struct notify *n)
{
	struct notify_root *r = n->root;
	struct wait *w = n->start;
	int err = r->source->start(n);

	if (err == -EOPNOTSUPP && r->others) {
		hand_to(r->others, n);
		return;
	}
	if (err) {
		notify_destroy(n);
	} else {
		list_add_tail(&r->started, &n->in_root);
		count_lagging(n, 1);
		*n->ret = n;
	}
	wait_post(w, err);
}

/* The first that is to see what comes from where the thread is now. */
static struct notify *pop_todo(struct notify_root *r)
{
	LOCK_SCOPE(&r->lock);
	struct notify *n = list_empty(&r->todo)
				   ? NULL
				   : container_of(r->todo.next, struct notify, command);

	if (!n || n->start_at > r->seen)
		return NULL;
	list_del(&n->command);
	return n;
}

static void start_reached(struct notify_root *r)
{
	struct notify *n;

	while ((n = pop_todo(r)))
		start_one(n);
}

static void end_some(struct notify_root *r)
{
	struct list_node dying, *node;

	list_init(&dying);
	{
		LOCK_SCOPE(&r->lock);
		list_splice_tail(&dying, &r->dying);
	}
	while ((node = list_pop(&dying))) {
		struct notify *n = container_of(node, struct notify, command);

		list_del(&n->in_root);
		count_lagging(n, -1);
		r->source->stop(n);
		notify_destroy(n);
	}
}

/* Who began to wait before the events are read that are read now. */
static void collect_waits(struct notify_root *r)
{
	LOCK_SCOPE(&r->lock);
	list_splice_tail(&r->asked, &r->asking);
	list_splice_tail(&r->settled, &r->settling);
}

static struct wait *pop_settled(struct notify_root *r)
{
	LOCK_SCOPE(&r->lock);
	struct list_node *node = list_pop(&r->settled);

	return node ? container_of(node, struct notify_settle, node)->wait : NULL;
}

static struct notify *pop_asked(struct notify_root *r)
{
	LOCK_SCOPE(&r->lock);
	struct list_node *node = list_pop(&r->asked);

	return node ? container_of(node, struct notify, asking) : NULL;
}

/* The first of both lists: they are in the order of asked_at. */
static struct notify *pop_reached(struct notify_root *r)
{
	LOCK_SCOPE(&r->lock);
	struct list_node *from = list_empty(&r->asked) ? &r->asking : &r->asked;
	struct notify *n = list_empty(from)
				   ? NULL
				   : container_of(from->next, struct notify, asking);

	if (!n || n->asked_at > r->seen)
		return NULL;
	list_del(&n->asking);
	return n;
}

void notify_reached(struct notify_root *r)
{
	struct notify *n;

	start_reached(r);
	while ((n = pop_reached(r)))
		asked(n);
}

static int turn(struct reader *reader, bool woken)
{
	struct notify_root *r = container_of(reader, struct notify_root, reader);
	struct notify *n;
	struct wait *w;

	if (woken)
		collect_waits(r);
	/* events first: they are older than what is commanded now */
	if (!notify_look(r) && !woken) {
		r->source->flush(r);
		notify_tell(r);
	}
	while ((w = pop_settled(r)))
		wait_post(w, 0);
	while ((n = pop_asked(r)))
		asked(n);
	/* begin before others end: a directory that is watched by both stays so. Who is not reached is not done, but then
	 * there is more to read */
	start_reached(r);
	if (woken)
		end_some(r);
	if (!list_empty(&r->chunks)) /* read ahead since */
		return 0;
	return r->move.pending ? MOVE_WAIT_MS : -1;
}

/* ---- server ------------------------------------------------------------------------------------- */

static void root_free(struct notify_root *r)
{
	map_fini(&r->watches);
	lock_fini(&r->lock);
	free(r->fan);
	notify_queue_fini(r);
	free(r);
}

static int root_start(struct notify_root *r)
{
	int err = map_init(&r->watches), fd;

	if (!err)
		err = notify_queue_init(r);
	if (err)
		return err;
	fd = r->source->open(r);
	return fd < 0 ? fd : reader_start(&r->reader, fd, turn);
}

static int root_new(struct notify_server *server, const struct notify_source *source,
		    struct notify_root *others, struct notify_root **ret_root)
{
	struct notify_root *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->server = server;
	r->source = source;
	r->others = others;
	lock_init(&r->lock, LOCK_RANK_LEAF);
	list_init(&r->chunks);
	list_init(&r->ready);
	list_init(&r->started);
	list_init(&r->asking);
	list_init(&r->asked);
	list_init(&r->settling);
	list_init(&r->settled);
	list_init(&r->todo);
	list_init(&r->dying);
	err = root_start(r);
	if (err)
		root_free(r);
	else
		*ret_root = r;
	return err;
}

static void root_stop(struct notify_root *r)
{
	reader_stop(&r->reader);
	assert(r->watch_count == 0);
	root_free(r);
}

int kernel_notify_new(enum notify_way way, struct notify_server **ret)
{
	struct kernel_notify *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->server.ops = &kernel_ops;
	err = root_new(&k->server, &notify_inotify, NULL, &k->rest);
	if (err) {
		free(k);
		return err;
	}
	if (way == NOTIFY_BEST)
		err = root_new(&k->server, &notify_fanotify, k->rest, &k->trees);
	k->server.no_trees = err;
	*ret = &k->server;
	return 0;
}

void kernel_notify_free(struct notify_server *s)
{
	struct kernel_notify *k = container_of(s, struct kernel_notify, server);

	if (k->trees)
		root_stop(k->trees);
	root_stop(k->rest);
	free(k);
}
