/*
 * fs_info.h - the file system information classes as one table.
 *
 * Owns     nothing.
 * Threads  pure.
 * Spec     [MS-FSCC] 2.5, [MS-FSA] 2.1.5.13, [MS-SMB2] 3.3.5.20.2, 3.3.5.21.2
 */
#pragma once

#include "fs/vfs.h"
#include "wire/wr.h"

/* What a share can be asked for. */
struct fs_info {
	struct vfs_statfs fs; /* outputs only; of IPC$ all zero	*/
	const char *label;    /* UTF-8					*/
	const uint8_t *guid;  /* of the server, 16 bytes		*/
	bool pipe;            /* IPC$					*/
	bool named_streams;
};

struct fs_info_class {
	uint8_t class;
	uint8_t fixed_len; /* with less room than that there is no answer at all */
	bool of_pipe;      /* makes sense for IPC$ as well */
	void (*encode)(struct wr *w, const struct fs_info *i);
};

/* Bytes any class takes besides label and file system name. */
enum { FS_INFO_LEN_MAX = 64 };

/* The row of a class that can be queried; or NULL. */
const struct fs_info_class *fs_info_class(uint8_t class);
/* Is there such a class at all? */
bool fs_info_is_class(uint8_t class);
/* Documented as "Set" or "LOCAL": refused as not supported; what is for queries only does not exist for setting. */
bool fs_info_is_settable(uint8_t class);
