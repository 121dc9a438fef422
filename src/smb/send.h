/*
 * send.h - from encoded responses to segments for the transport: compounds, signatures, transforms.
 *
 * Finished responses wait here, unprotected, until their socket can take them; then everything that waits on the
 * worker, over all its connections, is signed together and sealed. Nothing is sealed twice under one nonce.
 *
 * Owns     struct out owns its buffers and references.
 * Threads  the connection's worker.
 * Errors   a response that cannot be protected as policy demands ends the connection; it is never sent otherwise.
 * Spec     [MS-SMB2] 3.3.4.1
 */
#pragma once

#include "secure/policy.h"
#include "smb/conn.h"

/* One response within a transport message. */
struct out_message {
	struct buf *buf;        /* the message lies at buf->data + BUF_HEADROOM	*/
	size_t len;             /* header to last byte, padding included		*/
	struct seg_file *piece; /* what follows it, of a file: counted; or NULL	*/
	size_t piece_len;
	struct sign_key *
		sign; /* signs it, kept alive by `channel` or out->sess; NULL: not signed */
	struct channel *channel; /* counted, or NULL					*/
};

enum {
	OUT_MESSAGES_INLINE = 4,
	/* What answers of one compound may add up to: a transport message ends at 16 MiB, and errors must still fit. */
	OUT_LEN_MAX = 12 << 20,
};

struct out {
	struct list_node node; /* conn->out */
	struct conn *conn;     /* borrowed: whose memory its buffers count as */
	struct sess
		*sess; /* counted: whose keys seal; or that keeps a signing key alive */
	bool sealed;
	bool ready; /* sealed already, before it came here: one message, and in front of it its transform */
	size_t len; /* of all messages, without padding between them */
	size_t count, cap;
	struct out_message *messages; /* `inl`, or from the heap for long compounds */
	struct out_message inl[OUT_MESSAGES_INLINE];
};

struct out *out_new(struct conn *c);
void out_free(struct out *o);

/*
 * Append a response: pads the one before to 8 bytes and sets its NextCommand. Takes over m's buffer and piece, which count
 * as the connection's memory already; its channel stays the caller's. -ENOMEM.
 *
 * A piece is of a file, so that no byte of it can be protected: it goes alone, and what is to be sealed or signed is not
 * sent with one (-EIO). What is sealed already goes alone, too.
 * Spec: [MS-SMB2] 3.3.4.1.3
 */
MUST_CHECK int out_append(struct out *o, const struct out_message *m);
/* To the connection's queue; it is protected at the end of the worker's turn. Takes o over. */
void out_queue(struct conn *c, struct out *o);
/* Drop what was not sent: the connection is gone. */
void out_discard(struct conn *c);
