/*
 *     NEW --0x02FF answered--> WILDCARD --NEGOTIATE--> READY --disconnect, peer gone--> CLOSED --last reference-->
 *       \______________NEGOTIATE________________________/
 */
#include "smb/conn.h"

#include "base/log.h"
#include "smb/arrival.h"
#include "smb/logons.h"
#include "smb/req.h"
#include "smb/send.h"
#include "wire/smb2_proto.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void conn_closed(void *user_data, int err);

static void conn_frame(void *user_data, struct buf *b, struct mspan frame)
{
	arrival(user_data, b, frame);
}

static void conn_flush(void *user_data)
{
	struct conn *c = user_data;

	if (!list_empty(&c->out) && !list_linked(&c->on_out))
		list_add_tail(&c->lane->out_conns, &c->on_out);
}

const struct xport_user conn_xport_user = {
	.frame = conn_frame,
	.flush = conn_flush,
	.closed = conn_closed,
};

static void deadline_passed(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, deadline);

	conn_disconnect(c, "no session within the time allowed");
}

struct conn *conn_new(struct smb_lane *lane, struct xport *x)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (map_init(&c->channels) != 0 || map_init(&c->bindings) != 0 ||
	    map_init(&c->requests) != 0 || map_init(&c->async) != 0) {
		map_fini(&c->channels);
		map_fini(&c->bindings);
		map_fini(&c->requests);
		free(c);
		return NULL;
	}
	c->refs = 1; /* the transport's, until closed() */
	c->server = lane->server;
	c->lane = lane;
	c->xport = x;
	c->id = atomic_fetch_add(&lane->server->next_conn_id, 1) + 1;
	c->address = logons_address(c->server->logons, x->ops->peer(x));
	snprintf(c->peer, sizeof(c->peer), "%s", x->ops->peer(x));
	c->since = env_filetime(lane->server->env);
	c->constrained = true;
	c->sign_alg = SIGN_HMAC_SHA256;
	c->next_async_id = 1;
	credits_init(&c->credits);
	list_init(&c->out);
	list_init(&c->ended);
	list_add_tail(&lane->conns, &c->on_lane);
	stats_add(&lane->counters->connections, 1);
	x->ops->frame_max(x, CONN_FRAME_MAX_EARLY);
	timer_arm(lane->lane->timers, &c->deadline, CONN_DEADLINE_MS, deadline_passed);
	log_verbose("conn %" PRIu64 " %s: accepted", c->id, x->ops->peer(x));
	return c;
}

struct conn *conn_get(struct conn *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void conn_put(struct conn *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	map_fini(&c->channels);
	map_fini(&c->bindings);
	map_fini(&c->requests);
	map_fini(&c->async);
	free(c->client_dialects);
	free(c);
}

void conn_disconnect(struct conn *c, const char *why)
{
	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	log_info("conn %" PRIu64 " %s: disconnected: %s", c->id,
		 c->xport->ops->peer(c->xport), why);
	c->xport->ops->close(c->xport);
}

/* Out of the connection's table; no longer one of its logons in progress. */
static void channel_unlist(struct channel *ch)
{
	struct conn *c = ch->conn;

	ch->listed = false;
	channel_settled(ch);
	map_del(ch->half ? &c->bindings : &c->channels, &ch->by_session);
}

/*
 * Half-open channels do not keep a session alive: who it was would end with the last that is proved. Nor do those that are
 * lost: nobody can ask for anything over them. but: another one to leave out; or NULL.
 */
static bool has_channels(struct sess *s, const struct channel *but)
{
	LOCK_SCOPE(&s->lock);

	list_for_each (n, &s->channels) {
		const struct channel *ch = container_of(n, struct channel, on_sess);

		if (ch != but && channel_carries(ch))
			return true;
	}
	return false;
}

bool channel_is_one_of_many(struct channel *ch)
{
	return ch->listed && !ch->half && has_channels(ch->sess, ch);
}

/* Off its connection. On its session it stays, for whoever ends that to tell its requests, until they are over. */
static void channel_lose(struct channel *ch)
{
	channel_unlist(ch);
	ch->valid = false;
	LOCK_SCOPE(&ch->sess->lock);
	ch->lost = true;
}

static void ended_drop(struct conn *c)
{
	struct channel *ch = container_of(list_pop(&c->ended), struct channel, on_sess);

	c->ended_count--;
	channel_unlist(ch);
	channel_put(ch);
}

/* Sessions that lived here alone end; others go on over their other channels. */
static void channels_lost(struct conn *c)
{
	struct map_walk pos;

	while (c->ended_count)
		ended_drop(c);
	for (struct map_node *n; (n = map_walk_first(&c->bindings, &pos)) != NULL;)
		channel_remove(container_of(n, struct channel, by_session));
	for (struct map_node *n; (n = map_walk_first(&c->channels, &pos)) != NULL;) {
		struct channel *ch = container_of(n, struct channel, by_session);
		struct sess *s = sess_get(ch->sess);

		if (ch->orphans)
			channel_lose(ch);
		else
			channel_remove(ch);
		if (!has_channels(s, NULL))
			sess_disconnect(s, c->lane->lane, NULL);
		sess_put(s);
	}
}

static void retirement_over(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, deadline);

	conn_disconnect(c, c->retired);
}

