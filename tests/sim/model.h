/*
 * model.h - what the clients of a simulation may be sure of: that two opens which exclude each other, or two locks, are
 *           never granted at once; and that who caches what it writes is alone.
 *
 * An open is certain from the moment its client has the answer to the moment it sends what may end it; so are locks. What is
 * certain on both sides must go together, however the server's work was cut.
 *
 * Owns     its claims.
 * Threads  one.
 * Errors   fails the simulation.
 */
#pragma once

#include "sim/sim.h"

struct model;

/* Who claims: a client, and one of its opens. */
struct model_who {
	const void *client;
	unsigned open;
};

struct model *model_new(struct sim *s);
void model_free(struct model *m);

/* file: any number that is the file's own. */
/* lease: equal for a client's opens that share one; 0: none. */
void model_open(struct model *m, struct model_who who, uint64_t file, uint32_t access,
		uint32_t share, uint64_t lease);

enum model_write {
	MODEL_WRITES_THROUGH,
	MODEL_CACHES, /* WRITE: nobody else has the file open for data */
	MODEL_BROKEN, /* still, until it is acknowledged or 35 seconds are over */
};
/* broken_ns: when the break was told; else 0. */
void model_write_caching(struct model *m, struct model_who who, enum model_write w,
			 uint64_t broken_ns);
/* Also its locks. */
void model_close(struct model *m, struct model_who who);
void model_close_all(struct model *m, const void *client);

/*
 * Said by each client when all that was under way has arrived, before time passes: how many of its requests wait for
 * acknowledgements, and how many it owes. Whoever waits then waits for somebody; and nobody waits long for what has been
 * owed for longer than 35 seconds.
 */
struct model_debts {
	size_t waits, owes;
	size_t waits_long, owes_yet; /* of those: for a second; for less than 36 */
};
void model_settled(struct model *m, const struct model_debts *d);

void model_lock(struct model *m, struct model_who who, uint64_t offset, uint64_t length,
		bool exclusive);
void model_unlock(struct model *m, struct model_who who, uint64_t offset,
		  uint64_t length);
