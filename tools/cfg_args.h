/*
 * cfg_args.h - the command line of tsmb-cfg: words and options in any order, then the call they make.
 *
 * Threads  one.
 * Errors   false after a line on standard error: a usage error.
 */
#pragma once

#include "cfg_commands.h"

#include <jansson.h>

enum { CFG_WORDS_MAX = 4, CFG_OPTIONS_MAX = 256 };

struct cfg_option {
	const char *name;  /* as typed: "--encrypt-data", "-e" */
	size_t name_len;   /* without "=value" */
	const char *value; /* NULL: takes none */
};

struct cfg_args {
	const char *words[CFG_WORDS_MAX]; /* group, verb, NAME, VALUE */
	size_t word_count;
	struct cfg_option options[CFG_OPTIONS_MAX];
	size_t option_count;

	const char *conf_path;
	bool json, help, version;
	const struct cfg_command *command; /* NULL with help or version only */
	const char *share; /* -n of a command that is about a share that is there */
};

MUST_CHECK bool cfg_args_parse(struct cfg_args *a, int argc, char **argv);
/* "args" of the call; NULL after a usage error was told. */
json_t *cfg_args_json(const struct cfg_args *a);
