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

/*
 * The key by which names in the audit log are hashed: made once, so that equal names stay equal. Logged by the caller.
 * -EINVAL: what lies there is no key.
 */
MUST_CHECK int runstate_key(const char *dir, struct env *env, uint8_t *ret_key,
			    size_t key_len);

MUST_CHECK int runstate_load(const char *dir, struct env *env,
			     struct runstate *ret_state);
