/*
 * local_watch.c - marks of an fanotify group, and what the kernel tells of them.
 *
 *     struct mark   new --set(what)--> busy: one thread asks the kernel --nobody wants otherwise--> settled --set(0)--> gone
 *
 * The kernel names files by file system and handle; `by_handle` finds the mark, whose key goes to the sink.
 */
#include "fs/local_watch.h"

#include "base/list.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/map.h"
#include "fs/fan.h"
#include "fs/posix_impl.h"
#include "fs/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

enum {
	EVENTS_BYTES = 65536, /* read at once */
	REST_MS = 2, /* between two reads: meanwhile the kernel merges what is alike */
};

struct mark {
	struct map_node by_key, by_handle; /* L */
	struct list_node in_all;           /* L */
	struct node_key key;               /* I */
	struct fan_handle handle;          /* I */
	unsigned wanted;                   /* L  by the last set */
	bool busy;                         /* L  somebody is asking the kernel */
	unsigned asked, got;               /* whose `busy` it is: of the kernel */
	uint64_t batch;                    /* L  in which `told` was told */
	unsigned told;                     /* L */
};

struct fan {
	struct local_watch watch;
	struct local_sink *sink; /* I */
	uint8_t hash_key[16];    /* I */
	size_t marks_max;        /* I */
	pid_t self;              /* I */
	struct reader reader;
	char *events;   /* reader: as read from the kernel */
	uint64_t batch; /* reader */
	atomic_ullong full, impossible, told, own, overflows;

	struct lock lock;       /* leaf */
	struct map by_key;      /* L */
	struct map by_handle;   /* L */
	struct list_node marks; /* L  all */
};

static struct fan *fan_of(struct local_watch *w)
{
	return container_of(w, struct fan, watch);
}

/* ---- marks -------------------------------------------------------------------------------------- */

static uint64_t key_hash(const struct fan *f, const struct node_key *key)
{
	return map_hash(f->hash_key, span_of(key, sizeof(*key)));
}

static uint64_t handle_hash(const struct fan *f, const struct fan_handle *h)
{
	return map_hash(f->hash_key, span_of(h->bytes, h->len));
}

/* The lock is held, here and below. */
static struct mark *mark_of_key(const struct fan *f, const struct node_key *key)
{
	for (struct map_node *n = map_first(&f->by_key, key_hash(f, key)); n;
	     n = map_next(n)) {
		struct mark *m = container_of(n, struct mark, by_key);

		if (node_key_eq(&m->key, key))
			return m;
	}
	return NULL;
}

static struct mark *mark_of_handle(const struct fan *f, const struct fan_handle *h)
{
	for (struct map_node *n = map_first(&f->by_handle, handle_hash(f, h)); n;
	     n = map_next(n)) {
		struct mark *m = container_of(n, struct mark, by_handle);

		if (fan_handle_eq(&m->handle, h))
			return m;
	}
	return NULL;
}

static void mark_link(struct fan *f, struct mark *m)
{
	map_add(&f->by_key, &m->by_key, key_hash(f, &m->key));
	map_add(&f->by_handle, &m->by_handle, handle_hash(f, &m->handle));
	list_add_tail(&f->marks, &m->in_all);
}

static void mark_unlink(struct fan *f, struct mark *m)
{
	map_del(&f->by_key, &m->by_key);
	map_del(&f->by_handle, &m->by_handle);
	list_del(&m->in_all);
}

/* ---- asking the kernel --------------------------------------------------------------------------- */

static void count_failure(struct fan *f, int err)
{
	bool full = err == -ENOSPC || err == -ENOMEM;

	if (atomic_fetch_add(full ? &f->full : &f->impossible, 1))
		return;
	if (full)
		log_warn("too many files are cached by clients to watch them all: not "
			 "told of what "
			 "others do to the rest (fs.fanotify.max_user_marks)");
	else
		log_verbose("clients may cache files that cannot be watched: %s",
			    strerror(-err));
}

static int ask_once(const struct fan *f, const struct posix_file *file, unsigned flags,
		    uint64_t mask)
{
	int err;

	/* a path handle is not good enough for this call */
	if (file->data)
		err = fanotify_mark(f->reader.fd, flags, mask, file->fd, NULL);
	else
		err = fanotify_mark(f->reader.fd, flags, mask, AT_FDCWD,
				    posix_proc(file->fd).path);
	return err < 0 ? -errno : 0;
}

