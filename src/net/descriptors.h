/*
 * descriptors.h - how many connections and opens the process's limit of descriptors has room for beside its shares.
 *
 * Owns     nothing.
 * Threads  descriptors_raise() at the start; descriptors_plan() any.
 * Errors   none: what does not fit is made to.
 */
#pragma once

#include <stddef.h>

/* What needs descriptors besides: listeners, epoll, pool threads in the middle of a call, logs, the control socket. */
enum { DESCRIPTORS_KEPT = 128 };
/* A share takes three, and one more while a changed configuration takes the place of another. */
enum { DESCRIPTORS_OF_SHARE = 4 };

/* Raise the soft limit to the hard one; the limit then in force. */
size_t descriptors_raise(void);

struct descriptors_plan {
	unsigned connections; /* at least 1 */
	size_t opens;         /* at least 1 */
};

/*
 * A connection takes one descriptor, an open two: one for the file's name and attributes, one for its contents. What was
 * configured holds if it fits beside `shares` (connections 0: as many as there can be). Else a quarter of what they leave is for
 * connections and the rest for opens, and what one of them does not want is for the other. However many shares there are, a
 * quarter of all is for clients: one share more is then refused, not all new connections.
 */
struct descriptors_plan descriptors_plan(size_t limit, size_t shares,
					 unsigned connections, size_t opens);
