/*
 * reparse.h - reparse points as they are on the wire and as they are stored.
 *
 * Taken are the tags that clients of today make, each with contents that make sense: symbolic links, the special files of
 * the NFS server of Windows, those of WSL; and the tags of third parties with their GUID, whose contents are their own.
 * What Windows itself would evaluate when it meets it, as mount points, is refused: nobody does that here.
 *
 * Owns     nothing; what is decoded points into the buffer.
 * Threads  pure.
 * Errors   STATUS_IO_REPARSE_DATA_INVALID: lengths or contents; STATUS_IO_REPARSE_TAG_INVALID: none of those tags.
 * Spec     [MS-FSCC] 2.1.2.1 - 2.1.2.7, [MS-SMB2] 2.2.2.2.1
 */
#pragma once

#include "base/status.h"
#include "wire/rd.h"
#include "wire/wr.h"

enum {
	REPARSE_BUFFER_MAX = 16384, /* a REPARSE_DATA_BUFFER, its header included */
	REPARSE_HEADER_LEN = 8,
	REPARSE_GUID_HEADER_LEN = 24,
	SYMLINK_ERROR_HEADER_LEN = 16,
};

struct reparse {
	uint32_t tag;
	struct span guid; /* 16 bytes: whose tag it is; none: one of Microsoft's */
	struct span data; /* DataBuffer */
};

/* REPARSE_DATA_BUFFER or REPARSE_GUID_DATA_BUFFER: all of `buffer`. */
MUST_CHECK nt_status reparse_decode(struct span buffer, struct reparse *ret_reparse);
/* The same of FSCTL_DELETE_REPARSE_POINT, where there are no contents. [MS-FSCC] 2.3.5 */
MUST_CHECK nt_status reparse_delete_decode(struct span buffer,
					   struct reparse *ret_reparse);
void wr_reparse(struct wr *w, const struct reparse *r);

/* Of what was decoded: is it a symbolic link (IO_REPARSE_TAG_SYMLINK) with a target that counts from where it is? */
bool reparse_is_relative_link(const struct reparse *r);

/* Room for the buffer of a target of `target_len` bytes of UTF-8. */
size_t reparse_link_room(size_t target_len);
/* The buffer of a symbolic link of the file system. Fails w if the target cannot be said so: no UTF-8, or a backslash in a
 * name. */
void wr_reparse_link(struct wr *w, const char *target);

/* NFS_SPECFILE_*: [MS-FSCC] 2.1.2.6 */
#define NFS_SPECFILE_LNK  0x00000000014B4E4Cull
#define NFS_SPECFILE_CHR  0x0000000000524843ull
#define NFS_SPECFILE_BLK  0x00000000004B4C42ull
#define NFS_SPECFILE_FIFO 0x000000004F464946ull
#define NFS_SPECFILE_SOCK 0x000000004B434F53ull

enum { REPARSE_NFS_ROOM = REPARSE_HEADER_LEN + 16 };
/* The buffer of a special file; major and minor are those of CHR and BLK. */
void wr_reparse_nfs(struct wr *w, uint64_t type, uint32_t major, uint32_t minor);

/* Symbolic Link Error Response for r, a symbolic link; unparsed_len: bytes of the path behind it. */
void wr_symlink_error(struct wr *w, const struct reparse *r, uint16_t unparsed_len);
