/*
 * open_call.h - file system calls on behalf of whoever opened the request's file, and the file's name, which renames
 *               change.
 *
 * Threads  the request's worker; open_path() and open_name() take the open's lock.
 */
#pragma once

#include "smb/req.h"

/* Start a call on the volume of q->open with the rights of who opened it; go on in `then`. Returns STATUS_PENDING. */
nt_status open_call(struct req *q, struct vfs_call *c, enum vfs_op op, req_done then);

/* The worker's clock, monotonic. */
static inline uint64_t req_now_ns(const struct req *q)
{
	return env_now_ns(q->lane->lane->env);
}

/* What clients are told of a file that is open: stat is what the file system says of it. */
static inline void open_show(const struct req *q, struct node *n, struct vfs_stat *stat)
{
	shown_apply(&node_base(n)->shown, &n->shown, req_now_ns(q), stat);
}

/* The path it was opened by or renamed to: from the share root, with backslashes, "" for it. NULL without memory. */
char *open_path(struct open *o, struct arena *a);

/* Directory and last name of that path. The directory is counted; NULL, and name "", for the root. -ENOMEM. */
MUST_CHECK int open_name(struct open *o, struct arena *a, struct node **ret_parent,
			 const char **ret_name);
