/*
 * ntlm.h - the server's side of one NTLM exchange: NTLMv2 and nothing weaker.
 *
 *     ntlm_challenge()  NEGOTIATE in, CHALLENGE out, once
 *     ntlm_claim()      AUTHENTICATE in: who it says it is; consumes the challenge
 *     then one of
 *     ntlm_verify()     against the password hash of that user
 *     ntlm_anonymous()  if the claim is anonymous
 *
 * LM, NTLMv1 and "NTLM2 session" responses are refused, and so are clients that do not negotiate
 * Unicode, extended session security and 128-bit keys (every SMB2 client does; Windows refuses
 * them, too). A MIC is verified whenever the client's proven blob announces one, so none of the
 * three messages can be altered on the way; as the challenge carries a timestamp, clients that
 * follow [MS-NLMP] always announce one. Key exchange is not demanded: the session key of an NTLMv2
 * exchange is fresh without it, because both sides' nonces enter it.
 *
 * Owns     its session key (wiped by ntlm_fini()); the messages it keeps lie in the caller's
 *          arena.
 * Threads  one owner at a time.
 * Errors   STATUS_INVALID_PARAMETER: not a well-formed message, or out of turn.
 *          STATUS_NOT_SUPPORTED: weaker than we accept. STATUS_LOGON_FAILURE: refused response,
 *          wrong proof or wrong MIC.
 * Spec     [MS-NLMP] 3.2.5.1
 */
#pragma once

#include "auth/ntlmkey.h"
#include "base/env.h"
#include "base/status.h"

enum { NTLM_NEGOTIATE_MAX = 1024, NTLM_NAME_MAX = 256 /* UTF-16 code units */ };

enum ntlm_stage { NTLM_IDLE, NTLM_CHALLENGED, NTLM_CLAIMED, NTLM_DONE };

struct ntlm {
	enum ntlm_stage stage; /* moves forward only */
	uint8_t challenge[NTLM_CHALLENGE_LEN];
	struct span messages[2];     /* NEGOTIATE and CHALLENGE: the MIC covers them */
	uint32_t flags;              /* of the AUTHENTICATE_MESSAGE */
	bool has_key;                /* session_key holds what the client's does */
	struct ntlm_key session_key; /* ExportedSessionKey */
};

/* A decoded AUTHENTICATE_MESSAGE. Nothing in it is proven. Lies in the arena and in the
 * message. */
struct ntlm_claim {
	bool anonymous;
	const char *user;       /* UTF-8, "" if anonymous */
	const char *domain;     /* UTF-8 */
	struct span user_upper; /* UTF-16LE */
	struct span message;
	struct ntlm_authenticate_msg fields;
	struct ntlm_response response; /* proof is empty if anonymous */
};

void ntlm_fini(struct ntlm *n);

/* A zeroed n is ready for this. keep lives as long as n. */
MUST_CHECK nt_status ntlm_challenge(struct ntlm *n, struct env *env,
				    const struct ntlm_names *names, struct span msg,
				    struct arena *keep, struct span *ret_challenge);

/* On failure *ret_claim may be set, too: as far as the message could be understood. */
MUST_CHECK nt_status ntlm_claim(struct ntlm *n, struct span msg, struct arena *a,
				struct ntlm_claim *ret_claim);

/*
 * nt_hash  of the user; for an unknown one any hash, and known false: the work is the same, the
 *          answer always STATUS_LOGON_FAILURE
 */
MUST_CHECK nt_status ntlm_verify(struct ntlm *n, const struct ntlm_claim *c,
				 const struct ntlm_key *nt_hash, bool known);

/* Nothing is proven; the key it makes (from a base key of zeros) is public and serves the
 * mechListMIC only. */
MUST_CHECK nt_status ntlm_anonymous(struct ntlm *n, const struct ntlm_claim *c);

/* Can mechListMIC be made and checked? Not without integrity, nor for a guest, whose key we do
 * not have. */
bool ntlm_can_sign(const struct ntlm *n);
/* STATUS_LOGON_FAILURE if the client's signature over msg differs. Needs ntlm_can_sign(). */
MUST_CHECK nt_status ntlm_check_signature(const struct ntlm *n, struct span msg,
					  struct span signature);
/* Ours. Needs ntlm_can_sign(). */
MUST_CHECK nt_status ntlm_make_signature(const struct ntlm *n, struct span msg,
					 uint8_t ret_signature[NTLM_MIC_LEN]);
