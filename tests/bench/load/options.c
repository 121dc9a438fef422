/* options.c - see options.h */
#include "load/options.h"
#include "wire/smb2_proto.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	CHARGE = 64 * 1024, /* bytes a credit pays for */
	CREDITS_LEAST = 64,
	FRAME_SPARE = 4096,
	FRAME_PAYLOAD = 1 << 20, /* what is written to prepare, too, fits into a frame */
	TIME_MAX_S = 86400,
	FILE_DEFAULT = 64 << 20,
	NAME_MAX_LEN = 32,
};

enum option_id {
	OPT_ADDRESS,
	OPT_PORT,
	OPT_SHARE,
	OPT_USER,
	OPT_PASSWORD,
	OPT_WORK,
	OPT_CONNECTIONS,
	OPT_CHANNELS,
	OPT_DEPTH,
	OPT_DIALECT,
	OPT_PROTECT,
	OPT_SIGNING,
	OPT_CIPHER,
	OPT_VERIFY,
	OPT_SIZE,
	OPT_FILE,
	OPT_ENTRIES,
	OPT_SUBJECT,
	OPT_PREFIX,
	OPT_IDLE,
	OPT_MOVED,
	OPT_HELD,
	OPT_SECONDS,
	OPT_COUNT,
	OPT_WARMUP,
	OPT_SETTLE,
	OPT_PID,
	OPT_CGROUP,
	OPT_ASSUME,
	OPT_JSON,
	OPT_HELP,
	OPT_COUNT_OF,
};

static const struct {
	const char *name, *value, *help;
} rows[OPT_COUNT_OF] = {
	[OPT_ADDRESS] = {"address", "IPV4", "of the server (127.0.0.1)"},
	[OPT_PORT] = {"port", "N", "its port (445)"},
	[OPT_SHARE] = {"share", "NAME", "(share)"},
	[OPT_USER] = {"user", "NAME", "who logs on (alice)"},
	[OPT_PASSWORD] = {"password", "TEXT",
			  "or in TSMB_BENCH_PASSWORD, where other users do not see it"},
	[OPT_WORK] = {"work", "NAME", "what is done, see below (read)"},
	[OPT_CONNECTIONS] = {"connections", "N", "(1)"},
	[OPT_CHANNELS] = {"channels", NULL,
			  "the connections are channels of one session"},
	[OPT_DEPTH] = {"depth", "N", "operations under way on each connection (1)"},
	[OPT_DIALECT] = {"dialect", "D", "2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1 (3.1.1)"},
	[OPT_PROTECT] = {"protect", "HOW", "plain, sign or seal (plain)"},
	[OPT_SIGNING] =
		{"signing", "ALGORITHM",
		 "gmac, cmac or hmac; of 3.1.1, the others have no choice (gmac)"},
	[OPT_CIPHER] =
		{"cipher", "CIPHER",
		 "aes-128-gcm, aes-256-gcm, aes-128-ccm or aes-256-ccm (aes-128-gcm)"},
	[OPT_VERIFY] = {"verify", "K",
			"verify one signed answer in K, so that the client is not what "
			"is measured (1)"},
	[OPT_SIZE] = {"size", "BYTES",
		      "of one request's payload; K, M, G are understood"},
	[OPT_FILE] = {"file", "BYTES", "of the file that is read or written (64M)"},
	[OPT_ENTRIES] = {"entries", "N", "of the folder that is listed (10000)"},
	[OPT_SUBJECT] = {"subject", "PATH",
			 "read this file, list or use this folder: it is there"},
	[OPT_PREFIX] = {"prefix", "TEXT",
			"of the names of files and folders that are made (bench-)"},
	[OPT_IDLE] = {"idle", "N", "further connections, logged on and idle (0)"},
	[OPT_MOVED] = {"moved", "BYTES",
		       "that each idle connection writes and reads before (0)"},
	[OPT_HELD] = {"held", "N", "further files that are held open (0)"},
	[OPT_SECONDS] = {"seconds", "S", "of the measured time (5)"},
	[OPT_COUNT] = {"count", "N",
		       "operations at most; then no --seconds needs to be given"},
	[OPT_WARMUP] = {"warmup", "S", "the same load before, not counted (0.2)"},
	[OPT_SETTLE] = {"settle", "S",
			"wait before the server's memory is looked at (0)"},
	[OPT_PID] = {"pid", "N",
		     "the server's first process: CPU and memory of all its tree"},
	[OPT_CGROUP] = {"cgroup", "FOLDER",
			"of the server, version 2: its counter beside the sum of process "
			"clocks"},
	[OPT_ASSUME] = {"assume", NULL,
			"no logon and no files: for bench-bare, see tests/bench/bare.c"},
	[OPT_JSON] = {"json", NULL, "instead of the table"},
	[OPT_HELP] = {"help", NULL, "this"},
};

