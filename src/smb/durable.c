#include "smb/durable.h"

#include "base/timer.h"
#include "smb/replay.h"
#include "smb/req.h"

#include <string.h>

enum { SCAVENGE_PAUSE_MS = 100 }; /* each look is at all of a worker's */

static uint64_t now_ms(const struct smb_server *s)
{
	return env_now_ns(s->env) / 1000000;
}

/* ---- the tables ---------------------------------------------------------------------------------------------- */

/* With the file: an application has many open. */
static uint64_t instance_key(const struct smb_server *s, const struct guid *id,
			     const struct node_key *file)
{
	uint8_t both[GUID_LEN + sizeof(*file)];

	memcpy(both, id->bytes, GUID_LEN);
	memcpy(both + GUID_LEN, file, sizeof(*file));
	return map_hash(s->hash_key, span_of(both, sizeof(both)));
}

void durable_enlist(struct open *o)
{
	struct smb_server *s = o->server;

	o->enlisted = true;
	if (o->durable)
		map_add(&s->durables, &o->by_persistent_id, o->id.persistent_id);
	o->in_creates = o->has_create_guid;
	if (o->in_creates)
		map_add(&s->creates, &o->by_create,
			replay_key(s, o->client_guid, &o->create_guid));
	if (o->has_instance)
		map_add(&s->instances, &o->by_instance,
			instance_key(s, &o->instance, &o->node->key));
}

void durable_delist(struct open *o)
{
	if (o->durable)
		map_del(&o->server->durables, &o->by_persistent_id);
	if (o->in_creates)
		map_del(&o->server->creates, &o->by_create);
	if (o->has_instance)
		map_del(&o->server->instances, &o->by_instance);
}

struct open *durable_find(struct smb_server *s, uint64_t persistent_id)
{
	LOCK_SCOPE(&s->opens_lock);
	struct map_node *n = map_first(&s->durables, persistent_id);

	return n ? open_get_unless_gone(container_of(n, struct open, by_persistent_id))
		 : NULL;
}

/* Another client's, and not ending yet. */
static bool is_instance(struct open *o, const struct req *q, const struct guid *id,
			const struct node *file)
{
	if (o->node != file || !guid_eq(&o->instance, id) ||
	    memcmp(o->client_guid, q->sess->client_guid, sizeof(o->client_guid)) == 0)
		return false;
	LOCK_SCOPE(&o->lock);
	return o->state < OPEN_CLOSING;
}

struct open *durable_find_instance(const struct req *q, const struct guid *id,
				   const struct node *file,
				   bool (*is_of)(const struct open *o,
						 const struct req *q))
{
	struct smb_server *s = q->conn->server;
	LOCK_SCOPE(&s->opens_lock);

	for (struct map_node *n =
		     map_first(&s->instances, instance_key(s, id, &file->key));
	     n; n = map_next(n)) {
		struct open *o = container_of(n, struct open, by_instance);

		if (is_instance(o, q, id, file) && is_of(o, q) && open_get_unless_gone(o))
			return o;
	}
	return NULL;
}

/* ---- DISCONNECTED, and on from there --------------------------------------------------------------------------- */

bool durable_holds_handle(const struct open *o, struct state_result *ret)
{
	const struct state_op who = open_state_op(o, STATE_USE);
	struct state_result r = {0};

	if (!state_held(o->node->state, &who, &r))
		return false;
	*ret = r;
	return (r.caching & CACHING_HANDLE) && !r.breaking;
}

/* Under both locks, as the next. o goes on as `next`; the list's reference is the caller's. */
static void leave(struct open *o, enum open_state next)
{
	list_del(&o->on_home);
	o->state = next;
}

/* Its session has ended, or is ending, but it has not been through durable_keep(). Under o's lock. */
static bool is_parting(const struct open *o)
{
	return o->state == OPEN_PARTING ||
	       (o->state == OPEN_OPEN && atomic_load(&o->sess->state) == SESS_CLOSED);
}

/* It must not stay. To be closed: onto ret_gone. */
static void forsake(struct open *o, struct list_node *ret_gone)
{
	if (is_parting(o))
		o->forsaken = true;
	if (o->state != OPEN_DISCONNECTED)
		return;
	leave(o, OPEN_CLOSING);
	list_add_tail(ret_gone, &o->on_home);
}

