/*
 * main.c - what is run in the simulation.
 *
 *     sim determinism            one seed twice gives the same traffic, another seed another
 *     sim scripts                every kind of client, three at once, from NEGOTIATE to LOGOFF
 *     sim explore                clients that do anything at any time, a run a seed
 *     sim durable                clients that lose their connections and come back for their open files
 *     sim faults                 the same with a file system that fails, and too little memory
 *     sim guesses                wrong passwords, on many connections at once, beside a client that knows its own
 *     sim caches                 some write to a file, others read and cache it
 *     sim crowd                  a hundred thousand opens
 *     sim cost                   each operation some times, nothing left to chance, for a counter
 *
 * Options: --seed N (the first), --runs N, --seconds N (runs until then), --stats (what met what, steps a minute),
 * --trace. A run that fails says how to repeat it.
 */
#include "base/fault.h"
#include "sim/cacher.h"
#include "sim/chaos.h"
#include "sim/cost.h"
#include "sim/crowd.h"
#include "sim/guesser.h"
#include "sim/pair.h"
#include "sim/returner.h"
#include "sim/script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	STEPS_MAX = 1000 * 1000,
	CLIENTS = 3, /* at once */
	SCRIPT_RUNS = 34,
	EXPLORE_RUNS = 1000,
	FAULTS_RUNS = 600,
	SLOWER = 10, /* under the thread sanitizer, which sees one thread here */
	GUESS_RUNS = 100,
	GUESSERS = 4, /* of each user */
	CACHER_RUNS = 200,
	RETURNER_RUNS = 400,
	RETURNER_LIVES = 12,
	DETERMINISM_RUNS = 20,
	CHAOS_ACTIONS = 400, /* of one connection */
	CHAOS_LIVES = 3,
	PAIR_LIVES = 6,
	PAIRS = 2,
	MEMORY_MIN = 512 *
		     1024, /* of buffers, where there is little; the longest frame fits */
	MEMORY_LITTLE = 1 << 20,
	CROWD_OPENS = 100 * 1000,
	CROWD_FILES = 250,
	CROWD_STEPS_MAX = 20 * 1000 * 1000,
	PROGRESS = 200,  /* runs between two lines */
	KIND_STRIDE = 6, /* so that the three differ in dialect and protection */
};

struct options {
	struct sim_users users;
	uint64_t seed, runs, seconds; /* runs, seconds: 0: as many as usual */
	bool trace, stats;
	struct tally *tally;
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
		.mode = "scripts",
		.seed = seed,
		.users = &o->users,
		.strict_sync = true,
		.slow_state = seed % 2,
		.trace = o->trace,
	};
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

/* ---- exploration ---------------------------------------------------------------------------------------- */

/* What a run is like follows from its seed, too, but not from the chance that the run itself draws from. */
struct weather {
	bool faults, vandal, signing, slow_state, few, pair;
	unsigned fault_per_mille;
	size_t memory_max;
};

static struct weather weather_of(uint64_t seed, bool faults)
{
	struct rng r = {.state = ~seed};
	struct weather w = {
		.faults = faults,
		.vandal = rng_chance(&r, 300),
		.signing = rng_chance(&r, 250),
		.slow_state = rng_chance(&r, 600),
		.few = rng_chance(&r, 400),
	};

	if (faults) {
		w.fault_per_mille = (unsigned)rng_below(&r, 60);
		if (rng_chance(&r, 400))
			w.memory_max = MEMORY_MIN + rng_below(&r, MEMORY_LITTLE);
	}
	w.pair = rng_chance(&r, 500);
	return w;
}

