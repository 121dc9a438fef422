/* test_principal.c - whose token holds which SIDs, and who is the same. */
#include "auth/principal.h"
#include "test.h"

static const gid_t groups[] = {7, 5, 100};

static struct principal *make(enum principal_kind kind, const char *user, uid_t uid)
{
	CLEANUP(cred_putp) struct cred *c = cred_new(uid, 100, groups, 3);
	struct principal *p;

	assert_non_null(c);
	p = principal_new(kind, user, "DOMAIN", c);
	assert_non_null(p);
	return p;
}

TEST(named_token)
{
	CLEANUP(principal_putp) struct principal *p = make(PRINCIPAL_NAMED, "al", 1000);
	struct sid self = sid_of_uid(1000), g5 = sid_of_gid(5), g7 = sid_of_gid(7),
		   g100 = sid_of_gid(100), g8 = sid_of_gid(8), other = sid_of_uid(1001);

	CHECK_STR(p->user, "al");
	CHECK_STR(p->domain, "DOMAIN");
	CHECK(sid_eq(&p->sid, &self));
	CHECK(principal_has_sid(p, &self));
	CHECK(principal_has_sid(p, &g5));
	CHECK(principal_has_sid(p, &g7));
	CHECK(principal_has_sid(p, &g100));
	CHECK(!principal_has_sid(p, &g8));
	CHECK(!principal_has_sid(p, &other));
	CHECK(principal_has_sid(p, &sid_everyone));
	CHECK(principal_has_sid(p, &sid_authenticated_users));
	CHECK(principal_has_sid(p, &sid_users));
	CHECK(!principal_has_sid(p, &sid_guests));
	CHECK(!principal_has_sid(p, &sid_administrators));
	CHECK(!principal_has_sid(p, &sid_anonymous));
}

TEST(root_is_an_administrator)
{
	CLEANUP(principal_putp) struct principal *p = make(PRINCIPAL_NAMED, "root", 0);

	CHECK(principal_has_sid(p, &sid_administrators));
}

TEST(guest_token)
{
	CLEANUP(principal_putp) struct principal *p = make(PRINCIPAL_GUEST, "joe", 65534);

	CHECK(principal_has_sid(p, &sid_everyone));
	CHECK(principal_has_sid(p, &sid_guests));
	CHECK(!principal_has_sid(p, &sid_authenticated_users));
	CHECK(!principal_has_sid(p, &sid_users));
}

TEST(anonymous_token)
{
	CLEANUP(principal_putp)
	struct principal *p = make(PRINCIPAL_ANONYMOUS, "", 65534);
	struct sid nobody = sid_of_uid(65534), g100 = sid_of_gid(100);

	CHECK(sid_eq(&p->sid, &sid_anonymous));
	CHECK(!principal_has_sid(p, &sid_everyone));
	CHECK(!principal_has_sid(p, &sid_authenticated_users));
	CHECK(!principal_has_sid(p, &nobody));
	CHECK(!principal_has_sid(p, &g100));
}

TEST(a_guest_of_uid_0_is_no_administrator)
{
	CLEANUP(principal_putp) struct principal *p = make(PRINCIPAL_GUEST, "joe", 0);

	CHECK(!principal_has_sid(p, &sid_administrators));
}

TEST(same_account)
{
	CLEANUP(principal_putp) struct principal *a = make(PRINCIPAL_NAMED, "al", 1000);
	CLEANUP(principal_putp) struct principal *b = make(PRINCIPAL_NAMED, "AL", 1000);
	CLEANUP(principal_putp) struct principal *uid = make(PRINCIPAL_NAMED, "al", 1001);
	CLEANUP(principal_putp)
	struct principal *name = make(PRINCIPAL_NAMED, "bo", 1000);
	CLEANUP(principal_putp)
	struct principal *guest = make(PRINCIPAL_GUEST, "al", 1000);

	CHECK(principal_same(a, b));
	CHECK(!principal_same(a, uid));
	CHECK(!principal_same(a, name));
	CHECK(!principal_same(a, guest));
}

TEST(counted)
{
	struct principal *p = make(PRINCIPAL_NAMED, "al", 1000);

	CHECK(principal_get(p) == p);
	principal_put(p);
	CHECK_STR(p->user, "al");
	principal_put(p);
	principal_put(NULL);
}

TEST_MAIN()
