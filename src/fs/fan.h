/*
 * fan.h - fanotify's words: event masks, file handles, and how it lays out what it tells.
 *
 * Owns     nothing.
 * Threads  any; pure, but for fan_handle_read().
 */
#pragma once

#include "base/span.h"

#include <limits.h>
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
/* Likewise a record of a directory and a name in it: FAN_EVENT_INFO_TYPE_DFID_NAME, OLD_ and NEW_. "." is the directory. */
struct fan_name {
	struct fan_handle dir;
	char name[NAME_MAX + 1];
};
MUST_CHECK bool fan_name_parse(struct span record, struct fan_name *ret);
/* The next of the records behind an event's metadata, its header included. False at the end, or if it is cut. */
MUST_CHECK bool fan_record_next(struct span *records, int *ret_type,
				struct span *ret_record);
/* All the records of one event that say where: its names in directories, and what it was itself. */
struct fan_names {
	struct fan_name in, from, to;
	struct fan_handle self;
	bool has_in, has_from, has_to, has_self;
};
/* Records of other types are passed over. False if one is cut. */
MUST_CHECK bool fan_names_parse(struct span records, struct fan_names *ret);
/* The next event of a buffer, which need not be aligned, and its records. False at the end. */
struct fanotify_event_metadata;
MUST_CHECK bool fan_event_next(struct span *events, struct fanotify_event_metadata *ret,
			       struct span *ret_records);

/* A line of /proc/self/mountinfo: is something mounted below (not at) the directory `top`? */
bool fan_mount_is_below(const char *line, const char *top);

bool fan_handle_eq(const struct fan_handle *a, const struct fan_handle *b);
