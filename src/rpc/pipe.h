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
 * Spec     [MS-RPCE] 2.1.1.2, [MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.15.3, 3.3.5.15.4, [MS-FSCC] 2.3.46, 2.3.48
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

/* Would a read find nothing, and may it find something later? */
bool pipe_is_idle(const struct pipe *p);

/*
 * Write, then read the first message of the answer, as pipe_write() and pipe_read() do.
 *
 * STATUS_PIPE_BUSY, and nothing is written, while an earlier answer has not been read to its end.
 */
MUST_CHECK nt_status pipe_transceive(struct pipe *p, const struct rpc_info *info,
				     struct span in, struct mspan out, size_t *ret_len);

/*
 * Encode the reply to FSCTL_PIPE_PEEK: what waits, and as much of the first message as fits. Takes nothing away.
 *
 * STATUS_BUFFER_OVERFLOW: it did not fit whole. STATUS_BUFFER_TOO_SMALL: out has no room for the fixed part of 16 bytes.
 * STATUS_PIPE_BROKEN: as for pipe_read().
 */
MUST_CHECK nt_status pipe_peek(const struct pipe *p, struct mspan out, size_t *ret_len);

/* Unread bytes of all waiting messages, and of the first. For FilePipeLocalInformation. */
size_t pipe_waiting(const struct pipe *p);
size_t pipe_message_left(const struct pipe *p);
