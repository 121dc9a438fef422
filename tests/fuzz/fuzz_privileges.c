/*
 * fuzz_privileges.c - any bytes as the file of privileges.
 *
 * Besides surviving: either there are errors, or each account holds something.
 *
 * Target functions: privileges_parse
 */
#include "conf/privileges.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_privileges ps;
	struct conf_errors errs;
	struct arena arena;
	bool ok;

	arena_init(&arena, 8 << 20);
	conf_errors_init(&errs);
	ok = privileges_parse(span_of(data, size), "fuzz", &arena, &ps, &errs);
	if (ok != (errs.error_count == 0))
		abort();
	for (size_t i = 0; ok && i < ps.count; i++)
		if (!ps.list[i].held)
			abort();
	conf_errors_fini(&errs);
	arena_fini(&arena);
	return 0;
}
