/*
 * held_times.h - times that a client set, or froze with -1: the operations of that open do not move them.
 *
 * The kernel moves them all the same; what is held is put back by a VFS_SETATTR after whatever moved it.
 *
 * Threads  any; the fields of struct open are atomic.
 * Spec     [MS-FSA] 2.1.5.15.2, 2.1.4.17, 2.1.4.18, 2.1.4.20 (UserSetModificationTime, UserSetChangeTime,
 *          UserSetAccessTime)
 */
#pragma once

#include "smb/open.h"

struct file_basic; /* cmd/file_info.h */

/* After a SET_INFO: its times are held from now on, FILETIME_THAW lets go, anything else changes nothing. */
void held_times_set(struct open *o, const struct file_basic *basic);

static inline bool held_time_any(const _Atomic uint64_t *held)
{
	return atomic_load_explicit(held, memory_order_relaxed) != 0;
}

/* Does an operation through o that moves times have to be followed by a VFS_SETATTR? */
static inline bool held_times_any(const struct open *o)
{
	return held_time_any(&o->held_write_time) ||
	       held_time_any(&o->held_change_time) || held_time_any(&o->held_access_time);
}

/* Does reading through o? */
static inline bool held_times_by_reads(const struct open *o)
{
	return held_time_any(&o->held_access_time);
}

/* Add to a VFS_SETATTR what is held, other than the times in `but` (VFS_SET_*) and those that it sets anyway. */
void held_times_add(const struct open *o, unsigned but, struct vfs_setattr *s);
