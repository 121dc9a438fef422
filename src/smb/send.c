#include "smb/send.h"

#include "base/buf.h"
#include "smb/sess.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIGN_BATCH_MAX = 64, SEGS_MAX = 64 };

struct out *out_new(struct conn *c)
{
	struct out *o = stock_take(&c->lane->outs);

	if (!o)
		return NULL;
	o->conn = c;
	o->messages = o->inl;
	o->cap = OUT_MESSAGES_INLINE;
	return o;
}

/* The buffer of m is no longer the connection's: sent, or dropped. */
static struct buf *message_buf_take(struct out *o, struct out_message *m)
{
	if (m->buf)
		conn_memory(o->conn, -(int64_t)m->buf->cap);
	return TAKE(m->buf);
}

static void message_buf_drop(struct out *o, struct out_message *m)
{
	struct buf *b = message_buf_take(o, m);

	if (b)
		buf_put(b);
}

/* Likewise its piece. */
static struct seg_file *message_piece_take(struct out *o, struct out_message *m)
{
	if (m->piece)
		conn_memory(o->conn, -(int64_t)m->piece_len);
	return TAKE(m->piece);
}

void out_free(struct out *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->count; i++) {
		message_buf_drop(o, &o->messages[i]);
		seg_file_put(message_piece_take(o, &o->messages[i]));
		channel_put(o->messages[i].channel);
	}
	if (o->messages != o->inl)
		free(o->messages);
	sess_put(o->sess);
	stock_give(&o->conn->lane->outs, o);
}

static struct mspan message_bytes(const struct out_message *m)
{
	return mspan_of(m->buf->data + BUF_HEADROOM, m->len);
}

static int out_grow(struct out *o)
{
	size_t cap = o->cap * 2;
	struct out_message *all = calloc(cap, sizeof(*all));

	if (!all)
		return -ENOMEM;
	memcpy(all, o->messages, o->count * sizeof(*all));
	if (o->messages != o->inl)
		free(o->messages);
	o->messages = all;
	o->cap = cap;
	return 0;
}

/* To 8 bytes; req.c leaves room for that in every buffer. */
static struct wr pad(struct out_message *m)
{
	struct wr w =
		wr_of(mspan_of(m->buf->data + BUF_HEADROOM, m->buf->cap - BUF_HEADROOM));

	if (wr_room(&w, m->len))
		wr_align(&w, 8);
	m->len = wr_pos(&w);
	return w;
}

static void link_to_next(struct out_message *m)
{
	struct wr w = pad(m);

	wr_fill_u32(&w, SMB2_OFF_NEXT_COMMAND, (uint32_t)m->len);
}

/* Nobody could protect a piece, or put another message behind it, or behind what is sealed. */
static bool fits(const struct out *o, const struct out_message *m)
{
	if (o->ready && (o->count || !o->sealed || m->sign || m->piece))
		return false;
	if (o->count && o->messages[o->count - 1].piece)
		return false;
	return !m->piece || (!o->count && !m->sign && !o->sealed);
}

int out_append(struct out *o, const struct out_message *in)
{
	struct out_message m = *in;
	int err = fits(o, in) ? 0 : -EIO;

	if (!err && o->count == o->cap)
		err = out_grow(o);
	if (err) {
		message_buf_drop(o, &m);
		seg_file_put(message_piece_take(o, &m));
		return err;
	}
	if (o->count)
		link_to_next(&o->messages[o->count - 1]);
	o->len += m.len + m.piece_len;
	o->messages[o->count++] = m;
	if (m.channel)
		channel_get(m.channel);
	return 0;
}

void out_discard(struct conn *c)
{
	for (struct list_node *n; (n = list_pop(&c->out)) != NULL;)
		out_free(container_of(n, struct out, node));
}

/* Several messages under one transform: gathered into one buffer, in front of which is room for its header. */
static int out_gather(struct conn *c, struct out *o)
{
	struct buf *b;
	size_t total = 0;

	if (o->count == 1)
		return 0;
	for (size_t i = 0; i < o->count; i++)
		total += o->messages[i].len;
	b = buf_new(c->lane->lane->bufs, BUF_HEADROOM + total);
	if (!b)
		return -ENOMEM;
	b->secret = true;
	conn_memory(c, (int64_t)b->cap);
	total = BUF_HEADROOM;
	for (size_t i = 0; i < o->count; i++) {
		struct mspan m = message_bytes(&o->messages[i]);

		memcpy(b->data + total, m.p, m.len);
		total += m.len;
		message_buf_drop(o, &o->messages[i]);
		channel_put(TAKE(o->messages[i].channel));
	}
	o->messages[0] = (struct out_message){.buf = b, .len = total - BUF_HEADROOM};
	o->count = 1;
	return 0;
}

