/*
 * access.h - the only code that says what a user may do to a file.
 *
 *     windows   the stored descriptor; a file without one: as posix, and its owner may do everything if he may read and
 *               write it
 *     posix     what the kernel lets the user do, by owner, mode and ACL; the kernel checks again at the call
 *     none      everything the share permits
 *
 * With windows and none the call that follows a yes is made `raised` (fs/vfs.h), so nobody checks again: each call by a
 * path needs its yes from here. Directories may be passed through by everybody then, as in Windows, where everybody
 * holds the privilege to.
 *
 * Threads  pure.
 * Spec     [MS-SMB2] 2.2.13.1, 3.3.5.9 (access), [MS-DTYP] 2.4.3, 2.5.3.2, [MS-FSA] 2.1.5.1.2.1
 */
#pragma once

#include "auth/principal.h"
#include "base/arena.h"
#include "base/status.h"
#include "conf/conf.h"
#include "conf/privileges.h"
#include "fs/vfs.h"
#include "wire/sd.h"

/* What a file says of who may do what to it. */
struct access_file {
	const struct vfs_stat *stat;
	unsigned may;        /* VFS_MAY_*; of no meaning with an sd */
	const struct sd *sd; /* stored; NULL: there is none */
};

/*
 * The stored descriptor (vfs_lookup.sd) taken apart; NULL for none. One that makes no sense gives nobody anything but the
 * file's owner the right to replace it. -ENOMEM.
 */
MUST_CHECK int access_stored(struct span stored, const struct vfs_stat *stat,
			     struct arena *a, const struct sd **ret_sd);

/*
 * Each right that `who` would be granted if it were asked for alone: [MS-DTYP] 2.5.3.2. Never ACCESS_SYSTEM_SECURITY, which
 * takes a privilege.
 */
uint32_t access_check(const struct principal *who, const struct sd *sd);

/* The rights the file itself gives. */
uint32_t access_rights(enum conf_security security, const struct principal *who,
		       const struct access_file *f);

/* And what its directory adds: MaximalAccess before the share's own limit. parent: NULL for the root. */
uint32_t access_maximal(enum conf_security security, const struct principal *who,
			const struct access_file *f, const struct access_file *parent);

/*
 * Is it shown where what a user may not read is left out? By what the file itself grants: GENERIC_READ, all of it, which
 * includes FILE_LIST_DIRECTORY. [MS-SMB2] 3.3.5.18
 */
bool access_shows(enum conf_security security, const struct principal *who,
		  const struct access_file *f);

/*
 * The rights that privileges give, whatever the descriptor says; only for files that have descriptors.
 *
 * held     enum privilege
 * desired  as on the wire
 * backup   FILE_OPEN_FOR_BACKUP_INTENT, and what is there is opened, as reading a backup copy does
 * restore  FILE_OPEN_FOR_BACKUP_INTENT
 *
 * Spec: [MS-FSA] 2.1.5.1 phase 4, [MS-DTYP] 2.5.3.2
 */
uint32_t access_privileged(uint32_t held, uint32_t desired, bool backup, bool restore);

/*
 * Turn DesiredAccess into what an open gets.
 *
 * desired   as on the wire: generic bits and MAXIMUM_ALLOWED are expanded
 * maximal   access_maximal() and the share's limit
 *
 * STATUS_ACCESS_DENIED if a bit is not in maximal, or nothing is; STATUS_PRIVILEGE_NOT_HELD for ACCESS_SYSTEM_SECURITY.
 */
MUST_CHECK nt_status access_grant(uint32_t desired, uint32_t maximal,
				  uint32_t *ret_granted);

/* Generic bits spelled out for files: [MS-SMB2] 2.2.13.1. */
uint32_t access_map_generic(uint32_t desired);

/* VFS_MAY_* as an access mask, and what a file's owner has besides. */
uint32_t access_of_mode(unsigned may, bool directory);
uint32_t access_of_owner(enum conf_security security, unsigned may, bool directory);

/* ---- unix_descriptor.c: descriptors that are not stored ------------------------------------------ */

/* A file as its owner, group, mode and ACLs describe it. */
struct access_unix {
	enum conf_security security;
	bool full_control; /* reading and writing, and a directory's use, is shown as FILE_ALL_ACCESS */
	const struct vfs_stat *stat;
	const struct vfs_acls *acls; /* NULL: the mode says all */
};

/* The descriptor that stands for it; parts by OWNER_/GROUP_/DACL_SECURITY_INFORMATION. -ENOMEM. */
MUST_CHECK int access_describe(const struct access_unix *f, uint32_t parts,
			       struct arena *a, struct sd *ret_sd);

/*
 * Owner, group, mode and ACLs that come nearest to `sd`: what SET_INFO security does without stored descriptors. Fills
 * set->what, set->attr and, for `posix`, set->acls, which live in the arena.
 *
 * STATUS_INVALID_OWNER, STATUS_INVALID_PRIMARY_GROUP: no Unix account; or, where the kernel will not say no (`none`),
 * neither oneself nor one of one's groups. STATUS_INVALID_ACL: more users and groups than an ACL is given here.
 * STATUS_INSUFFICIENT_RESOURCES.
 */
MUST_CHECK nt_status access_apply(const struct access_unix *f,
				  const struct principal *who, const struct sd *sd,
				  uint32_t parts, struct arena *a,
				  struct vfs_setattr *set);
