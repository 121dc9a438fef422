/*
 * vandal.c - a client that breaks its own requests, before they are protected (so that they are authentic and wrong) or
 *            after, and after that listens to nobody.
 */
#include "sim/chaos_impl.h"

#include <stdlib.h>
#include <string.h>

enum { DAMAGES = 150 /* of a thousand frames */, CREDITS = 64, GARBAGE_MAX = 300 };

/* What it was told is forgotten: from now on it claims credits and opens as it likes. */
static void lose_count(struct chaos *c)
{
	struct client *client = c->st.client;

	for (struct list_node *n; (n = list_pop(&client->pending)) != NULL;)
		free(container_of(n, struct client_pending, node));
	client->pending_count = 0;
	client->credits = CREDITS;
	memset(c->ops, 0, sizeof(c->ops));
	c->damaged = c->st.deaf = true;
	model_close_all(c->model, c);
}

/* Some bytes of the bodies, never of a header: lengths, offsets, ids, names. */
static void damage_bodies(struct chaos *c)
{
	struct client *client = c->st.client;
	struct rng *r = chaos_rng(c);
	uint8_t *all = client->frame + CLIENT_HEADROOM;
	size_t len = wr_pos(&client->w), start = client->element + SMB2_HEADER_LEN;

	if (start >= len)
		return;
	for (uint64_t n = 1 + rng_below(r, 4); n; n--)
		all[start + rng_below(r, len - start)] = (uint8_t)rng_u64(r);
}

/* A copy of the finished frame with any bytes changed, cut off or made up. */
static void send_damaged(struct chaos *c, struct span frame)
{
	struct rng *r = chaos_rng(c);
	uint8_t garbage[GARBAGE_MAX];
	uint8_t *copy = malloc(frame.len);

	if (!copy)
		abort();
	memcpy(copy, frame.p, frame.len);
	switch (rng_below(r, 4)) {
	case 0:
		copy[rng_below(r, frame.len)] ^= (uint8_t)(1 + rng_below(r, 255));
		break;
	case 1: /* too short, and what follows is taken for its end */
		frame.len = 1 + rng_below(r, frame.len);
		break;
	case 2:
		rng_fill(r, mspan_of(garbage, sizeof(garbage)));
		sim_send(c->st.link, span_of(garbage, rng_below(r, sizeof(garbage))));
		break;
	default: /* the same twice */
		sim_send(c->st.link, frame);
	}
	sim_send(c->st.link, span_of(copy, frame.len));
	free(copy);
}

void vandal_put(struct chaos *c)
{
	struct rng *r = chaos_rng(c);

	if (c->damaged)
		lose_count(c);
	if (!c->settings.vandal || !rng_chance(r, DAMAGES)) {
		station_put(&c->st);
		return;
	}
	lose_count(c);
	if (rng_chance(r, 600)) {
		damage_bodies(c);
		station_put(&c->st);
	} else {
		send_damaged(c, client_end(c->st.client));
	}
}
