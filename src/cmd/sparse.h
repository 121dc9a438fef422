/*
 * sparse.h - sparse files: FSCTL_SET_SPARSE, FSCTL_SET_ZERO_DATA, FSCTL_QUERY_ALLOCATED_RANGES; FSCTL_FILE_LEVEL_TRIM.
 *
 * That a file is sparse is one of its stored attributes. The file system keeps holes in any file: of one that is not sparse
 * clients are told that all is allocated, and zeroes take room there where the file system can do that.
 *
 * Spec     [MS-FSCC] 2.3; [MS-FSA] 2.1.5.10.22, .36, .37, 2.1.5.10.6
 */
#pragma once

#include "cmd/ioctl.h"

nt_status ioctl_set_sparse(struct req *q, const struct ioctl *c);
nt_status ioctl_set_zero_data(struct req *q, const struct ioctl *c);
nt_status ioctl_allocated_ranges(struct req *q, const struct ioctl *c);
nt_status ioctl_trim(struct req *q, const struct ioctl *c);
