/*
 * bench_opens: does an open cost more beside many others? Opens and closes one file, by itself and beside 10,000 opens that
 * it does not conflict with: of the same file, and of others. Rounds alternate, so that a busy machine is unfair to all alike.
 *
 * The server's CPU seconds come from its process clock: --pid.
 */
#include "client/sock.h"
#include "net/clock.h"
#include "wire/smb2_proto.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	EXIT_USAGE = 2,
	OTHERS = 10000,
	OTHER_FILES = 100,
	ROUNDS = 7,
	CALLS = 2000, /* opens and closes a round */
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
};

struct bench {
	struct clock clock;
	struct sock *sock;
	uint32_t tree;
	clockid_t server;
	bool server_known;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_opens: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct client_file open_file(struct bench *b, const char *path)
{
	const struct client_create in = {
		.path = path,
		.access = FILE_READ_DATA,
		.share = SHARE_ALL,
		.disposition = FILE_OPEN_IF,
	};
	CLEANUP(sock_answer_freep) struct sock_answer *a = NULL;
	struct answer_create got;
	uint64_t mid;

	client_begin(b->sock->client);
	mid = client_create(b->sock->client, b->tree, &in);
	if (sock_call(b->sock, mid, &a) != 0 || !nt_ok(a->a.status) ||
	    !answer_create(&a->a, &got))
		die("CREATE failed");
	return got.id;
}

static void close_file(struct bench *b, struct client_file id)
{
	nt_status st;
	uint64_t mid;

	client_begin(b->sock->client);
	mid = client_close(b->sock->client, b->tree, id, 0);
	if (sock_status(b->sock, mid, &st) != 0 || !nt_ok(st))
		die("CLOSE failed");
}

static double now(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		die("no clock");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct cost {
	double wall_us, cpu_us; /* an open and its close */
};

static struct cost round_cost(struct bench *b)
{
	double wall = now(CLOCK_MONOTONIC);
	double cpu = b->server_known ? now(b->server) : 0;

	for (int i = 0; i < CALLS; i++)
		close_file(b, open_file(b, "measured"));
	return (struct cost){
		.wall_us = (now(CLOCK_MONOTONIC) - wall) / CALLS * 1e6,
		.cpu_us = b->server_known ? (now(b->server) - cpu) / CALLS * 1e6 : 0,
	};
}

static void open_others(struct bench *b, bool same, struct client_file *ids)
{
	char path[32];

	for (int i = 0; i < OTHERS; i++) {
		snprintf(path, sizeof(path), "other%d", i % OTHER_FILES);
		ids[i] = open_file(b, same ? "measured" : path);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), compare);
	return v[ROUNDS / 2];
}

static const char *const kinds[] = {"alone", "10,000 opens of others",
				    "10,000 of the same"};

static void run(struct bench *b)
{
	static struct client_file ids[OTHERS];
	double wall[ARRAY_LEN(kinds)][ROUNDS], cpu[ARRAY_LEN(kinds)][ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		fprintf(stderr, "\rround %d of %d", r + 1, ROUNDS);
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			struct cost c;

			if (k)
				open_others(b, k == 2, ids);
			c = round_cost(b);
			wall[k][r] = c.wall_us;
			cpu[k][r] = c.cpu_us;
			for (int i = 0; k && i < OTHERS; i++)
				close_file(b, ids[i]);
		}
	}
	fputc('\n', stderr);
	printf("%-24s %10s %14s\n", "beside", "us", "server CPU us");
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		printf("%-24s %10.1f %14.1f\n", kinds[k], median(wall[k]),
		       median(cpu[k]));
}

static const char usage[] =
	"usage: bench_opens --port N [--address A] [--share S] [--user U] [--password P] "
	"[--pid SERVER]\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"address", 1, NULL, 'a'},
		{"port", 1, NULL, 'p'},
		{"share", 1, NULL, 's'},
		{"user", 1, NULL, 'u'},
		{"password", 1, NULL, 'w'},
		{"pid", 1, NULL, 'i'},
		{0},
	};
	struct sock_settings s = {
		.address = "127.0.0.1",
		.client = {.logon = {.user = "alice", .domain = "", .password = ""},
			   .dialects = {SMB2_DIALECT_311},
			   .dialect_count = 1,
			   .signings = {SIGN_AES_GMAC},
			   .signing_count = 1,
			   .protect = CLIENT_SIGNED},
	};
	const char *share = "share";
	struct bench b = {0};
	nt_status st;

	for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (opt) {
		case 'a':
			s.address = optarg;
			break;
		case 'p':
			s.port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 's':
			share = optarg;
			break;
		case 'u':
			s.client.logon.user = optarg;
			break;
		case 'w':
			s.client.logon.password = optarg;
			break;
		case 'i':
			b.server_known =
				clock_getcpuclockid((pid_t)strtol(optarg, NULL, 10),
						    &b.server) == 0;
			break;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (!s.port || optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	clock_init(&b.clock);
	s.client.env = &b.clock.env;
	s.client.host = s.address;
	if (sock_open(&s, &b.sock) != 0 || sock_logon(b.sock, &st) != 0 || !nt_ok(st) ||
	    sock_tree(b.sock, share, &st, &b.tree) != 0 || !nt_ok(st))
		die("no session");
	run(&b);
	sock_close(b.sock, false);
	return EXIT_SUCCESS;
}
