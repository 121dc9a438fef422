/*
 * report.h - what tsmb-bench prints.
 */
#pragma once

#include "load/options.h"
#include "load/usage.h"

struct report {
	const struct options *options;
	const struct client *client; /* of the first connection */
	struct load_result result;
	struct usage empty, full; /* memory: without connections, and with all of them */
	struct usage before, after; /* CPU: of the measured time */
	double client_cpu_s;
};

void report_table(const struct report *r);
void report_json(const struct report *r);