/* The kernel wants to see the right to read. The user may have none: what we tell nobody about is not his to read. */
static int ask(const struct fan *f, const struct posix_file *file, unsigned flags,
	       unsigned what)
{
	uint64_t mask = fan_mask(what);
	int err;

	if (!mask)
		return 0;
	err = ask_once(f, file, flags, mask);
	if (err == -EACCES) {
		posix_act_as(file->vol, NULL);
		err = ask_once(f, file, flags, mask);
	}
	return err;
}

/* First what comes in, so that nothing is missed between. m is the caller's: busy. */
static void mark_settle(struct fan *f, struct mark *m, const struct posix_file *file)
{
	int err = ask(f, file, FAN_MARK_ADD, m->asked & ~m->got);

	if (err)
		count_failure(f, err);
	else
		m->got |= m->asked;
	/* -ENOENT: the kernel has forgotten a file that is gone; any other: its events find nobody who wants them */
	if (ask(f, file, FAN_MARK_REMOVE, m->got & ~m->asked) != 0)
		log_debug("a mark could not be taken back");
	m->got &= m->asked;
}

/* ---- set ---------------------------------------------------------------------------------------- */

static int mark_new(const struct posix_file *file, const struct node_key *key,
		    struct mark **ret_mark)
{
	struct mark *m = calloc(1, sizeof(*m));
	int err = m ? fan_handle_read(file->fd, &m->handle) : -ENOMEM;

	if (err) {
		free(m);
		return err;
	}
	m->key = *key;
	*ret_mark = m;
	return 0;
}

enum claim { CLAIM_NONE, CLAIM_MINE, CLAIM_OTHERS };

/* Whoever finds the mark settled has to ask the kernel; a busy one's owner sees what is wanted when he is done. */
static enum claim claim(struct fan *f, const struct node_key *key, unsigned what,
			struct mark **ret_mark)
{
	struct mark *m = mark_of_key(f, key);

	if (!m)
		return CLAIM_NONE;
	m->wanted = what;
	if (m->busy)
		return CLAIM_OTHERS;
	m->busy = true;
	*ret_mark = m;
	return CLAIM_MINE;
}

static enum claim claim_old(struct fan *f, const struct node_key *key, unsigned what,
			    struct mark **ret_mark)
{
	LOCK_SCOPE(&f->lock);

	return claim(f, key, what, ret_mark);
}

/* The same with a mark in hand, in case there is none yet: taken over if it is *ret_mark afterwards. */
static enum claim claim_new(struct fan *f, struct mark *fresh, unsigned what,
			    struct mark **ret_mark)
{
	LOCK_SCOPE(&f->lock);
	enum claim c = claim(f, &fresh->key, what, ret_mark);

	if (c != CLAIM_NONE || f->by_key.count >= f->marks_max)
		return c;
	mark_link(f, fresh);
	return claim(f, &fresh->key, what, ret_mark);
}

/* Is there more to ask? Else the mark is nobody's any more, and freed if nothing came of it. */
static bool mark_next(struct fan *f, struct mark *m)
{
	bool gone;

	{
		LOCK_SCOPE(&f->lock);
		if (m->wanted != m->asked) {
			m->asked = m->wanted;
			return true;
		}
		m->busy = false;
		gone = m->got == 0;
		if (gone)
			mark_unlink(f, m);
	}
	if (gone)
		free(m);
	return false;
}

static void set(struct fan *f, const struct posix_file *file, const struct node_key *key,
		unsigned what)
{
	struct mark *fresh = NULL, *m = NULL;
	enum claim c = claim_old(f, key, what, &m);

	if (c == CLAIM_NONE && what) {
		int err = mark_new(file, key, &fresh);

		if (!err) {
			c = claim_new(f, fresh, what, &m);
			err = c == CLAIM_NONE ? -ENOSPC : 0;
		}
		if (err)
			count_failure(f, err);
		if (m != fresh)
			free(fresh);
	}
	if (c == CLAIM_MINE)
		while (mark_next(f, m))
			mark_settle(f, m, file);
}

static void fanotify_set(struct local_watch *w, struct vfile *file,
			 const struct node_key *key, unsigned what)
{
	struct fan *f = fan_of(w);

	if (file->ops != &posix_vfs_ops || key->stream)
		return;
	/* asking a peer would take its time, and what its other clients do is not told anyway */
	if (posix_file_of(file)->fs->local)
		set(f, posix_file_of(file), key, what);
	else if (what)
		count_failure(f, -EREMOTE);
}

static const struct local_watch_ops fanotify_ops = {.set = fanotify_set};

/* ---- events: on the reader's thread -------------------------------------------------------------- */

static void tell(struct fan *f, const struct node_key *key, unsigned what)
{
	for (unsigned e = 0; e < LOCAL_EVENT_COUNT; e++)
		if (what & 1U << e) {
			atomic_fetch_add(&f->told, 1);
			f->sink->changed(f->sink, key, e);
		}
}

