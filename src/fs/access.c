#include "fs/access.h"

#include "wire/smb2_proto.h"

#include <errno.h>

enum {
	MODE_STICKY = 01000,
	MAY_ALL = VFS_MAY_READ | VFS_MAY_WRITE,
	/* what anyone who reaches a file may ask: its attributes and its descriptor */
	ACCESS_ALWAYS = FILE_READ_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE,
	ACCESS_READ = FILE_READ_DATA | FILE_READ_EA,
	ACCESS_WRITE = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA |
		       FILE_WRITE_ATTRIBUTES,
	ACCESS_OWNER = WRITE_DAC | WRITE_OWNER | FILE_WRITE_ATTRIBUTES,
};

/*
 * Unix rights as an access mask. Who may read a file may execute it: a client that has the bytes needs no leave to run
 * them, and programs ask for both. FILE_DELETE_CHILD means nothing on a file; "all access" includes it.
 */
static const struct {
	unsigned may;
	uint32_t file, directory;
} rights[] = {
	{VFS_MAY_READ, ACCESS_READ | FILE_EXECUTE, ACCESS_READ},
	{VFS_MAY_WRITE, ACCESS_WRITE | FILE_DELETE_CHILD,
	 ACCESS_WRITE | FILE_DELETE_CHILD},
	{VFS_MAY_EXEC, FILE_EXECUTE, FILE_EXECUTE},
};

uint32_t access_of_mode(unsigned may, bool directory)
{
	uint32_t mask = ACCESS_ALWAYS;

	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		if (may & rights[i].may)
			mask |= directory ? rights[i].directory : rights[i].file;
	return mask;
}

uint32_t access_of_owner(enum conf_security security, unsigned may, bool directory)
{
	if (security == CONF_SECURITY_WINDOWS && (may & MAY_ALL) == MAY_ALL)
		return FILE_ALL_ACCESS;
	return access_of_mode(may, directory) | ACCESS_OWNER;
}

/* ---- [MS-DTYP] 2.5.3.2 -------------------------------------------------------------------------- */

/* An ACE for OWNER RIGHTS takes the place of what an owner has without any. */
static bool names_owner_rights(const struct acl *dacl)
{
	for (size_t i = 0; i < dacl->count; i++) {
		const struct ace *ace = &dacl->aces[i];

		if (ace_is_plain(ace) && !(ace->flags & INHERIT_ONLY_ACE) &&
		    sid_eq(&ace->sid, &sid_owner_rights))
			return true;
	}
	return false;
}

/* Denying ACEs whose conditions we cannot evaluate deny everybody. */
static bool denies(const struct ace *ace, uint32_t *ret_mask)
{
	struct rd r = rd_of(ace->raw);

	switch (ace->type) {
	case ACCESS_DENIED_ACE_TYPE:
		*ret_mask = ace->mask;
		return true;
	case ACCESS_DENIED_OBJECT_ACE_TYPE:
	case ACCESS_DENIED_CALLBACK_ACE_TYPE:
	case ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE:
		*ret_mask = rd_u32(&r);
		if (!rd_ok(&r))
			*ret_mask = FILE_ALL_ACCESS;
		return true;
	default:
		return false;
	}
}

static bool ace_is_for(const struct ace *ace, const struct principal *who, bool owner)
{
	if (!ace_is_plain(ace))
		return true; /* denies(): to everybody */
	if (sid_eq(&ace->sid, &sid_owner_rights))
		return owner;
	return principal_has_sid(who, &ace->sid);
}

/* What an earlier ACE has said of a right, a later one does not change. */
uint32_t access_check(const struct principal *who, const struct sd *sd)
{
	bool owner = sd->owner && principal_has_sid(who, sd->owner);
	uint32_t allowed = 0, denied = 0, mask;

	if (!sd->dacl) /* NULL or absent: nothing is forbidden */
		return FILE_ALL_ACCESS;
	if (owner && !names_owner_rights(sd->dacl))
		allowed = READ_CONTROL | WRITE_DAC;
	for (size_t i = 0; i < sd->dacl->count; i++) {
		const struct ace *ace = &sd->dacl->aces[i];

		if ((ace->flags & INHERIT_ONLY_ACE) || !ace_is_for(ace, who, owner))
			continue;
		if (denies(ace, &mask))
			denied |= access_map_generic(mask) & ~allowed;
		else if (ace->type == ACCESS_ALLOWED_ACE_TYPE)
			allowed |= access_map_generic(ace->mask) & ~denied;
	}
	return allowed & FILE_ALL_ACCESS;
}

