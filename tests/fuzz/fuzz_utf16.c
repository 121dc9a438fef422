/*
 * fuzz_utf16.c - any bytes as UTF-16 from the wire, and as a name on disk.
 *
 * Besides surviving: what is accepted goes back to the same bytes; upper case is its own upper case, equal to what
 * it was made from and of the same hash.
 *
 * Target functions: utf16_to_utf8, wr_utf16, utf16_len, utf8_upper, utf8_eq_nocase, utf8_hash_nocase, log_esc
 */
#include "base/log.h"
#include "wire/utf16.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 22 };

static const uint8_t key[16] = {7};

static void check_name(struct arena *a, const char *name)
{
	char *upper, *twice;

	if (!utf8_eq_nocase(name, name))
		abort();
	if (utf8_upper(a, name, &upper)) {
		if (utf16_len(name) >= 0)
			abort(); /* refused by one, accepted by the other */
		return;
	}
	if (!utf8_eq_nocase(name, upper) ||
	    utf8_hash_nocase(key, name) != utf8_hash_nocase(key, upper) ||
	    utf8_upper(a, upper, &twice) || strcmp(upper, twice) != 0)
		abort();
}

static void check_wire(const char *name, struct span wire)
{
	struct wr w = wr_of(mspan_of(malloc(wire.len + 1), wire.len));

	if (utf16_len(name) != (int64_t)wire.len || wr_utf16(&w, name) != wire.len ||
	    !span_eq(wr_done(&w), wire))
		abort();
	free(w.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct log_esc esc;
	struct arena a;
	char *name;

	arena_init(&a, ARENA_MAX);
	if (utf16_to_utf8(&a, in, &name) == 0) {
		check_wire(name, in);
		check_name(&a, name);
	}
	name = arena_dup(&a, in); /* ends at the first NUL */
	if (name)
		check_name(&a, name);
	if (strlen(log_esc(&esc, in)) >= sizeof(esc.text))
		abort();
	arena_fini(&a);
	return 0;
}
