/*
 * unix_descriptor.c - owner, group, mode and POSIX ACLs as a descriptor, and back.
 *
 * An ACL has subjects: the owner, the owning group, everyone, and named users and groups. Each has at most one ACE here. A
 * directory's default ACL is what its inheritable ACEs say, for files and directories alike.
 *
 * Spec     [MS-DTYP] 2.5.3, restricted to these subjects; acl(5)
 */
#include "fs/access.h"

#include "wire/smb2_proto.h"

#include <errno.h>

enum {
	MODE_SETID_STICKY = 07000,
	MODE_ALL = 0777,
	MAY_USE = VFS_MAY_READ | VFS_MAY_WRITE,
	INHERITS = OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE,
	NAMED_MAX = 512, /* users and groups of one ACL */
};

static const unsigned class_shift[VFS_ACL_CLASSES] = {6, 3, 0};

static unsigned class_may(uint32_t mode, size_t class)
{
	return mode >> class_shift[class] & 7;
}

/* ---- as a descriptor ----------------------------------------------------------------------------- */

/* The mode alone, as an ACL. */
static struct vfs_acl acl_of_mode(uint32_t mode)
{
	struct vfs_acl acl = {.there = true};

	for (size_t i = 0; i < VFS_ACL_CLASSES; i++)
		acl.may[i] = (uint8_t)class_may(mode, i);
	return acl;
}

static uint32_t shown(const struct access_unix *f, unsigned may, bool owner)
{
	bool directory = f->stat->type == VFS_DIR;
	unsigned full = MAY_USE | (directory ? VFS_MAY_EXEC : 0);

	if (f->full_control && (may & full) == full)
		return FILE_ALL_ACCESS;
	return owner ? access_of_owner(f->security, may, directory)
		     : access_of_mode(may, directory);
}

static void add_ace(struct acl *dacl, const struct sid *sid, uint32_t mask, uint8_t flags)
{
	dacl->aces[dacl->count++] = (struct ace){
		.type = ACCESS_ALLOWED_ACE_TYPE,
		.flags = flags,
		.mask = mask,
		.sid = *sid,
	};
}

/* sids: of the classes. */
static void add_aces(const struct access_unix *f, const struct vfs_acl *acl,
		     const struct sid *const sids[VFS_ACL_CLASSES], uint8_t flags,
		     struct acl *dacl)
{
	for (size_t i = 0; i < VFS_ACL_CLASSES; i++)
		add_ace(dacl, sids[i], shown(f, acl->may[i], i == VFS_ACL_OWNER), flags);
	for (size_t i = 0; i < acl->count; i++) {
		const struct vfs_acl_entry *e = &acl->entries[i];
		struct sid sid = e->group ? sid_of_gid(e->id) : sid_of_uid(e->id);

		add_ace(dacl, &sid, shown(f, e->may, false), flags);
	}
}

int access_describe(const struct access_unix *f, uint32_t parts, struct arena *a,
		    struct sd *ret_sd)
{
	static const struct vfs_acls none;
	const struct vfs_acls *acls = f->acls ? f->acls : &none;
	struct vfs_acl access = acls->access.there ? acls->access
						   : acl_of_mode(f->stat->mode);
	size_t count = 2 * VFS_ACL_CLASSES + access.count + acls->inherited.count;
	struct sid *sids = arena_array(a, 2, sizeof(*sids));
	struct ace *aces = arena_array(a, count, sizeof(*aces));
	struct acl *dacl = arena_alloc(a, sizeof(*dacl));
	struct sd sd = {.control = SE_SELF_RELATIVE};

	if (!sids || !aces || !dacl)
		return -ENOMEM;
	sids[0] = sid_of_uid(f->stat->uid);
	sids[1] = sid_of_gid(f->stat->gid);
	*dacl = (struct acl){.revision = ACL_REVISION, .aces = aces};
	add_aces(f, &access, (const struct sid *[]){&sids[0], &sids[1], &sid_everyone}, 0,
		 dacl);
	if (acls->inherited.there)
		add_aces(f, &acls->inherited,
			 (const struct sid *[]){&sid_creator_owner, &sid_creator_group,
						&sid_everyone},
			 INHERITS | INHERIT_ONLY_ACE, dacl);
	if (parts & OWNER_SECURITY_INFORMATION)
		sd.owner = &sids[0];
	if (parts & GROUP_SECURITY_INFORMATION)
		sd.group = &sids[1];
	if (parts & DACL_SECURITY_INFORMATION) {
		sd.control |= SE_DACL_PRESENT;
		sd.dacl = dacl;
	}
	*ret_sd = sd;
	return 0;
}

/* ---- and back: what a DACL says of each subject -------------------------------------------------- */

struct subject {
	struct sid sid;
	bool group;
	uint32_t id;
	unsigned exec; /* VFS_MAY_EXEC, if it may execute now */
	unsigned allowed, denied;
	bool named; /* an ACE of its own allows it something */
};

struct subjects {
	bool directory, inherited; /* inherited: it is about the default ACL */
	size_t count;
	struct subject *list; /* the classes first */
};

