/*
 * fuzz_ntacl.c - any bytes as a stored "security.NTACL".
 *
 * Besides surviving: what is found lies in the input, at its end; and stored anew it is found again.
 *
 * Target functions: ntacl_decode, ntacl_encode
 */
#include "fs/ntacl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void store_anew(struct span sd, unsigned version)
{
	size_t room = NTACL_HEAD_LEN + sd.len;
	uint8_t *bytes = malloc(room);
	struct wr w = wr_of(mspan_of(bytes, bytes ? room : 0));
	struct span again;

	ntacl_encode(&w, version, sd);
	if (bytes && wr_ok(&w) &&
	    (ntacl_decode(mspan_of(bytes, wr_pos(&w)), &again) != 0 ||
	     !span_eq(again, sd)))
		abort();
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);
	struct span sd;

	if (copy && size) {
		memcpy(copy, data, size);
		if (ntacl_decode(mspan_of(copy, size), &sd) == 0) {
			if (!sd.len || sd.p + sd.len != copy + size)
				abort();
			store_anew(sd, 3);
			store_anew(sd, 4);
		}
	}
	free(copy);
	return 0;
}
