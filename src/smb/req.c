#include "smb/req.h"

#include "base/log.h"
#include "smb/breaks.h"
#include "smb/send.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REQ_ARENA_MAX = 4 << 20,
	REQ_BODY_DEFAULT =
		1024, /* bytes of response body where a handler asks for none */
	REQ_PADDING = 8,
	REQ_FREE_MAX = 64, /* recycled, a lane */
};

struct frame *frame_new(struct conn *c, struct buf *b, struct mspan bytes)
{
	struct frame *f = stock_take(&c->lane->frames);

	if (!f)
		return NULL;
	f->conn = conn_get(c);
	f->buf = b;
	f->bytes = bytes;
	f->began_ns = env_now_ns(c->lane->lane->env);
	list_init(&f->made);
	list_init(&f->held_breaks);
	conn_memory(c, (int64_t)b->cap);
	return f;
}

static void frame_free(struct frame *f)
{
	struct smb_lane *l = f->conn->lane;

	conn_memory(f->conn, -(int64_t)f->buf->cap);
	if (f->encrypted)
		f->buf->secret = true;
	buf_put(f->buf);
	breaks_release(f);
	out_free(f->out);
	sess_put(f->seal_sess);
	channel_put(f->peeked);
	conn_put(f->conn);
	stock_give(&l->frames, f);
}

struct req *req_new(struct frame *f, struct span message)
{
	struct smb_lane *l = f->conn->lane;
	struct req *q = l->free_reqs;
	struct arena arena;

	if (q) {
		l->free_reqs = q->next;
		l->free_req_count--;
		arena = q->arena;
	} else {
		q = malloc(sizeof(*q));
		if (!q)
			return NULL;
		arena_init(&arena, REQ_ARENA_MAX);
	}
	*q = (struct req){.arena = arena, .lane = l, .frame = f, .message = message};
	q->conn = f->conn;
	q->snap = snapshot_get(l->snapshot);
	q->body = rd_of(message);
	wait_init(&q->wait, l->lane->mailbox);
	if (f->last)
		f->last->next = q;
	else
		f->first = f->running = q;
	f->last = q;
	f->count++;
	return q;
}

static void req_out_put(struct req *q)
{
	if (!q->out)
		return;
	conn_memory(q->conn, -(int64_t)q->out->cap);
	buf_put(TAKE(q->out));
}

void req_piece_drop(struct req *q)
{
	if (!q->piece)
		return;
	conn_memory(q->conn, -(int64_t)q->piece_len);
	seg_file_put(TAKE(q->piece));
	q->piece_len = 0;
}

void req_piece_set(struct req *q, struct seg_file *piece, size_t len)
{
	conn_memory(q->conn, (int64_t)len);
	req_piece_drop(q);
	q->piece = piece;
	q->piece_len = len;
}

void req_free(struct req *q)
{
	struct frame *f = q->frame;
	struct smb_lane *l = q->lane;

	if (q->cleanup)
		q->cleanup(q);
	if (q->open) {
		open_leave(q->open, q);
		open_put(q->open);
	}
	if (q->listed)
		map_del(&q->conn->requests, &q->by_id);
	if (q->async_id) {
		map_del(&q->conn->async, &q->by_async);
		q->conn->async_count--;
	}
	if (q->orphan)
		channel_orphan_ended(q->channel);
	req_out_put(q);
	req_piece_drop(q);
	principal_put(q->who);
	tree_put(q->tree);
	channel_put(q->channel);
	sess_put(q->sess);
	snapshot_put(q->snap);
	arena_reset(&q->arena);
	if (l->free_req_count < REQ_FREE_MAX) {
		q->next = l->free_reqs;
		l->free_reqs = q;
		l->free_req_count++;
	} else {
		arena_fini(&q->arena);
		free(q);
	}
	if (--f->count == 0)
		frame_free(f);
}

void frame_drop(struct frame *f)
{
	struct req *q = f->first;

	if (!q)
		frame_free(f);
	while (q) {
		struct req *next = q->next;

		req_free(q); /* the last frees f */
		q = next;
	}
}

struct file_id rd_file_id(struct rd *r)
{
	struct file_id id;

