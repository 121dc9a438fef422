#include "fs/descriptor.h"

#include "fs/access.h"
#include "test.h"
#include "wire/smb2_proto.h"

#include <stdlib.h>

enum {
	ALICE = 1000,
	BOB = 1001,
	STAFF = 500,
	PARTS = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		DACL_SECURITY_INFORMATION,
	OI = OBJECT_INHERIT_ACE,
	CI = CONTAINER_INHERIT_ACE,
	NP = NO_PROPAGATE_INHERIT_ACE,
	IO = INHERIT_ONLY_ACE,
	ID = INHERITED_ACE,
	AI = SE_DACL_AUTO_INHERITED,
	AR = SE_DACL_AUTO_INHERIT_REQ,
	PROTECTED = SE_DACL_PROTECTED,
	PRESENT = SE_DACL_PRESENT,
	READ = FILE_READ_DATA,
	ALLOW = ACCESS_ALLOWED_ACE_TYPE,
};

static struct cred alice_cred = {.uid = ALICE, .gid = STAFF};

static const struct principal *alice(void)
{
	static struct sid groups[2];
	static struct principal who;

	groups[0] = sid_everyone;
	groups[1] = sid_of_gid(STAFF);
	who = (struct principal){.kind = PRINCIPAL_NAMED,
				 .cred = &alice_cred,
				 .sid = sid_of_uid(ALICE),
				 .group_sids = groups,
				 .group_count = ARRAY_LEN(groups)};
	return &who;
}

/* "a" alice, "b" bob, "s" staff, "e" everyone, "O" CREATOR OWNER, "G" CREATOR GROUP, "y" the system */
static struct sid subject(char c)
{
	switch (c) {
	case 'a':
		return sid_of_uid(ALICE);
	case 'b':
		return sid_of_uid(BOB);
	case 's':
		return sid_of_gid(STAFF);
	case 'O':
		return sid_creator_owner;
	case 'G':
		return sid_creator_group;
	case 'y':
		return sid_system;
	default:
		return sid_everyone;
	}
}

/* One entry of a list; who 0 ends it. */
struct entry {
	char who;
	uint8_t flags;
	uint32_t mask;
};

enum { ENTRIES = 4 };

struct described {
	struct sd sd;
	struct acl acl;
	struct ace aces[ENTRIES];
};

static const struct sd *describe(struct described *d, uint16_t control,
				 const struct entry *in)
{
	d->acl = (struct acl){.revision = ACL_REVISION, .aces = d->aces};
	for (; d->acl.count < ENTRIES && in[d->acl.count].who; d->acl.count++)
		d->aces[d->acl.count] =
			(struct ace){.type = ALLOW,
				     .flags = in[d->acl.count].flags,
				     .mask = in[d->acl.count].mask,
				     .sid = subject(in[d->acl.count].who)};
	d->sd = (struct sd){.control = PRESENT | control, .dacl = &d->acl};
	return &d->sd;
}

static void check_list(size_t line, const struct acl *got, const struct entry *want)
{
	size_t count = 0;

	while (count < ENTRIES && want[count].who)
		count++;
	if (!got || got->count != count)
		printf("case %zu\n", line);
	assert_non_null(got);
	CHECK_EQ(got->count, count);
	for (size_t i = 0; i < count; i++) {
		struct sid who = subject(want[i].who);

		if (!sid_eq(&got->aces[i].sid, &who) ||
		    got->aces[i].flags != want[i].flags)
			printf("case %zu, ACE %zu\n", line, i);
		CHECK(sid_eq(&got->aces[i].sid, &who));
		CHECK_EQ(got->aces[i].flags, want[i].flags);
		CHECK_EQ(got->aces[i].mask, want[i].mask);
	}
}

