/*
 * sign.c - signatures of several messages together: GB/s of each kernel beside OpenSSL, one thread.
 *
 * Usage: bench_sign [MILLISECONDS a cell and round, default 20]. CPU time is measured, the kernels taking turns in each of
 * seven rounds, and the best counts; the ratios are what to look at. Every message has a key and a buffer of its own and
 * lies in two parts, as secure/sign.c hands them over.
 */
#include "crypto/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 7, MESSAGES_MAX = 64, HEADER_LEN = 64 };

/* Lengths that take turns: what a client that lists, reads and writes leaves waiting. */
static const size_t mixed[] = {136, 64 << 10, 4 << 10, 1 << 20,   200,      16 << 10,
			       80,  1 << 10,  512,     256 << 10, 64 << 10, 4 << 10};

static const struct {
	const char *name;
	size_t len; /* 0: mixed */
} shapes[] = {{"200 B", 200},
	      {"4 KiB", 4 << 10},
	      {"64 KiB", 64 << 10},
	      {"1 MiB", 1 << 20},
	      {"mixed", 0}};

static const size_t counts[] = {1, 2, 4, 8, 16, 17, 64};

static const struct {
	enum mac_alg alg;
	enum crypto_backend backend;
	const char *name;
} methods[] = {
	{MAC_AES_128_CMAC, CRYPTO_OPENSSL, "CMAC, OpenSSL"},
	{MAC_AES_128_CMAC, CRYPTO_AESNI, "CMAC, AES-NI"},
	{MAC_AES_128_CMAC, CRYPTO_VAES, "CMAC, VAES"},
	{MAC_HMAC_SHA256, CRYPTO_OPENSSL, "HMAC, OpenSSL"},
	{MAC_HMAC_SHA256, CRYPTO_SHANI, "HMAC, SHA-NI"},
};

struct messages {
	struct span parts[MESSAGES_MAX][2];
	struct mac_job jobs[MESSAGES_MAX];
	uint8_t tags[MESSAGES_MAX][MAC_TAG_LEN];
	size_t count;
	size_t bytes;
};

/* Best seconds so far of each method, for one cell of the table. */
struct cell {
	struct mac_key *keys[ARRAY_LEN(methods)][MESSAGES_MAX];
	double best[ARRAY_LEN(methods)];
};

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void keys_make(struct cell *c, size_t method)
{
	for (size_t i = 0; i < MESSAGES_MAX; i++) {
		uint8_t key[MAC_AES_KEY_LEN] = {(uint8_t)i, 1};

		c->keys[method][i] = mac_key_new(methods[method].alg,
						 span_of(key, sizeof(key)),
						 methods[method].backend);
	}
}

static void messages_of(struct messages *m, uint8_t *const bufs[], size_t len,
			size_t count)
{
	*m = (struct messages){.count = count};
	for (size_t i = 0; i < count; i++) {
		size_t n = len ? len : mixed[i % ARRAY_LEN(mixed)];

		m->parts[i][0] = span_of(bufs[i], HEADER_LEN);
		m->parts[i][1] = span_of(bufs[i] + HEADER_LEN, n - HEADER_LEN);
		m->jobs[i] = (struct mac_job){
			.parts = m->parts[i], .part_count = 2, .ret_tag = m->tags[i]};
		m->bytes += n;
	}
}

/* Seconds for all of m, once. */
static double measure(struct messages *m, struct mac_key *const keys[], double seconds)
{
	double start = cpu_seconds(), spent = 0;
	size_t done = 0;

	for (size_t i = 0; i < m->count; i++)
		m->jobs[i].key = keys[i];
	while (spent < seconds) {
		for (size_t n = 0; n <= (256 << 10) / m->bytes; n++, done++)
			mac_compute_many(m->jobs, m->count);
		spent = cpu_seconds() - start;
	}
	return spent / (double)done;
}

static void report(struct cell *c, uint8_t *const bufs[], size_t shape, size_t count,
		   double seconds)
{
	struct messages m;

	messages_of(&m, bufs, shapes[shape].len, count);
	for (int r = 0; r < ROUNDS; r++) {
		for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
			double s = c->keys[k][0] ? measure(&m, c->keys[k], seconds) : 0;

			if (r == 0 || s < c->best[k])
				c->best[k] = s;
		}
	}
	printf("%-8s %8zu", shapes[shape].name, count);
	for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
		if (c->keys[k][0])
			printf(" %7.2f (%5.2f)", (double)m.bytes / c->best[k] / 1e9,
			       c->best[0] / c->best[k]);
		else
			printf(" %15s", "-");
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	double seconds = (argc > 1 ? strtod(argv[1], NULL) : 20) / 1000;
	uint8_t *bufs[MESSAGES_MAX];
	static struct cell c;

	if (seconds <= 0)
		return 2;
	for (size_t i = 0; i < MESSAGES_MAX; i++)
		if (!(bufs[i] = calloc(1, 1 << 20)))
			return 2;
	printf("%s\nGB/s of CPU time (and times the first column)\n%-8s %8s",
	       crypto_description(), "", "messages");
	for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
		keys_make(&c, k);
		printf(" %15s", methods[k].name);
	}
	printf("\n");
	for (size_t s = 0; s < ARRAY_LEN(shapes); s++)
		for (size_t n = 0; n < ARRAY_LEN(counts); n++)
			report(&c, bufs, s, counts[n], seconds);
	for (size_t k = 0; k < ARRAY_LEN(methods); k++)
		for (size_t i = 0; i < MESSAGES_MAX; i++)
			mac_key_free(c.keys[k][i]);
	for (size_t i = 0; i < MESSAGES_MAX; i++)
		free(bufs[i]);
	return 0;
}
