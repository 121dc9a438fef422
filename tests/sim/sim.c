/* sim.c - the world: what could happen next, and which of it does. */
#include "sim/sim_impl.h"

#include "base/secret.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEP_NS_MAX = 40000, /* between two steps */
	STEP_NS_CALM = 100,
	START_NS = 1000000000,
	HUSH_MAX = 5, /* of a thousand steps */
};

#define START_FILETIME 133485408000000000u /* 2024-01-01 */
#define FNV_OFFSET     0xcbf29ce484222325u
#define FNV_PRIME      0x100000001b3u

/* ---- words ---------------------------------------------------------------------------------------------- */

void sim_trace(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->settings.trace)
		return;
	fprintf(stderr, "%8" PRIu64 "  ", s->steps);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ": ", s->settings.seed,
		s->steps);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nrepeat it: sim %s --seed %" PRIu64 " --runs 1 --trace\n",
		s->settings.mode, s->settings.seed);
	_Exit(1); /* what is left behind is no leak of the core's */
}

void sim_note_traffic(struct sim *s, unsigned link, unsigned direction, struct span bytes)
{
	uint64_t h = s->traffic;

	if (s->settings.calm)
		return; /* longer than what is counted */
	h = (h ^ (link * 2 + direction)) * FNV_PRIME;
	h = (h ^ bytes.len) * FNV_PRIME;
	while (bytes.len) { /* FNV-1a by eight bytes: by one it would take a tenth of the time */
		uint64_t eight = 0;
		size_t n = bytes.len < sizeof(eight) ? bytes.len : sizeof(eight);

		memcpy(&eight, bytes.p, n);
		h = (h ^ eight) * FNV_PRIME;
		bytes = span_of(bytes.p + n, bytes.len - n);
	}
	s->traffic = h;
}

/* ---- clock and chance ----------------------------------------------------------------------------------- */

static uint64_t world_now(struct env *e)
{
	return container_of(e, struct sim, env)->now_ns;
}

static uint64_t world_filetime(struct env *e)
{
	return START_FILETIME + world_now(e) / 100;
}

static void world_random(struct env *e, struct mspan buf)
{
	rng_fill(&container_of(e, struct sim, env)->rng, buf);
}

static const struct env_ops env_ops = {
	.now_ns = world_now,
	.filetime = world_filetime,
	.random = world_random,
};

/* ---- messages and jobs ---------------------------------------------------------------------------------- */

static void queue_init(struct sim_queue *q)
{
	q->head = NULL;
	q->end = &q->head;
}

static void queue_put(struct sim_queue *q, struct msg *m)
{
	m->next = NULL;
	*q->end = m;
	q->end = &m->next;
}

static struct msg *queue_take(struct sim_queue *q)
{
	struct msg *m = q->head;

	q->head = m->next;
	if (!q->head)
		q->end = &q->head;
	return m;
}

static void lane_post(struct mailbox *mb, struct msg *m)
{
	queue_put(&container_of(mb, struct sim_lane, mailbox)->posted, m);
}

static void lane_here(struct mailbox *mb, struct msg *m)
{
	queue_put(&container_of(mb, struct sim_lane, mailbox)->here, m);
}

static const struct mailbox_ops mailbox_ops = {.post = lane_post, .here = lane_here};

static void pool_run(struct exec *x, enum exec_class cls, struct job *j)
{
	struct sim *s = container_of(x, struct sim, exec);

	if (s->job_count == SIM_JOBS_MAX)
		sim_fail(s, "more than %d jobs", SIM_JOBS_MAX);
	s->jobs[s->job_count++] = (struct sim_job){.job = j};
}

static const struct exec_ops exec_ops = {.run = pool_run};

static void job_end(struct sim *s, struct sim_job *j)
{
	struct wait *w = j->job->wait;
	int err = j->err;

	*j = s->jobs[--s->job_count];
	wait_post(w, err);
}

/* ---- life ----------------------------------------------------------------------------------------------- */

/* Slow disks, slow networks, slow workers: some kinds of step are rare in this run, some frequent. */
static void weights_draw(struct sim *s)
{
	static const unsigned weights[] = {1, 4, 16, 64, 64};

	for (size_t i = 0; i < STEP_KINDS; i++)
		s->weights[i] = weights[rng_below(&s->rng, ARRAY_LEN(weights))];
	s->hush_per_mille = (unsigned)rng_below(&s->rng, HUSH_MAX);
	s->defer_per_mille = (unsigned)rng_below(&s->rng, 5) * 250;
}

static void lane_make(struct sim *s, unsigned index)
{
	struct sim_lane *l = &s->lanes[index];

	l->sim = s;
	l->mailbox.ops = &mailbox_ops;
	queue_init(&l->posted);
	queue_init(&l->here);
	timers_init(&l->timers, s->now_ns);
	l->lane = (struct lane){
		.env = &s->env,
		.exec = &s->exec,
		.mailbox = &l->mailbox,
		.timers = &l->timers,
		.bufs = bufs_new(&s->budget),
		.reserve = bufs_new(&s->reserve_budget),
		.index = index,
		.lane_count = SIM_LANES,
	};
	if (!l->lane.bufs || !l->lane.reserve)
		abort();
}

