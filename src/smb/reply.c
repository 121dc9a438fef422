/*
 * reply.c - the answer of a request: error body, header, credits, protection.
 *
 * Spec     [MS-SMB2] 3.3.4.1, 3.3.4.2, 3.3.4.4, 2.2.2
 */
#include "base/log.h"
#include "secure/seal.h"
#include "smb/breaks.h"
#include "smb/req.h"
#include "smb/send.h"

#include <errno.h>

enum { ERROR_RESPONSE_SIZE = 9, ERROR_CONTEXT_HEADER_LEN = 8 };

/* Statuses that are not success but carry the command's own body. [MS-SMB2] 3.3.4.4 */
static const struct {
	uint16_t command;
	uint32_t status;
} with_body[] = {
	{SMB2_SESSION_SETUP, 0xC0000016},   /* STATUS_MORE_PROCESSING_REQUIRED	*/
	{SMB2_QUERY_INFO, 0x80000005},      /* STATUS_BUFFER_OVERFLOW		*/
	{SMB2_READ, 0x80000005},            /* likewise: a pipe			*/
	{SMB2_IOCTL, 0x80000005},           /* likewise: FSCTL_PIPE_TRANSCEIVE	*/
	{SMB2_CHANGE_NOTIFY, 0x0000010C},   /* STATUS_NOTIFY_ENUM_DIR		*/
	{SMB2_QUERY_DIRECTORY, 0x80000005}, /* STATUS_BUFFER_OVERFLOW		*/
};

static bool keeps_body(const struct req *q, nt_status st)
{
	if (q->sealed)
		return nt_is(st, STATUS_SUCCESS);
	if (nt_ok(st) || q->with_body)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(with_body); i++)
		if (with_body[i].command == q->header.command &&
		    with_body[i].status == st.v)
			return true;
	return false;
}

/* Data without a pointer is none; otherwise 3.1.1 wants it, even if empty, inside one error context. 2.2.2, 2.2.2.1 */
static void wr_error_body(struct wr *w, uint16_t dialect, struct span data)
{
	bool context = dialect == SMB2_DIALECT_311 && data.p;
	size_t len = context ? ERROR_CONTEXT_HEADER_LEN + data.len : data.len;

	wr_u16(w, ERROR_RESPONSE_SIZE);
	wr_u8(w, context); /* ErrorContextCount */
	wr_u8(w, 0);       /* Reserved */
	wr_u32(w, (uint32_t)len);
	if (context) {
		wr_u32(w, (uint32_t)data.len);
		wr_u32(w, SMB2_ERROR_ID_DEFAULT);
	}
	wr_bytes(w, data);
	if (len == 0)
		wr_u8(w, 0); /* ErrorData is never empty on the wire */
}

static void wr_reply_header(struct req *q, nt_status st, uint16_t credits)
{
	struct smb2_header h = {
		.credit_charge = q->header.credit_charge,
		.status = st.v,
		.command = q->header.command,
		.credits = credits,
		.flags = SMB2_FLAGS_SERVER_TO_REDIR,
		.message_id = q->header.message_id,
		.process_id = q->header.process_id,
		.tree_id = q->tree ? q->tree->id : q->header.tree_id,
		.session_id = q->sess ? q->sess->id : q->header.session_id,
	};
	struct wr w = wr_of(mspan_of(q->out->data + BUF_HEADROOM, SMB2_HEADER_LEN));

	if (q->related)
		h.flags |= SMB2_FLAGS_RELATED_OPERATIONS;
	if (q->async_id) {
		h.flags |= SMB2_FLAGS_ASYNC_COMMAND;
		h.async_id = q->async_id;
	}
	wr_smb2_header(&w, &h);
}

/* What the handler hashes is what is sent: it is signed now, not with the others at the end of the turn. */
static int reply_hash(struct req *q, struct buf *buf, size_t len, struct sign_key **key)
{
	struct sign_item item = {.key = *key,
				 .msg = mspan_of(buf->data + BUF_HEADROOM, len)};

	if (!q->encoded)
		return 0;
	if (item.key)
		sign_batch(&item, 1);
	*key = NULL;
	if (!item.err)
		q->encoded(q, span_of_m(item.msg));
	return item.err;
}

bool req_is_answered_plain(const struct req *q)
{
	struct policy_in in = req_policy(q);

	return policy_answer(&in, false, q->final_setup) == POLICY_ANSWER_PLAIN;
}

bool req_may_seal_from(const struct req *q)
{
	struct policy_in in = req_policy(q);

	return q->sess && q->sess->seal && seal_tx_reads_shared(q->sess->seal) &&
	       q->frame->first == q->frame->last && !q->frame->out && !q->async_id &&
	       policy_answer(&in, false, q->final_setup) == POLICY_ANSWER_ENCRYPTED;
}

/* The final answer of an asynchronous request grants nothing: its interim did. */
static uint16_t reply_credits(struct req *q)
{
	if (!q->granted && !q->async_id)
		q->credits = credits_grant(&q->conn->credits, q->header.credits, false);
	q->granted = true;
	return q->credits;
}

void req_unseal(struct req *q)
{
	q->sealed = false;
	q->w = wr_body(q->out);
}

