/*
 * set_info.h - what the parts of SET_INFO share: a table of classes, and one file for each family of them.
 *
 *     set_info.c         decode, the table, checks; classes that change only the open
 *     set_info_attr.c    times, attributes, sizes, security: one VFS_SETATTR each
 *     set_info_delete.c  FileDispositionInformation
 *     set_info_move.c    FileRenameInformation, FileLinkInformation
 *     set_info_stream.c  FileRenameInformation of a named stream
 *     set_info_quota.c   quotas
 *     moved_opens.c      what a rename means for the other opens
 *
 * Spec     [MS-SMB2] 2.2.39, 2.2.40, 3.3.5.21; [MS-FSA] 2.1.5.15
 */
#pragma once

#include "cmd/cmd.h"
#include "cmd/open_call.h"

struct file_target;

struct set_info {
	uint8_t type; /* SMB2_0_INFO_* */
	uint8_t class;
	uint32_t additional;
	struct file_id id;
	struct rd data; /* the information alone */
};

/* Each answers or returns STATUS_PENDING. Access, kind of file and the least length have been checked. */
nt_status set_basic(struct req *q, struct set_info *a);
nt_status set_end_of_file(struct req *q, struct set_info *a);
nt_status set_allocation(struct req *q, struct set_info *a);
nt_status set_security(struct req *q, struct set_info *a);
nt_status set_quota(struct req *q, struct set_info *a);
nt_status set_disposition(struct req *q, struct set_info *a);
nt_status set_disposition_ex(struct req *q, struct set_info *a);
nt_status set_rename(struct req *q, struct set_info *a);
nt_status set_link(struct req *q, struct set_info *a);
/* set_rename() to what names a stream; `to` is in the request's arena. */
nt_status set_stream_rename(struct req *q, const struct file_target *to);

/* The response. */
nt_status set_succeed(struct req *q);
/* The same, or the status of err: the continuation of a last call. */
nt_status set_done(struct req *q, int err, struct wr *w);
/* The same, after the change was noted: the file is to be archived, and times that are held (cmd/held_times.h) are put
 * back. [MS-FSA] 2.1.4.18 */
nt_status set_done_note(struct req *q, int err, struct wr *w);
