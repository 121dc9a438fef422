/*
 * sd.h - security descriptors: their self-relative form on the wire and on disk.
 *
 * Allow and deny ACEs are taken apart; every other kind is kept as bytes, so that what we do not understand
 * survives a copy. Whether a descriptor makes sense is not judged here, only whether it is well-formed.
 *
 * Owns     nothing; a struct sd and all it points to live in the arena, or wherever its maker put them.
 * Errors   STATUS_INVALID_SECURITY_DESCR for malformed bytes, STATUS_INSUFFICIENT_RESOURCES without memory.
 * Spec     [MS-DTYP] 2.4.4.1, 2.4.4.2, 2.4.4.4, 2.4.5, 2.4.6
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "wire/sid.h"

/* Control. The document draws the bits; these are their names in the Windows headers. */
enum {
	SE_OWNER_DEFAULTED = 0x0001,
	SE_GROUP_DEFAULTED = 0x0002,
	SE_DACL_PRESENT = 0x0004,
	SE_DACL_DEFAULTED = 0x0008,
	SE_SACL_PRESENT = 0x0010,
	SE_SACL_DEFAULTED = 0x0020,
	SE_DACL_TRUSTED = 0x0040,
	SE_SERVER_SECURITY = 0x0080,
	SE_DACL_AUTO_INHERIT_REQ = 0x0100,
	SE_SACL_AUTO_INHERIT_REQ = 0x0200,
	SE_DACL_AUTO_INHERITED = 0x0400,
	SE_SACL_AUTO_INHERITED = 0x0800,
	SE_DACL_PROTECTED = 0x1000,
	SE_SACL_PROTECTED = 0x2000,
	SE_RM_CONTROL_VALID = 0x4000,
	SE_SELF_RELATIVE = 0x8000,
};

/* AceType */
enum {
	ACCESS_ALLOWED_ACE_TYPE = 0x00,
	ACCESS_DENIED_ACE_TYPE = 0x01,
	SYSTEM_AUDIT_ACE_TYPE = 0x02,
	ACCESS_DENIED_OBJECT_ACE_TYPE = 0x06,
	ACCESS_DENIED_CALLBACK_ACE_TYPE = 0x0A,
	ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE = 0x0C,
	SYSTEM_MANDATORY_LABEL_ACE_TYPE = 0x11,
};

/* AceFlags */
enum {
	OBJECT_INHERIT_ACE = 0x01,
	CONTAINER_INHERIT_ACE = 0x02,
	NO_PROPAGATE_INHERIT_ACE = 0x04,
	INHERIT_ONLY_ACE = 0x08,
	INHERITED_ACE = 0x10,
	SUCCESSFUL_ACCESS_ACE_FLAG = 0x40,
	FAILED_ACCESS_ACE_FLAG = 0x80,
};

/* AclRevision */
enum { ACL_REVISION = 2, ACL_REVISION_DS = 4 };

struct ace {
	uint8_t type;
	uint8_t flags;
	uint32_t mask;  /* allow and deny only */
	struct sid sid; /* allow and deny only */
	struct span
		raw; /* all others: what follows the ACE_HEADER; a multiple of 4 bytes */
};

struct acl {
	uint8_t revision;
	size_t count;
	struct ace *aces;
};

struct sd {
	uint16_t control;        /* SE_*; SE_SELF_RELATIVE is understood */
	uint8_t rm_control;      /* Sbz1, of meaning with SE_RM_CONTROL_VALID */
	const struct sid *owner; /* NULL: absent */
	const struct sid *group; /* NULL: absent */
	const struct acl *sacl;  /* NULL: absent, or with SE_SACL_PRESENT a NULL ACL */
	const struct acl *
		dacl; /* NULL: absent, or with SE_DACL_PRESENT a NULL ACL: everything is allowed */
};

/* True if mask and sid are set, false if raw is. */
bool ace_is_plain(const struct ace *ace);

/* Everything is copied: bytes may go afterwards. On failure *ret_sd is untouched. */
MUST_CHECK nt_status sd_decode(struct arena *a, struct span bytes, struct sd *ret_sd);

/* Bytes wr_sd() takes. */
size_t sd_len(const struct sd *sd);

/* Fails w if it does not fit or an ACL is longer than its 16-bit size can say. PRESENT bits are set for ACLs that
 * are there; offsets count from where w stands. */
void wr_sd(struct wr *w, const struct sd *sd);