int req_seal_from(struct req *q, struct span data)
{
	struct mspan frame = mspan_of(q->out->data + BUF_HEADROOM - SEAL_HEADER_LEN,
				      SEAL_HEADER_LEN + wr_pos(&q->w));
	int err;

	wr_reply_header(q, STATUS_SUCCESS, reply_credits(q));
	err = seal_message_from(q->sess->seal, q->sess->id, frame, data);
	q->sealed = !err;
	return err;
}

/* Pass an encoded answer on: into the frame's gathered answers, protected as policy says. Takes m's buffer and piece over. */
static int reply_append(struct req *q, struct out_message *m, bool interim)
{
	struct policy_in in = req_policy(q);
	enum policy_answer how = policy_answer(&in, interim, q->final_setup);
	struct frame *f = q->frame;
	struct out *o;

	m->sign = how == POLICY_ANSWER_SIGNED ? req_sign_key(q) : NULL;
	m->channel = q->channel;
	if (!f->out)
		f->out = out_new(q->conn);
	o = f->out;
	if (!o || (how == POLICY_ANSWER_SIGNED && !m->sign) ||
	    (q->sealed && how != POLICY_ANSWER_ENCRYPTED) ||
	    reply_hash(q, m->buf, m->len, &m->sign) != 0) { /* never sent otherwise */
		conn_memory(q->conn, -(int64_t)(m->buf->cap + m->piece_len));
		buf_put(m->buf);
		seg_file_put(m->piece);
		return o ? -ENOKEY : -ENOMEM;
	}
	if (how == POLICY_ANSWER_ENCRYPTED) {
		o->sealed = true;
		o->ready = q->sealed;
		m->buf->secret = !q->sealed;
	}
	if (!o->sess && q->sess)
		o->sess = sess_get(q->sess);
	if (!o->sess && f->seal_sess)
		o->sess = sess_get(f->seal_sess);
	return out_append(o, m);
}

/* Everything of the frame is answered, or the rest comes later: to the connection's queue. */
static void reply_flush(struct frame *f)
{
	struct out *o = TAKE(f->out);

	if (o)
		out_queue(f->conn, o);
	breaks_release(f);
}

static bool replies_to(const struct req *q)
{
	return q->conn->state != CONN_CLOSED && q->header.command != SMB2_CANCEL;
}

/* The body there is, or an ERROR Response; false if there is no memory even for that. */
static bool reply_body(struct req *q, nt_status *st)
{
	struct wr *w = req_reply(q, 0);

	if (keeps_body(q, *st) && wr_ok(w))
		return true;
	if (nt_ok(*st) && q->final_setup)
		return false; /* the client would not know the keys that are in force now */
	if (keeps_body(q, *st))
		*st = STATUS_INSUFFICIENT_RESOURCES;
	req_piece_drop(q);
	q->sealed = false;
	w = req_reply_anew(q, ERROR_RESPONSE_SIZE + ERROR_CONTEXT_HEADER_LEN +
				      q->error_data.len);
	wr_error_body(w, q->conn->dialect, q->error_data);
	return wr_ok(w);
}

/* ret_len: of the answer, if there is one. */
static int reply_encode(struct req *q, nt_status *st, size_t *ret_len)
{
	struct out_message m;

	if (!reply_body(q, st))
		return -ENOMEM;
	if (!q->sealed)
		wr_reply_header(q, *st, reply_credits(q));
	m = (struct out_message){.len = wr_pos(&q->w), .piece_len = q->piece_len};
	*ret_len = m.len + m.piece_len;
	m.buf = TAKE(q->out);
	m.piece = TAKE(q->piece);
	q->piece_len = 0;
	return reply_append(q, &m, false);
}

void req_finish(struct req *q, nt_status st)
{
	struct frame *f = q->frame;
	size_t len = 0;

	if (replies_to(q) && reply_encode(q, &st, &len) != 0)
		conn_disconnect(q->conn, "no memory, or no key, for an answer");
	f->last_status = st;
	f->last_tree_id = q->tree ? q->tree->id : q->header.tree_id;
	f->last_file_id = q->file_id;
	f->last_has_file_id = q->has_file_id;
	stats_answered(q, st, len);
	if (q == f->last)
		reply_flush(f);
	req_free(q);
}

void req_interim(struct req *q)
{
	struct conn *c = q->conn;
	struct frame *f = q->frame;
	struct wr w;
	struct buf *b;

	if (q != f->last || !replies_to(q))
		return; /* only the last element of a compound: [MS-SMB2] 3.3.4.2 */
	b = buf_new(q->lane->lane->bufs,
		    BUF_HEADROOM + SMB2_HEADER_LEN + 2 * ERROR_RESPONSE_SIZE);
	if (!b)
		return; /* the client just hears later */
	conn_memory(c, (int64_t)b->cap);
	q->async_id = c->next_async_id++;
	map_add(&c->async, &q->by_async, q->async_id);
	c->async_count++;
	w = wr_body(b);
	wr_error_body(&w, c->dialect, (struct span){0});
	{
		struct buf *kept = q->out;

		q->out = b;
		wr_reply_header(q, STATUS_PENDING,
				credits_grant(&c->credits, q->header.credits, false));
		q->out = kept;
	}
	f->running = NULL;
	if (reply_append(q, &(struct out_message){.buf = b, .len = wr_pos(&w)}, true) !=
	    0)
		conn_disconnect(c, "no memory, or no key, for an answer");
	reply_flush(f);
}
