/* addr.c - see addr.h */
#include "net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct sockaddr_in *in4(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in *)a;
}

static const struct sockaddr_in6 *in6(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in6 *)a;
}

static int parse4(const char *text, uint16_t port, struct sockaddr_in *a)
{
	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	return inet_pton(AF_INET, text, &a->sin_addr) == 1 ? 0 : -EINVAL;
}

static int parse6(const char *text, uint16_t port, const char *interface,
		  struct sockaddr_in6 *a)
{
	a->sin6_family = AF_INET6;
	a->sin6_port = htons(port);
	if (inet_pton(AF_INET6, text, &a->sin6_addr) != 1)
		return -EINVAL;
	if (interface && IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr)) {
		a->sin6_scope_id = if_nametoindex(interface);
		if (a->sin6_scope_id == 0)
			return -ENODEV;
	}
	return 0;
}

int addr_parse(int family, const char *text, uint16_t port, const char *interface,
	       struct sockaddr_storage *ret_addr, socklen_t *ret_len)
{
	struct sockaddr_storage a = {0};
	int err;

	if (family == AF_INET)
		err = parse4(text, port, (struct sockaddr_in *)&a);
	else if (family == AF_INET6)
		err = parse6(text, port, interface, (struct sockaddr_in6 *)&a);
	else
		err = -EAFNOSUPPORT;
	if (err)
		return err;
	*ret_addr = a;
	*ret_len = family == AF_INET ? sizeof(struct sockaddr_in)
				     : sizeof(struct sockaddr_in6);
	return 0;
}

static void format6(const struct sockaddr_in6 *a, char text[ADDR_TEXT_LEN])
{
	char ip[INET6_ADDRSTRLEN], name[IF_NAMESIZE] = "";

	inet_ntop(AF_INET6, &a->sin6_addr, ip, sizeof(ip));
	if (a->sin6_scope_id)
		if_indextoname(a->sin6_scope_id, name);
	snprintf(text, ADDR_TEXT_LEN, "[%s%s%s]:%u", ip, name[0] ? "%" : "", name,
		 ntohs(a->sin6_port));
}

void addr_format(const struct sockaddr_storage *addr, char text[ADDR_TEXT_LEN])
{
	char ip[INET_ADDRSTRLEN];

	switch (addr->ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &in4(addr)->sin_addr, ip, sizeof(ip));
		snprintf(text, ADDR_TEXT_LEN, "%s:%u", ip, ntohs(in4(addr)->sin_port));
		break;
	case AF_INET6:
		format6(in6(addr), text);
		break;
	default:
		snprintf(text, ADDR_TEXT_LEN, "?");
	}
}

void addr_peer(int fd, char text[ADDR_TEXT_LEN])
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof(a);

	if (getpeername(fd, (struct sockaddr *)&a, &len) < 0)
		a.ss_family = AF_UNSPEC;
	addr_format(&a, text);
}

void addr_local(int fd, char text[ADDR_TEXT_LEN])
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		a.ss_family = AF_UNSPEC;
	addr_format(&a, text);
}

static bool is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohl(in4(a)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return a->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6(a)->sin6_addr);
}

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return in4(a)->sin_addr.s_addr == in4(b)->sin_addr.s_addr;
	return a->ss_family == AF_INET6 &&
	       in6(a)->sin6_scope_id == in6(b)->sin6_scope_id &&
	       IN6_ARE_ADDR_EQUAL(&in6(a)->sin6_addr, &in6(b)->sin6_addr);
}

bool addr_is_near(const struct sockaddr_storage *peer,
		  const struct sockaddr_storage *local)
{
	return is_loopback(peer) || is_same(peer, local);
}

bool addr_peer_is_near(int fd)
{
	struct sockaddr_storage peer = {0}, local = {0};
	socklen_t peer_len = sizeof(peer), local_len = sizeof(local);

	if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&local, &local_len) < 0)
		return false;
	return addr_is_near(&peer, &local);
}

uint16_t addr_port(const struct sockaddr_storage *addr)
{
	switch (addr->ss_family) {
	case AF_INET:
		return ntohs(in4(addr)->sin_port);
	case AF_INET6:
		return ntohs(in6(addr)->sin6_port);
	default:
		return 0;
	}
}

unsigned addr_hash(const struct sockaddr_storage *addr)
{
	const uint8_t *p = (const uint8_t *)&in4(addr)->sin_addr;
	size_t len = sizeof(in4(addr)->sin_addr);
	uint32_t h = 2166136261; /* FNV-1a */

	if (addr->ss_family == AF_INET6) {
		p = (const uint8_t *)&in6(addr)->sin6_addr;
		len = sizeof(in6(addr)->sin6_addr);
	}
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619;
	return h ^ h >> 16;
}
