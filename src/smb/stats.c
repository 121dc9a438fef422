#include "smb/stats.h"

#include "base/env.h"
#include "smb/req.h"
#include "smb/send.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64, OFF_FLAGS = 16 /* of an SMB2 header: [MS-SMB2] 2.2.1.2 */ };

/* Zeroed, on cache lines of its own. */
static void *lines_new(size_t len)
{
	size_t whole = (len + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	void *p = aligned_alloc(CACHE_LINE, whole);

	return p ? memset(p, 0, whole) : NULL;
}

struct lane_counters *lane_counters_new(void)
{
	return lines_new(sizeof(struct lane_counters));
}

struct share_stats *share_stats_new(unsigned lane_count)
{
	struct share_stats *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->lane_count = lane_count;
	s->cells = lines_new(lane_count * sizeof(*s->cells));
	if (s->cells)
		return s;
	free(s);
	return NULL;
}

struct share_stats *share_stats_get(struct share_stats *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void share_stats_put(struct share_stats *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(s->cells);
	free(s);
}

/* ---- counting ------------------------------------------------------------------------------------------------- */

static enum stats_kind kind_of(enum policy_protection p)
{
	switch (p) {
	case POLICY_SIGNED:
		return STATS_SIGNED;
	case POLICY_ENCRYPTED:
		return STATS_ENCRYPTED;
	default:
		return STATS_PLAIN;
	}
}

static void traffic_add(struct traffic_counters *t, enum stats_way way,
			enum stats_kind kind, size_t len)
{
	stats_add(&t->messages[way][kind], 1);
	stats_add(&t->bytes[way][kind], len);
}

/* ch may be NULL */
static void traffic_count(struct conn *c, struct channel *ch, enum stats_way way,
			  enum stats_kind kind, size_t len)
{
	traffic_add(&c->lane->counters->traffic, way, kind, len);
	traffic_add(&c->traffic, way, kind, len);
	if (ch)
		traffic_add(&ch->traffic, way, kind, len);
}

void stats_received(const struct frame *f)
{
	for (const struct req *q = f->first; q; q = q->next) {
		traffic_count(f->conn, q->channel, STATS_IN, kind_of(q->protection),
			      q->message.len);
		if (q->channel)
			atomic_store_explicit(&q->channel->used_ns, f->began_ns,
					      memory_order_relaxed);
	}
}

static enum stats_kind kind_sent(const struct out *o, const struct out_message *m)
{
	struct rd r = rd_of(span_of(m->buf->data + BUF_HEADROOM, m->len));

	if (o->sealed)
		return STATS_ENCRYPTED;
	rd_seek(&r, OFF_FLAGS);
	return rd_u32(&r) & SMB2_FLAGS_SIGNED ? STATS_SIGNED : STATS_PLAIN;
}

void stats_sent(struct conn *c, const struct out *o)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct out_message *m = &o->messages[i];

		traffic_count(c, m->channel, STATS_OUT, kind_sent(o, m),
			      m->len + m->piece_len);
	}
}

/* [MS-SMB2] 3.3.5.5.3: one step of a logon that goes well. */
static bool is_failure(nt_status st)
{
	return nt_is_error(st) && !nt_is(st, STATUS_MORE_PROCESSING_REQUIRED);
}

static void count_latency(const struct req *q, struct command_counters *n)
{
	uint64_t now_ns = env_now_ns(q->conn->server->env);
	uint64_t ns = now_ns > q->frame->began_ns ? now_ns - q->frame->began_ns : 0;

	stats_add(&n->latency_ns, ns);
	stats_add(&n->latency[stats_bucket(ns)], 1);
}

static void count_share(const struct req *q, bool failed, size_t len)
{
	struct share_stats *s = q->tree->share->stats;
	unsigned lane = q->lane->lane->index;

	if (!s || lane >= s->lane_count)
		return;
	stats_add(&s->cells[lane].requests, 1);
	if (failed)
		stats_add(&s->cells[lane].errors, 1);
	stats_add(&s->cells[lane].bytes[STATS_IN], q->message.len);
	stats_add(&s->cells[lane].bytes[STATS_OUT], len);
}

void stats_answered(const struct req *q, nt_status st, size_t len)
{
	bool known = q->header.command < STATS_UNKNOWN_COMMAND;
	unsigned row = known ? q->header.command : STATS_UNKNOWN_COMMAND;
	struct command_counters *n = &q->lane->counters->commands[row];
	bool failed = is_failure(st);

	if (q->conn->state == CONN_CLOSED) /* nobody is answered any more */
		return;
	stats_add(&n->requests, 1);
	stats_add(&q->conn->answered, 1);
	if (failed)
		stats_add(&n->errors, 1);
	stats_add(&n->bytes[STATS_IN], q->message.len);
	stats_add(&n->bytes[STATS_OUT], len);
	if (q->async_id)
		stats_add(&n->waited, 1);
	else
		count_latency(q, n);
	if (q->tree)
		count_share(q, failed, len);
}

void stats_logon(const struct req *q, bool ok)
{
	struct lane_counters *n = q->lane->counters;

	stats_add(ok ? &n->logons : &n->logons_failed, 1);
}

