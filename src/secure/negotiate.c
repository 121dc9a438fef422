/* negotiate.c - see negotiate.h */
#include "secure/negotiate.h"

#include "wire/rd.h"
#include "wire/smb2_proto.h"

static bool is_listed(const uint16_t *list, size_t count, uint16_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i] == id)
			return true;
	}
	return false;
}

static bool is_offered(struct span ids, unsigned id)
{
	struct rd r = rd_of(ids);

	while (rd_left(&r) >= sizeof(uint16_t)) {
		if (rd_u16(&r) == id)
			return true;
	}
	return false;
}

/* 0x02FF, the answer to the multi-protocol NEGOTIATE, is in no server's list and so no dialect. */
static uint16_t greatest_common(const struct negotiate_server *s,
				const struct negotiate_client *c)
{
	uint16_t best = 0;

	for (size_t i = 0; i < c->dialect_count; i++) {
		if (c->dialects[i] > best &&
		    is_listed(s->dialects, s->dialect_count, c->dialects[i]))
			best = c->dialects[i];
	}
	return best;
}

static enum seal_cipher first_offered_cipher(const struct negotiate_server *s,
					     struct span offered)
{
	for (size_t i = 0; i < s->cipher_count; i++) {
		if (is_offered(offered, s->ciphers[i]))
			return s->ciphers[i];
	}
	return SEAL_NONE;
}

/* Nothing in common, or no context: AES-CMAC, as in 3.0. */
static enum sign_alg first_offered_signing(const struct negotiate_server *s,
					   struct span offered)
{
	for (size_t i = 0; i < s->signing_count; i++) {
		if (is_offered(offered, s->signings[i]))
			return s->signings[i];
	}
	return SIGN_AES_CMAC;
}

/* 3.0 and 3.0.2 have one cipher and a capability bit on each side. */
static enum seal_cipher cipher_of_30(const struct negotiate_server *s,
				     const struct negotiate_client *c)
{
	for (size_t i = 0; i < s->cipher_count; i++) {
		if (s->ciphers[i] == SEAL_AES_128_CCM && c->cap_encryption)
			return SEAL_AES_128_CCM;
	}
	return SEAL_NONE;
}

struct negotiate_choice negotiate_choose(const struct negotiate_server *server,
					 const struct negotiate_client *client)
{
	struct negotiate_choice ch = {.dialect = greatest_common(server, client)};

	switch (ch.dialect) {
	case SMB2_DIALECT_311:
		ch.cipher = first_offered_cipher(server, client->ciphers);
		ch.sign_alg = first_offered_signing(server, client->signings);
		break;
	case SMB2_DIALECT_302:
	case SMB2_DIALECT_300:
		ch.cipher = cipher_of_30(server, client);
		ch.sign_alg = SIGN_AES_CMAC;
		break;
	default:
		ch.cipher = SEAL_NONE;
		ch.sign_alg = SIGN_HMAC_SHA256;
	}
	return ch;
}
