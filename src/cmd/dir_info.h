/*
 * dir_info.h - the directory information classes as one table: how one entry is written.
 *
 * Owns     nothing.
 * Threads  pure.
 * Spec     [MS-FSCC] 2.4.8, .10, .15, .18 - .24, .33; [MS-FSA] 2.1.5.6.3
 */
#pragma once

#include "fs/vfs.h"
#include "wire/wr.h"

struct dir_info_class {
	uint8_t class;
	uint8_t fixed_len; /* of an entry, to FileName			*/
	bool with_stat;    /* more than the name is told		*/
	bool with_short;   /* the short name, too			*/
	/* What stands between FileNameLength and FileName. */
	void (*encode_tail)(struct wr *w, const struct vfs_stat *s,
			    const char *short_name);
};

/* NULL for what is no class of directory entries. */
const struct dir_info_class *dir_info_class(uint8_t class);

/*
 * One entry, NextEntryOffset 0. w should have room for fixed_len and the name.
 *
 * short_name   "" where there is none, or the name is one
 */
void dir_info_encode(const struct dir_info_class *c, struct wr *w, const char *name,
		     const char *short_name, const struct vfs_stat *s);
