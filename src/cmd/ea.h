/*
 * ea.h - FILE_FULL_EA_INFORMATION lists, in both directions.
 *
 * Threads  pure.
 * Spec     [MS-FSCC] 2.4.16 (FileFullEaInformation), 2.4.16.1 (FileGetEaInformation), [MS-FSA] 2.1.5.15.6
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "fs/vfs.h"
#include "wire/wr.h"

/* Entries with an empty value mean removal; values are borrowed from `list`. STATUS_EA_LIST_INCONSISTENT for a list that
 * is not well-formed or empty, STATUS_INVALID_EA_NAME for a name or flags that cannot be. */
MUST_CHECK nt_status ea_decode(struct span list, struct arena *a, struct vfs_ea **ret_eas,
			       size_t *ret_count);
/* The same for a list of FILE_GET_EA_INFORMATION: names, all values empty. */
MUST_CHECK nt_status ea_decode_names(struct span list, struct arena *a,
				     struct vfs_ea **ret_eas, size_t *ret_count);

/* Bytes the list takes as FILE_FULL_EA_INFORMATION: EaSize of FileEaInformation; 0 for none. What the format cannot hold
 * (values over 64 KiB) is left out, here and below. */
size_t ea_len(const struct vfs_ea *eas, size_t count);
/* STATUS_SUCCESS; STATUS_BUFFER_OVERFLOW with the whole entries that fit; STATUS_BUFFER_TOO_SMALL if not even one does.
 * *ret_done: how many of the list are dealt with. */
MUST_CHECK nt_status ea_encode(const struct vfs_ea *eas, size_t count, struct wr *w,
			       size_t *ret_done);
