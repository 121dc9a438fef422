/*
 * fan.h - fanotify's words for what local_watch asks for: event masks and file handles.
 *
 * Owns     nothing.
 * Threads  any; pure, but for fan_handle_read().
 */
#pragma once

#include "base/span.h"

#include <sys/types.h>

enum { FAN_HANDLE_MAX = 128 }; /* MAX_HANDLE_SZ */

/* What the kernel calls a file. */
struct fan_handle {
	fsid_t fsid;
	int type;
	unsigned len;
	uint8_t bytes[FAN_HANDLE_MAX];
};

/* WATCH_* as FAN_* events, and back. */
uint64_t fan_mask(unsigned what);
unsigned fan_what(uint64_t mask);

/* Of an open file, a path handle or not. 0; -EOPNOTSUPP where the file system has none. */
MUST_CHECK int fan_handle_read(int fd, struct fan_handle *ret);
/* What follows an event's metadata, as fanotify(7) lays it out: the first and only record. False: it is none. */
MUST_CHECK bool fan_handle_parse(struct span record, struct fan_handle *ret);
bool fan_handle_eq(const struct fan_handle *a, const struct fan_handle *b);
