/*
 * listener.h - listening sockets, and the acceptor that empties their queues.
 *
 * The acceptor runs on one worker. It enforces connections_max, picks the worker of each
 * connection and hands the socket over. Without free descriptors it still accepts and
 * closes, by giving up one that it keeps in reserve, so that peers do not hang and the
 * loop does not spin.
 *
 * Owns     a listener its socket; the acceptor its spare descriptor.
 * Threads  listeners are opened and closed by the main thread while nobody watches them;
 *          acceptor_* on its worker.
 * Errors   negative errno.
 */
#pragma once

#include "base/log.h"
#include "base/timer.h"
#include "net/addr.h"
#include "net/admit.h"
#include "net/loop.h"

/* What to listen on: plain settings. */
struct listen_spec {
	const char *interface; /* NULL: any */
	const char *address;   /* numeric; "0.0.0.0" and "::" are any */
	int family;            /* AF_INET, AF_INET6 */
	uint16_t port;         /* 0: the kernel chooses (tests) */
};

enum { LISTENER_ADDRESS_MAX = 64 };

struct acceptor;

struct listener {
	struct list_node node; /* in acceptor->listeners */
	struct loop_fd fd;
	struct acceptor *acceptor;   /* who watches it, or NULL */
	char interface[IF_NAMESIZE]; /* "" for any */
	char address[LISTENER_ADDRESS_MAX];
	int family;
	uint16_t asked_port;
	uint16_t port;            /* what it is bound to */
	char text[ADDR_TEXT_LEN]; /* likewise, "0.0.0.0:445" */
};

/*
 * Open, bind and listen. IPv6 sockets take IPv6 only. -EADDRINUSE, -EADDRNOTAVAIL,
 * -ENODEV (no such interface), -EPERM, -EACCES, -EINVAL (not an address).
 */
MUST_CHECK int listener_open(const struct listen_spec *spec,
			     struct listener **ret_listener);
/* NULL is fine. */
void listener_close(struct listener *l);
/* l is what spec asks for. */
bool listener_matches(const struct listener *l, const struct listen_spec *spec);

struct acceptor {
	struct loop *loop;
	struct lane *lane;
	struct admit *admit;
	/* Takes over fd and seat. */
	void (*give)(void *arg, int fd, struct seat seat);
	void *arg;

	struct list_node listeners;
	int spare_fd;
	struct timer rest;
	struct log_limit full_limit, shed_limit;
};

/* The five first fields are set by the caller and stay. */
void acceptor_init(struct acceptor *a);
/* Watches nothing any more. */
void acceptor_fini(struct acceptor *a);

MUST_CHECK int acceptor_watch(struct acceptor *a, struct listener *l);
void acceptor_unwatch(struct listener *l);
