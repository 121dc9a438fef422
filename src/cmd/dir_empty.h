/*
 * dir_empty.h - is the directory that a request is about empty?
 *
 * Threads  the request's worker.
 */
#pragma once

#include "smb/req.h"

/* Embedded in the state of the request. */
struct dir_empty {
	struct vfile *dir; /* a data handle of our own, or NULL */
	union {
		struct vfs_open open;
		struct vfs_readdir readdir;
	} call;
	req_done then;
};

/* Look into q->open, a directory; goes on with then(q, 0) or -ENOTEMPTY, or what went wrong. STATUS_PENDING. */
nt_status dir_empty_check(struct req *q, struct dir_empty *e, req_done then);
/* With the request, whether or not it was asked. */
void dir_empty_fini(struct dir_empty *e);
