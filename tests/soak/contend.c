/*
 * contend: clients that contend for a few files with everything the protocol has for it, against a running server.
 *
 * Four connections of different dialects and protections, two sessions on each. What cannot be is a fault (model.h);
 * so is a request that is never answered, a connection that is lost, and a server that cannot be cleaned up after. The
 * seed gives what the clients want; what they meet depends on time, too.
 *
 * Exit status: 0 no fault, 1 faults, 2 usage.
 */
#include "soak/world.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	EXIT_USAGE = 2,
	SECONDS = 60,
	SECONDS_MAX = 24 * 3600,
	DRAIN_SECONDS = 60, /* longer than any break is waited for */
	CLEAN_MS = 15000,
	RETRY_MS = 50,
	PROGRESS_SECONDS = 5,
};

static const uint64_t SECOND_NS = 1000000000;

static uint64_t now_ns(struct world *w)
{
	return env_now_ns(&w->clock.env);
}

/* ---- the run ---------------------------------------------------------------------------------------------- */

static bool goes_on(const struct world *w)
{
	for (size_t i = 0; i < CONNS; i++)
		if (!w->conns[i].sock)
			return false;
	return w->model.faults < MODEL_FAULTS_MAX;
}

/* Once there is something to read, or a moment has passed. */
static void begin_round(struct world *w)
{
	struct pollfd fds[CONNS];

	for (size_t i = 0; i < CONNS; i++)
		fds[i] = (struct pollfd){.fd = w->conns[i].sock->fd, .events = POLLIN};
	(void)poll(fds, CONNS, 1);
	world_stalled(w);
	w->round_ns = now_ns(w);
}

static size_t live_opens(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < ACTORS; i++)
		n += w->conns[i / ACTORS_EACH].actors[i % ACTORS_EACH].open_count;
	return n;
}

static void say(struct world *w, const char *what, uint64_t start)
{
	printf("%s %3.0f s: %lu requests, %zu opens, %lu leases, %lu oplocks, %lu "
	       "breaks, %lu "
	       "logoffs, %lu connections lost, %u faults\n",
	       what, (double)(now_ns(w) - start) / 1e9, w->requests, live_opens(w),
	       w->model.leases_granted, w->model.oplocks_granted, w->model.breaks,
	       w->logoffs, w->hangups, w->model.faults);
	fflush(stdout);
}

