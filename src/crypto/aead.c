/* aead.c - see aead.h */
#include "crypto/aead.h"

#include "base/ct.h"
#include "base/fault.h"
#include "crypto/evp_key.h"
#include "crypto/ipsec.h"
#include "crypto/suite.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

struct aead_key {
	enum crypto_backend backend; /* OPENSSL or IPSEC_MB */
	enum aead_use use;
	union {
		struct ipsec_key *ipsec; /* in the secret slab */
		struct evp_key evp;
	};
};

size_t aead_key_len(enum aead_alg alg)
{
	return alg == AEAD_AES_256_CCM || alg == AEAD_AES_256_GCM ? 32 : 16;
}

static bool is_gcm(enum aead_alg alg)
{
	return alg == AEAD_AES_128_GCM || alg == AEAD_AES_256_GCM;
}

size_t aead_nonce_len(enum aead_alg alg)
{
	return is_gcm(alg) ? 12 : 11;
}

static const EVP_CIPHER *cipher_of(const struct suite *s, enum aead_alg alg)
{
	switch (alg) {
	case AEAD_AES_128_CCM:
		return s->ccm_128;
	case AEAD_AES_128_GCM:
		return s->gcm_128;
	case AEAD_AES_256_CCM:
		return s->ccm_256;
	case AEAD_AES_256_GCM:
		return s->gcm_256;
	}
	return NULL;
}

/* 0 or -EIO. */
static int key_init(struct aead_key *k, const struct suite *s, enum aead_alg alg,
		    struct span key)
{
	if (k->backend == CRYPTO_IPSEC_MB) {
		k->ipsec = ipsec_key_new(key);
		return k->ipsec ? 0 : -EIO;
	}
	return evp_key_init(&k->evp, cipher_of(s, alg),
			    k->use == AEAD_SEAL ? EVP_KEY_ENCRYPT : EVP_KEY_DECRYPT, key,
			    aead_nonce_len(alg));
}

struct aead_key *aead_key_new(enum aead_alg alg, enum aead_use use, struct span key,
			      enum crypto_backend b)
{
	const struct suite *s = suite_get();
	struct aead_key *k;

	if (!s || !cipher_of(s, alg) || key.len != aead_key_len(alg))
		return NULL;
	if (is_gcm(alg))
		b = suite_backend(s, SUITE_GCM, b);
	else if (b == CRYPTO_FASTEST)
		b = CRYPTO_OPENSSL;
	if (b != CRYPTO_OPENSSL && (!is_gcm(alg) || b != CRYPTO_IPSEC_MB))
		return NULL;

	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->backend = b;
	k->use = use;
	if (key_init(k, s, alg, key)) {
		free(k);
		return NULL;
	}
	return k;
}

void aead_key_free(struct aead_key *k)
{
	if (!k)
		return;
	if (k->backend == CRYPTO_OPENSSL)
		evp_key_fini(&k->evp);
	else
		ipsec_key_free(k->ipsec);
	free(k);
}

/* What sealing and opening have in common: everything up to the last byte of text. */
static int evp_run(const struct evp_key *k, EVP_CIPHER_CTX *c, struct span aad,
		   struct mspan text)
{
	static uint8_t nothing[1]; /* OpenSSL takes a null pointer for a request */
	uint8_t *p = text.len ? text.p : nothing;
	int n;

	if (k->is_ccm && EVP_CipherUpdate(c, NULL, &n, NULL, (int)text.len) != 1)
		return -EIO;
	if (aad.len && EVP_CipherUpdate(c, NULL, &n, aad.p, (int)aad.len) != 1)
		return -EIO;
	/* CCM compares the tag in here: failure of an open is a wrong tag. */
	if ((k->is_ccm || text.len) && EVP_CipherUpdate(c, p, &n, p, (int)text.len) != 1)
		return -EBADMSG;
	return 0;
}