void conn_retire(struct conn *c, const char *why)
{
	if (c->state == CONN_CLOSED || c->retired)
		return;
	c->retired = why;
	if (!c->paused)
		c->xport->ops->pause(c->xport, true);
	c->paused = true;
	timer_arm(c->lane->lane->timers, &c->deadline, CONN_RETIRE_MS, retirement_over);
	conn_requests_abandon(c);
}

void conn_sent_all(struct conn *c)
{
	if (c->retired && c->state != CONN_CLOSED && c->requests.count == 0)
		conn_disconnect(c, c->retired);
}

/* The last call of the transport: requests are abandoned. */
static void conn_closed(void *user_data, int err)
{
	struct conn *c = user_data;

	if (c->state != CONN_CLOSED)
		log_verbose("conn %" PRIu64 " %s: closed by the client", c->id,
			    c->xport->ops->peer(c->xport));
	c->state = CONN_CLOSED;
	c->xport = NULL;
	timer_cancel(c->lane->lane->timers, &c->deadline);
	out_discard(c);
	conn_requests_orphan(c);
	conn_requests_abandon(c);
	channels_lost(c);
	list_del(&c->on_lane);
	list_del(&c->on_out);
	conn_put(c);
}

struct channel *conn_channel(struct conn *c, uint64_t session_id)
{
	struct map_node *n = map_first(&c->channels, session_id);

	return n ? container_of(n, struct channel, by_session) : NULL;
}

struct channel *conn_binding(struct conn *c, uint64_t session_id)
{
	struct map_node *n = map_first(&c->bindings, session_id);

	return n ? container_of(n, struct channel, by_session) : NULL;
}

/* A client that must not believe what is not signed is told so that the session has ended. */
static void ended_keep(struct channel *ch)
{
	struct conn *c = ch->conn;

	channel_settled(ch);
	list_add_tail(&c->ended, &ch->on_sess);
	if (++c->ended_count > CONN_ENDED_MAX)
		ended_drop(c);
}

/* On the connection's worker: the session ended elsewhere. The message owns the table's reference. */
static void channel_forgotten(struct msg *m)
{
	struct channel *ch = container_of(m, struct channel, forget);
	struct conn *c = ch->conn;

	ch->valid = false;
	if (ch->orphans)
		channel_orphans_abandon(ch);
	if (ch->listed && ch->sign && !ch->half) {
		ended_keep(ch);
	} else {
		if (ch->listed)
			channel_unlist(ch);
		channel_put(ch);
	}
	conn_put(c);
}

static struct channel *channel_alloc(struct conn *c, struct sess *sess)
{
	struct channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->refs = 1; /* the table's */
	ch->conn = c;
	ch->sess = sess_get(sess);
	ch->forget.run = channel_forgotten;
	return ch;
}

static void channel_list(struct channel *ch, struct map *table)
{
	map_add(table, &ch->by_session, ch->sess->id);
	ch->listed = true;
	ch->settling = true;
	ch->conn->in_progress++;
	logons_began(ch->conn->server->logons, ch->conn->address);
}

struct channel *channel_new(struct conn *c, struct sess *sess)
{
	struct channel *ch = channel_alloc(c, sess);

	if (!ch)
		return NULL;
	ch->home = true;
	channel_list(ch, &c->channels);
	LOCK_SCOPE(&sess->lock);
	list_add_tail(&sess->channels, &ch->on_sess);
	return ch;
}

/* Whoever closes the session takes off what is there once it is CLOSED: after that nothing may be added. */
static nt_status sess_take_channel(struct sess *s, struct channel *ch)
{
	size_t count = 0;
	LOCK_SCOPE(&s->lock);

	if (atomic_load(&s->state) == SESS_CLOSED)
		return STATUS_USER_SESSION_DELETED;
	list_for_each (n, &s->channels)
		count++;
	if (count >= SESS_CHANNELS_MAX)
		return STATUS_INSUFFICIENT_RESOURCES;
	list_add_tail(&s->channels, &ch->on_sess);
	return STATUS_SUCCESS;
}

nt_status channel_bind(struct conn *c, struct sess *sess, struct channel **ret_channel)
{
	struct channel *ch = channel_alloc(c, sess);
	nt_status st;

	if (!ch)
		return STATUS_INSUFFICIENT_RESOURCES;
	ch->half = true;
	st = sess_take_channel(sess, ch);
	if (!nt_ok(st)) {
		channel_put(ch);
		return st;
	}
	channel_list(ch, &c->bindings);
	*ret_channel = ch;
	return STATUS_SUCCESS;
}

