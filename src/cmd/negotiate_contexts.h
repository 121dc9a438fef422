/*
 * negotiate_contexts.h - the context list of a 3.1.1 NEGOTIATE: what the client offers, what we choose.
 *
 * Threads  pure.
 * Spec     [MS-SMB2] 2.2.3.1, 2.2.4.1, 3.3.5.4
 */
#pragma once

#include "base/env.h"
#include "base/status.h"
#include "secure/negotiate.h"
#include "wire/wr.h"

struct negotiate_contexts {
	bool has_preauth, has_encryption, has_signing; /* received, once each */
	struct span ciphers, signings; /* ids, 16 bits each, borrowed from the message */
};

enum { NEGOTIATE_CONTEXTS_LEN_MAX = 128 };

/*
 * message  the whole NEGOTIATE request: offsets count from its header
 *
 * STATUS_INVALID_PARAMETER for anything out of bounds, repeated, short or empty, and without PREAUTH_INTEGRITY;
 * STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP without SHA-512.
 */
MUST_CHECK nt_status negotiate_contexts_decode(struct span message, size_t off,
					       size_t count,
					       struct negotiate_contexts *ret_contexts);

/* How many the answer has, and their encoding, with a fresh salt. w is 8-aligned. */
uint16_t negotiate_contexts_count(const struct negotiate_contexts *n);
void negotiate_contexts_encode(struct wr *w, const struct negotiate_contexts *n,
			       const struct negotiate_choice *choice, struct env *env);
