/* test_unix_descriptor.c - POSIX ACLs as descriptors, and back; test_access.c has the mode alone. */
#include "fs/access.h"
#include "test.h"
#include "wire/smb2_proto.h"

enum {
	PARTS = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		DACL_SECURITY_INFORMATION,
	READ = FILE_READ_DATA,
	WRITE = FILE_WRITE_DATA,
	UID = 1000,
	GID = 100,
	ZOE = 60,
	YVES = 61,
	CLUB = 70,
	ENTRIES = 8,
};

static struct cred nobody_cred = {.uid = 5};
static const struct principal nobody = {.kind = PRINCIPAL_NAMED, .cred = &nobody_cred};

/* What access_apply() makes of ACLs, when its arena is gone. */
struct applied {
	struct vfs_acls acls;
	struct vfs_acl_entry access[ENTRIES], inherited[ENTRIES];
};

static void keep_acl(struct vfs_acl *acl, struct vfs_acl_entry room[ENTRIES])
{
	assert_true(acl->count <= ENTRIES);
	for (size_t i = 0; i < acl->count; i++)
		room[i] = acl->entries[i];
	acl->entries = room;
}

static nt_status apply_acls(const struct sd *sd, uint32_t parts,
			    const struct access_unix *f, struct vfs_setattr *set,
			    struct applied *ret)
{
	struct arena a;
	nt_status st;

	arena_init(&a, 1 << 20);
	st = access_apply(f, &nobody, sd, parts, &a, set);
	if (nt_ok(st) && (set->what & VFS_SET_ACLS)) {
		ret->acls = *set->acls;
		keep_acl(&ret->acls.access, ret->access);
		keep_acl(&ret->acls.inherited, ret->inherited);
		set->acls = &ret->acls;
	}
	arena_fini(&a);
	return st;
}

static int describe(const struct vfs_stat *stat, const struct vfs_acls *acls,
		    struct arena *a, struct sd *ret_sd)
{
	const struct access_unix f = {
		.security = CONF_SECURITY_POSIX, .stat = stat, .acls = acls};

	return access_describe(&f, PARTS, a, ret_sd);
}

static bool acl_eq(const struct vfs_acl *a, const struct vfs_acl *b)
{
	if (a->there != b->there || a->count != b->count)
		return false;
	for (size_t i = 0; a->there && i < VFS_ACL_CLASSES; i++)
		if (a->may[i] != b->may[i])
			return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->entries[i].group != b->entries[i].group ||
		    a->entries[i].id != b->entries[i].id ||
		    a->entries[i].may != b->entries[i].may)
			return false;
	return true;
}

/* What a client reads and writes back changes nothing. */
TEST(acls_go_there_and_back)
{
	struct vfs_acl_entry access[] = {
		{false, ZOE, 6}, {false, YVES, 0}, {true, CLUB, 4}};
	struct vfs_acl_entry inherited[] = {{true, CLUB, 7}, {false, ZOE, 5}};
	const struct vfs_acls acls = {
		.access = {.there = true,
			   .may = {6, 4, 0},
			   .count = 3,
			   .entries = access},
		.inherited = {.there = true,
			      .may = {7, 5, 0},
			      .count = 2,
			      .entries = inherited},
	};

	for (int directory = 0; directory < 2; directory++) {
		const struct vfs_stat stat = {.type = directory ? VFS_DIR : VFS_FILE,
					      .mode = 0660,
					      .uid = UID,
					      .gid = GID};
		struct vfs_acls want = acls;
		struct vfs_setattr set = {0};
		struct applied got;
		struct arena a;
		struct sd sd;

		if (!directory)
			want.inherited = (struct vfs_acl){0};
		arena_init(&a, 1 << 16);
		CHECK_EQ(describe(&stat, &want, &a, &sd), 0);
		CHECK_ST(apply_acls(&sd, PARTS,
				    &(struct access_unix){.security = CONF_SECURITY_POSIX,
							  .stat = &stat,
							  .acls = &want},
				    &set, &got),
			 STATUS_SUCCESS);
		CHECK_EQ(set.attr.mode, 0660); /* the group's part is the mask */
		CHECK(acl_eq(&set.acls->access, &want.access));
		CHECK(acl_eq(&set.acls->inherited, &want.inherited));
		arena_fini(&a);
	}
}

struct named_ace {
	bool deny;
	uint8_t flags;
	struct sid sid;
	uint32_t mask;
};

static struct vfs_setattr set_aces(const struct named_ace *in, size_t count,
				   enum vfs_type type, struct applied *got)
{
	const struct vfs_stat stat = {.type = type, .uid = UID, .gid = GID};
	struct ace aces[8];
	struct acl dacl = {.revision = ACL_REVISION, .count = count, .aces = aces};
	const struct sd sd = {.control = SE_DACL_PRESENT, .dacl = &dacl};
	struct vfs_setattr set = {0};

