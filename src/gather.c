#include "gather.h"

#include "base/log.h"
#include "net/net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int gather_stats(const struct gather *g, struct stats *ret)
{
	const struct snapshot *now = *g->snapshot;
	int err = stats_gather(g->smb, now, ret);

	if (err)
		return err;
	ret->connections = (struct stats_level){net_connections(g->net),
						now->conf->connections_max};
	ret->memory = (struct stats_level){net_memory_used(g->net),
					   net_memory_limit(g->net)};
	return 0;
}

static int op_stats(void *arg, struct stats *ret)
{
	return gather_stats(arg, ret);
}

/* ---- connections: each worker fills a page of its own ---------------------------------------------------------- */

struct conn_pages {
	uint64_t after;
	struct conn_row *rows; /* max + 1 a lane */
	size_t *counts;        /* one a lane */
	size_t max;
};

static void page_fill(struct lane *l, void *arg)
{
	struct conn_pages *p = arg;

	p->counts[l->index] = inventory_conns(
		smb_lane_of(l), p->after, p->rows + l->index * (p->max + 1), p->max + 1);
}

static int by_id(const void *a, const void *b)
{
	const struct conn_row *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* The pages as one, in order. Returns how many rows there are. */
static size_t pages_join(struct conn_pages *p, unsigned lanes)
{
	size_t count = 0;

	for (unsigned i = 0; i < lanes; i++) {
		memmove(p->rows + count, p->rows + i * (p->max + 1),
			p->counts[i] * sizeof(*p->rows));
		count += p->counts[i];
	}
	if (count)
		qsort(p->rows, count, sizeof(*p->rows), by_id);
	return count;
}

static int op_conns(void *arg, uint64_t after, size_t max, struct conn_row **ret_rows,
		    size_t *ret_count, bool *ret_more)
{
	const struct gather *g = arg;
	unsigned lanes = net_lane_count(g->net);
	struct conn_pages p = {
		.after = after,
		.rows = calloc(lanes * (max + 1), sizeof(*p.rows)),
		.counts = calloc(lanes, sizeof(*p.counts)),
		.max = max,
	};
	size_t count = 0;

	if (p.rows && p.counts) {
		net_post_all(g->net, page_fill, &p);
		count = pages_join(&p, lanes);
	}
	free(p.counts);
	if (!p.rows || !p.counts) {
		free(p.rows);
		return -ENOMEM;
	}
	*ret_rows = p.rows;
	*ret_count = count < max ? count : max;
	*ret_more = count > max;
	return 0;
}

/* ---- what has a table ------------------------------------------------------------------------------------------ */

static int op_sessions(void *arg, struct arena *a, uint64_t after, size_t max,
		       struct sess_row **ret_rows, size_t *ret_count, bool *ret_more)
{
	const struct gather *g = arg;

	return inventory_sessions(g->smb, a, after, max, ret_rows, ret_count, ret_more);
}

static int op_opens(void *arg, struct arena *a, uint64_t after, size_t max,
		    struct open_row **ret_rows, size_t *ret_count, bool *ret_more)
{
	const struct gather *g = arg;

	return inventory_opens(g->smb, a, after, max, ret_rows, ret_count, ret_more);
}

static int op_locks(void *arg, struct arena *a, uint64_t from, size_t skip, size_t max,
		    struct lock_row **ret_rows, size_t *ret_count, bool *ret_more)
{
	const struct gather *g = arg;

	return inventory_locks(g->smb, a, from, skip, max, ret_rows, ret_count, ret_more);
}

static const struct conf *op_conf(void *arg)
{
	const struct gather *g = arg;

	return (*g->snapshot)->conf;
}

/* ---- ending one of them ---------------------------------------------------------------------------------------- */

struct eviction {
	enum status_kind what;
	uint64_t id;
	struct evictor who;
	atomic_bool done;
};

/* A connection is its worker's to end; anything else any one's. */
static void lane_evict(struct lane *lane, void *arg)
{
	struct smb_lane *l = smb_lane_of(lane);
	struct eviction *e = arg;
	bool done = false;

	if (e->what == STATUS_CONNECTION)
		done = evict_conn(l, e->id, &e->who);
	else if (lane->index == 0)
		done = e->what == STATUS_SESSION ? evict_session(l, e->id, &e->who)
						 : evict_open(l, e->id, &e->who);
	if (done)
		atomic_store(&e->done, true);
}

static bool op_evict(void *arg, enum status_kind what, uint64_t id)
{
	static const char *const names[] = {
		[STATUS_CONNECTION] = "ends connection",
		[STATUS_SESSION] = "ends session",
		[STATUS_FILE] = "closes file",
	};
	const struct gather *g = arg;
	char by[sizeof("uid 4294967295")];
	struct eviction e = {.what = what, .id = id, .who.by = by};

	snprintf(by, sizeof(by), "uid %u", ctl_caller(g->ctl));
	log_info("control socket: uid %u %s %" PRIu64, ctl_caller(g->ctl), names[what],
		 id);
	net_post_all(g->net, lane_evict, &e);
	return atomic_load(&e.done);
}

const struct status_ops gather_ops = {
	.stats = op_stats,
	.conns = op_conns,
	.sessions = op_sessions,
	.opens = op_opens,
	.locks = op_locks,
	.conf = op_conf,
	.evict = op_evict,
};