	id.persistent_id = rd_u64(r);
	id.volatile_id = rd_u64(r);
	return id;
}

void wr_file_id(struct wr *w, struct file_id id)
{
	wr_u64(w, id.persistent_id);
	wr_u64(w, id.volatile_id);
}

/* [MS-SMB2] 3.3.5.2.7.2: in a related request the FileId is that of the element before. */
static nt_status related_file_id(const struct req *q, struct file_id *id)
{
	if (!q->related)
		return STATUS_SUCCESS;
	if (q->has_file_id) { /* inherited in dispatch.c */
		*id = q->file_id;
		return STATUS_SUCCESS;
	}
	if (id->persistent_id != UINT64_MAX || id->volatile_id != UINT64_MAX)
		return STATUS_SUCCESS;
	return nt_is_error(q->frame->last_status) ? q->frame->last_status
						  : STATUS_INVALID_PARAMETER;
}

nt_status req_open_get(struct req *q, struct file_id id)
{
	struct open *o;
	nt_status st = related_file_id(q, &id);

	if (!nt_ok(st))
		return st;
	o = open_find(q->sess, id);
	if (!o)
		return STATUS_FILE_CLOSED;
	st = open_enter(o, q);
	if (!nt_ok(st)) {
		open_put(o);
		return st;
	}
	q->open = o;
	q->file_id = id;
	q->has_file_id = true;
	return STATUS_SUCCESS;
}

struct wr wr_body(struct buf *b)
{
	struct wr w = wr_of(
		mspan_of(b->data + BUF_HEADROOM, b->cap - BUF_HEADROOM - REQ_PADDING));

	wr_zero(&w, SMB2_HEADER_LEN);
	return w;
}

static size_t reply_len(size_t body_len)
{
	return BUF_HEADROOM + SMB2_HEADER_LEN + body_len + REQ_PADDING;
}

/* Beside the answers of the elements before: one compound is one transport message. */
static bool reply_fits(const struct frame *f, size_t body_len)
{
	size_t before = f->out ? f->out->len : 0;

	return body_len <= REQ_BODY_DEFAULT ||
	       (before <= OUT_LEN_MAX && body_len <= OUT_LEN_MAX - before);
}

static void req_out_set(struct req *q, struct buf *b)
{
	conn_memory(q->conn, (int64_t)b->cap);
	req_out_put(q);
	q->out = b;
}

/* By GMAC nothing gains by being signed with others. */
static bool is_signed_together(const struct req *q)
{
	return q->protection == POLICY_SIGNED && q->conn->sign_alg != SIGN_AES_GMAC;
}

struct wr *req_reply(struct req *q, size_t body_len)
{
	struct span written = wr_done(&q->w);
	struct wr w;
	struct buf *b;

	if (body_len < REQ_BODY_DEFAULT)
		body_len = REQ_BODY_DEFAULT;
	if (q->out && q->out->cap >= reply_len(body_len))
		return &q->w;
	b = reply_fits(q->frame, body_len)
		    ? buf_new(q->lane->lane->bufs, reply_len(body_len))
		    : NULL;
	if (!b) {
		wr_fail(&q->w);
		return &q->w;
	}
	w = wr_body(b);
	wr_bytes(&w, span_from(written, SMB2_HEADER_LEN));
	req_out_set(q, b);
	if (!is_signed_together(q))
		conn_turn_answer(q->conn, q->frame->began_ns, reply_len(body_len));
	q->w = w;
	return &q->w;
}

struct wr *req_reply_anew(struct req *q, size_t body_len)
{
	if (!q->out || q->out->cap < reply_len(body_len)) {
		struct buf *b = buf_new(q->lane->lane->bufs, reply_len(body_len));

		if (!b)
			b = buf_new(q->lane->lane->reserve, reply_len(body_len));
		if (!b) {
			wr_fail(&q->w);
			return &q->w;
		}
		req_out_set(q, b);
	}
	q->w = wr_body(q->out);
	return &q->w;
}

