/*
 * ctl_impl.h - the inside of ctl.c, for its tests.
 */
#pragma once

#include "ctl/ctl.h"

#include <sys/types.h>

struct ctl_peer {
	int fd; /* -1: this place is free */
	uid_t uid;
	uint64_t deadline_ms;
	bool over;   /* said all it will; goes when the answer is taken */
	bool silent; /* sends nothing more, or nothing that is looked at */
	char *in;    /* CTL_LINE_MAX + 1 bytes, there while bytes are		*/
	size_t in_len;
	char *out; /* the answer on its way, or NULL */
	size_t out_len, out_done;
};

struct ctl {
	int dir_fd, lock_fd, listen_fd, timer_fd, epoll_fd;
	struct ctl_family *families;
	size_t family_count;
	struct ctl_peer clients[CTL_CLIENTS_MAX];
	size_t client_count;
	const struct ctl_peer *caller; /* while its call runs */
	bool bound;
	bool resting; /* no descriptor is left to accept with: until the next tick */

	/* what tests change */
	bool (*may)(uid_t uid);
	unsigned idle_ms;
};

/* {"version": 1, "error": ...} and a newline; NULL without memory. */
char *ctl_error_line(const struct ctl_error *e);