/* One transform around all of o. [MS-SMB2] 3.3.4.1.4 */
static int out_seal(struct conn *c, struct out *o)
{
	struct mspan frame;
	int err = o->sess && o->sess->seal && !o->messages[0].piece ? out_gather(c, o)
								    : -EIO;

	if (err)
		return err;
	frame = mspan_of(o->messages[0].buf->data + BUF_HEADROOM - SEAL_HEADER_LEN,
			 SEAL_HEADER_LEN + o->messages[0].len);
	err = seal_message(o->sess->seal, o->sess->id, frame);
	if (!err)
		o->messages[0].buf->secret =
			false; /* nothing but ciphertext is left in it */
	return err;
}

static int out_send(struct conn *c, struct out *o)
{
	struct seg inl[OUT_MESSAGES_INLINE + 1] = {0};
	struct seg *segs = o->count < ARRAY_LEN(inl)
				   ? inl
				   : calloc(o->count + 1, sizeof(*segs));
	size_t head = o->sealed ? SEAL_HEADER_LEN : 0;
	size_t count = 0;
	int err;

	if (!segs)
		return -ENOMEM;
	for (size_t i = 0; i < o->count; i++) {
		struct out_message *m = &o->messages[i];

		segs[count].bytes = span_of(m->buf->data + BUF_HEADROOM - head,
					    m->len + head);
		segs[count++].buf = message_buf_take(o, m); /* the transport's now */
		if (!m->piece)
			continue;
		segs[count].file_len = m->piece_len;
		segs[count++].file = message_piece_take(o, m);
	}
	err = c->xport->ops->send(c->xport, segs, count);
	if (segs != inl)
		free(segs);
	return err;
}

/* What is signed together: responses of any connections of this worker. */
struct sign_batch {
	struct sign_item items[SIGN_BATCH_MAX];
	struct conn *conns[SIGN_BATCH_MAX];
	size_t count;
};

static void batch_run(struct sign_batch *b)
{
	if (!b->count)
		return;
	together_count(b->conns[0]->lane->counters->signed_together, b->count);
	sign_batch(b->items, b->count);
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].err)
			conn_disconnect(b->conns[i], "a response could not be signed");
	b->count = 0;
}

/* Collect the signatures that c's waiting responses need. */
static void batch_collect(struct sign_batch *b, struct conn *c)
{
	list_for_each (n, &c->out) {
		struct out *o = container_of(n, struct out, node);

		if (o->sealed)
			continue;
		for (size_t i = 0; i < o->count; i++) {
			struct out_message *m = &o->messages[i];

			if (!m->sign)
				continue;
			if (b->count == SIGN_BATCH_MAX)
				batch_run(b);
			b->conns[b->count] = c;
			b->items[b->count++] = (struct sign_item){
				.key = m->sign, .msg = message_bytes(m)};
			m->sign = NULL;
		}
	}
}

/* Seal where it must be, hand over what the socket takes; conn_flush() comes for the rest. Everything is signed. */
static void conn_send(struct conn *c)
{
	while (c->state != CONN_CLOSED && !list_empty(&c->out) &&
	       c->xport->ops->writable(c->xport)) {
		struct out *o = container_of(list_pop(&c->out), struct out, node);

		stats_sent(c, o);
		if (o->sealed && !o->ready && out_seal(c, o) != 0)
			conn_disconnect(c, "a response could not be encrypted");
		else if (out_send(c, o) != 0)
			conn_disconnect(c, "a response could not be sent");
		out_free(o);
	}
	if (list_empty(&c->out))
		conn_sent_all(c);
	if (c->state == CONN_CLOSED)
		out_discard(c);
}

void out_queue(struct conn *c, struct out *o)
{
	bool alone;

	if (!c->xport) {
		out_free(o);
		return;
	}
	if (o->count > 1) /* the last of a compound, too, as Windows does */
		(void)pad(&o->messages[o->count - 1]);
	alone = list_empty(&c->out);
	list_add_tail(&c->out, &o->node);
	if (alone && o->ready)
		conn_send(c); /* while it is in the processor's cache */
	/* also if nothing is left: at the end of the turn its request is gone, which a connection may wait for to end */
	if (c->xport && !list_linked(&c->on_out))
		list_add_tail(&c->lane->out_conns, &c->on_out);
}

void smb_lane_turn_end(struct smb_lane *l)
{
	struct sign_batch batch;
	struct list_node ready;

	if (list_empty(&l->out_conns))
		return;
	batch.count = 0;
	list_init(&ready);
	list_for_each (n, &l->out_conns) {
		struct conn *c = container_of(n, struct conn, on_out);

		list_del(
			n); /* a full socket: conn_flush() brings it back when it takes bytes again */
		if (c->state == CONN_CLOSED || c->xport->ops->writable(c->xport)) {
			batch_collect(&batch, c);
			list_add_tail(&ready, n);
		}
	}
	batch_run(&batch);
	for (struct list_node *n; (n = list_pop(&ready)) != NULL;)
		conn_send(container_of(n, struct conn, on_out));
}
