/*
 * shown.h - what clients are told of an open file instead of what the file system says: a write time that comes late,
 *           and the space that was asked for.
 *
 * A write is noted in the write time once, 2 s after the first of several, and from then on when something else is
 * written to the file's record anyway: a flush, a change of size or attributes, a close, whose time it then is. Windows
 * has always done so, and clients compare write times to find out whether a file is still the one they know.
 *
 *     nothing late --first write--> late for 2 s --they pass--> noted --another write--> late until it is caught up
 *          ^______________________________shown_catch_up()_____________________________________|
 *
 * Owns     nothing; a value in struct node.
 * Threads  any: atomics. Who looks while another changes them sees the state before or after, or a write time in between.
 * Spec     [MS-FSA] 2.1.4.17, which leaves the moment to the file system; 2.1.5.15.1
 */
#pragma once

#include "fs/vfs.h"

enum {
	SHOWN_LATE_MS = 2000,
	SHOWN_CLUSTER = 4096, /* space is given in multiples of */
};

struct shown {
	_Atomic uint64_t
		late_until_ns; /* 0: nothing is late; UINT64_MAX: until it is caught up */
	_Atomic uint64_t write_time; /* as before the writes that are late */
	_Atomic uint64_t reserved;   /* bytes, asked for as AllocationSize; 0: not */
};

/* Is a write about to change the write time visibly? Then shown_late() has to know it as it is now. */
static inline bool shown_write_begins(const struct shown *s, uint64_t now_ns)
{
	return now_ns >= atomic_load_explicit(&s->late_until_ns, memory_order_acquire);
}

/* Was there another write after one that was noted? */
static inline bool shown_late_again(const struct shown *s)
{
	return atomic_load_explicit(&s->late_until_ns, memory_order_relaxed) ==
	       UINT64_MAX;
}

/* From now on write_time is shown. Nothing changes if another write came first. */
void shown_late(struct shown *s, uint64_t write_time, uint64_t now_ns);
/* The file's own write time is shown again. */
void shown_catch_up(struct shown *s);

/* bytes are rounded up; 0 for what the file system says. */
void shown_reserve(struct shown *s, uint64_t bytes);

/* stat: of the file, or of one of its streams, just now. times are the file's; space is of what stat is of. */
void shown_apply(const struct shown *times, const struct shown *space, uint64_t now_ns,
		 struct vfs_stat *stat);
