/* ipsec_none.c - ipsec.h where the library does not exist; nothing but the question is ever asked */
#include "crypto/ipsec.h"

#include <stdlib.h>

bool ipsec_available(void)
{
	return false;
}

const char *ipsec_description(void)
{
	return "no ipsec-mb";
}

struct ipsec_key *ipsec_key_new(struct span key)
{
	return NULL;
}

void ipsec_key_free(struct ipsec_key *k)
{
}

void ipsec_gcm_seal(const struct ipsec_key *k, const uint8_t nonce[12], struct span aad,
		    struct mspan text, uint8_t ret_tag[16])
{
	abort();
}

int ipsec_gcm_seal_from(const struct ipsec_key *k, const uint8_t nonce[12],
			struct span aad, struct mspan head, struct span from, uint8_t *to,
			uint8_t ret_tag[16])
{
	abort();
}

void ipsec_gcm_open(const struct ipsec_key *k, const uint8_t nonce[12], struct span aad,
		    struct mspan text, uint8_t ret_tag[16])
{
	abort();
}

void ipsec_gmac(const struct ipsec_key *k, const uint8_t nonce[12],
		const struct span *parts, size_t part_count, uint8_t ret_tag[16])
{
	abort();
}
