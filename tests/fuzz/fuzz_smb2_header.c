/*
 * fuzz_smb2_header.c - any bytes as an SMB2 packet header.
 *
 * Besides surviving: an accepted header goes back to the same 64 bytes.
 *
 * Target functions: rd_smb2_header, wr_smb2_header
 */
#include "wire/smb2_header.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	struct smb2_header h = rd_smb2_header(&r);
	uint8_t out[SMB2_HEADER_LEN];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));

	if (!rd_ok(&r))
		return 0;
	wr_smb2_header(&w, &h);
	if (!wr_ok(&w) || memcmp(out, data, sizeof(out)) != 0)
		abort();
	return 0;
}
