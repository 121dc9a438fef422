/*
 * sign.h - message signatures: HMAC-SHA256, AES-128-CMAC, AES-128-GMAC.
 *
 * Owns     a sign_key owns its expanded key (in a secret slot; OpenSSL's own contexts excepted, see
 *          crypto/evp_key.h).
 * Threads  a sign_key is immutable after init; any number of threads may use it.
 * Errors   fail closed: a library failure while verifying is a wrong signature, while signing it is -EIO
 *          and the caller drops the connection rather than send unsigned.
 * Spec     [MS-SMB2] 3.1.4.1, 3.1.5.1, 2.2.1.2 (Signature at offset 48)
 */
#pragma once

#include "base/span.h"
#include "base/status.h"

/* Values of SMB2_SIGNING_CAPABILITIES. [MS-SMB2] 2.2.3.1.7 */
enum sign_alg { SIGN_HMAC_SHA256 = 0, SIGN_AES_CMAC = 1, SIGN_AES_GMAC = 2 };

enum { SIGN_KEY_LEN = 16, SIGNATURE_LEN = 16 };

struct sign_key;

/* NULL if memory or the library fails. key: SIGN_KEY_LEN bytes, copied. */
struct sign_key *sign_key_new(enum sign_alg alg, const uint8_t key[SIGN_KEY_LEN]);
void sign_key_free(struct sign_key *k); /* wipes; NULL is fine */
enum sign_alg sign_key_alg(const struct sign_key *k);

static inline void sign_key_freep(struct sign_key **k)
{
	sign_key_free(*k);
}

/*
 * Check the signature of one message, header included.
 *
 * msg    exactly the bytes that were signed, padding included; not modified (the Signature field is read
 *        as zero by hashing around it)
 *
 * STATUS_ACCESS_DENIED if the signature differs; the time taken does not depend on where. With GMAC a
 * MessageId of 0 or ~0 is refused the same way: its nonce must never exist. So is a message that says it
 * comes from a server (SMB2_FLAGS_SERVER_TO_REDIR): both directions share the key, and our own responses
 * must not come back as requests.
 */
MUST_CHECK nt_status sign_verify(const struct sign_key *key, struct span msg);

/* One message whose signature is to be checked. */
struct sign_check {
	const struct sign_key *key;
	struct span msg; /* as for sign_verify() */
	nt_status st;    /* result: what sign_verify() would have said */
};

/* Check several messages together: mixed keys, algorithms and lengths; AES-CMAC is computed side by side. */
void sign_verify_batch(struct sign_check *checks, size_t count);

/* One message to sign. */
struct sign_item {
	const struct sign_key *key;
	struct mspan
		msg; /* header first; SMB2_FLAGS_SIGNED and Signature are written here	*/
	struct span
		tail; /* continues msg: payload that stays where it is; usually empty	*/
	int err; /* result: 0, -EIO, or -EPERM for a GMAC message that must not be signed	*/
};

/*
 * Sign several messages together: whatever waits on a worker when its sockets can take bytes. Mixed keys,
 * algorithms and lengths; AES-CMAC is computed side by side. Every item's err is set; what has one must not be sent.
 *
 * The role in a GMAC nonce is the one the header states: SMB2_FLAGS_SERVER_TO_REDIR. An interim response
 * (STATUS_PENDING) must not come here: its final response has the same MessageId.
 */
void sign_batch(struct sign_item *items, size_t count);