/* [MS-DTYP] 2.5.3.4.4, its table: what becomes of one ACE of the directory */
TEST(what_is_inherited)
{
	static const struct {
		uint8_t parent, container, leaf; /* 0xff: nothing */
	} cases[] = {
		{0, 0xff, 0xff},
		{IO, 0xff, 0xff},
		{OI, IO | OI, 0},
		{OI | NP, 0xff, 0},
		{CI, CI, 0xff},
		{CI | NP, 0, 0xff},
		{CI | OI, CI | OI, 0},
		{CI | OI | NP, 0, 0},
		/* IO and ID play no part */
		{OI | IO, IO | OI, 0},
		{CI | IO, CI, 0xff},
		{CI | OI | IO | ID, CI | OI, 0},
	};
	/* another ACE that is inherited by all, so that the list is never without an inheritable one */
	for (size_t i = 0; i < 4 * ARRAY_LEN(cases); i++) {
		bool container = i & 1, automatic = i & 2;
		uint8_t marked = automatic ? ID : 0;
		const struct entry above[ENTRIES] = {
			{'b', cases[i / 4].parent, READ},
			{'e', OI | CI | NP, FILE_WRITE_DATA},
		};
		uint8_t flags = container ? cases[i / 4].container : cases[i / 4].leaf;
		const struct entry both[ENTRIES] = {
			{'b', (uint8_t)(flags | marked), READ},
			{'e', marked, FILE_WRITE_DATA}};
		const struct entry other[ENTRIES] = {{'e', marked, FILE_WRITE_DATA}};
		struct described dir;
		const struct descriptor_new in = {
			.who = alice(),
			.parent = describe(&dir, automatic ? AI : 0, above),
			.container = container,
		};
		struct arena a;
		struct sd sd;
		bool store = false;

		arena_init(&a, 1 << 16);
		CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_SUCCESS);
		CHECK(store);
		CHECK_EQ(sd.control, SE_SELF_RELATIVE | PRESENT | (automatic ? AI : 0));
		CHECK(sid_eq(sd.owner, &alice()->sid));
		check_list(i, sd.dacl, flags == 0xff ? other : both);
		arena_fini(&a);
	}
}

