/*
 * hmac.h - HMAC-SHA256 as a value: two SHA-256 states that have taken in the padded key. For src/crypto only.
 *
 * OpenSSL's old SHA256_* calls on purpose: a SHA256_CTX is a plain struct, so the keyed state lies where we
 * put it (the secret slab) and is copied on the stack, where EVP would allocate for each message. Measured:
 * 124 ns for 64 bytes against 353 by EVP_MAC; the same assembly (SHA extensions) does the work.
 *
 * Owns     nothing.
 * Threads  a struct hmac is constant after hmac_init().
 * Spec     RFC 2104
 */
#pragma once

#include "base/span.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

struct hmac {
	SHA256_CTX inner; /* after key ^ ipad */
	SHA256_CTX outer; /* after key ^ opad */
};

/* Any length of key. 0 or -EIO. */
MUST_CHECK int hmac_init(struct hmac *h, struct span key);
/* 0 or -EIO. */
MUST_CHECK int hmac_run(const struct hmac *h, const struct span *parts, size_t part_count,
			uint8_t ret_mac[SHA256_DIGEST_LENGTH]);
