#include "fs/descriptor.h"

#include "fs/access.h"
#include "wire/smb2_proto.h"

enum {
	INHERITABLE = OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE,
	INHERITANCE = INHERITABLE | NO_PROPAGATE_INHERIT_ACE | INHERIT_ONLY_ACE |
		      INHERITED_ACE,
	AUTO_INHERIT = SE_DACL_AUTO_INHERITED | SE_DACL_AUTO_INHERIT_REQ,
	SACL_AUTO_INHERIT = SE_SACL_AUTO_INHERITED | SE_SACL_AUTO_INHERIT_REQ,
	SACL_CONTROL = SE_SACL_PRESENT | SE_SACL_DEFAULTED | SE_SACL_PROTECTED |
		       SACL_AUTO_INHERIT,
	STORED_MAX = 65536, /* of an extended attribute */
};

#define GENERIC_BITS (GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL)

/* ---- lists under construction ------------------------------------------------------------------- */

/* One ACE may become two. */
static struct acl *acl_new(struct arena *a, size_t count)
{
	struct acl *acl = arena_alloc(a, sizeof(*acl));

	if (!acl)
		return NULL;
	acl->revision = ACL_REVISION;
	acl->aces = arena_array(a, 2 * count, sizeof(*acl->aces));
	return acl->aces ? acl : NULL;
}

static void acl_add(struct acl *acl, const struct ace *ace, uint8_t flags)
{
	struct ace *out = &acl->aces[acl->count++];

	*out = *ace;
	out->flags = (uint8_t)((ace->flags & ~INHERITANCE) | flags);
	if (!ace_is_plain(ace)) /* object ACEs are of a later revision */
		acl->revision = ACL_REVISION_DS;
}

/* Whom CREATOR OWNER and CREATOR GROUP stand for. */
struct creator {
	const struct sid *owner, *group;
};

static bool is_macro(const struct ace *ace)
{
	return ace_is_plain(ace) &&
	       ((ace->mask & GENERIC_BITS) || sid_eq(&ace->sid, &sid_creator_owner) ||
		sid_eq(&ace->sid, &sid_creator_group));
}

/* PostProcessACL, 2.5.3.4.7: what holds for the file itself is made concrete. */
static void make_concrete(struct ace *ace, const struct creator *c)
{
	if (!ace_is_plain(ace))
		return;
	ace->mask = access_map_generic(ace->mask);
	if (sid_eq(&ace->sid, &sid_creator_owner))
		ace->sid = *c->owner;
	else if (sid_eq(&ace->sid, &sid_creator_group))
		ace->sid = *c->group;
}

static void add_concrete(struct acl *acl, const struct ace *ace, uint8_t flags,
			 const struct creator *c)
{
	acl_add(acl, ace, flags);
	make_concrete(&acl->aces[acl->count - 1], c);
}

/*
 * An ACE that holds for the container and is handed on: one ACE, or, if making it concrete would change what is handed
 * on, an effective one and one for inheritance only. 2.5.3.4.4, below the table
 */
static void add_both(struct acl *acl, const struct ace *ace, uint8_t inheritable,
		     uint8_t inherited, const struct creator *c)
{
	if (!is_macro(ace)) {
		acl_add(acl, ace, inheritable | inherited);
		return;
	}
	add_concrete(acl, ace, inherited, c);
	acl_add(acl, ace, inheritable | inherited | INHERIT_ONLY_ACE);
}

/* ---- inheritance -------------------------------------------------------------------------------- */

static bool has_inheritable(const struct acl *acl)
{
	for (size_t i = 0; acl && i < acl->count; i++)
		if (acl->aces[i].flags & INHERITABLE)
			return true;
	return false;
}

/* The table of 2.5.3.4.4, one ACE of the directory. `inherited`: how what comes of it is marked. */
static void inherit_ace(struct acl *acl, const struct ace *ace, bool container,
			uint8_t inherited, const struct creator *c)
{
	uint8_t handed_on = ace->flags & NO_PROPAGATE_INHERIT_ACE
				    ? 0
				    : (uint8_t)(ace->flags & INHERITABLE);
	bool effective = ace->flags &
			 (container ? CONTAINER_INHERIT_ACE : OBJECT_INHERIT_ACE);

	if (!container)
		handed_on = 0;
	if (effective && handed_on)
		add_both(acl, ace, handed_on, inherited, c);
	else if (effective)
		add_concrete(acl, ace, inherited, c);
	else if (handed_on)
		acl_add(acl, ace, handed_on | inherited | INHERIT_ONLY_ACE);
}

/* What was given: its own ACEs, made concrete. Those it had inherited elsewhere go; a protected list keeps all as its
 * own: 2.5.3.4, 2.5.3.4.6. */
