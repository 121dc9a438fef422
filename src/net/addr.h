/*
 * addr.h - socket addresses as text, from text, and hashed.
 *
 * Owns     nothing.
 * Errors   negative errno.
 */
#pragma once

#include "base/attr.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* "[address%interface]:port" and a NUL */
enum { ADDR_TEXT_LEN = INET6_ADDRSTRLEN + IF_NAMESIZE + 10 };

/*
 * A numeric address of AF_INET or AF_INET6, with the port in host order. A link-local
 * IPv6 address takes its scope from `interface` unless that is NULL. -EAFNOSUPPORT,
 * -EINVAL, -ENODEV.
 */
MUST_CHECK int addr_parse(int family, const char *text, uint16_t port,
			  const char *interface, struct sockaddr_storage *ret_addr,
			  socklen_t *ret_len);

/* "192.0.2.1:445", "[2001:db8::1]:445"; "?" for what is no IP address. */
void addr_format(const struct sockaddr_storage *addr, char text[ADDR_TEXT_LEN]);
/* The two ends of a socket. */
void addr_peer(int fd, char text[ADDR_TEXT_LEN]);
void addr_local(int fd, char text[ADDR_TEXT_LEN]);

/* Nothing lies between a peer and the address of ours that it came to: it is on the loopback, or they are the same. */
bool addr_is_near(const struct sockaddr_storage *peer,
		  const struct sockaddr_storage *local);
/* Of the two ends of a socket. */
bool addr_peer_is_near(int fd);

/* Port in host order, 0 for what is no IP address. */
uint16_t addr_port(const struct sockaddr_storage *addr);
/* Of the address without its port. Only to spread load: peers may collide on purpose. */
unsigned addr_hash(const struct sockaddr_storage *addr);
