/*
 *     OUT --connect--> LOGON --> WORKING --LOGOFF or enough--> LEAVING --nothing under way--> OUT
 *                        \__________\_______hang up, or the server closes_______/
 */
#include "sim/chaos_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMPATIENT = 50, REPLACES = 700, LEAVES_POLITELY = 600 }; /* of a thousand */

struct chaos_op *chaos_op_find(struct chaos *c, uint64_t mid)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++)
		if (c->ops[i].used && c->ops[i].mid == mid)
			return &c->ops[i];
	return NULL;
}

struct chaos_op *chaos_op_add(struct chaos *c, uint64_t mid, uint16_t command, int slot)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++) {
		struct chaos_op *op = &c->ops[i];

		if (op->used)
			continue;
		sim_trace(c->actor.sim, "%s -> %s %llu, open %d", c->name,
			  station_command(command), (unsigned long long)mid, slot);
		*op = (struct chaos_op){
			.used = true,
			.mid = mid,
			.command = command,
			.slot = slot,
			.lease = -1,
			.sent_ns = env_now_ns(sim_env(c->actor.sim)),
			.generation = slot < 0 ? 0 : c->opens[slot].generation,
		};
		return op;
	}
	abort(); /* whoever sends makes sure that there is room */
}

void chaos_doom(struct chaos *c, int tree)
{
	for (int i = 0; i < CHAOS_OPENS_MAX; i++) {
		struct chaos_open *o = &c->opens[i];

		if (o->state == SLOT_FREE || (tree >= 0 && o->tree != (unsigned)tree))
			continue;
		o->state = SLOT_CLOSING;
		model_close(c->model, chaos_who(c, i));
		chaos_cache_closing(c, i, false);
	}
	if (tree < 0)
		c->ending = true;
}

/* Nothing of this life counts any more. */
static void life_over(struct chaos *c)
{
	model_close_all(c->model, c);
	memset(c->ops, 0, sizeof(c->ops));
	for (size_t i = 0; i < CHAOS_OPENS_MAX; i++)
		c->opens[i] =
			(struct chaos_open){.generation = c->opens[i].generation + 1};
	memset(c->leases, 0, sizeof(c->leases));
	memset(c->has_tree, 0, sizeof(c->has_tree));
	c->phase = CHAOS_OUT;
	c->ending = c->damaged = false;
}

void chaos_hang_up(struct chaos *c)
{
	struct rng *r = chaos_rng(c);

	sim_trace(c->actor.sim, "%s: hangs up", c->name);
	chaos_count_all(c, EVENT_HANG_UP, -1);
	c->previous = c->st.client->session->ready && rng_chance(r, REPLACES)
			      ? c->st.client->session->id
			      : 0;
	station_leave(&c->st, rng_chance(r, 500));
	life_over(c);
}

/* ---- the logon ------------------------------------------------------------------------------------------ */

static void life_begin(struct chaos *c)
{
	struct rng *r = chaos_rng(c);
	const struct station_kind *k = &station_kinds[rng_below(r, station_kind_count)];

	c->lives--;
	c->actions = 1 + (unsigned)rng_below(r, c->settings.actions);
	c->impatient = rng_chance(r, IMPATIENT);
	c->phase = CHAOS_LOGON;
	sim_trace(c->actor.sim, "%s: connects, %s", c->name, k->name);
	c->st.number = c->settings.user + (c->settings.vandal ? SIM_USERS : 0);
	station_open(&c->st, k, c->settings.user, (unsigned)rng_below(r, SIM_LANES),
		     c->previous);
	client_begin(c->st.client);
	(void)client_negotiate(c->st.client);
	station_put(&c->st);
}

static void logon_goes_on(struct chaos *c, const struct client_answer *a)
{
	if (!station_logs_on(&c->st, a, &c->tree_ids[0]))
		return;
	c->has_tree[0] = true;
	c->phase = CHAOS_WORKING;
}

/* Memory may run out, the share's directory be out of reach; then this life is over. */
static void logon_got(struct chaos *c, const struct client_answer *a)
{
	bool more = a->command == SMB2_SESSION_SETUP &&
		    nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED);

	if (nt_ok(a->status) || more)
		logon_goes_on(c, a);
	else if (c->settings.faults && (nt_is(a->status, STATUS_INSUFFICIENT_RESOURCES) ||
					nt_is(a->status, STATUS_BAD_NETWORK_NAME)))
		c->phase = CHAOS_LEAVING;
	else
		sim_fail(c->actor.sim, "%s: logon, %s: %s", c->name,
			 station_command(a->command), nt_status_name(a->status));
}

