/*
 * ops: what one operation costs the server. A client that has one request under way at a time does an operation some
 * times to be warm, and then --count times; a line says what the server needed for one of these: processor time (--pid),
 * allocations, frees and bytes copied (--counts, the file of a server that tests/cost/count.c was preloaded into).
 *
 *     ops --port N --password P [--protect HOW] [--cipher NUMBER] [--signing NUMBER]
 *         [--pid SERVER] [--counts FILE] [--count N] [--warm N] OPERATION
 *
 * The share has the files that tests/cost/calls.py makes. SMB 3.1.1; plain but for the logon, if --protect says nothing else;
 * by AES-128-GCM and AES-GMAC, if no number of [MS-SMB2] 2.2.3.1.2, 2.2.3.1.7 says anything else.
 */
#include "client/sock.h"
#include "cost/counts.h"
#include "net/clock.h"
#include "wire/fscc_proto.h"
#include "wire/smb2_proto.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	WARM = 64,
	PAGE_LEN = 64 * 1024, /* of a listing */
	MIB = 1 << 20,
	CREDITS_WANTED =
		64, /* answers with which the server has granted enough for 1 MiB */
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
};

struct bench {
	struct clock clock;
	struct sock_settings settings;
	const char *share;
	struct sock *sock;
	uint32_t tree;
	struct client_file file, dir;
	uint8_t *data; /* MIB */
};

static void die(const char *what)
{
	fprintf(stderr, "ops: %s\n", what);
	exit(EXIT_FAILURE);
}

/* ---- requests ------------------------------------------------------------------------------------ */

static struct sock_answer *call(struct bench *b, uint64_t mid, const char *what)
{
	struct sock_answer *a;

	if (sock_call(b->sock, mid, &a) != 0)
		die(what);
	return a;
}

static void call_ok(struct bench *b, uint64_t mid, const char *what)
{
	nt_status st;

	if (sock_status(b->sock, mid, &st) != 0 || !nt_ok(st))
		die(what);
}

static uint64_t add_create(struct bench *b, const char *path, uint32_t access)
{
	const struct client_create in = {
		.path = path,
		.access = access,
		.share = SHARE_ALL,
		.disposition = FILE_OPEN,
	};

	client_begin(b->sock->client);
	return client_create(b->sock->client, b->tree, &in);
}

static struct client_file open_file(struct bench *b, const char *path, uint32_t access)
{
	CLEANUP(sock_answer_freep)
	struct sock_answer *a = call(b, add_create(b, path, access), "CREATE");
	struct answer_create got;

	if (!nt_ok(a->a.status) || !answer_create(&a->a, &got))
		die("CREATE was refused");
	return got.id;
}

static void close_file(struct bench *b, struct client_file id)
{
	client_begin(b->sock->client);
	call_ok(b, client_close(b->sock->client, b->tree, id, 0), "CLOSE");
}

static void connect_server(struct bench *b)
{
	nt_status st;

	if (sock_open(&b->settings, &b->sock) != 0 || sock_logon(b->sock, &st) != 0 ||
	    !nt_ok(st) || sock_tree(b->sock, b->share, &st, &b->tree) != 0 || !nt_ok(st))
		die("no session");
	if (b->sock->client->cipher != b->settings.client.ciphers[0] ||
	    b->sock->client->sign_alg != b->settings.client.signings[0])
		die("another cipher or signing algorithm than was asked for");
}

static void op_echo(struct bench *b)
{
	client_begin(b->sock->client);
	call_ok(b, client_echo(b->sock->client), "ECHO");
}

/* ---- operations ---------------------------------------------------------------------------------- */

static void op_create_close(struct bench *b)
{
	close_file(b, open_file(b, "small", FILE_READ_DATA));
}

static void op_create_close_deep(struct bench *b)
{
	close_file(b, open_file(b, "a\\b\\c\\deep", FILE_READ_DATA));
}

static void op_create_close_attributes(struct bench *b)
{
	close_file(b, open_file(b, "small", FILE_READ_ATTRIBUTES));
}

static void op_create_close_other_case(struct bench *b)
{
	close_file(b, open_file(b, "many\\FILE00007.DAT", FILE_READ_DATA));
}

static void op_create_missing(struct bench *b)
{
	nt_status st;

	if (sock_status(b->sock, add_create(b, "many\\not there", FILE_READ_DATA), &st) !=
		    0 ||
	    !nt_is(st, STATUS_OBJECT_NAME_NOT_FOUND))
		die("CREATE of what is not there");
}

