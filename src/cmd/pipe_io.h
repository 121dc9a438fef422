/*
 * pipe_io.h - READ, WRITE and FSCTL_PIPE_TRANSCEIVE on named pipes, and what remote procedures may know.
 *
 * Remote procedures may ask for account names, which may block: they run in the pool, one request a pipe at a
 * time (open->pipe_turn), and few at a time in all (smb_server.rpc_turns). READ only copies, or waits.
 *
 * Spec     [MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.15.4
 */
#pragma once

#include "rpc/admin.h"
#include "rpc/info.h"
#include "smb/req.h"

struct ioctl;

/* q->open is a pipe. Each answers like its command does. Data is borrowed from the frame's buffer. */
nt_status pipe_cmd_read(struct req *q, uint32_t length);
nt_status pipe_cmd_write(struct req *q, struct span data);
nt_status pipe_cmd_transceive(struct req *q, const struct ioctl *c);

/* What an administrator closes by a call: once that is over. */
struct pipe_ending {
	struct pipe_ending *next;
	enum rpc_activity_kind kind;
	uint64_t id;
};

/* What the callbacks of a call work on. */
struct pipe_context {
	struct req *q;
	const struct principal *who; /* who opened the pipe, as of a file */
	bool administrator;          /* he is one */
	struct pipe_ending *endings; /* in q's arena */
};

/* pipe_info.c: for one call on behalf of p->q; borrows from p, q and its snapshot. */
struct rpc_info pipe_info(struct pipe_context *p);

/* pipe_admin.c */
extern const struct rpc_admin pipe_admin;
/* On the request's worker. */
void pipe_end_all(struct pipe_context *p);

/* read.c: room for `len` bytes of READ data in the response (NULL p without memory), then its fixed part around them. */
struct mspan read_room(struct req *q, size_t len);
void read_encode(struct req *q, size_t len);
/* write.c: its response. */
void write_encode(struct wr *w, uint32_t count);
