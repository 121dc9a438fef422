/*
 * write_note.h - what changing a file's contents does to the rest of it: the write time comes late (fs/shown.h), it is to
 *                be archived, times that are held stay, and who caches the file hears of it.
 *
 * Threads  the request's worker.
 * Spec     [MS-FSA] 2.1.4.17
 */
#pragma once

#include "smb/req.h"

/* The largest file NTFS holds; clients rely on being told so. [MS-FSA] 2.1.5.4 (MaxFileSize) */
static const uint64_t FILE_SIZE_MAX = 0xFFFFFFF0000;

/* Embedded in the state of the request. */
struct write_note {
	struct vfs_statcall before; /* for the write time that is shown still */
	bool archive;               /* it did not say that it is to be archived */
	struct vfs_setattr after;   /* times that are held, FILE_ATTRIBUTE_ARCHIVE */
	req_done then;
};

/* The contents of q->open are about to change; goes on with then(q, 0), which may be called before this returns. */
nt_status write_note_begin(struct req *q, struct write_note *n, req_done then);
/* They have changed. Caches were broken before; those that were granted since are broken here, too. */
nt_status write_note_end(struct req *q, struct write_note *n, req_done then);
