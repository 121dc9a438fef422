/* arrival.c - see arrival.h */
#include "smb/arrival.h"

#include "smb/req.h"

enum { PROVE_MAX = 64 };

static const uint8_t id_smb2[] = {0xFE, 'S', 'M', 'B'};

/* Its header, if it is one SMB2 message that says it is signed. */
static bool peek_signed(struct span m, struct smb2_header *ret_header)
{
	struct rd r = rd_of(m);

	if (!span_eq(span_head(m, sizeof(id_smb2)), span_of(id_smb2, sizeof(id_smb2))))
		return false;
	*ret_header = rd_smb2_header(&r);
	return rd_ok(&r) && (ret_header->flags & SMB2_FLAGS_SIGNED) &&
	       !ret_header->next_command;
}

/* The channel whose key should have signed it; NULL: only recv.c can tell, as of what sets up sessions. */
static struct channel *peek_channel(const struct frame *f)
{
	struct smb2_header h;
	struct channel *ch;

	if (!peek_signed(span_of_m(f->bytes), &h) || h.command == SMB2_SESSION_SETUP)
		return NULL;
	ch = conn_channel(f->conn, h.session_id);
	return ch && ch->valid && ch->sign ? ch : NULL;
}

/*
 * Look at the frames from n on, until PROVE_MAX of them had a signature; the first one not looked at. One alone is left to
 * recv.c, which may not need to know.
 */
static struct list_node *prove_some(struct smb_lane *l, struct list_node *head,
				    struct list_node *n)
{
	struct sign_check checks[PROVE_MAX];
	struct channel *channels[PROVE_MAX];
	struct frame *frames[PROVE_MAX];
	size_t count = 0;

	for (; n != head && count < PROVE_MAX; n = n->next) {
		struct frame *f = container_of(n, struct frame, on_arrivals);
		struct channel *ch = peek_channel(f);

		if (!ch)
			continue;
		frames[count] = f;
		channels[count] = ch;
		checks[count++] = (struct sign_check){.key = ch->sign,
						      .msg = span_of_m(f->bytes)};
	}
	if (count)
		together_count(l->counters->verified_together, count);
	if (count < 2)
		return n;
	sign_verify_batch(checks, count);
	for (size_t i = 0; i < count; i++) {
		frames[i]->peeked = channel_get(channels[i]);
		frames[i]->peeked_right = nt_ok(checks[i].st);
	}
	return n;
}

static void arrivals_run(struct msg *m)
{
	struct smb_lane *l = container_of(m, struct smb_lane, arrived);
	struct list_node all;

	list_init(&all);
	list_splice_tail(&all, &l->arrivals);
	for (struct list_node *n = all.next; n != &all;)
		n = prove_some(l, &all, n);
	for (struct list_node *n; (n = list_pop(&all)) != NULL;) {
		struct frame *f = container_of(n, struct frame, on_arrivals);

		f->conn->arrivals--;
		recv_frame(f);
	}
}

void arrivals_init(struct smb_lane *l)
{
	list_init(&l->arrivals);
	l->arrived.run = arrivals_run;
}

void arrivals_drop(struct smb_lane *l)
{
	for (struct list_node *n; (n = list_pop(&l->arrivals)) != NULL;)
		frame_drop(container_of(n, struct frame, on_arrivals));
}

static bool waits(const struct conn *c, struct span m)
{
	struct smb2_header h;

	return c->arrivals || (c->sign_alg != SIGN_AES_GMAC && peek_signed(m, &h));
}

void arrival(struct conn *c, struct buf *b, struct mspan bytes)
{
	struct frame *f;

	if (c->state == CONN_CLOSED || c->retired) {
		buf_put(b);
		return;
	}
	f = frame_new(c, b, bytes);
	if (!f) {
		buf_put(b);
		conn_disconnect(c, "out of memory");
		return;
	}
	if (!waits(c, span_of_m(bytes))) {
		recv_frame(f);
		return;
	}
	if (list_empty(&c->lane->arrivals))
		mailbox_here(c->lane->lane->mailbox, &c->lane->arrived);
	list_add_tail(&c->lane->arrivals, &f->on_arrivals);
	c->arrivals++;
}
