/*
 * notify.h - changes below a directory, from the kernel (inotify, fanotify), gathered for CHANGE_NOTIFY.
 *
 * The kernel tells of names and contents, not of everything Windows has filters for: changes of attributes, security,
 * EAs and of any time look alike, so whoever asked for one of them is told of all. Reading is not told
 * (FILE_NOTIFY_CHANGE_LAST_ACCESS: only times set by hand), and there are no stream changes. Whoever made a change, a
 * client or a local process, it is told by the kernel alone, so once.
 *
 * Below a directory (`tree`) only what the user may list is told, by the kernel's own check. A tree is watched by fanotify
 * if the server may mark file systems: however large it is, that takes one mark, and directories are looked up when
 * something happens in them. They are told by the path that they have then. Else, and where another file system is
 * mounted below, each directory takes a watch of inotify, at most NOTIFY_WATCHES_MAX a server; beyond that the gathering
 * says "overflow" once, and the client looks for itself.
 *
 * Owns     a thread and a descriptor each for inotify and fanotify; a struct notify belongs to its open.
 * Threads  all ops on the open's worker; none of them blocks, or asks the system for more than how much is queued, and a
 *          wake-up. Watches belong to the notify threads; they end waits by wait_claim(WAIT_GRANTED) + wait_post().
 * Spec     [MS-SMB2] 3.3.5.19, 2.2.35, 2.2.36; [MS-FSA] 2.1.5.11; [MS-FSCC] 2.7.1
 */
#pragma once

#include "base/list.h"
#include "base/status.h"
#include "fs/vfs.h"

#include <stdatomic.h>

struct notify_server;
struct notify_settle;
struct notify;

enum {
	NOTIFY_WATCHES_MAX = 8192,      /* directories a server	*/
	NOTIFY_EVENTS_MAX = 1024,       /* gathered for one open	*/
	NOTIFY_EVENT_BYTES_MAX = 65536, /* of their names	*/
	NOTIFY_WAITS_MAX = 16,          /* parked for one open	*/
};

struct notify_event {
	struct notify_event *next;
	uint32_t action; /* FILE_ACTION_*					*/
	char *name;      /* relative to the directory, backslashes, UTF-8	*/
};

/* What a back end provides; the simulation has its own. */
struct notify_ops {
	/*
	 * Begin to gather what `filter` (FILE_NOTIFY_CHANGE_*) asks for in `dir` and, with `tree`, below. Takes
	 * references of its own to dir and cred (NULL: the server's rights). `w` is armed, not parked; it ends when
	 * everything is watched, and *ret is set with 0. -EOPNOTSUPP for a directory of another back end, -EACCES,
	 * -ENOSPC (no more watches), -ENOMEM.
	 */
	void (*start)(struct notify_server *s, struct vfile *dir, struct cred *cred,
		      uint32_t filter, bool tree, struct notify **ret, struct wait *w);
	/*
	 * End w, which is parked, as soon as there are events; at once if something happened before the call. One wait
	 * is ended by each change, the oldest first. -ENOBUFS if too many wait already.
	 */
	void (*wait)(struct notify *n, struct wait *w);
	/* After the caller won wait_claim() on a waiting w, and before it ends it. */
	void (*forget)(struct notify *n, struct wait *w);
	/*
	 * For a wait that was ended without an error: the events it is told of, oldest first, in the arena; those that
	 * came later are kept for the next. `overflow` if some were lost: then none. None at all if they were lost
	 * and another wait was told so.
	 */
	struct notify_event *(*take)(struct notify *n, struct arena *a,
				     bool *ret_overflow);
	void (*free)(struct notify *n); /* no wait may be parked */
	/*
	 * End w, which is armed, once what happens in a directory that was made before the call will be told to who
	 * watches a tree around it. `s` is the caller's until then.
	 */
	void (*settle)(struct notify_server *server, struct notify_settle *s,
		       struct wait *w);
};

struct notify_settle {
	struct list_node node;
	struct wait *wait;
};

struct notify_server {
	const struct notify_ops *ops;
	atomic_uint
		lagging; /* trees to which directories are added: only then settle() does anything */
	int no_trees; /* why no tree is watched as a whole, but by each directory; 0: they are */
};

/*
 * The kernel's, on the thread that starts the server, before it gives up rights: fanotify needs CAP_SYS_ADMIN then, and
 * Linux 5.17. -ENOSYS and the like if there is not even inotify.
 */
enum notify_way { NOTIFY_BEST, NOTIFY_INOTIFY_ONLY };
MUST_CHECK int kernel_notify_new(enum notify_way way, struct notify_server **ret);
void kernel_notify_free(struct notify_server *s); /* every struct notify has been freed */
