/*
 * stall.c - a disk or a directory service that hangs, for a server started with LD_PRELOAD: while the file that TSMB_TEST_STALL
 * names is there, write() to a file of the audit log does not return, and the account "slow" is looked for in vain. Storing an
 * extended attribute takes TSMB_TEST_SLOW_STORES ms more.
 */
#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

ssize_t write(int fd, const void *p, size_t len);

static int is_audit_log(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	return strstr(path, "/audit.") != NULL;
}

static void stall(void)
{
	const char *path = getenv("TSMB_TEST_STALL");

	while (path && access(path, F_OK) == 0)
		usleep(20000);
}

int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t len,
	       struct passwd **ret)
{
	int (*libc)(const char *, struct passwd *, char *, size_t,
		    struct passwd **) = dlsym(RTLD_NEXT, "getpwnam_r");

	if (strcmp(name, "slow") == 0)
		stall();
	return libc(name, pw, buf, len, ret);
}

ssize_t write(int fd, const void *p, size_t len)
{
	if (is_audit_log(fd))
		stall();
	return syscall(SYS_write, fd, p, len);
}

int setxattr(const char *path, const char *name, const void *value, size_t len, int flags)
{
	const char *ms = getenv("TSMB_TEST_SLOW_STORES");

	if (ms)
		usleep((useconds_t)atoi(ms) * 1000);
	return (int)syscall(SYS_setxattr, path, name, value, len, flags);
}
