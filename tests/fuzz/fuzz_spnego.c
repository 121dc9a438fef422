/*
 * fuzz_spnego.c - any bytes as a SPNEGO token.
 *
 * Besides surviving: what decodes as a NegTokenResp means the same after it was encoded and decoded again.
 *
 * Target functions: spnego_init_decode, spnego_resp_decode, spnego_resp_encode
 */
#include "auth/spnego.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resp_again(const struct spnego_resp *r, struct arena *a)
{
	struct spnego_resp again;
	struct span der;

	if (spnego_resp_encode(r, a, &der) || spnego_resp_decode(der, a, &again))
		abort();
	if (again.state != r->state || again.mech != r->mech ||
	    !span_eq(again.token, r->token) || !span_eq(again.mic, r->mic))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spnego_init init;
	struct spnego_resp resp;
	struct arena a;

	arena_init(&a, 1 << 24);
	if (spnego_init_decode(span_of(data, size), &a, &init) == 0 &&
	    (init.mech_count == 0 || init.mech_list.len == 0))
		abort();
	if (spnego_resp_decode(span_of(data, size), &a, &resp) == 0)
		resp_again(&resp, &a);
	arena_fini(&a);
	return 0;
}
