/*
 * fuzz_auth.c - any bytes as the tokens of one logon: two bytes of length before each.
 *
 * Nobody is known, guests and the anonymous are let in. Besides surviving: nobody gets in by name or with a key,
 * and nothing goes on after the end.
 *
 * Target functions: auth_step, auth_negotiate_token
 */
#include "auth/auth.h"
#include "wire/rd.h"

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

static void check_success(struct auth *a)
{
	CLEANUP(principal_putp) struct principal *p = auth_principal(a);

	if (p->kind == PRINCIPAL_NAMED || auth_session_key(a).len > 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cred self = {.refs = 1, .uid = 1000, .gid = 1000};
	static struct env env = {.ops = &ops};
	static const struct auth_server server = {
		.env = &env,
		.server_name = "SERVER",
		.domain = "example.com",
		.dns_name = "server.example.com",
		.userdb_file = "/nonexistent/users",
		.allow_guest = true,
		.allow_anonymous = true,
		.ntlm = true,
		.self = &self,
	};
	struct rd r = rd_of(span_of(data, size));
	CLEANUP(auth_freep) struct auth *a = auth_new(&server);
	bool over = false;
	struct arena arena;

	if (!a)
		abort();
	arena_init(&arena, 1 << 24);
	while (rd_ok(&r) && rd_left(&r) > 2) {
		struct span token = rd_bytes(&r, rd_u16(&r)), answer = {0};
		nt_status st = auth_step(a, token, &arena, &answer);

		if (over && !nt_is(st, STATUS_INVALID_PARAMETER))
			abort();
		over = !nt_is(st, STATUS_MORE_PROCESSING_REQUIRED);
		if (nt_ok(st))
			check_success(a);
	}
	arena_fini(&arena);
	return 0;
}
