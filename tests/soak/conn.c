/*
 * conn.c - connections and the clients' ways in and out.
 *
 *     conn_open --> (conn_turn)* --> conn_close
 */
#include "soak/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* One kind a connection: dialects with and without leases, of both versions; every protection. */
static const struct {
	uint16_t dialect, cipher, signing;
	enum client_protect protect;
} kinds[CONNS] = {
	{SMB2_DIALECT_311, SEAL_AES_128_GCM, SIGN_AES_GMAC, CLIENT_SIGNED},
	{SMB2_DIALECT_311, SEAL_AES_128_GCM, SIGN_AES_CMAC, CLIENT_SEALED},
	{SMB2_DIALECT_210, SEAL_NONE, SIGN_HMAC_SHA256, CLIENT_PLAIN},
	{SMB2_DIALECT_302, SEAL_AES_128_CCM, SIGN_AES_CMAC, CLIENT_SIGNED},
};

static struct sock_settings settings_of(struct world *w, unsigned kind)
{
	struct sock_settings s = {
		.address = w->settings.address,
		.port = w->settings.port,
		.timeout_ms = 30000,
		.client = {.env = &w->clock.env,
			   .logon = {.user = w->settings.user,
				     .domain = "",
				     .password = w->settings.password},
			   .host = w->settings.address,
			   .dialects = {kinds[kind].dialect},
			   .dialect_count = 1,
			   .ciphers = {kinds[kind].cipher},
			   .cipher_count = kinds[kind].cipher != SEAL_NONE,
			   .signings = {kinds[kind].signing},
			   .signing_count = kinds[kind].dialect == SMB2_DIALECT_311,
			   .protect = kinds[kind].protect},
	};

	env_random(&w->clock.env, mspan_of(s.client.guid, sizeof(s.client.guid)));
	return s;
}

/* client->session logs on and goes into the share. */
static bool enter(struct world *w, struct sock *s, uint32_t *ret_tree)
{
	nt_status st = STATUS_SUCCESS;
	int err = s->client->session->ready ? 0 : sock_logon(s, &st);

	if (!err && nt_ok(st))
		err = sock_tree(s, w->settings.share, &st, ret_tree);
	if (err || !nt_ok(st))
		model_fault(&w->model, "no way in: %s, %s, %s", strerror(-err),
			    nt_status_name(st), client_fault(s->client));
	return !err && nt_ok(st);
}

struct sock *world_visit(struct world *w, const struct sock_settings *base,
			 uint32_t *ret_tree)
{
	struct sock_settings settings = settings_of(w, 0);
	struct sock *s;
	int err = sock_open(base ? base : &settings, &s);

	if (err) {
		model_fault(&w->model, "no connection: %s", strerror(-err));
		return NULL;
	}
	if (enter(w, s, ret_tree))
		return s;
	sock_close(s, false);
	return NULL;
}

void conn_open(struct conn *c)
{
	struct world *w = c->world;
	struct sock_settings s = settings_of(w, c->index);

	s.got = conn_got;
	s.client.broke = conn_broke;
	s.client.previous_session_id = c->actors[0].previous_id;
	s.arg = c;
	c->serial = ++w->serial;
	c->early_count = 0;
	c->sock = world_visit(w, &s, &c->actors[0].tree);
	if (!c->sock)
		return;
	c->actors[0].session = c->sock->client->session;
	c->actors[1].session = client_session_add(c->sock->client, &s.client.logon);
	c->actors[1].session->previous_id = c->actors[1].previous_id;
	(void)enter(w, c->sock, &c->actors[1].tree);
}

void conn_close(struct conn *c, bool hard)
{
	for (struct list_node *n; (n = list_pop(&c->ops)) != NULL;)
		op_free(container_of(n, struct op, node));
	for (struct list_node *n; (n = list_pop(&c->dues)) != NULL;) {
		struct due *d = container_of(n, struct due, node);

		model_put(&c->world->model, d->open);
		free(d);
	}
	for (size_t i = 0; i < ACTORS_EACH; i++) {
		actor_end_opens(&c->actors[i]);
		c->actors[i].leaving = STAYS;
		c->actors[i].previous_id = 0;
	}
	sock_close(TAKE(c->sock), hard);
}

/* Whoever left has nothing under way any more: back in, as before or as somebody new. */
static void come_back(struct actor *a)
{
	struct client *client = client_of(a);

	client->session = a->session;
	if (a->leaving == LEAVES_SESSION) {
		struct logon_settings who = a->session->who;

		client_session_drop(client, a->session);
		a->session = client_session_add(client, &who);
	}
	a->leaving = STAYS;
	(void)enter(world_of(a), a->conn->sock, &a->tree);
}

static void dues_send(struct conn *c)
{
	uint64_t now = env_now_ns(&c->world->clock.env);
	struct list_node *next;

	for (struct list_node *n = c->dues.next; n != &c->dues; n = next) {
		struct due *d = container_of(n, struct due, node);

		next = n->next;
		if (d->at_ns > now && !c->world->draining)
			continue;
		list_del(&d->node);
		if (!d->actor->leaving)
			actor_ack(d->actor, d->open, d->lease, d->level);
		model_put(&c->world->model, d->open);
		free(d);
	}
}

void conn_turn(struct conn *c)
{
	int err = c->sock ? sock_pump(c->sock, 0) : 0;

	if (!c->sock)
		return;
	if (err) {
		model_fault(&c->world->model, "connection %u: %s %s", c->index,
			    strerror(-err), client_fault(c->sock->client));
		conn_close(c, false);
		conn_open(c);
		return;
	}
	dues_send(c);
	for (size_t i = 0; i < ACTORS_EACH; i++)
		if (c->actors[i].leaving && c->actors[i].op_count == 0 &&
		    !c->world->draining)
			come_back(&c->actors[i]);
}
