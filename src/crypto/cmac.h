/*
 * cmac.h - AES-128-CMAC out of AES-CBC: CBC from a zero IV, of which only the last block is kept. For
 *          src/crypto only.
 *
 * OpenSSL 3.0's own CMAC encrypts block by block through a function pointer and reaches 0.8 GB/s; its CBC
 * runs at the latency of the AES instructions, 1.4 GB/s. For machines on which crypto/cmac_many.h has no kernel, and to
 * check it with.
 *
 * Owns     its CBC contexts (crypto/evp_key.h) and subkeys, in the secret slab.
 * Threads  a struct cmac is constant after cmac_init().
 * Spec     RFC 4493
 */
#pragma once

#include "crypto/evp_key.h"

enum { CMAC_BLOCK_LEN = 16 };

struct cmac_subkeys {
	uint8_t k1[CMAC_BLOCK_LEN]; /* for a whole last block		*/
	uint8_t k2[CMAC_BLOCK_LEN]; /* for a padded one			*/
};

struct cmac {
	struct evp_key cbc;
	struct cmac_subkeys *subkeys; /* in the slab */
};

/* l: the zero block under the key. RFC 4493, 2.3 */
void cmac_subkeys_derive(const uint8_t l[CMAC_BLOCK_LEN],
			 struct cmac_subkeys *ret_subkeys);

/* key: 16 bytes. 0 or -EIO. m must not move afterwards. */
MUST_CHECK int cmac_init(struct cmac *m, const EVP_CIPHER *cbc, struct span key);
void cmac_fini(struct cmac *m);
/* 0 or -EIO. */
MUST_CHECK int cmac_run(const struct cmac *m, const struct span *parts, size_t part_count,
			uint8_t ret_tag[CMAC_BLOCK_LEN]);