/* Of `what`, that which is to be told of h now. */
static unsigned news(struct fan *f, const struct fan_handle *h, unsigned what,
		     struct node_key *ret_key)
{
	LOCK_SCOPE(&f->lock);
	struct mark *m = mark_of_handle(f, h);

	if (!m)
		return 0;
	if (m->batch != f->batch)
		m->told = 0;
	m->batch = f->batch;
	what &= m->wanted & ~m->told;
	m->told |= what;
	*ret_key = m->key;
	return what;
}

static bool next_of(struct fan *f, struct list_node *rest, struct node_key *ret_key,
		    unsigned *ret_what)
{
	LOCK_SCOPE(&f->lock);
	struct list_node *node = list_pop(rest);
	struct mark *m = node ? container_of(node, struct mark, in_all) : NULL;

	if (!m)
		return false;
	list_add_tail(&f->marks, node);
	*ret_key = m->key;
	*ret_what = m->wanted;
	return true;
}

/* Events were lost: everything may have happened to every file. */
static void tell_all(struct fan *f)
{
	struct list_node rest;
	struct node_key key;
	unsigned what;

	atomic_fetch_add(&f->overflows, 1);
	list_init(&rest);
	{
		LOCK_SCOPE(&f->lock);
		list_splice_tail(&rest, &f->marks);
	}
	while (next_of(f, &rest, &key, &what))
		tell(f, &key, what);
}

static void on_event(struct fan *f, const struct fanotify_event_metadata *e,
		     struct span record)
{
	struct node_key key;
	struct fan_handle h;

	if (e->mask & FAN_Q_OVERFLOW)
		tell_all(f);
	else if (e->pid == f->self) /* others are 0 where we may not know them */
		atomic_fetch_add(&f->own, 1);
	else if (fan_handle_parse(record, &h))
		tell(f, &key, news(f, &h, fan_what(e->mask), &key));
}

static void on_events(struct fan *f, struct span events)
{
	struct fanotify_event_metadata e;
	struct span records;

	f->batch++;
	while (fan_event_next(&events, &e, &records))
		on_event(f, &e, records);
}

static int turn(struct reader *reader, bool woken)
{
	struct fan *f = container_of(reader, struct fan, reader);
	ssize_t len = read(reader->fd, f->events, EVENTS_BYTES);

	if (len > 0)
		on_events(f, span_of(f->events, (size_t)len));
	if (len < EVENTS_BYTES / 2 && !woken)
		poll(NULL, 0, REST_MS);
	return -1;
}

/* ---- life --------------------------------------------------------------------------------------- */

static void fan_free(struct fan *f)
{
	struct list_node *node;

	while ((node = list_pop(&f->marks)))
		free(container_of(node, struct mark, in_all));
	map_fini(&f->by_key);
	map_fini(&f->by_handle);
	lock_fini(&f->lock);
	free(f->events);
	free(f);
}

static int fan_start(struct fan *f)
{
	int err = map_init(&f->by_key), fd;

	if (!err)
		err = map_init(&f->by_handle);
	f->events = malloc(EVENTS_BYTES);
	if (err || !f->events)
		return -ENOMEM;
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC | FAN_NONBLOCK,
			   O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : reader_start(&f->reader, fd, turn);
}

int fanotify_watch_new(const struct fanotify_settings *s, struct local_watch **ret)
{
	struct fan *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->watch.ops = &fanotify_ops;
	f->sink = s->sink;
	memcpy(f->hash_key, s->hash_key, sizeof(f->hash_key));
	f->marks_max = s->marks_max;
	f->self = getpid();
	lock_init(&f->lock, LOCK_RANK_LEAF);
	list_init(&f->marks);
	err = fan_start(f);
	if (err) {
		fan_free(f);
		return err;
	}
	*ret = &f->watch;
	return 0;
}

void fanotify_watch_free(struct local_watch *w)
{
	if (!w)
		return;
	reader_stop(&fan_of(w)->reader);
	fan_free(fan_of(w));
}

struct fanotify_counts fanotify_watch_counts(struct local_watch *w)
{
	struct fan *f = fan_of(w);
	struct fanotify_counts c = {
		.full = atomic_load(&f->full),
		.impossible = atomic_load(&f->impossible),
		.told = atomic_load(&f->told),
		.own = atomic_load(&f->own),
		.overflows = atomic_load(&f->overflows),
	};
	LOCK_SCOPE(&f->lock);

	c.marks = f->by_key.count;
	return c;
}
