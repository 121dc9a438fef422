/* test_mac_many.c - many MACs at once, in every way there is, with OpenSSL's EVP_MAC as the judge */
#include "fenced.h"
#include "test.h"

#include "base/secret.h"
#include "crypto/mac.h"
#include "crypto/touch.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS = 5, PARTS_MAX = 9 };

/* GMAC is computed one by one; test_mac.c has it. */
static const struct {
	enum mac_alg alg;
	enum crypto_backend backend;
} ways[] = {
	{MAC_AES_128_CMAC, CRYPTO_OPENSSL}, {MAC_AES_128_CMAC, CRYPTO_AESNI},
	{MAC_AES_128_CMAC, CRYPTO_VAES},    {MAC_HMAC_SHA256, CRYPTO_OPENSSL},
	{MAC_HMAC_SHA256, CRYPTO_SHANI},
};

/* ---- chance that repeats ---- */

static uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)*seed * below) >> 32);
}

static void scramble(uint8_t *p, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)chance(&seed, 256);
}

/* ---- keys, and the judge ---- */

static void key_bytes(size_t n, uint8_t ret_key[MAC_AES_KEY_LEN])
{
	scramble(ret_key, MAC_AES_KEY_LEN, (uint32_t)n + 77);
}

static struct mac_key *key_of(enum mac_alg alg, size_t n, enum crypto_backend b)
{
	uint8_t key[MAC_AES_KEY_LEN];

	key_bytes(n, key);
	return mac_key_new(alg, span_of(key, sizeof(key)), b);
}

/* KEYS keys for each way that is here; NULL: it is not. */
struct keys {
	struct mac_key *k[ARRAY_LEN(ways)][KEYS];
};

static struct keys keys_make(void)
{
	struct keys all;

	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		for (size_t n = 0; n < KEYS; n++) {
			all.k[w][n] = key_of(ways[w].alg, n, ways[w].backend);
			CHECK_EQ(all.k[w][n] != NULL, crypto_has(ways[w].backend));
		}
	}
	return all;
}

static void keys_free(struct keys *all)
{
	for (size_t w = 0; w < ARRAY_LEN(ways); w++)
		for (size_t n = 0; n < KEYS; n++)
			mac_key_free(all->k[w][n]);
}

/* The MAC under key n by EVP_MAC, of which src/crypto uses nothing. */
static void judge(enum mac_alg alg, size_t n, struct span msg,
		  uint8_t ret_tag[MAC_TAG_LEN])
{
	bool cmac = alg == MAC_AES_128_CMAC;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, cmac ? "CMAC" : "HMAC", NULL);
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
	char cipher[] = "AES-128-CBC", digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(cmac ? "cipher" : "digest",
						 cmac ? cipher : digest, 0),
		OSSL_PARAM_construct_end()};
	uint8_t key[MAC_AES_KEY_LEN], whole[HMAC_SHA256_LEN];
	size_t len;

	key_bytes(n, key);
	CHECK_EQ(EVP_MAC_init(c, key, sizeof(key), params), 1);
	CHECK_EQ(EVP_MAC_update(c, msg.p, msg.len), 1);
	CHECK_EQ(EVP_MAC_final(c, whole, &len, sizeof(whole)), 1);
	memcpy(ret_tag, whole, MAC_TAG_LEN);
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
}

/* ---- a batch ---- */

struct message {
	struct span whole;
	size_t key;
	struct span parts[PARTS_MAX];
	uint8_t want[2][MAC_TAG_LEN]; /* by algorithm: HMAC and CMAC */
	uint8_t got[MAC_TAG_LEN];
};

struct batch {
	size_t count;
	struct message *m;
	struct mac_job *jobs;
};

static struct batch batch_new(size_t count)
{
	return (struct batch){.count = count,
			      .m = calloc(count, sizeof(struct message)),
			      .jobs = calloc(count, sizeof(struct mac_job))};
}

static void batch_free(struct batch *b)
{
	free(b->m);
	free(b->jobs);
}

/* Message i is these bytes under key n, in one part. */
static void batch_set(struct batch *b, size_t i, struct span whole, size_t n)
{
	b->m[i].whole = whole;
	b->m[i].key = n;
	b->m[i].parts[0] = whole;
	b->jobs[i] = (struct mac_job){
		.parts = b->m[i].parts, .part_count = 1, .ret_tag = b->m[i].got};
	judge(MAC_HMAC_SHA256, n, whole, b->m[i].want[MAC_HMAC_SHA256]);
	judge(MAC_AES_128_CMAC, n, whole, b->m[i].want[MAC_AES_128_CMAC]);
}

