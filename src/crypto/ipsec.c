/* ipsec.c - see ipsec.h */
#include "crypto/ipsec.h"

#include "base/ct.h"
#include "base/fault.h"
#include "base/secret.h"
#include "crypto/touch.h"

#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdio.h>

struct ipsec_key {
	struct gcm_key_data schedule; /* and powers of the hash key */
	bool is_256;
};

_Static_assert(sizeof(struct ipsec_key) <= 1024, "one slot of the slab");

/* Written once by library_load(), constant afterwards. */
static struct library {
	IMB_MGR *mgr;
	char description[64];
} library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static const char *arch_name(IMB_ARCH a)
{
	switch (a) {
	case IMB_ARCH_AVX512:
		return "AVX512";
	case IMB_ARCH_AVX2:
		return "AVX2";
	case IMB_ARCH_AVX:
		return "AVX";
	default:
		return "SSE";
	}
}

/* Without AES-NI it emulates AES with tables, slowly and not in constant time. */
static bool is_fit(const IMB_MGR *mgr)
{
	const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;

	if ((mgr->features & IMB_FEATURE_SELF_TEST) &&
	    !(mgr->features & IMB_FEATURE_SELF_TEST_PASS))
		return false;
	return (mgr->features & needed) == needed;
}

static void library_load(void)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);
	IMB_ARCH arch;

	if (!mgr)
		return;
	init_mb_mgr_auto(mgr, &arch);
	if (imb_get_errno(mgr) || !is_fit(mgr)) {
		free_mb_mgr(mgr);
		return;
	}
	snprintf(library.description, sizeof(library.description), "ipsec-mb %s, %s",
		 imb_get_version_str(), arch_name(arch));
	library.mgr = mgr;
}

static const IMB_MGR *manager(void)
{
	pthread_once(&library_once, library_load);
	return library.mgr;
}

bool ipsec_available(void)
{
	return manager() != NULL;
}

const char *ipsec_description(void)
{
	return manager() ? library.description : "no ipsec-mb";
}

struct ipsec_key *ipsec_key_new(struct span key)
{
	struct ipsec_key *k = secret_alloc(sizeof(*k));

	if (!k)
		return NULL;
	k->is_256 = key.len == 32;
	touch(key);
	if (k->is_256)
		manager()->gcm256_pre(key.p, &k->schedule);
	else
		manager()->gcm128_pre(key.p, &k->schedule);
	return k;
}

void ipsec_key_free(struct ipsec_key *k)
{
	secret_free(k);
}

static void touch_fixed(const uint8_t nonce[12], const uint8_t tag[16])
{
	touch(span_of(nonce, 12));
	touch(span_of(tag, 16));
}

void ipsec_gcm_seal(const struct ipsec_key *k, const uint8_t nonce[12], struct span aad,
		    struct mspan text, uint8_t ret_tag[16])
{
	aes_gcm_enc_dec_t run = k->is_256 ? manager()->gcm256_enc : manager()->gcm128_enc;
	struct gcm_context_data c;

	touch_fixed(nonce, ret_tag);
	touch(aad);
	touch(span_of_m(text));
	run(&k->schedule, &c, text.p, text.p, text.len, nonce, aad.p, aad.len, ret_tag,
	    16);
	wipe(&c, sizeof(c));
}

/* One part of a message. */
struct part {
	aes_gcm_enc_dec_update_t run;
	const struct gcm_key_data *schedule;
	struct gcm_context_data *context;
	const uint8_t *from;
	uint8_t *to;
	size_t len;
};

static void part_run(void *arg)
{
	const struct part *p = arg;

	p->run(p->schedule, p->context, p->to, p->from, p->len);
}

int ipsec_gcm_seal_from(const struct ipsec_key *k, const uint8_t nonce[12],
			struct span aad, struct mspan head, struct span from, uint8_t *to,
			uint8_t ret_tag[16])
{
	const IMB_MGR *m = manager();
	struct gcm_context_data c;
	struct part p = {
		.run = k->is_256 ? m->gcm256_enc_update : m->gcm128_enc_update,
		.schedule = &k->schedule,
		.context = &c,
		.from = from.p,
		.to = to,
		.len = from.len,
	};
	int err;

	touch_fixed(nonce, ret_tag);
	touch(aad);
	touch(span_of_m(head));
	touch(span_of(to, from.len));
	(k->is_256 ? m->gcm256_init : m->gcm128_init)(&k->schedule, &c, nonce, aad.p,
						      aad.len);
	p.run(&k->schedule, &c, head.p, head.p, head.len);
	err = fault_guard(from, part_run, &p);
	(k->is_256 ? m->gcm256_enc_finalize : m->gcm128_enc_finalize)(&k->schedule, &c,
								      ret_tag, 16);
	wipe(&c, sizeof(c));
	if (err)
		wipe(ret_tag, 16); /* of what was never said */
	return err;
}

void ipsec_gcm_open(const struct ipsec_key *k, const uint8_t nonce[12], struct span aad,
		    struct mspan text, uint8_t ret_tag[16])
{
	aes_gcm_enc_dec_t run = k->is_256 ? manager()->gcm256_dec : manager()->gcm128_dec;
	struct gcm_context_data c;

	touch_fixed(nonce, ret_tag);
	touch(aad);
	touch(span_of_m(text));
	run(&k->schedule, &c, text.p, text.p, text.len, nonce, aad.p, aad.len, ret_tag,
	    16);
	wipe(&c, sizeof(c));
}

void ipsec_gmac(const struct ipsec_key *k, const uint8_t nonce[12],
		const struct span *parts, size_t part_count, uint8_t ret_tag[16])
{
	const IMB_MGR *m = manager();
	struct gcm_context_data c;

	touch_fixed(nonce, ret_tag);
	for (size_t i = 0; i < part_count; i++)
		touch(parts[i]);
	if (part_count == 1) { /* twice as fast at 256 bytes */
		m->gcm128_enc(&k->schedule, &c, NULL, NULL, 0, nonce, parts[0].p,
			      parts[0].len, ret_tag, 16);
	} else {
		m->gmac128_init(&k->schedule, &c, nonce, 12);
		for (size_t i = 0; i < part_count; i++) {
			if (parts[i].len)
				m->gmac128_update(&k->schedule, &c, parts[i].p,
						  parts[i].len);
		}
		m->gmac128_finalize(&k->schedule, &c, ret_tag, 16);
	}
	wipe(&c, sizeof(c));
}