	for (size_t i = 0; i < count; i++)
		aces[i] = (struct ace){.type = in[i].deny ? ACCESS_DENIED_ACE_TYPE
							  : ACCESS_ALLOWED_ACE_TYPE,
				       .flags = in[i].flags,
				       .mask = in[i].mask,
				       .sid = in[i].sid};
	CHECK_ST(apply_acls(&sd, PARTS,
			    &(struct access_unix){.security = CONF_SECURITY_POSIX,
						  .stat = &stat},
			    &set, got),
		 STATUS_SUCCESS);
	return set;
}

TEST(users_and_groups_that_aces_name)
{
	const struct named_ace aces[] = {
		{false, 0, sid_of_uid(UID), READ | WRITE},
		{true, 0, sid_of_uid(YVES), READ},
		{false, 0, sid_of_uid(ZOE), READ},
		{false, 0, sid_of_uid(ZOE), WRITE},
		{false, 0, sid_of_gid(CLUB), READ},
		{false, 0, sid_creator_owner, GENERIC_ALL}, /* no account */
		{false, 0, sid_everyone, READ},
	};
	struct vfs_acl_entry want[] = {
		{false, YVES, 0}, {false, ZOE, 6}, {true, CLUB, 4}};
	struct applied got;
	struct vfs_setattr set = set_aces(aces, ARRAY_LEN(aces), VFS_FILE, &got);
	const struct vfs_acl acl = {
		.there = true, .may = {6, 4, 4}, .count = 3, .entries = want};

	CHECK(acl_eq(&set.acls->access, &acl));
	CHECK_EQ(set.attr.mode, 0664);
}

/* Those with inheritance flags make the default ACL, and of a file nothing. */
TEST(what_is_inherited_is_the_default_acl)
{
	const uint8_t both = OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE;
	const struct named_ace aces[] = {
		{false, both, sid_of_uid(ZOE), READ | FILE_EXECUTE},
		{false, both | INHERIT_ONLY_ACE, sid_creator_owner, GENERIC_ALL},
		{false, CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE, sid_of_gid(CLUB), READ},
		{false, 0, sid_of_uid(YVES), READ},
	};
	struct vfs_acl_entry access[] = {{false, ZOE, 5}, {false, YVES, 4}};
	struct vfs_acl_entry inherited[] = {{false, ZOE, 5}, {true, CLUB, 4}};
	const struct vfs_acl want_access = {.there = true, .count = 2, .entries = access};
	const struct vfs_acl want_inherited = {
		.there = true, .may = {7, 0, 0}, .count = 2, .entries = inherited};
	struct applied got;
	struct vfs_setattr set = set_aces(aces, ARRAY_LEN(aces), VFS_DIR, &got);

	CHECK(acl_eq(&set.acls->access, &want_access));
	CHECK(acl_eq(&set.acls->inherited, &want_inherited));
	set = set_aces(aces, ARRAY_LEN(aces), VFS_FILE, &got);
	CHECK(!set.acls->inherited.there);
}

TEST(an_acl_has_an_end)
{
	enum { MANY = 600 };
	static struct ace aces[MANY];
	const struct vfs_stat stat = {.type = VFS_FILE, .uid = UID, .gid = GID};
	struct acl dacl = {.revision = ACL_REVISION, .count = MANY, .aces = aces};
	const struct sd sd = {.control = SE_DACL_PRESENT, .dacl = &dacl};
	struct vfs_setattr set = {0};
	struct applied got;

	for (size_t i = 0; i < MANY; i++)
		aces[i] = (struct ace){.sid = sid_of_uid(1000 + (uint32_t)i),
				       .mask = READ};
	CHECK_ST(apply_acls(&sd, PARTS,
			    &(struct access_unix){.security = CONF_SECURITY_POSIX,
						  .stat = &stat},
			    &set, &got),
		 STATUS_INVALID_ACL);
}

/* map_full_control: for those who read it only. */
TEST(all_that_a_mode_can_say_is_shown_as_everything)
{
	static const struct {
		enum vfs_type type;
		uint32_t mode;
		bool full[VFS_ACL_CLASSES];
	} cases[] = {
		{VFS_FILE, 0644, {true, false, false}},
		{VFS_FILE, 0664, {true, true, false}},
		{VFS_DIR, 0776, {true, true, false}}, /* others may not enter */
		{VFS_DIR, 0557, {false, false, true}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct vfs_stat stat = {.type = cases[i].type,
					      .mode = cases[i].mode};
		const struct access_unix f = {.security = CONF_SECURITY_POSIX,
					      .full_control = true,
					      .stat = &stat};
		struct arena a;
		struct sd sd;

		arena_init(&a, 4096);
		CHECK_EQ(access_describe(&f, PARTS, &a, &sd), 0);
		for (size_t c = 0; c < VFS_ACL_CLASSES; c++)
			CHECK_EQ(sd.dacl->aces[c].mask == FILE_ALL_ACCESS,
				 cases[i].full[c]);
		arena_fini(&a);
	}
}

TEST_MAIN()
