/*
 * posix_names.h - which name in a directory is meant when the exact one does not exist: a bounded cache.
 *
 * A directory's names are kept, folded and hashed, as long as its change times stay what they were at the scan.
 * Changes made through us are entered as they happen, so that creating many files does not scan each time. Time
 * stamps are too coarse to show two changes in one tick, and our own changes hide others' in the same moment;
 * therefore a directory that was changing when it was scanned, or that we change, is scanned again after a second, or
 * after twenty times as long as the scan took: clients that make files in a very large one do not pay for it all the time.
 *
 * What names are called for short (fs/short_name.h) is kept with them from the first time on that somebody looks for a
 * short name in the directory.
 *
 * Owns     the names, at most POSIX_NAMES_BYTES_MAX bytes; the directory used least recently goes first.
 * Threads  any; a leaf lock inside, never held across a system call.
 */
#pragma once

#include "base/span.h"

#include <sys/stat.h>

struct posix_names;

enum {
	POSIX_NAMES_BYTES_MAX = 128 << 20,
	/* larger ones are scanned each time; 1,000,000 names of 70 bytes are not */
	POSIX_NAMES_DIR_BYTES_MAX = POSIX_NAMES_BYTES_MAX / 4 * 3,
};

/* hash_key: 16 bytes. NULL without memory. */
struct posix_names *posix_names_new(const uint8_t *hash_key);
void posix_names_free(struct posix_names *pn);

/* How a look-up may be answered. */
struct posix_names_dir {
	int fd;                  /* the directory, any kind of descriptor	*/
	const struct statx *stx; /* taken just now		*/
	bool may_scan;           /* this thread may read directories	*/
	bool keep;               /* its change times can be trusted	*/
};

/*
 * The name in the directory that equals `name` but for case; the exact one if there is one. real holds 256 bytes.
 *
 * 0, -ENOENT, -EAGAIN if a scan is needed and may_scan is false, -EACCES if the user may not list it, or another
 * errno of reading.
 */
MUST_CHECK int posix_names_find(struct posix_names *pn, const struct posix_names_dir *dir,
				const char *name, char *real);

/* The same for the only name that `made`, made up by short_name_of(), stands for; -ENOENT if there are two. */
MUST_CHECK int posix_names_find_short(struct posix_names *pn,
				      const struct posix_names_dir *dir, const char *made,
				      char *real);

/* Around a change of ours: what happens in between does not make the directory unknown. */
void posix_names_begin(struct posix_names *pn, const struct statx *dir_stx);
/* added, removed: names, or NULL. dir_fd: to see the new change times; they stay unknown if that fails. */
void posix_names_end(struct posix_names *pn, int dir_fd, const struct statx *dir_stx,
		     const char *added, const char *removed);
