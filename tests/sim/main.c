/*
 * main.c - what is run in the simulation.
 *
 *     sim determinism            one seed twice gives the same traffic, another seed another
 *     sim scripts                every kind of client, three at once, from NEGOTIATE to LOGOFF
 *
 * Options: --seed N (the first, or the only one unless --runs is given), --runs N, --trace.
 */
#include "sim/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEPS_MAX = 1000 * 1000,
	CLIENTS = 3, /* at once */
	SCRIPT_RUNS = 34,
	KIND_STRIDE = 6, /* so that the three differ in dialect and protection */
};

struct options {
	struct sim_users users;
	uint64_t seed, runs;
	bool trace;
};

static void show(const char *name, uint64_t seed, struct sim *s)
{
	printf("%s, seed %" PRIu64 ": %" PRIu64 " steps, traffic %016" PRIx64 "\n", name,
	       seed, sim_steps(s), sim_traffic(s));
}

/* ---- scripts -------------------------------------------------------------------------------------------- */

static const struct station_kind *kind_of(uint64_t run, unsigned client)
{
	return &station_kinds[(run + client * KIND_STRIDE) % station_kind_count];
}

/* Returns the traffic's hash. */
static uint64_t script_run(const struct options *o, uint64_t seed)
{
	struct sim_settings settings = {
		.seed = seed, .users = &o->users, .trace = o->trace};
	struct sim *s = sim_new(&settings);
	uint64_t traffic;

	for (unsigned i = 0; i < CLIENTS; i++)
		sim_add_actor(s, script_new(s, kind_of(seed, i), i, i % SIM_LANES));
	sim_run(s, STEPS_MAX);
	traffic = sim_traffic(s);
	show("scripts", seed, s);
	sim_free(s);
	return traffic;
}

static void scripts(const struct options *o)
{
	for (uint64_t i = 0; i < (o->runs ? o->runs : SCRIPT_RUNS); i++)
		(void)script_run(o, o->seed + i);
}

/* ---- determinism ---------------------------------------------------------------------------------------- */

static void determinism(const struct options *o)
{
	uint64_t once = script_run(o, o->seed);

	if (script_run(o, o->seed) != once) {
		fprintf(stderr, "seed %" PRIu64 ": two runs differ\n", o->seed);
		exit(1);
	}
	/* the same kinds of clients, so only the schedule and the random bytes can make a difference */
	if (script_run(o, o->seed + station_kind_count) == once) {
		fprintf(stderr, "seed %" PRIu64 ": another seed makes no difference\n",
			o->seed);
		exit(1);
	}
}

/* ---- the command line ----------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(const struct options *o);
} modes[] = {
	{"determinism", determinism},
	{"scripts", scripts},
};

static void usage(void)
{
	fputs("usage: sim MODE [--seed N] [--runs N] [--trace], MODE one of:", stderr);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		fprintf(stderr, " %s", modes[i].name);
	fputc('\n', stderr);
	exit(2);
}

/* The number behind argv[*i]. */
static uint64_t number(int argc, char **argv, int *i)
{
	char *end;
	uint64_t n;

	if (++*i >= argc)
		usage();
	n = strtoull(argv[*i], &end, 10);
	if (*end || end == argv[*i])
		usage();
	return n;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1};

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--seed") == 0)
			o.seed = number(argc, argv, &i);
		else if (strcmp(argv[i], "--runs") == 0)
			o.runs = number(argc, argv, &i);
		else if (strcmp(argv[i], "--trace") == 0)
			o.trace = true;
		else
			usage();
	}
	setlinebuf(stdout);
	sim_users_new(&o.users);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(modes); i++)
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(&o);
			return 0;
		}
	usage();
	return 2;
}
