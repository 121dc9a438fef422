#include "sim/tally.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const events[EVENT_COUNT] = {
	"cancel", "close", "tree disconnect", "logoff",    "hang up",
	"time",   "ack",   "wrong ack",       "ack again",
};

static const struct {
	const char *name;
	unsigned never; /* 1 << tally_event: cannot happen */
} hits[HIT_COUNT] = {
#define BREAKS_ONLY (1u << EVENT_ACK | 1u << EVENT_ACK_WRONG | 1u << EVENT_ACK_AGAIN)
	[HIT_LOCK_SENT] = {"lock", BREAKS_ONLY | 1u << EVENT_TIME},
	[HIT_LOCK_WAITS] = {"lock waits", BREAKS_ONLY},
	[HIT_CREATE_SENT] = {"create",
			     BREAKS_ONLY | 1u << EVENT_TIME | 1u << EVENT_CLOSE},
	[HIT_CREATE_WAITS] = {"create waits", BREAKS_ONLY | 1u << EVENT_CLOSE},
	[HIT_CHANGE_SENT] = {"change", BREAKS_ONLY | 1u << EVENT_TIME},
	[HIT_CHANGE_WAITS] = {"change waits", BREAKS_ONLY},
	[HIT_NOTIFY_WAITS] = {"notify waits", BREAKS_ONLY | 1u << EVENT_TIME},
	[HIT_OPLOCK_BREAK] = {"oplock break", 1u << EVENT_CANCEL},
	[HIT_LEASE_BREAK] = {"lease break", 1u << EVENT_CANCEL},
	[HIT_ACK_SENT] = {"ack", 1u << EVENT_TIME},
};

void tally_count(struct tally *t, enum tally_event e, enum tally_hit h)
{
	t->hits[e][h]++;
}

void tally_print(const struct tally *t)
{
	printf("%-16s", "");
	for (size_t h = 0; h < HIT_COUNT; h++)
		printf("%13s", hits[h].name);
	putchar('\n');
	for (size_t e = 0; e < EVENT_COUNT; e++) {
		printf("%-16s", events[e]);
		for (size_t h = 0; h < HIT_COUNT; h++)
			if (hits[h].never >> e & 1 && !t->hits[e][h])
				printf("%13s", "-");
			else
				printf("%13" PRIu64, t->hits[e][h]);
		putchar('\n');
	}
}

bool tally_is_complete(const struct tally *t)
{
	bool complete = true;

	for (size_t e = 0; e < EVENT_COUNT; e++)
		for (size_t h = 0; h < HIT_COUNT; h++)
			if (!(hits[h].never >> e & 1) && !t->hits[e][h]) {
				fprintf(stderr, "never happened: %s against %s\n",
					events[e], hits[h].name);
				complete = false;
			}
	return complete;
}
