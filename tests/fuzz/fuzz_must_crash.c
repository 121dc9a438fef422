/*
 * fuzz_must_crash.c - a decoder with a hole, so that we know that the harness finds holes.
 *
 * It trusts a length from the wire, as none of ours may; tests/run fuzz fails if this target does not.
 */
#include "base/span.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;
	int sum = 0;

	if (size < 2)
		return 0;
	copy = malloc(size - 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	for (size_t i = 0; i < data[0]; i++)
		sum += copy[i];
	free(copy);
	return sum == -1;
}