struct word {
	const char *text;
	unsigned value;
};

static const struct word dialects[] = {
	{"2.0.2", SMB2_DIALECT_202}, {"2.1", SMB2_DIALECT_210},
	{"3.0", SMB2_DIALECT_300},   {"3.0.2", SMB2_DIALECT_302},
	{"3.1.1", SMB2_DIALECT_311}, {NULL, 0}};
static const struct word protections[] = {{"plain", CLIENT_PLAIN},
					  {"sign", CLIENT_SIGNED},
					  {"seal", CLIENT_SEALED},
					  {NULL, 0}};
static const struct word signings[] = {{"gmac", SIGN_AES_GMAC},
				       {"cmac", SIGN_AES_CMAC},
				       {"hmac", SIGN_HMAC_SHA256},
				       {NULL, 0}};
static const struct word ciphers[] = {{"aes-128-gcm", SEAL_AES_128_GCM},
				      {"aes-256-gcm", SEAL_AES_256_GCM},
				      {"aes-128-ccm", SEAL_AES_128_CCM},
				      {"aes-256-ccm", SEAL_AES_256_CCM},
				      {NULL, 0}};

static const char *word_of(const struct word *words, unsigned value)
{
	for (; words->text; words++)
		if (words->value == value)
			return words->text;
	return "none";
}

const char *option_dialect(uint16_t dialect)
{
	return word_of(dialects, dialect);
}

const char *option_protect(enum client_protect protect)
{
	return word_of(protections, protect);
}

const char *option_signing(enum sign_alg alg)
{
	return word_of(signings, alg);
}

const char *option_cipher(enum seal_cipher cipher)
{
	return word_of(ciphers, cipher);
}

/* ---- values ------------------------------------------------------------------------------------------------- */

static bool refuse(enum option_id id, const char *expected, const char *found)
{
	fprintf(stderr, "tsmb-bench: --%s: expected %s, found \"%s\"\n", rows[id].name,
		expected, found);
	return false;
}

static bool number(enum option_id id, const char *text, uint64_t min, uint64_t max,
		   uint64_t *ret)
{
	char expected[80], *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && v >= min && v <= max) {
		*ret = v;
		return true;
	}
	snprintf(expected, sizeof(expected), "a number from %llu to %llu",
		 (unsigned long long)min, (unsigned long long)max);
	return refuse(id, expected, text);
}

static bool size(enum option_id id, const char *text, uint64_t *ret, uint64_t max)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long v;
	const char *unit;
	unsigned shift = 0;

	errno = 0;
	v = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || v > max >> shift)
		return refuse(id, "a number of bytes, such as 4K or 1M, not too large",
			      text);
	*ret = v << shift;
	return true;
}

static bool seconds(enum option_id id, const char *text, double *ret)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= 0 && v <= TIME_MAX_S))
		return refuse(id, "seconds, at most a day of them", text);
	*ret = v;
	return true;
}

static bool word(enum option_id id, const struct word *words, const char *text,
		 unsigned *ret)
{
	char expected[160] = "";
	size_t len = 0;

	for (const struct word *w = words; w->text; w++) {
		if (strcmp(w->text, text) == 0) {
			*ret = w->value;
			return true;
		}
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s%s",
					len ? ", " : "one of ", w->text);
	}
	return refuse(id, expected, text);
}

static bool work(const char *text, const struct work **ret)
{
	*ret = load_work(text);
	return *ret || refuse(OPT_WORK, "a name that --help lists", text);
}

/* ---- options ------------------------------------------------------------------------------------------------ */

