/* test_identity.c - Unix accounts of the machine the test runs on. */
#include "auth/identity.h"
#include "test.h"

#include <errno.h>
#include <unistd.h>

TEST(root_by_name_and_by_uid)
{
	CLEANUP(cred_putp) struct cred *by_name = NULL, *by_uid = NULL;

	CHECK_EQ(identity_lookup("root", &by_name), 0);
	CHECK_EQ(by_name->uid, 0);
	CHECK_EQ(identity_lookup("0", &by_uid), 0);
	CHECK_EQ(by_uid->uid, 0);
	CHECK_EQ(by_uid->gid, by_name->gid);
}

TEST(no_such_account)
{
	static const char *const names[] = {
		"no-such-account", "", "4294967294", "-1", "0x0", " 0"};
	struct cred *c = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK_EQ(identity_lookup(names[i], &c), -ENOENT);
	CHECK(c == NULL);
}

TEST(self)
{
	CLEANUP(cred_putp) struct cred *c = NULL;

	CHECK_EQ(identity_self(&c), 0);
	CHECK_EQ(c->uid, geteuid());
	CHECK_EQ(c->gid, getegid());
}

TEST_MAIN()