void traffic_fold(struct traffic_counters *to, struct traffic_counters *from)
{
	for (unsigned way = 0; way < STATS_WAY_COUNT; way++)
		for (unsigned kind = 0; kind < STATS_KIND_COUNT; kind++) {
			atomic_fetch_add(&to->messages[way][kind],
					 atomic_exchange(&from->messages[way][kind], 0));
			atomic_fetch_add(&to->bytes[way][kind],
					 atomic_exchange(&from->bytes[way][kind], 0));
		}
}

unsigned stats_bucket(uint64_t ns)
{
	unsigned bits = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;
	unsigned row = bits > STATS_BUCKET_FIRST_BITS ? bits - STATS_BUCKET_FIRST_BITS
						      : 0;

	return row < STATS_BUCKET_COUNT ? row : STATS_BUCKET_COUNT - 1;
}

uint64_t stats_bucket_limit_ns(unsigned i)
{
	return i < STATS_BUCKET_COUNT - 1 ? UINT64_C(1) << (i + STATS_BUCKET_FIRST_BITS)
					  : UINT64_MAX;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static uint64_t value(const atomic_ullong *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void add_values(uint64_t *sum, const atomic_ullong *counts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += value(&counts[i]);
}

void traffic_read(const struct traffic_counters *t, struct stats_traffic *sum)
{
	for (unsigned way = 0; way < STATS_WAY_COUNT; way++) {
		add_values(sum->messages[way], t->messages[way], STATS_KIND_COUNT);
		add_values(sum->bytes[way], t->bytes[way], STATS_KIND_COUNT);
	}
}

static void command_read(const struct command_counters *n, struct stats_command *sum)
{
	sum->requests += value(&n->requests);
	sum->errors += value(&n->errors);
	sum->waited += value(&n->waited);
	sum->latency_ns += value(&n->latency_ns);
	add_values(sum->bytes, n->bytes, STATS_WAY_COUNT);
	add_values(sum->latency, n->latency, STATS_BUCKET_COUNT);
}

static void lane_read(const struct lane_counters *n, struct stats *sum)
{
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		command_read(&n->commands[i], &sum->commands[i]);
	traffic_read(&n->traffic, &sum->traffic);
	sum->connections_accepted += value(&n->connections);
	sum->logons += value(&n->logons);
	sum->logons_failed += value(&n->logons_failed);
	add_values(sum->signed_together, n->signed_together, TOGETHER_COUNT);
	add_values(sum->verified_together, n->verified_together, TOGETHER_COUNT);
	sum->workers++;
}

static void share_read(const struct share *s, struct stats_share *ret)
{
	size_t len = strnlen(s->name, STATS_NAME_MAX - 1);

	*ret = (struct stats_share){.encrypt_data = s->encrypt_data};
	memcpy(ret->name, s->name, len);
	if (!s->stats)
		return;
	ret->trees = value(&s->stats->trees);
	for (unsigned i = 0; i < s->stats->lane_count; i++) {
		ret->requests += value(&s->stats->cells[i].requests);
		ret->errors += value(&s->stats->cells[i].errors);
		add_values(ret->bytes, s->stats->cells[i].bytes, STATS_WAY_COUNT);
	}
}

static void server_read(struct smb_server *s, struct stats *ret)
{
	add_values(ret->refused, s->counters.refused, POLICY_REASON_COUNT);
	add_values(ret->refused + POLICY_REASON_COUNT, s->counters.refused_otherwise,
		   REFUSED_COUNT);
	add_values(ret->audited, s->counters.audited, AUDIT_COUNT);
	add_values(ret->local, s->counters.local, LOCAL_EVENT_COUNT);
	if (s->trail) {
		ret->events_noted = value(&s->trail->noted);
		ret->events_lost = value(&s->trail->lost);
	}
	ret->start_time = s->start_time;
	ret->uptime_ms = (env_filetime(s->env) - s->start_time) / 10000;
	ret->sessions.now = smb_server_sessions(s);
	ret->opens.now = atomic_load(&s->open_count);
}

int stats_gather(struct smb_server *s, const struct snapshot *now, struct stats *ret)
{
	struct stats_share *shares = calloc(now->share_count + 1, sizeof(*shares));

	if (!shares)
		return -ENOMEM;
	*ret = (struct stats){
		.sessions.max = now->conf->sessions_max,
		.opens.max = open_files_limit(s, now->conf),
		.share_count = now->share_count,
		.shares = shares,
	};
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		ret->commands[i].name = smb_command_name(s, (uint16_t)i);
	list_for_each (n, &s->lanes)
		lane_read(container_of(n, struct smb_lane, on_server)->counters, ret);
	for (size_t i = 0; i < now->share_count; i++)
		share_read(now->shares[i], &shares[i]);
	server_read(s, ret);
	return 0;
}

void stats_fini(struct stats *s)
{
	free(s->shares);
	*s = (struct stats){0};
}

const char *stats_kind_name(enum stats_kind k)
{
	static const char *const names[] = {
		[STATS_PLAIN] = "plain",
		[STATS_SIGNED] = "signed",
		[STATS_ENCRYPTED] = "encrypted",
	};

	return names[k];
}

const char *stats_way_name(enum stats_way w)
{
	return w == STATS_IN ? "received" : "sent";
}
