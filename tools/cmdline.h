/*
 * cmdline.h - the words and options of a tool's command line, in any order; and how it says that they are wrong.
 *
 * Threads  one.
 * Errors   false after a line on standard error: a usage error.
 */
#pragma once

#include "base/span.h"

enum { CMDLINE_WORDS_MAX = 4, CMDLINE_OPTIONS_MAX = 256 };

#define CONF_DEFAULT "/etc/tsmb/tsmb.conf"

struct cmdline_option {
	const char *name;  /* as typed: "--encrypt-data", "-e" */
	size_t name_len;   /* without "=value" */
	const char *value; /* NULL: it has none */
};

/* What options may look like. */
enum cmdline_value {
	CMDLINE_VALUE,
	CMDLINE_NO_VALUE,
	CMDLINE_MAY_VALUE, /* only as "--name=value" */
	CMDLINE_UNKNOWN    /* there is none of that name */
};

struct cmdline {
	const char *tool; /* "tsmb-cfg" */
	/* Has the option one? */
	enum cmdline_value (*takes)(const struct cmdline_option *o);
	/* The name, without its dashes, that may have been meant by one that there is not. NULL: nothing is suggested. */
	const char *(*nearest)(const struct cmdline_option *o);
	const char *words[CMDLINE_WORDS_MAX];
	size_t word_count;
	struct cmdline_option options[CMDLINE_OPTIONS_MAX];
	size_t option_count;
};

/* tool and takes are set; words stay argv's. */
MUST_CHECK bool cmdline_split(struct cmdline *c, int argc, char **argv);
/* short_name NULL: it has none. */
bool option_is(const struct cmdline_option *o, const char *long_name,
	       const char *short_name);
/* "TOOL: ...; see TOOL --help" on standard error; false, for `return usage(...)`. */
bool usage(const char *tool, const char *format, ...) PRINTF_LIKE(2, 3);
