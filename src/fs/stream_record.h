/*
 * stream_record.h - the extended attributes "user.tsmb.stream.*", one for each named stream of a file.
 *
 * The attribute is named after a hash of the stream's name in upper case, so that one look finds it. Its value,
 * little-endian:
 *
 *     version   u8   1
 *     kind      u8   1: the content follows the name; 2: it lies in a file of its own (posix_stream_store.c)
 *     name_len  u16
 *     id        16 random bytes: which stream it is, whatever it is called
 *     name      UTF-8, as its maker wrote it
 *     content   kind 1: at most STREAM_INLINE_MAX bytes; kind 2: nothing
 *
 * Owns     nothing.
 * Threads  pure.
 * Errors   -EBADMSG for bytes that are no record: there is no such stream then.
 */
#pragma once

#include "base/arena.h"

#define STREAM_XATTR_PREFIX "user.tsmb.stream."

enum {
	STREAM_INLINE_MAX = 1024, /* bytes of content in the attribute	*/
	STREAM_NAME_MAX = 255,    /* bytes				*/
	STREAM_ID_LEN = 16,
	STREAM_RECORD_MAX = 4 + STREAM_ID_LEN + STREAM_NAME_MAX + STREAM_INLINE_MAX,
};

struct stream_record {
	uint8_t id[STREAM_ID_LEN];
	bool in_file;
	struct span name;
	struct span content; /* empty if in_file */
};

struct stream_xattr {
	char name[sizeof(STREAM_XATTR_PREFIX) + 32];
};

/* The attribute of a stream. -ENOMEM, -EILSEQ, -EIO. */
MUST_CHECK int stream_xattr_of(struct arena *a, const char *stream,
			       struct stream_xattr *ret_xattr);

/* The id as struct node_key tells it; never 0 in a record. */
uint64_t stream_id_key(const uint8_t id[STREAM_ID_LEN]);

/* May it be the name of a stream? 0, -EINVAL, -ENAMETOOLONG. [MS-FSCC] 2.1.5.3 */
MUST_CHECK int stream_check_name(struct span name);

/* name and content point into `xattr`. */
MUST_CHECK int stream_record_decode(struct span xattr, struct stream_record *ret_record);
/* Its length. name and content must be within their bounds. */
MUST_CHECK size_t stream_record_encode(const struct stream_record *record,
				       uint8_t ret_xattr[STREAM_RECORD_MAX]);
