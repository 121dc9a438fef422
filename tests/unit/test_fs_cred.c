/* test_fs_cred.c - acting as other users; as root only. */
#include "need_root.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ALICE = 54321, BOB = 54322, STAFF = 54330, OTHERS = 54331 };

struct seen {
	unsigned fsuid, fsgid, uid, euid;
	uint64_t effective;
};

/* The kernel's view of this thread. */
static struct seen look(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	CHECK_EQ(syscall(SYS_capget, &head, data), 0);
	return (struct seen){
		.fsuid = (unsigned)syscall(SYS_setfsuid, -1),
		.fsgid = (unsigned)syscall(SYS_setfsgid, -1),
		.uid = getuid(),
		.euid = geteuid(),
		.effective = (uint64_t)data[1].effective << 32 | data[0].effective,
	};
}

static uint64_t caps(unsigned a, unsigned b)
{
	return UINT64_C(1) << a | UINT64_C(1) << b;
}

TEST(a_user_acts_with_two_capabilities_only)
{
	CLEANUP(cred_putp) struct cred *alice = NULL;
	struct seen s;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	cred_become(alice);
	s = look();
	CHECK_EQ(s.fsuid, ALICE);
	CHECK_EQ(s.fsgid, ALICE);
	CHECK_EQ(s.uid, 0);
	CHECK_EQ(s.euid, 0);
	CHECK_EQ(s.effective, caps(CAP_SETUID, CAP_SETGID));
	cred_become(NULL);
}

TEST(the_server_comes_back_with_rights_over_files)
{
	CLEANUP(cred_putp) struct cred *alice = NULL;
	struct seen s;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	cred_become(alice);
	cred_become(NULL);
	s = look();
	CHECK_EQ(s.fsuid, 0);
	CHECK_EQ(s.fsgid, 0);
	CHECK(s.effective & caps(CAP_DAC_OVERRIDE, CAP_FOWNER));
	CHECK_EQ(s.effective & caps(CAP_SYS_RESOURCE, CAP_SYS_ADMIN), 0);
	CHECK_EQ(getgroups(0, NULL), 0);
}

TEST(a_confined_thread_has_no_rights_over_files)
{
	CLEANUP(cred_putp) struct cred *bob = NULL;

	need_root();
	bob = cred_new(BOB, BOB, NULL, 0);
	cred_confine_thread();
	CHECK_EQ(look().effective, caps(CAP_SETUID, CAP_SETGID));
	cred_become(bob);
	CHECK_EQ(look().effective, caps(CAP_SETUID, CAP_SETGID));
	cred_become(NULL);
	CHECK(look().effective & caps(CAP_DAC_OVERRIDE, CAP_CHOWN));
}

/* Identity, groups and all other capabilities stay the user's. */
TEST(raised_rights_are_over_files_only)
{
	const uint64_t user = caps(CAP_SETUID, CAP_SETGID);
	const uint64_t files = caps(CAP_DAC_OVERRIDE, CAP_FOWNER);
	CLEANUP(cred_putp) struct cred *alice = NULL;
	struct seen s;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	cred_become(alice);
	cred_raise(false);
	s = look();
	CHECK_EQ(s.fsuid, ALICE);
	CHECK_EQ(s.fsgid, ALICE);
	CHECK_EQ(s.effective, user | files);
	cred_lower();
	CHECK_EQ(look().effective, user);
	cred_raise(true);
	CHECK_EQ(look().effective, user | files | caps(CAP_CHOWN, CAP_CHOWN));
	cred_lower();
	cred_lower();
	CHECK_EQ(look().effective, user);
	cred_become(NULL);
}

/* Becoming somebody else never takes them along; the server and root need none. */
TEST(raised_rights_end_with_the_identity)
{
	const uint64_t user = caps(CAP_SETUID, CAP_SETGID);
	CLEANUP(cred_putp) struct cred *alice = NULL;
	CLEANUP(cred_putp) struct cred *bob = NULL;
	uint64_t before;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	bob = cred_new(BOB, BOB, NULL, 0);
	cred_become(alice);
	cred_raise(false);
	cred_become(alice); /* the same: not the end */
	CHECK(look().effective & caps(CAP_FOWNER, CAP_FOWNER));
	cred_become(bob);
	CHECK_EQ(look().fsuid, BOB);
	CHECK_EQ(look().effective, user);
	cred_become(NULL);
	before = look().effective;
	cred_raise(true);
	CHECK_EQ(look().effective, before);
	cred_lower();
	CHECK_EQ(look().effective, before);
}

/* Whoever it is, and what he has comes back afterwards. */
TEST(names_of_security_take_one_capability_more)
{
	const uint64_t admin = caps(CAP_SYS_ADMIN, CAP_SYS_ADMIN);
	CLEANUP(cred_putp) struct cred *alice = NULL;
	uint64_t before;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	for (int raised = 0; raised < 3; raised++) {
		cred_become(raised == 2 ? NULL : alice);
		if (raised == 1)
			cred_raise(false);
		before = look().effective;
		if (cred_security_begin() != 0)
			skip(); /* root of a container, maybe */
		CHECK_EQ(look().effective, before | admin);
		cred_security_end();
		CHECK_EQ(look().effective, before);
		cred_lower();
	}
	cred_become(NULL);
}

