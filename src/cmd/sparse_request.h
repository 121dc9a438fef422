/*
 * sparse_request.h - the decoders of FSCTL_SET_ZERO_DATA, FSCTL_QUERY_ALLOCATED_RANGES, FSCTL_SET_SPARSE and
 *                    FSCTL_FILE_LEVEL_TRIM.
 *
 * Owns     nothing.
 * Threads  pure.
 * Errors   STATUS_INVALID_PARAMETER: too short; a range that no file can have.
 * Spec     [MS-FSCC] 2.3.15, 2.3.52, 2.3.73, 2.3.75
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"

/* Bytes of a file, from offset to before end: at most INT64_MAX. */
struct file_range {
	uint64_t offset, end;
};

enum {
	RANGE_LEN = 16,        /* FILE_ALLOCATED_RANGE_BUFFER, on the wire */
	TRIM_RANGES_MAX = 256, /* ours; clients split what they trim */
};

/* FILE_SET_SPARSE_BUFFER, or nothing: which means true. */
bool set_sparse_decode(struct span input);
/* FILE_ZERO_DATA_INFORMATION */
MUST_CHECK nt_status zero_data_decode(struct span input, struct file_range *ret_range);
/* FILE_ALLOCATED_RANGE_BUFFER */
MUST_CHECK nt_status allocated_ranges_decode(struct span input,
					     struct file_range *ret_range);
/* FILE_LEVEL_TRIM; the ranges are in the arena. */
MUST_CHECK nt_status trim_decode(struct span input, struct arena *a,
				 struct file_range **ret_ranges, size_t *ret_count);
