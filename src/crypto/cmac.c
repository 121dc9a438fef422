/* cmac.c - see cmac.h */
#include "crypto/cmac.h"

#include "base/ct.h"
#include "base/secret.h"

#include <errno.h>

enum {
	SINK_LEN =
		4096, /* the cipher text goes nowhere: small enough for the first-level cache */
	HELD_LEN =
		1024, /* a message up to this is one call to OpenSSL, however it is cut */
};

_Static_assert(HELD_LEN % CMAC_BLOCK_LEN == 0 && HELD_LEN <= SINK_LEN, "whole blocks");

static const uint8_t zero_iv[CMAC_BLOCK_LEN];

/* One message under way. Its end is held back, because the last block is treated differently. */
struct chain {
	EVP_CIPHER_CTX *cbc;
	bool ok;
	size_t held_len;
	uint8_t held[HELD_LEN];
	const uint8_t *last; /* block that came out last, in the sink */
	size_t sink_used;    /* most that ever lay in it */
	uint8_t sink[SINK_LEN];
};

/* len: a multiple of the block length. */
static void chain_blocks(struct chain *c, const uint8_t *p, size_t len)
{
	while (c->ok && len) {
		size_t step = len < SINK_LEN ? len : SINK_LEN;
		int n;

		c->ok = EVP_EncryptUpdate(c->cbc, c->sink, &n, p, (int)step) == 1;
		c->last = c->sink + step - CMAC_BLOCK_LEN;
		if (step > c->sink_used)
			c->sink_used = step;
		p += step;
		len -= step;
	}
}

static void chain_hold(struct chain *c, struct span s)
{
	if (s.len)
		memcpy(c->held + c->held_len, s.p, s.len);
	c->held_len += s.len;
}

static void chain_take(struct chain *c, struct span s)
{
	size_t whole;

	if (s.len <= HELD_LEN - c->held_len) {
		chain_hold(c, s);
		return;
	}
	if (c->held_len) { /* more follows: what is held is not the end */
		size_t gap = -c->held_len % CMAC_BLOCK_LEN;

		chain_hold(c, span_head(s, gap));
		chain_blocks(c, c->held, c->held_len);
		c->held_len = 0;
		s = span_from(s, gap);
	}
	whole = (s.len - 1) / CMAC_BLOCK_LEN * CMAC_BLOCK_LEN;
	chain_blocks(c, s.p, whole);
	chain_hold(c, span_from(s, whole));
}

static void chain_finish(struct chain *c, const struct cmac *m)
{
	const uint8_t *mask = m->subkeys->k1;
	size_t gap = -c->held_len % CMAC_BLOCK_LEN;
	uint8_t *end;

	if (!c->held_len)
		gap = CMAC_BLOCK_LEN;
	if (gap) {
		memset(c->held + c->held_len, 0, gap);
		c->held[c->held_len] = 0x80;
		c->held_len += gap;
		mask = m->subkeys->k2;
	}
	end = c->held + c->held_len - CMAC_BLOCK_LEN;
	for (size_t i = 0; i < CMAC_BLOCK_LEN; i++)
		end[i] ^= mask[i];
	chain_blocks(c, c->held, c->held_len);
	wipe(end, CMAC_BLOCK_LEN); /* it would give the subkey away */
}

/* Multiply by x in GF(2^128), in time that does not depend on the value. */
static void double_block(const uint8_t in[CMAC_BLOCK_LEN], uint8_t out[CMAC_BLOCK_LEN])
{
	uint8_t carry = (uint8_t)(0u - (in[0] >> 7)) & 0x87;

	for (size_t i = 0; i + 1 < CMAC_BLOCK_LEN; i++)
		out[i] = (uint8_t)(in[i] << 1 | in[i + 1] >> 7);
	out[CMAC_BLOCK_LEN - 1] = (uint8_t)(in[CMAC_BLOCK_LEN - 1] << 1) ^ carry;
}

void cmac_subkeys_derive(const uint8_t l[CMAC_BLOCK_LEN],
			 struct cmac_subkeys *ret_subkeys)
{
	double_block(l, ret_subkeys->k1);
	double_block(ret_subkeys->k1, ret_subkeys->k2);
}

static bool derive_subkeys(struct cmac *m)
{
	uint8_t block[CMAC_BLOCK_LEN] = {0};
	EVP_CIPHER_CTX *c = evp_key_take(&m->cbc);
	bool ok;
	int n;

	if (!c)
		return false;
	ok = EVP_EncryptInit_ex2(c, NULL, NULL, zero_iv, NULL) == 1 &&
	     EVP_EncryptUpdate(c, block, &n, block, sizeof(block)) == 1;
	evp_key_give(&m->cbc, c);
	cmac_subkeys_derive(block, m->subkeys);
	wipe(block, sizeof(block));
	return ok;
}

int cmac_init(struct cmac *m, const EVP_CIPHER *cbc, struct span key)
{
	if (evp_key_init(&m->cbc, cbc, EVP_KEY_ENCRYPT, key, 0))
		return -EIO;
	m->subkeys = secret_alloc(sizeof(*m->subkeys));
	if (!m->subkeys || !derive_subkeys(m)) {
		cmac_fini(m);
		return -EIO;
	}
	return 0;
}

void cmac_fini(struct cmac *m)
{
	evp_key_fini(&m->cbc);
	secret_free(m->subkeys);
}

int cmac_run(const struct cmac *m, const struct span *parts, size_t part_count,
	     uint8_t ret_tag[CMAC_BLOCK_LEN])
{
	struct chain c; /* not zeroed: what is read was written before */

	c.cbc = evp_key_take(&m->cbc);
	if (!c.cbc)
		return -EIO;
	c.held_len = 0;
	c.sink_used = 0;
	c.ok = EVP_EncryptInit_ex2(c.cbc, NULL, NULL, zero_iv, NULL) == 1;
	for (size_t i = 0; i < part_count; i++)
		chain_take(&c, parts[i]);
	chain_finish(&c, m);
	evp_key_give(&m->cbc, c.cbc);

	if (c.ok)
		memcpy(ret_tag, c.last, CMAC_BLOCK_LEN);
	wipe(c.sink, c.sink_used); /* blocks under the key, and the tag */
	return c.ok ? 0 : -EIO;
}