static void take_given(struct acl *acl, const struct sd *given, bool container,
		       const struct creator *c)
{
	bool protected = given->control & SE_DACL_PROTECTED;

	for (size_t i = 0; i < given->dacl->count; i++) {
		const struct ace *ace = &given->dacl->aces[i];
		uint8_t flags = (uint8_t)(ace->flags & INHERITANCE & ~INHERITED_ACE);

		if ((ace->flags & INHERITED_ACE) && !protected)
			continue;
		if (flags & INHERIT_ONLY_ACE)
			acl_add(acl, ace, flags);
		else if (container && (flags & INHERITABLE))
			add_both(acl, ace, flags, 0, c);
		else
			add_concrete(acl, ace, flags, c);
	}
}

/* Token.DefaultDACL, as Windows has it: the owner and the system. */
static struct acl *default_dacl(const struct creator *c, struct arena *a)
{
	struct acl *acl = acl_new(a, 1);

	if (!acl)
		return NULL;
	acl->count = 2;
	for (size_t i = 0; i < 2; i++)
		acl->aces[i] = (struct ace){
			.type = ACCESS_ALLOWED_ACE_TYPE,
			.mask = FILE_ALL_ACCESS,
			.sid = i ? sid_system : *c->owner,
		};
	return acl;
}

/*
 * ComputeACL, 2.5.3.4.2, for a DACL. What a child inherits is merged with what was given, and marked as inherited, only
 * if the directory's list is auto-inherited itself: so Windows does.
 */
static int compute_dacl(const struct descriptor_new *in, const struct creator *c,
			struct arena *a, struct sd *sd)
{
	bool given = in->given && (in->given->control & SE_DACL_PRESENT);
	bool protected = given && (in->given->control & SE_DACL_PROTECTED);
	bool automatic = in->parent && (in->parent->control & SE_DACL_AUTO_INHERITED);
	const struct acl *above = in->parent ? in->parent->dacl : NULL;
	size_t above_count = has_inheritable(above) ? above->count : 0;
	struct acl *acl;

	sd->control |= SE_DACL_PRESENT;
	if (protected)
		sd->control |= SE_DACL_PROTECTED;
	if (given && !in->given->dacl)
		return 0; /* a NULL DACL, as wished */
	if (!given && !above_count) {
		sd->dacl = default_dacl(c, a);
		return sd->dacl ? 0 : -1;
	}
	acl = acl_new(a, above_count + (given ? in->given->dacl->count : 0));
	if (!acl)
		return -1;
	if (given)
		take_given(acl, in->given, in->container, c);
	if (!given || (automatic && !protected)) {
		for (size_t i = 0; i < above_count; i++)
			inherit_ace(acl, &above->aces[i], in->container,
				    automatic ? INHERITED_ACE : 0, c);
		if (automatic)
			sd->control |= SE_DACL_AUTO_INHERITED;
	}
	if (given && (in->given->control & AUTO_INHERIT) == AUTO_INHERIT)
		sd->control |= SE_DACL_AUTO_INHERITED;
	sd->dacl = acl;
	return 0;
}

/*
 * Who may own what `who` makes or takes: he, or a group of his; anybody, if he may restore. [MS-FSA] 2.1.5.17
 *
 * Deviation: in Windows only groups that the token marks as owners, the administrators as a rule. Ours have no marks; and
 * who may take a file for himself could give such a group every right to it anyway.
 */
static bool may_own(const struct principal *who, uint32_t held, const struct sid *owner)
{
	return (held & PRIVILEGE_RESTORE) || principal_has_sid(who, owner);
}

static void take_sacl(struct sd *sd, const struct sd *given)
{
	uint16_t control = given->control & SE_SACL_PROTECTED;

	if (given->sacl)
		control |= SE_SACL_PRESENT;
	if ((given->control & SACL_AUTO_INHERIT) == SACL_AUTO_INHERIT)
		control |= SE_SACL_AUTO_INHERITED;
	sd->control &= (uint16_t)~SACL_CONTROL;
	sd->control |= control;
	sd->sacl = given->sacl;
}