struct sim *sim_new(const struct sim_settings *settings)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->settings = *settings;
	s->rng.state = settings->seed;
	s->env.ops = &env_ops;
	s->exec.ops = &exec_ops;
	s->now_ns = START_NS;
	s->traffic = FNV_OFFSET;
	s->budget.max = settings->memory_max ? settings->memory_max : (size_t)256 << 20;
	s->reserve_budget.max = 8 << 20;
	s->secrets_before = secret_count();
	list_init(&s->links);
	if (!settings->calm)
		weights_draw(s);
	for (unsigned i = 0; i < SIM_LANES; i++)
		lane_make(s, i);
	sim_server_make(s);
	return s;
}

static void lane_free(struct sim *s, struct sim_lane *l)
{
	if (l->posted.head || l->here.head || l->timers.count)
		sim_fail(s, "lane %u is left with messages or %zu timers", l->lane.index,
			 l->timers.count);
	if (bufs_free(l->lane.bufs) || bufs_free(l->lane.reserve))
		sim_fail(s, "lane %u: buffers were never returned", l->lane.index);
}

void sim_free(struct sim *s)
{
	if (s->job_count)
		sim_fail(s, "%zu jobs are left", s->job_count);
	links_free(s);
	for (size_t i = 0; i < s->actor_count; i++)
		s->actors[i]->free(s->actors[i]);
	sim_server_free(s);
	for (unsigned i = 0; i < SIM_LANES; i++)
		lane_free(s, &s->lanes[i]);
	if (s->budget.used || s->reserve_budget.used)
		sim_fail(s, "the budget of buffers does not add up");
	if (secret_count() != s->secrets_before)
		sim_fail(s, "%zu secrets are left", secret_count() - s->secrets_before);
	free(s);
}

void sim_faults(struct sim *s, unsigned per_mille, const int *errs)
{
	s->fault_per_mille = per_mille;
	s->faults = errs;
}

void sim_add_actor(struct sim *s, struct sim_actor *a)
{
	assert(s->actor_count < SIM_ACTORS_MAX);
	a->sim = s;
	s->actors[s->actor_count++] = a;
}

struct rng *sim_rng(struct sim *s)
{
	return &s->rng;
}

struct env *sim_env(struct sim *s)
{
	return &s->env;
}

uint64_t sim_steps(const struct sim *s)
{
	return s->steps;
}

uint64_t sim_traffic(const struct sim *s)
{
	return s->traffic;
}

struct smb_server *sim_server(struct sim *s)
{
	return &s->server;
}

struct vfs *sim_volume(struct sim *s)
{
	return s->volume;
}

/* ---- steps ---------------------------------------------------------------------------------------------- */

void choice_add(struct sim *s, struct sim_choices *c, enum sim_kind kind, void *what)
{
	if (c->count == SIM_CHOICES_MAX)
		return; /* the others come later */
	c->list[c->count++] = (struct sim_choice){
		.kind = kind, .weight = s->weights[kind], .what = what};
	c->weight += s->weights[kind];
}

static bool timers_due(const struct sim *s, const struct sim_lane *l)
{
	return timers_next_ms(&l->timers, s->now_ns) == 0;
}

static void lane_choices(struct sim *s, struct sim_choices *c)
{
	for (size_t i = 0; i < SIM_LANES; i++) {
		struct sim_lane *l = &s->lanes[i];

		if (l->posted.head)
			choice_add(s, c, STEP_POSTED, l);
		if (l->here.head)
			choice_add(s, c, STEP_HERE, l);
		if (l->turn_due)
			choice_add(s, c, STEP_TURN, l);
		if (timers_due(s, l))
			choice_add(s, c, STEP_TIMERS, l);
	}
}

static void choices(struct sim *s, struct sim_choices *c)
{
	c->count = 0;
	c->weight = 0;
	lane_choices(s, c);
	for (size_t i = 0; i < s->job_count; i++)
		choice_add(s, c, s->jobs[i].ran ? STEP_JOB_END : STEP_JOB_RUN,
			   &s->jobs[i]);
	link_choices(s, c);
	if (sim_notify_due(s->notify))
		choice_add(s, c, STEP_NOTIFY, s->notify);
	if (sim_order_due(s->order))
		choice_add(s, c, STEP_STATE, s->order);
	for (size_t i = 0; !s->hush && i < s->actor_count; i++)
		if (s->actors[i]->wake_ns <= s->now_ns &&
		    s->actors[i]->wants(s->actors[i]))
			choice_add(s, c, STEP_ACT, s->actors[i]);
}

