/*
 * suite.h - the algorithms of OpenSSL, fetched once. For src/crypto only.
 *
 * A fetch takes about a microsecond and a lock; the hot path must not see one.
 *
 * Owns     the algorithms, as long as the process lives.
 * Threads  any; constant once made.
 */
#pragma once

#include "crypto/crypto.h"
#include "crypto/sha256_pair.h"

#include <openssl/evp.h>

/* What there is a choice for. */
enum suite_use { SUITE_GCM, SUITE_CMAC, SUITE_HMAC, SUITE_USE_COUNT };

struct cmac_isa;

struct suite {
	EVP_MD *sha256;
	EVP_MD *sha512;
	EVP_CIPHER *cbc_128;
	EVP_CIPHER *gcm_128;
	EVP_CIPHER *gcm_256;
	EVP_CIPHER *ccm_128;
	EVP_CIPHER *ccm_256;
	enum crypto_backend fastest[SUITE_USE_COUNT];      /* never CRYPTO_FASTEST */
	const struct cmac_isa *cmac[CRYPTO_BACKEND_COUNT]; /* NULL: it has none here */
	sha256_pair pair;                                  /* NULL: likewise */
	char description[128];
};

/* NULL if OpenSSL lacks one of them: then nothing works. */
const struct suite *suite_get(void);

/* Settle CRYPTO_FASTEST for a key. CRYPTO_FASTEST still: `wanted` is not here, or not for that. */
enum crypto_backend suite_backend(const struct suite *s, enum suite_use use,
				  enum crypto_backend wanted);
