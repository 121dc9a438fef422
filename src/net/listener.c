/* listener.c - see listener.h */
#include "net/listener.h"

#include "base/env.h"
#include "base/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ACCEPT_BATCH = 64,    /* connections a listener and turn */
	ACCEPT_REST_MS = 100, /* when even the spare descriptor does not help */

	/* A peer that vanished is noticed within two minutes, busy or not. */
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_INTERVAL_S = 10,
	KEEPALIVE_PROBES = 6,
	USER_TIMEOUT_MS = 120000,
};

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Accepted sockets inherit all of them: no call per connection. */
static int set_inherited(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		int err = set_int(fd, options[i].level, options[i].name,
				  options[i].value);

		if (err)
			return err;
	}
	return 0;
}

static int bind_to_interface(int fd, const char *name)
{
	if (!name[0])
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) <
	    0)
		return -errno;
	return 0;
}

static int prepare(struct listener *l)
{
	int fd = l->fd.fd;
	int err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!err && l->family == AF_INET6)
		err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err)
		err = set_inherited(fd);
	if (!err)
		err = bind_to_interface(fd, l->interface);
	return err;
}

static int bind_and_listen(struct listener *l)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int err;

	err = addr_parse(l->family, l->address, l->asked_port,
			 l->interface[0] ? l->interface : NULL, &addr, &len);
	if (err)
		return err;
	l->fd.fd = socket(l->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd.fd < 0)
		return -errno;
	err = prepare(l);
	if (err)
		return err;
	if (bind(l->fd.fd, (struct sockaddr *)&addr, len) < 0 ||
	    listen(l->fd.fd, SOMAXCONN) < 0 ||
	    getsockname(l->fd.fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	l->port = addr_port(&addr);
	addr_format(&addr, l->text);
	return 0;
}

static bool copy_text(char *to, size_t size, const char *from)
{
	size_t len = from ? strlen(from) : 0;

	if (len >= size)
		return false;
	if (len)
		memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

int listener_open(const struct listen_spec *spec, struct listener **ret_listener)
{
	struct listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->fd.fd = -1;
	l->family = spec->family;
	l->asked_port = spec->port;
	if (!copy_text(l->interface, sizeof(l->interface), spec->interface))
		err = -ENODEV;
	else if (!copy_text(l->address, sizeof(l->address), spec->address))
		err = -EINVAL;
	else
		err = bind_and_listen(l);
	if (err) {
		listener_close(l);
		return err;
	}
	*ret_listener = l;
	return 0;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	if (l->fd.fd >= 0)
		close(l->fd.fd);
	free(l);
}

bool listener_matches(const struct listener *l, const struct listen_spec *spec)
{
	return l->family == spec->family && l->asked_port == spec->port &&
	       strcmp(l->address, spec->address) == 0 &&
	       strcmp(l->interface, spec->interface ? spec->interface : "") == 0;
}

/* ---- the acceptor ---- */

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void want_all(struct acceptor *a, unsigned wanted)
{
	list_for_each (n, &a->listeners)
		loop_want(a->loop, &container_of(n, struct listener, node)->fd, wanted);
}

static void rested(struct timer *t)
{
	struct acceptor *a = container_of(t, struct acceptor, rest);

	if (a->spare_fd < 0)
		a->spare_fd = open_spare();
	want_all(a, LOOP_READ);
}

/* Connections wait in the kernel's queue for a moment. */
static void take_rest(struct acceptor *a)
{
	want_all(a, 0);
	timer_arm(a->lane->timers, &a->rest, ACCEPT_REST_MS, rested);
}

/* No descriptors are left: use the spare one to tell a peer so.
 * False if that failed as well. */
static bool shed_one(struct acceptor *a, struct listener *l)
{
	int fd;

	if (log_limit_ok(&a->shed_limit, 1, env_now_ns(a->lane->env)))
		log_error("out of file descriptors: refusing connections to %s", l->text);
	if (a->spare_fd < 0)
		return false;
	close(a->spare_fd);
	fd = accept4(l->fd.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	a->spare_fd = open_spare();
	return fd >= 0 && a->spare_fd >= 0;
}

/* True if the next one may be tried at once. */
static bool accept_failed(struct acceptor *a, struct listener *l, int err)
{
	switch (err) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
		if (shed_one(a, l))
			return true;
		break;
	case ENOBUFS:
	case ENOMEM:
		break;
	default: /* that connection failed, not the listener: accept(2) */
		return true;
	}
	take_rest(a);
	return false;
}

static bool accept_one(struct acceptor *a, struct listener *l)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	struct seat seat;
	int fd = accept4(l->fd.fd, (struct sockaddr *)&peer, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return accept_failed(a, l, errno);
	if (admit_enter(a->admit, addr_hash(&peer), &seat)) {
		a->give(a->arg, fd, seat);
		return true;
	}
	close(fd);
	if (log_limit_ok(&a->full_limit, 1, env_now_ns(a->lane->env))) {
		char text[ADDR_TEXT_LEN];

		addr_format(&peer, text);
		log_warn("connections_max reached (%u): refused %s",
			 admit_count(a->admit), text);
	}
	return true;
}

static void listener_ready(struct loop_fd *f, unsigned events)
{
	struct listener *l = container_of(f, struct listener, fd);

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++)
		if (!accept_one(l->acceptor, l))
			return;
}

void acceptor_init(struct acceptor *a)
{
	list_init(&a->listeners);
	a->spare_fd = open_spare();
}

void acceptor_fini(struct acceptor *a)
{
	list_for_each (n, &a->listeners)
		acceptor_unwatch(container_of(n, struct listener, node));
	timer_cancel(a->lane->timers, &a->rest);
	if (a->spare_fd >= 0)
		close(a->spare_fd);
	a->spare_fd = -1;
}

int acceptor_watch(struct acceptor *a, struct listener *l)
{
	int err;

	l->fd.ready = listener_ready;
	err = loop_add(a->loop, &l->fd, LOOP_READ);
	if (err)
		return err;
	l->acceptor = a;
	list_add_tail(&a->listeners, &l->node);
	return 0;
}

void acceptor_unwatch(struct listener *l)
{
	if (!l->acceptor)
		return;
	loop_del(l->acceptor->loop, &l->fd);
	list_del(&l->node);
	l->acceptor = NULL;
}