/* Without locks: each by the worker that disconnected it, which had them on its list. */
static void close_gone(struct list_node *gone)
{
	for (struct list_node *n; (n = list_pop(gone)) != NULL;) {
		struct open *o = container_of(n, struct open, on_home);

		open_close_forsaken(o, o->home->lane, NULL);
	}
}

/* Each lane has swapped to what a reload says before opens are closed on account of it: from then on none of them stays. */
static bool may_stay(const struct smb_lane *l, const struct open *o)
{
	struct state_result held;

	return !atomic_load(&l->server->stopping) &&
	       share_is_there(l->snapshot, o->share) &&
	       !state_delete_pending(o->node->state) && durable_holds_handle(o, &held);
}

static void scavenge(struct timer *t);

static void scavenge_by(struct smb_lane *l, uint64_t due_ms)
{
	uint64_t now = now_ms(l->server);

	if (due_ms < l->scavenged_ms + SCAVENGE_PAUSE_MS)
		due_ms = l->scavenged_ms + SCAVENGE_PAUSE_MS;
	if (timer_armed(&l->scavenger) && l->scavenge_ms <= due_ms)
		return;
	l->scavenge_ms = due_ms;
	timer_arm(l->lane->timers, &l->scavenger, due_ms > now ? due_ms - now : 0,
		  scavenge);
}

/* [MS-SMB2] 3.3.6.2. Never before its time. */
static void scavenge(struct timer *t)
{
	struct smb_lane *l = container_of(t, struct smb_lane, scavenger);
	uint64_t now = now_ms(l->server), next = UINT64_MAX;
	struct list_node gone;

	l->scavenged_ms = now;
	list_init(&gone);
	{
		LOCK_SCOPE(&l->server->opens_lock);
		list_for_each (n, &l->disconnected) {
			struct open *o = container_of(n, struct open, on_home);
			LOCK_SCOPE(&o->lock);

			if (o->expires_ms <= now)
				forsake(o, &gone);
			else if (o->expires_ms < next)
				next = o->expires_ms;
		}
	}
	close_gone(&gone);
	if (next != UINT64_MAX)
		scavenge_by(l, next);
}

/* Under o's lock: those who waited for this look again. */
static void parted(struct open *o, struct list_node *ret_waiting)
{
	list_init(ret_waiting);
	for (struct list_node *n; (n = list_pop(&o->parted)) != NULL;)
		list_add_tail(ret_waiting, n);
}

static void wake(struct list_node *waiting)
{
	for (struct list_node *n; (n = list_pop(waiting)) != NULL;)
		wait_post(container_of(n, struct open_drain, node)->wait, 0);
}

bool durable_keep(struct open *o, struct lane *lane)
{
	struct smb_lane *l = smb_lane_of(lane);
	bool stays = may_stay(l, o);
	uint64_t due = now_ms(o->server) + o->durable_timeout_ms;
	struct list_node waiting;
	struct tree *tree = NULL;
	struct sess *s = NULL;
	size_t lock_count = o->lock_count; /* none is asked for meanwhile */
	{
		LOCK_SCOPE(&o->server->opens_lock);
		LOCK_SCOPE(&o->lock);
		/* a break since then that found no client to tell has left its word */
		stays = stays && !o->forsaken && o->enlisted;
		o->state = stays ? OPEN_DISCONNECTED : OPEN_CLOSING;
		parted(o, &waiting);
		if (stays) {
			s = TAKE(o->sess);
			tree = TAKE(o->tree);
			o->home = l;
			o->expires_ms = due;
			list_add_tail(&l->disconnected, &o->on_home);
		}
	}
	wake(&waiting);
	if (!stays)
		return false;
	scavenge_by(l, due);
	open_sess_leave(s, lock_count);
	tree_put(tree);
	sess_put(s);
	return true;
}

/* Under all three locks: may q's session have it? */
static nt_status adopt_check(const struct open *o, const struct req *q)
{
	const struct sess *s = q->sess;

	if (o->state != OPEN_DISCONNECTED)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (atomic_load(&s->state) == SESS_CLOSED)
		return STATUS_USER_SESSION_DELETED;
	if (atomic_load(&q->tree->closed))
		return STATUS_NETWORK_NAME_DELETED;
	if (s->open_count >= q->snap->conf->sess_open_files_max)
		return STATUS_TOO_MANY_OPENED_FILES;
	return STATUS_SUCCESS;
}

