/*
 * break_wait.h - what clients cache is in an operation's way: have it broken, and wait for their acknowledgements.
 *
 * A request that waits holds no turn, gets an interim answer, and can be cancelled. What is not acknowledged within
 * STATE_ACK_WAIT_MS is taken away.
 *
 * Threads  the request's worker.
 * Spec     [MS-FSA] 2.1.4.12, [MS-SMB2] 3.3.4.2, 3.3.6.1
 */
#pragma once

#include "smb/req.h"

/*
 * `who` was answered STATUS_PENDING about n: go on with then(q, 0) when it is worth another try. Otherwise the request ends,
 * by CANCEL and the like; everything it holds must be such that q->cleanup gives it back.
 */
nt_status break_wait(struct req *q, struct node *n, const struct state_op *who,
		     req_done then);

/*
 * q->open does `use` to its node: whatever others cache that this makes untrue is broken first, and waited for where [MS-FSA]
 * says so. Then goes on with then(q, 0), which may be called before this returns. While it waits q must hold no turn; one of
 * CACHING_USE_WRITE and _LOCK never waits.
 */
nt_status cache_use(struct req *q, enum caching_use use, req_done then);

/* The same to another file, which the caller keeps; asks in any case. */
nt_status cache_use_of(struct req *q, struct node *n, enum caching_use use,
		       req_done then);

/*
 * A file was replaced by `who`, and its streams were emptied with it: whoever caches one of them hears of it. Never waits
 * for anybody, as there is nothing left to be written back to; turns may be held. Goes on as above.
 */
nt_status cache_streams(struct req *q, struct node *file, const struct state_op *who,
			req_done then);

/*
 * The entries of a directory change: by the open that `who` names, under the lease key that its client uses for the directory
 * (NULL: none). Never waits for anybody, so that turns may be held. Goes on as above.
 */
nt_status cache_entries(struct req *q, struct node *dir, const struct state_op *who,
			const struct lease_id *parent_lease, req_done then);
/* The same by q->open, in the directory it was opened in. */
nt_status cache_entry_of_open(struct req *q, req_done then);
