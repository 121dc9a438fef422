/* test_share.c - whom a share's permissions let do what. [MS-SMB2] 3.3.5.7, 2.2.13.1.1 */
#include "smb/share.h"
#include "test.h"
#include "wire/sddl.h"

enum {
	ALICE_UID = 1000,
	STAFF_GID = 50,
	NO_GROUP = UINT32_MAX,
	READ = 0x001200A9,
	CHANGE = 0x001301BF,
	FULL = 0x001F01FF,
	PERMS_MAX = 4,
};

enum who { ALICE, MEMBER, GUEST, ANONYMOUS, WHO_COUNT };

static struct principal *make(enum who who)
{
	static const struct {
		enum principal_kind kind;
		const char *user;
		uid_t uid;
	} table[] = {
		[ALICE] = {PRINCIPAL_NAMED, "Alice", ALICE_UID},
		[MEMBER] = {PRINCIPAL_NAMED, "member", 1001},
		[GUEST] = {PRINCIPAL_GUEST, "alice", 65534}, /* the name says nothing */
		[ANONYMOUS] = {PRINCIPAL_ANONYMOUS, "", 65534},
	};
	const gid_t staff = STAFF_GID;
	struct cred *cred = cred_new(table[who].uid, 100, &staff, who == ALICE ? 0 : 1);
	struct principal *p;

	CHECK(cred);
	p = principal_new(table[who].kind, table[who].user, "WORKGROUP", cred);
	CHECK(p);
	cred_put(cred);
	return p;
}

struct perm_in {
	enum conf_perm_kind kind;
	const char *name;
	uint32_t gid; /* of a group: NO_GROUP if there is none */
	enum conf_access access;
};

static void check(const struct perm_in *in, size_t count, const uint32_t want[WHO_COUNT])
{
	struct conf_perm list[PERMS_MAX] = {0};
	uint32_t gids[PERMS_MAX] = {0};
	const struct conf_share conf = {.permissions = {count, list}};
	const struct share s = {
		.kind = SHARE_DISK, .conf = &conf, .permission_gids = gids};

	for (size_t i = 0; i < count; i++) {
		list[i] = (struct conf_perm){
			.kind = in[i].kind, .name = in[i].name, .access = in[i].access};
		if (in[i].kind == CONF_PERM_SID)
			list[i].sid = sid_of_uid(ALICE_UID);
		gids[i] = in[i].kind == CONF_PERM_GROUP ? in[i].gid : NO_GROUP;
	}
	for (enum who w = ALICE; w < WHO_COUNT; w++) {
		struct principal *p = make(w);

		CHECK_EQ(share_access(&s, p), want[w]);
		principal_put(p);
	}
}

