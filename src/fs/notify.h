/*
 * notify.h - changes below a directory, from the kernel (inotify), gathered for CHANGE_NOTIFY.
 *
 * Owns     one thread and one inotify descriptor a server; a struct notify belongs to its open.
 * Threads  notify_wait(), notify_free() on the open's worker; events are gathered on the notify thread under a leaf
 *          lock and end the wait by wait_claim(WAIT_GRANTED) + wait_post().
 * Spec     [MS-SMB2] 3.3.5.19, 2.2.35, 2.2.36; [MS-FSA] 2.1.5.10, 2.1.5.11; [MS-FSCC] 2.7.1
 */
#pragma once

#include "base/status.h"
#include "fs/vfs.h"

struct notify_server;
struct notify;

struct notify_event {
	struct notify_event *next;
	uint32_t action; /* FILE_ACTION_*					*/
	char *name;      /* relative to the directory, backslashes, UTF-8	*/
};

/* What a back end provides; the simulation has its own. */
struct notify_ops {
	/* Begin to gather. STATUS_NOT_SUPPORTED where the system lacks it. */
	nt_status (*start)(struct notify_server *s, struct vfile *dir, uint32_t filter,
			   bool tree, struct notify **ret);
	/* End w as soon as there are events; at once if there are. Cancelled by wait_claim() from outside. */
	void (*wait)(struct notify *n, struct wait *w);
	/* Take all gathered events, oldest first, into the arena; `overflow` if some were lost. */
	struct notify_event *(*take)(struct notify *n, struct arena *a,
				     bool *ret_overflow);
	void (*free)(struct notify *n); /* no wait may be parked */
};

struct notify_server {
	const struct notify_ops *ops;
};

/* The inotify one. -ENOSYS and the like if the kernel cannot. */
MUST_CHECK int inotify_server_new(struct notify_server **ret);
void inotify_server_free(struct notify_server *s);
