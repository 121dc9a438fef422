/*
 * chaos.h - a client that does anything at any time: many requests at once, on names that the others use, too; cancels,
 *           closes, disconnects trees, logs off and hangs up in the midst of it, and comes back.
 *
 * What it is told must be possible: each status is one that its request may end with, given what it has sent so far; no
 * open and no lock that excludes another (model.h); bytes that were written; its books and the server's agree whenever
 * nothing is under way; what grants and breaks of a lease say adds up; nobody who waits for an acknowledgement waits for
 * nobody; what was read and may be cached is what the file holds. After an acknowledgement of nothing (a stray one) nothing
 * is sure of that oplock or lease any more.
 */
#pragma once

#include "sim/model.h"
#include "sim/station.h"
#include "sim/tally.h"

struct chaos_settings {
	unsigned user;
	unsigned lives;   /* connections */
	unsigned actions; /* of each, at most */
	bool faults;      /* the file system may fail, and memory run out */
	bool vandal;      /* sends damaged requests, and believes no answer */
	bool few;       /* mostly two files, and opens that go together: much is cached */
	bool strangers; /* a vandal is about: bytes may be anybody's */
	struct tally *tally;
};

/* The directories and files that they find. */
void chaos_scene(struct sim *s);

struct sim_actor *chaos_new(struct sim *s, struct model *m,
			    const struct chaos_settings *settings);
