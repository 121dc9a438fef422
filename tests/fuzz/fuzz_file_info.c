/*
 * fuzz_file_info.c - any bytes as what a SET_INFO carries.
 *
 * Besides surviving: names that are accepted can stand in a path, and times are times or one of the three orders.
 *
 * Target functions: file_basic_decode, file_target_decode
 */
#include "cmd/file_info.h"
#include "wire/filetime.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 22 };

static void check_basic(struct span s)
{
	struct rd r = rd_of(s);
	struct file_basic b;

	if (!nt_ok(file_basic_decode(&r, s.len % 2, &b)))
		return;
	if (!filetime_is_valid(b.create_time) || !filetime_is_valid(b.access_time) ||
	    !filetime_is_valid(b.write_time) || !filetime_is_valid(b.change_time))
		abort();
}

static void check_target(struct span s, struct arena *a)
{
	struct rd r = rd_of(s);
	struct file_target t;

	if (!nt_ok(file_target_decode(&r, a, &t)))
		return;
	if (t.path.stream && strpbrk(t.path.stream, "/\\:"))
		abort();
	for (size_t i = 0; i < t.path.count; i++)
		if (t.path.names[i][0] == '\0' || strpbrk(t.path.names[i], "/\\:*?\"<>|"))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;

	arena_init(&a, ARENA_MAX);
	check_basic(span_of(data, size));
	check_target(span_of(data, size), &a);
	arena_fini(&a);
	return 0;
}
