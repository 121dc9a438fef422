/*
 * fuzz_duplicate_extents.c - any bytes as a range of a file to be shared.
 *
 * Besides surviving: whatever is accepted are ranges that files can have.
 *
 * Target functions: duplicate_decode, duplicate_ex_decode
 */
#include "cmd/duplicate_extents.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(nt_status st, const struct duplicate_request *d)
{
	if (!nt_ok(st))
		return;
	if (d->length > INT64_MAX || d->source_offset > INT64_MAX - d->length ||
	    d->target_offset > INT64_MAX - d->length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct duplicate_request d;

	check(duplicate_decode(in, &d), &d);
	check(duplicate_ex_decode(in, &d), &d);
	return 0;
}
