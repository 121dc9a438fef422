/*
 * seal.h - encryption of SMB3 messages (the TRANSFORM frame).
 *
 * Owns     seal_key, seal_tx own their expanded key (in a secret slot; OpenSSL's own contexts excepted, see
 *          crypto/evp_key.h). The messages are the caller's buffers.
 * Threads  struct seal_key is immutable after init; struct seal_tx holds an atomic nonce counter and may be
 *          used from any thread and any channel of the session.
 * Errors   -EBADMSG for every failed authentication or malformed transform: the caller drops the connection,
 *          says nothing. Plaintext of a failed tag is wiped before the return.
 * Spec     [MS-SMB2] 2.2.41, 3.1.4.3, 3.3.5.2.1.1
 */
#pragma once

#include "base/span.h"

/* Values of SMB2_ENCRYPTION_CAPABILITIES. [MS-SMB2] 2.2.3.1.2 */
enum seal_cipher {
	SEAL_NONE = 0,
	SEAL_AES_128_CCM = 1,
	SEAL_AES_128_GCM = 2,
	SEAL_AES_256_CCM = 3,
	SEAL_AES_256_GCM = 4,
};

enum { SEAL_HEADER_LEN = 52, SEAL_NONCE_TAIL_LEN = 4 };

/*
 * A session sends no more messages than this: nine years at a million a second, yet far from the 2^64 where
 * the counter in the nonce would begin again.
 */
#define SEAL_MESSAGES_MAX (UINT64_C(1) << 48)

/* 16 or 32; 0 for SEAL_NONE. */
size_t seal_key_len(enum seal_cipher cipher);

struct seal_key;
/* For receiving. key: seal_key_len() bytes, copied. NULL if memory or the library fails. */
struct seal_key *seal_key_new(enum seal_cipher cipher, struct span key);
void seal_key_free(struct seal_key *k); /* wipes; NULL is fine */

static inline void seal_key_freep(struct seal_key **k)
{
	seal_key_free(*k);
}

struct seal_tx;
/*
 * For sending, one per session: all its channels share the key and so the nonces.
 *
 * nonce_tail  random bytes of the session, behind the counter in every nonce: all 4 with GCM, 3 with CCM
 */
struct seal_tx *seal_tx_new(enum seal_cipher cipher, struct span key,
			    const uint8_t nonce_tail[SEAL_NONCE_TAIL_LEN]);
/* The same, with the counter somewhere else than at 0: for a session whose first nonces were used elsewhere. */
struct seal_tx *seal_tx_new_from(enum seal_cipher cipher, struct span key,
				 const uint8_t nonce_tail[SEAL_NONCE_TAIL_LEN],
				 uint64_t first_nonce);
void seal_tx_free(struct seal_tx *t); /* wipes; NULL is fine */

static inline void seal_tx_freep(struct seal_tx **t)
{
	seal_tx_free(*t);
}

/* SessionId of a transform header; false if frame is too short or does not start FD 'S' 'M' 'B'. */
MUST_CHECK bool seal_peek_session(struct span frame, uint64_t *ret_session_id);

/*
 * Open one frame in place.
 *
 * frame      from ProtocolId FD 'S' 'M' 'B' to the last byte of the transport message
 * ret_plain  on success the message or compound: the tail of `frame`
 *
 * Checks, in order and before decrypting: length, Flags = 1, OriginalMessageSize = exactly what follows.
 */
MUST_CHECK int seal_open(const struct seal_key *key, struct mspan frame,
			 struct mspan *ret_plain);

/*
 * Seal one message in place under the next nonce of tx.
 *
 * frame    SEAL_HEADER_LEN bytes for the header, then the plaintext
 *
 * 0; -EIO if the library failed; -EKEYEXPIRED when the nonces are used up. On either the caller drops the
 * connection: never send it plain, never seal again under the same nonce.
 */
MUST_CHECK int seal_message(struct seal_tx *tx, uint64_t session_id, struct mspan frame);

/* Can seal_message_from() be had? With GCM only, and not with every library: see crypto/aead.h. */
bool seal_tx_reads_shared(const struct seal_tx *tx);
/*
 * The same for a message that ends with bytes which lie elsewhere, in memory that others may change meanwhile or take away.
 *
 * from   is read once, and takes the place of the last from.len bytes of `frame`
 *
 * As seal_message(); and -EFAULT: part of `from` was not there. Nothing is lost but the nonce and what was in `frame`: it
 * may be filled anew and sealed, under another nonce.
 */
MUST_CHECK int seal_message_from(struct seal_tx *tx, uint64_t session_id,
				 struct mspan frame, struct span from);
