/*
 * status_commands.h - what tsmb-status can do, and the fields of its JSON: tables behind its command line, its help, its manual
 * page and completion.
 *
 * Threads  immutable.
 */
#pragma once

#include "base/span.h"

#include <jansson.h>
#include <stdio.h>

struct screen;

struct status_command {
	const char *name; /* "sessions" */
	const char *call; /* ctl/status.h */
	const char
		*list; /* the result's array that comes in pages; NULL: there is none */
	bool id;       /* ID follows: what to end */
	/* For people; NULL: there is nothing to show. */
	void (*print)(const json_t *result, const struct screen *s);
	const char *help;
};

extern const struct status_command status_commands[];
extern const size_t status_command_count;

/* NULL if there is no such command. */
const struct status_command *status_command_find(const char *name);
void status_help(FILE *out);

/* A field of --json, for the manual page: "client", "commands.*.requests" (any name), "connections[]" (each element). */
struct status_field {
	const char *command; /* NULL: of the one before */
	const char *name;
	const char *help;
};

extern const struct status_field status_fields[];
extern const size_t status_field_count;
