/* test_privileges.c - the file of privileges, and who holds them by it. */
#include "auth/privilege.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKUP_RESTORE = PRIVILEGE_BACKUP | PRIVILEGE_RESTORE };

struct loaded {
	struct arena arena;
	struct conf_privileges ps;
	struct conf_errors errs;
	bool ok;
};

static void loaded_fini(struct loaded *l)
{
	arena_fini(&l->arena);
	conf_errors_fini(&l->errs);
}

static struct loaded parse(const char *text)
{
	struct loaded l = {0};

	arena_init(&l.arena, 1 << 20);
	conf_errors_init(&l.errs);
	conf_errors_file(&l.errs, "conf");
	l.ok = privileges_parse(span_of_str(text), "P", &l.arena, &l.ps, &l.errs);
	return l;
}

TEST(a_line_gives_an_account_its_privileges)
{
	CLEANUP(loaded_fini)
	struct loaded l = parse("# who backs up\n"
				"\n"
				"  alice : SeBackupPrivilege ,SeRestorePrivilege\r\n"
				"@disks:SeDiskOperatorPrivilege\n"
				"*S-1-5-32-544: SeTakeOwnershipPrivilege, "
				"SeSecurityPrivilege");

	CHECK(l.ok);
	CHECK_EQ(l.ps.count, 3);
	CHECK_EQ(l.ps.list[0].kind, CONF_HOLDER_USER);
	CHECK_STR(l.ps.list[0].name, "alice");
	CHECK_EQ(l.ps.list[0].held, BACKUP_RESTORE);
	CHECK_EQ(l.ps.list[1].kind, CONF_HOLDER_GROUP);
	CHECK_STR(l.ps.list[1].name, "disks");
	CHECK_EQ(l.ps.list[1].held, PRIVILEGE_DISK_OPERATOR);
	CHECK_EQ(l.ps.list[2].kind, CONF_HOLDER_SID);
	CHECK(sid_eq(&l.ps.list[2].sid, &sid_administrators));
	CHECK_EQ(l.ps.list[2].held, PRIVILEGE_TAKE_OWNERSHIP | PRIVILEGE_SECURITY);
}

TEST(they_are_told_on_one_line)
{
	CLEANUP(loaded_fini)
	struct loaded l = parse("@disks:SeDiskOperatorPrivilege\n"
				"*S-1-5-32-544:SeSecurityPrivilege,SeBackupPrivilege");
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	CHECK(l.ok && out);
	privileges_print(&l.ps, out);
	fclose(out);
	CHECK_STR(text, "@disks: SeDiskOperatorPrivilege; "
			"*S-1-5-32-544: SeBackupPrivilege, SeSecurityPrivilege");
	free(text);
}

TEST(each_fault_names_its_place)
{
#define ALL                                                                              \
	"SeBackupPrivilege, SeRestorePrivilege, SeTakeOwnershipPrivilege, "              \
	"SeSecurityPrivilege or SeDiskOperatorPrivilege"
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"alice", "P:1:1: expected account: privilege, ..., found \"alice\""},
		{"alice:", "P:1:7: expected " ALL ", found nothing"},
		{"\n alice: SeBackupPrivilege, sebackupprivilege",
		 "P:2:28: expected " ALL ", found \"sebackupprivilege\""},
		{": SeBackupPrivilege",
		 "P:1:1: expected the name of an account, found nothing"},
		{"everyone: SeBackupPrivilege",
		 "P:1:1: expected a user, @group or *S-1-..., found \"everyone\""},
		{"*S-1: SeBackupPrivilege",
		 "P:1:1: expected a security identifier such as *S-1-5-32-545, found "
		 "\"*S-1\""},
		{"a: SeBackupPrivilege\nA: SeRestorePrivilege", "P:2:1: named twice"},
		{"\xff: SeBackupPrivilege", "P:1:1: not UTF-8"},
	};
	char line[1024], want[1024];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(loaded_fini) struct loaded l = parse(cases[i].text);

		CHECK(!l.ok);
		CHECK_EQ(l.errs.count, 1);
		snprintf(want, sizeof(want), "conf: privilegedb: %s", cases[i].fault);
		CHECK_STR(conf_error_text(&l.errs, 0, line, sizeof(line)), want);
	}
}

static uint32_t held_by(const struct conf_privileges *ps, enum principal_kind kind,
			const char *user, uid_t uid)
{
	static const gid_t groups[] = {7, 100};
	CLEANUP(cred_putp) struct cred *c = cred_new(uid, 100, groups, 2);
	CLEANUP(principal_putp) struct principal *p = NULL;

	assert_non_null(c);
	p = principal_new(kind, user, "", c);
	assert_non_null(p);
	return privileges_of(ps, p);
}