/* ---- the actor ------------------------------------------------------------------------------------------ */

static struct chaos *chaos_of(struct sim_actor *a)
{
	return container_of(a, struct chaos, actor);
}

static void leave_politely(struct chaos *c)
{
	chaos_count_all(c, EVENT_LOGOFF, -1);
	client_begin(c->st.client);
	(void)chaos_op_add(c, client_logoff(c->st.client), SMB2_LOGOFF, -1);
	chaos_doom(c, -1);
	c->phase = CHAOS_LEAVING;
	vandal_put(c);
}

static bool has_room(const struct chaos *c)
{
	return c->st.client->pending_count + 4 < CHAOS_OPS_MAX;
}

static void work(struct chaos *c)
{
	station_check_books(&c->st);
	if (c->actions-- > 1) {
		if (has_room(c))
			chaos_do_something(c);
		return;
	}
	c->actions = 1; /* until it is gone */
	if (!c->damaged && has_room(c) && client_may_send(c->st.client, 0) &&
	    rng_chance(chaos_rng(c), LEAVES_POLITELY))
		leave_politely(c);
	else
		chaos_hang_up(c);
}

static void chaos_act(struct sim_actor *a)
{
	struct chaos *c = chaos_of(a);

	switch (c->phase) {
	case CHAOS_OUT:
		life_begin(c);
		break;
	case CHAOS_LOGON:
		chaos_hang_up(c);
		break;
	case CHAOS_WORKING:
		work(c);
		break;
	case CHAOS_LEAVING:
		station_check_books(&c->st);
		chaos_hang_up(c);
	}
}

static bool chaos_wants(struct sim_actor *a)
{
	const struct chaos *c = chaos_of(a);

	switch (c->phase) {
	case CHAOS_OUT:
		return c->lives > 0;
	case CHAOS_LOGON:
		return c->impatient;
	case CHAOS_WORKING:
		return true;
	default:
		return c->st.client->pending_count == 0 || c->damaged;
	}
}

static bool chaos_is_done(struct sim_actor *a)
{
	return chaos_of(a)->phase == CHAOS_OUT && chaos_of(a)->lives == 0;
}

static void chaos_free(struct sim_actor *a)
{
	free(chaos_of(a));
}

static void station_got(struct station *st, const struct client_answer *a)
{
	struct chaos *c = container_of(st, struct chaos, st);
	struct chaos_op *op = chaos_op_find(c, a->message_id);

	if (c->phase == CHAOS_LOGON)
		logon_got(c, a);
	else if (op)
		chaos_got(c, op, a);
}

static void station_broke(struct station *st, const struct client_break *b)
{
	struct chaos *c = container_of(st, struct chaos, st);

	if (c->phase == CHAOS_WORKING)
		chaos_broke(c, b);
}

/* Only who misbehaves is thrown out; and whoever is there when memory runs out. */
static void station_closed(struct station *st)
{
	struct chaos *c = container_of(st, struct chaos, st);

	sim_trace(c->actor.sim, "%s: the server closed", c->name);
	if (!c->damaged && !c->settings.faults)
		sim_fail(c->actor.sim, "%s: the server closed the connection", c->name);
	c->previous = 0;
	life_over(c);
}

struct sim_actor *chaos_new(struct sim *s, struct model *m,
			    const struct chaos_settings *settings)
{
	struct chaos *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	snprintf(c->name, sizeof(c->name), "%s%u", settings->vandal ? "vandal" : "user",
		 settings->user);
	c->actor = (struct sim_actor){
		.name = c->name,
		.act = chaos_act,
		.wants = chaos_wants,
		.is_done = chaos_is_done,
		.settled = chaos_settled,
		.free = chaos_free,
	};
	c->st = (struct station){.sim = s,
				 .name = c->name,
				 .got = station_got,
				 .broke = station_broke,
				 .closed = station_closed};
	c->settings = *settings;
	c->model = m;
	c->lives = settings->lives;
	return &c->actor;
}