/* Returns the traffic's hash. */
static uint64_t chaos_run(const struct options *o, uint64_t seed, bool faults)
{
	static const int errs[] = {-EIO, -ENOSPC, -EACCES, -ENOMEM, -EDQUOT, 0};
	struct weather w = weather_of(seed, faults);
	struct sim_settings settings = {
		.mode = faults ? "faults" : "explore",
		.seed = seed,
		.users = &o->users,
		.trace = o->trace,
		.slow_state = w.slow_state,
		.global = w.signing ? "require_message_signing = true" : NULL,
		.memory_max = w.memory_max,
	};
	struct sim *s = sim_new(&settings);
	struct model *m = model_new(s);
	uint64_t traffic;

	chaos_scene(s);
	sim_faults(s, w.fault_per_mille, errs);
	for (unsigned i = 0; i < (unsigned)CLIENTS + w.vandal; i++) {
		struct chaos_settings c = {
			.user = i % SIM_USERS,
			.lives = CHAOS_LIVES,
			.actions = CHAOS_ACTIONS,
			.faults = w.faults,
			.vandal = i == CLIENTS,
			.strangers = w.vandal,
			.few = w.few,
			.tally = o->tally,
		};

		sim_add_actor(s, chaos_new(s, m, &c));
	}
	if (w.pair)
		for (unsigned i = 0; i < PAIRS; i++)
			sim_add_actor(s, pair_new(s, i, PAIR_LIVES, faults));
	sim_run(s, STEPS_MAX);
	traffic = sim_traffic(s);
	o->tally->steps += sim_steps(s);
	if (o->runs == 1)
		show(settings.mode, seed, s);
	sim_free(s);
	model_free(m);
	return traffic;
}

#ifdef __SANITIZE_THREAD__
static const bool is_slow = true;
#else
static const bool is_slow = false;
#endif

static void chaos_runs(const struct options *o, const char *name, bool faults)
{
	uint64_t standard = faults ? FAULTS_RUNS : EXPLORE_RUNS;
	uint64_t usual = is_slow ? standard / SLOWER : standard;
	uint64_t runs = o->runs ? o->runs : o->seconds ? UINT64_MAX : usual;
	time_t end = time(NULL) + (time_t)o->seconds;

	for (uint64_t i = 0; i < runs && (!o->seconds || time(NULL) < end); i++) {
		(void)chaos_run(o, o->seed + i, faults);
		if ((i + 1) % PROGRESS == 0)
			printf("%s: %" PRIu64 " runs from seed %" PRIu64 "\n", name,
			       i + 1, o->seed);
	}
}

static void explore(const struct options *o)
{
	chaos_runs(o, "explore", false);
	/* a standard number of runs that misses an order of events proves less than it should */
	if (!o->runs && !o->seconds && !is_slow && !tally_is_complete(o->tally))
		exit(1);
}

static void faults(const struct options *o)
{
	chaos_runs(o, "faults", true);
}

/* ---- wrong passwords ------------------------------------------------------------------------------------ */

static void guess_run(const struct options *o, uint64_t seed)
{
	struct sim_settings settings = {
		.mode = "guesses",
		.seed = seed,
		.users = &o->users,
		.strict_sync = true,
		.trace = o->trace,
	};
	struct sim *s = sim_new(&settings);
	struct guesses shared[SIM_USERS] = {0};

	for (unsigned i = 0; i < GUESSERS * SIM_USERS; i++)
		sim_add_actor(s, guesser_new(s, kind_of(seed, i), i % SIM_USERS,
					     i % SIM_LANES, &shared[i % SIM_USERS]));
	sim_add_actor(s, script_new(s, kind_of(seed, 0), 0, 0));
	sim_run(s, STEPS_MAX);
	sim_free(s);
}

static void guesses(const struct options *o)
{
	uint64_t runs = o->runs ? o->runs : GUESS_RUNS;

	for (uint64_t i = 0; i < runs; i++)
		guess_run(o, o->seed + i);
	printf("guesses: %" PRIu64 " runs\n", runs);
}

/* ---- durable handles ------------------------------------------------------------------------------------ */

static void durable(const struct options *o)
{
	for (uint64_t i = 0; i < (o->runs ? o->runs : RETURNER_RUNS); i++) {
		struct sim_settings settings = {
			.mode = "durable",
			.seed = o->seed + i,
			.users = &o->users,
			.trace = o->trace,
		};
		struct sim *s = sim_new(&settings);

		for (unsigned n = 0; n < CLIENTS; n++)
			sim_add_actor(s, returner_new(s, n, RETURNER_LIVES));
		sim_run(s, STEPS_MAX);
		sim_free(s);
	}
}

/* ---- caches --------------------------------------------------------------------------------------------- */

