/* evp_key.c - see evp_key.h */
#include "crypto/evp_key.h"

#include "base/secret.h"

#include <errno.h>

static void ctx_freep(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

/* Parameters first, key afterwards: CCM takes its lengths only in this order. */
static EVP_CIPHER_CTX *ctx_make(const struct evp_key *k)
{
	CLEANUP(ctx_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (!c || EVP_CipherInit_ex2(c, k->cipher, NULL, NULL, k->use, NULL) != 1)
		return NULL;
	if (k->nonce_len &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, (int)k->nonce_len, NULL) != 1)
		return NULL;
	if (k->is_ccm &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, EVP_KEY_TAG_LEN, NULL) != 1)
		return NULL;
	if (!k->nonce_len)
		EVP_CIPHER_CTX_set_padding(c, 0);
	if (EVP_CipherInit_ex2(c, NULL, k->key, NULL, k->use, NULL) != 1)
		return NULL;
	return TAKE(c);
}

int evp_key_init(struct evp_key *k, const EVP_CIPHER *cipher, enum evp_key_use use,
		 struct span key, size_t nonce_len)
{
	EVP_CIPHER_CTX *c;

	if (key.len != (size_t)EVP_CIPHER_get_key_length(cipher))
		return -EIO;
	*k = (struct evp_key){.cipher = cipher, .use = use, .nonce_len = nonce_len};
	k->is_ccm = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CCM_MODE;
	k->spare = k->spare_slots;
	k->key = secret_alloc(key.len);
	if (!k->key)
		return -EIO;
	memcpy(k->key, key.p, key.len);

	c = ctx_make(k); /* fail here rather than at the first message */
	if (!c) {
		evp_key_fini(k);
		return -EIO;
	}
	evp_key_give(k, c);
	return 0;
}

void evp_key_fini(struct evp_key *k)
{
	for (size_t i = 0; i < EVP_KEY_SPARE_COUNT; i++)
		EVP_CIPHER_CTX_free(atomic_load(&k->spare_slots[i]));
	secret_free(k->key);
}

EVP_CIPHER_CTX *evp_key_take(const struct evp_key *k)
{
	for (size_t i = 0; i < EVP_KEY_SPARE_COUNT; i++) {
		EVP_CIPHER_CTX *c = atomic_load_explicit(&k->spare[i],
							 memory_order_relaxed);

		if (!c)
			continue;
		c = atomic_exchange_explicit(&k->spare[i], NULL, memory_order_acquire);
		if (c)
			return c;
	}
	return ctx_make(k);
}

void evp_key_give(const struct evp_key *k, EVP_CIPHER_CTX *c)
{
	for (size_t i = 0; i < EVP_KEY_SPARE_COUNT; i++) {
		EVP_CIPHER_CTX *none = NULL;

		if (atomic_compare_exchange_strong_explicit(&k->spare[i], &none, c,
							    memory_order_release,
							    memory_order_relaxed))
			return;
	}
	EVP_CIPHER_CTX_free(c);
}