static void read_len(struct bench *b, uint32_t len)
{
	CLEANUP(sock_answer_freep) struct sock_answer *a = NULL;
	struct span got;

	client_begin(b->sock->client);
	a = call(b, client_read(b->sock->client, b->tree, b->file, 0, len), "READ");
	if (!nt_ok(a->a.status) || !answer_read(&a->a, &got) || got.len != len)
		die("READ");
}

static void write_len(struct bench *b, size_t len)
{
	client_begin(b->sock->client);
	call_ok(b,
		client_write(b->sock->client, b->tree, b->file, 0, span_of(b->data, len)),
		"WRITE");
}

static void op_read_4k(struct bench *b)
{
	read_len(b, 4096);
}

static void op_read_1m(struct bench *b)
{
	read_len(b, MIB);
}

static void op_write_4k(struct bench *b)
{
	write_len(b, 4096);
}

static void op_write_1m(struct bench *b)
{
	write_len(b, MIB);
}

static void query_info(struct bench *b, uint8_t type, uint8_t class)
{
	const struct client_info what = {.type = type, .class = class};

	client_begin(b->sock->client);
	call_ok(b, client_query_info(b->sock->client, b->tree, b->file, what, 4096),
		"QUERY_INFO");
}

static void op_query_info(struct bench *b)
{
	query_info(b, SMB2_0_INFO_FILE, FileNetworkOpenInformation);
}

static void op_query_all(struct bench *b)
{
	query_info(b, SMB2_0_INFO_FILE, FileAllInformation);
}

static void op_query_fs(struct bench *b)
{
	query_info(b, SMB2_0_INFO_FILESYSTEM, FileFsFullSizeInformation);
}

static bool list_page(struct bench *b, uint8_t flags)
{
	CLEANUP(sock_answer_freep) struct sock_answer *a = NULL;

	client_begin(b->sock->client);
	a = call(b,
		 client_query_directory(b->sock->client, b->tree, b->dir,
					FileIdBothDirectoryInformation, flags, "*",
					PAGE_LEN),
		 "QUERY_DIRECTORY");
	if (!nt_ok(a->a.status) && !nt_is(a->a.status, STATUS_NO_MORE_FILES))
		die("QUERY_DIRECTORY");
	return nt_ok(a->a.status);
}

static void op_list_page(struct bench *b)
{
	if (!list_page(b, SMB2_RESTART_SCANS))
		die("an empty page");
}

static void op_list_all(struct bench *b)
{
	uint8_t flags = SMB2_RESTART_SCANS;

	while (list_page(b, flags))
		flags = 0;
}

/* In place of the connection there is: TCP, NEGOTIATE, logon, tree, logoff. */
static void op_logon(struct bench *b)
{
	sock_close(b->sock, false);
	connect_server(b);
	client_begin(b->sock->client);
	call_ok(b, client_tree_disconnect(b->sock->client, b->tree), "TREE_DISCONNECT");
	client_begin(b->sock->client);
	call_ok(b, client_logoff(b->sock->client), "LOGOFF");
}

static const struct {
	const char *name;
	void (*run)(struct bench *b);
} operations[] = {
	{"echo", op_echo},
	{"read-4k", op_read_4k},
	{"read-1m", op_read_1m},
	{"write-4k", op_write_4k},
	{"write-1m", op_write_1m},
	{"create-close", op_create_close},
	{"create-close-deep", op_create_close_deep},
	{"create-close-attributes", op_create_close_attributes},
	{"create-close-other-case", op_create_close_other_case},
	{"create-missing", op_create_missing},
	{"query-info", op_query_info},
	{"query-all", op_query_all},
	{"query-fs", op_query_fs},
	{"list-page", op_list_page},
	{"list-all", op_list_all},
	{"logon", op_logon},
};

/* ---- measuring ----------------------------------------------------------------------------------- */

struct sample {
	double cpu_ns;
	unsigned long allocations, frees, copied;
};

struct meter {
	clockid_t server;
	bool server_known;
	struct counts *counts; /* or NULL */
};

static struct sample meter_read(const struct meter *m)
{
	struct sample s = {0};
	struct timespec ts;

	if (m->server_known && clock_gettime(m->server, &ts) == 0)
		s.cpu_ns = (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
	if (m->counts) {
		s.allocations = atomic_load(&m->counts->allocations);
		s.frees = atomic_load(&m->counts->frees);
		s.copied = atomic_load(&m->counts->copied);
	}
	return s;
}

static struct counts *counts_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(struct counts), PROT_READ, MAP_SHARED, fd,
				0);

	if (p == MAP_FAILED)
		die("no counters");
	close(fd);
	return p;
}

