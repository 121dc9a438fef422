/*
 * snapshot.h - from a configuration to what sessions work with: volumes opened, accounts looked up.
 *
 * Threads  main: it blocks.
 * Errors   0, or what there is not enough of: -ENOMEM, -EMFILE, -ENFILE; the caller keeps the snapshot it has, if any, so that
 *          nobody loses a share for it. A share whose directory or accounts do not exist is there, but lets nobody in; logged.
 */
#pragma once

#include "smb/share.h"

struct snapshot_env {
	struct env *env;
	const uint8_t *hash_key;     /* 16 bytes, for the volumes' name caches		*/
	unsigned lane_count;         /* that count what is done with shares		*/
	struct log_limit *log_limit; /* of logon failures				*/
	atomic_int *windows;         /* of struct posix_settings, for all volumes	*/
};

/* Takes a reference to conf. Volumes of `old` (may be NULL) are used again where path and settings are the same,
 * and what was counted for a share of the same name. */
MUST_CHECK int snapshot_new(const struct snapshot_env *e, struct conf *conf,
			    const struct snapshot *old, struct snapshot **ret_snapshot);
