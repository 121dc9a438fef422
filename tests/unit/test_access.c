#include "fs/access.h"
#include "test.h"
#include "wire/smb2_proto.h"

#include <errno.h>

enum {
	PARTS = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		DACL_SECURITY_INFORMATION,
	UID = 1000,
	GID = 100,
	OTHER = 3000,
	READ = FILE_READ_DATA,
	WRITE = FILE_WRITE_DATA,
};

static struct cred nobody_cred = {.uid = 5};
static const struct principal nobody = {.kind = PRINCIPAL_NAMED, .cred = &nobody_cred};

/* [MS-SMB2] 2.2.13.1.1, 2.2.13.1.2 */
TEST(generic_rights)
{
	static const struct {
		uint32_t desired, want;
	} cases[] = {
		{0, 0},
		{READ | DELETE, READ | DELETE},
		{GENERIC_READ, 0x00120089},
		{GENERIC_WRITE, 0x00120116},
		{GENERIC_EXECUTE, 0x001200A0},
		{GENERIC_ALL, 0x001F01FF},
		{GENERIC_READ | DELETE, 0x00130089},
		{MAXIMUM_ALLOWED, MAXIMUM_ALLOWED},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(access_map_generic(cases[i].desired), cases[i].want);
}

TEST(grants)
{
	static const struct {
		uint32_t desired, maximal;
		uint32_t status, granted;
	} cases[] = {
		{READ, READ | WRITE, 0, READ},
		{READ | WRITE, READ, 0xC0000022, 0},
		{GENERIC_READ, 0x00120089, 0, 0x00120089},
		{GENERIC_READ, 0x00120088, 0xC0000022, 0},
		{MAXIMUM_ALLOWED, READ | DELETE, 0, READ | DELETE},
		{MAXIMUM_ALLOWED, 0, 0xC0000022, 0}, /* [MS-DTYP] 2.5.3.2 */
		{MAXIMUM_ALLOWED | READ, READ | DELETE, 0, READ | DELETE},
		{MAXIMUM_ALLOWED | WRITE, READ, 0xC0000022, 0},
		{ACCESS_SYSTEM_SECURITY, 0x001F01FF, 0xC0000061, 0},
		{ACCESS_SYSTEM_SECURITY | MAXIMUM_ALLOWED, 0x001F01FF, 0xC0000061, 0},
		{ACCESS_SYSTEM_SECURITY, ACCESS_SYSTEM_SECURITY, 0,
		 ACCESS_SYSTEM_SECURITY},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t granted = 0;

		CHECK_EQ(access_grant(cases[i].desired, cases[i].maximal, &granted).v,
			 cases[i].status);
		CHECK_EQ(granted, cases[i].granted);
	}
}

/* Each privilege beside its absence, with and without the intent. [MS-FSA] 2.1.5.1 phase 4 */
TEST(privileges_give_what_is_theirs_and_no_more)
{
	enum {
		B = PRIVILEGE_BACKUP,
		R = PRIVILEGE_RESTORE,
		T = PRIVILEGE_TAKE_OWNERSHIP,
		S = PRIVILEGE_SECURITY,
		ALL = B | R | T | S | PRIVILEGE_DISK_OPERATOR,
		BACKUP_ALL = 0x001200A9 | ACCESS_SYSTEM_SECURITY,
		RESTORE_ALL = 0x001F0116 | ACCESS_SYSTEM_SECURITY,
	};
	static const struct {
		uint32_t held, desired;
		bool backup, restore;
		uint32_t given;
	} cases[] = {
		{0, READ, true, true, 0},
		{ALL & ~B, READ, true, true, 0},
		{B, READ, true, true, READ},
		{B, READ, false, true, 0},
		{B, GENERIC_READ, true, true, 0x00120089},
		{B, READ | WRITE | DELETE, true, true, READ},
		{B, MAXIMUM_ALLOWED, true, true, BACKUP_ALL},
		{B, MAXIMUM_ALLOWED, false, false, 0},
		{ALL & ~R, WRITE | DELETE | WRITE_DAC, true, true, 0},
		{R, WRITE | DELETE | WRITE_DAC | WRITE_OWNER, true, true,
		 WRITE | DELETE | WRITE_DAC | WRITE_OWNER},
		{R, WRITE | DELETE, true, false, 0},
		{R, READ, true, true, 0},
		{R, MAXIMUM_ALLOWED, false, true, RESTORE_ALL},
		{ALL & ~T & ~R, WRITE_OWNER, true, true, 0},
		{T, WRITE_OWNER | WRITE_DAC, false, false, WRITE_OWNER},
		{T, GENERIC_ALL, false, false, WRITE_OWNER},
		{T, MAXIMUM_ALLOWED, false, false, 0},
		{ALL & ~S, ACCESS_SYSTEM_SECURITY, false, false, 0},
		{S, ACCESS_SYSTEM_SECURITY | READ, false, false, ACCESS_SYSTEM_SECURITY},
		{S, MAXIMUM_ALLOWED, false, false, 0},
		{PRIVILEGE_DISK_OPERATOR, GENERIC_ALL | ACCESS_SYSTEM_SECURITY, true,
		 true, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(access_privileged(cases[i].held, cases[i].desired,
					   cases[i].backup, cases[i].restore),
			 cases[i].given);
}

static uint32_t maximal(uint32_t uid, enum vfs_type type, unsigned may,
			unsigned parent_may, bool parent_sticky)
{
	const struct vfs_stat stat = {.type = type, .uid = UID, .gid = GID};
	const struct vfs_stat above = {
		.type = VFS_DIR, .uid = OTHER, .mode = parent_sticky ? 01777 : 0777};
	const struct access_file file = {.stat = &stat, .may = may};
	const struct access_file parent = {.stat = &above, .may = parent_may};
	struct cred cred = {.uid = uid};
	const struct principal who = {.kind = PRINCIPAL_NAMED, .cred = &cred};

	return access_maximal(CONF_SECURITY_POSIX, &who, &file, &parent);
}

/* What it says of ACLs is test_unix_descriptor.c's: of the three classes alone, that there is none. */
static nt_status apply(const struct sd *sd, uint32_t parts, const struct vfs_stat *stat,
		       struct vfs_setattr *set)
{
	const struct access_unix f = {.security = CONF_SECURITY_POSIX, .stat = stat};
	struct arena a;
	nt_status st;

	arena_init(&a, 1 << 16);
	st = access_apply(&f, &nobody, sd, parts, &a, set);
	if (nt_ok(st) && (set->what & VFS_SET_MODE)) {
		CHECK(set->what & VFS_SET_ACLS);
		CHECK(!set->acls->access.there && !set->acls->inherited.there);
	}
	set->what &= ~(unsigned)VFS_SET_ACLS;
	set->acls = NULL;
	arena_fini(&a);
	return st;
}

static int describe(const struct vfs_stat *stat, struct arena *a, struct sd *ret_sd)
{
	const struct access_unix f = {.security = CONF_SECURITY_POSIX, .stat = stat};

	return access_describe(&f, PARTS, a, ret_sd);
}

/* Each right comes with its Unix right, for anyone; what only the owner may, for the owner and root. */
TEST(what_is_maximal)
{
	const uint32_t data = FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA;
	const uint32_t owners = WRITE_DAC | WRITE_OWNER;

	for (unsigned may = 0; may < 8; may++) {
		uint32_t file = maximal(5, VFS_FILE, may, 0, false);
		uint32_t dir = maximal(5, VFS_DIR, may, 0, false);

		CHECK_EQ(!(file & FILE_READ_DATA), !(may & VFS_MAY_READ));
		CHECK_EQ(!(file & FILE_WRITE_DATA), !(may & VFS_MAY_WRITE));
		CHECK_EQ(!(file & FILE_APPEND_DATA), !(may & VFS_MAY_WRITE));
		CHECK_EQ(!(dir & FILE_DELETE_CHILD), !(may & VFS_MAY_WRITE));
		CHECK_EQ((file | dir) & (owners | DELETE | ACCESS_SYSTEM_SECURITY), 0);
		CHECK(file & READ_CONTROL);
	}
	CHECK_EQ(maximal(UID, VFS_FILE, 0, 0, false) & owners, owners);
	CHECK_EQ(maximal(0, VFS_FILE, 0, 0, false) & owners, owners);
	CHECK_EQ(maximal(UID, VFS_FILE, 0, 0, false) & (data | DELETE), 0);
}

/* [MS-FSA] 2.1.5.1.2.1: what the directory adds */
TEST(who_may_delete)
{
	static const struct {
		uint32_t uid;
		unsigned parent_may;
		bool sticky, may;
	} cases[] = {
		{5, VFS_MAY_WRITE, false, true},   {5, VFS_MAY_WRITE, true, false},
		{UID, VFS_MAY_WRITE, true, true},  {0, VFS_MAY_WRITE, true, true},
		{UID, VFS_MAY_READ, false, false}, {5, 0, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ((maximal(cases[i].uid, VFS_FILE, 7, cases[i].parent_may,
				  cases[i].sticky) &
			  DELETE) != 0,
			 cases[i].may);
}

/* What a client reads and writes back changes nothing; of a file, only rights to execute without reading go. */
TEST(a_descriptor_goes_there_and_back)
{
	for (uint32_t i = 0; i < 2 * 010000; i++) {
		const struct vfs_stat stat = {.type = i & 1 ? VFS_DIR : VFS_FILE,
					      .mode = i >> 1,
					      .uid = UID,
					      .gid = GID};
		uint32_t want = stat.mode;
		struct vfs_setattr set = {0};
		struct arena a;
		struct sd sd;

		for (unsigned shift = 0; stat.type == VFS_FILE && shift < 9; shift += 3)
			if (!(want >> shift & VFS_MAY_READ))
				want &= ~((uint32_t)VFS_MAY_EXEC << shift);
		arena_init(&a, 4096);
		CHECK_EQ(describe(&stat, &a, &sd), 0);
		CHECK_ST(apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
		CHECK_EQ(set.what, VFS_SET_MODE);
		CHECK_EQ(set.attr.mode, want);
		arena_fini(&a);
	}
}

/* [MS-SMB2] 3.3.5.18: all of GENERIC_READ, by the file itself; nobody needs leave where the share alone decides. */
TEST(what_is_shown)
{
	static const struct {
		enum conf_security security;
		unsigned may;
		bool has_sd;
		uint32_t mask;
		bool shown;
	} cases[] = {
		{CONF_SECURITY_POSIX, VFS_MAY_READ, false, 0, true},
		{CONF_SECURITY_POSIX, VFS_MAY_WRITE | VFS_MAY_EXEC, false, 0, false},
		{CONF_SECURITY_POSIX, 0, true, FILE_ALL_ACCESS, false},
		{CONF_SECURITY_WINDOWS, VFS_MAY_READ, false, 0, true},
		{CONF_SECURITY_WINDOWS, 0, false, 0, false},
		{CONF_SECURITY_WINDOWS, 7, true, 0, false},
		{CONF_SECURITY_WINDOWS, 0, true, GENERIC_READ, true},
		{CONF_SECURITY_WINDOWS, 0, true, FILE_ALL_ACCESS, true},
		{CONF_SECURITY_WINDOWS, 7, true, FILE_READ_DATA, false},
		{CONF_SECURITY_WINDOWS, 7, true, 0x00120089 & ~SYNCHRONIZE, false},
		{CONF_SECURITY_NONE, 0, true, 0, true},
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		const struct vfs_stat stat = {.type = i % 2 ? VFS_DIR : VFS_FILE,
					      .uid = UID};
		struct ace ace = {.sid = nobody.sid, .mask = cases[i / 2].mask};
		struct acl dacl = {.revision = ACL_REVISION, .count = 1, .aces = &ace};
		const struct sd sd = {.control = SE_DACL_PRESENT, .dacl = &dacl};
		const struct access_file f = {
			.stat = &stat,
			.may = cases[i / 2].may,
			.sd = cases[i / 2].has_sd ? &sd : NULL,
		};

		CHECK_EQ(access_shows(cases[i / 2].security, &nobody, &f),
			 cases[i / 2].shown);
	}
}

struct ace_in {
	bool deny;
	char who; /* o, g, e */
	uint32_t mask;
};

static uint32_t mode_of_aces(const struct ace_in *in, size_t count)
{
	const struct vfs_stat stat = {.type = VFS_FILE, .uid = UID, .gid = GID};
	struct acl dacl = {.revision = ACL_REVISION, .count = count};
	const struct sd sd = {.control = SE_DACL_PRESENT, .dacl = &dacl};
	struct vfs_setattr set = {0};
	struct ace aces[4];

	for (size_t i = 0; i < count; i++)
		aces[i] = (struct ace){
			.type = in[i].deny ? ACCESS_DENIED_ACE_TYPE
					   : ACCESS_ALLOWED_ACE_TYPE,
			.mask = in[i].mask,
			.sid = in[i].who == 'o'   ? sid_of_uid(UID)
			       : in[i].who == 'g' ? sid_of_gid(GID)
						  : sid_everyone,
		};
	dacl.aces = aces;
	CHECK_ST(apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
	CHECK_EQ(set.what, VFS_SET_MODE);
	return set.attr.mode;
}

/* [MS-DTYP] 2.5.3 for three subjects, but that everyone's rights stop at who has an ACE of their own */
TEST(a_dacl_as_a_mode)
{
	static const struct {
		struct ace_in aces[3];
		size_t count;
		uint32_t mode;
	} cases[] = {
		{{{false, 'o', 0}}, 0, 0}, /* nobody may anything */
		{{{false, 'e', GENERIC_READ}}, 1, 0444},
		{{{false, 'e', GENERIC_ALL}}, 1, 0666},
		{{{false, 'o', READ}, {false, 'e', READ | WRITE}}, 2, 0466},
		{{{false, 'g', 0}, {false, 'e', READ}}, 2, 0404},
		{{{true, 'g', WRITE}, {false, 'e', READ | WRITE}}, 2, 0646},
		{{{true, 'e', WRITE}, {false, 'o', READ | WRITE}}, 2, 0400},
		{{{false, 'o', WRITE}, {true, 'e', WRITE}}, 2, 0200},
		{{{false, 'o', READ}, {false, 'o', WRITE}}, 2, 0600},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(mode_of_aces(cases[i].aces, cases[i].count), cases[i].mode);
}

TEST(a_null_dacl_allows_everything_and_an_absent_one_changes_nothing)
{
	const struct vfs_stat stat = {.type = VFS_FILE, .mode = 02640};
	struct sd sd = {.control = SE_DACL_PRESENT};
	struct vfs_setattr set = {0};

	CHECK_ST(apply(&sd, DACL_SECURITY_INFORMATION, &stat, &set), STATUS_SUCCESS);
	CHECK_EQ(set.attr.mode, 02777);
	set.what = 0;
	CHECK_ST(apply(&sd, OWNER_SECURITY_INFORMATION, &stat, &set), STATUS_SUCCESS);
	CHECK_EQ(set.what, 0);
	sd.control = 0;
	CHECK_ST(apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
	CHECK_EQ(set.what, 0);
}

TEST(owners_that_are_no_unix_accounts_are_refused)
{
	const struct vfs_stat stat = {.type = VFS_FILE, .uid = UID, .gid = GID};
	const struct sid user = sid_of_uid(7), group = sid_of_gid(8);
	struct sd sd = {.owner = &user, .group = &group};
	struct vfs_setattr set = {0};

	CHECK_ST(apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
	CHECK_EQ(set.what, VFS_SET_OWNER | VFS_SET_GROUP);
	CHECK_EQ(set.attr.uid, 7);
	CHECK_EQ(set.attr.gid, 8);
	sd.owner = &sid_everyone;
	CHECK_ST(apply(&sd, PARTS, &stat, &set), STATUS_INVALID_OWNER);
	sd.owner = NULL;
	sd.group = &user;
	CHECK_ST(apply(&sd, PARTS, &stat, &set), STATUS_INVALID_PRIMARY_GROUP);
}

TEST(a_descriptor_needs_room)
{
	const struct vfs_stat stat = {.type = VFS_FILE};
	struct arena a;
	struct sd sd;

	arena_init(&a, 0);
	CHECK_EQ(describe(&stat, &a, &sd), -ENOMEM);
	arena_fini(&a);
}

/* ---- security = windows: [MS-DTYP] 2.5.3.2 -------------------------------------------------------- */

enum { STAFF = 500, CREW = 501 };

static struct cred alice_cred = {.uid = UID, .gid = STAFF};

/* Alice, of the staff. */
static const struct principal *alice(void)
{
	static struct sid groups[3];
	static struct principal who;

	groups[0] = sid_everyone;
	groups[1] = sid_of_gid(STAFF);
	groups[2] = sid_authenticated_users;
	who = (struct principal){.kind = PRINCIPAL_NAMED,
				 .cred = &alice_cred,
				 .sid = sid_of_uid(UID),
				 .group_sids = groups,
				 .group_count = ARRAY_LEN(groups)};
	return &who;
}

/* "a" alice, "b" bob, "s" staff, "c" crew, "e" everyone, "o" owner rights, "C" CREATOR OWNER */
static struct sid subject(char c)
{
	switch (c) {
	case 'a':
		return sid_of_uid(UID);
	case 'b':
		return sid_of_uid(OTHER);
	case 's':
		return sid_of_gid(STAFF);
	case 'c':
		return sid_of_gid(CREW);
	case 'o':
		return sid_owner_rights;
	case 'C':
		return sid_creator_owner;
	default:
		return sid_everyone;
	}
}

struct entry {
	char who;
	uint8_t type, flags;
	uint32_t mask;
};

enum {
	ALLOW = ACCESS_ALLOWED_ACE_TYPE,
	DENY = ACCESS_DENIED_ACE_TYPE,
	IO = INHERIT_ONLY_ACE,
	OWNERS = READ_CONTROL | WRITE_DAC,
};

/* What alice may do, if `owner` owns it. */
static uint32_t check(char owner, const struct entry *in, size_t count)
{
	struct sid owner_sid = subject(owner);
	struct ace aces[4];
	struct acl dacl = {.revision = ACL_REVISION, .count = count, .aces = aces};
	const struct sd sd = {
		.control = SE_DACL_PRESENT, .owner = &owner_sid, .dacl = &dacl};

	for (size_t i = 0; i < count; i++)
		aces[i] = (struct ace){.type = in[i].type,
				       .flags = in[i].flags,
				       .mask = in[i].mask,
				       .sid = subject(in[i].who)};
	return access_check(alice(), &sd);
}

TEST(what_a_descriptor_allows)
{
	static const struct {
		char owner;
		struct entry aces[4];
		size_t count;
		uint32_t want;
	} cases[] = {
		/* an empty DACL: nothing, but for the owner */
		{'b', {{0}}, 0, 0},
		{'a', {{0}}, 0, OWNERS},
		{'s', {{0}}, 0, OWNERS}, /* a group of hers owns it */
		/* by herself, by a group; not by another's */
		{'b', {{'a', ALLOW, 0, READ}}, 1, READ},
		{'b', {{'s', ALLOW, 0, READ}, {'e', ALLOW, 0, WRITE}}, 2, READ | WRITE},
		{'b', {{'b', ALLOW, 0, READ}, {'c', ALLOW, 0, WRITE}}, 2, 0},
		{'a', {{'a', ALLOW, 0, READ}}, 1, READ | OWNERS},
		/* in the order of the list: what was said first holds */
		{'b', {{'a', DENY, 0, READ}, {'e', ALLOW, 0, READ | WRITE}}, 2, WRITE},
		{'b',
		 {{'e', ALLOW, 0, READ | WRITE}, {'a', DENY, 0, READ}},
		 2,
		 READ | WRITE},
		{'b', {{'s', DENY, 0, READ}, {'a', ALLOW, 0, READ}}, 2, 0},
		{'b', {{'c', DENY, 0, READ}, {'a', ALLOW, 0, READ}}, 2, READ},
		/* an owner keeps his two, whatever denies */
		{'a', {{'a', DENY, 0, FILE_ALL_ACCESS}}, 1, OWNERS},
		/* INHERIT_ONLY is not for this file */
		{'b', {{'a', ALLOW, IO, READ}, {'a', ALLOW, 0, WRITE}}, 2, WRITE},
		{'b', {{'a', DENY, IO, READ}, {'a', ALLOW, 0, READ}}, 2, READ},
		/* generic bits: [MS-SMB2] 2.2.13.1 */
		{'b', {{'a', ALLOW, 0, GENERIC_READ}}, 1, FILE_GENERIC_READ},
		{'b', {{'a', ALLOW, 0, GENERIC_ALL}}, 1, FILE_ALL_ACCESS},
		{'b',
		 {{'a', DENY, 0, GENERIC_WRITE}, {'a', ALLOW, 0, GENERIC_ALL}},
		 2,
		 FILE_ALL_ACCESS & ~FILE_GENERIC_WRITE},
		/* OWNER RIGHTS: instead of the two, and only for the owner */
		{'a', {{'o', ALLOW, 0, READ}}, 1, READ},
		{'a',
		 {{'o', DENY, 0, WRITE_DAC}, {'a', ALLOW, 0, WRITE_DAC | READ}},
		 2,
		 READ},
		{'b', {{'o', ALLOW, 0, READ}}, 1, 0},
		{'a', {{'o', ALLOW, IO, READ}}, 1, OWNERS},
		/* CREATOR OWNER is nobody */
		{'a', {{'C', ALLOW, 0, READ}}, 1, OWNERS},
		/* no ACE gives ACCESS_SYSTEM_SECURITY */
		{'b', {{'a', ALLOW, 0, ACCESS_SYSTEM_SECURITY | READ}}, 1, READ},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t got = check(cases[i].owner, cases[i].aces, cases[i].count);

		if (got != cases[i].want)
			printf("case %zu\n", i);
		CHECK_EQ(got, cases[i].want);
	}
}

/* 2.5.3.2: "No DACL ... any access check will succeed" */
TEST(without_a_dacl_everything_is_allowed)
{
	const struct sid bob = subject('b');
	struct sd sd = {.control = SE_DACL_PRESENT, .owner = &bob};

	CHECK_EQ(access_check(alice(), &sd), FILE_ALL_ACCESS);
	sd.control = 0;
	CHECK_EQ(access_check(alice(), &sd), FILE_ALL_ACCESS);
}

/* Conditions of callback ACEs are not evaluated: an allowing one allows nothing, a denying one denies. */
TEST(what_is_not_understood_is_never_a_yes)
{
	static const uint8_t raw[] = {0x01, 0x00, 0x00, 0x00, 0, 0, 0, 0};
	struct ace aces[2] = {
		{.raw = span_of(raw, sizeof(raw))},
		{.type = ALLOW, .mask = READ | WRITE, .sid = sid_everyone},
	};
	struct acl dacl = {.revision = ACL_REVISION_DS, .count = 2, .aces = aces};
	const struct sid bob = subject('b');
	const struct sd sd = {.control = SE_DACL_PRESENT, .owner = &bob, .dacl = &dacl};

	static const struct {
		uint8_t type;
		uint32_t want;
	} cases[] = {
		{ACCESS_DENIED_OBJECT_ACE_TYPE, WRITE},
		{ACCESS_DENIED_CALLBACK_ACE_TYPE, WRITE},
		{ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE, WRITE},
		{0x09 /* ACCESS_ALLOWED_CALLBACK */, READ | WRITE},
		{SYSTEM_AUDIT_ACE_TYPE, READ | WRITE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		aces[0].type = cases[i].type;
		CHECK_EQ(access_check(alice(), &sd), cases[i].want);
	}
	aces[0].type = 0x09;
	dacl.count = 1;
	CHECK_EQ(access_check(alice(), &sd), 0);
	aces[0].type = ACCESS_DENIED_CALLBACK_ACE_TYPE; /* cut short: denies all */
	aces[0].raw = (struct span){0};
	dacl.count = 2;
	CHECK_EQ(access_check(alice(), &sd), 0);
}

static struct sd sd_of(struct sid *owner, struct acl *acl, struct ace *ace, char who,
		       uint32_t mask)
{
	*owner = subject('b');
	*ace = (struct ace){.type = ALLOW, .mask = mask, .sid = subject(who)};
	*acl = (struct acl){.revision = ACL_REVISION, .count = 1, .aces = ace};
	return (struct sd){.control = SE_DACL_PRESENT, .owner = owner, .dacl = acl};
}

/* [MS-FSA] 2.1.5.1.2.1: DELETE by FILE_DELETE_CHILD, FILE_READ_ATTRIBUTES by FILE_LIST_DIRECTORY */
TEST(what_the_directory_adds)
{
	static const struct {
		uint32_t mask, above, want;
	} cases[] = {
		{READ, 0, READ},
		{READ, FILE_DELETE_CHILD, READ | DELETE},
		{READ, FILE_LIST_DIRECTORY, READ | FILE_READ_ATTRIBUTES},
		{READ, FILE_ADD_FILE | DELETE, READ},
		{READ | DELETE, 0, READ | DELETE},
	};
	const struct vfs_stat stat = {.type = VFS_FILE, .uid = OTHER},
			      above = {.type = VFS_DIR, .uid = OTHER, .mode = 01777};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sid owners[2];
		struct acl acls[2];
		struct ace aces[2];
		const struct sd sd = sd_of(&owners[0], &acls[0], &aces[0], 'a',
					   cases[i].mask),
				dir_sd = sd_of(&owners[1], &acls[1], &aces[1], 'a',
					       cases[i].above);
		const struct access_file file = {.stat = &stat, .sd = &sd},
					 dir = {.stat = &above, .sd = &dir_sd};

		CHECK_EQ(access_maximal(CONF_SECURITY_WINDOWS, alice(), &file, &dir),
			 cases[i].want);
		CHECK_EQ(access_maximal(CONF_SECURITY_WINDOWS, alice(), &file, NULL),
			 cases[i].mask);
	}
}

/* A stored descriptor counts with `windows` only. */
TEST(three_ways_to_decide)
{
	struct sid owner;
	struct acl acl;
	struct ace ace;
	const struct sd sd = sd_of(&owner, &acl, &ace, 'a', WRITE);
	const struct vfs_stat theirs = {.type = VFS_FILE, .uid = OTHER},
			      hers = {.type = VFS_FILE, .uid = UID};
	struct access_file f = {.stat = &theirs, .may = VFS_MAY_READ, .sd = &sd};

	CHECK_EQ(access_rights(CONF_SECURITY_WINDOWS, alice(), &f), WRITE);
	CHECK_EQ(access_rights(CONF_SECURITY_POSIX, alice(), &f) & (READ | WRITE), READ);
	CHECK_EQ(access_rights(CONF_SECURITY_NONE, alice(), &f), FILE_ALL_ACCESS);
	f.sd = NULL;
	CHECK_EQ(access_rights(CONF_SECURITY_WINDOWS, alice(), &f),
		 access_rights(CONF_SECURITY_POSIX, alice(), &f));
	/* an owner who may read and write may do everything */
	f.stat = &hers;
	f.may = VFS_MAY_READ | VFS_MAY_WRITE;
	CHECK_EQ(access_rights(CONF_SECURITY_WINDOWS, alice(), &f), FILE_ALL_ACCESS);
	CHECK_EQ(access_rights(CONF_SECURITY_POSIX, alice(), &f) & DELETE, 0);
	f.may = VFS_MAY_READ;
	CHECK_EQ(access_rights(CONF_SECURITY_WINDOWS, alice(), &f) & WRITE, 0);
}

/* Bytes that are no descriptor are not "no descriptor". */
TEST(a_spoilt_descriptor_lets_only_the_owner_repair_it)
{
	static const uint8_t spoilt[] = {1, 0, 4, 0x80, 0xff};
	const struct vfs_stat theirs = {.uid = OTHER, .mode = 0777},
			      hers = {.uid = UID, .mode = 0777};
	const struct sd *sd;
	struct arena a;

	arena_init(&a, 4096);
	CHECK_EQ(access_stored((struct span){0}, &theirs, &a, &sd), 0);
	CHECK(sd == NULL);
	CHECK_EQ(access_stored(span_of(spoilt, sizeof(spoilt)), &theirs, &a, &sd), 0);
	CHECK(sd != NULL);
	CHECK_EQ(access_check(alice(), sd), 0);
	CHECK_EQ(access_stored(span_of(spoilt, sizeof(spoilt)), &hers, &a, &sd), 0);
	CHECK_EQ(access_check(alice(), sd), OWNERS);
	arena_fini(&a);
	arena_init(&a, 0);
	CHECK_EQ(access_stored(span_of(spoilt, sizeof(spoilt)), &theirs, &a, &sd),
		 -ENOMEM);
	arena_fini(&a);
}

/* With `none` the kernel does not refuse: nobody gives a file to others, or to a group he is not in. */
TEST(owners_where_the_kernel_does_not_look)
{
	const struct vfs_stat stat = {.type = VFS_FILE, .uid = OTHER, .gid = GID};
	static const struct {
		char owner, group;
		uint32_t status;
	} cases[] = {
		{'a', 's', 0},
		{'b', 's', 0}, /* it was his already */
		{'e', 's', 0xC000005A},
		{'a', 'c', 0xC000005B},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sid owner = subject(cases[i].owner),
			   group = subject(cases[i].group);
		const struct sd sd = {.owner = &owner, .group = &group};
		const struct access_unix f = {.security = CONF_SECURITY_NONE,
					      .stat = &stat};
		struct vfs_setattr set = {0};
		struct arena a;

		arena_init(&a, 4096);
		CHECK_EQ(access_apply(&f, alice(), &sd, PARTS, &a, &set).v,
			 cases[i].status);
		arena_fini(&a);
	}
}

TEST_MAIN()
