/* test_aead.c - AES-GCM and AES-CCM: both libraries give the same, and neither accepts a forgery */
#include "fenced.h"
#include "test.h"

#include "base/fault.h"
#include "crypto/aead.h"
#include "crypto/touch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { AAD_LEN = 32 };

static const enum aead_alg algs[] = {AEAD_AES_128_CCM, AEAD_AES_128_GCM, AEAD_AES_256_CCM,
				     AEAD_AES_256_GCM};
static const enum crypto_backend backends[] = {CRYPTO_OPENSSL, CRYPTO_IPSEC_MB};

/* Reproducible, and different everywhere. */
static void scramble(uint8_t *p, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)(seed >> 24);
	}
}

static struct aead_key *key_of(enum aead_alg alg, enum aead_use use,
			       enum crypto_backend b)
{
	uint8_t key[AEAD_KEY_MAX_LEN];

	scramble(key, sizeof(key), (uint32_t)alg);
	return aead_key_new(alg, use, span_of(key, aead_key_len(alg)), b);
}

/* Sealed by one, opened by the other; the two cipher texts and tags are the same. */
struct pair {
	struct aead_key *seal[2];
	struct aead_key *open[2];
};

static struct pair pair_of(enum aead_alg alg)
{
	struct pair p;

	for (size_t b = 0; b < 2; b++) {
		p.seal[b] = key_of(alg, AEAD_SEAL, backends[b]);
		p.open[b] = key_of(alg, AEAD_OPEN, backends[b]);
		CHECK(p.seal[b] && p.open[b]);
	}
	return p;
}

static void pair_free(struct pair *p)
{
	for (size_t b = 0; b < 2; b++) {
		aead_key_free(p->seal[b]);
		aead_key_free(p->open[b]);
	}
}

static void check_agree(const struct pair *p, uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t tag_a[AEAD_TAG_LEN], tag_b[AEAD_TAG_LEN];
	uint8_t nonce[AEAD_NONCE_MAX_LEN];
	uint8_t aad_bytes[AAD_LEN];
	struct span aad = span_of(aad_bytes, len % (AAD_LEN + 1));

	scramble(nonce, sizeof(nonce), (uint32_t)len);
	scramble(aad_bytes, sizeof(aad_bytes), (uint32_t)len + 1);
	scramble(a, len, (uint32_t)len + 2);
	if (len)
		memcpy(b, a, len);
	CHECK_EQ(aead_seal(p->seal[0], nonce, aad, mspan_of(a, len), tag_a), 0);
	CHECK_EQ(aead_seal(p->seal[1], nonce, aad, mspan_of(b, len), tag_b), 0);
	CHECK_MEM(tag_a, tag_b, sizeof(tag_a));
	CHECK(!len || !memcmp(a, b, len));
	CHECK_EQ(aead_open(p->open[1], nonce, aad, mspan_of(a, len), tag_a), 0);
	CHECK_EQ(aead_open(p->open[0], nonce, aad, mspan_of(b, len), tag_b), 0);
	CHECK(!len || !memcmp(a, b, len));
	scramble(b, len, (uint32_t)len + 2);
	CHECK(!len || !memcmp(a, b, len));
}

static void check_lengths(enum aead_alg alg, const size_t *lens, size_t count)
{
	struct pair p = pair_of(alg);

	for (size_t i = 0; i < count; i++) {
		uint8_t *a = malloc(lens[i] + 1); /* exact, so that ASan watches */
		uint8_t *b = malloc(lens[i] + 1);

		check_agree(&p, a, b, lens[i]);
		free(a);
		free(b);
	}
	pair_free(&p);
}

TEST(aead_gcm_libraries_agree_up_to_4_kib)
{
	static size_t lens[4097];

	if (!crypto_has(CRYPTO_IPSEC_MB))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		lens[i] = i;
	check_lengths(AEAD_AES_128_GCM, lens, ARRAY_LEN(lens));
	check_lengths(AEAD_AES_256_GCM, lens, ARRAY_LEN(lens));
}

