/* sign.c - see sign.h */
#include "secure/sign.h"

#include "base/ct.h"
#include "crypto/mac.h"
#include "wire/rd.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

#include <errno.h>
#include <stdlib.h>

/* The GMAC nonce's second half. [MS-SMB2] 3.1.4.1 */
enum { ROLE_SERVER = 1 << 0, COMMAND_IS_CANCEL = 1 << 1 };

_Static_assert((int)SIGNATURE_LEN == (int)MAC_TAG_LEN, "2.2.1.2");
_Static_assert((int)SIGN_KEY_LEN == (int)MAC_AES_KEY_LEN, "3.1.4.2");

struct sign_key {
	enum sign_alg alg;
	struct mac_key *mac;
};

/* What a signature depends on besides the bytes. */
struct header {
	uint16_t command;
	uint32_t flags;
	uint64_t message_id;
};

struct sign_key *sign_key_new(enum sign_alg alg, const uint8_t key[SIGN_KEY_LEN])
{
	static const enum mac_alg mac_alg[] = {
		[SIGN_HMAC_SHA256] = MAC_HMAC_SHA256,
		[SIGN_AES_CMAC] = MAC_AES_128_CMAC,
		[SIGN_AES_GMAC] = MAC_AES_128_GMAC,
	};
	CLEANUP(sign_key_freep) struct sign_key *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->alg = alg;
	k->mac = mac_key_new(mac_alg[alg], span_of(key, SIGN_KEY_LEN), CRYPTO_FASTEST);
	return k->mac ? TAKE(k) : NULL;
}

void sign_key_free(struct sign_key *k)
{
	if (!k)
		return;
	mac_key_free(k->mac);
	free(k);
}

enum sign_alg sign_key_alg(const struct sign_key *k)
{
	return k->alg;
}

static bool header_decode(struct span msg, struct header *ret_header)
{
	struct rd r = rd_of(span_head(msg, SMB2_HEADER_LEN));
	struct header h;

	rd_seek(&r, SMB2_OFF_COMMAND);
	h.command = rd_u16(&r);
	rd_skip(&r, 2); /* CreditRequest */
	h.flags = rd_u32(&r);
	rd_skip(&r, 4); /* NextCommand */
	h.message_id = rd_u64(&r);
	rd_seek(&r, SMB2_OFF_SIGNATURE);
	rd_skip(&r, SIGNATURE_LEN);
	if (!rd_ok(&r))
		return false;
	*ret_header = h;
	return true;
}

/*
 * A MessageId that answers no request may occur twice in one direction, and two messages under one GMAC
 * nonce give the key's hash subkey away.
 */
static bool nonce_would_repeat(const struct sign_key *k, const struct header *h)
{
	return k->alg == SIGN_AES_GMAC &&
	       (h->message_id == 0 || h->message_id == SMB2_MESSAGE_ID_UNSOLICITED);
}

static void build_nonce(const struct header *h, uint8_t ret_nonce[MAC_GMAC_NONCE_LEN])
{
	struct wr w = wr_of(mspan_of(ret_nonce, MAC_GMAC_NONCE_LEN));
	uint32_t role = h->flags & SMB2_FLAGS_SERVER_TO_REDIR ? ROLE_SERVER : 0;

	wr_u64(&w, h->message_id);
	wr_u32(&w, role | (h->command == SMB2_CANCEL ? COMMAND_IS_CANCEL : 0));
}

/* What the library gets for a message, and what that points to. */
struct work {
	struct span parts[2];
	uint8_t nonce[MAC_GMAC_NONCE_LEN];
	uint8_t head[SMB2_HEADER_LEN]; /* verifying: with a Signature of zero */
	uint8_t want[SIGNATURE_LEN];   /* likewise */
};

/* False: it is refused whatever its signature is. */
static bool verify_begin(const struct sign_check *c, struct work *w,
			 struct mac_job *ret_job)
{
	struct header h;

	if (!header_decode(c->msg, &h) || nonce_would_repeat(c->key, &h))
		return false;
	if (h.flags & SMB2_FLAGS_SERVER_TO_REDIR)
		return false; /* our own words, sent back to us */

