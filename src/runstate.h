/*
 * runstate.h - what a server must remember from one start to the next: its GUID and machine SID.
 *
 * Kept in runstate_dir, which is made (mode 0700) if it is not there; made once, replaced never.
 *
 * Threads  main, at start.
 * Errors   negative errno, logged with the path.
 */
#pragma once

#include "base/env.h"
#include "wire/guid.h"
#include "wire/sid.h"

struct runstate {
	struct guid guid;
	struct sid machine_sid; /* S-1-5-21-x-y-z */
};

MUST_CHECK int runstate_load(const char *dir, struct env *env,
			     struct runstate *ret_state);