TEST(aead_gcm_libraries_agree_around_large_lengths)
{
	static const size_t sizes[] = {64 << 10, 1 << 20, 8 << 20};
	static const int steps[] = {-17, -16, -1, 0, 1, 16, 17};
	size_t lens[ARRAY_LEN(sizes) * ARRAY_LEN(steps)];

	if (!crypto_has(CRYPTO_IPSEC_MB))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		lens[i] = sizes[i / ARRAY_LEN(steps)] +
			  (size_t)(ssize_t)steps[i % ARRAY_LEN(steps)];
	check_lengths(AEAD_AES_128_GCM, lens, ARRAY_LEN(lens));
	check_lengths(AEAD_AES_256_GCM, lens, ARRAY_LEN(lens));
}

/* Neither before nor behind the text, the additional data, the nonce and the tag; the pages around them cannot be touched. */
TEST(aead_touches_nothing_beyond)
{
	struct fenced text = fenced_new(4096), data = fenced_new(4096);
	struct fenced nonces = fenced_new(4096), tags = fenced_new(4096);

	for (size_t i = 0; i < ARRAY_LEN(algs) * ARRAY_LEN(backends) * 2; i++) {
		enum aead_alg alg = algs[i / 2 % ARRAY_LEN(algs)];
		enum crypto_backend b = backends[i / 2 / ARRAY_LEN(algs)];
		CLEANUP(aead_key_freep) struct aead_key *s = key_of(alg, AEAD_SEAL, b);
		CLEANUP(aead_key_freep) struct aead_key *o = key_of(alg, AEAD_OPEN, b);

		for (size_t len = 0; s && o && len < 600; len++) {
			const uint8_t *nonce = fenced_at(&nonces, aead_nonce_len(alg),
							 i % 2);
			uint8_t *tag = fenced_at(&tags, AEAD_TAG_LEN, i % 2);
			struct mspan m = mspan_of(fenced_at(&text, len, i % 2), len);
			struct span aad = span_of(fenced_at(&data, len % 40, i % 2),
						  len % 40);

			CHECK_EQ(aead_seal(s, nonce, aad, m, tag), 0);
			CHECK_EQ(aead_open(o, nonce, aad, m, tag), 0);
		}
	}
	fenced_free(&text);
	fenced_free(&data);
	fenced_free(&nonces);
	fenced_free(&tags);
}

#ifdef TOUCH_ADDRESS
enum { SEE_TEXT, SEE_DATA, SEE_NONCE, SEE_TAG, SEE_COUNT };

/* One of the four lies in memory that is a byte too short. */
static void seal_with_short(const struct aead_key *k, int which)
{
	uint8_t nonce[12] = {1}, tag[AEAD_TAG_LEN], data[32] = {0}, text[160] = {0};
	uint8_t *p[] = {text, data, nonce, tag};
	static const size_t lens[] = {sizeof(text), sizeof(data), sizeof(nonce),
				      sizeof(tag)};

	p[which] = calloc(1, lens[which] - 1);
	(void)!aead_seal(k, p[SEE_NONCE], span_of(p[SEE_DATA], sizeof(data)),
			 mspan_of(p[SEE_TEXT], sizeof(text)), p[SEE_TAG]);
}

/* The address sanitizer hears of what is longer than what it lies in, though the library is hidden from it. */
TEST(aead_the_sanitizer_sees_what_is_too_long)
{
	if (!crypto_has(CRYPTO_IPSEC_MB))
		skip();
	CLEANUP(aead_key_freep)
	struct aead_key *k = key_of(AEAD_AES_128_GCM, AEAD_SEAL, CRYPTO_IPSEC_MB);
	for (int which = 0; which < SEE_COUNT; which++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			seal_with_short(k, which);
			_exit(0);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK(status != 0);
	}
}
#endif

