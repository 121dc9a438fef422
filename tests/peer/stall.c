/*
 * stall.c - a disk that hangs, for a server started with LD_PRELOAD: while the file that TSMB_TEST_STALL names is there, write()
 * to a file of the audit log does not return.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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

ssize_t write(int fd, const void *p, size_t len)
{
	const char *stall = getenv("TSMB_TEST_STALL");

	if (stall && is_audit_log(fd))
		while (access(stall, F_OK) == 0)
			usleep(20000);
	return syscall(SYS_write, fd, p, len);
}
