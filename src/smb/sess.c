/*
 *     IN_PROGRESS --final SESSION_SETUP--> VALID --ticket runs out--> EXPIRED --re-authentication--> VALID
 *          \______________________ sess_end() _______|____________________/
 *                                                  CLOSED
 */
#include "smb/sess.h"

#include "smb/conn.h"
#include "smb/open.h"
#include "smb/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool id_taken(struct smb_server *server, uint64_t id)
{
	return id == 0 || id == UINT32_MAX || map_first(&server->sessions, id) != NULL;
}

nt_status sess_new(struct smb_server *server, const struct conn *c, uint32_t sessions_max,
		   struct sess **ret_sess)
{
	struct sess *s = calloc(1, sizeof(*s));

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (map_init(&s->trees) != 0 || map_init(&s->opens) != 0) {
		map_fini(&s->trees);
		free(s);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	s->server = server;
	s->refs = 2; /* the table's and the caller's */
	s->created = env_filetime(server->env);
	s->dialect = c->dialect;
	s->cipher = c->cipher;
	s->sign_alg = c->sign_alg;
	memcpy(s->client_guid, c->client_guid, sizeof(s->client_guid));
	snprintf(s->client, sizeof(s->client), "%s", conn_peer(c));
	list_init(&s->channels);
	lock_init(&s->lock, LOCK_RANK_SESS);
	s->next_tree_id = 1;
	s->next_volatile_id = 1;
	{
		LOCK_SCOPE(&server->lock);
		if (sessions_max == 0 || server->session_count < sessions_max) {
			do { /* 32 bits: clients are known that keep no more of it */
				s->id = (uint32_t)env_random_u64(server->env);
			} while (id_taken(server, s->id));
			map_add(&server->sessions, &s->by_id, s->id);
			server->session_count++;
			*ret_sess = s;
			return STATUS_SUCCESS;
		}
	}
	s->refs = 1;
	sess_put(s);
	return STATUS_INSUFFICIENT_RESOURCES;
}

struct sess *sess_find(struct smb_server *server, uint64_t id)
{
	LOCK_SCOPE(&server->lock);
	struct map_node *n = map_first(&server->sessions, id);

	return n ? sess_get(container_of(n, struct sess, by_id)) : NULL;
}

struct sess *sess_get(struct sess *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void sess_put(struct sess *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	sign_key_free(s->sign);
	seal_key_free(s->open_key);
	seal_tx_free(s->seal);
	principal_put(s->who);
	map_fini(&s->trees);
	map_fini(&s->opens);
	lock_fini(&s->lock);
	free(s);
}

struct principal *sess_who(struct sess *s)
{
	LOCK_SCOPE(&s->lock);

	return s->who ? principal_get(s->who) : NULL;
}

/* Only one caller gets true: it tears the session down. */
static bool sess_begin_close(struct sess *s)
{
	LOCK_SCOPE(&s->server->lock);

	if (atomic_exchange(&s->state, SESS_CLOSED) == SESS_CLOSED)
		return false;
	map_del(&s->server->sessions, &s->by_id);
	s->server->session_count--;
	return true;
}

/* No tree can be found any more. */
static void trees_shut(struct sess *s)
{
	for (;;) {
		struct tree *t = NULL;
		{
			LOCK_SCOPE(&s->lock);
			struct map_walk pos;
			struct map_node *n = map_walk_first(&s->trees, &pos);

			if (n)
				t = tree_get(container_of(n, struct tree, by_id));
		}
		if (!t)
			return;
		(void)tree_shut(t);
		tree_put(t);
	}
}

static void sess_end(struct sess *s, struct lane *lane, bool keep, struct wait *w)
{
	if (!sess_begin_close(s)) {
		if (w)
			wait_now(w, 0);
		return;
	}
	trail_logoff(s, lane);
	channels_forget(s, lane);
	trees_shut(s);
	teardown_run(&s->teardown, lane, s, NULL, keep, w);
	sess_put(s); /* the table's */
}

void sess_close(struct sess *s, struct lane *lane, struct wait *w)
{
	sess_end(s, lane, false, w);
}

void sess_disconnect(struct sess *s, struct lane *lane, struct wait *w)
{
	sess_end(s, lane, true, w);
}
