/*
 * pipe.h - the named pipes of IPC$ and the remote procedures behind them.
 *
 * Message mode: each PDU we send is one message; what the client writes is taken as a stream of PDUs, however it is cut
 * into writes. A call is executed, and its response queued, inside the write that completes it.
 *
 * Owns     struct pipe owns its association, context handles, unfinished request and unread responses; all bounded
 *          (rpc/dcerpc.h): at most 64 KiB of request and about 1 MiB of responses an open.
 * Threads  one user at a time: whoever owns the open serialises. Calls may run on a pool thread, and should if a callback
 *          of struct rpc_info may block.
 * Errors   statuses for the SMB response.
 * Spec     [MS-RPCE] 2.1.1.2, [MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.15.4 (FSCTL_PIPE_TRANSCEIVE), 3.3.5.15.1 (PEEK)
 */
#pragma once

#include "base/status.h"
#include "rpc/info.h"

struct pipe;

/*
 * Open the pipe of that name.
 *
 * name  UTF-8, "srvsvc", "wkssvc" or "lsarpc" in any case, also as "\srvsvc" or "\PIPE\srvsvc". Only these: the name
 *       selects a table entry and goes nowhere else.
 *
 * STATUS_OBJECT_NAME_NOT_FOUND for any other, STATUS_INSUFFICIENT_RESOURCES without memory.
 */
MUST_CHECK nt_status pipe_open(const char *name, struct pipe **ret_pipe);
/* NULL is fine. */
void pipe_free(struct pipe *p);
/* Its name in lower case, without prefix. Static. */
const char *pipe_name(const struct pipe *p);

/*
 * Feed bytes from the client; info is borrowed for the call.
 *
 * STATUS_PIPE_BROKEN: the client broke the protocol in a way that has no answer, or does not read its responses. What was
 * queued before can still be read.
 */
MUST_CHECK nt_status pipe_write(struct pipe *p, const struct rpc_info *info,
				struct span in);

/*
 * Take from the first waiting message.
 *
 * STATUS_SUCCESS: out holds all (that was left) of it.
 * STATUS_BUFFER_OVERFLOW: out is full, the message is not finished; the next read goes on in it.
 * STATUS_PIPE_EMPTY: nothing waits, and nothing will before the next write; *ret_len is 0.
 * STATUS_PIPE_BROKEN: nothing waits and nothing ever will; *ret_len is 0.
 */
MUST_CHECK nt_status pipe_read(struct pipe *p, struct mspan out, size_t *ret_len);

/*
 * Write, then read the first message of the answer, as pipe_write() and pipe_read() do.
 *
 * STATUS_PIPE_BUSY, and nothing is written, while an earlier answer has not been read to its end.
 */
MUST_CHECK nt_status pipe_transceive(struct pipe *p, const struct rpc_info *info,
				     struct span in, struct mspan out, size_t *ret_len);

/* For FSCTL_PIPE_PEEK and FilePipeLocalInformation: bytes in all waiting messages, and in the first. */
size_t pipe_waiting(const struct pipe *p);
size_t pipe_message_left(const struct pipe *p);
