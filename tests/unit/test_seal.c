/* test_seal.c - the TRANSFORM frame: known answers, and everything that must not open */
#include "test.h"
#include "vectors.h"

#include "base/fault.h"
#include "crypto/crypto.h"
#include "secure/seal.h"
#include "wire/smb2_proto.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAME_MAX = 8192 };

static const enum seal_cipher ciphers[] = {SEAL_AES_128_CCM, SEAL_AES_128_GCM,
					   SEAL_AES_256_CCM, SEAL_AES_256_GCM};

static const uint8_t some_key[32] = {1,  2,  3,  4,  5,  6, 7, 8, 9, 10, 11,
				     12, 13, 14, 15, 16, 3, 1, 4, 1, 5,  9,
				     2,  6,  5,  3,  5,  8, 9, 7, 9, 3};
static const uint8_t tail[SEAL_NONCE_TAIL_LEN] = {0xA1, 0xA2, 0xA3, 0xA4};

static struct span key_for(enum seal_cipher c)
{
	return span_of(some_key, seal_key_len(c));
}

/* A frame with len bytes of plain text at its end. */
static struct mspan fill(uint8_t *buf, size_t len)
{
	memset(buf, 0xDD, SEAL_HEADER_LEN);
	for (size_t i = 0; i < len; i++)
		buf[SEAL_HEADER_LEN + i] = (uint8_t)(i * 5 + 1);
	return mspan_of(buf, SEAL_HEADER_LEN + len);
}

/* ---- what others sealed ------------------------------------------------------------------------ */

struct trace {
	const char *file;
	enum seal_cipher cipher;
};

static const struct trace traces[] = {
	{"smb30-ccm.txt", SEAL_AES_128_CCM},
	{"smb311-ccm128.txt", SEAL_AES_128_CCM},
	{"smb311-gcm128.txt", SEAL_AES_128_GCM},
};

static void check_opens(const struct seal_key *k, struct span wire, struct span plain)
{
	uint8_t buf[FRAME_MAX];
	struct mspan got;

	CHECK(wire.len <= sizeof(buf));
	memcpy(buf, wire.p, wire.len);
	CHECK_EQ(seal_open(k, mspan_of(buf, wire.len), &got), 0);
	CHECK_SPAN(span_of_m(got), plain);
	CHECK(got.p == buf + SEAL_HEADER_LEN);
}

TEST(seal_opens_the_published_traces)
{
	static const char *const messages[] = {
		"WRITE request",
		"WRITE response",
		"READ request",
		"READ response",
	};

	for (size_t t = 0; t < ARRAY_LEN(traces); t++) {
		for (size_t m = 0; m < ARRAY_LEN(messages); m++) {
			bool request = strstr(messages[m], "request") != NULL;
			struct span key = vec(traces[t].file, NULL,
					      request ? "C2S_key" : "S2C_key");
			struct seal_key *k = seal_key_new(traces[t].cipher, key);
			struct span wire = vec(traces[t].file, messages[m], "wire");
			uint64_t session_id = 0;

			check_opens(k, wire, vec(traces[t].file, messages[m], "plain"));
			CHECK(seal_peek_session(wire, &session_id));
			CHECK_EQ(session_id, vec_u64(traces[t].file, NULL, "session_id"));
			seal_key_free(k);
		}
	}
}

/* These have no wire image: put one together from nonce, AAD, cipher text and tag. */
TEST(seal_opens_the_aes_256_vectors)
{
	static const struct {
		const char *section;
		enum seal_cipher cipher;
	} cases[] = {{"AES-256-GCM", SEAL_AES_256_GCM},
		     {"AES-256-CCM", SEAL_AES_256_CCM}};
	const char *file = "computed-aes256.txt";

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seal_key *k = seal_key_new(
			cases[i].cipher, vec(file, NULL, "ServerDecryptionKey_C2S"));
		struct span text = vec(file, cases[i].section, "ciphertext");
		uint8_t wire[FRAME_MAX] = {0xFD, 'S', 'M', 'B'};

		memcpy(wire + 4, vec(file, cases[i].section, "tag_in_Signature").p, 16);
		memcpy(wire + 20, vec(file, cases[i].section, "aad_32").p, 32);
		memcpy(wire + SEAL_HEADER_LEN, text.p, text.len);
		check_opens(k, span_of(wire, SEAL_HEADER_LEN + text.len),
			    vec(file, cases[i].section, "plain"));
		seal_key_free(k);
	}
}

