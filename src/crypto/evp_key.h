/*
 * evp_key.h - one key of one OpenSSL cipher, with contexts at hand for whoever works with it. For
 *             src/crypto only.
 *
 * An EVP_CIPHER_CTX holds the expanded key but can serve one call at a time, and making one costs an
 * allocation and a key expansion. So a key keeps a few spare ones: a call takes one and gives it back, by
 * one atomic exchange each. A connection works on one thread, so the first slot nearly always answers.
 *
 * Owns     its key, in the secret slab, and its contexts. These lie on OpenSSL's heap, expanded key included,
 *          because OpenSSL 3 cannot build them elsewhere; it wipes them when they are freed (doc/SECURITY.md).
 * Threads  any number may take and give at once; init and fini have the key to themselves.
 */
#pragma once

#include "base/span.h"

#include <openssl/evp.h>
#include <stdatomic.h>

enum { EVP_KEY_SPARE_COUNT = 4, EVP_KEY_TAG_LEN = 16 };

enum evp_key_use { EVP_KEY_DECRYPT = 0, EVP_KEY_ENCRYPT = 1 };

struct evp_key {
	const EVP_CIPHER *cipher;         /* I  of struct suite		*/
	enum evp_key_use use;             /* I				*/
	size_t nonce_len;                 /* I  0: not an AEAD		*/
	bool is_ccm;                      /* I				*/
	uint8_t *key;                     /* I  in the slab, to make another context */
	_Atomic(EVP_CIPHER_CTX *) *spare; /* A  EVP_KEY_SPARE_COUNT of them	*/
	_Atomic(EVP_CIPHER_CTX *) spare_slots[EVP_KEY_SPARE_COUNT];
};

/*
 * key        as long as the cipher wants it
 * use        EVP_KEY_DECRYPT matters to CCM, whose contexts are bound to one direction from the start
 * nonce_len  of an AEAD; 0 for CBC, which then works without padding
 *
 * 0 or -EIO. k must not move afterwards.
 */
MUST_CHECK int evp_key_init(struct evp_key *k, const EVP_CIPHER *cipher,
			    enum evp_key_use use, struct span key, size_t nonce_len);
void evp_key_fini(struct evp_key *k);

/* A context with the key set, yours until evp_key_give(); NULL without memory. */
MUST_CHECK EVP_CIPHER_CTX *evp_key_take(const struct evp_key *k);
void evp_key_give(const struct evp_key *k, EVP_CIPHER_CTX *c);