nt_status descriptor_create(const struct descriptor_new *in, struct arena *a,
			    bool *ret_store, struct sd *ret_sd)
{
	struct sd sd = {.control = SE_SELF_RELATIVE};
	struct creator c = {.owner = &in->who->sid};
	struct sid *group;

	*ret_store = in->parent || in->given;
	if (!*ret_store)
		return STATUS_SUCCESS;
	if (in->given && (in->given->control & SE_SACL_PRESENT)) {
		if (!(in->held & PRIVILEGE_SECURITY))
			return STATUS_PRIVILEGE_NOT_HELD;
		take_sacl(&sd, in->given);
	}
	if (in->given && in->given->owner &&
	    !may_own(in->who, in->held, in->given->owner))
		return STATUS_INVALID_OWNER;
	group = arena_alloc(a, sizeof(*group));
	if (!group)
		return STATUS_INSUFFICIENT_RESOURCES;
	*group = sid_of_gid(in->who->cred->gid);
	c.group = group;
	if (in->given && in->given->owner)
		c.owner = in->given->owner;
	if (in->given && in->given->group)
		c.group = in->given->group;
	sd.owner = c.owner;
	sd.group = c.group;
	if (compute_dacl(in, &c, a, &sd) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	*ret_sd = sd;
	return STATUS_SUCCESS;
}

/* ---- setting and querying ----------------------------------------------------------------------- */

/* Generic bits are spelled out but where they wait to be inherited. CREATOR OWNER stays as it is: nobody creates. */
static struct acl *acl_concrete(const struct acl *in, struct arena *a)
{
	struct acl *acl = acl_new(a, in->count);

	if (!acl)
		return NULL;
	for (size_t i = 0; i < in->count; i++) {
		acl_add(acl, &in->aces[i], in->aces[i].flags & INHERITANCE);
		if (!(in->aces[i].flags & INHERIT_ONLY_ACE))
			acl->aces[i].mask = access_map_generic(acl->aces[i].mask);
	}
	return acl;
}

/* A list stays auto-inherited only if whoever sets it asks for that: so Windows does. */
static uint16_t dacl_control(uint16_t given)
{
	uint16_t control = SE_DACL_PRESENT | (given & SE_DACL_PROTECTED);

	if ((given & AUTO_INHERIT) == AUTO_INHERIT)
		control |= SE_DACL_AUTO_INHERITED;
	return control;
}

enum {
	DACL_CONTROL = SE_DACL_PRESENT | SE_DACL_DEFAULTED | SE_DACL_TRUSTED |
		       SE_DACL_PROTECTED | AUTO_INHERIT,
};

nt_status descriptor_set(const struct principal *who, uint32_t held, const struct sd *now,
			 const struct sd *given, uint32_t parts, struct arena *a,
			 struct sd *ret_sd)
{
	struct sd sd = *now;

	if ((parts & OWNER_SECURITY_INFORMATION) && given->owner) {
		bool same = now->owner && sid_eq(given->owner, now->owner);

		if (!same && !may_own(who, held, given->owner))
			return STATUS_INVALID_OWNER;
		sd.owner = given->owner;
	}
	if ((parts & GROUP_SECURITY_INFORMATION) && given->group)
		sd.group = given->group;
	if (parts & DACL_SECURITY_INFORMATION) {
		sd.control &= (uint16_t)~DACL_CONTROL;
		sd.control |= dacl_control(given->control);
		sd.dacl = given->dacl ? acl_concrete(given->dacl, a) : NULL;
		if (given->dacl && !sd.dacl)
			return STATUS_INSUFFICIENT_RESOURCES;
	}
	if (parts & SACL_SECURITY_INFORMATION)
		take_sacl(&sd, given);
	*ret_sd = sd;
	return STATUS_SUCCESS;
}

struct sd descriptor_parts(const struct sd *sd, uint32_t parts)
{
	struct sd out = {.control = SE_SELF_RELATIVE};

	if (parts & OWNER_SECURITY_INFORMATION)
		out.owner = sd->owner;
	if (parts & GROUP_SECURITY_INFORMATION)
		out.group = sd->group;
	if (parts & DACL_SECURITY_INFORMATION) {
		out.control |= sd->control & DACL_CONTROL;
		out.dacl = sd->dacl;
	}
	if (parts & SACL_SECURITY_INFORMATION) {
		out.control |= sd->control & SACL_CONTROL;
		out.sacl = sd->sacl;
	}
	return out;
}

nt_status descriptor_encode(const struct sd *sd, struct arena *a, struct span *ret_bytes)
{
	size_t len = sd_len(sd);
	void *bytes;
	struct wr w;

	if (len > STORED_MAX)
		return STATUS_INVALID_SECURITY_DESCR;
	bytes = arena_alloc(a, len);
	if (!bytes)
		return STATUS_INSUFFICIENT_RESOURCES;
	w = wr_of(mspan_of(bytes, len));
	wr_sd(&w, sd);
	if (!wr_ok(&w)) /* a list longer than its 16 bits say */
		return STATUS_INVALID_SECURITY_DESCR;
	*ret_bytes = wr_done(&w);
	return STATUS_SUCCESS;
}