/* ---- what we seal ------------------------------------------------------------------------------ */

TEST(seal_then_open_gives_it_back)
{
	static const size_t lens[] = {1, 15, 16, 17, 63, 64, 65, 112, 1000, 4096};

	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_key_freep)
		struct seal_key *k = seal_key_new(ciphers[c], key_for(ciphers[c]));
		CLEANUP(seal_tx_freep)
		struct seal_tx *t = seal_tx_new(ciphers[c], key_for(ciphers[c]), tail);

		for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
			uint8_t buf[FRAME_MAX];
			uint8_t plain[FRAME_MAX];
			struct mspan frame = fill(buf, lens[i]);

			memcpy(plain, buf, frame.len);
			CHECK_EQ(seal_message(t, 0x1122334455667788, frame), 0);
			CHECK(lens[i] < 8 || memcmp(buf + SEAL_HEADER_LEN,
						    plain + SEAL_HEADER_LEN, lens[i]));
			check_opens(k, span_of_m(frame),
				    span_of(plain + SEAL_HEADER_LEN, lens[i]));
		}
	}
}

TEST(seal_header_is_laid_out_as_in_2_2_41)
{
	static const struct {
		enum seal_cipher cipher;
		uint8_t nonce_field[16];
	} cases[] = {
		{SEAL_AES_128_GCM, {7, 0, 0, 0, 0, 0, 0, 0, 0xA1, 0xA2, 0xA3, 0xA4}},
		{SEAL_AES_128_CCM, {7, 0, 0, 0, 0, 0, 0, 0, 0xA1, 0xA2, 0xA3, 0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(seal_tx_freep)
		struct seal_tx *t = seal_tx_new_from(cases[i].cipher,
						     key_for(cases[i].cipher), tail, 7);
		uint8_t buf[FRAME_MAX];
		struct mspan frame = fill(buf, 300);
		struct span rest = BYTES(0x2C, 0x01, 0, 0, 0, 0, 1, 0, 0x88, 0x77, 0x66,
					 0x55, 0x44, 0x33, 0x22, 0x11);

		CHECK_EQ(seal_message(t, 0x1122334455667788, frame), 0);
		CHECK_MEM(buf, BYTES(0xFD, 'S', 'M', 'B').p, 4);
		CHECK_MEM(buf + 20, cases[i].nonce_field, 16);
		CHECK_MEM(buf + 36, rest.p, rest.len);
	}
}

TEST(seal_every_message_has_a_nonce_of_its_own)
{
	enum { COUNT = 1000 };
	static uint8_t nonces[COUNT][16];

	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_tx_freep)
		struct seal_tx *t = seal_tx_new(ciphers[c], key_for(ciphers[c]), tail);

		for (size_t i = 0; i < COUNT; i++) {
			uint8_t buf[FRAME_MAX];

			CHECK_EQ(seal_message(t, 1, fill(buf, 64)), 0);
			memcpy(nonces[i], buf + 20, 16);
			for (size_t j = 0; j < i; j++)
				CHECK(memcmp(nonces[i], nonces[j], 16) != 0);
		}
	}
}

TEST(seal_stops_when_the_nonces_are_used_up)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_tx_freep)
		struct seal_tx *t = seal_tx_new_from(ciphers[c], key_for(ciphers[c]),
						     tail, SEAL_MESSAGES_MAX - 2);
		uint8_t buf[FRAME_MAX];
		uint8_t copy[FRAME_MAX];
		struct mspan frame = fill(buf, 64);

		memcpy(copy, buf, frame.len);
		CHECK_EQ(seal_message(t, 1, fill(buf, 64)), 0);
		CHECK_EQ(seal_message(t, 1, fill(buf, 64)), 0);
		for (size_t i = 0; i < 100; i++) { /* and never starts again */
			CHECK_EQ(seal_message(t, 1, fill(buf, 64)), -EKEYEXPIRED);
			CHECK_MEM(buf, copy, frame.len);
		}
	}
}

