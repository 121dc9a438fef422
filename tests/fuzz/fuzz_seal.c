/*
 * fuzz_seal.c - seal_open(): any bytes as a TRANSFORM frame.
 *
 * The first byte chooses the cipher and whether the fuzzer's frame is taken as it is or sealed first and damaged by
 * it, so that the code behind a good header is reached. What opens must be what was sealed here.
 *
 * Target functions: seal_peek_session, seal_open, seal_message
 */
#include "secure/seal.h"

#include <stdint.h>
#include <stdlib.h>

enum { CIPHERS = 4, DAMAGE_LEN = 8 };

/* Nothing is ever sealed with the first: the fuzzer finds a frame it has seen in memory and plays it back. */
static const uint8_t unused_key[32] = "a key that the fuzzer never sees";
static const uint8_t key[32] = "another";
static const uint8_t nonce_tail[SEAL_NONCE_TAIL_LEN] = {1, 2, 3, 4};

static struct seal_key *raw_keys[CIPHERS];
static struct seal_key *open_keys[CIPHERS];
static struct seal_tx *seal_keys[CIPHERS];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	for (unsigned i = 0; i < CIPHERS; i++) {
		enum seal_cipher c = (enum seal_cipher)(SEAL_AES_128_CCM + i);
		struct span k = span_of(key, seal_key_len(c));

		raw_keys[i] = seal_key_new(c, span_of(unused_key, k.len));
		open_keys[i] = seal_key_new(c, k);
		seal_keys[i] = seal_tx_new(c, k, nonce_tail);
		if (!raw_keys[i] || !open_keys[i] || !seal_keys[i])
			abort();
	}
	return 0;
}

/* Exactly as long as needed, so that AddressSanitizer sees the first byte behind it. */
static struct mspan copy_of(struct span s, size_t room_before)
{
	struct mspan m = mspan_of(malloc(room_before + s.len), room_before + s.len);

	if (m.len && !m.p)
		abort();
	if (s.len)
		memcpy(m.p + room_before, s.p, s.len);
	return m;
}

static void open_raw(unsigned cipher, struct span bytes)
{
	struct mspan frame = copy_of(bytes, 0);
	struct mspan plain;
	uint64_t session_id;

	(void)!seal_peek_session(span_of_m(frame), &session_id);
	if (seal_open(raw_keys[cipher], frame, &plain) == 0)
		abort(); /* a forgery */
	free(frame.p);
}

/* Pairs of bytes: where, and what is changed there. */
static void damage(struct mspan frame, struct span how)
{
	for (size_t i = 0; i + 1 < how.len; i += 2)
		frame.p[how.p[i] % frame.len] ^= how.p[i + 1];
}

/* Opens if, and only if, all changes undid each other. */
static void open_damaged(unsigned cipher, struct span bytes)
{
	struct span how = span_head(bytes, DAMAGE_LEN);
	struct mspan frame = copy_of(span_from(bytes, how.len), SEAL_HEADER_LEN);
	struct mspan sealed;
	struct mspan plain;
	bool intact;

	if (seal_message(seal_keys[cipher], 7, frame) == 0) {
		sealed = copy_of(span_of_m(frame), 0);
		damage(frame, how);
		intact = span_eq(span_of_m(frame), span_of_m(sealed));
		if ((seal_open(open_keys[cipher], frame, &plain) == 0) != intact)
			abort();
		free(sealed.p);
	}
	free(frame.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_of(data, size);

	if (size < 1)
		return 0;
	if (data[0] & 0x80)
		open_damaged(data[0] % CIPHERS, span_from(bytes, 1));
	else
		open_raw(data[0] % CIPHERS, span_from(bytes, 1));
	return 0;
}
