/* test_legacy.c - MD4, MD5, HMAC-MD5 and RC4 against published answers. */
#include "crypto/legacy.h"
#include "test.h"

#include <openssl/crypto.h>

struct hash_case {
	const char *in;
	const char *want_hex;
};

static void check_hex(const uint8_t *got, size_t len, const char *want_hex)
{
	long want_len;
	uint8_t *want = OPENSSL_hexstr2buf(want_hex, &want_len);

	assert_non_null(want);
	CHECK_SPAN(span_of(got, len), span_of(want, (size_t)want_len));
	OPENSSL_free(want);
}

TEST(providers_are_there)
{
	CHECK_EQ(legacy_check(), 0);
}

/* RFC 1320 A.5, and [MS-NLMP] 4.2.2.1.2: the NT hash of "Password". */
TEST(md4_known_answers)
{
	static const struct hash_case cases[] = {
		{"", "31D6CFE0D16AE931B73C59D7E0C089C0"},
		{"abc", "A448017AAF21D8525FC10AE87AA6729D"},
		{"12345678901234567890123456789012345678901234567890123456789012345678901"
		 "234567890",
		 "E33B4DDC9C38F2199C3E7B164FCC0536"},
	};
	uint8_t got[LEGACY_HASH_LEN];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(legacy_md4(span_of_str(cases[i].in), got), 0);
		check_hex(got, sizeof(got), cases[i].want_hex);
	}
	CHECK_EQ(legacy_md4(span_of("P\0a\0s\0s\0w\0o\0r\0d", 16), got), 0);
	check_hex(got, sizeof(got), "A4F49C406510BDCAB6824EE7C30FD852");
}

/* RFC 1321 A.5 */
TEST(md5_known_answers)
{
	static const struct hash_case cases[] = {
		{"", "D41D8CD98F00B204E9800998ECF8427E"},
		{"abc", "900150983CD24FB0D6963F7D28E17F72"},
		{"message digest", "F96B697D7CB7938D525A2F31AAF161D0"},
	};
	uint8_t got[LEGACY_HASH_LEN];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(legacy_md5(span_of_str(cases[i].in), got), 0);
		check_hex(got, sizeof(got), cases[i].want_hex);
	}
}

/* RFC 2202 section 2, cases 1, 2 and 6; the data cut in two anywhere gives the same. */
TEST(hmac_md5_known_answers)
{
	uint8_t key6[80], got[LEGACY_HASH_LEN];
	struct span hi = span_of_str("Hi There");

	memset(key6, 0xaa, sizeof(key6));
	for (size_t cut = 0; cut <= hi.len; cut++) {
		struct span parts[] = {span_head(hi, cut), span_from(hi, cut)};
		uint8_t key1[16];

		memset(key1, 0x0b, sizeof(key1));
		CHECK_EQ(legacy_hmac_md5(span_of(key1, sizeof(key1)), parts, 2, got), 0);
		check_hex(got, sizeof(got), "9294727A3638BB1C13F48EF8158BFC9D");
	}

	struct span ask = span_of_str("what do ya want for nothing?");
	CHECK_EQ(legacy_hmac_md5(span_of_str("Jefe"), &ask, 1, got), 0);
	check_hex(got, sizeof(got), "750C783E6AB0B503EAA86E310A5DB738");

	struct span big =
		span_of_str("Test Using Larger Than Block-Size Key - Hash Key First");
	CHECK_EQ(legacy_hmac_md5(span_of(key6, sizeof(key6)), &big, 1, got), 0);
	check_hex(got, sizeof(got), "6B1AB7FE4BD7BF8F0B62E6CE61B9D0CD");
}

/* RFC 6229 section 2, 128-bit key 0x0102..10: the stream at 0 and at 16, in one go and in pieces. */
TEST(rc4_known_answers)
{
	static const char want[] =
		"9AC7CC9A609D1EF7B2932899CDE41B975248C4959014126A6E8A84F11D1A9E1C";
	uint8_t key[RC4_KEY_LEN], stream[32] = {0};

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i + 1);

	CLEANUP(rc4_freep) struct rc4 *whole = rc4_new(key);
	assert_non_null(whole);
	CHECK_EQ(rc4_crypt(whole, span_of(stream, 32), stream), 0);
	check_hex(stream, 32, want);

	CLEANUP(rc4_freep) struct rc4 *pieces = rc4_new(key);
	assert_non_null(pieces);
	memset(stream, 0, sizeof(stream));
	for (size_t i = 0; i < 32; i += 8)
		CHECK_EQ(rc4_crypt(pieces, span_of(stream + i, 8), stream + i), 0);
	check_hex(stream, 32, want);
}

TEST_MAIN()