TEST(seal_a_counter_behind_the_limit_seals_nothing)
{
	static const uint64_t starts[] = {SEAL_MESSAGES_MAX, UINT64_MAX - 1, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		CLEANUP(seal_tx_freep)
		struct seal_tx *t = seal_tx_new_from(
			SEAL_AES_128_GCM, key_for(SEAL_AES_128_GCM), tail, starts[i]);
		uint8_t buf[FRAME_MAX];

		CHECK_EQ(seal_message(t, 1, fill(buf, 64)), -EKEYEXPIRED);
		CHECK_EQ(seal_message(t, 1, fill(buf, 64)), -EKEYEXPIRED);
		CHECK_EQ(seal_message(t, 1, fill(buf, 64)), -EKEYEXPIRED);
	}
}

/* One session, several channels: each on a thread of its own, one counter. */
enum { CHANNELS = 4, PER_CHANNEL = 3000 };

struct channel {
	struct seal_tx *tx;
	uint64_t nonces[PER_CHANNEL];
	int failures;
};

static void *send_on(void *arg)
{
	struct channel *ch = arg;

	for (size_t i = 0; i < PER_CHANNEL; i++) {
		uint8_t buf[SEAL_HEADER_LEN + 64];

		if (seal_message(ch->tx, 1, fill(buf, 64)))
			ch->failures++;
		memcpy(&ch->nonces[i], buf + 20, sizeof(ch->nonces[i]));
	}
	return NULL;
}

static void check_channels(enum seal_cipher c)
{
	static bool seen[CHANNELS * PER_CHANNEL];
	CLEANUP(seal_tx_freep) struct seal_tx *t = seal_tx_new(c, key_for(c), tail);
	static struct channel channels[CHANNELS];
	pthread_t threads[CHANNELS];

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < CHANNELS; i++) {
		channels[i] = (struct channel){.tx = t};
		CHECK_EQ(pthread_create(&threads[i], NULL, send_on, &channels[i]), 0);
	}
	for (size_t i = 0; i < CHANNELS; i++) {
		pthread_join(threads[i], NULL);
		CHECK_EQ(channels[i].failures, 0);
		for (size_t n = 0; n < PER_CHANNEL; n++) {
			CHECK(channels[i].nonces[n] < ARRAY_LEN(seen));
			CHECK(!seen[channels[i].nonces[n]]);
			seen[channels[i].nonces[n]] = true;
		}
	}
}

TEST(seal_channels_share_one_counter)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++)
		check_channels(ciphers[c]);
}

/* ---- what must not open ------------------------------------------------------------------------ */

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static struct mspan sealed(uint8_t *buf, enum seal_cipher c, size_t len)
{
	CLEANUP(seal_tx_freep)
	struct seal_tx *t = seal_tx_new_from(c, key_for(c), tail, 42);
	struct mspan frame = fill(buf, len);

	CHECK_EQ(seal_message(t, 99, frame), 0);
	return frame;
}

/* The frame opens to what fill() put there. */
static void check_opens_to_fill(const struct seal_key *k, struct span frame, size_t len)
{
	uint8_t plain[FRAME_MAX];

	fill(plain, len);
	check_opens(k, frame, span_of(plain + SEAL_HEADER_LEN, len));
}

TEST(seal_every_flipped_bit_is_noticed)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_key_freep)
		struct seal_key *k = seal_key_new(ciphers[c], key_for(ciphers[c]));
		uint8_t good[FRAME_MAX];
		struct mspan frame = sealed(good, ciphers[c], 77);

		for (size_t bit = 0; bit < frame.len * 8; bit++) {
			uint8_t buf[FRAME_MAX];
			struct mspan plain = {0};

			memcpy(buf, good, frame.len);
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_EQ(seal_open(k, mspan_of(buf, frame.len), &plain),
				 -EBADMSG);
			CHECK(!plain.p);
		}
		check_opens_to_fill(k, span_of_m(frame), 77);
	}
}

