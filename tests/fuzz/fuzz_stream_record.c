/*
 * fuzz_stream_record.c - any bytes as a stored "user.tsmb.stream.*".
 *
 * Besides surviving: what is accepted keeps its bounds, and is written again as the same bytes.
 *
 * Target functions: stream_record_decode, stream_record_encode, stream_check_name
 */
#include "fs/stream_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[STREAM_RECORD_MAX];
	struct stream_record r;

	if (stream_record_decode(span_of(data, size), &r) != 0)
		return 0;
	if (stream_check_name(r.name) != 0 || r.content.len > STREAM_INLINE_MAX ||
	    (r.in_file && r.content.len) || stream_id_key(r.id) == 0)
		abort();
	if (stream_record_encode(&r, again) != size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