/* A directory's list, a list that was given, and what a new file or directory gets. 2.5.3.4 */
TEST(what_a_new_file_gets)
{
	static const struct {
		bool container;
		uint16_t parent_control, given_control, control;
		struct entry parent[ENTRIES], given[ENTRIES], want[ENTRIES];
	} cases[] = {
		/* clang-format off */
		/* CREATOR OWNER and CREATOR GROUP become somebody, and are handed on as they are: 2.5.3.4.7 */
		{false, 0, 0, 0, {{'O', OI, READ}, {'G', OI, READ}}, {{0}}, {{'a', 0, READ}, {'s', 0, READ}}},
		{true, AI, 0, AI, {{'O', OI | CI, READ}}, {{0}},
		 {{'a', ID, READ}, {'O', OI | CI | IO | ID, READ}}},
		{true, 0, 0, 0, {{'O', OI, READ}}, {{0}}, {{'O', OI | IO, READ}}},
		{true, 0, 0, 0, {{'O', CI | NP, READ}}, {{0}}, {{'a', 0, READ}}},
		/* generic bits are mapped where they take effect */
		{false, 0, 0, 0, {{'b', OI, GENERIC_READ}}, {{0}}, {{'b', 0, FILE_GENERIC_READ}}},
		{true, 0, 0, 0, {{'b', CI, GENERIC_READ}}, {{0}},
		 {{'b', 0, FILE_GENERIC_READ}, {'b', CI | IO, GENERIC_READ}}},
		/* nothing to inherit: the default of the token */
		{false, 0, 0, 0, {{'b', 0, READ}}, {{0}},
		 {{'a', 0, FILE_ALL_ACCESS}, {'y', 0, FILE_ALL_ACCESS}}},
		/* given: it counts alone, unless the directory's list is auto-inherited */
		{false, 0, 0, 0, {{'b', OI, READ}}, {{'e', 0, READ}}, {{'e', 0, READ}}},
		{false, AI, 0, AI, {{'b', OI, READ}}, {{'e', 0, READ}},
		 {{'e', 0, READ}, {'b', ID, READ}}},
		/* and the given one is not protected */
		{false, AI, PROTECTED, PROTECTED, {{'b', OI, READ}}, {{'e', 0, READ}}, {{'e', 0, READ}}},
		{false, 0, AI | AR, AI, {{'b', 0, READ}}, {{'e', 0, READ}}, {{'e', 0, READ}}},
		{false, 0, AI, 0, {{'b', 0, READ}}, {{'e', 0, READ}}, {{'e', 0, READ}}},
		/* what it inherited elsewhere goes, or is its own from now on: 2.5.3.4.6 */
		{false, 0, 0, 0, {{'b', 0, READ}}, {{'e', ID, READ}, {'a', 0, READ}}, {{'a', 0, READ}}},
		{false, 0, PROTECTED, PROTECTED, {{'b', 0, READ}}, {{'e', ID, READ}}, {{'e', 0, READ}}},
		/* macros of a given list */
		{false, 0, 0, 0, {{'b', 0, READ}}, {{'O', 0, GENERIC_READ}}, {{'a', 0, FILE_GENERIC_READ}}},
		{true, 0, 0, 0, {{'b', 0, READ}}, {{'O', CI, READ}}, {{'a', 0, READ}, {'O', CI | IO, READ}}},
		{true, 0, 0, 0, {{'b', 0, READ}}, {{'O', CI | IO, GENERIC_ALL}},
		 {{'O', CI | IO, GENERIC_ALL}}},
		/* clang-format on */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct described dir, own;
		const struct descriptor_new in = {
			.who = alice(),
			.parent = describe(&dir, cases[i].parent_control,
					   cases[i].parent),
			.given = cases[i].given[0].who
					 ? describe(&own, cases[i].given_control,
						    cases[i].given)
					 : NULL,
			.container = cases[i].container,
		};
		struct arena a;
		struct sd sd;
		bool store = false;

		arena_init(&a, 1 << 16);
		CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_SUCCESS);
		CHECK(store);
		check_list(i, sd.dacl, cases[i].want);
		CHECK_EQ(sd.control, SE_SELF_RELATIVE | PRESENT | cases[i].control);
		arena_fini(&a);
	}
}

TEST(nothing_to_say_is_not_stored)
{
	const struct descriptor_new in = {.who = alice()};
	struct sd sd = {.control = 77};
	struct arena a;
	bool store = true;

	arena_init(&a, 1 << 16);
	CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_SUCCESS);
	CHECK(!store);
	CHECK_EQ(sd.control, 77);
	arena_fini(&a);
}

/* 2.5.3.4.1, steps 1 and 2 */
TEST(owner_and_group_of_a_new_file)
{
	static const struct {
		char owner, group; /* 0: not given */
		char want_owner, want_group;
		uint32_t status;
	} cases[] = {
		{0, 0, 'a', 's', 0},        {'a', 0, 'a', 's', 0},
		{'s', 'b', 's', 'b', 0}, /* a group of hers; whatever group */
		{'b', 0, 0, 0, 0xC000005A}, {'y', 0, 0, 0, 0xC000005A},
	};
	static const struct entry list[ENTRIES] = {{'e', 0, READ}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sid owner = subject(cases[i].owner),
			   group = subject(cases[i].group);
		struct sid want_owner = subject(cases[i].want_owner),
			   want_group = subject(cases[i].want_group);
		struct described d;
		struct descriptor_new in = {.who = alice(), .given = &d.sd};
		struct arena a;
		struct sd sd = {0};
		bool store;

		arena_init(&a, 1 << 16);
		describe(&d, 0, list);
		d.sd.owner = cases[i].owner ? &owner : NULL;
		d.sd.group = cases[i].group ? &group : NULL;
		CHECK_EQ(descriptor_create(&in, &a, &store, &sd).v, cases[i].status);
		if (!cases[i].status) {
			CHECK(sid_eq(sd.owner, &want_owner));
			CHECK(sid_eq(sd.group, &want_group));
		}
		arena_fini(&a);
	}
}