TEST(seal_text_of_a_wrong_tag_is_wiped)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_key_freep)
		struct seal_key *k = seal_key_new(ciphers[c], key_for(ciphers[c]));
		uint8_t buf[FRAME_MAX];
		struct mspan frame = sealed(buf, ciphers[c], 500);
		struct mspan plain;

		buf[4] ^= 1; /* the tag */
		CHECK_EQ(seal_open(k, frame, &plain), -EBADMSG);
		CHECK(is_zero(buf + SEAL_HEADER_LEN, 500));
	}
}

/* On the heap, so that ASan sees a read past the end. */
TEST(seal_every_truncation_is_refused)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_key_freep)
		struct seal_key *k = seal_key_new(ciphers[c], key_for(ciphers[c]));
		uint8_t buf[FRAME_MAX];
		struct mspan frame = sealed(buf, ciphers[c], 77);

		for (size_t len = 0; len < frame.len; len++) {
			uint8_t *cut = malloc(len + 1);
			struct mspan plain;
			uint64_t id;

			memcpy(cut, buf, len);
			CHECK_EQ(seal_open(k, mspan_of(cut, len), &plain), -EBADMSG);
			CHECK_EQ(seal_peek_session(span_of(cut, len), &id),
				 len >= SEAL_HEADER_LEN);
			free(cut);
		}
	}
}

TEST(seal_trailing_bytes_are_refused)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_key_freep)
		struct seal_key *k = seal_key_new(ciphers[c], key_for(ciphers[c]));
		uint8_t buf[FRAME_MAX] = {0};
		struct mspan frame = sealed(buf, ciphers[c], 77);
		struct mspan plain;

		CHECK_EQ(seal_open(k, mspan_of(buf, frame.len + 1), &plain), -EBADMSG);
		check_opens_to_fill(k, span_of_m(frame), 77);
	}
}

TEST(seal_sizes_that_lie_are_refused_before_decrypting)
{
	static const uint32_t sizes[] = {0,  1,   51,         76,        78,
					 52, 129, 0x80000000, 0xFFFFFFFF};
	CLEANUP(seal_key_freep)
	struct seal_key *k = seal_key_new(SEAL_AES_128_GCM, key_for(SEAL_AES_128_GCM));

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint8_t buf[FRAME_MAX];
		uint8_t copy[FRAME_MAX];
		struct mspan frame = sealed(buf, SEAL_AES_128_GCM, 77);
		struct mspan plain;

		for (size_t b = 0; b < 4; b++)
			buf[36 + b] = (uint8_t)(sizes[i] >> 8 * b);
		memcpy(copy, buf, frame.len);
		CHECK_EQ(seal_open(k, frame, &plain), -EBADMSG);
		CHECK_MEM(buf, copy, frame.len);
	}
}

TEST(seal_another_key_does_not_open)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		uint8_t other[32] = {1};
		CLEANUP(seal_key_freep)
		struct seal_key *k = seal_key_new(
			ciphers[c], span_of(other, seal_key_len(ciphers[c])));
		uint8_t buf[FRAME_MAX];
		struct mspan frame = sealed(buf, ciphers[c], 77);
		struct mspan plain;

		CHECK_EQ(seal_open(k, frame, &plain), -EBADMSG);
		CHECK(is_zero(buf + SEAL_HEADER_LEN, 77));
	}
}

TEST(seal_nothing_to_seal_is_an_error)
{
	CLEANUP(seal_tx_freep)
	struct seal_tx *t = seal_tx_new(SEAL_AES_128_GCM, key_for(SEAL_AES_128_GCM),
					tail);
	uint8_t buf[FRAME_MAX] = {0};

	for (size_t len = 0; len <= SEAL_HEADER_LEN; len++)
		CHECK_EQ(seal_message(t, 1, mspan_of(buf, len)), -EIO);
}

