/*
 * file_info.h - the file information classes as one table, and the decoders of those that can be set.
 *
 * Owns     nothing.
 * Threads  pure.
 * Spec     [MS-FSCC] 2.4, [MS-FSA] 2.1.5.12, 2.1.5.15, [MS-SMB2] 2.2.37, 2.2.39, 3.3.5.20.1, 3.3.5.21.1
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "fs/name.h"
#include "fs/vfs.h"
#include "wire/rd.h"
#include "wire/wr.h"

/* What an open file, directory or pipe can be asked for. */
struct file_info {
	struct vfs_stat stat; /* of a pipe: attributes, allocation and links only	*/
	bool delete_pending;
	uint32_t ea_len; /* ea_len() of its extended attributes		*/
	uint32_t access; /* Open.GrantedAccess					*/
	uint32_t mode;   /* FileModeInformation					*/
	uint64_t position;
	const char *path;   /* from the share root, UTF-8, with backslashes	*/
	const char *stream; /* of a named stream: its name; else NULL		*/
	const struct vfs_stream *streams; /* the file's named ones		*/
	size_t stream_count;
	uint32_t pipe_waiting; /* bytes that can be read from a pipe			*/
};

/* Which parts of a struct file_info a class is made from, and what it applies to. */
enum {
	FILE_INFO_STAT = 1,
	FILE_INFO_EAS = 2,
	FILE_INFO_PATH = 4,
	FILE_INFO_OF_FILE = 8,
	FILE_INFO_OF_PIPE = 16,
	FILE_INFO_STREAMS = 32,
	FILE_INFO_OPENED_PATH = 128, /* as the client wrote it: costs no look-up	*/
	FILE_INFO_SHORT_NAME = 64,   /* only if the last name of the path has one	*/
};

struct file_info_class {
	uint8_t class;
	uint8_t fixed_len; /* with less room than that there is no answer at all	*/
	uint8_t needs;     /* FILE_INFO_*						*/
	uint32_t access;   /* to be granted; 0: none				*/
	/* Everything, whatever the client has room for. */
	void (*encode)(struct wr *w, const struct file_info *i);
};

/* Bytes FileStreamInformation takes. */
size_t file_streams_len(const struct file_info *i);

/* Bytes any other class takes besides what follows from `path`. */
enum { FILE_INFO_LEN_MAX = 128 };

/* The last name of a path. */
const char *file_info_leaf(const char *path);

/* The row of a class that can be queried by QUERY_INFO, FileFullEaInformation aside; or NULL. */
const struct file_info_class *file_info_class(uint8_t class);
/* Is there such a class at all, for whatever use? [MS-FSCC] 2.4 */
bool file_info_is_class(uint8_t class);
/* Can it be set, by this server or another? [MS-FSCC] 2.4, "Set" in the column Uses */
bool file_info_is_settable(uint8_t class);

/* FileBasicInformation of a SET_INFO: times or the orders of wire/filetime.h; attributes 0 leaves them. */
struct file_basic {
	uint64_t create_time, access_time, write_time, change_time;
	uint32_t attributes;
};

/* STATUS_INVALID_PARAMETER for times that are none, or attributes that do not fit what the file is. */
MUST_CHECK nt_status file_basic_decode(struct rd *r, bool directory,
				       struct file_basic *ret_basic);

/* FileRenameInformation and FileLinkInformation, TYPE_2. */
struct file_target {
	bool replace;
	struct name_path
		path; /* from the share root; no name: a stream of the file it is about */
};

/* STATUS_INVALID_PARAMETER for lengths that do not fit or a RootDirectory; else as name_parse(). */
MUST_CHECK nt_status file_target_decode(struct rd *r, struct arena *a,
					struct file_target *ret_target);
