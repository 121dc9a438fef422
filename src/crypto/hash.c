/* hash.c - see hash.h */
#include "crypto/hash.h"

#include "crypto/suite.h"

#include <errno.h>

static void md_freep(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static int hash(const EVP_MD *md, const struct span *parts, size_t part_count,
		uint8_t *ret_hash)
{
	CLEANUP(md_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned len;

	if (!c || EVP_DigestInit_ex2(c, md, NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < part_count; i++) {
		if (EVP_DigestUpdate(c, parts[i].p, parts[i].len) != 1)
			return -EIO;
	}
	if (EVP_DigestFinal_ex(c, value, &len) != 1)
		return -EIO;
	memcpy(ret_hash, value, len);
	return 0;
}

int sha256(const struct span *parts, size_t part_count, uint8_t ret_hash[SHA256_LEN])
{
	const struct suite *s = suite_get();

	return s ? hash(s->sha256, parts, part_count, ret_hash) : -EIO;
}

int sha512(const struct span *parts, size_t part_count, uint8_t ret_hash[SHA512_LEN])
{
	const struct suite *s = suite_get();

	return s ? hash(s->sha512, parts, part_count, ret_hash) : -EIO;
}