/* Cut message i up to PARTS_MAX - 1 times, often near the last cut or at it. */
static void batch_cut(struct batch *b, size_t i, uint32_t *seed)
{
	struct message *m = &b->m[i];
	size_t count = 1 + chance(seed, PARTS_MAX);
	struct span rest = m->whole;

	for (size_t p = 0; p + 1 < count; p++) {
		size_t most = chance(seed, 2) ? rest.len : 40;
		struct span s = span_head(rest, chance(seed, (uint32_t)most + 1));

		m->parts[p] = s;
		rest = span_from(rest, s.len);
	}
	m->parts[count - 1] = rest;
	b->jobs[i].part_count = count;
}

static void batch_check(struct batch *b, const struct keys *keys)
{
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		if (!keys->k[w][0])
			continue;
		for (size_t i = 0; i < b->count; i++) {
			b->jobs[i].key = keys->k[w][b->m[i].key];
			memset(b->m[i].got, 0, MAC_TAG_LEN);
		}
		mac_compute_many(b->jobs, b->count);
		for (size_t i = 0; i < b->count; i++) {
			CHECK_EQ(b->jobs[i].err, 0);
			CHECK_MEM(b->m[i].got, b->m[i].want[ways[w].alg], MAC_TAG_LEN);
		}
	}
}

/* ---- lengths, cuts, numbers ---- */

TEST(mac_many_every_length_up_to_4_kib)
{
	enum { MOST = 4096 };
	static uint8_t bytes[MOST];
	struct keys keys = keys_make();
	struct batch b = batch_new(MOST + 1);
	uint32_t seed = 1;

	scramble(bytes, sizeof(bytes), 1);
	for (size_t len = 0; len <= MOST; len++) {
		batch_set(&b, len, span_of(bytes, len), len % KEYS);
		batch_cut(&b, len, &seed);
	}
	batch_check(&b, &keys);
	batch_free(&b);
	keys_free(&keys);
}

TEST(mac_many_around_large_lengths)
{
	static const size_t sizes[] = {64 << 10, 1 << 20, 8 << 20};
	static const int steps[] = {-17, -16, -15, -1, 0, 1, 15, 16, 17};
	struct keys keys = keys_make();
	struct batch b = batch_new(ARRAY_LEN(sizes) * ARRAY_LEN(steps));
	uint8_t *bytes = malloc((8 << 20) + 64);
	uint32_t seed = 2;

	scramble(bytes, (8 << 20) + 64, 2);
	for (size_t i = 0; i < b.count; i++) {
		size_t len = sizes[i / ARRAY_LEN(steps)] +
			     (size_t)(ssize_t)steps[i % ARRAY_LEN(steps)];

		batch_set(&b, i, span_of(bytes + i, len), i % KEYS);
		batch_cut(&b, i, &seed);
	}
	batch_check(&b, &keys);
	batch_free(&b);
	keys_free(&keys);
	free(bytes);
}

/* From one alone over every width of kernel to more than are done at once. */
TEST(mac_many_any_number)
{
	enum { MOST = 2000 };
	static uint8_t bytes[MOST];
	struct keys keys = keys_make();
	uint32_t seed = 3;

	scramble(bytes, sizeof(bytes), 3);
	for (size_t count = 0; count <= 2 * MAC_MANY_MAX + 1; count++) {
		struct batch b = batch_new(count);

		for (size_t i = 0; i < count; i++) {
			size_t len = chance(&seed, count % 2 ? MOST : 70);

			batch_set(&b, i, span_of(bytes, len), chance(&seed, KEYS));
			batch_cut(&b, i, &seed);
		}
		batch_check(&b, &keys);
		batch_free(&b);
	}
	keys_free(&keys);
}

/* Whoever is long must not be hurt by those who come and go beside it, wherever it stands. */
TEST(mac_many_one_long_among_short_ones)
{
	enum { COUNT = 40, LONG = 100000 };
	static uint8_t bytes[LONG];
	struct keys keys = keys_make();
	uint32_t seed = 4;

	scramble(bytes, sizeof(bytes), 4);
	for (size_t at = 0; at < COUNT; at += 3) {
		struct batch b = batch_new(COUNT);

		for (size_t i = 0; i < COUNT; i++) {
			size_t len = i == at ? LONG : chance(&seed, 300);

			batch_set(&b, i, span_of(bytes, len), i % KEYS);
			batch_cut(&b, i, &seed);
		}
		batch_check(&b, &keys);
		batch_free(&b);
	}
	keys_free(&keys);
}

