/*
 * copy_request.h - the decoder of FSCTL_SRV_COPYCHUNK and FSCTL_SRV_COPYCHUNK_WRITE, and the key that names a source.
 *
 * Owns     nothing.
 * Threads  pure.
 * Spec     [MS-SMB2] 2.2.31.1, 2.2.32.3, 3.3.5.15.6
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "smb/open.h"
#include "wire/rd.h"
#include "wire/wr.h"

/* Windows' figures: [MS-SMB2] 3.3.3 */
enum {
	COPY_CHUNKS_MAX = 256,     /* ServerSideCopyMaxNumberofChunks	*/
	COPY_CHUNK_MAX = 1 << 20,  /* ServerSideCopyMaxChunkSize, bytes	*/
	COPY_TOTAL_MAX = 16 << 20, /* ServerSideCopyMaxDataSize, bytes	*/
};

#define COPY_TO_END UINT64_MAX /* TargetOffset: behind the last byte */

/* Open.ResumeKey: which open, and what only whoever asked for the key knows. */
struct resume_key {
	struct file_id id;
	uint64_t secret; /* never 0 */
};

/* SRV_RESUME_KEY_LEN bytes. */
void wr_resume_key(struct wr *w, const struct resume_key *key);

struct copy_chunk {
	uint64_t source_offset;
	uint64_t target_offset; /* or COPY_TO_END */
	uint32_t length;        /* 1 to COPY_CHUNK_MAX */
};

struct copy_request {
	struct resume_key source;
	size_t chunk_count;
	struct copy_chunk *chunks; /* in the arena */
};

/*
 * STATUS_INVALID_PARAMETER: too short, or beyond a limit; the client is to be told the limits. No file that is known to
 * exist fails here: that a source ends before SourceOffset is found out by looking.
 */
MUST_CHECK nt_status copy_request_decode(struct span input, struct arena *a,
					 struct copy_request *ret_request);
