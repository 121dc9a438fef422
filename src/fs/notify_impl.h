/*
 * notify_impl.h - what the files of notify share.
 *
 *     notify.c        gathering, waits, the threads
 *     notify_queue.c  what the kernel has told, in its order
 *     notify_spot.c   where the directories are, what a change in one means
 *     notify_watch.c  inotify: a watch for each directory
 *     notify_fan.c    fanotify: a mark for each file system; directories are looked up as they are met
 *
 *     watch   one directory, as the kernel calls it: a watch descriptor, or a file handle
 *     spot    what a watch is to one struct notify: its place below that one's directory
 *
 * A root is one source with its thread. Watches and spots belong to that thread alone and have no lock. What workers put
 * in and take out (events, waits, commands) is under notify_root's or the notify's leaf lock.
 */
#pragma once

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "fs/notify.h"
#include "fs/reader.h"
#include "wire/smb2_proto.h"

#include <linux/limits.h>
#include <sys/types.h>

struct fan_handle;
struct posix_file;
struct chunk;
struct notify_entry;
struct notify_root;
struct watch;
struct spot;

/* Filters for which the same is asked of the kernel. */
enum {
	NOTIFY_FILTER_NAMES = FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME,
	NOTIFY_FILTER_RENAMED = FILE_NOTIFY_CHANGE_ATTRIBUTES |
				FILE_NOTIFY_CHANGE_CREATION,
	NOTIFY_FILTER_CONTENTS = FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE,
	NOTIFY_FILTER_ATTRIBUTES =
		FILE_NOTIFY_CHANGE_ATTRIBUTES | FILE_NOTIFY_CHANGE_LAST_WRITE |
		FILE_NOTIFY_CHANGE_LAST_ACCESS | FILE_NOTIFY_CHANGE_CREATION |
		FILE_NOTIFY_CHANGE_EA | FILE_NOTIFY_CHANGE_SECURITY,
};

/* Where changes come from; all on the thread of its root. */
struct notify_source {
	bool lags; /* directories have to be added to trees: notify_server.lagging */
	/* On the thread that starts the server: its descriptor, nonblocking; or negative errno. */
	int (*open)(struct notify_root *r);
	/*
	 * On the worker, before start(): what is done to the directory from now on is to be in the queue. If it cannot be,
	 * start() will say why. NULL: it is there anyhow, or later.
	 */
	void (*foresee)(struct notify *n);
	/* Watch all that n wants. 0 or negative errno, with nothing watched; -EOPNOTSUPP: others may. */
	int (*start)(struct notify *n);
	void (*stop)(struct notify *n);
	void (*drop)(struct notify_root *r, struct watch *w); /* it has no spots */
	/* A directory appeared in that of s. fresh: what is in it came before we could see it come */
	void (*appeared)(struct spot *s, const struct notify_entry *e, bool fresh);
	/* It has another place now. NULL: that does not matter. */
	void (*moved)(struct spot *s);
	/* Of events that the kernel tells: what FIONREAD said of them while they waited to be read. */
	uint64_t (*queued)(struct span events);
	/* Cut the first event off. Empty: there is none, or it cannot be read. */
	struct span (*next)(struct span *events);
	void (*event)(struct notify_root *r, struct span event);
	void (*flush)(struct notify_root *r); /* no second half will come */
};

extern const struct notify_source notify_inotify, notify_fanotify;

/* A name that went; its new place may follow with the same cookie. */
struct notify_move {
	bool pending;
	uint32_t cookie;
	int wd;
	bool directory;
	char name[NAME_MAX + 1];
};

struct notify_root {
	const struct notify_source *source;
	struct notify_server *server; /* I */
	struct notify_root *others;   /* I  takes over what this one cannot; or NULL */
	struct reader reader;         /* of the source's descriptor */
	struct list_node chunks; /* thread  as read; of the first what is behind `seen` */
	size_t chunk_count;      /* thread */
	struct chunk *spare;     /* thread  for the next to be read; or NULL */
	struct map watches;      /* thread  watch.by_key */
	size_t watch_count;      /* thread */
	struct notify_move move; /* thread  inotify's */
	struct notify_fan *fan;  /* thread  fanotify's */
	struct list_node started; /* thread  all */
	struct list_node ready;   /* thread: struct notify with new events */
	uint64_t seen; /* thread  where the event is that is looked at now, see `taken` */

	struct lock lock; /* leaf */
	uint64_t
		taken; /* L  how much has ever been read, as FIONREAD counts; what waits comes behind that */
	struct list_node todo;     /* L  to be started, in the order of start_at */
	struct list_node asking;   /* L  whose requests have begun to wait */
	struct list_node asked;    /* L  likewise, before what the thread reads now */
	struct list_node settling; /* L  struct notify_settle */
	struct list_node settled;  /* L  likewise, before what the thread reads now */
	struct list_node dying;    /* L  to be freed */
};

struct watch {
	struct map_node by_key; /* inotify's descriptor; a hash of fanotify's handle */
	struct list_node spots; /* without any it goes, unless it is pinned */
	unsigned pins;
};

enum notify_missed { MISSED_NONE, MISSED_OLD, MISSED_FRESH };

