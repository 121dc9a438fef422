/* seal.c - see seal.h */
#include "secure/seal.h"

#include "base/ct.h"
#include "crypto/aead.h"
#include "wire/rd.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* [MS-SMB2] 2.2.41: what is authenticated besides the message is the header behind its Signature. */
enum {
	AAD_OFFSET = 20,
	AAD_LEN = 32,
	NONCE_FIELD_LEN = 16,
	FLAG_ENCRYPTED = 0x0001,
};

_Static_assert((int)SEAL_HEADER_LEN == (int)SMB2_TRANSFORM_HEADER_LEN, "2.2.41");
_Static_assert(AAD_OFFSET + AAD_LEN == SEAL_HEADER_LEN, "the AAD ends with the header");
_Static_assert(SEAL_NONCE_TAIL_LEN + sizeof(uint64_t) == AEAD_NONCE_MAX_LEN, "GCM");

/* SMB2's numbers for the ciphers are our own for the algorithms. */
_Static_assert((int)SEAL_AES_128_CCM == (int)AEAD_AES_128_CCM &&
		       (int)SEAL_AES_128_GCM == (int)AEAD_AES_128_GCM &&
		       (int)SEAL_AES_256_CCM == (int)AEAD_AES_256_CCM &&
		       (int)SEAL_AES_256_GCM == (int)AEAD_AES_256_GCM,
	       "one number space");

struct seal_key {
	enum aead_alg alg;
	struct aead_key *aead;
};

struct seal_tx {
	enum aead_alg alg;                       /* I				*/
	struct aead_key *aead;                   /* I				*/
	uint8_t nonce_tail[SEAL_NONCE_TAIL_LEN]; /* I				*/
	_Atomic uint64_t next_nonce;             /* A  up to SEAL_MESSAGES_MAX	*/
};

size_t seal_key_len(enum seal_cipher cipher)
{
	return cipher == SEAL_NONE ? 0 : aead_key_len((enum aead_alg)cipher);
}

static struct aead_key *aead_of(enum seal_cipher cipher, enum aead_use use,
				struct span key)
{
	if (cipher == SEAL_NONE)
		return NULL;
	return aead_key_new((enum aead_alg)cipher, use, key, CRYPTO_FASTEST);
}

struct seal_key *seal_key_new(enum seal_cipher cipher, struct span key)
{
	CLEANUP(seal_key_freep) struct seal_key *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->alg = (enum aead_alg)cipher;
	k->aead = aead_of(cipher, AEAD_OPEN, key);
	return k->aead ? TAKE(k) : NULL;
}

void seal_key_free(struct seal_key *k)
{
	if (!k)
		return;
	aead_key_free(k->aead);
	free(k);
}

struct seal_tx *seal_tx_new(enum seal_cipher cipher, struct span key,
			    const uint8_t nonce_tail[SEAL_NONCE_TAIL_LEN])
{
	return seal_tx_new_from(cipher, key, nonce_tail, 0);
}

struct seal_tx *seal_tx_new_from(enum seal_cipher cipher, struct span key,
				 const uint8_t nonce_tail[SEAL_NONCE_TAIL_LEN],
				 uint64_t first_nonce)
{
	CLEANUP(seal_tx_freep) struct seal_tx *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->alg = (enum aead_alg)cipher;
	memcpy(t->nonce_tail, nonce_tail, sizeof(t->nonce_tail));
	atomic_init(&t->next_nonce, first_nonce);
	t->aead = aead_of(cipher, AEAD_SEAL, key);
	return t->aead ? TAKE(t) : NULL;
}

void seal_tx_free(struct seal_tx *t)
{
	if (!t)
		return;
	aead_key_free(t->aead);
	free(t);
}

bool seal_peek_session(struct span frame, uint64_t *ret_session_id)
{
	struct rd r = rd_of(frame);
	uint32_t protocol = rd_u32(&r);
	uint64_t session_id;

	rd_skip(&r, 16 + NONCE_FIELD_LEN + 4 + 2 + 2);
	session_id = rd_u64(&r);
	if (!rd_ok(&r) || protocol != SMB2_TRANSFORM_PROTOCOL_ID)
		return false;
	*ret_session_id = session_id;
	return true;
}

