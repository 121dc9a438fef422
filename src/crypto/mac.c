/* mac.c - see mac.h */
#include "crypto/mac.h"

#include "base/ct.h"
#include "base/secret.h"
#include "crypto/cmac.h"
#include "crypto/cmac_many.h"
#include "crypto/hmac.h"
#include "crypto/hmac_many.h"
#include "crypto/ipsec.h"
#include "crypto/suite.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* How a key works; each algorithm has two ways. */
enum kind {
	KIND_HMAC,
	KIND_HMAC_PAIR, /* the same for one message alone */
	KIND_CMAC_EVP,
	KIND_CMAC_OWN,
	KIND_GMAC_EVP,
	KIND_GMAC_IPSEC
};

struct mac_key {
	enum kind kind;
	union {
		struct hmac *hmac; /* in the secret slab */
		struct cmac cmac;
		struct {
			const struct cmac_isa *isa;
			struct cmac_schedule *schedule; /* in the secret slab */
		} own;
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
static int key_init(struct mac_key *k, const struct suite *s, struct span key,
		    enum crypto_backend b)
{
	switch (k->kind) {
	case KIND_HMAC:
	case KIND_HMAC_PAIR:
		k->hmac = hmac_new(key);
		return k->hmac ? 0 : -EIO;
	case KIND_CMAC_EVP:
		return cmac_init(&k->cmac, s->cbc_128, key);
	case KIND_CMAC_OWN:
		k->own.isa = s->cmac[b];
		k->own.schedule = cmac_schedule_new(k->own.isa, key);
		return k->own.schedule ? 0 : -EIO;
	case KIND_GMAC_EVP:
		return evp_key_init(&k->gcm, s->gcm_128, EVP_KEY_ENCRYPT, key,
				    MAC_GMAC_NONCE_LEN);
	case KIND_GMAC_IPSEC:
		k->ipsec = ipsec_key_new(key);
		return k->ipsec ? 0 : -EIO;
	}
	return -EIO;
}

/* What alg runs on; CRYPTO_FASTEST: `wanted` cannot do it. */
static enum crypto_backend backend_of(const struct suite *s, enum mac_alg alg,
				      enum crypto_backend wanted)
{
	switch (alg) {
	case MAC_AES_128_CMAC:
		return suite_backend(s, SUITE_CMAC, wanted);
	case MAC_AES_128_GMAC:
		return suite_backend(s, SUITE_GCM, wanted);
	case MAC_HMAC_SHA256:
		return suite_backend(s, SUITE_HMAC, wanted);
	}
	return CRYPTO_FASTEST;
}

static enum kind kind_of(enum mac_alg alg, enum crypto_backend b)
{
	if (alg == MAC_HMAC_SHA256)
		return b == CRYPTO_OPENSSL ? KIND_HMAC : KIND_HMAC_PAIR;
	if (alg == MAC_AES_128_CMAC)
		return b == CRYPTO_OPENSSL ? KIND_CMAC_EVP : KIND_CMAC_OWN;
	return b == CRYPTO_IPSEC_MB ? KIND_GMAC_IPSEC : KIND_GMAC_EVP;
}

struct mac_key *mac_key_new(enum mac_alg alg, struct span key, enum crypto_backend b)
{
	const struct suite *s = suite_get();
	struct mac_key *k;