int access_stored(struct span stored, const struct vfs_stat *stat, struct arena *a,
		  const struct sd **ret_sd)
{
	static const struct acl nothing = {.revision = ACL_REVISION};
	struct sd *sd;
	struct sid *owner;
	nt_status st;

	*ret_sd = NULL;
	if (stored.len == 0)
		return 0;
	sd = arena_alloc(a, sizeof(*sd));
	owner = arena_alloc(a, sizeof(*owner));
	if (!sd || !owner)
		return -ENOMEM;
	st = sd_decode(a, stored, sd);
	if (nt_is(st, STATUS_INSUFFICIENT_RESOURCES))
		return -ENOMEM;
	if (!nt_ok(st)) {
		*owner = sid_of_uid(stat->uid);
		*sd = (struct sd){.control = SE_SELF_RELATIVE | SE_DACL_PRESENT,
				  .owner = owner,
				  .dacl = &nothing};
	}
	*ret_sd = sd;
	return 0;
}

/* ---- a file and its directory ------------------------------------------------------------------- */

static bool is_unix_owner(const struct principal *who, const struct vfs_stat *stat)
{
	return who->cred->uid == stat->uid || who->cred->uid == 0;
}

uint32_t access_rights(enum conf_security security, const struct principal *who,
		       const struct access_file *f)
{
	bool directory = f->stat->type == VFS_DIR;

	if (security == CONF_SECURITY_NONE)
		return FILE_ALL_ACCESS;
	if (security == CONF_SECURITY_WINDOWS && f->sd)
		return access_check(who, f->sd);
	return is_unix_owner(who, f->stat) ? access_of_owner(security, f->may, directory)
					   : access_of_mode(f->may, directory);
}

/* A sticky directory keeps what others own; a stored descriptor says it in its own words. */
static bool is_kept(const struct principal *who, const struct access_file *f,
		    const struct access_file *parent)
{
	return !parent->sd && (parent->stat->mode & MODE_STICKY) &&
	       !is_unix_owner(who, parent->stat) && !is_unix_owner(who, f->stat);
}

uint32_t access_maximal(enum conf_security security, const struct principal *who,
			const struct access_file *f, const struct access_file *parent)
{
	uint32_t mask = access_rights(security, who, f), above;

	if (!parent)
		return mask;
	above = access_rights(security, who, parent);
	if ((above & FILE_DELETE_CHILD) &&
	    (security == CONF_SECURITY_NONE || !is_kept(who, f, parent)))
		mask |= DELETE;
	if (above & FILE_LIST_DIRECTORY)
		mask |= FILE_READ_ATTRIBUTES;
	return mask;
}

bool access_shows(enum conf_security security, const struct principal *who,
		  const struct access_file *f)
{
	uint32_t mask = access_rights(security, who, f);

	return (mask & FILE_GENERIC_READ) == FILE_GENERIC_READ;
}

uint32_t access_map_generic(uint32_t desired)
{
	static const struct {
		uint32_t generic, meaning;
	} generics[] = {
		{GENERIC_READ, FILE_GENERIC_READ},
		{GENERIC_WRITE, FILE_GENERIC_WRITE},
		{GENERIC_EXECUTE, FILE_GENERIC_EXECUTE},
		{GENERIC_ALL, FILE_ALL_ACCESS},
	};

	for (size_t i = 0; i < ARRAY_LEN(generics); i++)
		if (desired & generics[i].generic)
			desired = (desired & ~generics[i].generic) | generics[i].meaning;
	return desired;
}

uint32_t access_privileged(uint32_t held, uint32_t desired, bool backup, bool restore)
{
	const uint32_t backs_up = READ_CONTROL | ACCESS_SYSTEM_SECURITY |
				  FILE_GENERIC_READ | FILE_TRAVERSE;
	const uint32_t restores = WRITE_DAC | WRITE_OWNER | ACCESS_SYSTEM_SECURITY |
				  FILE_GENERIC_WRITE | FILE_ADD_FILE |
				  FILE_ADD_SUBDIRECTORY | DELETE;
	uint32_t wanted = access_map_generic(desired), given = 0;

	if (backup && (held & PRIVILEGE_BACKUP))
		given |= backs_up;
	if (restore && (held & PRIVILEGE_RESTORE))
		given |= restores;
	if (!(desired & MAXIMUM_ALLOWED))
		given &= wanted;
	if (held & PRIVILEGE_TAKE_OWNERSHIP)
		given |= wanted & WRITE_OWNER;
	if (held & PRIVILEGE_SECURITY)
		given |= wanted & ACCESS_SYSTEM_SECURITY;
	return given;
}

nt_status access_grant(uint32_t desired, uint32_t maximal, uint32_t *ret_granted)
{
	uint32_t wanted = access_map_generic(desired) & ~(uint32_t)MAXIMUM_ALLOWED;

	if (wanted & ~maximal & ACCESS_SYSTEM_SECURITY)
		return STATUS_PRIVILEGE_NOT_HELD;
	if (wanted & ~maximal)
		return STATUS_ACCESS_DENIED;
	if ((desired & MAXIMUM_ALLOWED) && maximal == 0) /* [MS-DTYP] 2.5.3.2 */
		return STATUS_ACCESS_DENIED;
	*ret_granted = desired & MAXIMUM_ALLOWED ? maximal : wanted;
	return STATUS_SUCCESS;
}
