/* client.c - frames: how requests are put together and protected. receive.c takes the answers apart. */
#include "client/client_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_MAX_DEFAULT = 2 << 20,
	CREDIT_UNIT = 64 * 1024,
	CREDITS_KEPT = 64,
};

struct client *client_new(const struct client_settings *s)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->settings = *s;
	if (!c->settings.frame_max)
		c->settings.frame_max = FRAME_MAX_DEFAULT;
	if (!c->settings.credits_kept)
		c->settings.credits_kept = CREDITS_KEPT;
	c->credits = 1;
	list_init(&c->pending);
	list_init(&c->sessions);
	client_session_add(c, &s->logon)->previous_id = s->previous_session_id;
	return c;
}

struct client_session *client_session_add(struct client *c,
					  const struct logon_settings *who)
{
	struct client_session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->who = *who;
	list_add_tail(&c->sessions, &s->node);
	c->session = s;
	return s;
}

struct client_session *client_session_bind(struct client *c,
					   const struct client_session *of)
{
	struct client_session *s = client_session_add(c, &of->who);

	assert(of->ready && of->sign);
	s->bound = of;
	s->id = of->id;
	return s;
}

static void session_free(struct client_session *s)
{
	logon_free(s->logon);
	sign_key_free(s->sign);
	if (!s->bound) {
		seal_tx_free(s->seal);
		seal_key_free(s->open);
	}
	free(s);
}

void client_session_drop(struct client *c, struct client_session *s)
{
	list_for_each (n, &c->pending)
		assert(container_of(n, struct client_pending, node)->session != s);
	list_del(&s->node);
	session_free(s);
	c->session = list_empty(&c->sessions) ? NULL
					      : container_of(c->sessions.next,
							     struct client_session, node);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	for (struct list_node *n; (n = list_pop(&c->pending)) != NULL;)
		free(container_of(n, struct client_pending, node));
	for (struct list_node *n; (n = list_pop(&c->sessions)) != NULL;)
		session_free(container_of(n, struct client_session, node));
	free(c->frame);
	free(c);
}

const char *client_fault(const struct client *c)
{
	return c->fault;
}

const struct client_pending *client_pending(const struct client *c, uint64_t message_id)
{
	list_for_each (n, &c->pending) {
		const struct client_pending *p = container_of(n, struct client_pending,
							      node);

		if (p->message_id == message_id)
			return p;
	}
	return NULL;
}

static bool multi_credit(const struct client *c)
{
	return c->dialect >= SMB2_DIALECT_210;
}

/* CreditCharge: [MS-SMB2] 3.1.5.2 */
static uint16_t charge_of(const struct client *c, size_t payload)
{
	if (!multi_credit(c))
		return 0;
	return payload ? (uint16_t)((payload - 1) / CREDIT_UNIT + 1) : 1;
}

static uint16_t ids_of(uint16_t charge)
{
	return charge ? charge : 1;
}

bool client_may_send(const struct client *c, size_t payload)
{
	return c->credits >= ids_of(charge_of(c, payload));
}

void client_trim(struct client *c)
{
	free(c->frame);
	c->frame = NULL;
}

void client_begin(struct client *c)
{
	if (!c->frame)
		c->frame = malloc(c->settings.frame_max); /* the cursor leaves no gaps */
	if (!c->frame)
		abort();
	c->w = wr_of(mspan_of(c->frame + CLIENT_HEADROOM,
			      c->settings.frame_max - CLIENT_HEADROOM));
	c->element = NO_ELEMENT;
	c->related = false;
	c->frame_protect = c->session->ready ? c->session->protect : CLIENT_PLAIN;
	c->frame_exact = false;
}

void client_begin_as(struct client *c, enum client_protect protect)
{
	client_begin(c);
	c->frame_protect = protect;
	c->frame_exact = true;
}

void client_relate(struct client *c)
{
	c->related = true;
}

/* The element before ends here: padded, and linked to the one that begins. */
static void element_link(struct client *c)
{
	if (c->element == NO_ELEMENT)
		return;
	wr_align(&c->w, 8);
	wr_fill_u32(&c->w, c->element + SMB2_OFF_NEXT_COMMAND,
		    (uint32_t)(wr_pos(&c->w) - c->element));
}