static const struct sim_choice *choose(struct sim *s, const struct sim_choices *c)
{
	uint64_t at = rng_below(&s->rng, c->weight);
	size_t i = 0;

	while (at >= c->list[i].weight)
		at -= c->list[i++].weight;
	return &c->list[i];
}

static void lane_do(struct sim *s, struct sim_lane *l, enum sim_kind kind)
{
	struct msg *m;

	switch (kind) {
	case STEP_POSTED:
	case STEP_HERE:
		l->turn_due = true;
		m = queue_take(kind == STEP_HERE ? &l->here : &l->posted);
		m->run(m);
		break;
	case STEP_TIMERS:
		l->turn_due = true;
		timers_run(&l->timers, s->now_ns);
		break;
	default:
		l->turn_due = false;
		l->lane.turn_end(&l->lane);
		(void)links_feed(s);
	}
}

static void step_do(struct sim *s, const struct sim_choice *c)
{
	struct sim_job *j = c->what;
	struct sim_actor *a = c->what;

	switch (c->kind) {
	case STEP_POSTED:
	case STEP_HERE:
	case STEP_TURN:
	case STEP_TIMERS:
		lane_do(s, c->what, c->kind);
		break;
	case STEP_JOB_RUN:
		j->err = j->job->run(j->job);
		j->ran = true;
		break;
	case STEP_JOB_END:
		job_end(s, j);
		break;
	case STEP_NOTIFY:
		sim_notify_do(c->what);
		break;
	case STEP_STATE:
		sim_order_do(c->what);
		break;
	case STEP_ACT:
		a->act(a);
		break;
	default:
		link_do(s, c);
	}
}

/* An idle worker gives back the buffers it keeps; somebody may have waited for them. */
static bool buffers_return(struct sim *s)
{
	for (size_t i = 0; i < SIM_LANES; i++)
		bufs_trim(s->lanes[i].lane.bufs, 0);
	return links_feed(s);
}

static void settle(struct sim *s)
{
	for (size_t i = 0; i < s->actor_count; i++)
		if (s->actors[i]->settled)
			s->actors[i]->settled(s->actors[i]);
}

/* Until one of them wakes, or before that, in next_ms (negative: never). */
static int actors_next_ms(const struct sim *s, int next_ms)
{
	for (size_t i = 0; i < s->actor_count; i++) {
		uint64_t wake_ns = s->actors[i]->wake_ns;
		int ms = (int)((wake_ns - s->now_ns) / 1000000 + 1);

		if (wake_ns > s->now_ns && (next_ms < 0 || ms < next_ms))
			next_ms = ms;
	}
	return next_ms;
}

/* Nothing can happen now: let time pass until a timer is due. */
static bool time_jump(struct sim *s)
{
	int next_ms = -1;

	settle(s);
	for (size_t i = 0; i < SIM_LANES; i++) {
		int ms = timers_next_ms(&s->lanes[i].timers, s->now_ns);

		if (ms >= 0 && (next_ms < 0 || ms < next_ms))
			next_ms = ms;
	}
	next_ms = actors_next_ms(s, next_ms);
	if (next_ms < 0)
		return false;
	s->now_ns += (uint64_t)next_ms * 1000000;
	for (size_t i = 0; i < SIM_LANES;
	     i++) /* a worker that wakes looks at its clock first */
		lane_do(s, &s->lanes[i], STEP_TIMERS);
	return true;
}

bool sim_step(struct sim *s)
{
	const struct sim_choice *chosen;
	bool calm = s->settings.calm;
	struct sim_choices c;

	s->steps++;
	s->now_ns += calm ? STEP_NS_CALM : rng_below(&s->rng, STEP_NS_MAX);
	s->hush |= !calm && rng_chance(&s->rng, s->hush_per_mille);
	choices(s, &c);
	if (c.count == 0 && s->hush) {
		s->hush = false;
		settle(s);
		return true;
	}
	if (c.count == 0 && !s->fed) {
		s->fed = buffers_return(s);
		return s->fed || time_jump(s);
	}
	if (c.count == 0) { /* who has them waits for a timer */
		s->fed = false;
		return time_jump(s) || buffers_return(s);
	}
	chosen = calm ? &c.list[0] : choose(s, &c);
	if (chosen->kind != STEP_IN && chosen->kind != STEP_TURN)
		s->fed = false; /* link.c says if the others were of use */
	step_do(s, chosen);
	return true;
}

static bool all_done(const struct sim *s)
{
	for (size_t i = 0; i < s->actor_count; i++)
		if (!s->actors[i]->is_done(s->actors[i]))
			return false;
	return true;
}

void sim_run(struct sim *s, uint64_t max)
{
	uint64_t end = s->steps + max;

	while (sim_step(s))
		if (s->steps == end)
			sim_fail(s, "no end in sight");
	if (!all_done(s))
		sim_fail(s, "nothing can happen any more, and not everyone is done");
}
