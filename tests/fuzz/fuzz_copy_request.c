/*
 * fuzz_copy_request.c - any bytes as what FSCTL_SRV_COPYCHUNK asks for.
 *
 * Besides surviving: whatever is accepted keeps to all limits.
 *
 * Target functions: copy_request_decode
 */
#include "cmd/copy_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 16 };

static void check(const struct copy_request *c)
{
	uint64_t total = 0;

	if (c->chunk_count > COPY_CHUNKS_MAX)
		abort();
	for (size_t i = 0; i < c->chunk_count; i++) {
		const struct copy_chunk *k = &c->chunks[i];

		if (k->length == 0 || k->length > COPY_CHUNK_MAX)
			abort();
		if (k->target_offset > INT64_MAX && k->target_offset != COPY_TO_END)
			abort();
		total += k->length;
	}
	if (total > COPY_TOTAL_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct copy_request c;
	struct arena a;

	arena_init(&a, ARENA_MAX);
	if (nt_ok(copy_request_decode(span_of(data, size), &a, &c)))
		check(&c);
	arena_fini(&a);
	return 0;
}
