/*
 * fuzz_sparse_request.c - any bytes as what is asked of sparse files.
 *
 * Besides surviving: whatever is accepted is a range that a file can have.
 *
 * Target functions: zero_data_decode, allocated_ranges_decode, trim_decode
 */
#include "cmd/sparse_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 16 };

static void check(nt_status st, const struct file_range *f)
{
	if (nt_ok(st) && (f->offset > f->end || f->end > INT64_MAX))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct file_range f, *ranges;
	struct arena a;
	size_t count;

	check(zero_data_decode(in, &f), &f);
	check(allocated_ranges_decode(in, &f), &f);
	arena_init(&a, ARENA_MAX);
	if (nt_ok(trim_decode(in, &a, &ranges, &count)))
		for (size_t i = 0; i < count; i++)
			check(STATUS_SUCCESS, &ranges[i]);
	arena_fini(&a);
	return 0;
}
