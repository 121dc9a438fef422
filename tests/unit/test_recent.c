#include "base/recent.h"
#include "test.h"

TEST(recent_keeps_what_was_put)
{
	struct recent *r = recent_new(64);

	for (uint64_t key = 1; key <= 64; key++) {
		CHECK_EQ(*recent_at(r, key), 0);
		*recent_at(r, key) = 1000 + key;
	}
	for (uint64_t key = 1; key <= 64; key++)
		CHECK_EQ(*recent_at(r, key), 1000 + key);
	recent_free(r);
}

TEST(recent_forgets_the_earliest_of_a_full_set)
{
	struct recent *r = recent_new(RECENT_WAYS); /* one set */

	for (uint64_t key = 1; key <= RECENT_WAYS; key++)
		*recent_at(r, key) = key == 3 ? 5 : 100 + key;
	*recent_at(r, 77) = 200;
	CHECK_EQ(*recent_at(r, 77), 200);
	for (uint64_t key = 1; key <= RECENT_WAYS; key++)
		if (key != 3)
			CHECK_EQ(*recent_at(r, key), 100 + key);
	CHECK_EQ(*recent_at(r, 3), 0);
	recent_free(r);
}

TEST_MAIN()
