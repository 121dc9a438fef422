/*
 * posix.h - the back end for the kernel's file systems.
 *
 * Symbolic links are followed as long as they stay beneath the root, wherever the look-up starts; absolute links never
 * are. Mounts beneath the root belong to the volume. Names that cannot be said over SMB, and `.tsmb`, are not shown.
 * Names are matched without regard to case by us, not by the file system: a casefold directory shows the client's case.
 *
 * DOS attributes and creation times are kept as Samba keeps them (user.DOSATTRIB, see dosattr.h). A file without has
 * ARCHIVE, READONLY if its owner may not write, HIDDEN if its name begins with a dot.
 *
 * Needs    Linux 5.8, /proc; better with 5.12 (RESOLVE_CACHED), 6.5 (cachestat), 6.13 (getxattrat). The process should
 *          have no umask but what the administrator wants on new files, and ignore SIGXFSZ.
 * Owns     a volume owns its root descriptor and its case-insensitive name cache.
 * Threads  posix_new() blocks (it opens and probes); main thread. Calls: see vfs.h.
 * Errors   posix_new(): negative errno of what failed; nothing is left behind.
 */
#pragma once

#include "conf/conf.h"
#include "fs/vfs.h"

#include <stdatomic.h>

/* Where stored descriptors are. */
enum posix_sd_form {
	POSIX_SD_RAW,    /* user.tsmb.$sd */
	POSIX_SD_NTACL3, /* security.NTACL, see ntacl.h */
	POSIX_SD_NTACL4,
};

/* Windows onto files (posix_map.c), of all volumes of a process: it may have 65530 mappings, as Linux comes. */
enum { POSIX_WINDOWS_ALL = 1024 };

struct posix_settings {
	const char *path; /* absolute				*/
	bool case_insensitive;
	enum posix_sd_form sd_form;
	struct conf_map_attributes map_attributes; /* zero: an attribute, of version 5 */
	bool switch_credentials; /* running as root: each call as its user; else all as ourselves */
	uint32_t force_create_mode; /* ORed into new files' modes		*/
	uint32_t force_directory_mode;
	const uint8_t *hash_key;           /* 16 bytes, for names peers choose	*/
	const struct quota_source *quotas; /* NULL: the kernel		*/
	/* How many windows onto files all volumes together may still map, of POSIX_WINDOWS_ALL; it outlives them. NULL: each as
	 * many as one may. */
	atomic_int *windows;
};

MUST_CHECK int posix_new(const struct posix_settings *s, struct vfs **ret_vfs);
