/*
 * ipsec.h - AES-GCM and AES-GMAC by Intel's ipsec-mb. For src/crypto only.
 *
 * Its direct calls work on a key schedule that the caller keeps, allocate nothing, and check nothing:
 * lengths and pointers must be right before. The code is assembly, so AddressSanitizer cannot see into it.
 *
 * Owns     one table of its functions, as long as the process lives; an ipsec_key lies in the secret slab.
 * Threads  any; an ipsec_key is constant.
 * Errors   but for ipsec_key_new() none of the calls can fail once ipsec_available() said yes.
 */
#pragma once

#include "base/span.h"

struct ipsec_key;

/* Built in, and the CPU has AES-NI and PCLMULQDQ. */
bool ipsec_available(void);
const char *ipsec_description(void);

/* key: 16 or 32 bytes. NULL without memory. */
struct ipsec_key *ipsec_key_new(struct span key);
void ipsec_key_free(struct ipsec_key *k); /* wipes; NULL is fine */

/* In place. nonce: 12 bytes. */
void ipsec_gcm_seal(const struct ipsec_key *k, const uint8_t nonce[12], struct span aad,
		    struct mspan text, uint8_t ret_tag[16]);
/*
 * Out of place, in two parts, from memory that others may change or take away meanwhile, which is read once: what is
 * authenticated is what was written to `to`. head: in place, and ours. -EFAULT, -ENOTSUP as of fault_guard(); what was
 * written is worthless then.
 */
MUST_CHECK int ipsec_gcm_seal_from(const struct ipsec_key *k, const uint8_t nonce[12],
				   struct span aad, struct mspan head, struct span from,
				   uint8_t *to, uint8_t ret_tag[16]);
/* Decrypts and gives the tag the text should have had; the caller compares, and wipes if it differs. */
void ipsec_gcm_open(const struct ipsec_key *k, const uint8_t nonce[12], struct span aad,
		    struct mspan text, uint8_t ret_tag[16]);
/* Over the parts one after the other. The key must be of 128 bits. */
void ipsec_gmac(const struct ipsec_key *k, const uint8_t nonce[12],
		const struct span *parts, size_t part_count, uint8_t ret_tag[16]);
