/*
 * station.h - a client of the simulation: one struct client at the end of one link, and the kinds of clients there are.
 *
 * Owns     client and link, from station_open() to station_leave() or until the server closes.
 * Threads  one.
 */
#pragma once

#include "client/answer.h"
#include "sim/sim.h"

struct station {
	struct sim_peer peer;
	struct sim *sim;
	const char *name;
	struct client *client; /* NULL: not connected */
	struct sim_link *link;
	unsigned number;      /* of the machine: its ClientGuid */
	bool deaf;            /* listens to nothing any more */
	const char *password; /* in place of the right one; NULL: that */
	/* answers and the end of the connection; set once */
	void (*got)(struct station *st, const struct client_answer *a);
	void (*closed)(struct station *st);
	/* what it holds is broken; NULL: it never asks for oplocks */
	void (*broke)(struct station *st, const struct client_break *b);
};

/* Dialect, algorithms and protection of a client. */
struct station_kind {
	const char *name;
	uint16_t dialect;
	enum client_protect protect;
	uint16_t cipher;  /* SEAL_*: the only one offered */
	uint16_t signing; /* SIGN_*: the only one offered, 3.1.1 */
	bool require_signing, bare;
};

extern const struct station_kind station_kinds[];
extern const size_t station_kind_count;

/* Connect user number `user` to a worker. previous: the session that this one replaces, or 0. */
void station_open(struct station *st, const struct station_kind *k, unsigned user,
		  unsigned lane, uint64_t previous);
/* Send the frame that was built in st->client. */
void station_put(struct station *st);
/* Hang up. */
void station_leave(struct station *st, bool hard);

/* What comes of a step of a logon, and then of a TREE_CONNECT to "files": sends the next; true when that was all. */
bool station_logs_on(struct station *st, const struct client_answer *a,
		     uint32_t *ret_tree);

/* For texts. */
const char *station_command(uint16_t command);

/*
 * Everything the client sent is answered and on its way nowhere: then the server's books must say the same as the
 * client's, for message ids, credits, requests and memory. Fails the simulation if they do not.
 */
void station_check_books(struct station *st);