static bool set_number(struct options *o, enum option_id id, const char *text)
{
	struct load_settings *l = &o->load;
	uint64_t v;

	switch (id) {
	case OPT_PORT:
		if (!number(id, text, 1, UINT16_MAX, &v))
			return false;
		l->sock.port = (uint16_t)v;
		return true;
	case OPT_CONNECTIONS:
		return number(id, text, 1, LOAD_CONNECTIONS_MAX, &l->connections);
	case OPT_DEPTH:
		return number(id, text, 1, LOAD_DEPTH_MAX, &l->depth);
	case OPT_VERIFY:
		if (!number(id, text, 1, UINT32_MAX, &v))
			return false;
		l->sock.client.verify_every = (uint32_t)v;
		return true;
	case OPT_ENTRIES:
		return number(id, text, 0, 10000000, &l->entries);
	case OPT_IDLE:
		return number(id, text, 0, LOAD_CONNECTIONS_MAX, &l->idle);
	case OPT_HELD:
		return number(id, text, 0, 10000000, &l->held);
	case OPT_COUNT:
		return number(id, text, 1, UINT64_MAX - 1, &o->count);
	case OPT_PID:
		if (!number(id, text, 1, INT32_MAX, &v))
			return false;
		o->pid = (pid_t)v;
		return true;
	default:
		return false;
	}
}

static bool set_word(struct options *o, enum option_id id, const char *text)
{
	struct client_settings *c = &o->load.sock.client;
	unsigned v = 0;

	switch (id) {
	case OPT_DIALECT:
		if (!word(id, dialects, text, &v))
			return false;
		c->dialects[0] = (uint16_t)v;
		return true;
	case OPT_PROTECT:
		if (!word(id, protections, text, &v))
			return false;
		c->protect = v;
		return true;
	case OPT_SIGNING:
		if (!word(id, signings, text, &v))
			return false;
		c->signings[0] = (uint16_t)v;
		return true;
	default:
		if (!word(id, ciphers, text, &v))
			return false;
		c->ciphers[0] = (uint16_t)v;
		return true;
	}
}

static bool set_text(struct options *o, enum option_id id, const char *text)
{
	struct load_settings *l = &o->load;

	switch (id) {
	case OPT_ADDRESS:
		l->sock.address = l->sock.client.host = text;
		return true;
	case OPT_SHARE:
		l->share = text;
		return true;
	case OPT_USER:
		l->sock.client.logon.user = text;
		return true;
	case OPT_PASSWORD:
		l->sock.client.logon.password = text;
		return true;
	case OPT_SUBJECT:
		l->subject = text;
		return strlen(text) <= NAME_MAX_LEN ||
		       refuse(id, "at most 32 bytes", text);
	case OPT_PREFIX:
		l->prefix = text;
		return strlen(text) <= NAME_MAX_LEN ||
		       refuse(id, "at most 32 bytes", text);
	default:
		o->cgroup = text;
		return true;
	}
}

static bool set_option(struct options *o, enum option_id id, const char *text)
{
	switch (id) {
	case OPT_ADDRESS:
	case OPT_SHARE:
	case OPT_USER:
	case OPT_PASSWORD:
	case OPT_SUBJECT:
	case OPT_PREFIX:
	case OPT_CGROUP:
		return set_text(o, id, text);
	case OPT_DIALECT:
	case OPT_PROTECT:
	case OPT_SIGNING:
	case OPT_CIPHER:
		return set_word(o, id, text);
	case OPT_WORK:
		return work(text, &o->load.work);
	case OPT_SIZE:
		return size(id, text, &o->load.size, LOAD_SIZE_MAX);
	case OPT_FILE:
		return size(id, text, &o->load.file, INT64_MAX);
	case OPT_MOVED:
		return size(id, text, &o->load.moved, INT64_MAX);
	case OPT_SECONDS:
		return seconds(id, text, &o->seconds);
	case OPT_WARMUP:
		return seconds(id, text, &o->warmup_s);
	case OPT_SETTLE:
		return seconds(id, text, &o->settle_s);
	case OPT_CHANNELS:
		return o->load.channels = true;
	case OPT_ASSUME:
		return o->load.assume = true;
	case OPT_JSON:
		return o->json = true;
	default:
		return set_number(o, id, text);
	}
}

