/*
 * turn.h - a FIFO of parked waits: who may change a node, or a name, next. Nobody blocks a thread.
 *
 * CREATE, rename, delete, the last CLOSE and size changes hold turns across their I/O; READ, WRITE, LOCK do not.
 * Order    name turns before node turns; names of files before names of streams; two of a kind in ascending
 *          (parent key, folded name) order.
 *
 * Owns     nothing; a turn is embedded in its node or name, a turn_ref in its request.
 * Threads  any; a leaf lock inside.
 */
#pragma once

#include "base/list.h"
#include "base/lock.h"
#include "base/wait.h"

struct turn {
	struct lock lock;         /* leaf */
	bool held;                /* L */
	struct list_node waiting; /* L, turn_ref.node */
};

struct turn_ref {
	struct list_node node;
	struct turn *turn; /* held or waited for; NULL: neither */
	struct wait *wait;
};

void turn_init(struct turn *t);
void turn_fini(struct turn *t);
/* Ends w when the turn is ours: at once if it is free. Ended without a claim: not cancellable. */
void turn_take(struct turn *t, struct turn_ref *r, struct wait *w);
/* Hand it to the next in line. Does nothing if r holds none. */
void turn_give(struct turn_ref *r);