/* NIST SP 800-38D has the empty message and one block under the zero key (test cases 1, 2, 13 and 14). */
TEST(aead_gcm_known_answers)
{
	static const uint8_t zero[32];
	static const struct {
		enum aead_alg alg;
		size_t len;
		uint8_t text[16], tag[16];
	} cases[] = {
		{AEAD_AES_128_GCM,
		 0,
		 {0},
		 {0x58, 0xE2, 0xFC, 0xCE, 0xFA, 0x7E, 0x30, 0x61, 0x36, 0x7F, 0x1D, 0x57,
		  0xA4, 0xE7, 0x45, 0x5A}},
		{AEAD_AES_128_GCM,
		 16,
		 {0x03, 0x88, 0xDA, 0xCE, 0x60, 0xB6, 0xA3, 0x92, 0xF3, 0x28, 0xC2, 0xB9,
		  0x71, 0xB2, 0xFE, 0x78},
		 {0xAB, 0x6E, 0x47, 0xD4, 0x2C, 0xEC, 0x13, 0xBD, 0xF5, 0x3A, 0x67, 0xB2,
		  0x12, 0x57, 0xBD, 0xDF}},
		{AEAD_AES_256_GCM,
		 0,
		 {0},
		 {0x53, 0x0F, 0x8A, 0xFB, 0xC7, 0x45, 0x36, 0xB9, 0xA9, 0x63, 0xB4, 0xF1,
		  0xC4, 0xCB, 0x73, 0x8B}},
		{AEAD_AES_256_GCM,
		 16,
		 {0xCE, 0xA7, 0x40, 0x3D, 0x4D, 0x60, 0x6B, 0x6E, 0x07, 0x4E, 0xC5, 0xD3,
		  0xBA, 0xF3, 0x9D, 0x18},
		 {0xD0, 0xD1, 0xC8, 0xA7, 0x99, 0x99, 0x6B, 0xF0, 0x26, 0x5B, 0x98, 0xB5,
		  0xD4, 0x8A, 0xB9, 0x19}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		enum aead_alg alg = cases[i / 2].alg;
		struct span key = span_of(zero, aead_key_len(alg));
		CLEANUP(aead_key_freep)
		struct aead_key *k = aead_key_new(alg, AEAD_SEAL, key, backends[i % 2]);
		uint8_t text[16] = {0};
		uint8_t tag[AEAD_TAG_LEN];

		if (!k) /* no ipsec-mb here */
			continue;
		CHECK_EQ(aead_seal(k, zero, span_of(NULL, 0),
				   mspan_of(text, cases[i / 2].len), tag),
			 0);
		CHECK_MEM(text, cases[i / 2].text, sizeof(text));
		CHECK_MEM(tag, cases[i / 2].tag, sizeof(tag));
	}
}

TEST(aead_every_length_opens_again)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(aead_key_freep)
		struct aead_key *s = key_of(algs[a], AEAD_SEAL, CRYPTO_OPENSSL);
		CLEANUP(aead_key_freep)
		struct aead_key *o = key_of(algs[a], AEAD_OPEN, CRYPTO_OPENSSL);

		for (size_t len = 0; len < 600; len++) {
			uint8_t text[600], want[600], tag[AEAD_TAG_LEN];
			uint8_t nonce[AEAD_NONCE_MAX_LEN] = {(uint8_t)len,
							     (uint8_t)(len >> 8)};
			struct span aad = span_of(nonce, len % 13);

			scramble(want, sizeof(want), 7);
			memcpy(text, want, sizeof(text));
			CHECK_EQ(aead_seal(s, nonce, aad, mspan_of(text, len), tag), 0);
			CHECK_MEM(text + len, want + len, sizeof(text) - len);
			CHECK_EQ(aead_open(o, nonce, aad, mspan_of(text, len), tag), 0);
			CHECK_MEM(text, want, sizeof(text));
		}
	}
}

