/*
 * dosattr.h - the extended attribute "user.DOSATTRIB": DOS attributes and creation time, as Samba keeps them.
 *
 * Layout, little-endian; learnt from what Samba 4.17 stores and prints (getfattr, ndrdump), versions 3 to 5:
 *
 *     attributes as hexadecimal text, ending in NUL (empty since version 4); up to the next multiple of 2
 *     version  u16, twice; up to the next multiple of 4
 *     3  valid u32, attributes u32, ea_size u32, size u64, alloc_size u64, create_time u64, change_time u64
 *     4  valid u32, attributes u32, itime u64, create_time u64
 *     5  valid u32, attributes u32, create_time u64
 *
 * Version 5 is the usual one, since every Samba from 4.16 on reads it and it holds nothing we do not know; version 3, which
 * all read as well, is written where a client has set the change time. No file system lets that be set, so it is shown instead of
 * the file's own for as long as nothing happens to the file: until its own change time or its write time moves. What
 * they were is kept in `size` and `alloc_size`, not marked as valid, so that nobody takes them for sizes.
 *
 * Owns     nothing.
 * Threads  pure.
 * Errors   -EBADMSG for bytes that are none of the three: the file then has no such attribute.
 */
#pragma once

#include "base/span.h"

#define DOSATTR_XATTR "user.DOSATTRIB"

enum {
	DOSATTR_LEN_MAX =
		256, /* of a stored one that is worth reading; the longest known takes 56 */
	DOSATTR_LEN = 52, /* of the longest that dosattr_encode() writes */
};

struct dosattr {
	bool has_attributes, has_create_time, has_change_time;
	uint32_t
		attributes; /* FILE_ATTRIBUTE_*, only those a file system can keep: DOSATTR_KEPT */
	/* with FILE_ATTRIBUTE_REPARSE_POINT: what fs/posix_reparse.c found; 0: nothing that makes sense. Not stored here */
	uint32_t reparse_tag;
	uint64_t create_time; /* FILETIME, as all that follow */
	uint64_t change_time; /* what a client set */
	/* the file's own change time just before this was stored, which moved it; and its write time */
	uint64_t own_change_time, write_time;
};

/* Of those, the ones that clients set as they like: not SPARSE_FILE and REPARSE_POINT, which have controls of their own. */
uint32_t dosattr_settable(void);
/* Attributes that are stored; the others follow from what the file is. [MS-FSCC] 2.6 */
uint32_t dosattr_kept(void);

MUST_CHECK int dosattr_decode(struct span xattr, struct dosattr *ret_attr);
/* What was written of ret_xattr. version: 3, 4 or 5; with a change time it is 3 always. */
struct span dosattr_encode(const struct dosattr *attr, unsigned version,
			   uint8_t ret_xattr[DOSATTR_LEN]);

/* The time it may take to store an attribute, in 100 ns: what happens to the file within it is not seen. */
enum { DOSATTR_CHANGE_SLACK = 2 * 10000 };
/*
 * Is attr->change_time to be shown of a file that has these times of its own now? Storing the attribute moves the change
 * time, by nobody knows how much beforehand: a little later than own_change_time is still the same.
 */
bool dosattr_change_time_holds(const struct dosattr *attr, uint64_t own_change_time,
			       uint64_t write_time);
