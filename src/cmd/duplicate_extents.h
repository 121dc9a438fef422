/*
 * duplicate_extents.h - FSCTL_DUPLICATE_EXTENTS_TO_FILE and its _EX: a range of a file shares the blocks of another, where the
 *                       file system can; nothing is copied otherwise.
 *
 * Threads  the decoder is pure; the rest: the request's worker.
 * Spec     [MS-FSCC] 2.3.7 - 2.3.10; [MS-FSA] 2.1.5.10.4, 2.1.5.10.5; [MS-SMB2] 3.3.5.15.17, 3.3.5.15.18
 */
#pragma once

#include "cmd/ioctl.h"

struct duplicate_request {
	struct file_id source;
	uint64_t source_offset, target_offset, length; /* each range ends by INT64_MAX */
};

/*
 * STATUS_INVALID_PARAMETER: too short, or ranges that no file has. Of the _EX, which has a size and flags:
 * STATUS_NOT_SUPPORTED: another size, or it must be atomic, which no file system promises us.
 */
MUST_CHECK nt_status duplicate_decode(struct span input,
				      struct duplicate_request *ret_request);
MUST_CHECK nt_status duplicate_ex_decode(struct span input,
					 struct duplicate_request *ret_request);

nt_status ioctl_duplicate_extents(struct req *q, const struct ioctl *c);
