#include "base/ct.h"
#include "test.h"

TEST(ct_eq_of_equal_bytes)
{
	uint8_t a[32], b[32];

	for (size_t i = 0; i < sizeof(a); i++)
		a[i] = b[i] = (uint8_t)(i * 37);
	for (size_t n = 0; n <= sizeof(a); n++)
		CHECK(ct_eq(a, b, n));
}

TEST(ct_eq_sees_every_single_bit)
{
	uint8_t a[16] = {0}, b[16] = {0};

	for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
		b[bit / 8] = (uint8_t)(1u << bit % 8);
		CHECK(!ct_eq(a, b, sizeof(a)));
		CHECK(!ct_eq(b, a, sizeof(a)));
		b[bit / 8] = 0;
	}
}

TEST(ct_eq_looks_at_n_bytes_only)
{
	CHECK(ct_eq("abcX", "abcY", 3));
	CHECK(!ct_eq("abcX", "abcY", 4));
}

TEST(wipe_zeroes_n_bytes)
{
	uint8_t a[4] = {1, 2, 3, 4};

	wipe(a, 3);
	CHECK_MEM(a, ((uint8_t[]){0, 0, 0, 4}), 4);
	wipe(NULL, 0);
}

TEST_MAIN()
