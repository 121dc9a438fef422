/*
 * fuzz_state_dump.c - any bytes as a replica of what clients share.
 *
 * Besides surviving: what is accepted is written again as the same bytes.
 *
 * Target functions: state_read, state_write, state_size
 */
#include "fs/state_dump.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct state *s, const uint8_t *data, size_t size)
{
	uint8_t *again = malloc(size + 1);
	struct wr w = wr_of(mspan_of(again, size));

	if (!again || state_size(s) != size || state_write(s, &w) != 0 ||
	    memcmp(again, data, size) != 0)
		abort();
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t hash_key[16];
	struct state *s = state_new(0, hash_key);
	struct rd r = rd_of(span_of(data, size));

	if (state_read(s, &r) == 0)
		check(s, data, size);
	state_free(s);
	return 0;
}
