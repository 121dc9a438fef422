/*
 * lane.h - what one worker gives to the layers above: its seams, and room for their own
 * per-worker state.
 *
 * A connection belongs to one lane for life; everything that happens on it happens on
 * that lane's thread. The real lanes are made by net/worker, simulated ones by tests/sim.
 *
 * Owns     nothing; the pointers are valid as long as the lane.
 * Threads  the fields are immutable once the lane runs. Timers, buffers and core are
 *          touched by the lane's own thread only; env, exec and mailbox_post() may be
 *          used from any.
 */
#pragma once

#include "base/attr.h"

struct bufs;
struct env;
struct exec;
struct mailbox;
struct timers;

struct lane {
	struct env *env;         /* its clock stands still during a turn of the loop */
	struct exec *exec;       /* shared by all lanes */
	struct mailbox *mailbox; /* posts to this lane */
	struct timers *timers;
	struct bufs *bufs;
	struct bufs *reserve; /* small ones, for what must pass when bufs is exhausted */
	unsigned index;       /* 0 .. lane_count - 1 */
	unsigned lane_count;

	/*
	 * Set by the layer above before the lane runs. turn_end (may be NULL) is called
	 * once a turn, after every xport_user.flush of that turn and before output is
	 * written and the lane sleeps: the place to sign and seal one batch over all its
	 * connections.
	 */
	void *core;
	void (*turn_end)(struct lane *l);
};
