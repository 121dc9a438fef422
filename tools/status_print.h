/*
 * status_print.h - what goes on, for people: tables no wider than the screen.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct screen {
	FILE *out;
	size_t columns;
	bool colours;  /* a terminal that may have them */
	int64_t now_s; /* since 1970 */
};

void print_stats(const json_t *result, const struct screen *s);
void print_shares(const json_t *result, const struct screen *s);
void print_connections(const json_t *result, const struct screen *s);
void print_sessions(const json_t *result, const struct screen *s);
void print_security(const json_t *result, const struct screen *s);
void print_files(const json_t *result, const struct screen *s);
void print_locks(const json_t *result, const struct screen *s);