/* What a failed open leaves behind must not disturb the next one on the same context. */
TEST(aead_forgery_is_refused_wiped_and_forgotten)
{
	for (size_t i = 0; i < ARRAY_LEN(algs) * 2; i++) {
		enum aead_alg alg = algs[i / 2];
		CLEANUP(aead_key_freep)
		struct aead_key *s = key_of(alg, AEAD_SEAL, CRYPTO_OPENSSL);
		CLEANUP(aead_key_freep)
		struct aead_key *o = key_of(alg, AEAD_OPEN, backends[i % 2]);
		uint8_t nonce[AEAD_NONCE_MAX_LEN] = {5};
		struct span aad = BYTES(1, 2, 3);
		uint8_t good[100], text[100], tag[AEAD_TAG_LEN];
		static const uint8_t zero[100];

		if (!o)
			continue;
		scramble(good, sizeof(good), 1);
		CHECK_EQ(aead_seal(s, nonce, aad, mspan_of(good, 100), tag), 0);
		for (size_t bit = 0; bit < sizeof(tag) * 8; bit++) {
			memcpy(text, good, sizeof(text));
			tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_EQ(aead_open(o, nonce, aad, mspan_of(text, 100), tag),
				 -EBADMSG);
			CHECK_MEM(text, zero, sizeof(text));
			tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		memcpy(text, good, sizeof(text));
		CHECK_EQ(aead_open(o, nonce, BYTES(1, 2, 4), mspan_of(text, 100), tag),
			 -EBADMSG);
		CHECK_EQ(aead_open(o, nonce, aad, mspan_of(good, 100), tag), 0);
	}
}

TEST(aead_key_serves_one_direction)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		CLEANUP(aead_key_freep)
		struct aead_key *s = key_of(algs[i], AEAD_SEAL, CRYPTO_FASTEST);
		CLEANUP(aead_key_freep)
		struct aead_key *o = key_of(algs[i], AEAD_OPEN, CRYPTO_FASTEST);
		uint8_t text[16] = {0}, tag[AEAD_TAG_LEN] = {0};
		uint8_t nonce[AEAD_NONCE_MAX_LEN] = {0};

		CHECK_EQ(aead_seal(o, nonce, span_of(NULL, 0), mspan_of(text, 16), tag),
			 -EIO);
		CHECK_EQ(aead_open(s, nonce, span_of(NULL, 0), mspan_of(text, 16), tag),
			 -EIO);
	}
}

TEST(aead_lengths_of_keys_and_nonces)
{
	static const struct {
		enum aead_alg alg;
		size_t key_len, nonce_len;
	} lens[] = {
		{AEAD_AES_128_CCM, 16, 11},
		{AEAD_AES_128_GCM, 16, 12},
		{AEAD_AES_256_CCM, 32, 11},
		{AEAD_AES_256_GCM, 32, 12},
	};
	static const uint8_t key[64];

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		CHECK_EQ(aead_key_len(lens[i].alg), lens[i].key_len);
		CHECK_EQ(aead_nonce_len(lens[i].alg), lens[i].nonce_len);
		for (size_t len = 0; len <= sizeof(key); len++) {
			struct aead_key *k = aead_key_new(lens[i].alg, AEAD_SEAL,
							  span_of(key, len),
							  CRYPTO_FASTEST);

			CHECK_EQ(k != NULL, len == lens[i].key_len);
			aead_key_free(k);
		}
	}
	CHECK(!aead_key_new(AEAD_AES_128_CCM, AEAD_SEAL, span_of(key, 16),
			    CRYPTO_IPSEC_MB)); /* it has no CCM of any length */
}

/* ---- one key, many threads --------------------------------------------------------------------- */

struct worker {
	const struct aead_key *seal, *open;
	uint8_t id;
	int failures;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	for (uint32_t i = 0; i < 400; i++) {
		uint8_t nonce[AEAD_NONCE_MAX_LEN] = {w->id, (uint8_t)i,
						     (uint8_t)(i >> 8)};
		uint8_t text[700], want[700], tag[AEAD_TAG_LEN];

		scramble(want, sizeof(want), i + w->id);
		memcpy(text, want, sizeof(text));
		if (aead_seal(w->seal, nonce, span_of(nonce, 12),
			      mspan_of(text, sizeof(text)), tag) ||
		    aead_open(w->open, nonce, span_of(nonce, 12),
			      mspan_of(text, sizeof(text)), tag) ||
		    memcmp(text, want, sizeof(text)))
			w->failures++;
	}
	return NULL;
}

