/* preauth.c - see preauth.h */
#include "secure/preauth.h"

#include "crypto/hash.h"

_Static_assert((int)PREAUTH_LEN == (int)SHA512_LEN, "the hash is SHA-512");

int preauth_update(struct preauth *h, struct span message)
{
	const struct span parts[] = {span_of(h->value, PREAUTH_LEN), message};

	return sha512(parts, ARRAY_LEN(parts), h->value);
}
