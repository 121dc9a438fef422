#include "secure/signed_once.h"

#include <string.h>

/* Signatures are no secrets: they were on the wire. */
static bool same(const uint8_t *a, const uint8_t *b)
{
	return span_eq(span_of(a, SIGNATURE_LEN), span_of(b, SIGNATURE_LEN));
}

static bool is_away(const struct signed_once *s, const uint8_t *signature)
{
	for (size_t i = 0; i < s->away_count; i++)
		if (same(s->away[i], signature))
			return true;
	return false;
}

bool signed_once_home(struct signed_once *s, uint64_t message_id,
		      const uint8_t signature[SIGNATURE_LEN])
{
	if (message_id >= SIGNED_ONCE_HOME)
		return true;
	if (is_away(s, signature))
		return false;
	memcpy(s->home[message_id], signature, SIGNATURE_LEN);
	return true;
}

bool signed_once_away(struct signed_once *s, uint64_t message_id,
		      const uint8_t signature[SIGNATURE_LEN])
{
	if (message_id >= SIGNED_ONCE_HOME || s->away_count == SIGNED_ONCE_AWAY ||
	    same(s->home[message_id], signature) || is_away(s, signature))
		return false;
	memcpy(s->away[s->away_count++], signature, SIGNATURE_LEN);
	return true;
}