TEST(mac_many_random_mixtures)
{
	enum { ROUNDS = 150, MOST = 20000 };
	static uint8_t bytes[MOST + 64];
	struct keys keys = keys_make();
	uint32_t seed = 5;

	scramble(bytes, sizeof(bytes), 5);
	for (int r = 0; r < ROUNDS; r++) {
		struct batch b = batch_new(1 + chance(&seed, 48));

		for (size_t i = 0; i < b.count; i++) {
			size_t len = chance(&seed, chance(&seed, 4) ? 600 : MOST);

			batch_set(&b, i, span_of(bytes + chance(&seed, 64), len),
				  chance(&seed, KEYS));
			batch_cut(&b, i, &seed);
		}
		batch_check(&b, &keys);
		batch_free(&b);
	}
	keys_free(&keys);
}

/* ---- nothing is read that is not the message ---- */

TEST(mac_many_reads_nothing_beyond)
{
	enum { COUNT = 17, FENCED = 8192 };
	struct keys keys = keys_make();
	struct fenced f[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		f[i] = fenced_new(FENCED);
		scramble(f[i].p, FENCED, (uint32_t)i);
	}
	for (size_t len = 0; len < 300; len++) {
		struct batch b = batch_new(2 * COUNT);

		for (size_t i = 0; i < COUNT; i++) {
			size_t n = len + (i % 4) * 64;
			struct message *m = &b.m[2 * i];

			/* begins at the first byte there is; ends with the last, in two parts that do so */
			batch_set(&b, 2 * i + 1, span_of(fenced_at(&f[i], n, false), n),
				  i % KEYS);
			batch_set(&b, 2 * i, span_of(fenced_at(&f[i], n, true), n),
				  i % KEYS);
			m->parts[0] = span_head(m->whole, n / 3);
			m->parts[1] = span_from(m->whole, n / 3);
			b.jobs[2 * i].part_count = 2;
		}
		batch_check(&b, &keys);
		batch_free(&b);
	}
	for (size_t i = 0; i < COUNT; i++)
		fenced_free(&f[i]);
	keys_free(&keys);
}

#ifdef TOUCH_ADDRESS
/* The address sanitizer hears of a part that is longer than what it lies in, though kernels are hidden from it. */
TEST(mac_many_the_sanitizer_sees_a_part_that_is_too_long)
{
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		struct mac_key *key = key_of(ways[w].alg, 0, ways[w].backend);
		uint8_t *bytes = calloc(1, 160);
		struct span part = span_of(bytes, 161);
		uint8_t tag[MAC_TAG_LEN];
		struct mac_job jobs[2] = {
			{.key = key, .parts = &part, .part_count = 1, .ret_tag = tag},
			{.key = key, .parts = &part, .part_count = 1, .ret_tag = tag}};
		pid_t child = key ? fork() : 0;
		int status;

		if (key && child == 0) {
			mac_compute_many(jobs, 2);
			_exit(0);
		}
		if (key) {
			CHECK_EQ(waitpid(child, &status, 0), child);
			CHECK(status != 0);
		}
		free(bytes);
		mac_key_free(key);
	}
}
#endif

TEST(mac_many_messages_of_their_exact_size)
{
	enum { COUNT = 24 };
	struct keys keys = keys_make();
	struct batch b = batch_new(COUNT);
	uint8_t *bytes[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		size_t len = 1 + i * 13;

		bytes[i] = malloc(len);
		scramble(bytes[i], len, (uint32_t)i);
		batch_set(&b, i, span_of(bytes[i], len), i % KEYS);
	}
	batch_check(&b, &keys);
	for (size_t i = 0; i < COUNT; i++)
		free(bytes[i]);
	batch_free(&b);
	keys_free(&keys);
}

/* ---- mixtures of algorithms, failures ---- */

