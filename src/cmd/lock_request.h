/*
 * lock_request.h - the decoder of LOCK: what is asked for, as a record of fs/state.
 *
 * Owns     nothing.
 * Threads  pure.
 * Spec     [MS-SMB2] 2.2.26, 3.3.5.14, 3.3.5.14.1, 3.3.5.14.2
 */
#pragma once

#include "base/arena.h"
#include "fs/state.h"
#include "smb/open.h"
#include "wire/rd.h"

struct lock_request {
	uint16_t count;
	uint32_t
		sequence; /* LockSequenceNumber and LockSequenceIndex: smb/lock_sequence.h */
	struct file_id id;
};

/* Up to the elements: r stands before them. */
MUST_CHECK nt_status lock_request_decode(struct rd *r, struct lock_request *ret_request);

struct lock_ranges {
	struct state_op *op; /* code, ranges and wait_if_held are filled; in the arena */
	/* What to answer once op has succeeded: an element that may not be ends the request, but those before it are
	 * done and stay. */
	nt_status rest;
};

/* The elements. STATUS_INVALID_PARAMETER if nothing is to be done at all. */
MUST_CHECK nt_status lock_ranges_decode(struct rd *r, uint16_t count, struct arena *a,
					struct lock_ranges *ret_ranges);
