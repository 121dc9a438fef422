/*
 * spin.h - is it worth looking a little longer before going to sleep?
 *
 * A thread that sleeps and is woken pays for both: a few microseconds on bare metal, tens in a virtual machine. A client that
 * asks one thing after another has its next request here in less. So a worker looks again for a moment instead of sleeping
 * at once, if that is likely to be cheaper: what a sleep costs is measured now and then, the moment is twice that and never
 * longer than SPIN_MAX_NS, there is none unless the sleep before was short, and each time it was in vain makes the next
 * attempt rarer. A server that has nothing to do never spins.
 *
 *     spin_ns() > 0 --look until then--> found: spin_won()
 *                                        not:   spin_lost(), sleep
 *     sleep -------------------------------------> spin_slept(); with what it cost where spin_measures()
 *
 * Owns     nothing; all times are the caller's.
 * Threads  one worker's.
 */
#pragma once

#include "base/attr.h"

#include <stdint.h>

enum {
	SPIN_MAX_NS = 50000,
	SPIN_MEASURE_EACH = 64, /* sleeps */
	SPIN_REST_MAX = 1024, /* waits without an attempt after many that were in vain */
};

struct spin {
	uint32_t cost_ns; /* of a sleep, on average; 0: not known yet */
	uint32_t sleeps;
	uint32_t penalty; /* waits to rest after the next failure */
	uint32_t rest;    /* of them are left */
	bool soon;        /* what the last wait was for came soon */
};

/* How long to look before sleeping this time; 0: not at all. To be asked once a wait. */
uint32_t spin_ns(struct spin *s);
void spin_won(struct spin *s);
void spin_lost(struct spin *s);

/* Is the cost of the next sleep to be measured? It is processor time of the thread from before it to behind it. */
bool spin_measures(const struct spin *s);
void spin_measured(struct spin *s, uint64_t cost_ns);
/* So long it slept. */
void spin_slept(struct spin *s, uint64_t slept_ns);