TEST(mac_many_any_algorithms_together)
{
	enum { COUNT = 3 * 20 };
	static const enum mac_alg algs[] = {MAC_HMAC_SHA256, MAC_AES_128_CMAC,
					    MAC_AES_128_GMAC};
	static const uint8_t nonce[MAC_GMAC_NONCE_LEN] = {4, 2};
	static uint8_t bytes[COUNT * 50];
	struct mac_key *keys[COUNT];
	struct span parts[COUNT];
	struct mac_job jobs[COUNT];
	uint8_t tags[COUNT][MAC_TAG_LEN];

	scramble(bytes, sizeof(bytes), 6);
	for (size_t i = 0; i < COUNT; i++) {
		size_t w = i / 3 % ARRAY_LEN(ways);
		bool fits = ways[w].alg == algs[i % 3] && crypto_has(ways[w].backend);

		keys[i] = key_of(algs[i % 3], i % KEYS,
				 fits ? ways[w].backend : CRYPTO_FASTEST);
		parts[i] = span_of(bytes, i * 50);
		jobs[i] = (struct mac_job){.key = keys[i],
					   .nonce = nonce,
					   .parts = &parts[i],
					   .part_count = 1,
					   .ret_tag = tags[i]};
	}
	mac_compute_many(jobs, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		uint8_t want[MAC_TAG_LEN];

		CHECK_EQ(jobs[i].err, 0);
		CHECK_EQ(mac_compute(keys[i], nonce, &parts[i], 1, want), 0);
		CHECK_MEM(tags[i], want, sizeof(want));
		mac_key_free(keys[i]);
	}
}

/* What cannot be computed says so and leaves its tag alone; its neighbours are right. */
TEST(mac_many_a_failure_is_its_own)
{
	static const struct span wrong[] = {{NULL, 16},
					    {(const uint8_t *)"", INT_MAX + 1ull}};
	struct keys keys = keys_make();
	uint8_t bytes[100];

	scramble(bytes, sizeof(bytes), 7);
	for (size_t i = 0; i < ARRAY_LEN(ways) * ARRAY_LEN(wrong); i++) {
		enum mac_alg alg = ways[i / ARRAY_LEN(wrong)].alg;
		struct mac_key *const *k = keys.k[i / ARRAY_LEN(wrong)];
		struct batch b = batch_new(3);
		uint8_t untouched[MAC_TAG_LEN] = {0};

		if (!k[0])
			continue;
		for (size_t n = 0; n < 3; n++) {
			batch_set(&b, n, span_of(bytes, sizeof(bytes)), n);
			b.jobs[n].key = k[n];
		}
		b.m[1].parts[0] = wrong[i % ARRAY_LEN(wrong)];
		mac_compute_many(b.jobs, 3);
		CHECK_EQ(b.jobs[0].err, 0);
		CHECK_EQ(b.jobs[1].err, -EIO);
		CHECK_EQ(b.jobs[2].err, 0);
		CHECK_MEM(b.m[0].got, b.m[0].want[alg], MAC_TAG_LEN);
		CHECK_MEM(b.m[1].got, untouched, MAC_TAG_LEN);
		CHECK_MEM(b.m[2].got, b.m[2].want[alg], MAC_TAG_LEN);
		batch_free(&b);
	}
	keys_free(&keys);
}

TEST(mac_many_keys_leave_nothing_behind)
{
	size_t before = secret_count();
	struct keys keys = keys_make();

	CHECK(secret_count() > before);
	keys_free(&keys);
	CHECK_EQ(secret_count(), before);
}

/* ---- one key, many threads ---- */

static void *work(void *arg)
{
	struct batch *b = arg;

	for (int i = 0; i < 100; i++)
		mac_compute_many(b->jobs, b->count);
	return NULL;
}

TEST(mac_many_one_key_serves_many_threads)
{
	enum { THREADS = 6, COUNT = 10 };
	struct keys keys = keys_make();
	static uint8_t bytes[1000];

	scramble(bytes, sizeof(bytes), 8);
	for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
		struct batch b[THREADS];
		pthread_t t[THREADS];

		for (size_t n = 0; n < THREADS && keys.k[k][0]; n++) {
			b[n] = batch_new(COUNT);
			for (size_t i = 0; i < COUNT; i++) {
				batch_set(&b[n], i, span_of(bytes, 100 * i + n),
					  i % KEYS);
				b[n].jobs[i].key = keys.k[k][i % KEYS];
			}
			CHECK_EQ(pthread_create(&t[n], NULL, work, &b[n]), 0);
		}
		for (size_t n = 0; n < THREADS && keys.k[k][0]; n++) {
			pthread_join(t[n], NULL);
			for (size_t i = 0; i < COUNT; i++)
				CHECK_MEM(b[n].m[i].got, b[n].m[i].want[ways[k].alg],
					  MAC_TAG_LEN);
			batch_free(&b[n]);
		}
	}
	keys_free(&keys);
}

TEST_MAIN()