int seal_open(const struct seal_key *key, struct mspan frame, struct mspan *ret_plain)
{
	struct rd r = rd_of(span_of_m(frame));
	uint32_t protocol = rd_u32(&r);
	struct span tag = rd_bytes(&r, AEAD_TAG_LEN);
	struct rd aad = rd_at(&r, AAD_OFFSET, AAD_LEN);
	struct span nonce = rd_bytes(&r, NONCE_FIELD_LEN);
	uint32_t original_size = rd_u32(&r);
	uint16_t flags;
	struct mspan text;

	rd_skip(&r, 2); /* Reserved */
	flags = rd_u16(&r);
	rd_skip(&r, 8); /* SessionId: the caller found the key by it */
	if (!rd_ok(&r) || protocol != SMB2_TRANSFORM_PROTOCOL_ID)
		return -EBADMSG;
	if (flags != FLAG_ENCRYPTED || !original_size || original_size != rd_left(&r))
		return -EBADMSG;

	text = mspan_of(frame.p + SEAL_HEADER_LEN, original_size);
	/* A failure of the library authenticates nothing either. */
	if (aead_open(key->aead, nonce.p, rd_rest(&aad), text, tag.p))
		return -EBADMSG;
	*ret_plain = text;
	return 0;
}

/*
 * The next nonce of the session, over all its channels, into the Nonce field: a counter, then random bytes
 * of the session as far as the cipher's nonce reaches, then zeroes. The counter never moves back, and stops.
 */
static int take_nonce(struct seal_tx *t, uint8_t ret_field[NONCE_FIELD_LEN])
{
	uint64_t n = atomic_load_explicit(&t->next_nonce, memory_order_relaxed);
	size_t tail_len = aead_nonce_len(t->alg) - sizeof(n);
	struct wr w = wr_of(mspan_of(ret_field, NONCE_FIELD_LEN));

	do {
		if (n >= SEAL_MESSAGES_MAX)
			return -EKEYEXPIRED;
	} while (!atomic_compare_exchange_weak_explicit(
		&t->next_nonce, &n, n + 1, memory_order_relaxed, memory_order_relaxed));
	wr_u64(&w, n);
	wr_bytes(&w, span_of(t->nonce_tail, tail_len));
	wr_zero(&w, wr_left(&w));
	return 0;
}

/* What is sealed, and with what, once the header stands. */
struct sealing {
	uint8_t nonce[NONCE_FIELD_LEN];
	struct span aad;
	struct mspan text;
	uint8_t *tag;
};

/* Takes a nonce, and writes the header around it. */
static int seal_begin(struct seal_tx *tx, uint64_t session_id, struct mspan frame,
		      struct sealing *ret)
{
	struct wr w = wr_of(frame);
	size_t size;
	int err;

	if (frame.len <= SEAL_HEADER_LEN || frame.len - SEAL_HEADER_LEN > UINT32_MAX)
		return -EIO;
	size = frame.len - SEAL_HEADER_LEN;
	err = take_nonce(tx, ret->nonce);
	if (err)
		return err;

	wr_u32(&w, SMB2_TRANSFORM_PROTOCOL_ID);
	ret->tag = wr_room(&w, AEAD_TAG_LEN);
	ret->aad = span_of(frame.p + wr_pos(&w), AAD_LEN);
	wr_bytes(&w, span_of(ret->nonce, sizeof(ret->nonce)));
	wr_u32(&w, (uint32_t)size);
	wr_u16(&w, 0); /* Reserved */
	wr_u16(&w, FLAG_ENCRYPTED);
	wr_u64(&w, session_id);
	ret->text = mspan_of(frame.p + SEAL_HEADER_LEN, size);
	return wr_ok(&w) && ret->tag ? 0 : -EIO;
}

int seal_message(struct seal_tx *tx, uint64_t session_id, struct mspan frame)
{
	struct sealing s;
	int err = seal_begin(tx, session_id, frame, &s);

	return err ? err : aead_seal(tx->aead, s.nonce, s.aad, s.text, s.tag);
}

bool seal_tx_reads_shared(const struct seal_tx *tx)
{
	return aead_seals_from(tx->aead);
}

int seal_message_from(struct seal_tx *tx, uint64_t session_id, struct mspan frame,
		      struct span from)
{
	struct sealing s;
	int err = seal_begin(tx, session_id, frame, &s);

	return err ? err : aead_seal_from(tx->aead, s.nonce, s.aad, s.text, from, s.tag);
}