TEST(leaving_the_server_takes_any_user_for_good)
{
	CLEANUP(cred_putp) struct cred *alice = NULL;
	CLEANUP(cred_putp) struct cred *bob = NULL;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	bob = cred_new(BOB, BOB, NULL, 0);
	cred_become(NULL);
	cred_leave_server(alice);
	CHECK_EQ(look().fsuid, ALICE);
	cred_leave_server(bob);
	CHECK_EQ(look().fsuid, ALICE);
	cred_confine_thread(); /* whom it acts as is forgotten */
	cred_leave_server(bob);
	CHECK_EQ(look().fsuid, BOB);
	cred_become(NULL);
}

TEST(the_kernel_judges_by_user_and_groups)
{
	static const struct {
		uid_t uid;
		gid_t group;
		bool may;
	} cases[] = {
		{ALICE, 0, true},     {BOB, 0, false}, {BOB, STAFF, true},
		{BOB, OTHERS, false}, {0, 0, true},
	};
	char path[] = "/tmp/tsmb-test-cred-XXXXXX";

	need_root();
	close(mkstemp(path));
	CHECK_EQ(chown(path, ALICE, STAFF), 0);
	CHECK_EQ(chmod(path, 0640), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(cred_putp)
		struct cred *c = cred_new(cases[i].uid, cases[i].uid, &cases[i].group,
					  cases[i].group ? 1 : 0);

		cred_become(c);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		CHECK_EQ(fd >= 0, cases[i].may);
		if (fd >= 0)
			close(fd);
	}
	cred_become(NULL);
	CHECK_EQ(unlink(path), 0);
}

/* The same address may hold another's identity tomorrow: what counts is what is in it. */
TEST(identities_are_compared_by_content)
{
	static const gid_t groups[][2] = {{STAFF, OTHERS}, {STAFF, OTHERS + 1}};

	need_root();
	for (uid_t uid = ALICE; uid <= BOB; uid++)
		for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
			gid_t got[2];
			CLEANUP(cred_putp)
			struct cred *c = cred_new(uid, uid, groups[g], 2);

			cred_become(c);
			CHECK_EQ(look().fsuid, uid);
			CHECK_EQ(getgroups(2, got), 2);
			CHECK_MEM(got, groups[g], sizeof(got));
		}
	cred_become(NULL);
}

TEST(long_group_lists_arrive)
{
	CLEANUP(cred_putp) struct cred *alice = NULL;
	static gid_t groups[5000], got[5000];

	need_root();
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		groups[i] = (gid_t)(100000 + i);
	alice = cred_new(ALICE, ALICE, groups, ARRAY_LEN(groups));
	for (int again = 0; again < 2; again++) {
		cred_become(alice);
		CHECK_EQ(getgroups(ARRAY_LEN(got), got), ARRAY_LEN(groups));
		CHECK_MEM(got, groups, sizeof(groups));
	}
	cred_become(NULL);
}

static void *become_bob(void *data)
{
	cred_become(data);
	return (void *)(uintptr_t)look().fsuid;
}

TEST(other_threads_are_not_touched)
{
	CLEANUP(cred_putp) struct cred *alice = NULL;
	CLEANUP(cred_putp) struct cred *bob = NULL;
	pthread_t thread;
	void *fsuid;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	bob = cred_new(BOB, BOB, NULL, 0);
	cred_become(alice);
	CHECK_EQ(pthread_create(&thread, NULL, become_bob, bob), 0);
	CHECK_EQ(pthread_join(thread, &fsuid), 0);
	CHECK_EQ((uintptr_t)fsuid, BOB);
	CHECK_EQ(look().fsuid, ALICE);
	cred_become(NULL);
}

/* As whoever asks, everything is done as ourselves. */
static void *ordinary(void *data)
{
	CLEANUP(cred_putp) struct cred *alice = cred_new(ALICE, ALICE, NULL, 0);

	if (syscall(SYS_setresuid, BOB, BOB, BOB) < 0)
		return NULL;
	cred_become(alice);
	cred_confine_thread();
	return cred_can_switch() ? NULL : (void *)(uintptr_t)look().fsuid;
}

/* A thread of its own: raw setresuid() changes this thread only, and it ends with it. */
TEST(an_ordinary_user_stays_who_he_is)
{
	pthread_t thread;
	void *fsuid;

	need_root();
	CHECK_EQ(pthread_create(&thread, NULL, ordinary, NULL), 0);
	CHECK_EQ(pthread_join(thread, &fsuid), 0);
	CHECK_EQ((uintptr_t)fsuid, BOB);
}

TEST_MAIN()