TEST(what_user_groups_and_sids_hold_adds_up)
{
	CLEANUP(loaded_fini)
	struct loaded l = parse("alice: SeBackupPrivilege\n"
				"@seven: SeRestorePrivilege\n"
				"@gone: SeSecurityPrivilege\n"
				"*S-1-22-1-1000: SeTakeOwnershipPrivilege\n"
				"*S-1-5-32-544: SeDiskOperatorPrivilege\n");

	CHECK(l.ok);
	l.ps.list[1].gid = 7;
	CHECK_EQ(held_by(&l.ps, PRINCIPAL_NAMED, "Alice", 1000),
		 BACKUP_RESTORE | PRIVILEGE_TAKE_OWNERSHIP);
	CHECK_EQ(held_by(&l.ps, PRINCIPAL_NAMED, "bob", 1001), PRIVILEGE_RESTORE);
	CHECK_EQ(held_by(&l.ps, PRINCIPAL_NAMED, "root", 0),
		 PRIVILEGE_RESTORE | PRIVILEGE_DISK_OPERATOR);
}

TEST(guests_and_the_anonymous_hold_none)
{
	CLEANUP(loaded_fini)
	struct loaded l = parse("alice: SeBackupPrivilege\n"
				"*S-1-1-0: SeBackupPrivilege\n"
				"*S-1-5-7: SeBackupPrivilege\n"
				"*S-1-5-32-546: SeBackupPrivilege\n");

	CHECK(l.ok);
	CHECK_EQ(held_by(&l.ps, PRINCIPAL_NAMED, "x", 1), PRIVILEGE_BACKUP);
	CHECK_EQ(held_by(&l.ps, PRINCIPAL_GUEST, "alice", 1), 0);
	CHECK_EQ(held_by(&l.ps, PRINCIPAL_ANONYMOUS, "", 1), 0);
}

/* A file of that mode and text, read. */
static bool read_file(mode_t mode, const char *text, struct loaded *l)
{
	char path[] = "/tmp/tsmb-privileges-XXXXXX";
	int fd = mkstemp(path);
	bool ok;

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
	arena_init(&l->arena, 1 << 20);
	conf_errors_init(&l->errs);
	ok = privileges_read(path, false, 0, &l->arena, &l->ps, &l->errs);
	unlink(path);
	return ok;
}

TEST(groups_are_looked_up)
{
	CLEANUP(loaded_fini) struct loaded l = {0};

	CHECK(read_file(0600,
			"@root: SeBackupPrivilege\n@no-such-group: SeBackupPrivilege\n",
			&l));
	CHECK_EQ(l.ps.list[0].gid, 0);
	CHECK_EQ(l.ps.list[1].gid, UINT32_MAX);
	CHECK_EQ(l.errs.warning_count, 1);
}

TEST(a_file_that_others_may_change_is_refused)
{
	static const mode_t modes[] = {0620, 0602};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		CLEANUP(loaded_fini) struct loaded l = {0};

		CHECK(!read_file(modes[i], "alice: SeBackupPrivilege\n", &l));
		CHECK_EQ(l.errs.error_count, 1);
		CHECK_EQ(l.ps.count, 0);
	}
}

TEST(a_file_of_another_account_is_refused)
{
	static const struct {
		uid_t owner, of_conf;
		bool taken;
	} rows[] = {
		{0, 0, true},     {0, 1000, true},     {1000, 1000, true},
		{1000, 0, false}, {1000, 1001, false},
	};

	if (geteuid() != 0) {
		print_message("[  REASON  ] only root gives files away\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(loaded_fini) struct loaded l = {0};
		char path[] = "/tmp/tsmb-privileges-XXXXXX";
		int fd = mkstemp(path);

		CHECK(fd >= 0);
		CHECK_EQ(fchown(fd, rows[i].owner, (gid_t)-1), 0);
		close(fd);
		arena_init(&l.arena, 1 << 20);
		conf_errors_init(&l.errs);
		CHECK_EQ(privileges_read(path, false, rows[i].of_conf, &l.arena, &l.ps,
					 &l.errs),
			 rows[i].taken);
		CHECK_EQ(l.errs.error_count, !rows[i].taken);
		unlink(path);
	}
}

TEST(only_where_it_may_miss_a_missing_file_is_none)
{
	CLEANUP(loaded_fini) struct loaded l = {0};

	arena_init(&l.arena, 1 << 20);
	conf_errors_init(&l.errs);
	CHECK(privileges_read("/nonexistent/p", true, 0, &l.arena, &l.ps, &l.errs));
	CHECK_EQ(l.ps.count, 0);
	CHECK(!privileges_read("/nonexistent/p", false, 0, &l.arena, &l.ps, &l.errs));
	CHECK_EQ(l.errs.error_count, 1);
}

TEST_MAIN()
