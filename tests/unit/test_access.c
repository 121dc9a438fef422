#include "fs/access.h"
#include "test.h"
#include "wire/smb2_proto.h"

#include <errno.h>

enum {
	PARTS = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		DACL_SECURITY_INFORMATION,
	UID = 1000,
	GID = 100,
	READ = FILE_READ_DATA,
	WRITE = FILE_WRITE_DATA,
};

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
		{MAXIMUM_ALLOWED, 0, 0, 0},
		{MAXIMUM_ALLOWED | READ, READ | DELETE, 0, READ | DELETE},
		{MAXIMUM_ALLOWED | WRITE, READ, 0xC0000022, 0},
		{ACCESS_SYSTEM_SECURITY, 0x001F01FF, 0xC0000061, 0},
		{ACCESS_SYSTEM_SECURITY | MAXIMUM_ALLOWED, 0x001F01FF, 0xC0000061, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t granted = 0;

		CHECK_EQ(access_grant(cases[i].desired, cases[i].maximal, &granted).v,
			 cases[i].status);
		CHECK_EQ(granted, cases[i].granted);
	}
}

static uint32_t maximal(uint32_t uid, enum vfs_type type, unsigned may,
			unsigned parent_may, bool parent_sticky)
{
	const struct vfs_stat stat = {.type = type, .uid = UID, .gid = GID};
	struct cred cred = {.uid = uid};
	const struct principal who = {.kind = PRINCIPAL_NAMED, .cred = &cred};

	return access_maximal(&who, &stat, may, parent_may, parent_sticky);
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
		CHECK_EQ(access_describe(&stat, PARTS, &a, &sd), 0);
		CHECK_ST(access_apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
		CHECK_EQ(set.what, VFS_SET_MODE);
		CHECK_EQ(set.attr.mode, want);
		arena_fini(&a);
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
	CHECK_ST(access_apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
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

	CHECK_ST(access_apply(&sd, DACL_SECURITY_INFORMATION, &stat, &set),
		 STATUS_SUCCESS);
	CHECK_EQ(set.attr.mode, 02777);
	set.what = 0;
	CHECK_ST(access_apply(&sd, OWNER_SECURITY_INFORMATION, &stat, &set),
		 STATUS_SUCCESS);
	CHECK_EQ(set.what, 0);
	sd.control = 0;
	CHECK_ST(access_apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
	CHECK_EQ(set.what, 0);
}

TEST(owners_that_are_no_unix_accounts_are_refused)
{
	const struct vfs_stat stat = {.type = VFS_FILE, .uid = UID, .gid = GID};
	const struct sid user = sid_of_uid(7), group = sid_of_gid(8);
	struct sd sd = {.owner = &user, .group = &group};
	struct vfs_setattr set = {0};

	CHECK_ST(access_apply(&sd, PARTS, &stat, &set), STATUS_SUCCESS);
	CHECK_EQ(set.what, VFS_SET_OWNER | VFS_SET_GROUP);
	CHECK_EQ(set.attr.uid, 7);
	CHECK_EQ(set.attr.gid, 8);
	sd.owner = &sid_everyone;
	CHECK_ST(access_apply(&sd, PARTS, &stat, &set), STATUS_INVALID_OWNER);
	sd.owner = NULL;
	sd.group = &user;
	CHECK_ST(access_apply(&sd, PARTS, &stat, &set), STATUS_INVALID_PRIMARY_GROUP);
}

TEST(a_descriptor_needs_room)
{
	const struct vfs_stat stat = {.type = VFS_FILE};
	struct arena a;
	struct sd sd;

	arena_init(&a, 0);
	CHECK_EQ(access_describe(&stat, PARTS, &a, &sd), -ENOMEM);
	arena_fini(&a);
}

TEST_MAIN()
