/*
 * net.h - the server's machinery as a whole: workers, pool, listeners. For server.c and
 * tests.
 *
 *     net_new(&settings, &net);
 *     for each lane: net_lane(net, i)->core = ..., ->turn_end = ...
 *     net_start(net);
 *     net_listen(net, specs, count);	again whenever the configuration changes
 *     net_stop(net);			all connections and jobs have ended
 *     for each lane: free ->core
 *     net_free(net);
 *
 * Owns     everything below it.
 * Threads  the main thread, except net_env(), net_exec(), net_connections() and
 *          net_memory_used(): any.
 * Errors   negative errno.
 */
#pragma once

#include "base/lane.h"
#include "net/listener.h"
#include "net/pool.h"
#include "net/xport.h"

struct net;

struct net_settings {
	unsigned workers; /* 1 .. ADMIT_WORKERS_MAX */
	struct pool_size pool;
	size_t memory_max;        /* bytes of payload buffers, at least NET_MEMORY_MIN */
	unsigned connections_max; /* 0: no limit */
	struct conn_factory factory;
};

enum { NET_MEMORY_MIN = 4 << 20 };

/* Makes everything but the worker threads. -EINVAL: settings out of bounds. */
MUST_CHECK int net_new(const struct net_settings *settings, struct net **ret_net);
MUST_CHECK int net_start(struct net *n);

/*
 * After net_start(): listen on exactly these: listeners that are also wanted now stay as they are, others
 * are closed, connections are not touched. Strings are copied. The first error is
 * returned and logged; the other listeners work nevertheless. ret_errs: the error of each, or 0;
 * `count` of them, or NULL.
 */
MUST_CHECK int net_listen(struct net *n, const struct listen_spec *specs, size_t count,
			  int *ret_errs);
/* Is there a listener for it? */
bool net_listens(struct net *n, const struct listen_spec *spec);
/* What is listened on, "0.0.0.0:445"; NULL behind the last one.
 * Valid until the next net_listen(). */
const char *net_listener(struct net *n, size_t i);
uint16_t net_listener_port(struct net *n, size_t i);

/*
 * Run fn on each worker, between messages, and return when all have.
 * For configuration swaps, and for state that belongs to lanes.
 */
void net_post_all(struct net *n, void (*fn)(struct lane *l, void *arg), void *arg);

/* New limits hold from now on; what is above them stays until it ends. */
void net_connections_max(struct net *n, unsigned max);
void net_memory_max(struct net *n, size_t bytes);

unsigned net_connections(struct net *n);
/* Bytes of payload buffers, in use or kept for the next request. */
size_t net_memory_used(struct net *n);
/* What that may grow to. */
size_t net_memory_limit(struct net *n);
unsigned net_lane_count(struct net *n);
struct lane *net_lane(struct net *n, unsigned i);
/* Asks the kernel for the time at each call. */
struct env *net_env(struct net *n);
struct exec *net_exec(struct net *n);

/*
 * Stop listening and close all connections; returns when the last one has ended, at most
 * about TCP_CLOSE_MS + TCP_LINGER_MS later. Workers and pool go on: net_post_all() may be
 * used to take the lanes' state apart.
 */
void net_disconnect(struct net *n);
/* net_disconnect(), wait until no job and no message is under way, end all threads. */
void net_stop(struct net *n);
/* Not started, or stopped. NULL is fine. */
void net_free(struct net *n);
