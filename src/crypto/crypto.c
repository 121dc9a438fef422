/* crypto.c - see crypto.h and suite.h */
#include "crypto/crypto.h"

#include "crypto/ipsec.h"
#include "crypto/suite.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>

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
	s->fastest = fastest;
	if (fastest == CRYPTO_FASTEST)
		s->fastest = ipsec_available() ? CRYPTO_IPSEC_MB : CRYPTO_OPENSSL;
	return TAKE(s);
}

/* The table that is in force, made with `fastest` if there was none. */
static const struct suite *suite_publish(enum crypto_backend fastest)
{
	const struct suite *there = atomic_load(&suite_published);
	CLEANUP(suite_freep) struct suite *s = NULL;

	if (there)
		return there;
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

enum crypto_backend suite_backend(const struct suite *s, enum crypto_backend wanted)
{
	return wanted == CRYPTO_FASTEST ? s->fastest : wanted;
}

int crypto_init(enum crypto_backend fastest)
{
	const struct suite *s;

	if (!crypto_has(fastest))
		return -ENOTSUP;
	s = suite_publish(fastest);
	if (!s)
		return -ENOTSUP;
	return fastest == CRYPTO_FASTEST || s->fastest == fastest ? 0 : -EBUSY;
}

bool crypto_has(enum crypto_backend b)
{
	return b != CRYPTO_IPSEC_MB || ipsec_available();
}

const char *crypto_description(void)
{
	const struct suite *s = suite_get();

	if (!s)
		return "none";
	return s->fastest == CRYPTO_IPSEC_MB ? ipsec_description()
					     : OpenSSL_version(OPENSSL_VERSION);
}