static void pending_add(struct client *c, const struct smb2_header *h)
{
	struct client_pending *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->message_id = h->message_id;
	p->command = h->command;
	p->charge = h->credit_charge;
	p->session = c->session;
	list_add_tail(&c->pending, &p->node);
	c->pending_count++;
	c->next_id += ids_of(h->credit_charge);
	c->credits -= ids_of(h->credit_charge);
}

static void wr_element_header(struct client *c, const struct smb2_header *h)
{
	element_link(c);
	c->element = wr_pos(&c->w);
	wr_smb2_header(&c->w, h);
}

uint64_t client_element(struct client *c, uint16_t command, uint32_t tree, size_t payload)
{
	struct smb2_header h = {
		.credit_charge = charge_of(c, payload),
		.command = command,
		.credits = 1,
		.message_id = c->next_id,
		.tree_id = tree,
		.session_id = c->session->id,
	};

	assert(client_may_send(c, payload));
	if (c->credits < c->settings.credits_kept)
		h.credits = c->settings.credits_kept;
	if (c->related && c->element != NO_ELEMENT) {
		h.flags |= SMB2_FLAGS_RELATED_OPERATIONS;
		h.session_id = SMB2_RELATED_ID64;
		h.tree_id = SMB2_RELATED_ID32;
	}
	if (c->replay)
		h.flags |= SMB2_FLAGS_REPLAY_OPERATION;
	wr_element_header(c, &h);
	pending_add(c, &h);
	return h.message_id;
}

void client_cancel(struct client *c, uint64_t message_id)
{
	const struct client_pending *p = client_pending(c, message_id);
	struct smb2_header h = {
		.command = SMB2_CANCEL,
		.message_id = message_id,
		.session_id = c->session->id,
	};

	if (p && p->async_id) {
		h.flags |= SMB2_FLAGS_ASYNC_COMMAND;
		h.async_id = p->async_id;
	}
	wr_element_header(c, &h);
	wr_u16(&c->w, 4); /* StructureSize */
	wr_u16(&c->w, 0); /* Reserved */
}

/* ---- protection -------------------------------------------------------------------------------------- */

/* A channel that is being bound signs with the session's key: [MS-SMB2] 3.2.4.1.1 */
static void element_sign(const struct client_session *s, struct mspan message)
{
	struct sign_item item = {.key = s->sign || !s->bound ? s->sign : s->bound->sign,
				 .msg = message};

	sign_batch(&item, 1);
	if (item.err)
		abort();
}

/* [MS-SMB2] 3.2.4.1: the hash takes in what leads to a session, as it is sent. */
static void element_hash(struct client *c, const struct smb2_header *h,
			 struct span message)
{
	int err = 0;

	if (h->command == SMB2_NEGOTIATE)
		err = preauth_update(&c->preauth, message);
	if (h->command == SMB2_SESSION_SETUP && !c->session->ready)
		err = preauth_update(&c->session->preauth, message);
	if (err)
		abort();
}

static void note_protection(struct client *c, const struct smb2_header *h)
{
	list_for_each (n, &c->pending) {
		struct client_pending *p = container_of(n, struct client_pending, node);

		if (p->message_id == h->message_id && h->command != SMB2_CANCEL)
			p->protect = c->frame_protect;
	}
}

static void elements_finish(struct client *c, struct mspan all)
{
	for (size_t off = 0; off < all.len;) {
		struct mspan m = mspan_of(all.p + off, all.len - off);
		struct rd r = rd_of(span_of_m(m));
		struct smb2_header h = rd_smb2_header(&r);

		if (h.next_command)
			m.len = h.next_command;
		note_protection(c, &h);
		if (c->frame_protect == CLIENT_SIGNED)
			element_sign(c->session, m);
		element_hash(c, &h, span_of_m(m));
		off += m.len;
	}
}

struct span client_end(struct client *c)
{
	struct mspan all = mspan_of(c->frame + CLIENT_HEADROOM, wr_pos(&c->w));
	uint8_t *start = c->frame + SMB2_TRANSFORM_HEADER_LEN;
	struct wr head;

	if (!wr_ok(&c->w))
		abort();
	elements_finish(c, all);
	if (c->frame_protect == CLIENT_SEALED) {
		all = mspan_of(c->frame + 4, all.len + SMB2_TRANSFORM_HEADER_LEN);
		if (seal_message(c->session->seal, c->session->id, all) != 0)
			abort();
		start = c->frame;
	}
	head = wr_of(mspan_of(start, 4));
	wr_be32(&head, (uint32_t)all.len);
	return span_of(start, all.len + 4);
}
