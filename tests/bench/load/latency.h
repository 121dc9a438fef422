/*
 * latency.h - how long operations took: a histogram whose rows are 1.6 % wide.
 *
 * Owns     nothing.
 * Threads  a value of its user.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	LATENCY_FINE_BITS = 6, /* rows of one power of two */
	LATENCY_ROWS = (64 - LATENCY_FINE_BITS + 1) << LATENCY_FINE_BITS,
};

struct latency {
	uint64_t rows[LATENCY_ROWS];
	uint64_t count;
};

void latency_add(struct latency *l, uint64_t ns);

/* What `share` (0 to 1) of them did not exceed, in nanoseconds: the upper end of its row; 0 if there are none. */
uint64_t latency_at(const struct latency *l, double share);
