/* test_hash.c - SHA-256 and SHA-512 (FIPS 180-4 examples), random bytes */
#include "test.h"

#include "crypto/hash.h"
#include "crypto/rand.h"

TEST(hash_sha256_abc)
{
	static const uint8_t want[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
				       0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
				       0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
				       0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	const struct span parts[] = {span_of_str("a"), span_of(NULL, 0),
				     span_of_str("bc")};
	uint8_t got[SHA256_LEN];

	CHECK_EQ(sha256(parts, ARRAY_LEN(parts), got), 0);
	CHECK_MEM(got, want, sizeof(want));
}

TEST(hash_sha512_abc)
{
	static const uint8_t want[] = {
		0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba, 0xcc, 0x41, 0x73,
		0x49, 0xae, 0x20, 0x41, 0x31, 0x12, 0xe6, 0xfa, 0x4e, 0x89, 0xa9,
		0x7e, 0xa2, 0x0a, 0x9e, 0xee, 0xe6, 0x4b, 0x55, 0xd3, 0x9a, 0x21,
		0x92, 0x99, 0x2a, 0x27, 0x4f, 0xc1, 0xa8, 0x36, 0xba, 0x3c, 0x23,
		0xa3, 0xfe, 0xeb, 0xbd, 0x45, 0x4d, 0x44, 0x23, 0x64, 0x3c, 0xe8,
		0x0e, 0x2a, 0x9a, 0xc9, 0x4f, 0xa5, 0x4c, 0xa4, 0x9f};
	const struct span part = span_of_str("abc");
	uint8_t got[SHA512_LEN];

	CHECK_EQ(sha512(&part, 1, got), 0);
	CHECK_MEM(got, want, sizeof(want));
}

TEST(hash_result_may_be_a_part)
{
	uint8_t value[SHA512_LEN] = {1, 2, 3};
	uint8_t copy[SHA512_LEN] = {1, 2, 3};
	const struct span other = span_of(copy, sizeof(copy));
	const struct span self = span_of(value, sizeof(value));
	uint8_t want[SHA512_LEN];

	CHECK_EQ(sha512(&other, 1, want), 0);
	CHECK_EQ(sha512(&self, 1, value), 0);
	CHECK_MEM(value, want, sizeof(want));
}

TEST(rand_fills_exactly_what_it_is_given)
{
	uint8_t a[80] = {0}, b[80] = {0};
	static const uint8_t zero[80];

	rand_bytes(mspan_of(a + 8, 64));
	rand_bytes(mspan_of(b + 8, 64));
	CHECK_MEM(a, zero, 8);
	CHECK_MEM(a + 72, zero, 8);
	CHECK(memcmp(a, zero, sizeof(a)) != 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	rand_bytes(mspan_of(NULL, 0));
}

TEST_MAIN()