struct spot {
	struct list_node in_watch;
	struct list_node in_notify;
	struct watch *watch;
	struct notify *n;
	struct spot *parent; /* NULL: the directory itself */
	size_t child_count;
	char *name;                /* below parent; "" for none */
	enum notify_missed missed; /* inotify's: directories in it */
};

struct notify {
	struct notify_root *root;
	struct list_node command; /* root->todo or root->dying */
	struct list_node asking;  /* root's lock: root->asking or root->asked */
	uint64_t start_at; /* root's lock: the end of the queue when it was handed over */
	uint64_t asked_at; /* root's lock: the same when it asked */
	struct list_node in_root; /* thread: root->started */
	struct posix_file *dir;   /* counted */
	/* fanotify's */
	int mount_fd;      /* its directory, opened */
	fsid_t fsid;       /* where that is */
	uint64_t number;   /* another for each */
	struct cred *cred; /* counted; NULL: the server's */
	uint32_t filter;
	bool tree;
	struct notify **ret; /* of the start under way */
	struct wait *start;

	struct list_node spots; /* thread */
	struct list_node ready; /* thread */

	struct lock lock;                     /* leaf */
	struct list_node events;              /* L  struct gathered, oldest first */
	size_t count, bytes;                  /* L */
	bool overflow;                        /* L */
	struct wait *waits[NOTIFY_WAITS_MAX]; /* L  oldest first */
	size_t wait_count;                    /* L */
	size_t ready_count; /* L  of those: that the next event may end */
};

/* ---- notify.c: on the notify thread -------------------------------------------------------------- */

/* Are clients shown such a name in the directory of s? */
bool notify_shows(const struct spot *s, const char *on_disk);
/*
 * Gather one event of a name in the directory of s, unless clients are not shown it; the path to s is put in front, all
 * as clients are shown it.
 */
void notify_gather(struct spot *s, uint32_t action, const char *on_disk);
/* Something was lost. */
void notify_lose(struct notify *n);
/* Somebody looks at w, or at NULL, while spots may go. */
void watch_pin(struct watch *w);
void watch_unpin(struct notify_root *r, struct watch *w);
/* Those who asked before the event that comes now are told of what came before it, and those begin who were to see it. */
void notify_reached(struct notify_root *r);
/* One thing that happened has been gathered by all whom it concerns. */
void notify_tell(struct notify_root *r);

void notify_lose_all(struct notify_root *r);

/* ---- notify_queue.c ------------------------------------------------------------------------------ */

/* 0 or -ENOMEM. */
MUST_CHECK int notify_queue_init(struct notify_root *r);
void notify_queue_fini(struct notify_root *r); /* also if it failed */
/* Look at all there is, event by event. True if there was something. */
bool notify_look(struct notify_root *r);
/* Read all that was done until now. False: there is not the memory for it. */
MUST_CHECK bool notify_read_ahead(struct notify_root *r);
/* Walk what was read and is behind the event that is looked at. */
struct notify_later {
	struct list_node *chunk;
	struct span rest;
};
void notify_later(const struct notify_root *r, struct notify_later *ret);
/* Empty: that was all. */
struct span notify_later_next(const struct notify_root *r, struct notify_later *l);

/* ---- notify_spot.c ------------------------------------------------------------------------------- */

/* Where n sees the directory that is watched; NULL: nowhere. */
struct spot *spot_find(const struct watch *w, const struct notify *n);
/* -ENOMEM: w is given up if nobody else wants it. parent NULL: n's own directory */
MUST_CHECK int spot_new(struct notify *n, struct watch *w, struct spot *parent,
			const char *name, struct spot **ret_spot);
bool spot_is_below(const struct spot *s, const struct spot *top); /* or it is top */
/* It and all below it. */
void spot_drop(struct spot *top);
/* All of a list; whose parents are all in it. */
void spots_free(struct list_node *spots);
/* That is where it is now. -ENOMEM. */
MUST_CHECK int spot_place(struct spot *s, struct spot *parent, const char *name);
/* The directory, by its path and with the rights of who watches: a descriptor or negative errno. */
MUST_CHECK int spot_open(const struct spot *s, int flags);

/* What a directory holds. */
struct notify_entry {
	const char *name;
	bool directory;
	bool by_name; /* a directory's watch is the one at that name; else it is `self` */
	struct watch *self;              /* or NULL: nobody has asked for it */
	const struct fan_handle *handle; /* fanotify's, of itself; or NULL: not told */
};

bool notify_wants_name(const struct notify *n, bool directory);
/* fresh: it was made, so that all that was in it when it was met is new. */
void notify_created(struct watch *w, const struct notify_entry *e, bool fresh);
void notify_gone(struct watch *w, const struct notify_entry *e);
/* From where nobody watches. */
void notify_arrived(struct watch *w, const struct notify_entry *e);
void notify_renamed(struct watch *from, const struct notify_entry *old, struct watch *to,
		    const struct notify_entry *e);
/* filter: FILE_NOTIFY_CHANGE_* that it may have been */
void notify_modified(struct watch *w, const char *name, uint32_t filter);
