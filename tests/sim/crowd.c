/*
 *     OUT --act--> LOGON --> OPENING --all there--> CLOSING --enough closed--> LEAVING --answered, or hung up--> GONE
 */
#include "sim/crowd.h"

#include "client/contexts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	UNDER_WAY_MAX = 60, /* requests at once */
	CLOSED_EACH =
		3, /* every third open is closed by a CLOSE of its own, the rest by what ends the session */
	NAME_LEN = 32,
};

enum phase { OUT, LOGON, OPENING, CLOSING, LEAVING, GONE };

struct crowd {
	struct sim_actor actor;
	struct station st;
	struct crowd_settings settings;
	char name[16];
	enum phase phase;
	uint32_t tree;
	struct client_file *files; /* settings.opens of them */
	size_t sent, there, closed;
};

static struct crowd *crowd_of(struct sim_actor *a)
{
	return container_of(a, struct crowd, actor);
}

void crowd_scene(struct sim *s, unsigned files)
{
	char name[NAME_LEN];

	for (unsigned i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "file%u", i);
		sim_make(s, name, false);
	}
}

/* Each file is opened many times, in turn with no caching, an oplock, a lease of its own and one that others share. */
static void add_create(struct crowd *c, size_t i)
{
	uint8_t room[128];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	unsigned file = (unsigned)(i % c->settings.files);
	struct client_lease lease = {.state = SMB2_LEASE_ALL, .v2 = true};
	char name[NAME_LEN];
	struct client_create in = {
		.path = name,
		.access = FILE_READ_DATA | FILE_READ_ATTRIBUTES,
		.share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
		.disposition = FILE_OPEN,
	};

	snprintf(name, sizeof(name), "file%u", file);
	if (i % 4 == 1)
		in.oplock = SMB2_OPLOCK_LEVEL_II;
	if (i % 4 >= 2) {
		memcpy(lease.key, &file, sizeof(file));
		lease.key[8] = (uint8_t)(c->settings.user + 1);
		if (i % 4 == 2)
			memcpy(lease.key + 12, &(uint32_t){(uint32_t)i + 1}, 4);
		lease.state = SMB2_LEASE_READ_CACHING | SMB2_LEASE_HANDLE_CACHING;
		in.oplock = SMB2_OPLOCK_LEVEL_LEASE;
		context_lease(&w, &lease);
		in.contexts = wr_done(&w);
	}
	(void)client_create(c->st.client, c->tree, &in);
}

/* ---- the station --------------------------------------------------------------------------------------------- */

static void got_create(struct crowd *c, const struct client_answer *a)
{
	struct answer_create created;

	if (!answer_create(a, &created))
		sim_fail(c->actor.sim, "%s: no CREATE answer", c->name);
	c->files[c->there++] = created.id;
	if (c->there == c->settings.opens)
		c->phase = CLOSING;
}

static void crowd_got(struct station *st, const struct client_answer *a)
{
	struct crowd *c = container_of(st, struct crowd, st);

	if (a->interim)
		return;
	if (!nt_ok(a->status) && !nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED))
		sim_fail(c->actor.sim, "%s: %s: %s", c->name, station_command(a->command),
			 nt_status_name(a->status));
	if (c->phase == LOGON)
		c->phase = station_logs_on(&c->st, a, &c->tree) ? OPENING : LOGON;
	else if (a->command == SMB2_CREATE)
		got_create(c, a);
	else if (a->command == SMB2_LOGOFF)
		c->settings.logs_off = false;
}

/* Nobody changes anything. */
static void crowd_broke(struct station *st, const struct client_break *b)
{
	sim_fail(st->sim, "%s: a break", st->name);
}

static void crowd_closed(struct station *st)
{
	sim_fail(st->sim, "%s: the server closed the connection", st->name);
}

/* ---- the actor ----------------------------------------------------------------------------------------------- */

static void begin(struct crowd *c)
{
	const struct station_kind *k = &station_kinds[station_kind_count - 1];

	c->phase = LOGON;
	station_open(&c->st, k, c->settings.user, c->settings.user % SIM_LANES, 0);
	client_begin(c->st.client);
	(void)client_negotiate(c->st.client);
	station_put(&c->st);
}

static bool may_send(const struct crowd *c)
{
	return c->st.client->pending_count < UNDER_WAY_MAX &&
	       client_may_send(c->st.client, 0);
}

static void leave(struct crowd *c)
{
	c->phase = LEAVING;
	if (c->settings.logs_off) {
		client_begin(c->st.client);
		(void)client_logoff(c->st.client);
		station_put(&c->st);
	}
}

static void close_next(struct crowd *c)
{
	if (c->closed >= c->settings.opens) {
		leave(c);
		return;
	}
	client_begin(c->st.client);
	(void)client_close(c->st.client, c->tree, c->files[c->closed], 0);
	station_put(&c->st);
	c->closed += CLOSED_EACH;
}

static void crowd_act(struct sim_actor *a)
{
	struct crowd *c = crowd_of(a);

	switch (c->phase) {
	case OUT:
		begin(c);
		break;
	case OPENING:
		client_begin(c->st.client);
		add_create(c, c->sent++);
		station_put(&c->st);
		break;
	case CLOSING:
		close_next(c);
		break;
	default:
		station_leave(&c->st, false);
		c->phase = GONE;
	}
}

static bool crowd_wants(struct sim_actor *a)
{
	const struct crowd *c = crowd_of(a);

	switch (c->phase) {
	case OUT:
		return true;
	case OPENING:
		return c->sent < c->settings.opens && may_send(c);
	case CLOSING:
		return may_send(c);
	case LEAVING:
		return c->st.client->pending_count == 0;
	default:
		return false;
	}
}

static bool crowd_is_done(struct sim_actor *a)
{
	return crowd_of(a)->phase == GONE;
}

static void crowd_free(struct sim_actor *a)
{
	free(crowd_of(a)->files);
	free(crowd_of(a));
}

struct sim_actor *crowd_new(struct sim *s, const struct crowd_settings *settings)
{
	struct crowd *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	snprintf(c->name, sizeof(c->name), "crowd%u", settings->user);
	c->settings = *settings;
	c->files = calloc(settings->opens, sizeof(*c->files));
	if (!c->files)
		abort();
	c->actor = (struct sim_actor){.name = c->name,
				      .act = crowd_act,
				      .wants = crowd_wants,
				      .is_done = crowd_is_done,
				      .free = crowd_free};
	c->st = (struct station){.sim = s,
				 .name = c->name,
				 .number = settings->user,
				 .got = crowd_got,
				 .broke = crowd_broke,
				 .closed = crowd_closed};
	return &c->actor;
}