static void caches(const struct options *o)
{
	for (uint64_t i = 0; i < (o->runs ? o->runs : CACHER_RUNS); i++) {
		struct sim_settings settings = {
			.mode = "caches",
			.seed = o->seed + i,
			.users = &o->users,
			.slow_state = (o->seed + i) % 2,
			.trace = o->trace,
		};
		struct sim *s = sim_new(&settings);

		cacher_scene(s);
		for (unsigned n = 0; n <= CLIENTS; n++)
			sim_add_actor(s, cacher_new(s, kind_of(settings.seed, n),
						    n % SIM_USERS, n % 2));
		sim_run(s, STEPS_MAX);
		sim_free(s);
	}
}

/* ---- very many opens ------------------------------------------------------------------------------------ */

static void crowd(const struct options *o)
{
	struct sim_settings settings = {
		.mode = "crowd",
		.seed = o->seed,
		.users = &o->users,
		.trace = o->trace,
		.slow_state = o->seed % 2,
		.global = "open_files_max = 200000\nsess_open_files_max = 65535",
		.many = true,
	};
	struct sim *s = sim_new(&settings);

	crowd_scene(s, CROWD_FILES);
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct crowd_settings c = {
			.user = i,
			.opens = CROWD_OPENS / CLIENTS + 1,
			.files = CROWD_FILES,
			.logs_off = i > 0,
		};

		sim_add_actor(s, crowd_new(s, &c));
	}
	sim_run(s, CROWD_STEPS_MAX);
	o->tally->steps += sim_steps(s);
	show("crowd", o->seed, s);
	sim_free(s);
}

/* ---- what an operation takes ---------------------------------------------------------------------------- */

static void cost(const struct options *o)
{
	struct sim_settings settings = {
		.mode = "cost",
		.seed = o->seed,
		.users = &o->users,
		.trace = o->trace,
		.many = true,
		.calm = true,
	};
	struct sim *s = sim_new(&settings);

	cost_scene(s);
	sim_add_actor(s, cost_new(s));
	sim_run(s, STEPS_MAX);
	sim_free(s);
}

/* ---- determinism ---------------------------------------------------------------------------------------- */

static void differ(uint64_t seed, const char *what)
{
	fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, what);
	exit(1);
}

static void determinism(const struct options *o)
{
	uint64_t seed = o->seed;
	uint64_t once = script_run(o, seed);

	if (script_run(o, seed) != once)
		differ(seed, "two runs differ");
	/* the same kinds of clients: only the schedule and the random bytes can make a difference */
	if (script_run(o, seed + station_kind_count) == once)
		differ(seed, "another seed makes no difference");
	for (; seed < o->seed + DETERMINISM_RUNS; seed++)
		if (chaos_run(o, seed, true) != chaos_run(o, seed, true))
			differ(seed, "two runs of `faults` differ");
}

/* ---- the command line ----------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(const struct options *o);
} modes[] = {
	{"determinism", determinism}, {"scripts", scripts}, {"explore", explore},
	{"durable", durable},         {"faults", faults},   {"guesses", guesses},
	{"caches", caches},           {"crowd", crowd},     {"cost", cost},
};

static void show_stats(const struct tally *t, clock_t used)
{
	double seconds = (double)used / CLOCKS_PER_SEC;

	tally_print(t);
	printf("%" PRIu64 " steps in %.1f s of CPU: %.1f million a minute\n", t->steps,
	       seconds, seconds > 0 ? (double)t->steps / seconds * 60 / 1e6 : 0);
}

static void usage(void)
{
	fputs("usage: sim MODE [--seed N] [--runs N] [--seconds N] [--stats] [--trace], "
	      "MODE one of:",
	      stderr);
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
	struct tally tally = {0};
	struct options o = {.seed = 1, .tally = &tally};

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--seed") == 0)
			o.seed = number(argc, argv, &i);
		else if (strcmp(argv[i], "--runs") == 0)
			o.runs = number(argc, argv, &i);
		else if (strcmp(argv[i], "--seconds") == 0)
			o.seconds = number(argc, argv, &i);
		else if (strcmp(argv[i], "--trace") == 0)
			o.trace = true;
		else if (strcmp(argv[i], "--stats") == 0)
			o.stats = true;
		else
			usage();
	}
	setlinebuf(stdout);
	if (fault_catch() != 0)
		abort();
	sim_users_new(&o.users);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(modes); i++)
		if (strcmp(argv[1], modes[i].name) == 0) {
			clock_t start = clock();

			modes[i].run(&o);
			if (o.stats)
				show_stats(&tally, clock() - start);
			return 0;
		}
	usage();
	return 2;
}