TEST(who_may_restore_may_give_files_to_anybody)
{
	struct sid system = subject('y');
	struct sd given = {.owner = &system};
	struct descriptor_new in = {.who = alice(), .given = &given};
	struct described now;
	struct arena a;
	struct sd sd;
	bool store;

	arena_init(&a, 1 << 16);
	describe(&now, 0, (const struct entry[ENTRIES]){{'e', 0, READ}});
	for (int i = 0; i < 2; i++) {
		nt_status want = i ? STATUS_SUCCESS : STATUS_INVALID_OWNER;

		in.held = i ? PRIVILEGE_RESTORE : ~(uint32_t)PRIVILEGE_RESTORE;
		CHECK_ST(descriptor_create(&in, &a, &store, &sd), want);
		CHECK_ST(descriptor_set(alice(), in.held, &now.sd, &given,
					OWNER_SECURITY_INFORMATION, &a, &sd),
			 want);
	}
	CHECK(sid_eq(sd.owner, &system));
	arena_fini(&a);
}

TEST(an_audit_list_is_set_shown_and_taken_away_as_it_is)
{
	static const struct acl sacl = {.revision = ACL_REVISION};
	struct sd given = {.control = SE_SACL_PRESENT | SE_SACL_PROTECTED, .sacl = &sacl};
	struct described now;
	struct arena a;
	struct sd sd;

	arena_init(&a, 1 << 16);
	describe(&now, 0, (const struct entry[ENTRIES]){{'e', 0, READ}});
	CHECK_ST(descriptor_set(alice(), 0, &now.sd, &given, SACL_SECURITY_INFORMATION,
				&a, &sd),
		 STATUS_SUCCESS);
	CHECK(sd.sacl == &sacl && sd.dacl == now.sd.dacl);
	CHECK_EQ(sd.control & SE_SACL_PROTECTED, SE_SACL_PROTECTED);
	CHECK(!descriptor_parts(&sd, PARTS).sacl);
	CHECK(descriptor_parts(&sd, SACL_SECURITY_INFORMATION).sacl == &sacl);
	CHECK_ST(descriptor_set(alice(), 0, &sd, &(struct sd){0},
				SACL_SECURITY_INFORMATION, &a, &sd),
		 STATUS_SUCCESS);
	CHECK(!sd.sacl && !(sd.control & SE_SACL_PRESENT));
	arena_fini(&a);
}

TEST(an_audit_list_takes_a_privilege)
{
	static const struct acl sacl = {.revision = ACL_REVISION};
	struct sd given = {.control = SE_SACL_PRESENT, .sacl = &sacl};
	struct descriptor_new in = {
		.who = alice(), .held = ~(uint32_t)PRIVILEGE_SECURITY, .given = &given};
	struct arena a;
	struct sd sd;
	bool store;

	arena_init(&a, 1 << 16);
	CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_PRIVILEGE_NOT_HELD);
	in.held = PRIVILEGE_SECURITY;
	CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_SUCCESS);
	CHECK(sd.sacl == &sacl);
	in.held = 0;
	given.control = 0;
	CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_SUCCESS);
	arena_fini(&a);
}

/* A NULL DACL that was asked for is one; a list that was not given is not. */
TEST(a_null_dacl_is_not_the_absence_of_one)
{
	struct sd given = {.control = PRESENT};
	const struct descriptor_new in = {.who = alice(), .given = &given};
	static const struct entry want[ENTRIES] = {{'a', 0, FILE_ALL_ACCESS},
						   {'y', 0, FILE_ALL_ACCESS}};
	struct arena a;
	struct sd sd;
	bool store;

	arena_init(&a, 1 << 16);
	CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_SUCCESS);
	CHECK(sd.dacl == NULL && (sd.control & PRESENT));
	given.control = 0;
	CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_SUCCESS);
	check_list(0, sd.dacl, want);
	arena_fini(&a);
}

