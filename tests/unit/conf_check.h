/*
 * conf_check.h - a configuration in, a snapshot or the text of its faults out. For the test_conf_* programs.
 */
#pragma once

#include "conf/conf.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>

static const struct conf_machine check_machine = {
	.host_name = "files.example.org",
	.memory = 8ULL << 30,
	.cpu_count = 4,
};

/* What conf_parse() says of the text; the caller frees the report. */
struct check {
	int err;
	struct conf *conf;
	char *report; /* a line each, as tsmb-server --check prints them */
};

static inline void check_fini(struct check *c)
{
	conf_put(c->conf);
	free(c->report);
}

static inline struct check check_span(struct span text)
{
	struct conf_errors errs;
	struct check c = {0};
	size_t len;
	FILE *out = open_memstream(&c.report, &len);

	assert_non_null(out);
	conf_errors_init(&errs);
	c.err = conf_parse(text, "t", &check_machine, &c.conf, &errs);
	conf_errors_print(&errs, out);
	fclose(out);
	assert_int_equal(c.err != 0, errs.error_count != 0);
	assert_int_equal(c.err != 0, c.conf == NULL);
	conf_errors_fini(&errs);
	return c;
}

static inline struct check check_text(const char *text)
{
	return check_span(span_of_str(text));
}

/* The line stands alone in [global] (line 2 of the file), with a loopback listener so that nothing is warned of. */
static inline struct check check_global(const char *line)
{
	char text[16384];

	snprintf(text, sizeof(text),
		 "[global]\n%s\nrequire_message_signing = true\n[/global]\n", line);
	return check_text(text);
}

/* The line stands in a [share] (line 6 of the file). */
static inline struct check check_share(const char *line)
{
	char text[16384];

	snprintf(text, sizeof(text),
		 "[global]\nrequire_message_signing = true\n[/global]\n"
		 "[share]\npath = /srv\n%s\nnetname = Public\n[/share]\n",
		 line);
	return check_text(text);
}

/* The snapshot as conf_print() writes it; the caller frees it. */
static inline char *check_print(const struct conf *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	conf_print(c, out);
	fclose(out);
	return text;
}

/* One line of a file, and what is reported about it. */
struct check_row {
	const char *line;
	const char *report;
};

static inline void check_rows(struct check (*check)(const char *line),
			      const struct check_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(check_fini) struct check c = check(rows[i].line);

		CHECK_STR(c.report, rows[i].report);
	}
}
