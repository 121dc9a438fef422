/*
 * ntlmkey.h - what NTLMv2 computes: the hash of a password, the proof of knowing it, the keys
 * that follow.
 *
 * Owns     nothing. struct ntlm_key is born with CLEANUP(ntlm_key_wipe).
 * Threads  none of its own.
 * Errors   what crypto/legacy.h gives: -ENOTSUP, -ENOMEM. Outputs are untouched then.
 * Spec     [MS-NLMP] 3.3.2, 3.4.4.2, 3.4.5
 */
#pragma once

#include "auth/ntlmssp.h"

/* A password's hash, or a key made from one. */
struct ntlm_key {
	uint8_t b[16];
};

void ntlm_key_wipe(struct ntlm_key *k);

enum { NTLM_PASSWORD_MAX = 256 }; /* UTF-16 code units, as in Windows */

/* NTOWFv1: MD4 of the password in UTF-16LE. -E2BIG if it is longer than NTLM_PASSWORD_MAX,
 * -EILSEQ if it is not UTF-8. */
MUST_CHECK int ntlm_hash_password(const char *password, struct ntlm_key *ret_nt_hash);

/* NTOWFv2 from the stored hash. Both names in UTF-16LE: the user in upper case, the domain as
 * the client sent it. */
MUST_CHECK int ntlm_response_key(const struct ntlm_key *nt_hash, struct span user_upper,
				 struct span domain, struct ntlm_key *ret_key);

/* NTProofStr: the server's challenge and the client's blob under the response key. */
MUST_CHECK int ntlm_prove(const struct ntlm_key *response_key,
			  const uint8_t challenge[NTLM_CHALLENGE_LEN], struct span blob,
			  uint8_t ret_proof[NTLM_PROOF_LEN]);

/* SessionBaseKey, for NTLMv2 also the KeyExchangeKey. */
MUST_CHECK int ntlm_base_key(const struct ntlm_key *response_key,
			     const uint8_t proof[NTLM_PROOF_LEN],
			     struct ntlm_key *ret_key);

/* ExportedSessionKey from EncryptedRandomSessionKey, and back: RC4 under the KeyExchangeKey. */
MUST_CHECK int ntlm_exchange_key(const struct ntlm_key *base_key,
				 const uint8_t encrypted[sizeof(struct ntlm_key)],
				 struct ntlm_key *ret_key);

/* MIC over the three messages, each in any number of pieces. */
MUST_CHECK int ntlm_mic(const struct ntlm_key *exported_key, const struct span *parts,
			size_t count, uint8_t ret_mic[NTLM_MIC_LEN]);

enum ntlm_side { NTLM_CLIENT, NTLM_SERVER };

/*
 * GSS_GetMIC with extended session security, 128-bit keys and sequence number 0: for SPNEGO's
 * mechListMIC. The RC4 state starts anew each time, as [MS-SPNG] 3.2.5.1 wants it.
 *
 * flags  negotiated; without NTLMSSP_NEGOTIATE_SIGN there is nothing to sign with: do not ask
 */
MUST_CHECK int ntlm_sign(uint32_t flags, const struct ntlm_key *exported_key,
			 enum ntlm_side signer, struct span msg,
			 uint8_t ret_signature[NTLM_MIC_LEN]);
