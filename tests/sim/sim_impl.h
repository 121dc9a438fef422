/* sim_impl.h - between sim.c, server.c, link.c and notify.c. */
#pragma once

#include "base/list.h"
#include "sim/order.h"
#include "sim/sim.h"

/* First in, first out, as a worker takes its messages. */
struct sim_queue {
	struct msg *head, **end;
};

struct sim_lane {
	struct sim *sim;
	struct lane lane;
	struct mailbox mailbox;
	struct timers timers;
	struct sim_queue posted, here;
	bool turn_due; /* something ran since the last end of a turn */
};

/* A job of the pool: waiting to run, or run and not reported. */
struct sim_job {
	struct job *job;
	bool ran;
	int err;
};

enum sim_kind {
	STEP_POSTED,
	STEP_HERE,
	STEP_TURN,
	STEP_TIMERS,
	STEP_JOB_RUN,
	STEP_JOB_END,
	STEP_ACCEPT,
	STEP_IN,
	STEP_FLUSH,
	STEP_OUT,
	STEP_CLOSED,
	STEP_NOTIFY,
	STEP_STATE,
	STEP_ACT,
	STEP_KINDS,
};

/* One thing that could happen next. */
struct sim_choice {
	enum sim_kind kind;
	unsigned weight;
	void *what;
};

enum { SIM_CHOICES_MAX = 256 };

struct sim_choices {
	struct sim_choice list[SIM_CHOICES_MAX];
	size_t count;
	uint64_t weight;
};

struct sim {
	struct sim_settings settings;
	struct rng rng;
	uint64_t steps, now_ns, traffic;
	unsigned weights[STEP_KINDS];

	struct env env;
	struct exec exec;
	struct sim_job jobs[SIM_JOBS_MAX];
	size_t job_count;

	struct buf_budget budget, reserve_budget;
	struct sim_lane lanes[SIM_LANES];
	struct smb_server server;
	struct snapshot *snapshot;
	struct memfs_world memfs_world;
	struct vfs *volume;
	struct notify_server *notify;
	struct state_order *order;
	struct sim_trail *trail;
	bool hush; /* nobody thinks of anything, until all that is under way has arrived */
	unsigned hush_per_mille, defer_per_mille, fault_per_mille;
	const int *faults;

	bool fed; /* buffers were returned, and nobody got one since */
	struct list_node links;
	struct sim_actor *actors[SIM_ACTORS_MAX];
	size_t actor_count;
	size_t secrets_before;
};

void choice_add(struct sim *s, struct sim_choices *c, enum sim_kind kind, void *what);
/* Bytes that one side got. */
void sim_note_traffic(struct sim *s, unsigned link, unsigned direction,
		      struct span bytes);

/* server.c: the core put together, and taken apart. */
void sim_server_make(struct sim *s);
void sim_server_free(struct sim *s);
struct snapshot *sim_snapshot_new(struct sim *s);

/* link.c */
void link_choices(struct sim *s, struct sim_choices *c);
void link_do(struct sim *s, const struct sim_choice *c);
void links_free(struct sim *s);
/* Buffers may be free again: connections that had none try anew. True if there were any. */
bool links_feed(struct sim *s);

/* trail.c: the other end of smb/trail.h. */
struct sim_trail *sim_trail_new(struct sim *s);
void sim_trail_free(struct sim_trail *t);

/* notify.c */
struct notify_server *sim_notify_new(struct sim *s);
void sim_notify_free(struct notify_server *n);
void sim_notify_changed(struct notify_server *n, const struct memfs_change *c);
bool sim_notify_due(const struct notify_server *n);
void sim_notify_do(struct notify_server *n);
