/*
 * sim.h - the server's core in a world without a system: two workers, a pool, connections in memory, a file system in
 *         memory, a clock and chance that all follow from one seed.
 *
 * The world stands still between two steps. A step is one thing that could happen next: a worker takes a message, gets
 * some bytes of a connection or ends its turn; a pool thread runs a job or reports it; the network hands bytes to a
 * client; an operation on shared state is executed (order.h); a client thinks of something to do; time passes. Which one
 * happens is drawn from the seed, with weights that are drawn, too, so that there are runs with slow disks, slow networks
 * and slow workers. Workers do what they do in parts as small as base/wait.h and net/xport.h allow, smaller than those of
 * net/worker: what may be interrupted, is. Now and then nobody acts until all that was under way has arrived, so that what
 * clients believe can be compared with what there is.
 *
 * The core asks the system for nothing (tests/lint/core-pure). Authentication is no part of the core: it is the real one,
 * run by a job of the pool, and reads its users from a file of sim_users_new(). All users act as one account.
 *
 * Owns     everything; links are freed with the simulation.
 * Threads  one.
 * Errors   sim_fail() says seed, step and reason, and ends the process with status 1.
 */
#pragma once

#include "sim/memfs.h"
#include "sim/rng.h"
#include "smb/server.h"

#include "base/timer.h"

enum {
	SIM_LANES = 2,
	SIM_USERS = 3,
	SIM_JOBS_MAX = 4096,
	SIM_ACTORS_MAX = 16,
};

struct sim;
struct sim_link;

/* Who lives at the other end of connections and thinks of things to do. */
struct sim_actor {
	const char *name;
	void (*act)(struct sim_actor *a);     /* do something; only when it wants to */
	bool (*wants)(struct sim_actor *a);   /* would it do something now? */
	bool (*is_done)(struct sim_actor *a); /* never again */
	/* NULL, or: all that was under way has arrived; nothing can happen before somebody acts or time passes */
	void (*settled)(struct sim_actor *a);
	void (*free)(struct sim_actor *a);
	uint64_t wake_ns; /* not asked before then */
	struct sim *sim;
};

/* The users "user0" .. with the passwords "password0" ..: a file in memory, as long as the process lives. */
struct sim_users {
	char path[32];
};
void sim_users_new(struct sim_users *ret);

struct sim_settings {
	const char *mode; /* of the program, to say how a run is repeated */
	uint64_t seed;
	const struct sim_users *users;
	const char *global; /* further lines of [global] */
	size_t memory_max;  /* bytes of buffers; 0: plenty */
	bool strict_sync;   /* see memfs.h */
	bool many;          /* opens: replicas are compared at the end only */
	bool calm; /* nothing is left to chance: what can happen happens in order, and whole */
	bool slow_state; /* operations of fs/state wait for their turn: order.h */
	bool trace;      /* log every step and what the core logs to standard error */
};

struct sim *sim_new(const struct sim_settings *s);
/*
 * Checks that nothing is left: sessions, opens, nodes, requests, buffers, handles, secrets. All links are closed, all
 * actors done.
 */
void sim_free(struct sim *s);

/* Set the scene: memfs_make() as the account that all users act as. */
void sim_make(struct sim *s, const char *path, bool directory);

/* From now on so many calls of a thousand fail with one of the errnos (negative, ending with 0; must last). */
void sim_faults(struct sim *s, unsigned per_mille, const int *errs);

void sim_add_actor(struct sim *s, struct sim_actor *a);
/* One step. False: nothing can happen any more. */
bool sim_step(struct sim *s);
/* Steps until every actor is done and everything is quiet; fails if that takes more than `max`. */
void sim_run(struct sim *s, uint64_t max);

struct rng *sim_rng(struct sim *s);
struct env *sim_env(struct sim *s);
uint64_t sim_steps(const struct sim *s);
struct smb_server *sim_server(struct sim *s);
struct vfs *sim_volume(struct sim *s);
/* Over every byte that either side got, in the order and the pieces in which it got them. */
uint64_t sim_traffic(const struct sim *s);

/* A configuration is read anew while the server works: each worker gets it as a message. */
void sim_reload(struct sim *s);

/* printf-like; only with trace. */
void sim_trace(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_fail(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3)
	__attribute__((noreturn));

/* ---- connections (link.c) ---------------------------------------------------------------------------- */

struct sim_peer {
	/* One whole frame without the header of Direct TCP; it may be changed. */
	void (*frame)(struct sim_peer *p, struct mspan frame);
	/* The server closed, or refused. The link is forgotten. */
	void (*closed)(struct sim_peer *p);
};

/* A new connection to a worker; the server sees it later. */
struct sim_link *sim_connect(struct sim *s, unsigned lane, struct sim_peer *peer);
/* Bytes on their way to the server. */
void sim_send(struct sim_link *l, struct span bytes);
/* The client leaves. hard: what it sent and the server has not read is lost. The link is forgotten. */
void sim_hang_up(struct sim_link *l, bool hard);
/* Bytes still under way in either direction? */
bool sim_link_idle(const struct sim_link *l);
/* The server's side, once it was accepted; NULL before and after. */
struct conn *sim_link_conn(const struct sim_link *l);
