/*
 * copy_chunk.h - server-side copy: the client names a source by a key and lists what to copy into the file of the IOCTL.
 *
 * The data never leaves the file system: each chunk is one VFS_COPY. The source's close waits for the copy.
 *
 * Threads  the request's worker.
 * Spec     [MS-SMB2] 3.3.5.15.5, 3.3.5.15.6
 */
#pragma once

#include "cmd/ioctl.h"

/* FSCTL_SRV_REQUEST_RESUME_KEY */
nt_status ioctl_resume_key(struct req *q, const struct ioctl *c);
/* FSCTL_SRV_COPYCHUNK, FSCTL_SRV_COPYCHUNK_WRITE */
nt_status ioctl_copy_chunk(struct req *q, const struct ioctl *c);
