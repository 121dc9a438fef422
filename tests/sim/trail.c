/*
 * trail.c - who hears what users did: every session is logged on before it is logged off, once each, and at the end all are.
 * Each event is printed as the audit log would, and what it must say of who and what is there.
 */
#include "sim/sim_impl.h"

#include "trail/line.h"

#include <stdio.h>
#include <stdlib.h>

struct sim_trail {
	struct trail trail;
	struct sim *sim;
	struct line_style style;
	uint64_t *live; /* sessions, by id */
	size_t live_count;
	unsigned long long events[TRAIL_KIND_COUNT];
};

static size_t find(const struct sim_trail *t, uint64_t session)
{
	size_t i = 0;

	while (i < t->live_count && t->live[i] != session)
		i++;
	return i;
}

static void logon(struct sim_trail *t, uint64_t session)
{
	if (find(t, session) < t->live_count)
		sim_fail(t->sim, "audit: a session was made twice");
	t->live = realloc(t->live, (t->live_count + 1) * sizeof(*t->live));
	if (!t->live)
		abort();
	t->live[t->live_count++] = session;
}

static void logoff(struct sim_trail *t, uint64_t session)
{
	size_t i = find(t, session);

	if (i == t->live_count)
		sim_fail(t->sim, "audit: a session ended that was not made, or twice");
	t->live[i] = t->live[--t->live_count];
}

static bool is_of_file(enum trail_kind k)
{
	return k >= TRAIL_CREATE && k <= TRAIL_OPEN_REFUSED;
}

static void note(struct trail *trail, const struct trail_event *e)
{
	struct sim_trail *t = container_of(trail, struct sim_trail, trail);
	char *text = line_print(&t->style, e, false);

	if (!text)
		abort();
	if (t->sim->settings.trace)
		fprintf(stderr, "          audit: %s", text);
	free(text);
	t->events[e->kind]++;
	if (e->kind == TRAIL_LOGON && !e->reason)
		logon(t, e->session_id);
	if (e->kind == TRAIL_LOGOFF)
		logoff(t, e->session_id);
	if (is_of_file(e->kind) && (!e->user || !e->share || !e->path))
		sim_fail(t->sim, "audit: who did it, or to what?");
	if ((e->kind == TRAIL_RENAME || e->kind == TRAIL_LINK) && !e->to)
		sim_fail(t->sim, "audit: a new name without a name");
}

struct sim_trail *sim_trail_new(struct sim *s)
{
	const struct conf_audit_params params = {.cn = "sim"};
	struct sim_trail *t = calloc(1, sizeof(*t));

	if (!t || line_style_init(&t->style, &params, NULL) != 0)
		abort();
	t->trail.note = note;
	t->sim = s;
	s->server.trail = &t->trail;
	return t;
}

void sim_trail_free(struct sim_trail *t)
{
	if (t->live_count)
		sim_fail(t->sim, "audit: %zu sessions never ended", t->live_count);
	line_style_fini(&t->style);
	free(t->live);
	free(t);
}
