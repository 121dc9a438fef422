/* quota.c - quotactl_fd(2). */
#include "fs/quota.h"

#include "fs/cred.h"

#include <errno.h>
#include <linux/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

static int control(int fd, unsigned cmd, uint32_t uid, void *arg)
{
	bool raised = cred_security_begin() == 0;
	long err;

	err = syscall(SYS_quotactl_fd, fd, QCMD(cmd, USRQUOTA), uid, arg) < 0 ? -errno
									      : 0;
	if (raised)
		cred_security_end();
	/* not built in, not of this file system, not switched on, not ours to see */
	if (err == -ENOSYS || err == -ESRCH || err == -ENODEV || err == -ENOTBLK ||
	    err == -EINVAL || err == -EPERM)
		return -EOPNOTSUPP;
	return (int)err;
}

static uint64_t limit_of(uint64_t blocks)
{
	if (blocks == 0)
		return VFS_QUOTA_NONE;
	return blocks > VFS_QUOTA_MAX / QIF_DQBLKSIZE ? VFS_QUOTA_MAX
						      : blocks * QIF_DQBLKSIZE;
}

/* 0 would be none. */
static uint64_t blocks_of(uint64_t limit)
{
	if (limit == VFS_QUOTA_NONE)
		return 0;
	return limit < QIF_DQBLKSIZE ? 1 : limit / QIF_DQBLKSIZE;
}

static int kernel_get(int fd, uint32_t uid, struct vfs_quota *ret_quota)
{
	struct if_dqblk d = {0};
	int err = control(fd, Q_GETQUOTA, uid, &d);

	if (err && err != -ENOENT)
		return err;
	*ret_quota = (struct vfs_quota){
		.uid = uid,
		.used = d.dqb_curspace,
		.soft = limit_of(d.dqb_bsoftlimit),
		.hard = limit_of(d.dqb_bhardlimit),
	};
	return 0;
}

static int kernel_next(int fd, uint32_t uid, struct vfs_quota *ret_quota)
{
	struct if_nextdqblk d = {0};
	int err = control(fd, Q_GETNEXTQUOTA, uid, &d);

	if (err)
		return err;
	*ret_quota = (struct vfs_quota){
		.uid = d.dqb_id,
		.used = d.dqb_curspace,
		.soft = limit_of(d.dqb_bsoftlimit),
		.hard = limit_of(d.dqb_bhardlimit),
	};
	return 0;
}

static int kernel_set(int fd, const struct vfs_quota *quota)
{
	struct if_dqblk d = {
		.dqb_bsoftlimit = blocks_of(quota->soft),
		.dqb_bhardlimit = blocks_of(quota->hard),
		.dqb_valid = QIF_BLIMITS,
	};

	return control(fd, Q_SETQUOTA, quota->uid, &d);
}

const struct quota_source quota_kernel = {
	.get = kernel_get, .next = kernel_next, .set = kernel_set};

/* A descriptor that is none is looked at after all else. */
int quota_kernel_check(void)
{
	if (!cred_security_possible())
		return -EPERM;
	if (syscall(SYS_quotactl_fd, -1, QCMD((unsigned)Q_SYNC, USRQUOTA), 0, NULL) == 0)
		return 0;
	return errno == EPERM || errno == ENOSYS ? -errno : 0;
}

uint64_t quota_left(const struct vfs_quota *q)
{
	if (q->hard == VFS_QUOTA_NONE)
		return UINT64_MAX;
	return q->used < q->hard ? q->hard - q->used : 0;
}
