/*
 * handle.h - context handles: what a client holds between calls. They live and die with their pipe.
 *
 * Owns     nothing outside the table.
 * Threads  the pipe's.
 * Errors   a handle that is not in the table is a fault of the caller (context mismatch), told by NULL.
 * Spec     [C706] 6.1, [MS-RPCE] 2.2.1.1.4, 3.3.1.4.1; [MS-LSAD] 3.1.4.1, 3.1.4.3
 */
#pragma once

#include "base/env.h"
#include "rpc/ndr.h"

enum { HANDLES_MAX = 32 };

struct handle {
	bool used;
	uint8_t id
		[NDR_HANDLE_LEN]; /* first four bytes zero, then 16 from the generator */
	uint32_t granted;         /* access mask */
};

struct handles {
	struct handle slots[HANDLES_MAX];
};

/* A new handle that nobody can guess; NULL when the pipe has HANDLES_MAX of them. */
MUST_CHECK struct handle *handle_open(struct handles *hs, struct env *env,
				      uint32_t granted);
/* The open handle with that id, or NULL. */
struct handle *handle_find(struct handles *hs, const uint8_t id[NDR_HANDLE_LEN]);
void handle_close(struct handle *h);
