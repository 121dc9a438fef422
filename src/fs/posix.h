/*
 * posix.h - the back end for the kernel's file systems.
 *
 * Owns     a volume owns its root descriptor and its case-insensitive name cache.
 * Threads  posix_new() blocks (it opens and probes); main thread. Calls: see vfs.h.
 * Errors   posix_new(): negative errno of what failed; nothing is left behind.
 */
#pragma once

#include "fs/vfs.h"

struct posix_settings {
	const char *path; /* absolute				*/
	bool case_insensitive;
	bool switch_credentials; /* running as root: each call as its user; else all as ourselves */
	uint32_t force_create_mode; /* ORed into new files' modes		*/
	uint32_t force_directory_mode;
	const uint8_t *hash_key; /* 16 bytes, for names peers choose	*/
};

MUST_CHECK int posix_new(const struct posix_settings *s, struct vfs **ret_vfs);
