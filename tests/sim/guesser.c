#include "sim/guesser.h"

#include "base/env.h"

#include <stdlib.h>

enum {
	LIVES = 3,
	IMPATIENT_PER_MILLE = 300,
	DELAY_MS = 2000, /* the default of auth_delay_ms */
};

enum stage { STAGE_NEGOTIATE, STAGE_CHALLENGE, STAGE_PROOF };

struct guesser {
	struct sim_actor actor;
	struct station st;
	const struct station_kind *kind;
	unsigned user, lane;
	struct guesses *shared;
	enum stage stage;
	unsigned lives;
	bool waiting;
	bool impatient; /* in this life: will not wait for the end */
};

static struct guesser *guesser_of(struct sim_actor *a)
{
	return container_of(a, struct guesser, actor);
}

static uint64_t now_ns(const struct guesser *g)
{
	return env_now_ns(sim_env(g->actor.sim));
}

static void life_over(struct guesser *g)
{
	g->stage = STAGE_NEGOTIATE;
	g->waiting = g->impatient = false;
	g->lives--;
}

static void send_next(struct guesser *g)
{
	if (g->stage == STAGE_NEGOTIATE)
		station_open(&g->st, g->kind, g->user, g->lane, 0);
	client_begin(g->st.client);
	if (g->stage == STAGE_NEGOTIATE)
		(void)client_negotiate(g->st.client);
	else
		(void)client_session_setup(g->st.client);
	if (g->stage == STAGE_PROOF) {
		g->impatient = rng_chance(sim_rng(g->actor.sim), IMPATIENT_PER_MILLE);
		if (!g->shared->first_ns)
			g->shared->first_ns = now_ns(g);
	}
	g->waiting = true;
	station_put(&g->st);
}

static void guesser_act(struct sim_actor *a)
{
	struct guesser *g = guesser_of(a);

	if (!g->waiting) {
		send_next(g);
		return;
	}
	station_leave(&g->st, rng_chance(sim_rng(a->sim), 500));
	life_over(g);
}

static bool guesser_wants(struct sim_actor *a)
{
	const struct guesser *g = guesser_of(a);

	return g->lives && (!g->waiting || g->impatient);
}

static bool guesser_is_done(struct sim_actor *a)
{
	return !guesser_of(a)->lives;
}

static void guesser_free(struct sim_actor *a)
{
	free(guesser_of(a));
}

/* Those who hung up stand in the queue, too; so there may be fewer answers than this, never more. */
static void check_pace(struct guesser *g)
{
	uint64_t passed_ms = (now_ns(g) - g->shared->first_ns) / 1000000;

	if (passed_ms < (uint64_t)++g->shared->answers * DELAY_MS)
		sim_fail(g->actor.sim, "%s: %u wrong passwords answered in %llu ms",
			 g->actor.name, g->shared->answers,
			 (unsigned long long)passed_ms);
}

static void guesser_got(struct station *st, const struct client_answer *a)
{
	static const nt_status wanted[] = {
		[STAGE_NEGOTIATE] = STATUS_SUCCESS,
		[STAGE_CHALLENGE] = STATUS_MORE_PROCESSING_REQUIRED,
		[STAGE_PROOF] = STATUS_LOGON_FAILURE,
	};
	struct guesser *g = container_of(st, struct guesser, st);

	if (!nt_is(a->status, wanted[g->stage]))
		sim_fail(st->sim, "%s: %s: %s, not %s", g->actor.name,
			 station_command(a->command), nt_status_name(a->status),
			 nt_status_name(wanted[g->stage]));
	g->waiting = false;
	if (g->stage != STAGE_PROOF) {
		g->stage++;
		return;
	}
	check_pace(g);
	g->waiting = g->impatient = true; /* hangs up when it comes to it */
}

static void guesser_closed(struct station *st)
{
	const struct guesser *g = container_of(st, struct guesser, st);

	sim_fail(st->sim, "%s: the server closed the connection", g->actor.name);
}

struct sim_actor *guesser_new(struct sim *sim, const struct station_kind *kind,
			      unsigned user, unsigned lane, struct guesses *shared)
{
	struct guesser *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	g->actor = (struct sim_actor){
		.name = kind->name,
		.act = guesser_act,
		.wants = guesser_wants,
		.is_done = guesser_is_done,
		.free = guesser_free,
	};
	g->st = (struct station){.sim = sim,
				 .name = kind->name,
				 .password = "wrong",
				 .got = guesser_got,
				 .closed = guesser_closed};
	g->kind = kind;
	g->user = user;
	g->lane = lane;
	g->shared = shared;
	g->lives = LIVES;
	return &g->actor;
}