/* The ACE speaks of this ACL, and we understand it. */
static bool ace_counts(const struct subjects *s, const struct ace *ace)
{
	if (!ace_is_plain(ace))
		return false;
	return s->inherited ? ace->flags & INHERITS : !(ace->flags & INHERIT_ONLY_ACE);
}

/* NULL: nobody yet. */
static struct subject *subject_of(const struct subjects *s, const struct sid *sid)
{
	if (sid_eq(sid, &sid_everyone) || sid_eq(sid, &sid_authenticated_users))
		return &s->list[VFS_ACL_OTHERS];
	if (s->inherited && sid_eq(sid, &sid_creator_owner))
		return &s->list[VFS_ACL_OWNER];
	if (s->inherited && sid_eq(sid, &sid_creator_group))
		return &s->list[VFS_ACL_GROUP];
	for (size_t i = 0; i < s->count; i++)
		if (i != VFS_ACL_OTHERS && sid_eq(sid, &s->list[i].sid))
			return &s->list[i];
	return NULL;
}

/* The Unix rights that a mask amounts to. exec: as the mask of a file cannot tell reading from executing. */
static unsigned may_of(uint32_t mask, bool directory, unsigned exec)
{
	unsigned may = 0;

	mask = access_map_generic(mask);
	if (mask & FILE_READ_DATA)
		may |= VFS_MAY_READ | (directory ? 0 : exec);
	if (mask & FILE_WRITE_DATA)
		may |= VFS_MAY_WRITE;
	if (directory && (mask & FILE_EXECUTE))
		may |= VFS_MAY_EXEC;
	return may;
}

static unsigned exec_of(const struct vfs_acl *now, uint32_t mode, bool group, uint32_t id)
{
	for (size_t i = 0; i < now->count; i++)
		if (now->entries[i].group == group && now->entries[i].id == id)
			return now->entries[i].may & VFS_MAY_EXEC;
	return class_may(mode, VFS_ACL_GROUP) &
	       VFS_MAY_EXEC; /* the mask, or what comes nearest */
}

/* Users and groups that ACEs name; accounts of other kinds cannot be in an ACL. */
static nt_status find_named(struct subjects *s, const struct acl *dacl,
			    const struct vfs_acl *now, uint32_t mode)
{
	for (size_t i = 0; i < dacl->count; i++) {
		const struct ace *ace = &dacl->aces[i];
		bool group = sid_is_gid(&ace->sid, &(uint32_t){0});
		uint32_t id;

		if (!ace_counts(s, ace) || subject_of(s, &ace->sid) ||
		    !(group ? sid_is_gid(&ace->sid, &id) : sid_is_uid(&ace->sid, &id)))
			continue;
		if (s->count == VFS_ACL_CLASSES + NAMED_MAX)
			return STATUS_INVALID_ACL;
		s->list[s->count++] = (struct subject){
			.sid = ace->sid,
			.group = group,
			.id = id,
			.exec = exec_of(now, mode, group, id),
		};
	}
	return STATUS_SUCCESS;
}

/*
 * Allow ACEs add to their subject, deny ACEs that come first take away. What is denied to everyone is denied to all
 * subjects; what is allowed to everyone only to those whom no ACE of their own allows anything.
 *
 * Deviation: in [MS-DTYP] 2.5.3, everyone's ACE allows a member of the group whatever the group's own ACE leaves out. Here
 * the mode 0604, which keeps the group out, would become 0644 when a client only writes back what it has read.
 */
static void judge(struct subjects *s, const struct acl *dacl)
{
	const struct subject *everyone = &s->list[VFS_ACL_OTHERS];

	for (size_t i = 0; i < dacl->count; i++) {
		struct subject *who = subject_of(s, &dacl->aces[i].sid);

		if (who && ace_counts(s, &dacl->aces[i]) &&
		    dacl->aces[i].type == ACCESS_ALLOWED_ACE_TYPE)
			who->named = true;
	}
	for (size_t i = 0; i < dacl->count; i++) {
		const struct ace *ace = &dacl->aces[i];
		const struct subject *who = ace_counts(s, ace) ? subject_of(s, &ace->sid)
							       : NULL;

		for (size_t k = 0; who && k < s->count; k++) {
			struct subject *one = &s->list[k];
			unsigned may = may_of(ace->mask, s->directory, one->exec);

			if (one != who && who != everyone)
				continue;
			if (ace->type == ACCESS_DENIED_ACE_TYPE)
				one->denied |= may & ~one->allowed;
			else if (one == who || !one->named)
				one->allowed |= may & ~one->denied;
		}
	}
}

/* As an ACL. The owner's SID is that of the file as it will be, in sids[0], the group's in sids[1]. */
static nt_status acl_of_dacl(const struct access_unix *f, bool inherited,
			     const struct acl *dacl, const struct sid *sids,
			     struct arena *a, struct vfs_acl *ret_acl)
{
	static const struct vfs_acls none;
	const struct vfs_acls *acls = f->acls ? f->acls : &none;
	const struct vfs_acl *now = inherited ? &acls->inherited : &acls->access;
	size_t most = dacl->count < NAMED_MAX ? dacl->count : NAMED_MAX;
	struct subjects s = {.directory = f->stat->type == VFS_DIR,
			     .inherited = inherited,
			     .count = VFS_ACL_CLASSES};
	struct vfs_acl acl = {.there = true};
	nt_status st;

