/*
 * held_times.h - times that a client set, or froze with -1: the operations of that open do not move them.
 *
 * The write time is put back on disk after whatever moved it. The change time is the kernel's and cannot be set: what a
 * client set is shown instead of the file's own for as long as that has not moved on otherwise and somebody has the
 * file open (fs/node.h).
 *
 * Threads  any; the fields of struct open are atomic.
 * Spec     [MS-FSA] 2.1.5.15.2, 2.1.4.17, 2.1.4.18 (UserSetModificationTime, UserSetChangeTime)
 */
#pragma once

#include "smb/open.h"

/* After a SET_INFO: a time is held from now on, FILETIME_THAW lets go, anything else changes nothing. */
void held_times_set(struct open *o, uint64_t write_time, uint64_t change_time);

/* Does an operation through o that moves times have to be followed by a VFS_SETATTR? */
static inline bool held_times_any(const struct open *o)
{
	return atomic_load_explicit(&o->held_write_time, memory_order_relaxed) ||
	       atomic_load_explicit(&o->held_change_time, memory_order_relaxed);
}

/* Add to a VFS_SETATTR what is held. */
void held_times_add(const struct open *o, struct vfs_setattr *s);
/* It was made, the file is as it left it. */
void held_times_made(const struct open *o, const struct vfs_setattr *s);