	memcpy(w->head, c->msg.p, SMB2_OFF_SIGNATURE);
	memset(w->head + SMB2_OFF_SIGNATURE, 0, SIGNATURE_LEN);
	w->parts[0] = span_of(w->head, sizeof(w->head));
	w->parts[1] = span_from(c->msg, sizeof(w->head));
	build_nonce(&h, w->nonce);
	*ret_job = (struct mac_job){.key = c->key->mac,
				    .nonce = w->nonce,
				    .parts = w->parts,
				    .part_count = ARRAY_LEN(w->parts),
				    .ret_tag = w->want};
	return true;
}

/* count: at most MAC_MANY_MAX. */
static void verify_some(struct sign_check *checks, size_t count)
{
	struct work work[MAC_MANY_MAX];
	struct mac_job jobs[MAC_MANY_MAX];
	struct sign_check *owners[MAC_MANY_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		checks[i].st = STATUS_ACCESS_DENIED;
		if (verify_begin(&checks[i], &work[n], &jobs[n]))
			owners[n++] = &checks[i];
	}
	mac_compute_many(jobs, n);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *got = owners[i]->msg.p + SMB2_OFF_SIGNATURE;

		if (!jobs[i].err && ct_eq(work[i].want, got, SIGNATURE_LEN))
			owners[i]->st = STATUS_SUCCESS;
		wipe(work[i].want, SIGNATURE_LEN); /* it would authenticate a forgery */
	}
}

void sign_verify_batch(struct sign_check *checks, size_t count)
{
	for (size_t done = 0; done < count; done += MAC_MANY_MAX) {
		size_t left = count - done;

		verify_some(checks + done, left < MAC_MANY_MAX ? left : MAC_MANY_MAX);
	}
}

nt_status sign_verify(const struct sign_key *key, struct span msg)
{
	struct sign_check c = {.key = key, .msg = msg};

	sign_verify_batch(&c, 1);
	return c.st;
}

/* The header says now that it is signed, and where the signature belongs is zero. 0 or what the item's err says. */
static int sign_begin(const struct sign_item *it, struct work *w, struct mac_job *ret_job)
{
	uint8_t *signature = it->msg.p + SMB2_OFF_SIGNATURE;
	struct header h;
	struct wr flags;

	if (!header_decode(span_of_m(it->msg), &h))
		return -EIO;
	if (nonce_would_repeat(it->key, &h))
		return -EPERM;
	h.flags |= SMB2_FLAGS_SIGNED;
	flags = wr_of(mspan_of(it->msg.p + SMB2_OFF_FLAGS, sizeof(h.flags)));
	wr_u32(&flags, h.flags);
	memset(signature, 0, SIGNATURE_LEN);

	w->parts[0] = span_of_m(it->msg);
	w->parts[1] = it->tail;
	build_nonce(&h, w->nonce);
	*ret_job = (struct mac_job){.key = it->key->mac,
				    .nonce = w->nonce,
				    .parts = w->parts,
				    .part_count = it->tail.len ? 2 : 1,
				    .ret_tag = signature};
	return 0;
}

/* count: at most MAC_MANY_MAX. The library writes each signature when all that it covers has been read. */
static void sign_some(struct sign_item *items, size_t count)
{
	struct work work[MAC_MANY_MAX];
	struct mac_job jobs[MAC_MANY_MAX];
	struct sign_item *owners[MAC_MANY_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		items[i].err = sign_begin(&items[i], &work[n], &jobs[n]);
		if (!items[i].err)
			owners[n++] = &items[i];
	}
	mac_compute_many(jobs, n);
	for (size_t i = 0; i < n; i++)
		owners[i]->err = jobs[i].err;
}

void sign_batch(struct sign_item *items, size_t count)
{
	for (size_t done = 0; done < count; done += MAC_MANY_MAX) {
		size_t left = count - done;

		sign_some(items + done, left < MAC_MANY_MAX ? left : MAC_MANY_MAX);
	}
}
