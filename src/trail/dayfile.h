/*
 * dayfile.h - files of which each has the lines of a day: PATH.2026-11-29, in UTC. Those that are too old are deleted.
 *
 * Owns     the open file.
 * Threads  made by main, then the writer's alone. All calls may block for as long as the disk does.
 * Errors   negative errno. -EPERM for what is no regular file, or another's, or can be written by others: whoever could
 *          read what is written there, or could make us write elsewhere.
 */
#pragma once

#include "base/span.h"

#include <sys/types.h>

struct dayfile;

struct dayfile_settings {
	const char *path;
	uint32_t days;     /* kept, today's included; 0: all */
	uint32_t uid, gid; /* UINT32_MAX: the server's; a group may read */
	/* write(2), or a test's. */
	ssize_t (*write)(int fd, const void *p, size_t len);
};

/* Opens the file of the day of `time`, a FILETIME, and deletes those that are too old. */
MUST_CHECK int dayfile_open(const struct dayfile_settings *s, uint64_t time,
			    struct dayfile **ret_file);
void dayfile_close(struct dayfile *f); /* NULL is fine */
/*
 * Whole lines of one day: those of another go to another file. Returns how many bytes were written, at least 1; what is left
 * must come next, with the same time.
 */
MUST_CHECK ssize_t dayfile_write(struct dayfile *f, uint64_t time, struct span lines);
/* Are both times of one day? */
bool dayfile_same_day(uint64_t a, uint64_t b);
/* PATH.2026-11-29: where it writes to. Borrowed. */
const char *dayfile_name(const struct dayfile *f);
