/*
 * open_call.h - file system calls on behalf of whoever opened the request's file.
 *
 * Threads  the request's worker.
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
