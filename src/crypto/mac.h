/*
 * mac.h - keyed once, used often: HMAC-SHA256, AES-128-CMAC, AES-128-GMAC.
 *
 * Owns     a mac_key owns its expanded key, in the secret slab (base/secret.h). CMAC without AES-NI, and GMAC
 *          without ipsec-mb, use OpenSSL contexts on OpenSSL's heap: see crypto/evp_key.h.
 * Threads  a mac_key is constant after it is made: any number of threads may use it at once.
 * Errors   -EIO: the library failed, or a part is longer than 2 GiB. Never a wrong MAC.
 * Cost     no allocation, no lock and no key expansion per call.
 * Spec     RFC 2104, FIPS 180-4; RFC 4493; NIST SP 800-38D 6.4 (GCM with additional data only)
 */
#pragma once

#include "base/span.h"
#include "crypto/crypto.h"

enum mac_alg { MAC_HMAC_SHA256, MAC_AES_128_CMAC, MAC_AES_128_GMAC };

enum {
	MAC_TAG_LEN = 16, /* HMAC is truncated to its first half, as SMB2 signs	*/
	MAC_AES_KEY_LEN = 16,
	MAC_GMAC_NONCE_LEN = 12,
	HMAC_SHA256_LEN = 32
};

struct mac_key;

/* key: MAC_AES_KEY_LEN bytes; of any length for HMAC. Copied. NULL if it is not, without memory, or if the
 * backend cannot do it. */
struct mac_key *mac_key_new(enum mac_alg alg, struct span key, enum crypto_backend b);
void mac_key_free(struct mac_key *k); /* wipes; NULL is fine */

static inline void mac_key_freep(struct mac_key **k)
{
	mac_key_free(*k);
}

/*
 * MAC of the parts, one after the other; how they are cut makes no difference to the result.
 *
 * nonce  MAC_GMAC_NONCE_LEN bytes for GMAC, of a message that never had a MAC under this key; else ignored
 */
MUST_CHECK int mac_compute(const struct mac_key *k, const uint8_t *nonce,
			   const struct span *parts, size_t part_count,
			   uint8_t ret_tag[MAC_TAG_LEN]);

/* One of several messages. */
struct mac_job {
	const struct mac_key *key;
	const uint8_t *nonce; /* as above */
	const struct span *parts;
	size_t part_count;
	uint8_t *ret_tag; /* MAC_TAG_LEN bytes, written if err is 0 */
	int err;          /* result, as above */
};

/* How many are really done side by side at most, whatever is asked for at once. */
enum { MAC_MANY_MAX = 64 };

/*
 * The same of several messages: of any keys, algorithms and lengths. Together AES-CMAC is many times as fast as one by one,
 * HMAC-SHA256 twice; to AES-GMAC it makes no difference.
 */
void mac_compute_many(struct mac_job *jobs, size_t count);

/* The whole 32 bytes under a key used once: key derivation. */
MUST_CHECK int hmac_sha256(struct span key, const struct span *parts, size_t part_count,
			   uint8_t ret_mac[HMAC_SHA256_LEN]);
