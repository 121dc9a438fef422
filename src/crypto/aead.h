/*
 * aead.h - AES-GCM and AES-CCM, in place, with 16-byte tags.
 *
 * Owns     an aead_key owns its key, in the secret slab (base/secret.h). OpenSSL's contexts, used
 *          for CCM always and for GCM without ipsec-mb, lie on OpenSSL's heap: see crypto/evp_key.h.
 * Threads  an aead_key is constant after it is made: any number of threads may use it at once.
 * Errors   -EBADMSG: not authentic; the text has been wiped. -EIO: the library failed or the text is longer
 *          than 2 GiB, or the key is for the other direction; the text is worthless.
 * Cost     no allocation, no lock and no key expansion per call.
 * Spec     NIST SP 800-38D, SP 800-38C (q = 15 - nonce length), RFC 5116
 */
#pragma once

#include "base/span.h"
#include "crypto/crypto.h"

enum aead_alg {
	AEAD_AES_128_CCM = 1,
	AEAD_AES_128_GCM,
	AEAD_AES_256_CCM,
	AEAD_AES_256_GCM,
};

/* A key serves one direction. */
enum aead_use { AEAD_OPEN, AEAD_SEAL };

enum { AEAD_TAG_LEN = 16, AEAD_KEY_MAX_LEN = 32, AEAD_NONCE_MAX_LEN = 12 };

size_t aead_key_len(enum aead_alg alg);   /* 16 or 32 */
size_t aead_nonce_len(enum aead_alg alg); /* GCM 12; CCM 11, as SMB3 wants it */

struct aead_key;

/* key: aead_key_len() bytes, copied. NULL if it is not, without memory, or if the library cannot do it. */
struct aead_key *aead_key_new(enum aead_alg alg, enum aead_use use, struct span key,
			      enum crypto_backend b);
void aead_key_free(struct aead_key *k); /* wipes; NULL is fine */

static inline void aead_key_freep(struct aead_key **k)
{
	aead_key_free(*k);
}

/* nonce: aead_nonce_len() bytes, never used before with this key. */
MUST_CHECK int aead_seal(const struct aead_key *k, const uint8_t *nonce, struct span aad,
			 struct mspan text, uint8_t ret_tag[AEAD_TAG_LEN]);

/*
 * Can aead_seal_from() be had? With GCM by ipsec-mb only, and after fault_catch(): CCM looks at each byte twice, to encrypt
 * it and to authenticate it, and the two might differ; OpenSSL cannot be left in the middle.
 */
bool aead_seals_from(const struct aead_key *k);
/*
 * Seal `head`, in place, and behind it `from`, into text: a message whose second part is read from memory that others may
 * change meanwhile, or take away (base/fault.h).
 *
 * text  head and then room for `from`: head_len + from.len bytes
 *
 * -EFAULT: part of `from` was not there. The nonce is used up all the same, and what lies in text, head included, is
 * worthless.
 */
MUST_CHECK int aead_seal_from(const struct aead_key *k, const uint8_t *nonce,
			      struct span aad, struct mspan text, struct span from,
			      uint8_t ret_tag[AEAD_TAG_LEN]);

MUST_CHECK int aead_open(const struct aead_key *k, const uint8_t *nonce, struct span aad,
			 struct mspan text, const uint8_t tag[AEAD_TAG_LEN]);
