/*
 * errors.h - everything that is wrong with a configuration file, in one go.
 *
 * Owns     its entries and their text.
 * Threads  one owner at a time.
 * Errors   when memory runs out, or after CONF_ERRORS_MAX entries, further ones are counted only.
 */
#pragma once

#include "base/attr.h"

#include <stdarg.h>
#include <stdio.h>

enum { CONF_ERRORS_MAX = 1000 };

/* A place in the file: from 1; the column counts characters. 0: the file as a whole. */
struct conf_place {
	unsigned line;
	unsigned column;
};

struct conf_error {
	struct conf_place place;
	bool warning;
	char *text; /* "encrypt_data: expected true or false, found \"yes\"" */
};

struct conf_errors {
	char *file; /* as it was named */
	struct conf_error *list;
	size_t count;
	size_t error_count; /* of all, those not kept included */
	size_t warning_count;
};

void conf_errors_init(struct conf_errors *e);
void conf_errors_fini(struct conf_errors *e);

/* Name the file that heads every line; copied. */
void conf_errors_file(struct conf_errors *e, const char *file);

/* text becomes "subject: message". */
void conf_errors_add(struct conf_errors *e, struct conf_place at, const char *subject,
		     const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same for what is doubtful, but no reason to refuse the file. */
void conf_errors_warn(struct conf_errors *e, struct conf_place at, const char *subject,
		      const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Drop as many warnings of each text as `known` has, wherever in the file: the first ones. */
void conf_errors_drop(struct conf_errors *e, const struct conf_errors *known);
/* In the order of the file; entries of one place stay as they were added. */
void conf_errors_sort(struct conf_errors *e);

/* "tsmb.conf:14:18: encrypt_data: expected ...", for a warning "tsmb.conf:14:18: warning: listen: ...". Without
 * newline; cut to fit. Returns buf. */
const char *conf_error_text(const struct conf_errors *e, size_t i, char *buf,
			    size_t buf_len);
/* All of them, a line each. */
void conf_errors_print(const struct conf_errors *e, FILE *out);
