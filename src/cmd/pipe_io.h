/*
 * pipe_io.h - READ, WRITE and FSCTL_PIPE_TRANSCEIVE on named pipes, and what remote procedures may know.
 *
 * Remote procedures may ask for account names, which may block: they run in the pool, one request a pipe at a
 * time (open->pipe_turn).
 *
 * Spec     [MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.15.4
 */
#pragma once

#include "smb/req.h"

/* q->open is a pipe. Each answers like its command does. */
nt_status pipe_cmd_read(struct req *q, uint32_t length);
nt_status pipe_cmd_write(struct req *q, struct span data);
nt_status pipe_cmd_transceive(struct req *q, struct span data, uint32_t max_output);

/* read.c: room for `len` bytes of READ data in the response (NULL p without memory), then its fixed part around them. */
struct mspan read_room(struct req *q, size_t len);
void read_encode(struct req *q, size_t len);
/* write.c, ioctl.c: their responses. */
void write_encode(struct wr *w, uint32_t count);