static void run(struct world *w, unsigned seconds)
{
	uint64_t start = now_ns(w), said = start;

	while (goes_on(w) && now_ns(w) - start < seconds * SECOND_NS) {
		begin_round(w);
		for (size_t i = 0; i < CONNS; i++)
			conn_turn(&w->conns[i]);
		for (size_t i = 0; i < ACTORS; i++)
			actor_turn(&w->conns[i / ACTORS_EACH].actors[i % ACTORS_EACH]);
		if (now_ns(w) - said < PROGRESS_SECONDS * SECOND_NS)
			continue;
		said = now_ns(w);
		say(w, "contend", start);
	}
	say(w, "done   ", start);
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

static bool is_drained(const struct world *w)
{
	for (size_t i = 0; i < CONNS; i++)
		if (!list_empty(&w->conns[i].ops))
			return false;
	return live_opens(w) == 0;
}

static void say_unanswered(struct world *w)
{
	for (size_t i = 0; i < CONNS; i++)
		list_for_each (n, &w->conns[i].ops) {
			const struct op *op = container_of(n, struct op, node);
			const struct client_pending *p =
				client_pending(w->conns[i].sock->client, op->message_id);

			model_fault(&w->model,
				    "client %u: command %u, message id %llu, is never "
				    "answered%s%s",
				    op->actor->index, p ? p->command : 0xFFFF,
				    (unsigned long long)op->message_id,
				    p && p->async_id ? ", after an interim answer" : "",
				    op->cancelled ? ", cancelled" : "");
		}
}

/* Close everything; whatever waited for something ends by that. */
static void drain(struct world *w)
{
	uint64_t start = now_ns(w);

	w->draining = true;
	while (goes_on(w) && !is_drained(w)) {
		begin_round(w);
		for (size_t i = 0; i < CONNS; i++) {
			conn_turn(&w->conns[i]);
			for (size_t j = 0; w->conns[i].sock && j < ACTORS_EACH; j++)
				actor_close_all(&w->conns[i].actors[j]);
		}
		if (now_ns(w) - start > DRAIN_SECONDS * SECOND_NS) {
			say_unanswered(w);
			break;
		}
	}
}

static void log_off(struct actor *a)
{
	struct sock *s = a->conn->sock;
	nt_status st;
	int err;

	if (a->leaving == LEAVES_SESSION)
		return;
	actor_begin(a);
	err = sock_status(s, client_logoff(s->client), &st);
	if (err || !nt_ok(st))
		model_fault(&world_of(a)->model, "client %u cannot log off: %s, %s",
			    a->index, strerror(-err), err ? "" : nt_status_name(st));
}

static void leave(struct world *w)
{
	for (size_t i = 0; i < CONNS; i++) {
		struct conn *c = &w->conns[i];

		if (!c->sock)
			continue;
		for (size_t j = 0; j < ACTORS_EACH && list_empty(&c->ops); j++)
			log_off(&c->actors[j]);
		conn_close(c, false);
	}
}

static int open_as(struct sock *s, uint32_t tree, const struct client_create *in,
		   nt_status *ret_status, struct client_file *ret_id)
{
	CLEANUP(sock_answer_freep) struct sock_answer *k = NULL;
	struct answer_create a;
	int err;

	client_begin(s->client);
	err = sock_call(s, client_create(s->client, tree, in), &k);
	if (err)
		return err;
	*ret_status = k->a.status;
	if (answer_create(&k->a, &a))
		*ret_id = a.id;
	return 0;
}

static int close_one(struct sock *s, uint32_t tree, struct client_file id,
		     nt_status *ret_status)
{
	client_begin(s->client);
	return sock_status(s, client_close(s->client, tree, id, 0), ret_status);
}

/* Those who hung up may take a moment to be gone. */
static void delete_one(struct world *w, struct sock *s, uint32_t tree, unsigned file)
{
	struct timespec pause = {.tv_nsec = RETRY_MS * 1000000};
	char name[NAME_MAX_LEN];
	struct client_create in = {
		.path = name,
		.access = DELETE,
		.share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
		.disposition = FILE_OPEN,
		.options = FILE_DELETE_ON_CLOSE | FILE_NON_DIRECTORY_FILE,
	};
	struct client_file id = {0};
	nt_status st = STATUS_SUCCESS;
	int err = 0;

	snprintf(name, sizeof(name), "f%02u", file % FILES);
	for (int left = CLEAN_MS; left > 0; left -= RETRY_MS) {
		err = open_as(s, tree, &in, &st, &id);
		if (err || (!nt_is(st, STATUS_SHARING_VIOLATION) &&
			    !nt_is(st, STATUS_DELETE_PENDING)))
			break;
		nanosleep(&pause, NULL);
	}
	if (!err && nt_ok(st))
		err = close_one(s, tree, id, &st);
	if (err || (!nt_ok(st) && !nt_is(st, STATUS_OBJECT_NAME_NOT_FOUND)))
		model_fault(&w->model, "%s cannot be deleted: %s, %s", name,
			    strerror(-err), nt_status_name(st));
}

/* Nothing with one of our names may be left. */
static void check_empty(struct world *w, struct sock *s, uint32_t tree)
{
	CLEANUP(sock_answer_freep) struct sock_answer *k = NULL;
	struct client_create in = {
		.path = "",
		.access = FILE_LIST_DIRECTORY,
		.share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
		.disposition = FILE_OPEN,
		.options = FILE_DIRECTORY_FILE,
	};
	struct client_file id = {0};
	nt_status st = STATUS_SUCCESS;
	int err = open_as(s, tree, &in, &st, &id);

	if (!err && nt_ok(st)) {
		client_begin(s->client);
		err = sock_call(s,
				client_query_directory(s->client, tree, id,
						       FileDirectoryInformation, 0, "f*",
						       4096),
				&k);
		if (!err && !nt_is(k->a.status, STATUS_NO_SUCH_FILE))
			model_fault(&w->model, "a listing of what is left: %s",
				    nt_status_name(k->a.status));
		if (!err)
			err = close_one(s, tree, id, &st);
	}
	if (err || !nt_ok(st))
		model_fault(&w->model, "the folder cannot be listed: %s, %s",
			    strerror(-err), nt_status_name(st));
}

/* The server is as good as new, for somebody new. */
static void clean_up(struct world *w)
{
	uint32_t tree;
	struct sock *s = world_visit(w, NULL, &tree);
	nt_status st = STATUS_SUCCESS;
	int err;

	if (!s)
		return;
	for (unsigned i = 0; i < FILES; i++)
		delete_one(w, s, tree, i);
	check_empty(w, s, tree);
	client_begin(s->client);
	err = sock_status(s, client_logoff(s->client), &st);
	if (err || !nt_ok(st))
		model_fault(&w->model, "the last to go: %s, %s", strerror(-err),
			    nt_status_name(st));
	sock_close(s, false);
}

/* ---- the program ------------------------------------------------------------------------------------------ */

static void world_init(struct world *w, uint64_t seed)
{
	w->rng.state = seed;
	clock_init(&w->clock);
	w->round_ns = now_ns(w);
	model_init(&w->model);
	for (unsigned i = 0; i < CONNS; i++) {
		struct conn *c = &w->conns[i];

		c->world = w;
		c->index = i;
		list_init(&c->ops);
		list_init(&c->dues);
		for (unsigned j = 0; j < ACTORS_EACH; j++) {
			c->actors[j].index = i * ACTORS_EACH + j;
			c->actors[j].conn = c;
		}
	}
}

static void contend(struct world *w, unsigned seconds)
{
	for (size_t i = 0; i < CONNS; i++)
		conn_open(&w->conns[i]);
	run(w, seconds);
	drain(w);
	leave(w);
	clean_up(w);
	for (size_t i = 0; i < STATUS_MAX && w->seen[i].count; i++)
		printf("%9lu %s\n", w->seen[i].count, nt_status_name(w->seen[i].status));
}

static const char usage[] =
	"Usage: contend --port N [--address A] [--share NAME] [--user NAME] [--password "
	"TEXT]\n"
	"               [--seconds N] [--seed N]\n"
	"Contend for files of a running server, 60 seconds; exit status 0: nothing that "
	"cannot be.\n";

static const struct option options[] = {
	{"address", required_argument, NULL, 'a'},
	{"port", required_argument, NULL, 'p'},
	{"share", required_argument, NULL, 's'},
	{"user", required_argument, NULL, 'u'},
	{"password", required_argument, NULL, 'w'},
	{"seconds", required_argument, NULL, 't'},
	{"seed", required_argument, NULL, 'r'},
	{NULL, 0, NULL, 0},
};

static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 0);

	if (*text == '\0' || *end != '\0' || v > max) {
		fprintf(stderr, "contend: \"%s\" is not a number up to %llu\n", text,
			(unsigned long long)max);
		exit(EXIT_USAGE);
	}
	return v;
}

int main(int argc, char **argv)
{
	static struct world w = {.settings = {.address = "127.0.0.1",
					      .share = "share",
					      .user = "alice",
					      .password = ""}};
	unsigned seconds = SECONDS;
	uint64_t seed = (uint64_t)time(NULL);

	for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (opt) {
		case 'a':
			w.settings.address = optarg;
			break;
		case 'p':
			w.settings.port = (uint16_t)number(optarg, UINT16_MAX);
			break;
		case 's':
			w.settings.share = optarg;
			break;
		case 'u':
			w.settings.user = optarg;
			break;
		case 'w':
			w.settings.password = optarg;
			break;
		case 't':
			seconds = (unsigned)number(optarg, SECONDS_MAX);
			break;
		case 'r':
			seed = number(optarg, UINT64_MAX);
			break;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (!w.settings.port || optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	printf("seed %llu, %u seconds\n", (unsigned long long)seed, seconds);
	world_init(&w, seed);
	contend(&w, seconds);
	model_fini(&w.model);
	return w.model.faults ? EXIT_FAILURE : EXIT_SUCCESS;
}
