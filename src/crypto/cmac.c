/* cmac.c - see cmac.h */
#include "crypto/cmac.h"

#include "base/ct.h"

#include <errno.h>

/* The cipher text goes nowhere: small enough to stay in the first-level cache. */
enum { SINK_LEN = 4096 };

static const uint8_t zero_iv[CMAC_BLOCK_LEN];

/* One message under way. The last block is held back, because it is treated differently. */
struct chain {
	EVP_CIPHER_CTX *cbc;
	bool ok;
	size_t held_len;
	uint8_t held[CMAC_BLOCK_LEN];
	size_t sink_used; /* most that ever lay in it */
	uint8_t sink[SINK_LEN];
};

/* len: a multiple of the block length. */
static void chain_blocks(struct chain *c, const uint8_t *p, size_t len)
{
	while (c->ok && len) {
		size_t step = len < SINK_LEN ? len : SINK_LEN;
		int n;

		c->ok = EVP_EncryptUpdate(c->cbc, c->sink, &n, p, (int)step) == 1;
		if (step > c->sink_used)
			c->sink_used = step;
		p += step;
		len -= step;
	}
}

static void chain_take(struct chain *c, struct span s)
{
	size_t n = CMAC_BLOCK_LEN - c->held_len;
	size_t whole;

	if (s.len <= n) {
		if (s.len)
			memcpy(c->held + c->held_len, s.p, s.len);
		c->held_len += s.len;
		return;
	}
	if (c->held_len) { /* more follows: the held block is not the last */
		memcpy(c->held + c->held_len, s.p, n);
		chain_blocks(c, c->held, CMAC_BLOCK_LEN);
		s = span_from(s, n);
	}
	whole = (s.len - 1) / CMAC_BLOCK_LEN * CMAC_BLOCK_LEN;
	chain_blocks(c, s.p, whole);
	c->held_len = s.len - whole;
	memcpy(c->held, s.p + whole, c->held_len);
}

static void chain_finish(struct chain *c, const struct cmac *m)
{
	const uint8_t *mask = m->k1;

	if (c->held_len < CMAC_BLOCK_LEN) {
		memset(c->held + c->held_len, 0, CMAC_BLOCK_LEN - c->held_len);
		c->held[c->held_len] = 0x80;
		mask = m->k2;
	}
	for (size_t i = 0; i < CMAC_BLOCK_LEN; i++)
		c->held[i] ^= mask[i];
	chain_blocks(c, c->held, CMAC_BLOCK_LEN);
}

/* Multiply by x in GF(2^128), in time that does not depend on the value. */
static void double_block(const uint8_t in[CMAC_BLOCK_LEN], uint8_t out[CMAC_BLOCK_LEN])
{
	uint8_t carry = (uint8_t)(0u - (in[0] >> 7)) & 0x87;

	for (size_t i = 0; i + 1 < CMAC_BLOCK_LEN; i++)
		out[i] = (uint8_t)(in[i] << 1 | in[i + 1] >> 7);
	out[CMAC_BLOCK_LEN - 1] = (uint8_t)(in[CMAC_BLOCK_LEN - 1] << 1) ^ carry;
}

static bool derive_masks(struct cmac *m)
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
	double_block(block, m->k1);
	double_block(m->k1, m->k2);
	wipe(block, sizeof(block));
	return ok;
}

int cmac_init(struct cmac *m, const EVP_CIPHER *cbc, struct span key)
{
	if (evp_key_init(&m->cbc, cbc, EVP_KEY_ENCRYPT, key, 0))
		return -EIO;
	if (!derive_masks(m)) {
		cmac_fini(m);
		return -EIO;
	}
	return 0;
}

void cmac_fini(struct cmac *m)
{
	evp_key_fini(&m->cbc);
	wipe(m, sizeof(*m));
}

int cmac_run(const struct cmac *m, const struct span *parts, size_t part_count,
	     uint8_t ret_tag[CMAC_BLOCK_LEN])
{
	struct chain c; /* not zeroed: the sink is written before it is read */

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
		memcpy(ret_tag, c.sink, CMAC_BLOCK_LEN);
	wipe(c.sink, c.sink_used); /* blocks under the key, and the tag */
	return c.ok ? 0 : -EIO;
}
