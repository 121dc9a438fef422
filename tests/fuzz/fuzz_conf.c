/*
 * fuzz_conf.c - any bytes as tsmb.conf.
 *
 * Besides surviving: what is accepted prints as a file that is accepted and prints the same.
 *
 * Target functions: conf_parse, conf_print, conf_diff, conf_errors_print
 */
#include "conf/conf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_machine machine = {
	.host_name = "fuzz.example.org",
	.memory = 1ULL << 30,
	.cpu_count = 2,
};

static struct conf *parse(struct span text)
{
	struct conf_errors errs;
	struct conf *c = NULL;
	char *report = NULL;
	size_t len;
	FILE *out = open_memstream(&report, &len);

	if (!out)
		abort();
	conf_errors_init(&errs);
	if ((conf_parse(text, "fuzz", &machine, &c, &errs) == 0) !=
	    (errs.error_count == 0))
		abort();
	conf_errors_print(&errs, out);
	fclose(out);
	free(report);
	conf_errors_fini(&errs);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(conf_putp) struct conf *c = parse(span_of(data, size));
	CLEANUP(conf_putp) struct conf *again = NULL;
	struct conf_changes changes;
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!c)
		return 0;
	out = open_memstream(&text, &len);
	if (!out)
		abort();
	conf_print(c, out);
	fclose(out);
	again = parse(span_of(text, len));
	free(text);
	if (!again || conf_diff(c, again, &changes) || changes.count)
		abort();
	conf_changes_fini(&changes);
	return 0;
}