TEST(aead_one_key_serves_many_threads)
{
	enum { THREADS = 8 }; /* more than a key has spare contexts */

	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		CLEANUP(aead_key_freep)
		struct aead_key *s = key_of(algs[i], AEAD_SEAL, CRYPTO_OPENSSL);
		CLEANUP(aead_key_freep)
		struct aead_key *o = key_of(algs[i], AEAD_OPEN, CRYPTO_OPENSSL);
		struct worker w[THREADS];
		pthread_t t[THREADS];

		for (size_t n = 0; n < THREADS; n++) {
			w[n] = (struct worker){.seal = s, .open = o, .id = (uint8_t)n};
			CHECK_EQ(pthread_create(&t[n], NULL, work, &w[n]), 0);
		}
		for (size_t n = 0; n < THREADS; n++) {
			pthread_join(t[n], NULL);
			CHECK_EQ(w[n].failures, 0);
		}
	}
}

/* ---- from memory of others --------------------------------------------------------------------- */

enum { HEAD_LEN = 80 };

/* Sealed by ipsec-mb as one, from two places; the same by OpenSSL in place. */
static void check_from(enum aead_alg alg, size_t head_len, size_t len, size_t shift)
{
	CLEANUP(aead_key_freep)
	struct aead_key *k = key_of(alg, AEAD_SEAL, CRYPTO_IPSEC_MB);
	CLEANUP(aead_key_freep)
	struct aead_key *plain = key_of(alg, AEAD_SEAL, CRYPTO_OPENSSL);
	uint8_t *from = malloc(len + shift + 1), *a = malloc(head_len + len + 1),
		*b = malloc(head_len + len + 1);
	uint8_t nonce[AEAD_NONCE_MAX_LEN] = {(uint8_t)len}, aad[AAD_LEN] = {1};
	uint8_t tag_a[AEAD_TAG_LEN], tag_b[AEAD_TAG_LEN];

	scramble(b, head_len + len, (uint32_t)len);
	memcpy(a, b, head_len);
	memcpy(from + shift, b + head_len, len);
	CHECK_EQ(aead_seal_from(k, nonce, span_of(aad, AAD_LEN),
				mspan_of(a, head_len + len), span_of(from + shift, len),
				tag_a),
		 0);
	CHECK_EQ(aead_seal(plain, nonce, span_of(aad, AAD_LEN),
			   mspan_of(b, head_len + len), tag_b),
		 0);
	CHECK_MEM(a, b, head_len + len);
	CHECK_MEM(tag_a, tag_b, sizeof(tag_a));
	free(from);
	free(a);
	free(b);
}

TEST(aead_from_elsewhere_is_as_in_place)
{
	static const size_t large[] = {65535, 65536, 65537, 1 << 20, (1 << 20) + 13};

	if (!crypto_has(CRYPTO_IPSEC_MB))
		skip();
	CHECK_EQ(fault_catch(), 0);
	for (size_t len = 1; len < 600; len++) {
		check_from(AEAD_AES_128_GCM, HEAD_LEN, len, len % 17);
		check_from(AEAD_AES_256_GCM, len % 97, len, 0); /* any head */
	}
	for (size_t i = 0; i < ARRAY_LEN(large); i++)
		check_from(AEAD_AES_128_GCM, HEAD_LEN, large[i], i);
}

struct unrest {
	_Atomic uint8_t *p;
	size_t len;
	atomic_bool stop;
};

static void *change_on(void *arg)
{
	struct unrest *u = arg;

	for (uint8_t x = 1; !atomic_load(&u->stop); x++)
		for (size_t i = 0; i < u->len; i++)
			atomic_store_explicit(&u->p[i], (uint8_t)(x + i),
					      memory_order_relaxed);
	return NULL;
}

static bool has_changed(const uint8_t *sealed, _Atomic uint8_t *now, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (sealed[i] != atomic_load_explicit(&now[i], memory_order_relaxed))
			return true;
	return false;
}

