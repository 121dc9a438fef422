/*
 * quota_request.h - quotas as they are on the wire: what is asked, what is set, what is told.
 *
 * Users are SIDs there and uids here: S-1-22-1-uid. A SID of any other form is nobody who could have a quota.
 *
 * Owns     nothing.
 * Threads  pure.
 * Errors   STATUS_INVALID_PARAMETER: lengths, a list that does not chain, what is no SID.
 * Spec     [MS-SMB2] 2.2.37.1; [MS-FSCC] 2.4.41, 2.4.41.1
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "fs/vfs.h"
#include "wire/sid.h"
#include "wire/wr.h"

enum {
	QUOTA_ENTRY_LEN = 40,  /* FILE_QUOTA_INFORMATION without Sid */
	QUOTA_SIDS_MAX = 1024, /* in one request; ours */
};

/* SMB2_QUERY_QUOTA_INFO */
struct quota_query {
	bool single, restart;
	struct sid *sids; /* whose: in the arena; else NULL */
	size_t sid_count;
	bool starts; /* at: */
	struct sid start;
};

MUST_CHECK nt_status quota_query_decode(struct span input, struct arena *a,
					struct quota_query *ret_query);

/* One FILE_QUOTA_INFORMATION of a SET_INFO; the limits are VFS_QUOTA_NONE, or bytes. */
struct quota_change {
	struct sid sid;
	bool deletes; /* the entry; the limits are none */
	uint64_t soft, hard;
};

MUST_CHECK nt_status quota_changes_decode(struct span input, struct arena *a,
					  struct quota_change **ret_changes,
					  size_t *ret_count);

/* Bytes of one entry, padding before the next not included. */
size_t quota_entry_len(const struct sid *sid);
/*
 * Write one more entry; *last is where the one before begins, SIZE_MAX: there is none. q NULL: of somebody who has none,
 * all zeroes. [MS-SMB2] 3.3.5.20.4
 */
void wr_quota_entry(struct wr *w, const struct sid *sid, const struct vfs_quota *q,
		    size_t *last);
