/*
 * fuzz_ntlm.c - any bytes as each of a client's NTLMSSP messages, in an exchange whose challenge is known.
 *
 * Besides surviving: nobody proves a password he does not have.
 *
 * Target functions: ntlm_challenge, ntlm_claim, ntlm_verify, ntlm_anonymous
 */
#include "auth/ntlm.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t fixed_time(struct env *e)
{
	return 0x01d0aecbadf5a1a1;
}

static void fixed_random(struct env *e, struct mspan buf)
{
	for (size_t i = 0; i < buf.len; i++)
		buf.p[i] = (uint8_t)i;
}

static const struct env_ops ops = {
	.now_ns = fixed_time, .filetime = fixed_time, .random = fixed_random};

static const struct ntlm_names names = {"SERVER", "WORKGROUP", "server", ""};

static void first(struct span msg, struct arena *a)
{
	struct env env = {.ops = &ops};
	struct ntlm n = {0};
	struct span challenge;
	nt_status st = ntlm_challenge(&n, &env, &names, msg, a, &challenge);

	if (nt_ok(st) && challenge.len < 56)
		abort();
}

static void second(struct span msg, struct arena *a)
{
	static const struct ntlm_key nt_hash = {.b = {1, 2, 3, 4, 5, 6, 7, 8}};
	struct ntlm n = {.stage = NTLM_CHALLENGED};
	struct ntlm_claim c;
	nt_status st;

	if (!nt_ok(ntlm_claim(&n, msg, a, &c)))
		return;
	if (c.anonymous)
		st = ntlm_anonymous(&n, &c);
	else
		st = ntlm_verify(&n, &c, &nt_hash, true);
	if (nt_ok(st) != c.anonymous)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span msg = span_of(data, size);
	struct arena a;

	arena_init(&a, 1 << 20);
	first(msg, &a);
	second(msg, &a);
	arena_fini(&a);
	return 0;
}