/* That what is hashed is what was written, not what is read a second time: or clients would find the tag wrong. */
TEST(aead_bytes_that_change_while_they_are_sealed)
{
	enum { LEN = 64 << 10, TIMES = 500 };
	static _Atomic uint8_t shared[LEN];
	static uint8_t text[HEAD_LEN + LEN];
	struct unrest u = {.p = shared, .len = LEN};
	size_t changed = 0; /* else this would show nothing */
	pthread_t t;

	if (!crypto_has(CRYPTO_IPSEC_MB))
		skip();
	CHECK_EQ(fault_catch(), 0);
	CHECK_EQ(pthread_create(&t, NULL, change_on, &u), 0);
	for (size_t i = 0; i < TIMES * 2 || !changed; i++) {
		enum aead_alg alg = i % 2 ? AEAD_AES_256_GCM : AEAD_AES_128_GCM;
		CLEANUP(aead_key_freep)
		struct aead_key *s = key_of(alg, AEAD_SEAL, CRYPTO_IPSEC_MB);
		CLEANUP(aead_key_freep)
		struct aead_key *o = key_of(alg, AEAD_OPEN, CRYPTO_IPSEC_MB);
		uint8_t nonce[AEAD_NONCE_MAX_LEN] = {(uint8_t)i, (uint8_t)(i >> 8)};
		uint8_t tag[AEAD_TAG_LEN];
		size_t off = i % 61, len = i % 3 ? LEN - off : 1 + i % 300;
		struct mspan m = mspan_of(text, HEAD_LEN + len);

		CHECK_EQ(aead_seal_from(s, nonce, span_of(NULL, 0), m,
					span_of((uint8_t *)shared + off, len), tag),
			 0);
		CHECK_EQ(aead_open(o, nonce, span_of(NULL, 0), m, tag), 0);
		changed += has_changed(text + HEAD_LEN, shared + off, len);
	}
	atomic_store(&u.stop, true);
	pthread_join(t, NULL);
}

TEST(aead_what_is_not_there_is_not_sealed)
{
	static uint8_t text[HEAD_LEN + 3 * 4096];
	int fd = memfd_create("cut", MFD_CLOEXEC);
	uint8_t nonce[AEAD_NONCE_MAX_LEN] = {1}, tag[AEAD_TAG_LEN],
		none[AEAD_TAG_LEN] = {0};
	uint8_t *p;

	if (!crypto_has(CRYPTO_IPSEC_MB))
		skip();
	CHECK_EQ(fault_catch(), 0);
	CHECK_EQ(ftruncate(fd, 2 * 4096), 0);
	p = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CLEANUP(aead_key_freep)
	struct aead_key *k = key_of(AEAD_AES_128_GCM, AEAD_SEAL, CRYPTO_IPSEC_MB);
	for (size_t len = 2 * 4096 - 70; len < 2 * 4096 + 70; len++) {
		int err = len > 2 * 4096 ? -EFAULT : 0;

		CHECK_EQ(aead_seal_from(k, nonce, span_of(NULL, 0),
					mspan_of(text, HEAD_LEN + len), span_of(p, len),
					tag),
			 err);
		CHECK_EQ(memcmp(tag, none, sizeof(tag)) == 0, err != 0);
	}
	munmap(p, 3 * 4096);
	close(fd);
}

TEST(aead_only_gcm_of_ipsec_mb_reads_from_elsewhere)
{
	CHECK_EQ(fault_catch(), 0);
	for (size_t a = 0; a < ARRAY_LEN(algs); a++)
		for (size_t b = 0; b < ARRAY_LEN(backends); b++)
			for (int use = AEAD_OPEN; use <= AEAD_SEAL; use++) {
				CLEANUP(aead_key_freep)
				struct aead_key *k = key_of(algs[a], (enum aead_use)use,
							    backends[b]);
				uint8_t text[32] = {0}, nonce[12] = {0}, tag[16];
				bool may = use == AEAD_SEAL &&
					   backends[b] == CRYPTO_IPSEC_MB;

				if (!k)
					continue;
				CHECK_EQ(aead_seals_from(k), may);
				CHECK_EQ(aead_seal_from(k, nonce, span_of(NULL, 0),
							mspan_of(text, 32),
							span_of(nonce, 12), tag),
					 may ? 0 : -EIO);
			}
}

TEST_MAIN()
