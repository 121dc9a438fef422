/* test_negotiate.c - the choice of dialect, cipher and signing algorithm */
#include "test.h"

#include "secure/negotiate.h"
#include "wire/smb2_proto.h"

static const uint16_t all_dialects[] = {SMB2_DIALECT_202, SMB2_DIALECT_210,
					SMB2_DIALECT_300, SMB2_DIALECT_302,
					SMB2_DIALECT_311};
static const enum seal_cipher all_ciphers[] = {SEAL_AES_128_GCM, SEAL_AES_128_CCM,
					       SEAL_AES_256_GCM, SEAL_AES_256_CCM};
static const enum sign_alg usual_signings[] = {SIGN_AES_GMAC, SIGN_AES_CMAC};

static const struct negotiate_server server = {
	.dialects = all_dialects,
	.dialect_count = ARRAY_LEN(all_dialects),
	.ciphers = all_ciphers,
	.cipher_count = ARRAY_LEN(all_ciphers),
	.signings = usual_signings,
	.signing_count = ARRAY_LEN(usual_signings),
};

static struct negotiate_client client_of(const uint16_t *dialects, size_t count)
{
	return (struct negotiate_client){.dialects = dialects, .dialect_count = count};
}

TEST(negotiate_takes_the_greatest_common_dialect)
{
	static const struct {
		uint16_t offered[4];
		uint16_t want;
	} cases[] = {
		{{0x0311, 0x0202}, 0x0311},
		{{0x0202, 0x0311}, 0x0311},
		{{0x0210, 0x0300}, 0x0300},
		{{0x0202}, 0x0202},
		{{0x02FF}, 0},
		{{0x02FF, 0x0210}, 0x0210},
		{{0x0312, 0xFFFF}, 0},
		{{0x0312, 0x0302}, 0x0302},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct negotiate_client c = client_of(cases[i].offered, 4);

		CHECK_EQ(negotiate_choose(&server, &c).dialect, cases[i].want);
	}
}

TEST(negotiate_takes_no_dialect_the_server_does_not_name)
{
	static const uint16_t named[] = {SMB2_DIALECT_300};
	struct negotiate_server s = server;
	struct negotiate_client c = client_of(all_dialects, ARRAY_LEN(all_dialects));

	s.dialects = named;
	s.dialect_count = ARRAY_LEN(named);
	CHECK_EQ(negotiate_choose(&s, &c).dialect, SMB2_DIALECT_300);
	s.dialect_count = 0;
	CHECK_EQ(negotiate_choose(&s, &c).dialect, 0);
	c.dialect_count = 0;
	CHECK_EQ(negotiate_choose(&server, &c).dialect, 0);
}

TEST(negotiate_cipher_by_the_servers_preference)
{
	struct negotiate_client c = client_of(&all_dialects[4], 1);

	/* macOS and Windows 11 name AES-256 first */
	c.ciphers = BYTES(4, 0, 3, 0, 2, 0, 1, 0);
	CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_AES_128_GCM);
	c.ciphers = BYTES(1, 0, 3, 0);
	CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_AES_128_CCM);
	c.ciphers = BYTES(3, 0, 4, 0);
	CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_AES_256_GCM);
}

TEST(negotiate_cipher_not_in_common_is_none)
{
	static const enum seal_cipher one[] = {SEAL_AES_256_GCM};
	struct negotiate_server s = server;
	struct negotiate_client c = client_of(&all_dialects[4], 1);

	CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_NONE); /* no context */
	c.ciphers = BYTES(9, 0, 0, 0, 0, 1);
	CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_NONE);
	s.ciphers = one;
	s.cipher_count = ARRAY_LEN(one);
	c.ciphers = BYTES(1, 0, 2, 0, 3, 0);
	CHECK_EQ(negotiate_choose(&s, &c).cipher, SEAL_NONE);
	c.ciphers = BYTES(4, 0);
	CHECK_EQ(negotiate_choose(&s, &c).cipher, SEAL_AES_256_GCM);
}

/* The bit in Capabilities is for 3.0; a 3.1.1 client need not set it. */
TEST(negotiate_capability_bit_counts_below_3_1_1_only)
{
	for (size_t d = 0; d < ARRAY_LEN(all_dialects); d++) {
		struct negotiate_client c = client_of(&all_dialects[d], 1);
		bool is_30 = all_dialects[d] == SMB2_DIALECT_300 ||
			     all_dialects[d] == SMB2_DIALECT_302;

		c.ciphers = BYTES(2, 0);
		CHECK_EQ(negotiate_choose(&server, &c).cipher,
			 all_dialects[d] == SMB2_DIALECT_311 ? SEAL_AES_128_GCM
							     : SEAL_NONE);
		c.cap_encryption = true;
		if (is_30)
			CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_AES_128_CCM);
	}
}

TEST(negotiate_3_0_needs_ccm_in_the_servers_list)
{
	static const enum seal_cipher gcm_only[] = {SEAL_AES_128_GCM, SEAL_AES_256_CCM};
	struct negotiate_server s = server;
	struct negotiate_client c = client_of(&all_dialects[2], 1);

	c.cap_encryption = true;
	s.ciphers = gcm_only;
	s.cipher_count = ARRAY_LEN(gcm_only);
	CHECK_EQ(negotiate_choose(&s, &c).cipher, SEAL_NONE);
}

TEST(negotiate_signing_by_dialect)
{
	static const enum sign_alg want[] = {SIGN_HMAC_SHA256, SIGN_HMAC_SHA256,
					     SIGN_AES_CMAC, SIGN_AES_CMAC, SIGN_AES_GMAC};

	for (size_t d = 0; d < ARRAY_LEN(all_dialects); d++) {
		struct negotiate_client c = client_of(&all_dialects[d], 1);

		c.signings = BYTES(0, 0, 1, 0, 2, 0);
		CHECK_EQ(negotiate_choose(&server, &c).sign_alg, want[d]);
	}
}

TEST(negotiate_signing_not_in_common_is_cmac)
{
	struct negotiate_client c = client_of(&all_dialects[4], 1);

	CHECK_EQ(negotiate_choose(&server, &c).sign_alg, SIGN_AES_CMAC);
	c.signings = BYTES(0, 0); /* HMAC: the server does not name it here */
	CHECK_EQ(negotiate_choose(&server, &c).sign_alg, SIGN_AES_CMAC);
	c.signings = BYTES(1, 0);
	CHECK_EQ(negotiate_choose(&server, &c).sign_alg, SIGN_AES_CMAC);
	c.signings = BYTES(1, 0, 2, 0);
	CHECK_EQ(negotiate_choose(&server, &c).sign_alg, SIGN_AES_GMAC);
}

TEST(negotiate_half_an_id_is_none)
{
	struct negotiate_client c = client_of(&all_dialects[4], 1);

	c.ciphers = BYTES(2);
	CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_NONE);
	c.ciphers = BYTES(9, 0, 2);
	CHECK_EQ(negotiate_choose(&server, &c).cipher, SEAL_NONE);
}

TEST_MAIN()
