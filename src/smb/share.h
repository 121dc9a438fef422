/*
 * share.h - an exported directory, or IPC$, as sessions see it; and the snapshot of configuration it belongs to.
 *
 * A snapshot is immutable and counted: a reload makes a new one, each worker swaps between messages, and a request keeps
 * the one it began with. Shares with an unchanged path keep their volume over a reload.
 *
 * Owns     snapshot: its conf, shares and logon settings. share: its volume and root node.
 * Threads  immutable after creation; counted.
 */
#pragma once

#include "auth/auth.h"
#include "base/map.h"
#include "conf/conf.h"
#include "fs/node.h"
#include "fs/vfs.h"

enum share_kind { SHARE_DISK, SHARE_PIPE };

struct share_stats;

struct share {
	atomic_uint refs;
	enum share_kind kind;
	const struct conf_share
		*conf;      /* in snapshot's conf, which the share keeps; NULL for IPC$ */
	struct conf *owner; /* keeps `conf` alive			*/
	const char *name;
	bool encrypt_data; /* effective				*/
	bool shut;         /* force_user or force_group does not exist: nobody gets in */
	struct vfs *vfs;   /* disk; counted, the same for all shares over one directory */
	struct vfile *root; /* disk: path handle of the root		*/
	uint32_t *
		permission_gids; /* of conf's @group entries, by index; UINT32_MAX: no such group */
	struct cred *force_cred;     /* force_user / force_group, or NULL	*/
	struct principal *force_who; /* the same, as access checks see it	*/
	struct share_stats *stats;   /* counted: smb/stats.h; NULL: it is not counted */
	struct map_node by_name;     /* in its snapshot */
};

/* Who decides about its files. IPC$ has none; where no descriptors are kept, the kernel decides as with `posix`. */
static inline enum conf_security share_security(const struct share *s)
{
	if (!s->conf)
		return CONF_SECURITY_POSIX;
	if (s->conf->security == CONF_SECURITY_WINDOWS &&
	    s->conf->map_acls >= CONF_MAP_ACLS_POSIX)
		return CONF_SECURITY_POSIX;
	return s->conf->security;
}

/* File calls that fs/access.c has allowed are made `raised` (fs/vfs.h). */
static inline bool share_raises(const struct share *s)
{
	return share_security(s) != CONF_SECURITY_POSIX;
}

/* Descriptors are stored, and looked for. */
static inline bool share_has_sds(const struct share *s)
{
	return share_security(s) == CONF_SECURITY_WINDOWS;
}

/* Descriptors are made from POSIX ACLs, too, and set them. */
static inline bool share_has_acls(const struct share *s)
{
	return share_security(s) == CONF_SECURITY_POSIX;
}

/* Whose rights file calls through it run with: the user's, or its forced account. Borrowed from either. */
static inline struct cred *share_cred(const struct share *s, const struct principal *who)
{
	return s->force_cred ? s->force_cred : who->cred;
}

struct share *share_get(struct share *s);
void share_put(struct share *s);

/* What the share's `permissions` or `security_descriptor` allow `who`: an access mask, 0 for none. [MS-SMB2] 3.3.5.7 MaximalAccess */
uint32_t share_access(const struct share *s, const struct principal *who);

/* The access mask behind a word of `permissions`. */
uint32_t share_access_mask(enum conf_access access);

struct snapshot {
	atomic_uint refs;
	struct conf *conf;
	struct auth_server auth;
	struct share **shares; /* IPC$ last, if enabled */
	size_t share_count;
	struct map by_name; /* shares, by the hash of their folded name */
	struct map_node *by_name_few[MAP_FEW];
	uint16_t security_mode; /* of NEGOTIATE answers */
};

struct snapshot *snapshot_get(struct snapshot *s);
void snapshot_put(struct snapshot *s);

/* While it is made: the next of `shares`, which has room for it. Takes the reference. */
void snapshot_add(struct snapshot *s, struct share *share);

/* Case-insensitive; borrowed, or NULL. */
struct share *snapshot_peek(const struct snapshot *s, const char *name);
/* The same, with a new reference. */
struct share *snapshot_share(const struct snapshot *s, const char *name);
