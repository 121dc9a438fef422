#include "cmd/break_wait.h"

#include "base/timer.h"

#include <errno.h>

/* One wait after another, in the request's arena. */
struct break_wait {
	struct req *q;
	struct node *node; /* counted while it waits */
	struct state_waiter waiter;
	struct timer timer;
	req_done then;
	struct state_result result;
	struct state_op op; /* has no ranges: last */
};

static nt_status woken(struct req *q, int err, struct wr *w);

static void timed_out(struct timer *t)
{
	req_cancel(container_of(t, struct break_wait, timer)->q, WAIT_TIMED_OUT);
}

static uint64_t now_ms(const struct req *q)
{
	return env_now_ns(q->conn->server->env) / 1000000;
}

nt_status break_wait(struct req *q, struct node *n, const struct state_op *who,
		     req_done then)
{
	struct break_wait *b = q->break_wait;
	uint64_t since, due;
	struct wait *w;
	nt_status st;

	if (!b)
		b = arena_alloc(&q->arena, sizeof(*b));
	if (!b)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = req_wait_peer(q, woken, &w);
	if (!nt_ok(st))
		return st;
	b->q = q;
	b->node = node_get(n);
	b->then = then;
	b->op = *who;
	q->break_wait = b;
	since = state_wait(n->state, who, &b->waiter, w);
	if (since) {
		due = since + STATE_ACK_WAIT_MS;
		timer_arm(q->lane->lane->timers, &b->timer,
			  due > now_ms(q) ? due - now_ms(q) : 0, timed_out);
	}
	return STATUS_PENDING;
}

static nt_status expired(struct req *q, int err, struct wr *w)
{
	return err ? nt_from_errno(err) : q->break_wait->then(q, 0, w);
}

/* Nobody acknowledged in time. */
static nt_status expire(struct req *q)
{
	struct break_wait *b = q->break_wait;

	b->op.code = STATE_EXPIRE;
	b->op.now_ms = now_ms(q);
	state_apply(q->conn->server->state, q->lane->lane, &b->op, &b->result,
		    req_wait(q, expired));
	return STATUS_PENDING;
}

static nt_status woken(struct req *q, int err, struct wr *w)
{
	struct break_wait *b = q->break_wait;

	timer_cancel(q->lane->lane->timers, &b->timer);
	if (err)
		state_wait_forget(b->node->state, &b->waiter);
	node_put(TAKE(b->node));
	if (!err)
		return b->then(q, 0, w);
	if (q->wait.why == WAIT_TIMED_OUT)
		return expire(q);
	return q->wait.why == WAIT_CANCELLED ? STATUS_CANCELLED : STATUS_FILE_CLOSED;
}

/* ---- uses ---------------------------------------------------------------------------------------------------- */

struct cache_use {
	struct node
		*node; /* the caller keeps it, if there may be something to wait for */
	req_done then;
	struct state_result result;
	struct state_op op; /* has no ranges: last */
};

static nt_status used(struct req *q, int err, struct wr *w);

static nt_status use_again(struct req *q, int err, struct wr *w)
{
	struct cache_use *u = q->cache_use;

	u->op.now_ms = now_ms(q);
	state_apply(q->conn->server->state, q->lane->lane, &u->op, &u->result,
		    req_wait(q, used));
	return STATUS_PENDING;
}

static nt_status used(struct req *q, int err, struct wr *w)
{
	struct cache_use *u = q->cache_use;

	if (err)
		return nt_from_errno(err);
	if (nt_is(u->result.status, STATUS_PENDING))
		return break_wait(q, u->node, &u->op, use_again);
	return u->then(q, 0, w);
}

static nt_status use(struct req *q, struct node *n, const struct state_op *who,
		     enum caching_use what, req_done then)
{
	struct cache_use *u = q->cache_use ?: arena_alloc(&q->arena, sizeof(*u));

	if (!u)
		return STATUS_INSUFFICIENT_RESOURCES;
	u->node = n;
	u->then = then;
	u->op = *who;
	u->op.code = STATE_USE;
	u->op.node = n->key;
	u->op.use = what;
	q->cache_use = u;
	return use_again(q, 0, NULL);
}

nt_status cache_use(struct req *q, enum caching_use what, req_done then)
{
	struct open *o = q->open;
	const struct state_op who = open_state_op(o, STATE_USE);

	if (!state_is_cached(o->node->state))
		return then(q, 0, req_reply(q, 0));
	return use(q, o->node, &who, what, then);
}

nt_status cache_use_of(struct req *q, struct node *n, enum caching_use what,
		       req_done then)
{
	const struct state_op who = open_state_op(q->open, STATE_USE);

	return use(q, n, &who, what, then);
}

nt_status cache_streams(struct req *q, struct node *file, const struct state_op *who,
			req_done then)
{
	struct state_op op = *who;

	if (!atomic_load(&file->streams))
		return then(q, 0, req_reply(q, 0));
	op.of_streams = true;
	return use(q, file, &op, CACHING_USE_WRITE, then);
}

nt_status cache_entries(struct req *q, struct node *dir, const struct state_op *who,
			const struct lease_id *parent_lease, req_done then)
{
	struct state_op op = *who;

	if (!dir || !state_is_cached(dir->state))
		return then(q, 0, req_reply(q, 0));
	op.lease_version = parent_lease ? 2 : 0;
	if (parent_lease)
		op.lease = *parent_lease;
	return use(q, dir, &op, CACHING_USE_ENTRIES, then);
}

nt_status cache_entry_of_open(struct req *q, req_done then)
{
	const struct state_op who = open_state_op(q->open, STATE_USE);
	struct node *dir = open_parent(q->open);
	nt_status st = cache_entries(q, dir, &who, open_parent_lease(q->open), then);

	node_put(
		dir); /* a use that did not wait is over, or has its own record of what it is about */
	return st;
}