static int evp_seal(const struct evp_key *k, EVP_CIPHER_CTX *c, const uint8_t *nonce,
		    struct span aad, struct mspan text, uint8_t *ret_tag)
{
	uint8_t none[16];
	int n;

	if (EVP_CipherInit_ex2(c, NULL, NULL, nonce, 1, NULL) != 1 ||
	    evp_run(k, c, aad, text) || EVP_CipherFinal_ex(c, none, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, ret_tag) != 1)
		return -EIO;
	return 0;
}

static int evp_open(const struct evp_key *k, EVP_CIPHER_CTX *c, const uint8_t *nonce,
		    struct span aad, struct mspan text, const uint8_t *tag)
{
	uint8_t want[AEAD_TAG_LEN];
	uint8_t none[16];
	int n;
	int err;

	memcpy(want, tag, sizeof(want)); /* the call is not const-correct */
	if (EVP_CipherInit_ex2(c, NULL, NULL, nonce, 0, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, sizeof(want), want) != 1)
		return -EIO;
	err = evp_run(k, c, aad, text);
	if (!err && !k->is_ccm && EVP_CipherFinal_ex(c, none, &n) != 1)
		return -EBADMSG;
	return err;
}

int aead_seal(const struct aead_key *k, const uint8_t *nonce, struct span aad,
	      struct mspan text, uint8_t ret_tag[AEAD_TAG_LEN])
{
	EVP_CIPHER_CTX *c;
	int err;

	if (k->use != AEAD_SEAL || text.len > INT_MAX || aad.len > INT_MAX)
		return -EIO;
	if (k->backend == CRYPTO_IPSEC_MB) {
		ipsec_gcm_seal(k->ipsec, nonce, aad, text, ret_tag);
		return 0;
	}
	c = evp_key_take(&k->evp);
	if (!c)
		return -EIO;
	err = evp_seal(&k->evp, c, nonce, aad, text, ret_tag);
	evp_key_give(&k->evp, c);
	return err;
}

bool aead_seals_from(const struct aead_key *k)
{
	return k->use == AEAD_SEAL && k->backend == CRYPTO_IPSEC_MB && fault_is_caught();
}

int aead_seal_from(const struct aead_key *k, const uint8_t *nonce, struct span aad,
		   struct mspan text, struct span from, uint8_t ret_tag[AEAD_TAG_LEN])
{
	size_t head_len = text.len - from.len;

	if (!aead_seals_from(k) || from.len > text.len || text.len > INT_MAX ||
	    aad.len > INT_MAX)
		return -EIO;
	return ipsec_gcm_seal_from(k->ipsec, nonce, aad, mspan_of(text.p, head_len), from,
				   text.p + head_len, ret_tag);
}

static int ipsec_open(const struct ipsec_key *k, const uint8_t *nonce, struct span aad,
		      struct mspan text, const uint8_t *tag)
{
	uint8_t want[AEAD_TAG_LEN];
	bool same;

	ipsec_gcm_open(k, nonce, aad, text, want);
	same = ct_eq(want, tag, sizeof(want));
	wipe(want, sizeof(want)); /* it would authenticate a forgery */
	return same ? 0 : -EBADMSG;
}

int aead_open(const struct aead_key *k, const uint8_t *nonce, struct span aad,
	      struct mspan text, const uint8_t tag[AEAD_TAG_LEN])
{
	EVP_CIPHER_CTX *c = NULL;
	int err = -EIO;

	if (k->use != AEAD_OPEN || text.len > INT_MAX || aad.len > INT_MAX)
		return -EIO;
	if (k->backend == CRYPTO_IPSEC_MB) {
		err = ipsec_open(k->ipsec, nonce, aad, text, tag);
	} else {
		c = evp_key_take(&k->evp);
		if (c) {
			err = evp_open(&k->evp, c, nonce, aad, text, tag);
			evp_key_give(&k->evp, c);
		}
	}
	if (err)
		wipe(text.p, text.len);
	return err;
}
