/*
 * cfg_args.h - the command line of tsmb-cfg: words and options in any order, then the call they make.
 *
 * Threads  one.
 * Errors   false after a line on standard error: a usage error.
 */
#pragma once

#include "cfg_commands.h"
#include "cmdline.h"

#include <jansson.h>

struct cfg_args {
	struct cmdline line; /* its words: group, verb, NAME, VALUE */
	const char *conf_path;
	bool json, help, version;
	const struct cfg_command *command; /* NULL with help or version only */
	const char *group;                 /* with help: of whose commands; or NULL */
	const char *share; /* -n of a command that is about a share that is there */
};

MUST_CHECK bool cfg_args_parse(struct cfg_args *a, int argc, char **argv);
/* "args" of the call; NULL after a usage error was told. */
json_t *cfg_args_json(const struct cfg_args *a);
