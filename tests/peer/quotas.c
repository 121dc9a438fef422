/*
 * quotas.c - a file system with quotas, for a server started with LD_PRELOAD: quotactl_fd() answers from a table, as the kernel
 * does. TSMB_TEST_QUOTAS has its first entries, "uid:used:soft:hard ...", in bytes, used, and in blocks of 1 KiB.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/quota.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

long syscall(long number, ...);

enum { ENTRIES = 8, ARGS = 6 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t count;
static struct if_nextdqblk entries[ENTRIES]; /* in the order of uids */

__attribute__((constructor)) static void read_entries(void)
{
	const char *s = getenv("TSMB_TEST_QUOTAS");
	unsigned uid;
	unsigned long long used, soft, hard;

	for (int n; s && count < ENTRIES &&
		    sscanf(s, "%u:%llu:%llu:%llu %n", &uid, &used, &soft, &hard, &n) == 4;
	     s += n)
		entries[count++] = (struct if_nextdqblk){.dqb_id = uid,
							 .dqb_curspace = used,
							 .dqb_bsoftlimit = soft,
							 .dqb_bhardlimit = hard};
}

static struct if_nextdqblk *find(unsigned uid, int next)
{
	for (size_t i = 0; i < count; i++)
		if (next ? entries[i].dqb_id >= uid : entries[i].dqb_id == uid)
			return &entries[i];
	return NULL;
}

/* The kernel's macro shifts it out of an int. */
#define COMMAND(c) QCMD((unsigned)(c), USRQUOTA)

/* struct if_dqblk begins as struct if_nextdqblk does. */
static int quota(unsigned cmd, unsigned uid, void *arg)
{
	struct if_nextdqblk *q = find(uid, cmd == COMMAND(Q_GETNEXTQUOTA));

	if (!q)
		return cmd == COMMAND(Q_GETQUOTA) ? 0 : ENOENT;
	if (cmd == COMMAND(Q_GETQUOTA)) {
		memcpy(arg, q, offsetof(struct if_nextdqblk, dqb_id));
	} else if (cmd == COMMAND(Q_GETNEXTQUOTA)) {
		memcpy(arg, q, sizeof(*q));
	} else if (cmd == COMMAND(Q_SETQUOTA)) {
		const struct if_dqblk *set = arg;

		q->dqb_bsoftlimit = set->dqb_bsoftlimit;
		q->dqb_bhardlimit = set->dqb_bhardlimit;
	} else {
		return EINVAL;
	}
	return 0;
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[ARGS];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < ARGS; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_quotactl_fd) {
		pthread_mutex_lock(&lock);
		errno = quota((unsigned)a[1], (unsigned)a[2], (void *)a[3]);
		pthread_mutex_unlock(&lock);
		return errno ? -1 : 0;
	}
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