nt_status durable_adopt(struct open *o, struct req *q)
{
	struct sess *s = q->sess;
	nt_status st;
	LOCK_SCOPE(&o->server->opens_lock);
	LOCK_SCOPE(&s->lock);
	LOCK_SCOPE(&o->lock);

	st = adopt_check(o, q);
	if (!nt_ok(st))
		return st;
	leave(o, OPEN_OPEN);
	o->sess = sess_get(s);
	o->tree = tree_get(q->tree);
	o->made_on = q->conn;
	o->channel_sequence.current =
		smb2_channel_sequence(&q->header); /* none is under way */
	o->sealed = q->protection == POLICY_ENCRYPTED;
	o->id.volatile_id = s->next_volatile_id++;
	map_add(&s->opens, &o->by_id, o->id.volatile_id); /* with the list's reference */
	o->listed = true;
	s->open_count++;
	s->lock_count += o->lock_count;
	return STATUS_SUCCESS;
}

void durable_wait(struct open *o, struct open_drain *d, struct wait *w)
{
	d->wait = w;
	{
		LOCK_SCOPE(&o->lock);
		if (is_parting(o)) {
			list_add_tail(&o->parted, &d->node);
			return;
		}
	}
	wait_now(w, 0);
}

static struct sess *holder_sess(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return o->state == OPEN_OPEN ? sess_get(o->sess) : NULL;
}

struct lane *durable_holder(struct open *o, uint64_t *conn_id)
{
	struct sess *s = holder_sess(o);
	const struct conn *next = NULL;
	struct lane *lane = NULL;

	if (!s)
		return NULL;
	{
		LOCK_SCOPE(&s->lock);
		list_for_each (it, &s->channels) {
			const struct channel *ch = container_of(it, struct channel,
								on_sess);
			struct conn *c = ch->conn;

			if (channel_carries(ch) && c->id > *conn_id &&
			    (!next || c->id < next->id))
				next = c;
		}
		if (next) {
			*conn_id = next->id;
			lane = next->lane->lane;
		}
	}
	sess_put(s);
	return lane;
}

void durable_forsake(struct open *o)
{
	struct list_node gone;

	list_init(&gone);
	{
		LOCK_SCOPE(&o->server->opens_lock);
		LOCK_SCOPE(&o->lock);
		forsake(o, &gone);
	}
	close_gone(&gone);
}

/* Off the list: the caller closes it, with the list's reference. */
static bool take_disconnected(struct open *o)
{
	LOCK_SCOPE(&o->server->opens_lock);
	LOCK_SCOPE(&o->lock);

	if (is_parting(o))
		o->forsaken = true;
	if (o->state != OPEN_DISCONNECTED)
		return false;
	leave(o, OPEN_CLOSING);
	return true;
}

static bool has_sess(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return o->state == OPEN_OPEN && !is_parting(o);
}

void durable_evict(struct open *o, struct lane *lane, struct open_drain *d,
		   struct wait *w)
{
	if (take_disconnected(o))
		open_close_forsaken(o, lane, w);
	else if (has_sess(o))
		open_close(o, lane, NULL, w);
	else
		durable_wait(o, d, w);
}

/* All whose share is not in `now`; NULL: all. */
static void forsake_all(struct smb_server *s, const struct snapshot *now)
{
	struct list_node gone;
	struct map_walk pos;

	list_init(&gone);
	{
		LOCK_SCOPE(&s->opens_lock);
		for (struct map_node *n = map_walk_first(&s->durables, &pos); n;
		     n = map_walk_next(&s->durables, &pos)) {
			struct open *o = container_of(n, struct open, by_persistent_id);
			LOCK_SCOPE(&o->lock);

			if (!now || !share_is_there(now, o->share))
				forsake(o, &gone);
		}
	}
	close_gone(&gone);
}

void durable_forsake_gone(struct smb_server *s, const struct snapshot *now)
{
	forsake_all(s, now);
}

void durable_stop(struct smb_server *s)
{
	atomic_store(&s->stopping, true);
	forsake_all(s, NULL);
}