/* ---- [MS-FSA] 2.1.5.17 ---------------------------------------------------------------------------- */

/* Each part by itself; who may become the owner. */
TEST(parts_are_set_one_by_one)
{
	static const struct {
		uint32_t parts;
		char owner, want_owner, want_group;
		uint32_t status;
	} cases[] = {
		{0, 'a', 'b', 's', 0},
		{OWNER_SECURITY_INFORMATION, 'a', 'a', 's', 0},
		{OWNER_SECURITY_INFORMATION, 'b', 'b', 's', 0}, /* bob is */
		{OWNER_SECURITY_INFORMATION, 'y', 0, 0, 0xC000005A},
		{GROUP_SECURITY_INFORMATION, 'y', 'b', 'e', 0},
		{DACL_SECURITY_INFORMATION, 'y', 'b', 's', 0},
		{PARTS, 'a', 'a', 'e', 0},
	};
	static const struct entry before[ENTRIES] = {{'b', 0, READ}};
	static const struct entry after[ENTRIES] = {{'e', 0, READ}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sid bob = subject('b'), staff = subject('s'), all = subject('e');
		struct sid owner = subject(cases[i].owner);
		struct sid want_owner = subject(cases[i].want_owner),
			   want_group = subject(cases[i].want_group);
		struct described now, given;
		struct arena a;
		struct sd sd = {0};

		describe(&now, 0, before);
		now.sd.owner = &bob;
		now.sd.group = &staff;
		describe(&given, 0, after);
		given.sd.owner = &owner;
		given.sd.group = &all;
		arena_init(&a, 1 << 16);
		CHECK_EQ(descriptor_set(alice(), 0, &now.sd, &given.sd, cases[i].parts,
					&a, &sd)
				 .v,
			 cases[i].status);
		if (!cases[i].status) {
			CHECK(sid_eq(sd.owner, &want_owner));
			CHECK(sid_eq(sd.group, &want_group));
			check_list(i, sd.dacl,
				   cases[i].parts & DACL_SECURITY_INFORMATION ? after
									      : before);
		}
		arena_fini(&a);
	}
}

/* As Windows answers: auto-inherited only if that was asked for, protected as wished. */
TEST(control_bits_of_a_list_that_is_set)
{
	static const struct {
		uint16_t now, given, want;
	} cases[] = {
		{0, 0, 0},
		{AI | PROTECTED, 0, 0},
		{0, AI, 0},
		{0, AR, 0},
		{0, AI | AR, AI},
		{0, PROTECTED, PROTECTED},
		{0, AI | AR | PROTECTED, AI | PROTECTED},
	};
	static const struct entry list[ENTRIES] = {{'e', ID, READ}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct described now, given;
		struct arena a;
		struct sd sd;

		arena_init(&a, 1 << 16);
		describe(&now, cases[i].now, list);
		describe(&given, cases[i].given, list);
		CHECK_ST(descriptor_set(alice(), 0, &now.sd, &given.sd,
					DACL_SECURITY_INFORMATION, &a, &sd),
			 STATUS_SUCCESS);
		CHECK_EQ(sd.control, PRESENT | cases[i].want);
		check_list(i, sd.dacl, list); /* INHERITED_ACE as it came */
		arena_fini(&a);
	}
}

/* A list that is set is nobody's creation: CREATOR OWNER stays. Generic bits wait where they wait to be inherited. */
TEST(macros_of_a_list_that_is_set)
{
	static const struct entry in[ENTRIES] = {{'O', 0, GENERIC_READ},
						 {'O', OI | IO, GENERIC_READ}};
	static const struct entry want[ENTRIES] = {{'O', 0, FILE_GENERIC_READ},
						   {'O', OI | IO, GENERIC_READ}};
	struct described now, given;
	struct arena a;
	struct sd sd;

	arena_init(&a, 1 << 16);
	describe(&now, 0, want);
	describe(&given, 0, in);
	CHECK_ST(descriptor_set(alice(), 0, &now.sd, &given.sd, DACL_SECURITY_INFORMATION,
				&a, &sd),
		 STATUS_SUCCESS);
	check_list(0, sd.dacl, want);
	arena_fini(&a);
}

