/* hmac.c - see hmac.h */
#include "crypto/hmac.h"

#include "base/ct.h"

#include <errno.h>

enum { BLOCK_LEN = 64 };

static bool start(SHA256_CTX *c, const uint8_t key[BLOCK_LEN], uint8_t pad)
{
	uint8_t block[BLOCK_LEN];
	bool ok;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	ok = SHA256_Init(c) == 1 && SHA256_Update(c, block, sizeof(block)) == 1;
	wipe(block, sizeof(block));
	return ok;
}

int hmac_init(struct hmac *h, struct span key)
{
	uint8_t padded[BLOCK_LEN] = {0};
	bool ok;

	if (key.len > sizeof(padded))
		SHA256(key.p, key.len, padded);
	else if (key.len)
		memcpy(padded, key.p, key.len);
	ok = start(&h->inner, padded, 0x36) && start(&h->outer, padded, 0x5C);
	wipe(padded, sizeof(padded));
	return ok ? 0 : -EIO;
}

int hmac_run(const struct hmac *h, const struct span *parts, size_t part_count,
	     uint8_t ret_mac[SHA256_DIGEST_LENGTH])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX c = h->inner;
	bool ok = true;

	for (size_t i = 0; i < part_count; i++)
		ok = ok && SHA256_Update(&c, parts[i].p, parts[i].len) == 1;
	ok = ok && SHA256_Final(digest, &c) == 1;
	c = h->outer;
	ok = ok && SHA256_Update(&c, digest, sizeof(digest)) == 1 &&
	     SHA256_Final(ret_mac, &c) == 1;
	wipe(&c, sizeof(c));
	wipe(digest, sizeof(digest));
	return ok ? 0 : -EIO;
}
