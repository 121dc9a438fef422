/*
 * fuzz_sddl.c - any bytes as a security descriptor in text.
 *
 * Besides surviving: what is accepted can be printed, and what was printed means and prints the same.
 *
 * Target functions: sddl_parse, sddl_print
 */
#include "wire/sddl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sddl_error error = {0};
	const char *text, *again;
	struct sd sd, back;
	struct arena a;

	arena_init(&a, 64 << 20);
	if (sddl_parse(span_of(data, size), &a, &sd, &error)) {
		text = sddl_print(&sd, &a);
		if (!text || !sddl_parse(span_of_str(text), &a, &back, &error))
			abort();
		again = sddl_print(&back, &a);
		if (!again || strcmp(text, again) != 0 || sd_len(&sd) != sd_len(&back))
			abort();
	} else if (error.at > size || !error.expected) {
		abort();
	}
	arena_fini(&a);
	return 0;
}
