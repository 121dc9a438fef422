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
 * Version 5 is written, since every Samba from 4.16 on reads it and it holds nothing we do not know.
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
	DOSATTR_LEN = 24, /* of one that dosattr_encode() wrote */
};

struct dosattr {
	bool has_attributes, has_create_time;
	uint32_t
		attributes; /* FILE_ATTRIBUTE_*, only those a file system can keep: DOSATTR_KEPT */
	uint64_t create_time; /* FILETIME */
};

/* Attributes that are stored; the others follow from what the file is. [MS-FSCC] 2.6 */
uint32_t dosattr_kept(void);

MUST_CHECK int dosattr_decode(struct span xattr, struct dosattr *ret_attr);
/* Exactly DOSATTR_LEN bytes. */
void dosattr_encode(const struct dosattr *attr, uint8_t ret_xattr[DOSATTR_LEN]);
