/* test_crypto.c - which library computes; a program of its own, because the choice is made once */
#include "test.h"

#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "crypto/mac.h"

#include <errno.h>
#include <stdlib.h>

static const uint8_t key[16];

/* First of all, because nothing is chosen by it. */
TEST(crypto_nothing_works_if_the_environment_asks_for_what_is_not_there)
{
	static const char *const names[] = {"", "fastest", "openssl ", "OpenSSL"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CHECK_EQ(setenv("TSMB_CRYPTO", names[i], 1), 0);
		CHECK_EQ(crypto_init(CRYPTO_FASTEST), -ENOTSUP);
		CHECK(!mac_key_new(MAC_AES_128_CMAC, span_of(key, 16), CRYPTO_OPENSSL));
		CHECK_STR(crypto_description(), "none");
	}
	CHECK_EQ(setenv("TSMB_CRYPTO", "openssl", 1), 0);
	CHECK_EQ(crypto_init(CRYPTO_FASTEST), 0);
	CHECK_EQ(strncmp(crypto_description(), "OpenSSL ", 8), 0);
	CHECK(!strstr(crypto_description(), "MAC"));
}

TEST(crypto_openssl_can_be_forced)
{
	CHECK_EQ(crypto_init(CRYPTO_OPENSSL), 0);
	CHECK_EQ(strncmp(crypto_description(), "OpenSSL ", 8), 0);
}

TEST(crypto_asking_again_for_the_same_is_fine)
{
	CHECK_EQ(crypto_init(CRYPTO_OPENSSL), 0);
	CHECK_EQ(crypto_init(CRYPTO_FASTEST), 0);
}

TEST(crypto_the_choice_stays)
{
	CHECK_EQ(crypto_init(CRYPTO_IPSEC_MB),
		 crypto_has(CRYPTO_IPSEC_MB) ? -EBUSY : -ENOTSUP);
	CHECK_EQ(crypto_init(CRYPTO_VAES), crypto_has(CRYPTO_VAES) ? -EBUSY : -ENOTSUP);
	CHECK_EQ(strncmp(crypto_description(), "OpenSSL ", 8), 0);
}

TEST(crypto_a_key_may_choose_for_itself)
{
	CLEANUP(aead_key_freep)
	struct aead_key *k = aead_key_new(AEAD_AES_128_GCM, AEAD_SEAL, span_of(key, 16),
					  CRYPTO_IPSEC_MB);

	CHECK_EQ(k != NULL, crypto_has(CRYPTO_IPSEC_MB));
	CHECK(crypto_has(CRYPTO_OPENSSL));
}

TEST_MAIN()
