/*
 * access.h - the only code that says what a user may do to a file.
 *
 * In this version every share is authorised as `security = posix`: rights are synthesised from what the kernel
 * lets the user do, and the kernel checks again when the call is made.
 *
 * Threads  pure.
 * Spec     [MS-SMB2] 2.2.13.1, 3.3.5.9 (access), [MS-DTYP] 2.4.3, 2.5.3
 */
#pragma once

#include "auth/principal.h"
#include "base/arena.h"
#include "base/status.h"
#include "fs/vfs.h"
#include "wire/sd.h"

/* Everything `who` may ask for: MaximalAccess before the share's own limit. parent_may: VFS_MAY_* on the directory. */
uint32_t access_maximal(const struct principal *who, const struct vfs_stat *stat,
			unsigned may, unsigned parent_may, bool parent_sticky);

/*
 * Turn DesiredAccess into what an open gets.
 *
 * desired   as on the wire: generic bits and MAXIMUM_ALLOWED are expanded
 * maximal   access_maximal() and the share's limit
 *
 * STATUS_ACCESS_DENIED if a bit is not in maximal; STATUS_PRIVILEGE_NOT_HELD for ACCESS_SYSTEM_SECURITY.
 */
MUST_CHECK nt_status access_grant(uint32_t desired, uint32_t maximal,
				  uint32_t *ret_granted);

/* Generic bits spelled out for files: [MS-SMB2] 2.2.13.1. */
uint32_t access_map_generic(uint32_t desired);

/* The descriptor that stands for owner, group and mode; parts by OWNER_/GROUP_/DACL_SECURITY_INFORMATION. */
MUST_CHECK int access_describe(const struct vfs_stat *stat, uint32_t parts,
			       struct arena *a, struct sd *ret_sd);

/* Owner, group and mode that come nearest to `sd`: what SET_INFO security does here. STATUS_INVALID_OWNER-like
 * refusals are STATUS_ACCESS_DENIED. Fills set->what and set->attr. */
MUST_CHECK nt_status access_apply(const struct sd *sd, uint32_t parts,
				  const struct vfs_stat *stat, struct vfs_setattr *set);
