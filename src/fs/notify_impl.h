/*
 * notify_impl.h - what notify.c (gathering, waits, the thread) and notify_watch.c (directories and their events) share.
 *
 *     watch   one directory in the kernel's list: a watch descriptor
 *     spot    what a watch is to one struct notify: its place below that one's directory
 *
 * Watches and spots belong to the notify thread alone and have no lock. What workers put in and take out (events,
 * waits, commands) is under notify_server's or the notify's leaf lock.
 */
#pragma once

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "fs/notify.h"
#include "fs/reader.h"

#include <linux/limits.h>

struct posix_file;

/* A name that went; its new place may follow with the same cookie. */
struct notify_move {
	bool pending;
	uint32_t cookie;
	int wd;
	bool directory;
	char name[NAME_MAX + 1];
};

struct notify_root {
	struct notify_server server;
	struct reader reader;    /* of inotify's descriptor */
	char *events;            /* thread: as read from the kernel */
	struct map watches;      /* thread */
	size_t watch_count;      /* thread */
	struct notify_move move; /* thread */
	struct list_node ready;  /* thread: struct notify with new events */

	struct lock lock;        /* leaf */
	struct list_node todo;   /* L  to be started */
	struct list_node asking; /* L  whose requests have begun to wait */
	struct list_node asked;  /* L  likewise, before what the thread reads now */
	struct list_node dying;  /* L  to be freed */
};

struct watch {
	struct map_node by_wd;
	uint32_t mask;
	struct list_node spots;
};

struct spot {
	struct list_node in_watch;
	struct list_node in_notify;
	struct watch *watch;
	struct notify *n;
	struct spot *parent; /* NULL: the directory itself */
	size_t child_count;
	char *name; /* below parent; "" for none */
};

struct notify {
	struct notify_root *root;
	struct list_node command; /* root->todo or root->dying */
	struct list_node asking;  /* root's lock: root->asking or root->asked */
	struct posix_file *dir;   /* counted */
	struct cred *cred;        /* counted; NULL: the server's */
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

/* Gather one event; name is relative to the directory of s, path to s is put in front. */
void notify_gather(struct spot *s, uint32_t action, const char *name);
/* Something was lost. */
void notify_lose(struct notify *n);
/* One thing that happened has been gathered by all whom it concerns. */
void notify_tell(struct notify_root *r);

/* ---- notify_watch.c ----------------------------------------------------------------------------- */

/* Watch all that n wants. 0 or negative errno, with nothing watched. */
MUST_CHECK int notify_watch_start(struct notify *n);
void notify_watch_stop(struct notify *n);
/* Handle a buffer of events from the kernel. */
void notify_watch_events(struct notify_root *r, const char *buf, size_t len);
/* No second half will come. */
void notify_watch_flush(struct notify_root *r);
