/*
 * fuzz_sd.c - any bytes as a security descriptor.
 *
 * Besides surviving: what is accepted is written back in the length announced, and once written it stays the
 * same.
 *
 * Target functions: sd_decode, wr_sd, sd_len, rd_sid, wr_sid, sid_text, sid_parse
 */
#include "wire/sd.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 22 };

/* A copy that ends where the allocation does. */
static struct span encode(const struct sd *sd)
{
	size_t len = sd_len(sd);
	struct wr w = wr_of(mspan_of(malloc(len), len));

	wr_sd(&w, sd);
	if (!wr_ok(&w) || wr_left(&w) != 0)
		abort();
	return wr_done(&w);
}

static void check_sid(const struct sid *sid)
{
	char text[SID_TEXT_MAX];
	struct sid back;

	if (sid && (sid_parse(sid_text(sid, text), &back) || !sid_eq(sid, &back)))
		abort();
}

static bool writable(const struct acl *acl)
{
	size_t len = 8;

	for (size_t i = 0; acl && i < acl->count; i++) {
		const struct ace *ace = &acl->aces[i];

		len += ace_is_plain(ace) ? 8 + sid_len(&ace->sid) : 4 + ace->raw.len;
	}
	return len <= UINT16_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span first, second;
	struct arena a;
	struct sd sd, again;

	arena_init(&a, ARENA_MAX);
	if (nt_ok(sd_decode(&a, span_of(data, size), &sd))) {
		check_sid(sd.owner);
		check_sid(sd.group);
		if (!writable(sd.sacl) || !writable(sd.dacl))
			abort(); /* what fitted its 16-bit size once does so again */
		first = encode(&sd);
		if (!nt_ok(sd_decode(&a, first, &again)))
			abort();
		second = encode(&again);
		if (!span_eq(first, second))
			abort();
		free((void *)first.p);
		free((void *)second.p);
	}
	arena_fini(&a);
	return 0;
}
