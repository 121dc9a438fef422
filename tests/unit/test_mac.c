/* test_mac.c - HMAC-SHA256, AES-CMAC, AES-GMAC */
#include "fenced.h"
#include "test.h"
#include "vectors.h"

#include "crypto/mac.h"

#include <openssl/evp.h>

#define CMAC "rfc4493-aes-cmac.txt"

static const enum mac_alg algs[] = {MAC_HMAC_SHA256, MAC_AES_128_CMAC, MAC_AES_128_GMAC};
static const uint8_t some_key[MAC_AES_KEY_LEN] = {0xC0, 0xFF, 0xEE, 1, 2, 3, 4, 5,
						  6,    7,    8,    9, 1, 2, 3, 4};
static const uint8_t some_nonce[MAC_GMAC_NONCE_LEN] = {7, 7, 7};

static void scramble(uint8_t *p, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)(seed >> 24);
	}
}

static struct mac_key *key_of(enum mac_alg alg, enum crypto_backend b)
{
	return mac_key_new(alg, span_of(some_key, sizeof(some_key)), b);
}

static void mac_whole(const struct mac_key *k, struct span s, uint8_t *ret_tag)
{
	CHECK_EQ(mac_compute(k, some_nonce, &s, 1, ret_tag), 0);
}

TEST(mac_cmac_rfc_4493)
{
	static const struct {
		size_t len;
		const char *name;
	} cases[] = {{0, "cmac_first_0_bytes"},
		     {16, "cmac_first_16_bytes"},
		     {40, "cmac_first_40_bytes"},
		     {64, "cmac_first_64_bytes"}};
	static const enum crypto_backend backends[] = {CRYPTO_OPENSSL, CRYPTO_AESNI,
						       CRYPTO_VAES};
	struct span message = vec(CMAC, NULL, "message_64");

	for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(backends); i++) {
		enum crypto_backend b = backends[i / ARRAY_LEN(cases)];
		size_t n = i % ARRAY_LEN(cases);
		CLEANUP(mac_key_freep)
		struct mac_key *k = mac_key_new(MAC_AES_128_CMAC, vec(CMAC, NULL, "key"),
						b);
		uint8_t tag[MAC_TAG_LEN];

		if (!crypto_has(b))
			continue;
		mac_whole(k, span_head(message, cases[n].len), tag);
		CHECK_SPAN(span_of(tag, sizeof(tag)), vec(CMAC, NULL, cases[n].name));
	}
}

/* RFC 4231, cases 1, 2 and 6: a short key, a shorter one, one longer than a block. */
TEST(mac_hmac_sha256_rfc_4231)
{
	static const uint8_t want1[] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53,
					0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1, 0x2b,
					0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83, 0x3d, 0xa7,
					0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7};
	static const uint8_t want2[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
					0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
					0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
					0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
	static const uint8_t want6[] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f,
					0x0d, 0x8a, 0x26, 0xaa, 0xcb, 0xf5, 0xb7, 0x7f,
					0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28, 0xc5, 0x14,
					0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
	uint8_t long_key[131];
	uint8_t key_0b[20];
	uint8_t mac[HMAC_SHA256_LEN];
	struct span part;

	memset(key_0b, 0x0b, sizeof(key_0b));
	memset(long_key, 0xaa, sizeof(long_key));
	part = span_of_str("Hi There");
	CHECK_EQ(hmac_sha256(span_of(key_0b, 20), &part, 1, mac), 0);
	CHECK_MEM(mac, want1, sizeof(mac));
	part = span_of_str("what do ya want for nothing?");
	CHECK_EQ(hmac_sha256(span_of_str("Jefe"), &part, 1, mac), 0);
	CHECK_MEM(mac, want2, sizeof(mac));
	part = span_of_str("Test Using Larger Than Block-Size Key - Hash Key First");
	CHECK_EQ(hmac_sha256(span_of(long_key, sizeof(long_key)), &part, 1, mac), 0);
	CHECK_MEM(mac, want6, sizeof(mac));
}

TEST(mac_hmac_is_cut_to_16_bytes)
{
	CLEANUP(mac_key_freep)
	struct mac_key *k = key_of(MAC_HMAC_SHA256, CRYPTO_FASTEST);
	struct span part = span_of_str("some message");
	uint8_t whole[HMAC_SHA256_LEN];
	uint8_t tag[MAC_TAG_LEN];

	CHECK_EQ(hmac_sha256(span_of(some_key, sizeof(some_key)), &part, 1, whole), 0);
	mac_whole(k, part, tag);
	CHECK_MEM(tag, whole, sizeof(tag));
}

