/*
 * fuzz_ea.c - any bytes as a list of extended attributes.
 *
 * Besides surviving: what is accepted is written back in the length announced, and means the same when read again.
 *
 * Target functions: ea_decode, ea_decode_names, ea_len, ea_encode
 */
#include "cmd/ea.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 22 };

static void check_same(const struct vfs_ea *a, const struct vfs_ea *b)
{
	if (strcmp(a->name, b->name) != 0 || !span_eq(a->value, b->value) ||
	    a->flags != b->flags)
		abort();
}

static void check_round_trip(const struct vfs_ea *eas, size_t count, struct arena *a)
{
	size_t len = ea_len(eas, count), done, again_count;
	struct wr w = wr_of(mspan_of(arena_alloc(a, len), len));
	struct vfs_ea *again;

	if (!nt_ok(ea_encode(eas, count, &w, &done)) || done != count || wr_left(&w) != 0)
		abort();
	if (!nt_ok(ea_decode(wr_done(&w), a, &again, &again_count)) ||
	    again_count != count)
		abort();
	for (size_t i = 0; i < count; i++)
		check_same(&eas[i], &again[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfs_ea *eas;
	struct arena a;
	size_t count;

	arena_init(&a, ARENA_MAX);
	if (size <= UINT16_MAX && nt_ok(ea_decode(span_of(data, size), &a, &eas, &count)))
		check_round_trip(eas, count, &a);
	if (nt_ok(ea_decode_names(span_of(data, size), &a, &eas, &count)))
		for (size_t i = 0; i < count; i++)
			if (eas[i].name[0] == '\0' || eas[i].value.len)
				abort();
	arena_fini(&a);
	return 0;
}