TEST(seal_keys_of_the_wrong_length_are_refused)
{
	CHECK_EQ(seal_key_len(SEAL_NONE), 0);
	CHECK(!seal_key_new(SEAL_NONE, span_of(some_key, 16)));
	CHECK(!seal_tx_new(SEAL_NONE, span_of(some_key, 16), tail));
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		for (size_t len = 0; len <= 32; len++) {
			if (len == seal_key_len(ciphers[c]))
				continue;
			CHECK(!seal_key_new(ciphers[c], span_of(some_key, len)));
			CHECK(!seal_tx_new(ciphers[c], span_of(some_key, len), tail));
		}
	}
	seal_key_free(NULL);
	seal_tx_free(NULL);
}

/* ---- from memory of others --------------------------------------------------------------------- */

/* A message whose end lies elsewhere. */
static int seal_half(struct seal_tx *t, uint8_t *buf, size_t len, struct span from)
{
	struct mspan frame = fill(buf, len);

	memset(buf + frame.len - from.len, 0xEE, from.len);
	return seal_message_from(t, 7, frame, from);
}

TEST(seal_from_elsewhere_opens_as_any_other)
{
	for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
		CLEANUP(seal_tx_freep)
		struct seal_tx *t = seal_tx_new(ciphers[c], key_for(ciphers[c]), tail);
		CLEANUP(seal_key_freep)
		struct seal_key *k = seal_key_new(ciphers[c], key_for(ciphers[c]));
		uint8_t buf[FRAME_MAX], want[FRAME_MAX];
		struct mspan frame = fill(want, 3000), got;
		struct span from = span_of(want + frame.len - 2000, 2000);
		bool gcm = ciphers[c] == SEAL_AES_128_GCM ||
			   ciphers[c] == SEAL_AES_256_GCM;
		bool may = gcm && crypto_has(CRYPTO_IPSEC_MB) && !getenv("TSMB_CRYPTO");

		CHECK_EQ(fault_catch(), 0);
		CHECK_EQ(seal_tx_reads_shared(t), may);
		CHECK_EQ(seal_half(t, buf, 3000, from), may ? 0 : -EIO);
		if (!may)
			continue;
		CHECK_EQ(seal_open(k, mspan_of(buf, frame.len), &got), 0);
		CHECK_SPAN(span_of_m(got), span_of(want + SEAL_HEADER_LEN, 3000));
	}
}

/* [MS-SMB2] 3.1.4.3: not even what was never sent may share its nonce with anything else. */
TEST(seal_after_a_fault_takes_another_nonce)
{
	CLEANUP(seal_tx_freep)
	struct seal_tx *t = seal_tx_new(SEAL_AES_128_GCM, key_for(SEAL_AES_128_GCM),
					tail);
	CLEANUP(seal_key_freep)
	struct seal_key *k = seal_key_new(SEAL_AES_128_GCM, key_for(SEAL_AES_128_GCM));
	uint8_t a[FRAME_MAX], b[FRAME_MAX];
	int fd = memfd_create("empty", MFD_CLOEXEC);
	void *gone = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	struct mspan got;

	CHECK(gone != MAP_FAILED);
	CHECK_EQ(fault_catch(), 0);
	if (!seal_tx_reads_shared(t))
		skip();
	CHECK_EQ(seal_half(t, a, 3000, span_of(gone, 2000)), -EFAULT);
	CHECK_EQ(seal_open(k, mspan_of(a, SEAL_HEADER_LEN + 3000), &got), -EBADMSG);
	CHECK_EQ(seal_half(t, a, 3000, span_of(gone, 2000)), -EFAULT);
	CHECK_EQ(seal_message(t, 7, fill(b, 3000)), 0);
	CHECK_EQ(seal_open(k, mspan_of(b, SEAL_HEADER_LEN + 3000), &got), 0);
	CHECK_EQ(a[20], 1); /* the counter, after two of which nothing came */
	CHECK_EQ(b[20], 2);
	munmap(gone, 4096);
	close(fd);
}

TEST_MAIN()
