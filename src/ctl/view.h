/*
 * view.h - all that is shown of the running server at one moment, and its last minutes. No names of users, clients, files.
 *
 * Owns     a view: the arrays of its stats, and a reference to its snapshot; view_fini().
 * Threads  view_gather(): any, one at a time, while the server serves. A view is its owner's.
 * Errors   -ENOMEM.
 */
#pragma once

#include "smb/posture.h"
#include "smb/stats.h"

enum {
	VIEW_STEP_MS = 2000,   /* between two samples ...		*/
	VIEW_SAMPLE_MAX = 150, /* ... of five minutes			*/
};

/* What had been counted by then. */
struct view_sample {
	uint64_t uptime_ms;
	uint64_t bytes[STATS_WAY_COUNT];
	uint64_t requests;
};

/* The latest last. */
struct view_history {
	size_t count, next;
	struct view_sample ring[VIEW_SAMPLE_MAX];
};

/* This process, as the kernel sees it; 0 where it does not say. */
struct view_process {
	uint64_t descriptors, descriptors_max;
	uint64_t memory_resident, memory_virtual; /* bytes */
	double cpu_seconds;
};

struct view {
	struct stats stats;
	struct posture posture;
	struct view_process process;
	struct snapshot *snapshot; /* counted: what was in force */
	struct view_history history;
};

/* The running server. */
struct view_source {
	/* What is in force now, counted. Any thread. */
	struct snapshot *(*snapshot)(void *arg);
	/* stats_gather() of it, with everything the caller has to fill in. Any thread. */
	int (*stats)(void *arg, const struct snapshot *now, struct stats *ret);
	struct smb_server *smb;
	void *arg;
};

/* history: copied; NULL: none */
MUST_CHECK int view_gather(const struct view_source *src,
			   const struct view_history *history, struct view *ret);
void view_fini(struct view *v);

void view_process_read(struct view_process *ret);

void view_history_add(struct view_history *h, const struct stats *s);
/* The i-th of h->count, the oldest first. */
const struct view_sample *view_history_at(const struct view_history *h, size_t i);
