/*
 *     LOGON --> IDLE <--answered-- BUSY
 *                 \______sent_______^
 */
#include "sim/cacher.h"

#include "client/contexts.h"
#include "wire/wr.h"

#include <inttypes.h>
#include <stdlib.h>

#define CACHER_FILE "cached"

enum {
	ACTIONS = 60,
	CLOSES = 300, /* of a thousand */
	CONTEXT_ROOM = 64,
};

enum phase { LOGON, IDLE, BUSY };

struct cacher {
	struct sim_actor actor;
	struct station st;
	const struct station_kind *kind;
	unsigned user, actions;
	bool writes, here;
	enum phase phase;
	uint32_t tree;
	bool open;
	struct client_file id;
	uint64_t file;
	uint8_t tag;    /* written last */
	bool may_cache; /* was promised to hear of changes, and heard of none */
	bool cached;
	uint8_t copy;
};

static struct cacher *cacher_of(struct sim_actor *a)
{
	return container_of(a, struct cacher, actor);
}

static bool chance(struct cacher *c, unsigned per_mille)
{
	return rng_chance(sim_rng(c->actor.sim), per_mille);
}

/* ---- requests ------------------------------------------------------------------------------------------- */

static void put(struct cacher *c)
{
	if (c->phase == IDLE)
		c->phase = BUSY;
	station_put(&c->st);
}

static void send_create(struct cacher *c)
{
	uint8_t room[CONTEXT_ROOM];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct client_create in = {
		.path = CACHER_FILE,
		.access = c->writes ? FILE_WRITE_DATA : FILE_READ_DATA,
		.share = FILE_SHARE_READ | FILE_SHARE_WRITE,
		.disposition = FILE_OPEN,
		.oplock = c->writes ? SMB2_OPLOCK_LEVEL_NONE : SMB2_OPLOCK_LEVEL_II,
	};

	context_disk_id(&w);
	in.contexts = wr_done(&w);
	(void)client_create(c->st.client, c->tree, &in);
}

static void send_close(struct cacher *c)
{
	c->open = c->may_cache = c->cached = false;
	(void)client_close(c->st.client, c->tree, c->id, 0);
}

static void work(struct cacher *c)
{
	client_begin(c->st.client);
	if (!c->open) {
		send_create(c);
	} else if (chance(c, CLOSES) || (!c->writes && !c->may_cache)) {
		send_close(c);
	} else if (c->writes) {
		c->tag++;
		(void)client_write(c->st.client, c->tree, c->id, 0, span_of(&c->tag, 1));
	} else {
		(void)client_read(c->st.client, c->tree, c->id, 0, 1);
	}
	put(c);
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static void fail(const struct cacher *c, const struct client_answer *a)
{
	sim_fail(c->actor.sim, "%s: %s: %s", c->actor.name, station_command(a->command),
		 nt_status_name(a->status));
}

static void got_create(struct cacher *c, const struct client_answer *a)
{
	struct answer_create created;
	uint64_t volume;

	if (!nt_ok(a->status) || !answer_create(a, &created) ||
	    !answer_disk_id(&created, &c->file, &volume))
		fail(c, a);
	c->open = true;
	c->id = created.id;
	c->may_cache = created.oplock == SMB2_OPLOCK_LEVEL_II;
}

static void got_read(struct cacher *c, const struct client_answer *a)
{
	struct span data;

	if (nt_is(a->status, STATUS_END_OF_FILE))
		return; /* nobody has written yet */
	if (!nt_ok(a->status) || !answer_read(a, &data) || data.len != 1)
		fail(c, a);
	c->cached = c->may_cache;
	c->copy = data.p[0];
}

static void got(struct station *st, const struct client_answer *a)
{
	struct cacher *c = container_of(st, struct cacher, st);

	if (a->interim)
		return;
	if (c->phase == LOGON) {
		if (station_logs_on(&c->st, a, &c->tree))
			c->phase = IDLE;
		return;
	}
	c->phase = IDLE;
	if (a->command == SMB2_CREATE)
		got_create(c, a);
	else if (a->command == SMB2_READ)
		got_read(c, a);
	else if (!nt_ok(a->status))
		fail(c, a);
}

static void broke(struct station *st, const struct client_break *b)
{
	struct cacher *c = container_of(st, struct cacher, st);

	if (c->open && b->id.persistent_id == c->id.persistent_id)
		c->may_cache = c->cached = false;
}

static void closed(struct station *st)
{
	const struct cacher *c = container_of(st, struct cacher, st);

	sim_fail(st->sim, "%s: the server closed the connection", c->actor.name);
}

/* ---- the actor ------------------------------------------------------------------------------------------ */

static void act(struct sim_actor *a)
{
	struct cacher *c = cacher_of(a);

	if (!c->here) {
		c->here = true;
		station_open(&c->st, c->kind, c->user,
			     (unsigned)rng_below(sim_rng(a->sim), SIM_LANES), 0);
		client_begin(c->st.client);
		(void)client_negotiate(c->st.client);
		put(c);
	} else if (--c->actions) {
		work(c);
	} else {
		station_leave(&c->st, false);
	}
}

static bool wants(struct sim_actor *a)
{
	const struct cacher *c = cacher_of(a);

	return !c->here || (c->phase == IDLE && c->actions);
}

static bool is_done(struct sim_actor *a)
{
	return !cacher_of(a)->actions;
}

static void settled(struct sim_actor *a)
{
	const struct cacher *c = cacher_of(a);
	struct span now;

	if (!c->actions || !c->cached || !memfs_peek(sim_volume(a->sim), c->file, &now))
		return;
	if (now.len != 1 || now.p[0] != c->copy)
		sim_fail(a->sim,
			 "%s: caches %u; the file has changed, and nobody said so",
			 a->name, c->copy);
}

static void cacher_free(struct sim_actor *a)
{
	free(cacher_of(a));
}

void cacher_scene(struct sim *s)
{
	sim_make(s, CACHER_FILE, false);
}

struct sim_actor *cacher_new(struct sim *s, const struct station_kind *kind,
			     unsigned user, bool writes)
{
	struct cacher *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->actor = (struct sim_actor){
		.name = writes ? "writer" : "cacher",
		.act = act,
		.wants = wants,
		.is_done = is_done,
		.settled = settled,
		.free = cacher_free,
	};
	c->st = (struct station){
		.sim = s,
		.name = c->actor.name,
		.number = user,
		.got = got,
		.closed = closed,
		.broke = broke,
	};
	c->kind = kind;
	c->user = user;
	c->writes = writes;
	c->tag = (uint8_t)(writes ? user * 128 : 0);
	c->actions = ACTIONS;
	return &c->actor;
}
