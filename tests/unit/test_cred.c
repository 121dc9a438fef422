#include "base/cred.h"
#include "test.h"

TEST(cred_groups_are_sorted_without_doubles_and_primary)
{
	static const gid_t in[] = {30, 10, 20, 10, 100, 30}, want[] = {10, 20, 30};
	CLEANUP(cred_putp) struct cred *c = cred_new(1, 100, in, ARRAY_LEN(in));

	CHECK(c);
	CHECK_EQ(c->uid, 1);
	CHECK_EQ(c->gid, 100);
	CHECK_EQ(c->group_count, ARRAY_LEN(want));
	CHECK_MEM(c->groups, want, sizeof(want));
}

TEST(cred_in_group_of_primary_and_supplementary)
{
	static const gid_t in[] = {4000000000, 7, 0};
	CLEANUP(cred_putp) struct cred *c = cred_new(1, 100, in, ARRAY_LEN(in));

	CHECK(c);
	CHECK(cred_in_group(c, 100));
	CHECK(cred_in_group(c, 0));
	CHECK(cred_in_group(c, 7));
	CHECK(cred_in_group(c, 4000000000));
	CHECK(!cred_in_group(c, 8));
	CHECK(!cred_in_group(c, 1));
}

TEST(cred_without_groups)
{
	CLEANUP(cred_putp) struct cred *c = cred_new(1, 100, NULL, 0);

	CHECK(c);
	CHECK_EQ(c->group_count, 0);
	CHECK(cred_in_group(c, 100));
	CHECK(!cred_in_group(c, 0));
}

TEST(cred_lives_until_the_last_put)
{
	struct cred *c = cred_new(1, 2, NULL, 0);

	CHECK(c);
	CHECK(cred_get(c) == c);
	cred_put(c);
	CHECK_EQ(c->uid, 1);
	cred_put(c);
	cred_put(NULL);
}

TEST(cred_with_absurd_counts)
{
	CHECK(!cred_new(1, 2, NULL, SIZE_MAX));
	CHECK(!cred_new(1, 2, NULL, (size_t)UINT32_MAX + 1));
}

TEST_MAIN()
