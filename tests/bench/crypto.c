/*
 * crypto.c - GB/s of each primitive on each library, one message at a time on one thread.
 *
 * Usage: bench_crypto [MILLISECONDS a cell, default 30]. CPU time is measured, so other programs disturb little;
 * of five rounds the best counts. The keys, nonces and buffers are the same throughout: what is measured is
 * src/crypto, its per-message cost included.
 */
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 5, BATCH = 16 };

static const size_t sizes[] = {256, 4 << 10, 64 << 10, 1 << 20};

/* One thing to measure: run works on one message and returns 0. */
struct work {
	int (*run)(const struct work *w, struct mspan text);
	const struct aead_key *aead;
	const struct mac_key *mac;
};

static int run_seal(const struct work *w, struct mspan text)
{
	static const uint8_t nonce[AEAD_NONCE_MAX_LEN];
	static const uint8_t aad[32];
	uint8_t tag[AEAD_TAG_LEN];

	return aead_seal(w->aead, nonce, span_of(aad, sizeof(aad)), text, tag);
}

static int run_mac(const struct work *w, struct mspan text)
{
	static const uint8_t nonce[MAC_GMAC_NONCE_LEN];
	const struct span part = span_of_m(text);
	uint8_t tag[MAC_TAG_LEN];

	return mac_compute(w->mac, nonce, &part, 1, tag);
}

/* A message as sign_verify() hands it over: a copy of the header, then the rest. */
static int run_mac_parts(const struct work *w, struct mspan text)
{
	static const uint8_t nonce[MAC_GMAC_NONCE_LEN];
	const struct span parts[] = {span_of(text.p, 64),
				     span_of(text.p + 64, text.len - 64)};
	uint8_t tag[MAC_TAG_LEN];

	return mac_compute(w->mac, nonce, parts, ARRAY_LEN(parts), tag);
}

static int run_sha512(const struct work *w, struct mspan text)
{
	const struct span part = span_of_m(text);
	uint8_t hash[SHA512_LEN];

	return sha512(&part, 1, hash);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds a message, the best of the rounds. */
static double measure(const struct work *w, struct mspan text, double seconds)
{
	double best = 1e9;

	for (int r = 0; r < ROUNDS; r++) {
		double start = cpu_seconds();
		double spent = 0;
		size_t count = 0;

		while (spent < seconds / ROUNDS) {
			for (int i = 0; i < BATCH; i++) {
				if (w->run(w, text))
					abort();
			}
			count += BATCH;
			spent = cpu_seconds() - start;
		}
		if (spent / (double)count < best)
			best = spent / (double)count;
	}
	return best;
}

static void report(const char *name, const char *library, const struct work *w,
		   uint8_t *buf, double seconds)
{
	printf("%-22s %-9s", name, library);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		double s = measure(w, mspan_of(buf, sizes[i]), seconds);

		printf(" %8.2f", (double)sizes[i] / s / 1e9);
		if (sizes[i] == 256)
			printf(" (%4.0f ns)", s * 1e9);
	}
	printf("\n");
}

static const struct {
	enum crypto_backend backend;
	const char *name;
} libraries[] = {{CRYPTO_OPENSSL, "OpenSSL"}, {CRYPTO_IPSEC_MB, "ipsec-mb"}};

static void bench_aead(enum aead_alg alg, const char *name, uint8_t *buf, double seconds)
{
	static const uint8_t key[AEAD_KEY_MAX_LEN] = {1};

	for (size_t l = 0; l < ARRAY_LEN(libraries); l++) {
		CLEANUP(aead_key_freep)
		struct aead_key *k = aead_key_new(alg, AEAD_SEAL,
						  span_of(key, aead_key_len(alg)),
						  libraries[l].backend);
		const struct work w = {.run = run_seal, .aead = k};

		if (k)
			report(name, libraries[l].name, &w, buf, seconds);
	}
}

static void bench_mac(enum mac_alg alg, const char *name, uint8_t *buf, double seconds)
{
	static const uint8_t key[MAC_AES_KEY_LEN] = {1};

	for (size_t l = 0; l < ARRAY_LEN(libraries); l++) {
		CLEANUP(mac_key_freep)
		struct mac_key *k = mac_key_new(alg, span_of(key, sizeof(key)),
						libraries[l].backend);
		struct work w = {.run = run_mac, .mac = k};
		char parts_name[32];

		if (!k || (l && alg != MAC_AES_128_GMAC))
			continue;
		report(name, libraries[l].name, &w, buf, seconds);
		w.run = run_mac_parts;
		snprintf(parts_name, sizeof(parts_name), "%s, two parts", name);
		report(parts_name, libraries[l].name, &w, buf, seconds);
	}
}

int main(int argc, char **argv)
{
	double seconds = (argc > 1 ? strtod(argv[1], NULL) : 30) / 1000;
	const struct work hash = {.run = run_sha512};
	uint8_t *buf = calloc(1, sizes[ARRAY_LEN(sizes) - 1]);

	if (!buf || seconds <= 0)
		return 2;
	printf("%s; GB/s of CPU time\n%-22s %-9s %8s %9s %8s %8s %8s\n",
	       crypto_description(), "", "", "256 B", "", "4 KiB", "64 KiB", "1 MiB");
	bench_aead(AEAD_AES_128_GCM, "AES-128-GCM seal", buf, seconds);
	bench_aead(AEAD_AES_256_GCM, "AES-256-GCM seal", buf, seconds);
	bench_aead(AEAD_AES_128_CCM, "AES-128-CCM seal", buf, seconds);
	bench_aead(AEAD_AES_256_CCM, "AES-256-CCM seal", buf, seconds);
	bench_mac(MAC_AES_128_GMAC, "AES-128-GMAC", buf, seconds);
	bench_mac(MAC_AES_128_CMAC, "AES-128-CMAC", buf, seconds);
	bench_mac(MAC_HMAC_SHA256, "HMAC-SHA256", buf, seconds);
	report("SHA-512", "OpenSSL", &hash, buf, seconds);
	free(buf);
	return 0;
}
