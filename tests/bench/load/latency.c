/*
 * The first row of a power of two 2^n begins at (n - LATENCY_FINE_BITS + 1) << LATENCY_FINE_BITS; below 2^LATENCY_FINE_BITS
 * there is a row for each value.
 */
#include "load/latency.h"

static size_t row_of(uint64_t ns)
{
	unsigned power, shift;

	if (ns >> LATENCY_FINE_BITS == 0)
		return (size_t)ns;
	power = 63u - (unsigned)__builtin_clzll(ns);
	shift = power - LATENCY_FINE_BITS;
	return ((size_t)(shift + 1) << LATENCY_FINE_BITS) +
	       (size_t)((ns >> shift) & ((1u << LATENCY_FINE_BITS) - 1));
}

static uint64_t row_end(size_t row)
{
	size_t shift = row >> LATENCY_FINE_BITS;
	uint64_t fine = row & ((1u << LATENCY_FINE_BITS) - 1);

	if (shift == 0)
		return fine;
	return (((1u << LATENCY_FINE_BITS) + fine + 1) << (shift - 1)) - 1;
}

void latency_add(struct latency *l, uint64_t ns)
{
	l->rows[row_of(ns)]++;
	l->count++;
}

uint64_t latency_at(const struct latency *l, double share)
{
	double want = share * (double)l->count;
	uint64_t seen = 0;

	for (size_t i = 0; i < LATENCY_ROWS; i++) {
		seen += l->rows[i];
		if (l->rows[i] && (double)seen >= want)
			return row_end(i);
	}
	return 0;
}
