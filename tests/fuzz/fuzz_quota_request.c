/*
 * fuzz_quota_request.c - any bytes as what is asked and set of quotas.
 *
 * Besides surviving: limits that are accepted are none, or what a file system can count.
 *
 * Target functions: quota_query_decode, quota_changes_decode
 */
#include "cmd/quota_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 20 };

static void check(uint64_t limit)
{
	if (limit != VFS_QUOTA_NONE && limit > VFS_QUOTA_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct quota_change *changes;
	struct quota_query q;
	struct arena a;
	size_t count;

	arena_init(&a, ARENA_MAX);
	if (nt_ok(quota_query_decode(in, &a, &q)) && q.sids && !q.sid_count)
		abort();
	if (nt_ok(quota_changes_decode(in, &a, &changes, &count)))
		for (size_t i = 0; i < count; i++) {
			check(changes[i].soft);
			check(changes[i].hard);
		}
	arena_fini(&a);
	return 0;
}
