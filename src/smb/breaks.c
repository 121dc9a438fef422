#include "smb/breaks.h"

#include "base/log.h"
#include "smb/durable.h"
#include "smb/req.h"
#include "smb/send.h"

#include <stdlib.h>

enum {
	LEASE_OPENS_MAX =
		16 /* looked at for a connection: others of the lease have the same client */
};

struct break_note {
	struct msg msg;
	struct list_node node; /* frame->held_breaks */
	struct smb_server *server;
	struct state_break what;
	struct conn *conn; /* counted: tried now */
	struct sess *sess; /* counted: on account of which it is that connection */
	struct tree *tree; /* counted: of the open there that holds it */
	struct file_id id; /* that open's */
	bool sealed;       /* likewise */
	uint64_t tried;    /* ids up to that have been */
};

/* ---- choosing a connection ----------------------------------------------------------------------------------- */

/* The opens that hold what is broken. */
static size_t holders(struct smb_server *s, const struct state_break *b, uint64_t *ids)
{
	if (b->lease_version)
		return state_lease_opens(s->state, &b->node, &b->lease, ids,
					 LEASE_OPENS_MAX);
	ids[0] = b->open;
	return 1;
}

/* The channel of s with the least connection id above `tried`, if it beats n's; counted. NULL: none does. */
static struct conn *better_conn(const struct break_note *n, struct sess *s)
{
	struct conn *best = n->conn;
	LOCK_SCOPE(&s->lock);

	list_for_each (it, &s->channels) {
		const struct channel *ch = container_of(it, struct channel, on_sess);
		struct conn *c = ch->conn;

		if (channel_carries(ch) && c->id > n->tried &&
		    (!best || c->id < best->id))
			best = c;
	}
	return best != n->conn ? conn_get(best) : NULL;
}

static void forget_choice(struct break_note *n)
{
	conn_put(TAKE(n->conn));
	sess_put(TAKE(n->sess));
	tree_put(TAKE(n->tree));
}

/* Does o lead to a connection that is yet to be tried, before n's? Then it is n's. */
static void consider(struct break_note *n, struct open *o)
{
	struct break_note by = {0};
	struct conn *c;
	{
		LOCK_SCOPE(&o->lock);
		if (!o->sess) /* disconnected */
			return;
		by.sess = sess_get(o->sess);
		by.tree = tree_get(o->tree);
		by.id = o->id;
		by.sealed = o->sealed;
	}
	c = better_conn(n, by.sess);
	if (c) {
		forget_choice(n);
		n->conn = c;
		n->sess = by.sess;
		n->tree = by.tree;
		n->id = by.id;
		n->sealed = by.sealed;
	} else {
		forget_choice(&by);
	}
}

static void note_free(struct break_note *n)
{
	forget_choice(n);
	free(n);
}

/*
 * Nobody is left to be told. Opens that stay for a client that may come back are closed, and what they hold goes with them;
 * who waits for it goes on. 3.3.4.6, 3.3.4.7
 *
 * Deviation: a lease that would keep HANDLE is to be left without it instead, which its client could not come back for either.
 */
static void note_forsake(struct break_note *n, const uint64_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct open *o = open_by_state_id(n->server, ids[i]);

		if (o)
			durable_forsake(o);
		open_put(o);
	}
	note_free(n);
}

/* To the worker of the next connection; the note ends if there is none. False: there is no open either. */
static bool note_send(struct break_note *n)
{
	uint64_t ids[LEASE_OPENS_MAX];
	size_t count = holders(n->server, &n->what, ids);
	bool any = false;

	forget_choice(n);
	for (size_t i = 0; i < count; i++) {
		struct open *o = open_by_state_id(n->server, ids[i]);

		any |= o != NULL;
		if (o)
			consider(n, o);
		open_put(o);
	}
	if (n->conn)
		mailbox_post(n->conn->lane->lane->mailbox, &n->msg);
	else
		note_forsake(n, ids, count);
	return any;
}

/* ---- on the connection's worker ------------------------------------------------------------------------------ */

/* [MS-SMB2] 2.2.23.1 */
static void wr_oplock_break(struct wr *w, const struct break_note *n)
{
	wr_u16(w, SMB2_OPLOCK_BREAK_SIZE);
	wr_u8(w, caching_level(n->what.notice.to));
	wr_u8(w, 0);  /* Reserved */
	wr_u32(w, 0); /* Reserved2 */
	wr_file_id(w, n->id);
}

/* [MS-SMB2] 2.2.23.2 */
static void wr_lease_break(struct wr *w, const struct break_note *n)
{
	const struct state_break *b = &n->what;

	wr_u16(w, SMB2_LEASE_BREAK_NOTIFICATION_SIZE);
	wr_u16(w, b->lease_version == 2 ? b->epoch : 0);
	wr_u32(w, b->notice.ack ? SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED : 0);
	wr_bytes(w, span_of(b->lease.key, sizeof(b->lease.key)));
	wr_u32(w, b->notice.from);
	wr_u32(w, b->notice.to);
	wr_u32(w, 0); /* BreakReason */
	wr_u32(w, 0); /* AccessMaskHint */
	wr_u32(w, 0); /* ShareMaskHint */
}

