/*
 * port.c - for clients that cannot be told a port, started with LD_PRELOAD: what they connect to on port 445 is TSMB_TEST_PORT, and
 * nothing else is there.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in to;
	const char *port = getenv("TSMB_TEST_PORT");

	if (port && addr->sa_family == AF_INET && len >= sizeof(to)) {
		to = *(const struct sockaddr_in *)(const void *)addr;
		if (to.sin_port != htons(445)) {
			errno = ECONNREFUSED;
			return -1;
		}
		to.sin_port = htons((uint16_t)atoi(port));
		addr = (const struct sockaddr *)&to;
	}
	return (int)syscall(SYS_connect, fd, addr, len);
}
