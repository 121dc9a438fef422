/*
 * link.c - connections in memory: two queues of bytes, cut into frames for either side.
 *
 *     CONNECTING --accepted--> OPEN --server closes--> CLOSING --output is out--> GONE
 *          \___________________/ \______ client hangs up ______________________/
 *
 * The transport is as unkind as net/xport.h allows: bytes come in pieces of any length, the room for output is small, and
 * frames may wait for a buffer.
 */
#include "sim/sim_impl.h"

#include "smb/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD_LEN = 4, /* of Direct TCP */
	FRAME_MAX_START = 64 * 1024,
	RESERVE_MAX = 64 * 1024, /* frames that may take a buffer of the reserve */
	SMALL_PIECE = 64,
};

enum link_state { LINK_CONNECTING, LINK_OPEN, LINK_CLOSING, LINK_GONE };

/* Bytes under way. */
struct flow {
	uint8_t *p;
	size_t start, end, cap;
};

struct sim_link {
	struct xport xport;
	struct list_node node; /* sim->links */
	struct sim *sim;
	struct lane *lane;
	unsigned number;
	char name[32];
	enum link_state state;

	struct flow to_server, to_client;
	size_t room; /* output the transport takes at once */
	size_t frame_max;
	bool paused, hungry, flush_due;

	/* the server's frame in the making */
	struct buf *buf;
	size_t len, have; /* len 0: its head is not there yet */

	struct sim_peer *peer; /* NULL: the client has hung up */
	bool hard;             /* and what the server has not read is lost */
};

/* ---- flows ---------------------------------------------------------------------------------------------- */

static size_t flow_len(const struct flow *p)
{
	return p->end - p->start;
}

/* Room for the next len bytes, which whoever asks fills in. */
static struct mspan flow_room(struct flow *p, size_t len)
{
	if (p->start == p->end)
		p->start = p->end = 0;
	if (p->end + len > p->cap) {
		p->cap = (p->end + len) * 2;
		p->p = realloc(p->p, p->cap);
		if (!p->p)
			abort();
	}
	p->end += len;
	return mspan_of(p->p + p->end - len, len);
}

static void flow_put(struct flow *p, struct span s)
{
	struct mspan room = flow_room(p, s.len);

	if (s.len)
		memcpy(room.p, s.p, s.len);
}

static struct mspan flow_peek(const struct flow *p, size_t len)
{
	return mspan_of(p->p + p->start, len);
}

