/*
 * dir_scan.h - where an enumeration of a directory stands: open->scan.
 *
 * Owns     its pattern, and the batch of entries that the last answer had no room for.
 * Threads  whoever holds the open's scan_turn.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "fs/name.h"
#include "fs/vfs.h"

struct dir_scan {
	char *pattern;               /* UTF-8; never empty					*/
	struct name_pattern matcher; /* the same, made ready				*/
	bool wildcards;     /* else it is one name, looked up rather than searched for	*/
	unsigned dots;      /* of "." and "..", which come first, so many are done	*/
	bool end;           /* all has been read from the directory			*/
	uint64_t cookie;    /* of the entry taken last: reading goes on behind it	*/
	struct arena arena; /* of the batch						*/
	bool with_stat;     /* the batch has attributes				*/
	struct vfs_dirent *entries;
	size_t count, next;
};

/* At the start, for everything. NULL without memory. */
MUST_CHECK struct dir_scan *dir_scan_new(void);
void dir_scan_free(struct dir_scan *s);
/* Search for this from now on; a failure leaves it as it was: STATUS_INSUFFICIENT_RESOURCES, or as name_pattern_init(). */
MUST_CHECK nt_status dir_scan_set_pattern(struct dir_scan *s, const char *pattern,
					  bool ignore_case);
/* Back to the start. */
void dir_scan_rewind(struct dir_scan *s);
/* Forget what is left of the batch: it will be read again. */
void dir_scan_drop(struct dir_scan *s);
/* The next entry of the batch, not taken yet; NULL: another one must be read. */
struct vfs_dirent *dir_scan_peek(struct dir_scan *s);
void dir_scan_take(struct dir_scan *s);