/* OpenSSL's own CMAC and HMAC as the judge of ours, at every length. */
static void check_against_evp_mac(enum mac_alg alg, const char *name, const char *param,
				  const char *value)
{
	CLEANUP(mac_key_freep) struct mac_key *k = key_of(alg, CRYPTO_FASTEST);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
	char text[32];
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(param, text, 0),
			       OSSL_PARAM_construct_end()};
	static uint8_t msg[10000];

	snprintf(text, sizeof(text), "%s", value);
	scramble(msg, sizeof(msg), 1);
	for (size_t len = 0; len < sizeof(msg); len += len < 600 ? 1 : 61) {
		uint8_t want[64], got[MAC_TAG_LEN];
		size_t want_len;

		CHECK_EQ(EVP_MAC_init(c, some_key, sizeof(some_key), params), 1);
		CHECK_EQ(EVP_MAC_update(c, msg, len), 1);
		CHECK_EQ(EVP_MAC_final(c, want, &want_len, sizeof(want)), 1);
		mac_whole(k, span_of(msg, len), got);
		CHECK_MEM(got, want, sizeof(got));
	}
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
}

TEST(mac_cmac_agrees_with_openssl)
{
	check_against_evp_mac(MAC_AES_128_CMAC, "CMAC", "cipher", "AES-128-CBC");
}

TEST(mac_hmac_agrees_with_openssl)
{
	check_against_evp_mac(MAC_HMAC_SHA256, "HMAC", "digest", "SHA256");
}

static void check_gmac_agrees(size_t len)
{
	CLEANUP(mac_key_freep)
	struct mac_key *a = key_of(MAC_AES_128_GMAC, CRYPTO_OPENSSL);
	CLEANUP(mac_key_freep)
	struct mac_key *b = key_of(MAC_AES_128_GMAC, CRYPTO_IPSEC_MB);
	uint8_t *msg = malloc(len + 1);
	struct span parts[2];
	uint8_t tag_a[MAC_TAG_LEN], tag_b[MAC_TAG_LEN];

	scramble(msg, len, (uint32_t)len);
	mac_whole(a, span_of(msg, len), tag_a);
	mac_whole(b, span_of(msg, len), tag_b);
	CHECK_MEM(tag_a, tag_b, sizeof(tag_a));
	parts[0] = span_of(msg, len / 3);
	parts[1] = span_of(msg + len / 3, len - len / 3);
	CHECK_EQ(mac_compute(b, some_nonce, parts, 2, tag_b), 0);
	CHECK_MEM(tag_a, tag_b, sizeof(tag_a));
	free(msg);
}

TEST(mac_gmac_libraries_agree)
{
	static const size_t sizes[] = {64 << 10, 1 << 20, 8 << 20};

	if (!crypto_has(CRYPTO_IPSEC_MB))
		skip();
	for (size_t len = 0; len <= 4096; len++)
		check_gmac_agrees(len);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (size_t d = 0; d <= 34; d += 1 + d / 17 * 16)
			check_gmac_agrees(sizes[i] - 17 + d);
	}
}

/* One part, or two that both end where nothing may be read. */
TEST(mac_gmac_reads_nothing_beyond)
{
	struct fenced f[2] = {fenced_new(4096), fenced_new(4096)};
	static const enum crypto_backend backends[] = {CRYPTO_OPENSSL, CRYPTO_IPSEC_MB};

	scramble(f[0].p, f[0].len, 1);
	scramble(f[1].p, f[1].len, 2);
	for (size_t i = 0; i < ARRAY_LEN(backends) * 2; i++) {
		CLEANUP(mac_key_freep)
		struct mac_key *k = key_of(MAC_AES_128_GMAC, backends[i / 2]);
		bool at_end = i % 2;

		for (size_t len = 1; k && len < 1000; len++) {
			const struct span parts[] = {
				span_of(fenced_at(&f[0], len, at_end), len),
				span_of(fenced_at(&f[1], len / 3, at_end), len / 3)};
			uint8_t one[MAC_TAG_LEN], two[MAC_TAG_LEN];

			CHECK_EQ(mac_compute(k, some_nonce, parts, 1, one), 0);
			CHECK_EQ(mac_compute(k, some_nonce, parts, 2, two), 0);
			CHECK_EQ(memcmp(one, two, sizeof(one)) == 0, len < 3);
		}
	}
	fenced_free(&f[0]);
	fenced_free(&f[1]);
}

