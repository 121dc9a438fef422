/* clock.c - see clock.h */
#include "net/clock.h"

#include "base/attr.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* 1601-01-01 to 1970-01-01 in 100 ns units. [MS-DTYP] 2.3.3 */
static const uint64_t FILETIME_UNIX_EPOCH = 116444736000000000;

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_thread_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t clock_now_ns(struct env *e)
{
	struct clock *c = container_of(e, struct clock, env);
	uint64_t now = atomic_load_explicit(&c->now_ns, memory_order_relaxed);

	return now ? now : clock_monotonic_ns();
}

static uint64_t clock_filetime(struct env *e)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return FILETIME_UNIX_EPOCH + (uint64_t)ts.tv_sec * 10000000 +
	       (uint64_t)ts.tv_nsec / 100;
}

static void clock_random(struct env *e, struct mspan buf)
{
	while (buf.len > 0) {
		ssize_t n = getrandom(buf.p, buf.len, 0);

		if (n > 0)
			buf = mspan_of(buf.p + n, buf.len - (size_t)n);
		else if (errno != EINTR)
			abort(); /* no generator: nothing that is secret would be */
	}
}

void clock_init(struct clock *c)
{
	static const struct env_ops ops = {clock_now_ns, clock_filetime, clock_random};

	c->env.ops = &ops;
	atomic_init(&c->now_ns, 0);
}

uint64_t clock_tick(struct clock *c)
{
	uint64_t now = clock_monotonic_ns();

	atomic_store_explicit(&c->now_ns, now, memory_order_relaxed);
	return now;
}
