/*
 * policy: plays what the security policy promises against a running server. tests/peer/policy.py starts one for each
 * setting of the parameters.
 *
 * Exit status: 0 all as promised, 1 not, 2 usage.
 */
#include "policy/wire.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: policy matrix|events|tamper --port N --password TEXT\n"
	"              [--other-password TEXT] [-r] [-g] [-u]\n"
	"              [--open FOLDER] [--sealed FOLDER] [--matrix FILE] [--step N]\n"
	"Passwords: of alice and bob. -r, -g, -u: require_message_signing,\n"
	"encrypt_data, reject_unencrypted_access are true. FOLDER: of the shares\n"
	"\"open\" (encrypt_data = false) and \"sealed\" (true).\n";

static const struct option options[] = {
	{"port", required_argument, NULL, 'p'},
	{"password", required_argument, NULL, 'w'},
	{"other-password", required_argument, NULL, 'b'},
	{"open", required_argument, NULL, 'o'},
	{"sealed", required_argument, NULL, 's'},
	{"matrix", required_argument, NULL, 'm'},
	{"step", required_argument, NULL, 't'},
	{NULL, 0, NULL, 0},
};

struct arguments {
	const char *part, *matrix;
	unsigned step;
};

static bool option_take(struct world *w, struct arguments *a, int opt)
{
	switch (opt) {
	case 'p':
		w->port = (uint16_t)strtoul(optarg, NULL, 10);
		return true;
	case 'w':
		w->password = optarg;
		return true;
	case 'b':
		w->other_password = optarg;
		return true;
	case 'o':
		w->shares[0].folder = optarg;
		return true;
	case 's':
		w->shares[1].folder = optarg;
		return true;
	case 'm':
		a->matrix = optarg;
		return true;
	case 't':
		a->step = (unsigned)strtoul(optarg, NULL, 10);
		return true;
	case 'r':
		return w->r = true;
	case 'g':
		return w->g = true;
	case 'u':
		return w->u = true;
	}
	return false;
}

static bool play(struct world *w, const struct arguments *a)
{
	if (!strcmp(a->part, "matrix") && a->matrix)
		matrix_play(w, a->matrix);
	else if (!strcmp(a->part, "events"))
		events_play(w);
	else if (!strcmp(a->part, "tamper"))
		tamper_play(w, a->step);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static struct world w = {.password = "",
				 .other_password = "",
				 .shares = {{.name = "open"}, {.name = "sealed"}}};
	struct arguments a = {.step = 1};

	setvbuf(stdout, NULL, _IOLBF, 0);
	clock_init(&w.clock);
	for (int opt; (opt = getopt_long(argc, argv, "rgu", options, NULL)) != -1;)
		if (!option_take(&w, &a, opt)) {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	a.part = optind == argc - 1 ? argv[optind] : "";
	if (!w.port || !a.step || !play(&w, &a)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return w.wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
