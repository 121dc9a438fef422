/*
 * fuzz_lock_request.c - any bytes as a LOCK.
 *
 * Besides surviving: what is to be done is one kind only, has a range at least, and waits only if it is a lone lock that
 * nothing follows.
 *
 * Target functions: lock_request_decode, lock_ranges_decode
 */
#include "cmd/lock_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 16 };

static void check(const struct lock_request *l, const struct lock_ranges *ranges)
{
	const struct state_op *op = ranges->op;

	if (op->code != STATE_LOCK && op->code != STATE_UNLOCK)
		abort();
	if (op->range_count == 0 || op->range_count > l->count)
		abort();
	if (nt_ok(ranges->rest) != (op->range_count == l->count))
		abort();
	if (op->wait_if_held && (op->code != STATE_LOCK || l->count != 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	struct lock_ranges ranges;
	struct lock_request l;
	struct arena a;

	arena_init(&a, ARENA_MAX);
	if (nt_ok(lock_request_decode(&r, &l)) &&
	    nt_ok(lock_ranges_decode(&r, l.count, &a, &ranges)))
		check(&l, &ranges);
	arena_fini(&a);
	return 0;
}