/* Length of the frame that begins here; 0 while its head is incomplete. */
static size_t frame_len(const struct flow *p)
{
	const uint8_t *h = p->p + p->start;

	if (flow_len(p) < HEAD_LEN)
		return 0;
	return (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
}

/* How much of n arrives in one piece. */
static size_t piece(struct sim *s, size_t n)
{
	if (s->settings.calm)
		return n;
	if (n > SMALL_PIECE && rng_chance(&s->rng, 100))
		return 1 + rng_below(&s->rng, SMALL_PIECE);
	if (rng_chance(&s->rng, 300))
		return 1 + rng_below(&s->rng, n);
	return n;
}

/* ---- the server's face ---------------------------------------------------------------------------------- */

static struct sim_link *link_of(struct xport *x)
{
	return container_of(x, struct sim_link, xport);
}

/* A segment, on its way to the client if he can still be reached. */
static void link_put(struct sim_link *l, const struct seg *s, bool open)
{
	if (!s->file && open)
		flow_put(&l->to_client, s->bytes);
	if (s->file && open)
		memfs_piece_take(s->file, flow_room(&l->to_client, s->file_len));
	if (s->buf)
		buf_put(s->buf);
	seg_file_put(s->file);
}

static int link_send(struct xport *x, const struct seg *segs, size_t count)
{
	struct sim_link *l = link_of(x);
	bool open = l->state == LINK_OPEN;
	uint8_t head[HEAD_LEN];
	struct wr w = wr_of(mspan_of(head, sizeof(head)));
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += segs[i].file ? segs[i].file_len : segs[i].bytes.len;
	wr_be32(&w, (uint32_t)len);
	if (open)
		flow_put(&l->to_client, span_of(head, sizeof(head)));
	for (size_t i = 0; i < count; i++)
		link_put(l, &segs[i], open);
	return open ? 0 : -EPIPE;
}

static bool link_writable(struct xport *x)
{
	return flow_len(&link_of(x)->to_client) < link_of(x)->room;
}

static void link_pause(struct xport *x, bool paused)
{
	link_of(x)->paused = paused;
}

static void link_frame_max(struct xport *x, size_t len)
{
	link_of(x)->frame_max = len;
}

static void link_close(struct xport *x)
{
	if (link_of(x)->state == LINK_OPEN)
		link_of(x)->state = LINK_CLOSING;
}

static const char *link_name(struct xport *x)
{
	return link_of(x)->name;
}

static const char *link_local(struct xport *x)
{
	return "sim:445";
}

/* What comes next, and when, is chance's anyway. */
static void link_rest(struct xport *x)
{
}

static const struct xport_ops link_ops = {
	.send = link_send,
	.writable = link_writable,
	.pause = link_pause,
	.rest = link_rest,
	.frame_max = link_frame_max,
	.close = link_close,
	.peer = link_name,
	.local = link_local,
};

/* ---- the client's face ---------------------------------------------------------------------------------- */

struct sim_link *sim_connect(struct sim *s, unsigned lane, struct sim_peer *peer)
{
	struct sim_link *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->xport.ops = &link_ops;
	l->sim = s;
	l->lane = &s->lanes[lane].lane;
	l->peer = peer;
	l->frame_max = FRAME_MAX_START;
	l->room = (size_t)1 << (s->settings.calm ? 24 : 8 + rng_below(&s->rng, 12));
	if (!list_empty(&s->links))
		l->number = 1 +
			    container_of(s->links.prev, struct sim_link, node)->number;
	snprintf(l->name, sizeof(l->name), "client:%u",
		 l->number); /* all of one address */
	list_add_tail(&s->links, &l->node);
	return l;
}

void sim_send(struct sim_link *l, struct span bytes)
{
	flow_put(&l->to_server, bytes);
}

void sim_hang_up(struct sim_link *l, bool hard)
{
	l->peer = NULL;
	l->hard = hard;
}

bool sim_link_idle(const struct sim_link *l)
{
	return l->state == LINK_OPEN && !flow_len(&l->to_server) && !l->buf &&
	       !flow_len(&l->to_client);
}

struct conn *sim_link_conn(const struct sim_link *l)
{
	return l->state == LINK_OPEN ? l->xport.user_data : NULL;
}

/* ---- steps ---------------------------------------------------------------------------------------------- */

static void link_accept(struct sim_link *l)
{
	struct conn *c = conn_new(smb_lane_of(l->lane), &l->xport);

	if (!c)
		abort();
	l->xport.user = &conn_xport_user;
	l->xport.user_data = c;
	l->state = LINK_OPEN;
	l->sim->lanes[l->lane->index].turn_due = true;
}

/* The server's side has ended; so does the client's. */
static void link_gone(struct sim_link *l, int err)
{
	struct sim_peer *peer = TAKE(l->peer);
	bool told = l->state != LINK_CONNECTING;

	l->state = LINK_GONE;
	if (l->buf)
		buf_put(TAKE(l->buf));
	l->to_server.start = l->to_server.end = 0;
	l->sim->lanes[l->lane->index].turn_due = true;
	if (told)
		l->xport.user->closed(l->xport.user_data, err);
	if (peer)
		peer->closed(peer);
}

/* The frame's length is known: is it allowed, and is there room for it? */
static bool frame_begin(struct sim_link *l)
{
	size_t len = frame_len(&l->to_server);

	if (l->buf)
		return true;
	if (flow_len(&l->to_server) < HEAD_LEN)
		return false;
	/* no configuration has less memory than the longest frame: only a vandal's claims to be longer */
	if (l->to_server.p[l->to_server.start] != 0 || len == 0 || len > l->frame_max ||
	    len > l->sim->budget.max) {
		link_gone(l, -EMSGSIZE);
		return false;
	}
	l->buf = buf_new_for_frame(l->lane->bufs, len);
	if (!l->buf && len < RESERVE_MAX)
		l->buf = buf_new_for_frame(l->lane->reserve, len);
	l->hungry = !l->buf;
	l->sim->fed &= l->hungry;
	if (!l->buf)
		return false;
	l->to_server.start += HEAD_LEN;
	l->len = len;
	l->have = 0;
	return true;
}

static void link_in(struct sim_link *l)
{
	struct sim *s = l->sim;
	struct mspan m;
	struct buf *b;

	if (!frame_begin(l))
		return;
	m = flow_peek(&l->to_server, flow_len(&l->to_server));
	if (m.len > l->len - l->have)
		m.len = l->len - l->have;
	if (m.len == 0)
		return;
	m.len = piece(s, m.len);
	sim_note_traffic(s, l->number, 0, span_of_m(m));
	memcpy(l->buf->data + l->have, m.p, m.len);
	l->to_server.start += m.len;
	l->have += m.len;
	if (l->have < l->len)
		return;
	s->lanes[l->lane->index].turn_due = true;
	l->flush_due = true;
	b = TAKE(l->buf);
	l->xport.user->frame(l->xport.user_data, b, mspan_of(b->data, l->len));
}

/* A whole frame or nothing: what the client makes of pieces is not what is tested. */
static void link_out(struct sim_link *l)
{
	size_t len = frame_len(&l->to_client);
	bool was_full = flow_len(&l->to_client) >= l->room;
	struct mspan frame;

	frame = flow_peek(&l->to_client, HEAD_LEN + len);
	l->to_client.start += frame.len;
	if (was_full && flow_len(&l->to_client) < l->room)
		l->flush_due = true;
	if (!l->peer)
		return;
	sim_note_traffic(l->sim, l->number, 1, span_of_m(frame));
	l->peer->frame(l->peer, mspan_of(frame.p + HEAD_LEN, len));
}

/* Is there something the server could take? A head that is not whole is nothing. */
static bool has_input(const struct sim_link *l)
{
	return flow_len(&l->to_server) >= (l->buf ? 1 : HEAD_LEN);
}

static bool may_end(const struct sim_link *l)
{
	if (l->state == LINK_CONNECTING)
		return !l->peer;
	if (l->state == LINK_CLOSING)
		return flow_len(&l->to_client) == 0;
	return l->state == LINK_OPEN && !l->peer && (l->hard || !has_input(l));
}

void link_choices(struct sim *s, struct sim_choices *c)
{
	list_for_each (n, &s->links) {
		struct sim_link *l = container_of(n, struct sim_link, node);
		bool open = l->state == LINK_OPEN;

		if (l->state == LINK_GONE)
			continue;
		if (l->state == LINK_CONNECTING && l->peer)
			choice_add(s, c, STEP_ACCEPT, l);
		if (open && !l->paused && !l->hungry && has_input(l))
			choice_add(s, c, STEP_IN, l);
		if (open && l->flush_due)
			choice_add(s, c, STEP_FLUSH, l);
		if (flow_len(&l->to_client))
			choice_add(s, c, STEP_OUT, l);
		if (may_end(l))
			choice_add(s, c, STEP_CLOSED, l);
	}
}

void link_do(struct sim *s, const struct sim_choice *c)
{
	struct sim_link *l = c->what;

	switch (c->kind) {
	case STEP_ACCEPT:
		link_accept(l);
		break;
	case STEP_IN:
		link_in(l);
		break;
	case STEP_FLUSH:
		l->flush_due = false;
		s->lanes[l->lane->index].turn_due = true;
		l->xport.user->flush(l->xport.user_data);
		break;
	case STEP_OUT:
		link_out(l);
		break;
	default:
		link_gone(l, l->peer ? 0 : -ECONNRESET);
	}
}

bool links_feed(struct sim *s)
{
	bool any = false;

	list_for_each (n, &s->links) {
		struct sim_link *l = container_of(n, struct sim_link, node);

		any |= l->hungry && l->state == LINK_OPEN;
		l->hungry = false;
	}
	return any;
}

void links_free(struct sim *s)
{
	for (struct list_node *n; (n = list_pop(&s->links)) != NULL;) {
		struct sim_link *l = container_of(n, struct sim_link, node);

		if (l->state != LINK_GONE)
			sim_fail(s, "%s is still connected", l->name);
		free(l->to_server.p);
		free(l->to_client.p);
		free(l);
	}
}
