/*
 * env.h - what the core may ask of the world besides files and connections: time, randomness, other threads.
 *
 * The real ones live in net/ (clock, random, pool); the simulated ones in tests/sim. The core (smb, cmd,
 * secure, rpc) uses nothing else of the system.
 *
 * Threads  all functions may be called from any thread.
 */
#pragma once

#include "base/span.h"
#include "base/wait.h"

struct env {
	const struct env_ops *ops;
};

struct env_ops {
	/* Monotonic nanoseconds from an arbitrary start. Cheap: cached per loop turn. */
	uint64_t (*now_ns)(struct env *e);
	/* Wall clock as FILETIME: 100 ns units since 1601-01-01 UTC. [MS-DTYP] 2.3.3 */
	uint64_t (*filetime)(struct env *e);
	/* Fill buf from the kernel's generator. Never short; ends the process rather than return weak bytes. */
	void (*random)(struct env *e, struct mspan buf);
};

static inline uint64_t env_now_ns(struct env *e)
{
	return e->ops->now_ns(e);
}

static inline uint64_t env_filetime(struct env *e)
{
	return e->ops->filetime(e);
}

static inline void env_random(struct env *e, struct mspan buf)
{
	e->ops->random(e, buf);
}

uint64_t env_random_u64(struct env *e);

/*
 * exec - run a job that may sleep on a thread that may.
 *
 * job->run(job) runs once on some pool thread; its result is the wait's err. Then `wait` is ended
 * (wait_post). The job is embedded in its owner, which must live until then; a job under way is never
 * cancelled. A job that needs a user's credentials takes them itself (fs/cred.h).
 */
enum exec_class {
	EXEC_IO,   /* file system calls, bulk crypto			*/
	EXEC_AUTH, /* NSS, LDAP, Kerberos: a small pool of its own	*/
};

struct job {
	struct job *next;
	int (*run)(struct job *j); /* 0 or negative errno; runs on a pool thread	*/
	struct wait *wait;
};

struct exec {
	const struct exec_ops *ops;
};

struct exec_ops {
	void (*run)(struct exec *x, enum exec_class cls, struct job *j);
};

static inline void exec_run(struct exec *x, enum exec_class cls, struct job *j)
{
	x->ops->run(x, cls, j);
}
