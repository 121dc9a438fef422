/*
 * fuzz_reparse.c - any bytes as a reparse point.
 *
 * Besides surviving: what is accepted is written back as the same bytes, Reserved aside, and makes an error response.
 *
 * Target functions: reparse_decode, reparse_delete_decode, wr_reparse, wr_symlink_error
 */
#include "wire/reparse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OFF_RESERVED = 6 };

static void check_again(const struct reparse *r, struct span in)
{
	static uint8_t room[REPARSE_BUFFER_MAX + SYMLINK_ERROR_HEADER_LEN];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct span again;

	wr_reparse(&w, r);
	again = wr_done(&w);
	if (again.len != in.len || memcmp(again.p, in.p, OFF_RESERVED) != 0 ||
	    !span_eq(span_from(again, REPARSE_HEADER_LEN),
		     span_from(in, REPARSE_HEADER_LEN)))
		abort();
	w = wr_of(mspan_of(room, sizeof(room)));
	wr_symlink_error(&w, r, 0);
	if (!wr_ok(&w))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct reparse r;

	if (nt_ok(reparse_decode(in, &r)) || nt_ok(reparse_delete_decode(in, &r)))
		check_again(&r, in);
	return 0;
}
