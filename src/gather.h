/*
 * gather.h - what goes on now, gathered from all workers, for whoever shows it: the control socket, metrics.
 *
 * What belongs to a worker that worker copies, between two messages; what has a lock is read under it, in pieces. Nobody
 * who is served waits for more than that.
 *
 * Owns     nothing.
 * Threads  while the workers run: gather_stats() any, which has to hold the snapshot; the others main.
 */
#pragma once

#include "ctl/status.h"

struct net;

struct gather {
	struct net *net;
	struct smb_server *smb;
	struct snapshot *const *snapshot; /* where the one in force is found */
	struct ctl *ctl; /* whose clients evict, for the log; nobody else needs it */
};

/* Everything, resources included; stats_fini() afterwards. -ENOMEM. */
MUST_CHECK int gather_stats(const struct gather *g, struct stats *ret);

/* For the calls of ctl/status.h; their arg is a struct gather. */
extern const struct status_ops gather_ops;
