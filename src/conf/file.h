/*
 * file.h - tsmb.conf on disk: read whole, replaced as a whole, by one writer at a time.
 *
 *     conf_file_open()     locks and reads
 *     conf_file_prepare()  writes the new text beside the old one
 *     conf_file_commit()   puts it in its place
 *     conf_file_close()    unlocks; what was prepared and not committed is removed
 *
 * Whenever a writer dies, the file is the old one or the new one. A path that is a symbolic link stays one: what it leads to
 * is replaced. Owner, mode, access list and other extended attributes stay. The lock is a file of its own, PATH.lock, as the
 * one that is replaced cannot be it.
 *
 * Owns     struct conf_file: its descriptors and text.
 * Threads  one; other processes are kept out by the lock.
 * Errors   negative errno, with a sentence in `why`. -EBUSY: somebody else has held the lock for CONF_FILE_LOCK_MS.
 */
#pragma once

#include "base/span.h"

#include <limits.h>

enum { CONF_FILE_LOCK_MS = 2000, CONF_FILE_WHY_MAX = PATH_MAX + 128 };

struct conf_file {
	char path[PATH_MAX]; /* without symbolic links */
	char new_path[PATH_MAX];
	int lock_fd, new_fd;
	char *text;
	size_t len;
	char why[CONF_FILE_WHY_MAX];
};

MUST_CHECK int conf_file_open(struct conf_file *f, const char *path);
MUST_CHECK int conf_file_prepare(struct conf_file *f, struct span text);
MUST_CHECK int conf_file_commit(struct conf_file *f);
/* Also after a conf_file_open() that failed. */
void conf_file_close(struct conf_file *f);

/*
 * The whole of a file, ended by a NUL that does not count; *ret_text is the caller's. -EFBIG: more than max bytes.
 *
 * ret_stat   what was read, as nothing that has its name a moment later; or NULL. Who asks does not wait for a pipe's writer.
 */
struct stat;
MUST_CHECK int conf_file_read(const char *path, size_t max, char **ret_text,
			      size_t *ret_len, struct stat *ret_stat);