	s.list = arena_array(a, VFS_ACL_CLASSES + most, sizeof(*s.list));
	acl.entries = arena_array(a, most + 1, sizeof(*acl.entries));
	if (!s.list || !acl.entries)
		return STATUS_INSUFFICIENT_RESOURCES;
	s.list[VFS_ACL_OWNER].sid = sids[0];
	s.list[VFS_ACL_GROUP].sid = sids[1];
	for (size_t i = 0; i < VFS_ACL_CLASSES; i++)
		s.list[i].exec = VFS_MAY_EXEC &
				 (now->there ? now->may[i] : class_may(f->stat->mode, i));
	st = find_named(&s, dacl, now, f->stat->mode);
	if (!nt_ok(st))
		return st;
	judge(&s, dacl);
	for (size_t i = 0; i < VFS_ACL_CLASSES; i++)
		acl.may[i] = (uint8_t)s.list[i].allowed;
	for (size_t i = VFS_ACL_CLASSES; i < s.count; i++)
		acl.entries[acl.count++] =
			(struct vfs_acl_entry){.group = s.list[i].group,
					       .id = s.list[i].id,
					       .may = (uint8_t)s.list[i].allowed};
	*ret_acl = acl;
	return STATUS_SUCCESS;
}

static bool inherits(const struct acl *dacl)
{
	for (size_t i = 0; i < dacl->count; i++)
		if (ace_is_plain(&dacl->aces[i]) && (dacl->aces[i].flags & INHERITS))
			return true;
	return false;
}

/* The mode beside an ACL: its group's part is what group and named ones may at most. */
static uint32_t mode_of(const struct vfs_acl *acl)
{
	unsigned mask = acl->may[VFS_ACL_GROUP];

	for (size_t i = 0; i < acl->count; i++)
		mask |= acl->entries[i].may;
	return (uint32_t)acl->may[VFS_ACL_OWNER] << class_shift[VFS_ACL_OWNER] |
	       mask << class_shift[VFS_ACL_GROUP] | acl->may[VFS_ACL_OTHERS];
}

static nt_status apply_dacl(const struct access_unix *f, const struct acl *dacl,
			    const struct sid *sids, struct arena *a,
			    struct vfs_setattr *set)
{
	struct vfs_acls *acls = arena_alloc(a, sizeof(*acls));
	uint32_t kept = f->stat->mode & MODE_SETID_STICKY;
	nt_status st = STATUS_SUCCESS;

	if (!acls)
		return STATUS_INSUFFICIENT_RESOURCES;
	*acls = (struct vfs_acls){0};
	set->attr.mode = MODE_ALL | kept; /* no DACL at all: everything is allowed */
	if (dacl) {
		st = acl_of_dacl(f, false, dacl, sids, a, &acls->access);
		if (nt_ok(st) && f->stat->type == VFS_DIR && inherits(dacl))
			st = acl_of_dacl(f, true, dacl, sids, a, &acls->inherited);
		if (!nt_ok(st))
			return st;
		if (f->security != CONF_SECURITY_POSIX)
			acls->access.count = 0;
		set->attr.mode = mode_of(&acls->access) | kept;
		acls->access.there = acls->access.count > 0;
	}
	set->what |= VFS_SET_MODE;
	if (f->security == CONF_SECURITY_POSIX) {
		set->what |= VFS_SET_ACLS;
		set->acls = acls;
	}
	return STATUS_SUCCESS;
}

nt_status access_apply(const struct access_unix *f, const struct principal *who,
		       const struct sd *sd, uint32_t parts, struct arena *a,
		       struct vfs_setattr *set)
{
	bool free_choice = f->security == CONF_SECURITY_POSIX || who->cred->uid == 0;
	struct sid now[] = {sid_of_uid(f->stat->uid), sid_of_gid(f->stat->gid)};
	uint32_t id;

	if ((parts & OWNER_SECURITY_INFORMATION) && sd->owner &&
	    !sid_eq(sd->owner, &now[0])) {
		if (!sid_is_uid(sd->owner, &id) || (!free_choice && id != who->cred->uid))
			return STATUS_INVALID_OWNER;
		now[0] = *sd->owner;
		set->what |= VFS_SET_OWNER;
		set->attr.uid = id;
	}
	if ((parts & GROUP_SECURITY_INFORMATION) && sd->group &&
	    !sid_eq(sd->group, &now[1])) {
		if (!sid_is_gid(sd->group, &id) ||
		    (!free_choice && !cred_in_group(who->cred, id)))
			return STATUS_INVALID_PRIMARY_GROUP;
		now[1] = *sd->group;
		set->what |= VFS_SET_GROUP;
		set->attr.gid = id;
	}
	if ((parts & DACL_SECURITY_INFORMATION) && (sd->control & SE_DACL_PRESENT))
		return apply_dacl(f, sd->dacl, now, a, set);
	return STATUS_SUCCESS;
}
