/* crypto.c - see crypto.h and suite.h */
#include "crypto/crypto.h"

#include "base/span.h"
#include "crypto/cmac_isa.h"
#include "crypto/ipsec.h"
#include "crypto/suite.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { PREFERENCES_MAX = 3 };

/* From fastest to slowest; OpenSSL, the last, is always there. */
static const enum crypto_backend preferences[SUITE_USE_COUNT][PREFERENCES_MAX] = {
	[SUITE_GCM] = {CRYPTO_IPSEC_MB, CRYPTO_OPENSSL},
	[SUITE_CMAC] = {CRYPTO_VAES, CRYPTO_AESNI, CRYPTO_OPENSSL},
	[SUITE_HMAC] = {CRYPTO_SHANI, CRYPTO_OPENSSL},
};

static const char *const names[CRYPTO_BACKEND_COUNT] = {
	[CRYPTO_OPENSSL] = "openssl", [CRYPTO_IPSEC_MB] = "ipsec-mb",
	[CRYPTO_AESNI] = "aes-ni",    [CRYPTO_VAES] = "vaes",
	[CRYPTO_SHANI] = "sha-ni",
};

/* Written once, by whoever makes the table first; constant from then on. */
static _Atomic(const struct suite *) suite_published;

static void suite_free(struct suite *s)
{
	EVP_MD_free(s->sha256);
	EVP_MD_free(s->sha512);
	EVP_CIPHER_free(s->cbc_128);
	EVP_CIPHER_free(s->gcm_128);
	EVP_CIPHER_free(s->gcm_256);
	EVP_CIPHER_free(s->ccm_128);
	EVP_CIPHER_free(s->ccm_256);
	free(s);
}

static void suite_freep(struct suite **s)
{
	if (*s)
		suite_free(*s);
}

/* For this use, on this machine. */
static bool is_fit(enum suite_use use, enum crypto_backend b)
{
	for (size_t i = 0; i < PREFERENCES_MAX; i++)
		if (b != CRYPTO_FASTEST && preferences[use][i] == b)
			return crypto_has(b);
	return false;
}

static enum crypto_backend choose(enum suite_use use, enum crypto_backend wanted)
{
	size_t i = 0;

	if (is_fit(use, wanted))
		return wanted;
	while (!is_fit(use, preferences[use][i]))
		i++;
	return preferences[use][i];
}

static void describe(struct suite *s)
{
	bool ipsec = s->fastest[SUITE_GCM] == CRYPTO_IPSEC_MB;
	const struct cmac_isa *isa = s->cmac[s->fastest[SUITE_CMAC]];

	snprintf(s->description, sizeof(s->description), "%s%s%s%s",
		 ipsec ? ipsec_description() : OpenSSL_version(OPENSSL_VERSION),
		 isa ? "; CMAC by " : "", isa ? isa->name : "",
		 s->fastest[SUITE_HMAC] == CRYPTO_SHANI ? "; HMAC in pairs" : "");
}

static struct suite *suite_make(enum crypto_backend fastest)
{
	CLEANUP(suite_freep) struct suite *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	s->sha512 = EVP_MD_fetch(NULL, "SHA2-512", NULL);
	s->cbc_128 = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	s->gcm_128 = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	s->gcm_256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	s->ccm_128 = EVP_CIPHER_fetch(NULL, "AES-128-CCM", NULL);
	s->ccm_256 = EVP_CIPHER_fetch(NULL, "AES-256-CCM", NULL);
	if (!s->sha256 || !s->sha512 || !s->cbc_128 || !s->gcm_128 || !s->gcm_256 ||
	    !s->ccm_128 || !s->ccm_256)
		return NULL;
	for (enum suite_use use = 0; use < SUITE_USE_COUNT; use++)
		s->fastest[use] = choose(use, fastest);
	for (enum crypto_backend b = 0; b < CRYPTO_BACKEND_COUNT; b++)
		s->cmac[b] = cmac_isa_of(b);
	s->pair = sha256_pair_get();
	describe(s);
	return TAKE(s);
}

/* What the environment asks for. False: what it names is not here. */
static bool environment_asks(enum crypto_backend *ret_b)
{
	const char *name = secure_getenv("TSMB_CRYPTO");
	enum crypto_backend b = CRYPTO_FASTEST;

	if (name) {
		do
			b++;
		while (b < CRYPTO_BACKEND_COUNT && strcmp(names[b], name) != 0);
		if (b == CRYPTO_BACKEND_COUNT || !crypto_has(b))
			return false;
	}
	*ret_b = b;
	return true;
}

/* The table that is in force, made with `fastest` if there was none. */
static const struct suite *suite_publish(enum crypto_backend fastest)
{
	const struct suite *there = atomic_load(&suite_published);
	CLEANUP(suite_freep) struct suite *s = NULL;

	if (there)
		return there;
	if (fastest == CRYPTO_FASTEST && !environment_asks(&fastest))
		return NULL;
	s = suite_make(fastest);
	if (!s)
		return NULL;
	if (!atomic_compare_exchange_strong(&suite_published, &there, s))
		return there; /* another thread was first: ours is freed */
	return TAKE(s);
}

const struct suite *suite_get(void)
{
	return suite_publish(CRYPTO_FASTEST);
}

enum crypto_backend suite_backend(const struct suite *s, enum suite_use use,
				  enum crypto_backend wanted)
{
	if (wanted == CRYPTO_FASTEST)
		return s->fastest[use];
	return is_fit(use, wanted) ? wanted : CRYPTO_FASTEST;
}

/* It is what `wanted` leads to, so that asking twice for the same is no error. */
static bool is_chosen(const struct suite *s, enum crypto_backend wanted)
{
	for (enum suite_use use = 0; use < SUITE_USE_COUNT; use++)
		if (is_fit(use, wanted) && s->fastest[use] != wanted)
			return false;
	return true;
}

int crypto_init(enum crypto_backend fastest)
{
	const struct suite *s;

	if (!crypto_has(fastest))
		return -ENOTSUP;
	s = suite_publish(fastest);
	if (!s)
		return -ENOTSUP;
	return is_chosen(s, fastest) ? 0 : -EBUSY;
}

bool crypto_has(enum crypto_backend b)
{
	switch (b) {
	case CRYPTO_FASTEST:
	case CRYPTO_OPENSSL:
		return true;
	case CRYPTO_IPSEC_MB:
		return ipsec_available();
	case CRYPTO_AESNI:
	case CRYPTO_VAES:
		return cmac_isa_of(b) != NULL;
	case CRYPTO_SHANI:
		return sha256_pair_get() != NULL;
	case CRYPTO_BACKEND_COUNT:
		break;
	}
	return false;
}

const char *crypto_description(void)
{
	const struct suite *s = suite_get();

	return s ? s->description : "none";
}