nt_status channel_bound(struct channel *ch)
{
	struct conn *c = ch->conn;

	{
		LOCK_SCOPE(&ch->sess->lock);
		if (ch->forgotten || atomic_load(&ch->sess->state) == SESS_CLOSED)
			return STATUS_USER_SESSION_DELETED;
		map_del(&c->bindings, &ch->by_session);
		ch->half = false;
	}
	map_add(&c->channels, &ch->by_session, ch->sess->id);
	ch->valid = true;
	return STATUS_SUCCESS;
}

struct channel *channel_get(struct channel *ch)
{
	ch->refs++;
	return ch;
}

void channel_put(struct channel *ch)
{
	if (!ch || --ch->refs)
		return;
	traffic_fold(&ch->sess->traffic, &ch->traffic);
	setup_free(ch->setup);
	sign_key_free(ch->sign);
	sess_put(ch->sess);
	free(ch);
}

void channel_settled(struct channel *ch)
{
	if (!ch->settling)
		return;
	ch->settling = false;
	ch->conn->in_progress--;
	logons_ended(ch->conn->server->logons, ch->conn->address);
}

/* Off its session, which had the table's reference. */
static void channel_leave(struct channel *ch)
{
	bool forgotten;
	{
		LOCK_SCOPE(&ch->sess->lock);
		traffic_fold(&ch->sess->traffic, &ch->traffic);
		forgotten = ch->forgotten;
		if (!forgotten)
			list_del(&ch->on_sess);
	}
	if (!forgotten) /* else a message on its way owns the reference, or did */
		channel_put(ch);
}

void channel_remove(struct channel *ch)
{
	if (!ch->listed)
		return;
	channel_unlist(ch);
	ch->valid = false;
	channel_leave(ch);
}

void channel_orphan_ended(struct channel *ch)
{
	if (--ch->orphans == 0)
		channel_leave(ch);
}

void channels_forget(struct sess *s, struct lane *lane)
{
	for (;;) {
		struct channel *ch;
		{
			LOCK_SCOPE(&s->lock);
			struct list_node *n = list_pop(&s->channels);

			if (!n)
				return;
			/* its connection cannot go before channel_remove() has had our lock */
			ch = container_of(n, struct channel, on_sess);
			conn_get(ch->conn);
			ch->forgotten = true;
		}
		if (ch->conn->lane->lane == lane)
			channel_forgotten(&ch->forget);
		else
			mailbox_post(ch->conn->lane->lane->mailbox, &ch->forget);
	}
}

struct setup *setup_new(struct snapshot *snap)
{
	struct setup *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->snap = snapshot_get(snap);
	s->auth = auth_new(&snap->auth);
	if (s->auth)
		return s;
	setup_free(s);
	return NULL;
}

void setup_free(struct setup *s)
{
	if (!s)
		return;
	auth_free(s->auth);
	snapshot_put(s->snap);
	free(s);
}

void conn_memory(struct conn *c, int64_t bytes)
{
	bool pause;

	c->memory = (size_t)((int64_t)c->memory + bytes);
	pause = c->retired  ? true
		: c->paused ? c->memory > CONN_MEMORY_RESUME
			    : c->memory > CONN_MEMORY_PAUSE;
	if (pause == c->paused || !c->xport)
		return;
	c->paused = pause;
	c->xport->ops->pause(c->xport, pause);
}

void conn_turn_answer(struct conn *c, uint64_t turn_ns, size_t len)
{
	if (c->turn_ns != turn_ns) {
		c->turn_ns = turn_ns;
		c->turn_len = 0;
	}
	c->turn_len += len;
	if (c->turn_len >= CONN_TURN_LEN && c->xport)
		c->xport->ops->rest(c->xport);
}

void conn_authenticated(struct conn *c, bool named)
{
	uint32_t most = c->max_transact > c->max_write ? c->max_transact : c->max_write;

	if (!c->retired)
		timer_cancel(c->lane->lane->timers, &c->deadline);
	if (named)
		c->constrained = false;
	if (c->xport)
		c->xport->ops->frame_max(c->xport, (size_t)most + 256 + SEAL_HEADER_LEN);
}

const char *conn_peer(const struct conn *c)
{
	return c->xport ? c->xport->ops->peer(c->xport) : "-";
}

const char *conn_dialect_name(uint16_t dialect)
{
	switch (dialect) {
	case SMB2_DIALECT_202:
		return "2.0.2";
	case SMB2_DIALECT_210:
		return "2.1";
	case SMB2_DIALECT_300:
		return "3.0";
	case SMB2_DIALECT_302:
		return "3.0.2";
	case SMB2_DIALECT_311:
		return "3.1.1";
	default:
		return "none";
	}
}