TEST(mac_cuts_make_no_difference)
{
	enum { LEN = 150 };
	uint8_t msg[LEN];

	scramble(msg, sizeof(msg), 3);
	for (size_t i = 0; i < ARRAY_LEN(algs) * 2; i++) {
		CLEANUP(mac_key_freep)
		struct mac_key *k = key_of(algs[i / 2],
					   i % 2 ? CRYPTO_FASTEST : CRYPTO_OPENSSL);
		uint8_t want[MAC_TAG_LEN];

		mac_whole(k, span_of(msg, LEN), want);
		for (size_t a = 0; a <= LEN; a++) {
			for (size_t b = a; b <= LEN; b += 7) {
				struct span parts[] = {span_of(msg, a),
						       span_of(msg + a, b - a),
						       span_of(msg + b, LEN - b)};
				uint8_t tag[MAC_TAG_LEN];

				CHECK_EQ(mac_compute(k, some_nonce, parts, 3, tag), 0);
				CHECK_MEM(tag, want, sizeof(tag));
			}
		}
	}
}

TEST(mac_of_nothing_works)
{
	for (size_t i = 0; i < ARRAY_LEN(algs) * 2; i++) {
		CLEANUP(mac_key_freep)
		struct mac_key *k = key_of(algs[i / 2],
					   i % 2 ? CRYPTO_FASTEST : CRYPTO_OPENSSL);
		struct span empty = {0};
		uint8_t none[MAC_TAG_LEN], one[MAC_TAG_LEN];

		CHECK_EQ(mac_compute(k, some_nonce, NULL, 0, none), 0);
		CHECK_EQ(mac_compute(k, some_nonce, &empty, 1, one), 0);
		CHECK_MEM(none, one, sizeof(one));
	}
}

TEST(mac_gmac_depends_on_the_nonce)
{
	CLEANUP(mac_key_freep)
	struct mac_key *k = key_of(MAC_AES_128_GMAC, CRYPTO_FASTEST);
	static const uint8_t other[MAC_GMAC_NONCE_LEN] = {7, 7, 8};
	struct span s = span_of_str("the same message");
	uint8_t a[MAC_TAG_LEN], b[MAC_TAG_LEN];

	CHECK_EQ(mac_compute(k, some_nonce, &s, 1, a), 0);
	CHECK_EQ(mac_compute(k, other, &s, 1, b), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
}

TEST(mac_a_backend_does_what_it_can)
{
	static const struct {
		enum mac_alg alg;
		enum crypto_backend b;
		bool can;
	} cases[] = {
		{MAC_HMAC_SHA256, CRYPTO_OPENSSL, true},
		{MAC_HMAC_SHA256, CRYPTO_IPSEC_MB, false},
		{MAC_HMAC_SHA256, CRYPTO_AESNI, false},
		{MAC_HMAC_SHA256, CRYPTO_VAES, false},
		{MAC_HMAC_SHA256, CRYPTO_SHANI, true},
		{MAC_AES_128_CMAC, CRYPTO_OPENSSL, true},
		{MAC_AES_128_CMAC, CRYPTO_IPSEC_MB, false},
		{MAC_AES_128_CMAC, CRYPTO_AESNI, true},
		{MAC_AES_128_CMAC, CRYPTO_VAES, true},
		{MAC_AES_128_CMAC, CRYPTO_SHANI, false},
		{MAC_AES_128_GMAC, CRYPTO_OPENSSL, true},
		{MAC_AES_128_GMAC, CRYPTO_IPSEC_MB, true},
		{MAC_AES_128_GMAC, CRYPTO_AESNI, false},
		{MAC_AES_128_GMAC, CRYPTO_VAES, false},
		{MAC_AES_128_GMAC, CRYPTO_SHANI, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(mac_key_freep)
		struct mac_key *k = key_of(cases[i].alg, cases[i].b);

		CHECK_EQ(k != NULL, cases[i].can && crypto_has(cases[i].b));
	}
}

TEST(mac_aes_keys_have_16_bytes)
{
	static const uint8_t key[40];

	for (size_t len = 0; len <= sizeof(key); len++) {
		for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
			struct mac_key *k = mac_key_new(algs[a], span_of(key, len),
							CRYPTO_FASTEST);

			CHECK_EQ(k != NULL, len == 16 || algs[a] == MAC_HMAC_SHA256);
			mac_key_free(k);
		}
	}
}

TEST_MAIN()
