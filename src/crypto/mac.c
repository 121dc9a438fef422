/* mac.c - see mac.h */
#include "crypto/mac.h"

#include "base/ct.h"
#include "base/secret.h"
#include "crypto/cmac.h"
#include "crypto/hmac.h"
#include "crypto/ipsec.h"
#include "crypto/suite.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* How a key works; GMAC has two ways. */
enum kind { KIND_HMAC, KIND_CMAC, KIND_GMAC_EVP, KIND_GMAC_IPSEC };

struct mac_key {
	enum kind kind;
	union {
		struct hmac *hmac; /* in the secret slab */
		struct cmac cmac;
		struct evp_key gcm;
		struct ipsec_key *ipsec; /* in the secret slab */
	};
};

static struct hmac *hmac_new(struct span key)
{
	struct hmac *h = secret_alloc(sizeof(*h));

	if (h && hmac_init(h, key)) {
		secret_free(h);
		return NULL;
	}
	return h;
}

/* 0, or -EIO and nothing is owned. */
static int key_init(struct mac_key *k, const struct suite *s, struct span key)
{
	switch (k->kind) {
	case KIND_HMAC:
		k->hmac = hmac_new(key);
		return k->hmac ? 0 : -EIO;
	case KIND_CMAC:
		return cmac_init(&k->cmac, s->cbc_128, key);
	case KIND_GMAC_EVP:
		return evp_key_init(&k->gcm, s->gcm_128, EVP_KEY_ENCRYPT, key,
				    MAC_GMAC_NONCE_LEN);
	case KIND_GMAC_IPSEC:
		k->ipsec = ipsec_key_new(key);
		return k->ipsec ? 0 : -EIO;
	}
	return -EIO;
}

static enum kind kind_of(enum mac_alg alg, enum crypto_backend b)
{
	if (alg == MAC_HMAC_SHA256)
		return KIND_HMAC;
	if (alg == MAC_AES_128_CMAC)
		return KIND_CMAC;
	return b == CRYPTO_IPSEC_MB ? KIND_GMAC_IPSEC : KIND_GMAC_EVP;
}

struct mac_key *mac_key_new(enum mac_alg alg, struct span key, enum crypto_backend b)
{
	const struct suite *s = suite_get();
	struct mac_key *k;

	if (!s || (alg != MAC_HMAC_SHA256 && key.len != MAC_AES_KEY_LEN))
		return NULL;
	b = suite_backend(s, b);
	if (!crypto_has(b))
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->kind = kind_of(alg, b);
	if (key_init(k, s, key)) {
		free(k);
		return NULL;
	}
	return k;
}

void mac_key_free(struct mac_key *k)
{
	if (!k)
		return;
	switch (k->kind) {
	case KIND_HMAC:
		secret_free(k->hmac);
		break;
	case KIND_CMAC:
		cmac_fini(&k->cmac);
		break;
	case KIND_GMAC_EVP:
		evp_key_fini(&k->gcm);
		break;
	case KIND_GMAC_IPSEC:
		ipsec_key_free(k->ipsec);
		break;
	}
	free(k);
}

static int gmac_evp(const struct evp_key *k, const uint8_t *nonce,
		    const struct span *parts, size_t part_count, uint8_t *ret_tag)
{
	EVP_CIPHER_CTX *c = evp_key_take(k);
	uint8_t none[16];
	bool ok;
	int n;

	if (!c)
		return -EIO;
	ok = EVP_EncryptInit_ex2(c, NULL, NULL, nonce, NULL) == 1;
	for (size_t i = 0; ok && i < part_count; i++) {
		if (parts[i].len)
			ok = EVP_EncryptUpdate(c, NULL, &n, parts[i].p,
					       (int)parts[i].len) == 1;
	}
	ok = ok && EVP_EncryptFinal_ex(c, none, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, MAC_TAG_LEN, ret_tag) == 1;
	evp_key_give(k, c);
	return ok ? 0 : -EIO;
}

static int hmac_half(const struct hmac *h, const struct span *parts, size_t part_count,
		     uint8_t ret_tag[MAC_TAG_LEN])
{
	uint8_t mac[HMAC_SHA256_LEN];
	int err = hmac_run(h, parts, part_count, mac);

	if (!err)
		memcpy(ret_tag, mac, MAC_TAG_LEN);
	wipe(mac, sizeof(mac));
	return err;
}

int mac_compute(const struct mac_key *k, const uint8_t *nonce, const struct span *parts,
		size_t part_count, uint8_t ret_tag[MAC_TAG_LEN])
{
	for (size_t i = 0; i < part_count; i++) {
		if (parts[i].len > INT_MAX)
			return -EIO;
	}
	switch (k->kind) {
	case KIND_HMAC:
		return hmac_half(k->hmac, parts, part_count, ret_tag);
	case KIND_CMAC:
		return cmac_run(&k->cmac, parts, part_count, ret_tag);
	case KIND_GMAC_EVP:
		return gmac_evp(&k->gcm, nonce, parts, part_count, ret_tag);
	case KIND_GMAC_IPSEC:
		ipsec_gmac(k->ipsec, nonce, parts, part_count, ret_tag);
		return 0;
	}
	return -EIO;
}

int hmac_sha256(struct span key, const struct span *parts, size_t part_count,
		uint8_t ret_mac[HMAC_SHA256_LEN])
{
	struct hmac h;
	int err = hmac_init(&h, key);

	if (!err)
		err = hmac_run(&h, parts, part_count, ret_mac);
	wipe(&h, sizeof(h));
	return err;
}
