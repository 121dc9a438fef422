/*
 * legacy.h - the broken primitives that NTLM is made of: MD4, MD5, HMAC-MD5, RC4. Only src/auth
 * uses them.
 *
 * They come from OpenSSL's default and legacy providers in a library context of our own, so that
 * neither the system's OpenSSL configuration nor its FIPS mode switches logons off, and nothing
 * else in the process can reach them by accident.
 *
 * Owns     struct rc4: its key stream state, wiped by rc4_free(). The library context is made by
 *          the first caller and lives as long as the process.
 * Threads  all functions may be called from any thread; a struct rc4 belongs to one thread at a
 *          time.
 * Errors   -ENOTSUP if OpenSSL's legacy provider is not installed, -ENOMEM. Outputs are untouched
 *          then.
 * Spec     RFC 1320, RFC 1321, RFC 2104, [MS-NLMP] 6
 */
#pragma once

#include "base/span.h"

enum { LEGACY_HASH_LEN = 16, RC4_KEY_LEN = 16 };

/* 0 if all of them are available. To be asked once at start: a server without them cannot do
 * NTLM. */
MUST_CHECK int legacy_check(void);

MUST_CHECK int legacy_md4(struct span in, uint8_t ret_hash[LEGACY_HASH_LEN]);
MUST_CHECK int legacy_md5(struct span in, uint8_t ret_hash[LEGACY_HASH_LEN]);
/* Over the parts one after the other. */
MUST_CHECK int legacy_hmac_md5(struct span key, const struct span *parts, size_t count,
			       uint8_t ret_mac[LEGACY_HASH_LEN]);

struct rc4;

/* A key stream at its start. NULL without memory or provider. */
struct rc4 *rc4_new(const uint8_t key[RC4_KEY_LEN]);
void rc4_free(struct rc4 *r);
static inline void rc4_freep(struct rc4 **r)
{
	rc4_free(*r);
}
/* Encrypt or decrypt the next in.len bytes of the stream; out may be in.p. */
MUST_CHECK int rc4_crypt(struct rc4 *r, struct span in, uint8_t *out);