/* As the CREATE was answered that it is about; signed it never is: 3.3.4.6, 3.3.4.7 */
static bool is_sealed(const struct break_note *n)
{
	struct policy_in in = conn_policy(n->conn, n->sess, n->tree);

	in.command = SMB2_OPLOCK_BREAK;
	in.session = POLICY_SESSION_VALID;
	in.protection = n->sealed ? POLICY_ENCRYPTED : POLICY_PLAIN;
	return policy_answer(&in, false, false) == POLICY_ANSWER_ENCRYPTED;
}

static struct buf *note_encode(const struct break_note *n, size_t *ret_len)
{
	const struct smb2_header h = {
		.command = SMB2_OPLOCK_BREAK,
		.flags = SMB2_FLAGS_SERVER_TO_REDIR,
		.message_id = SMB2_MESSAGE_ID_UNSOLICITED,
		.session_id = n->what.lease_version ? 0 : n->sess->id,
	};
	struct lane *l = n->conn->lane->lane;
	size_t room = BUF_HEADROOM + SMB2_HEADER_LEN + 64;
	struct buf *b = buf_new(l->bufs, room);
	struct wr w;

	if (!b)
		b = buf_new(l->reserve, room);
	if (!b)
		return NULL;
	w = wr_of(mspan_of(b->data + BUF_HEADROOM, b->cap - BUF_HEADROOM));
	wr_smb2_header(&w, &h);
	if (n->what.lease_version)
		wr_lease_break(&w, n);
	else
		wr_oplock_break(&w, n);
	*ret_len = wr_pos(&w);
	return b;
}

/* Onto the connection's queue. Without memory the holder hears nothing, and who waits for it goes on after a while. */
static void note_deliver(struct break_note *n)
{
	struct conn *c = n->conn;
	struct out *o = out_new(c);
	size_t len = 0;
	struct buf *b = o ? note_encode(n, &len) : NULL;

	if (!b) {
		out_free(o);
		log_warn("conn %llu: no memory to tell of a break",
			 (unsigned long long)c->id);
		note_free(n);
		return;
	}
	conn_memory(c, (int64_t)b->cap);
	o->sealed = is_sealed(n);
	b->secret = o->sealed;
	o->sess = sess_get(n->sess);
	if (out_append(o, &(struct out_message){.buf = b, .len = len}) == 0)
		out_queue(c, o);
	else
		out_free(o);
	note_free(n);
}

/* The session is still on this connection, which still lives. */
static bool is_usable(const struct break_note *n)
{
	const struct channel *ch;

	if (n->conn->state == CONN_CLOSED || !n->conn->xport)
		return false;
	ch = conn_channel(n->conn, n->sess->id);
	return ch && ch->valid;
}

/* The frame on c that has yet to tell of o's CREATE, else f. It is c's worker's, as we are. */
static struct frame *made_in(struct open *o, const struct conn *c, struct frame *f)
{
	LOCK_SCOPE(&o->lock);

	return o->made_on == c && o->made_in ? o->made_in : f;
}

/* The frame that has yet to tell the client of the CREATE of one of the holders, the youngest; or NULL. */
static struct frame *held_by(const struct break_note *n)
{
	uint64_t ids[LEASE_OPENS_MAX];
	size_t count = holders(n->server, &n->what, ids);
	struct frame *f = NULL;

	for (size_t i = 0; i < count; i++) {
		struct open *o = open_by_state_id(n->server, ids[i]);

		if (o)
			f = made_in(o, n->conn, f);
		open_put(o);
	}
	return f;
}

static void note_arrived(struct msg *m)
{
	struct break_note *n = container_of(m, struct break_note, msg);
	struct frame *f;

	if (n->conn->memory > CONN_MEMORY_MAX)
		conn_disconnect(n->conn, "does not read what it is told");
	if (!is_usable(n)) {
		n->tried = n->conn->id;
		(void)note_send(n);
		return;
	}
	f = held_by(n);
	if (f)
		list_add_tail(&f->held_breaks, &n->node);
	else
		note_deliver(n);
}

static bool tell(struct state_sink *sink, const struct state_break *b)
{
	struct break_note *n = calloc(1, sizeof(*n));

	if (!n) {
		log_warn("no memory to tell of a break");
		return true;
	}
	n->server = container_of(sink, struct smb_server, breaks);
	n->msg.run = note_arrived;
	n->what = *b;
	return note_send(n);
}

void breaks_init(struct smb_server *s)
{
	s->breaks.tell = tell;
	state_set_sink(s->state, &s->breaks);
}

/* ---- not before the CREATE is answered ------------------------------------------------------------------------- */

void breaks_hold(struct frame *f, struct open *o)
{
	{
		LOCK_SCOPE(&o->lock);
		if (o->made_in) /* of a connection that is lost, with this frame */
			return;
		o->made_in = f;
	}
	list_add_tail(&f->made, &open_get(o)->on_frame);
}

void breaks_release(struct frame *f)
{
	for (struct list_node *it; (it = list_pop(&f->made)) != NULL;) {
		struct open *o = container_of(it, struct open, on_frame);
		{
			LOCK_SCOPE(&o->lock);
			o->made_in = NULL;
		}
		open_put(o);
	}
	for (struct list_node *it; (it = list_pop(&f->held_breaks)) != NULL;)
		note_arrived(&container_of(it, struct break_note, node)->msg);
}
