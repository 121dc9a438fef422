/* test_signed_once.c - a request that was signed with the session's key gets one signed answer */
#include "test.h"

#include "secure/signed_once.h"

#include <string.h>

struct tag {
	uint8_t b[SIGNATURE_LEN];
};

static struct tag tag(uint32_t n)
{
	struct tag t = {{0xAA}};

	memcpy(t.b + 4, &n, sizeof(n));
	return t;
}

static bool home(struct signed_once *s, uint64_t mid, uint32_t n)
{
	return signed_once_home(s, mid, tag(n).b);
}

static bool away(struct signed_once *s, uint64_t mid, uint32_t n)
{
	return signed_once_away(s, mid, tag(n).b);
}

TEST(signed_once_another_request_of_the_same_id_is_answered)
{
	struct signed_once s = {0};

	CHECK(home(&s, 2, 1));
	CHECK(away(&s, 2, 2));
	CHECK(away(&s, 2, 3));
}

TEST(signed_once_a_copy_is_not_answered_elsewhere)
{
	struct signed_once s = {0};

	CHECK(home(&s, 3, 1));
	CHECK(!away(&s, 3, 1));
	CHECK(away(&s, 1, 2));
	CHECK(!away(&s, 1, 2));
}

/* Held back, sent from elsewhere, then delivered. */
TEST(signed_once_the_original_that_comes_after_its_copy_is_not_answered)
{
	struct signed_once s = {0};

	CHECK(away(&s, 5, 1));
	CHECK(!home(&s, 5, 1));
}

TEST(signed_once_what_is_not_remembered_is_not_answered_elsewhere)
{
	struct signed_once s = {0};

	CHECK(home(&s, SIGNED_ONCE_HOME, 1));
	CHECK(!away(&s, SIGNED_ONCE_HOME, 1));
}

TEST(signed_once_a_full_memory_answers_nothing_more)
{
	struct signed_once s = {0};

	for (uint32_t i = 0; i < SIGNED_ONCE_AWAY; i++)
		CHECK(away(&s, 1, i));
	CHECK(!away(&s, 1, SIGNED_ONCE_AWAY));
	CHECK(home(&s, 1, SIGNED_ONCE_AWAY));
	CHECK(!home(&s, 2, 0));
}

TEST_MAIN()