static void measure(struct bench *b, const struct meter *m, size_t op, unsigned warm,
		    unsigned count)
{
	struct sample before, after;

	for (unsigned i = 0; i < warm; i++)
		operations[op].run(b);
	before = meter_read(m);
	for (unsigned i = 0; i < count; i++)
		operations[op].run(b);
	after = meter_read(m);
	printf("%s\tcpu_us %.2f\tallocations %.2f\tfrees %.2f\tcopied %.0f\n",
	       operations[op].name, (after.cpu_ns - before.cpu_ns) / 1e3 / count,
	       (double)(after.allocations - before.allocations) / count,
	       (double)(after.frees - before.frees) / count,
	       (double)(after.copied - before.copied) / count);
}

static _Noreturn void usage(void)
{
	fputs("usage: ops --port N --password P [--share S] [--user U] "
	      "[--protect plain|sign|seal] [--cipher NUMBER] [--signing NUMBER] [--pid "
	      "SERVER] "
	      "[--counts FILE] [--count N] [--warm N] OPERATION, one of:",
	      stderr);
	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		fprintf(stderr, " %s", operations[i].name);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text)
		usage();
	return n;
}

static enum client_protect protection(const char *word)
{
	static const char *const words[] = {[CLIENT_PLAIN] = "plain",
					    [CLIENT_SIGNED] = "sign",
					    [CLIENT_SEALED] = "seal"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i] && strcmp(words[i], word) == 0)
			return (enum client_protect)i;
	usage();
}

/* Which of the operations. */
static size_t operation(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		if (strcmp(operations[i].name, name) == 0)
			return i;
	usage();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", 1, NULL, 'p'},    {"share", 1, NULL, 's'},
		{"user", 1, NULL, 'u'},    {"password", 1, NULL, 'w'},
		{"protect", 1, NULL, 'P'}, {"pid", 1, NULL, 'i'},
		{"counts", 1, NULL, 'c'},  {"count", 1, NULL, 'n'},
		{"warm", 1, NULL, 'W'},    {"cipher", 1, NULL, 'C'},
		{"signing", 1, NULL, 'S'}, {0},
	};
	struct bench b = {
		.settings = {.address = "127.0.0.1",
			     .client = {.logon = {.user = "alice", .domain = ""},
					.dialects = {SMB2_DIALECT_311},
					.dialect_count = 1,
					.host = "127.0.0.1",
					.ciphers = {SEAL_AES_128_GCM},
					.cipher_count = 1,
					.signings = {SIGN_AES_GMAC},
					.signing_count = 1,
					.protect = CLIENT_PLAIN}},
		.share = "share",
	};
	struct meter m = {0};
	unsigned count = 1000, warm = WARM;
	size_t op;

	for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (opt) {
		case 'p':
			b.settings.port = (uint16_t)number(optarg);
			break;
		case 's':
			b.share = optarg;
			break;
		case 'u':
			b.settings.client.logon.user = optarg;
			break;
		case 'w':
			b.settings.client.logon.password = optarg;
			break;
		case 'P':
			b.settings.client.protect = protection(optarg);
			break;
		case 'C':
			b.settings.client.ciphers[0] = (uint16_t)number(optarg);
			break;
		case 'S':
			b.settings.client.signings[0] = (uint16_t)number(optarg);
			break;
		case 'i':
			m.server_known = clock_getcpuclockid((pid_t)number(optarg),
							     &m.server) == 0;
			break;
		case 'c':
			m.counts = counts_open(optarg);
			break;
		case 'n':
			count = (unsigned)number(optarg);
			break;
		case 'W':
			warm = (unsigned)number(optarg);
			break;
		default:
			usage();
		}
	}
	if (!b.settings.port || !b.settings.client.logon.password || optind != argc - 1)
		usage();
	op = operation(argv[optind]);
	clock_init(&b.clock);
	b.settings.client.env = &b.clock.env;
	b.data = calloc(1, MIB);
	if (!b.data)
		die("no memory");
	connect_server(&b);
	for (unsigned i = 0; i < CREDITS_WANTED; i++)
		op_echo(&b);
	if (operations[op].run !=
	    op_logon) { /* which has a connection of its own each time */
		b.file = open_file(&b, "large",
				   FILE_READ_DATA | FILE_WRITE_DATA |
					   FILE_READ_ATTRIBUTES);
		b.dir = open_file(&b, "many", FILE_LIST_DIRECTORY);
	}
	measure(&b, &m, op, warm, count);
	sock_close(b.sock, false);
	return EXIT_SUCCESS;
}
