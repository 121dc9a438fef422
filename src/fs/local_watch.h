/*
 * local_watch.h - what processes of this machine do to files that clients cache, so that the caches can be broken.
 *
 * What this process does itself is never told. The rest is told soon, not in time: a local process does not wait for the
 * client to write back. Not told: a truncation by path while only WATCH_OPENS is asked for; stores through a mapping
 * before the file is closed; who had the file open already; what other machines do to a network file system.
 *
 * Owns     one thread and one fanotify group a server; a mark holds its file's inode in memory, nothing else.
 * Threads  set on any, under no lock: system calls that do not sleep on a local file system. changed() runs on the
 *          watcher's thread.
 * Errors   a file that cannot be watched is counted and said once; the caller is not told: its lease is granted all the
 *          same.
 * Spec     none; stands for the other opens of [MS-FSA] 2.1.4.12, for those that are not made through us
 */
#pragma once

#include "fs/vfs.h"

enum local_event {
	LOCAL_OPENED,  /* by whoever, for whatever				*/
	LOCAL_CHANGED, /* contents or size; or closed by who could have done it	*/
	LOCAL_NAMES,   /* of a directory					*/
	LOCAL_EVENT_COUNT,
};

/* What to tell of. What costs our own reads and writes least while a client caches: */
enum {
	WATCH_OPENS = 1 << LOCAL_OPENED, /* writes: who changes a file opens it first	*/
	WATCH_CHANGES = 1 << LOCAL_CHANGED, /* reads only; our writes are slower	*/
	WATCH_NAMES = 1 << LOCAL_NAMES,     /* a directory				*/
};

/*
 * Who is told. changed() may post messages and take locks, not wait; no lock is held. It may come late: after what was
 * asked for has been taken back. In one batch of the kernel's events each is told once; batches are 2 ms
 * apart, unless very much happens.
 */
struct local_sink {
	void (*changed)(struct local_sink *s, const struct node_key *key,
			enum local_event what);
};

struct local_watch;

struct local_watch_ops {
	void (*set)(struct local_watch *w, struct vfile *file, const struct node_key *key,
		    unsigned what);
};

struct local_watch {
	const struct local_watch_ops *ops;
};

/*
 * From now on tell of `what` (WATCH_*) about file, whose key is `key`; 0: of nothing any more. A data handle is quicker
 * than a path handle; either stands for the file. To be called before what is cached is granted; and whoever asked for
 * something asks for 0 before he gives up the file.
 *
 * The last call for a file counts: the caller sees to it that they come in the right order (inside its turn). The thread
 * may act as the server itself afterwards.
 *
 * Files of another back end, and named streams, which others cannot reach, are not watched. w NULL: nothing is.
 */
static inline void local_watch_set(struct local_watch *w, struct vfile *file,
				   const struct node_key *key, unsigned what)
{
	if (w)
		w->ops->set(w, file, key, what);
}

/* ---- the fanotify one --------------------------------------------------------------------------- */

/* Files a server; the kernel's own bound may be lower. */
enum { LOCAL_MARKS_MAX = 131072 };

struct fanotify_settings {
	struct local_sink *sink; /* outlives the watch */
	const uint8_t *hash_key; /* 16 bytes */
	size_t marks_max;
};

/* Since it was made, but for marks. */
struct fanotify_counts {
	size_t marks;                  /* there are now				*/
	unsigned long long full;       /* files not watched: too many, or no memory	*/
	unsigned long long impossible; /* files not watched: the file system cannot	*/
	unsigned long long told;
	unsigned long long own; /* events that our own doing has cost	*/
	unsigned long long overflows;
};

/*
 * On the thread that starts the server, before it gives up rights: with CAP_SYS_ADMIN the kernel tells which process it
 * was, otherwise 0 for all but us. Needs Linux 5.13 there, else 5.8; -ENOSYS, -EPERM, -EINVAL where there is no such thing.
 */
MUST_CHECK int fanotify_watch_new(const struct fanotify_settings *s,
				  struct local_watch **ret);
void fanotify_watch_free(struct local_watch *w); /* no set is under way; NULL is fine */
struct fanotify_counts fanotify_watch_counts(struct local_watch *w);