	if (!s || (alg != MAC_HMAC_SHA256 && key.len != MAC_AES_KEY_LEN))
		return NULL;
	b = backend_of(s, alg, b);
	if (b == CRYPTO_FASTEST)
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->kind = kind_of(alg, b);
	if (key_init(k, s, key, b)) {
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
	case KIND_HMAC_PAIR:
		secret_free(k->hmac);
		break;
	case KIND_CMAC_EVP:
		cmac_fini(&k->cmac);
		break;
	case KIND_CMAC_OWN:
		cmac_schedule_free(k->own.schedule);
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

/* In bytes of all parts; false if one is longer than OpenSSL takes, or is not there. */
static bool parts_len(const struct span *parts, size_t part_count, size_t *ret_len)
{
	size_t len = 0;

	for (size_t i = 0; i < part_count; i++) {
		if (parts[i].len > INT_MAX || (parts[i].len && !parts[i].p) ||
		    !size_add(len, parts[i].len, &len))
			return false;
	}
	*ret_len = len;
	return true;
}

int mac_compute(const struct mac_key *k, const uint8_t *nonce, const struct span *parts,
		size_t part_count, uint8_t ret_tag[MAC_TAG_LEN])
{
	struct cmac_message m = {.parts = parts, .part_count = part_count};

	if (!parts_len(parts, part_count, &m.len))
		return -EIO;
	switch (k->kind) {
	case KIND_HMAC:
	case KIND_HMAC_PAIR:
		return hmac_half(k->hmac, parts, part_count, ret_tag);
	case KIND_CMAC_EVP:
		return cmac_run(&k->cmac, parts, part_count, ret_tag);
	case KIND_CMAC_OWN:
		m.key = k->own.schedule;
		m.ret_tag = ret_tag;
		cmac_one(k->own.isa, &m);
		return 0;
	case KIND_GMAC_EVP:
		return gmac_evp(&k->gcm, nonce, parts, part_count, ret_tag);
	case KIND_GMAC_IPSEC:
		ipsec_gmac(k->ipsec, nonce, parts, part_count, ret_tag);
		return 0;
	}
	return -EIO;
}

/* What can be computed, the longest first: else one of them is left to run alone at the end. */
struct many {
	struct {
		struct mac_job *job;
		size_t len;
	} all[MAC_MANY_MAX];
	size_t count;
};

/* Most come in order, or have one length. */
static void many_add(struct many *m, struct mac_job *j)
{
	size_t len, at = m->count;

	j->err = -EIO;
	if (!parts_len(j->parts, j->part_count, &len))
		return;
	for (; at && m->all[at - 1].len < len; at--)
		m->all[at] = m->all[at - 1];
	m->all[at].job = j;
	m->all[at].len = len;
	m->count++;
}

/* All that isa is to do, side by side. */
static void compute_cmac(const struct many *m, const struct cmac_isa *isa)
{
	struct cmac_message messages[MAC_MANY_MAX];
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct mac_job *j = m->all[i].job;

		if (j->key->kind != KIND_CMAC_OWN || j->key->own.isa != isa)
			continue;
		messages[count++] = (struct cmac_message){.key = j->key->own.schedule,
							  .parts = j->parts,
							  .part_count = j->part_count,
							  .len = m->all[i].len,
							  .ret_tag = j->ret_tag};
		j->err = 0;
	}
	if (count == 1)
		cmac_one(isa, messages);
	else if (count)
		cmac_many(isa, messages, count);
}

/* Likewise in pairs. */
static void compute_hmac(const struct many *m, sha256_pair pair)
{
	struct hmac_message messages[MAC_MANY_MAX];
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct mac_job *j = m->all[i].job;

		if (j->key->kind == KIND_HMAC_PAIR)
			messages[count++] =
				(struct hmac_message){.key = j->key->hmac,
						      .parts = j->parts,
						      .part_count = j->part_count,
						      .ret_half = j->ret_tag,
						      .ret_err = &j->err};
	}
	hmac_many(pair, messages, count);
}

static void compute_rest(const struct many *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct mac_job *j = m->all[i].job;

		if (j->key->kind != KIND_CMAC_OWN && j->key->kind != KIND_HMAC_PAIR)
			j->err = mac_compute(j->key, j->nonce, j->parts, j->part_count,
					     j->ret_tag);
	}
}

static void compute_some(const struct suite *s, struct mac_job *jobs, size_t count)
{
	struct many m;

	m.count = 0; /* the rest is written before it is read */
	for (size_t i = 0; i < count; i++)
		many_add(&m, &jobs[i]);
	for (size_t b = 0; b < CRYPTO_BACKEND_COUNT; b++)
		if (s->cmac[b])
			compute_cmac(&m, s->cmac[b]);
	if (s->pair)
		compute_hmac(&m, s->pair);
	compute_rest(&m);
}

void mac_compute_many(struct mac_job *jobs, size_t count)
{
	const struct suite *s = suite_get(); /* keys were made from it */

	for (size_t done = 0; done < count; done += MAC_MANY_MAX) {
		size_t left = count - done;

		compute_some(s, jobs + done, left < MAC_MANY_MAX ? left : MAC_MANY_MAX);
	}
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