TEST(each_kind_of_entry)
{
	static const struct {
		struct perm_in in;
		uint32_t want[WHO_COUNT]; /* alice, member, guest, anonymous */
	} cases[] = {
		{{CONF_PERM_EVERYONE, NULL, 0, CONF_ACCESS_READ}, {READ, READ, READ, 0}},
		{{CONF_PERM_EVERYONE, NULL, 0, CONF_ACCESS_NO}, {0, 0, 0, 0}},
		{{CONF_PERM_ANONYMOUS, NULL, 0, CONF_ACCESS_READ}, {0, 0, 0, READ}},
		{{CONF_PERM_AUTHENTICATED, NULL, 0, CONF_ACCESS_CHANGE},
		 {CHANGE, CHANGE, 0, 0}},
		{{CONF_PERM_USER, "ALICE", 0, CONF_ACCESS_FULL}, {FULL, 0, 0, 0}},
		{{CONF_PERM_SID, NULL, 0, CONF_ACCESS_FULL}, {FULL, 0, 0, 0}},
		{{CONF_PERM_GROUP, "staff", STAFF_GID, CONF_ACCESS_CHANGE},
		 {0, CHANGE, 0, 0}}, /* not the guest, whatever Unix groups it has */
		{{CONF_PERM_GROUP, "nosuch", NO_GROUP, CONF_ACCESS_FULL}, {0, 0, 0, 0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i].in, 1, cases[i].want);
}

TEST(the_highest_counts_and_no_beats_everything)
{
	static const struct {
		struct perm_in in[3];
		uint32_t want[WHO_COUNT];
	} cases[] = {
		{{{CONF_PERM_USER, "alice", 0, CONF_ACCESS_FULL},
		  {CONF_PERM_EVERYONE, NULL, 0, CONF_ACCESS_READ},
		  {CONF_PERM_GROUP, "staff", STAFF_GID, CONF_ACCESS_CHANGE}},
		 {FULL, CHANGE, READ, 0}},
		{{{CONF_PERM_EVERYONE, NULL, 0, CONF_ACCESS_FULL},
		  {CONF_PERM_ANONYMOUS, NULL, 0, CONF_ACCESS_READ},
		  {CONF_PERM_USER, "alice", 0, CONF_ACCESS_NO}},
		 {0, FULL, FULL, READ}},
		{{{CONF_PERM_GROUP, "staff", STAFF_GID, CONF_ACCESS_NO},
		  {CONF_PERM_EVERYONE, NULL, 0, CONF_ACCESS_READ},
		  {CONF_PERM_USER, "member", 0, CONF_ACCESS_FULL}},
		 {READ, 0, READ, 0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i].in, 3, cases[i].want);
}

/* Whom it means to shut out cannot be told: nobody enters. */
TEST(no_for_an_unknown_group_shuts_the_share)
{
	static const struct perm_in in[] = {
		{CONF_PERM_EVERYONE, NULL, 0, CONF_ACCESS_FULL},
		{CONF_PERM_GROUP, "nosuch", NO_GROUP, CONF_ACCESS_NO},
	};

	check(in, 2, (const uint32_t[WHO_COUNT]){0, 0, 0, 0});
}

TEST(a_shut_share_lets_nobody_in)
{
	struct conf_perm everyone = {.kind = CONF_PERM_EVERYONE,
				     .access = CONF_ACCESS_FULL};
	const struct conf_share conf = {.permissions = {1, &everyone}};
	struct share s = {.kind = SHARE_DISK, .conf = &conf};
	struct principal *p = make(ALICE);

	CHECK_EQ(share_access(&s, p), FULL);
	s.shut = true;
	CHECK_EQ(share_access(&s, p), 0);
	principal_put(p);
}

TEST(pipes_are_for_all_who_got_that_far)
{
	const struct share s = {.kind = SHARE_PIPE};

	for (enum who w = ALICE; w < WHO_COUNT; w++) {
		struct principal *p = make(w);

		CHECK_EQ(share_access(&s, p), CHANGE);
		principal_put(p);
	}
}

static uint32_t access_by(const char *sddl, enum who who)
{
	CLEANUP(principal_putp) struct principal *p = make(who);
	struct conf_share conf = {.security_descriptor.text = sddl};
	const struct share s = {.kind = SHARE_DISK, .conf = &conf};
	struct sddl_error error;
	struct arena a;
	uint32_t access;

	arena_init(&a, 1 << 20);
	CHECK(sddl_parse(span_of_str(sddl), &a, &conf.security_descriptor.sd, &error));
	access = share_access(&s, p);
	arena_fini(&a);
	return access;
}

TEST(a_descriptor_says_who_may_what)
{
	static const struct {
		const char *sddl;
		uint32_t want[WHO_COUNT];
	} cases[] = {
		{"D:(A;;FA;;;WD)", {FULL, FULL, FULL, 0}},
		{"D:(A;;0x1200a9;;;AU)(A;;FA;;;AN)", {READ, READ, 0, FULL}},
		{"D:(A;;GA;;;S-1-22-1-1000)(A;;0x1301bf;;;S-1-22-2-50)",
		 {FULL, CHANGE, CHANGE, 0}},
		{"D:(D;;FA;;;S-1-22-2-50)(A;;0x1200a9;;;WD)", {READ, 0, 0, 0}},
		{"D:", {0, 0, 0, 0}},
		{"O:S-1-22-1-1000D:(A;;0x1200a9;;;S-1-22-2-50)", {0, READ, READ, 0}},
		{"D:(A;IO;FA;;;WD)", {0, 0, 0, 0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (enum who w = 0; w < WHO_COUNT; w++)
			CHECK_EQ(access_by(cases[i].sddl, w), cases[i].want[w]);
}

TEST_MAIN()
