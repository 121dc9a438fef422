/*
 * options.h - the command line of tsmb-bench.
 *
 * Owns     nothing; texts are argv's.
 * Errors   a message on standard error that names option and value.
 */
#pragma once

#include <sys/types.h>

#include "load/load.h"

struct options {
	struct load_settings load;
	double seconds, warmup_s, settle_s;
	uint64_t count;
	pid_t pid; /* the server's first process; 0: not given */
	const char *cgroup;
	bool json;
};

/* Negative: go on. Otherwise the exit status. */
int options_parse(int argc, char **argv, struct options *ret);

const char *option_dialect(uint16_t dialect);
const char *option_protect(enum client_protect protect);
const char *option_signing(enum sign_alg alg);
const char *option_cipher(enum seal_cipher cipher);
