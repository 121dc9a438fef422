/*
 * ntacl.h - the extended attribute "security.NTACL": security descriptors, as Samba's vfs_acl_xattr keeps them.
 *
 * Layout, little-endian; learnt from what Samba 4.17 stores, versions 3 and 4:
 *
 *     version  u16, twice; two references u32, not zero
 *     kind of hash u16, a hash of 64 bytes (kind 1: SHA-256, zeros behind it)
 *     4  text ending in NUL that says of what a further hash is; up to the next multiple of 4; time u64, 64 bytes
 *     up to the next multiple of 4, the descriptor, self-relative: [MS-DTYP] 2.4.6; but its offsets count from the
 *     beginning of the attribute
 *
 * The hashes are of what owner, mode and ACL were when the descriptor was stored, as Samba sees them: it drops a
 * descriptor whose file was changed by others since. Nobody else can make them, so they are left zero, as Samba does with
 * `acl_xattr:ignore system acls = yes`; with that setting it takes what is written here. They are not looked at here.
 *
 * Owns     nothing; what is returned lies in the input.
 * Threads  pure.
 * Errors   -EBADMSG for bytes that are neither; of the descriptor itself only the offsets are looked at.
 */
#pragma once

#include "base/span.h"
#include "wire/wr.h"

#define NTACL_XATTR "security.NTACL"

enum {
	NTACL_HEAD_LEN = 160
}; /* of what stands before a descriptor that is written, at most */

/* The descriptor inside. Its offsets are changed in place; of xattr as such nothing can be made afterwards. */
MUST_CHECK int ntacl_decode(struct mspan xattr, struct span *ret_sd);

/* version: 3 or 4; sd: self-relative, as descriptor_encode() makes it. */
void ntacl_encode(struct wr *w, unsigned version, struct span sd);
