/*
 * quota.h - user quotas of a file system: how much each user has, and may have.
 *
 * Owns     nothing.
 * Threads  any; the calls block. Those of others' quotas take CAP_SYS_ADMIN, raised around the call (fs/cred.h).
 * Errors   -EOPNOTSUPP: none are kept here, or this server may not see them; -ENOENT: none behind that one; -EPERM.
 * Needs    Linux 5.14 (quotactl_fd)
 */
#pragma once

#include "fs/vfs.h"

/* Where quotas are kept: the kernel, or what a test puts there. fd: any file of the file system, O_PATH too. */
struct quota_source {
	/* Without a limit and a byte in use if there is no entry. */
	int (*get)(int fd, uint32_t uid, struct vfs_quota *ret_quota);
	/* Of the first user from `uid` on who has an entry. */
	int (*next)(int fd, uint32_t uid, struct vfs_quota *ret_quota);
	/* Limits only. */
	int (*set)(int fd, const struct vfs_quota *quota);
};

extern const struct quota_source quota_kernel;

/*
 * 0, or why the kernel keeps the quotas of others to itself, wherever they are: -EPERM: it takes CAP_SYS_ADMIN, or a filter
 * of system calls is in the way; -ENOSYS: it is too old.
 */
MUST_CHECK int quota_kernel_check(void);

/* What is left of a quota, bytes; UINT64_MAX: as much as there is. */
uint64_t quota_left(const struct vfs_quota *q);