TEST(a_list_is_taken_away)
{
	static const struct entry list[ENTRIES] = {{'e', 0, READ}};
	struct sd given = {0};
	struct described now;
	struct arena a;
	struct sd sd;

	arena_init(&a, 1 << 16);
	describe(&now, 0, list);
	CHECK_ST(descriptor_set(alice(), 0, &now.sd, &given, PARTS, &a, &sd),
		 STATUS_SUCCESS);
	CHECK(!sd.dacl && (sd.control & PRESENT));
	given.control = PRESENT;
	CHECK_ST(descriptor_set(alice(), 0, &now.sd, &given, PARTS, &a, &sd),
		 STATUS_SUCCESS);
	CHECK(!sd.dacl && (sd.control & PRESENT));
	arena_fini(&a);
}

TEST(only_the_parts_that_were_asked_for)
{
	static const struct entry list[ENTRIES] = {{'e', 0, READ}};
	struct sid bob = subject('b'), staff = subject('s');
	struct described d;
	struct sd sd;

	describe(&d, AI | SE_SELF_RELATIVE, list);
	d.sd.owner = &bob;
	d.sd.group = &staff;
	sd = descriptor_parts(&d.sd, 0);
	CHECK_EQ(sd.control, SE_SELF_RELATIVE);
	CHECK(!sd.owner && !sd.group && !sd.dacl);
	sd = descriptor_parts(&d.sd, OWNER_SECURITY_INFORMATION);
	CHECK(sd.owner == &bob && !sd.group && !sd.dacl);
	sd = descriptor_parts(&d.sd, DACL_SECURITY_INFORMATION);
	CHECK(!sd.owner && sd.dacl == &d.acl);
	CHECK_EQ(sd.control, SE_SELF_RELATIVE | PRESENT | AI);
}

/* What is stored is read again; what is too long to be a list is refused. */
TEST(bytes_to_store)
{
	static const struct entry list[ENTRIES] = {{'e', 0, READ}};
	enum { MANY = 4000 };
	struct ace *aces = calloc(MANY, sizeof(*aces));
	struct described d;
	struct span bytes;
	struct arena a;
	struct sd sd;

	assert_non_null(aces);
	arena_init(&a, 1 << 20);
	describe(&d, AI, list);
	CHECK_ST(descriptor_encode(&d.sd, &a, &bytes), STATUS_SUCCESS);
	CHECK_ST(sd_decode(&a, bytes, &sd), STATUS_SUCCESS);
	check_list(0, sd.dacl, list);
	for (size_t i = 0; i < MANY; i++)
		aces[i] = (struct ace){.type = ALLOW, .sid = sid_everyone};
	d.acl.aces = aces;
	d.acl.count = MANY;
	CHECK_ST(descriptor_encode(&d.sd, &a, &bytes), STATUS_INVALID_SECURITY_DESCR);
	arena_fini(&a);
	free(aces);
}

/* Whatever memory there is: done, or nothing. */
TEST(descriptors_need_room)
{
	static const struct entry list[ENTRIES] = {{'O', OI | CI, READ}};
	struct described dir;
	const struct descriptor_new in = {
		.who = alice(), .parent = describe(&dir, 0, list), .container = true};
	struct arena a;
	struct sd sd;
	bool store;

	arena_init(&a, 0);
	CHECK_ST(descriptor_create(&in, &a, &store, &sd), STATUS_INSUFFICIENT_RESOURCES);
	CHECK_ST(descriptor_set(alice(), 0, &dir.sd, &dir.sd, PARTS, &a, &sd),
		 STATUS_INSUFFICIENT_RESOURCES);
	arena_fini(&a);
}

TEST_MAIN()
