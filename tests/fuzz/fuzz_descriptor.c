/*
 * fuzz_descriptor.c - any two descriptors, one of a directory and one that a client gives: what becomes of them.
 *
 * Input: the length of the first in two bytes, the first, the second.
 *
 * Besides surviving: what is made can be stored and read again, and means the same then; a check never allows more than
 * there is, nor more to the owner of an empty list than [MS-DTYP] 2.5.3.2 has; what takes effect has no generic bits.
 *
 * Target functions: descriptor_create, descriptor_set, descriptor_parts, descriptor_encode, access_check, access_stored
 */
#include "fs/access.h"
#include "fs/descriptor.h"
#include "wire/rd.h"
#include "wire/smb2_proto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 24, UID = 1000, GID = 100 };

static struct cred cred = {.uid = UID, .gid = GID};
static const struct vfs_stat stat_of_file = {.uid = UID};

static void check_concrete(const struct acl *acl)
{
	for (size_t i = 0; acl && i < acl->count; i++) {
		const struct ace *ace = &acl->aces[i];

		if (ace_is_plain(ace) && !(ace->flags & INHERIT_ONLY_ACE) &&
		    (ace->mask &
		     (GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL)))
			abort();
	}
}

/* Stored and read again it allows the same. */
static void check_stored(struct arena *a, const struct principal *who,
			 const struct sd *sd)
{
	uint32_t rights = access_check(who, sd);
	const struct sd *again;
	struct span bytes;

	if (rights & ~(uint32_t)FILE_ALL_ACCESS)
		abort();
	if (!nt_ok(descriptor_encode(sd, a, &bytes)))
		return; /* two lists merged may be too long */
	if (access_stored(bytes, &stat_of_file, a, &again) != 0)
		return;
	if (access_check(who, again) != rights)
		abort();
}

static void create(struct arena *a, const struct principal *who, const struct sd *parent,
		   const struct sd *given, bool container)
{
	const struct descriptor_new in = {
		.who = who, .parent = parent, .given = given, .container = container};
	struct sd sd;
	bool store;

	if (!nt_ok(descriptor_create(&in, a, &store, &sd)) || !store)
		return;
	if (!sd.owner || !sd.group || sd.sacl)
		abort();
	check_concrete(sd.dacl);
	check_stored(a, who, &sd);
}

static void set(struct arena *a, const struct principal *who, const struct sd *now,
		const struct sd *given)
{
	const uint32_t parts = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
			       DACL_SECURITY_INFORMATION;
	struct sd sd, some;

	if (!nt_ok(descriptor_set(who, 0, now, given, parts, a, &sd)))
		return;
	check_concrete(sd.dacl);
	check_stored(a, who, &sd);
	for (uint32_t p = 0; p <= parts; p++) {
		some = descriptor_parts(&sd, p);
		if ((some.owner && !(p & OWNER_SECURITY_INFORMATION)) || some.sacl ||
		    (some.dacl && !(p & DACL_SECURITY_INFORMATION)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	struct sid groups[] = {sid_everyone, sid_of_gid(GID)};
	const struct principal who = {.cred = &cred,
				      .sid = sid_of_uid(UID),
				      .group_sids = groups,
				      .group_count = ARRAY_LEN(groups)};
	size_t len = rd_u16(&r);
	struct span first = rd_bytes(&r, len), second = rd_rest(&r);
	const struct sd *stored;
	struct sd given;
	struct arena a;

	arena_init(&a, ARENA_MAX);
	if (access_stored(first, &stat_of_file, &a, &stored) == 0 &&
	    nt_ok(sd_decode(&a, second, &given)))
		for (int container = 0; container < 2; container++) {
			create(&a, &who, stored, &given, container);
			create(&a, &who, stored, NULL, container);
			create(&a, &who, NULL, &given, container);
			if (stored)
				set(&a, &who, stored, &given);
		}
	arena_fini(&a);
	return 0;
}
