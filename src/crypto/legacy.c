/* legacy.c - see legacy.h */
#include "crypto/legacy.h"

#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>

/* Written once by suite_load(), read-only afterwards: OpenSSL offers no compile-time handle on
 * algorithms. */
static struct suite {
	OSSL_LIB_CTX *lib;
	EVP_MD *md4;
	EVP_MD *md5;
	EVP_MAC *hmac;
	EVP_CIPHER *rc4;
	bool complete;
} suite;
static pthread_once_t suite_once = PTHREAD_ONCE_INIT;

static void suite_load(void)
{
	suite.lib = OSSL_LIB_CTX_new();
	if (!suite.lib)
		return;
	if (!OSSL_PROVIDER_load(suite.lib, "default") ||
	    !OSSL_PROVIDER_load(suite.lib, "legacy"))
		return;
	suite.md4 = EVP_MD_fetch(suite.lib, "MD4", NULL);
	suite.md5 = EVP_MD_fetch(suite.lib, "MD5", NULL);
	suite.hmac = EVP_MAC_fetch(suite.lib, "HMAC", NULL);
	suite.rc4 = EVP_CIPHER_fetch(suite.lib, "RC4", NULL);
	suite.complete = suite.md4 && suite.md5 && suite.hmac && suite.rc4;
}

static const struct suite *suite_get(void)
{
	pthread_once(&suite_once, suite_load);
	return suite.complete ? &suite : NULL;
}

int legacy_check(void)
{
	return suite_get() ? 0 : -ENOTSUP;
}

static int hash(const EVP_MD *md, struct span in, uint8_t *ret_hash)
{
	return EVP_Digest(in.p, in.len, ret_hash, NULL, md, NULL) == 1 ? 0 : -ENOMEM;
}

int legacy_md4(struct span in, uint8_t ret_hash[LEGACY_HASH_LEN])
{
	const struct suite *s = suite_get();

	return s ? hash(s->md4, in, ret_hash) : -ENOTSUP;
}

int legacy_md5(struct span in, uint8_t ret_hash[LEGACY_HASH_LEN])
{
	const struct suite *s = suite_get();

	return s ? hash(s->md5, in, ret_hash) : -ENOTSUP;
}

static void mac_freep(EVP_MAC_CTX **c)
{
	EVP_MAC_CTX_free(*c);
}

int legacy_hmac_md5(struct span key, const struct span *parts, size_t count,
		    uint8_t ret_mac[LEGACY_HASH_LEN])
{
	static char md5_name[] = "MD5";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, md5_name, 0),
		OSSL_PARAM_construct_end(),
	};
	const struct suite *s = suite_get();
	CLEANUP(mac_freep) EVP_MAC_CTX *c = NULL;

	if (!s)
		return -ENOTSUP;
	c = EVP_MAC_CTX_new(s->hmac);
	if (!c || EVP_MAC_init(c, key.p, key.len, params) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (EVP_MAC_update(c, parts[i].p, parts[i].len) != 1)
			return -ENOMEM;
	}
	if (EVP_MAC_final(c, ret_mac, NULL, LEGACY_HASH_LEN) != 1)
		return -ENOMEM;
	return 0;
}

struct rc4 {
	EVP_CIPHER_CTX *ctx;
};

struct rc4 *rc4_new(const uint8_t key[RC4_KEY_LEN])
{
	const struct suite *s = suite_get();
	CLEANUP(rc4_freep) struct rc4 *r = NULL;

	if (!s)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->ctx = EVP_CIPHER_CTX_new();
	if (!r->ctx || EVP_EncryptInit_ex2(r->ctx, s->rc4, key, NULL, NULL) != 1)
		return NULL;
	return TAKE(r);
}

void rc4_free(struct rc4 *r)
{
	if (!r)
		return;
	EVP_CIPHER_CTX_free(r->ctx); /* the provider wipes the state */
	free(r);
}

int rc4_crypt(struct rc4 *r, struct span in, uint8_t *out)
{
	int done;

	if (in.len > INT_MAX)
		return -EINVAL;
	if (EVP_EncryptUpdate(r->ctx, out, &done, in.p, (int)in.len) != 1)
		return -ENOMEM;
	return 0;
}