/* The wait of a request has ended: go on with its continuation, on the connection's worker. */
static void req_resume(struct wait *w)
{
	struct req *q = container_of(w, struct req, wait);
	struct frame *f = q->frame;
	struct req *next = q->next; /* the last request frees f */
	nt_status st;

	q->pending = false;
	st = q->done(q, w->err, req_reply(q, 0));
	if (nt_is(st, STATUS_PENDING) && q->pending) {
		if (q->peer)
			req_parked(q);
		return;
	}
	if (q == f->running)
		f->running = next;
	else
		next = NULL; /* the last element, answered out of line */
	req_finish(q, st);
	if (next)
		frame_run(f);
}

struct wait *req_wait(struct req *q, req_done done)
{
	q->done = done;
	q->pending = true;
	q->peer = false;
	return wait_arm(&q->wait, req_resume);
}

nt_status req_wait_peer(struct req *q, req_done done, struct wait **ret_wait)
{
	if (!q->async_id && q->conn->async_count >= CONN_ASYNC_MAX)
		return STATUS_INSUFFICIENT_RESOURCES;
	q->done = done;
	q->pending = true;
	q->peer = true;
	*ret_wait = wait_park(&q->wait, req_resume);
	return STATUS_SUCCESS;
}

struct wait *req_wait_quietly(struct req *q, req_done done)
{
	q->done = done;
	q->pending = true;
	q->peer = false;
	return wait_park(&q->wait, req_resume);
}

void req_cancel(struct req *q, enum wait_why why)
{
	if (why == WAIT_CANCELLED && !q->peer)
		q->cancel_asked = true;
	else if (wait_claim(&q->wait, why))
		wait_now(&q->wait, -ECANCELED);
	else if (why == WAIT_CANCELLED)
		q->cancel_asked = true;
}

void req_parked(struct req *q)
{
	if ((q->conn->state == CONN_CLOSED && !q->outlives) || q->conn->retired)
		req_cancel(q, WAIT_DISCONNECTED);
	else if (q->open && open_is_closing(q->open))
		req_cancel(q, WAIT_CLOSED);
	else if (q->cancel_asked)
		req_cancel(q, WAIT_CANCELLED);
	/* what has ended is answered in a moment: a lock that was free needs no interim answer */
	if (!q->async_id && wait_is_parked(&q->wait))
		req_interim(q);
}

void conn_requests_orphan(struct conn *c)
{
	struct map_walk pos;

	for (struct map_node *n = map_walk_first(&c->requests, &pos); n;
	     n = map_walk_next(&c->requests, &pos)) {
		struct req *q = container_of(n, struct req, by_id);

		if (!q->outlives || c->retired || !channel_is_one_of_many(q->channel))
			continue;
		q->orphan = true;
		q->channel->orphans++;
	}
}

/* From now on it waits for nobody. */
static void abandon(struct req *q)
{
	q->outlives = false;
	req_cancel(q, WAIT_DISCONNECTED);
}

void conn_requests_abandon(struct conn *c)
{
	struct map_walk pos;

	/* a claimed request ends from the loop, not in here: the walk is safe */
	for (struct map_node *n = map_walk_first(&c->requests, &pos); n;
	     n = map_walk_next(&c->requests, &pos)) {
		struct req *q = container_of(n, struct req, by_id);

		if (!q->orphan)
			abandon(q);
	}
}

void channel_orphans_abandon(struct channel *ch)
{
	struct map_walk pos;

	for (struct map_node *n = map_walk_first(&ch->conn->requests, &pos); n;
	     n = map_walk_next(&ch->conn->requests, &pos)) {
		struct req *q = container_of(n, struct req, by_id);

		if (q->orphan && q->channel == ch)
			abandon(q);
	}
}

const char *req_text(struct req *q)
{
	char text[160];

	snprintf(text, sizeof(text), "conn %" PRIu64 " %s %s mid %" PRIu64, q->conn->id,
		 q->conn->xport ? q->conn->xport->ops->peer(q->conn->xport) : "(gone)",
		 smb_command_name(q->conn->server, q->header.command),
		 q->header.message_id);
	return arena_strdup(&q->arena, text);
}

struct principal *req_who(struct req *q)
{
	if (!q->who)
		q->who = sess_who(q->sess);
	return q->who;
}

struct cred *req_cred(struct req *q)
{
	return tree_cred(q->tree, req_who(q));
}