static void help(void)
{
	const struct work_info *w;

	puts("Usage: tsmb-bench [OPTION ...]\n"
	     "Load an SMB server and tell how fast it is and what it uses.\n");
	for (size_t i = 0; i < OPT_COUNT_OF; i++)
		printf("  --%-11s %-10s %s\n", rows[i].name,
		       rows[i].value ? rows[i].value : "", rows[i].help);
	puts("\nWorks:");
	for (size_t i = 0; (w = load_work_at(i)) != NULL; i++)
		printf("  %-10s %s\n", w->name, w->help);
	puts("\nExit status: 0 measured, 1 the server did not do what it must, 2 bad "
	     "usage.");
}

static void progress(const char *what, size_t done, size_t of)
{
	fprintf(stderr, "\r%s %zu of %zu%s", what, done, of, done == of ? "\n" : "");
}

static void defaults(struct options *o)
{
	struct client_settings *c = &o->load.sock.client;
	const char *password = getenv("TSMB_BENCH_PASSWORD");

	*o = (struct options){.seconds = -1, .warmup_s = 0.2};
	o->load = (struct load_settings){
		.work = load_work("read"),
		.share = "share",
		.connections = 1,
		.depth = 1,
		.file = FILE_DEFAULT,
		.entries = 10000,
		.prefix = "bench-",
		.sock = {.address = "127.0.0.1", .port = 445, .timeout_ms = 30000},
	};
	c->host = "127.0.0.1";
	c->logon = (struct logon_settings){
		.user = "alice", .domain = "", .password = password ? password : ""};
	c->dialects[0] = SMB2_DIALECT_311;
	c->dialect_count = 1;
	c->signings[0] = SIGN_AES_GMAC;
	c->ciphers[0] = SEAL_AES_128_GCM;
	c->protect = CLIENT_PLAIN;
}

static bool complain(const char *what)
{
	fprintf(stderr, "tsmb-bench: %s\n", what);
	return false;
}

/* What follows from several options together. */
static bool settle(struct options *o)
{
	struct load_settings *l = &o->load;
	struct client_settings *c = &l->sock.client;
	const struct work_info *w = load_work_info(l->work);
	size_t charge, kept;

	if (!l->size)
		l->size = w->size;
	if (w->size && l->file < l->size)
		return complain("--file: at least --size");
	if (w->one_at_a_time && l->depth > 1)
		return complain("--depth: logons go one after the other on a connection");
	if (w->one_at_a_time && l->channels)
		return complain("--channels: not with logons");
	if (c->protect == CLIENT_SEALED && c->dialects[0] < SMB2_DIALECT_300)
		return complain("--protect seal: from dialect 3.0 on");
	if (c->dialects[0] < SMB2_DIALECT_210 && l->size > CHARGE)
		return complain("--size: at most 64K in dialect 2.0.2");
	if (l->channels && c->dialects[0] < SMB2_DIALECT_300)
		return complain("--channels: from dialect 3.0 on");
	if (o->cgroup && !o->pid)
		return complain("--cgroup: only beside --pid");
	if (o->seconds < 0)
		o->seconds = o->count ? 0 : 5;
	if (o->seconds <= 0 && !o->count)
		return complain("--seconds 0: without end, unless there is a --count");
	c->signing_count = 1;
	c->cipher_count = 1;
	c->frame_max = (l->size > FRAME_PAYLOAD ? l->size : FRAME_PAYLOAD) + FRAME_SPARE;
	charge = l->size ? (l->size - 1) / CHARGE + 1 : 1;
	kept = 2 * charge * l->depth;
	c->credits_kept = (uint16_t)(kept < CREDITS_LEAST ? CREDITS_LEAST
				     : kept > 8000        ? 8000
							  : kept);
	if (isatty(STDERR_FILENO))
		l->progress = progress;
	return true;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct option options[OPT_COUNT_OF + 1] = {0};

	defaults(ret);
	for (int i = 0; i < OPT_COUNT_OF; i++)
		options[i] = (struct option){
			.name = rows[i].name, .has_arg = rows[i].value != NULL, .val = i};
	for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (opt == OPT_HELP) {
			help();
			return EXIT_SUCCESS;
		}
		if (opt == '?') {
			fputs("tsmb-bench: --help tells what there is\n", stderr);
			return EXIT_USAGE;
		}
		if (!set_option(ret, (enum option_id)opt, optarg))
			return EXIT_USAGE;
	}
	if (optind != argc) {
		fprintf(stderr, "tsmb-bench: unexpected argument \"%s\"\n", argv[optind]);
		return EXIT_USAGE;
	}
	return settle(ret) ? -1 : EXIT_USAGE;
}
