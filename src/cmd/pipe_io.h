/*
 * pipe_io.h - READ, WRITE and FSCTL_PIPE_TRANSCEIVE on named pipes, and what remote procedures may know.
 *
 * Remote procedures may ask for account names, which may block: they run in the pool, one request a pipe at a
 * time (open->pipe_turn).
 *
 * Spec     [MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.15.4
 */
#pragma once

#include "rpc/info.h"
#include "smb/req.h"

struct ioctl;

/* q->open is a pipe. Each answers like its command does. Data is borrowed from the frame's buffer. */
nt_status pipe_cmd_read(struct req *q, uint32_t length);
nt_status pipe_cmd_write(struct req *q, struct span data);
nt_status pipe_cmd_transceive(struct req *q, const struct ioctl *c);

/* pipe_info.c: for one call on behalf of q; borrows from q and its snapshot. */
struct rpc_info pipe_info(struct req *q);

/* read.c: room for `len` bytes of READ data in the response (NULL p without memory), then its fixed part around them. */
struct mspan read_room(struct req *q, size_t len);
void read_encode(struct req *q, size_t len);
/* write.c: its response. */
void write_encode(struct wr *w, uint32_t count);
