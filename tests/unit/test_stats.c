/*
 * What is counted, and how it is added up.
 */
#include "smb/stats.h"

#include "base/env.h"
#include "smb/server.h"
#include "test.h"

#include <stdlib.h>

/* ---- the parts ---- */

TEST(a_latency_is_in_the_bucket_below_whose_limit_it_is)
{
	static const struct {
		uint64_t ns;
		unsigned bucket;
	} cases[] = {
		{0, 0},           {1, 0},    {1023, 0},     {1024, 1},
		{2047, 1},        {2048, 2}, {1000000, 10}, {UINT64_C(1) << 36, 27},
		{UINT64_MAX, 27},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned b = cases[i].bucket;

		CHECK_EQ(stats_bucket(cases[i].ns), b);
		CHECK(cases[i].ns < stats_bucket_limit_ns(b) ||
		      b == STATS_BUCKET_COUNT - 1);
		CHECK(b == 0 || cases[i].ns >= stats_bucket_limit_ns(b - 1));
	}
}

TEST(each_refusal_has_a_name_of_its_own)
{
	for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
		CHECK(refusal_name(i)[0] != '\0');
		CHECK(refusal_text(i)[0] != '\0');
		for (unsigned k = 0; k < i; k++)
			CHECK(strcmp(refusal_name(i), refusal_name(k)) != 0);
	}
	CHECK_STR(refusal_name(POLICY_WRONG_SIGNATURE), "wrong_signature");
	CHECK_STR(refusal_name(POLICY_REASON_COUNT + REFUSED_CREDENTIALS), "credentials");
}

TEST(what_a_channel_counted_moves_to_its_session_once)
{
	struct traffic_counters channel = {0}, session = {0};
	struct stats_traffic sum = {0};

	stats_add(&channel.messages[STATS_OUT][STATS_SIGNED], 3);
	stats_add(&channel.bytes[STATS_OUT][STATS_SIGNED], 300);
	traffic_fold(&session, &channel);
	traffic_fold(&session, &channel);
	traffic_read(&session, &sum);
	traffic_read(&channel, &sum);
	CHECK_EQ(sum.messages[STATS_OUT][STATS_SIGNED], 3);
	CHECK_EQ(sum.bytes[STATS_OUT][STATS_SIGNED], 300);
	CHECK_EQ(sum.messages[STATS_IN][STATS_SIGNED], 0);
}

TEST(batches_by_their_size)
{
	atomic_ullong counts[TOGETHER_COUNT] = {0};
	static const size_t sizes[] = {1, 2, 3, 4, 5, 8, 9, 16, 17, 64};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		together_count(counts, sizes[i]);
	CHECK_EQ(counts[0], 1);
	for (size_t i = 1; i < 2; i++)
		CHECK_EQ(counts[i], 1);
	for (size_t i = 2; i < TOGETHER_COUNT; i++)
		CHECK_EQ(counts[i], 2);
}

/* ---- a server of two lanes ---- */

static uint64_t fake_now_ns(struct env *e)
{
	return 5000000;
}

static uint64_t filetime = 1000;

static uint64_t fake_filetime(struct env *e)
{
	return filetime;
}

static void fake_random(struct env *e, struct mspan buf)
{
	memset(buf.p, 7, buf.len);
}

static const struct env_ops fake_ops = {fake_now_ns, fake_filetime, fake_random};

struct rig {
	struct env env;
	struct conf conf;
	struct share shares[2];
	struct share *list[2];
	struct snapshot snapshot;
	struct smb_server server;
	struct lane lanes[2];
	struct smb_lane *core[2];
};

static void rig_start(struct rig *r)
{
	static const uint8_t guid[16];

	*r = (struct rig){.env.ops = &fake_ops};
	CHECK_EQ(smb_server_init(&r->server, &r->env, guid), 0);
	r->conf.sessions_max = 9;
	r->conf.open_files_max = 12;
	r->snapshot.refs = 1;
	r->snapshot.conf = &r->conf;
	for (size_t i = 0; i < 2; i++) {
		r->lanes[i].index = (unsigned)i;
		r->lanes[i].lane_count = 2;
		r->core[i] = smb_lane_new(&r->lanes[i], &r->server, &r->snapshot);
		CHECK(r->core[i] != NULL);
		r->list[i] = &r->shares[i];
		r->shares[i].name = i ? "Two" : "One";
		r->shares[i].stats = share_stats_new(2);
		CHECK(r->shares[i].stats != NULL);
	}
	r->snapshot.shares = r->list;
	r->snapshot.share_count = 2;
}

static void rig_end(struct rig *r)
{
	for (size_t i = 0; i < 2; i++) {
		list_del(&r->core[i]->on_server);
		free(r->core[i]->counters);
		free(r->core[i]);
		share_stats_put(r->shares[i].stats);
	}
	smb_server_fini(&r->server);
}

TEST(lanes_are_added_up)
{
	struct rig r;
	struct stats s;

	rig_start(&r);
	filetime = r.server.start_time + 30000;
	stats_add(&r.core[0]->counters->commands[SMB2_READ].requests, 2);
	stats_add(&r.core[1]->counters->commands[SMB2_READ].requests, 5);
	stats_add(&r.core[1]->counters->commands[SMB2_READ].latency[3], 4);
	stats_add(&r.core[1]->counters->traffic.bytes[STATS_IN][STATS_PLAIN], 70);
	stats_add(&r.core[0]->counters->logons_failed, 1);
	atomic_fetch_add(&r.server.counters.refused[POLICY_UNSIGNED], 3);
	atomic_fetch_add(&r.server.counters.refused_otherwise[REFUSED_TOKEN], 4);
	CHECK_EQ(stats_gather(&r.server, &r.snapshot, &s), 0);
	CHECK_EQ(s.workers, 2);
	CHECK_EQ(s.uptime_ms, 3);
	CHECK_EQ(s.commands[SMB2_READ].requests, 7);
	CHECK_EQ(s.commands[SMB2_READ].latency[3], 4);
	CHECK_EQ(s.traffic.bytes[STATS_IN][STATS_PLAIN], 70);
	CHECK_EQ(s.logons_failed, 1);
	CHECK_EQ(s.refused[POLICY_UNSIGNED], 3);
	CHECK_EQ(s.refused[POLICY_REASON_COUNT + REFUSED_TOKEN], 4);
	CHECK_EQ(s.sessions.max, 9);
	CHECK_EQ(s.opens.max, 12);
	stats_fini(&s);
	rig_end(&r);
}

TEST(a_share_has_a_cell_a_lane)
{
	struct rig r;
	struct stats s;

	rig_start(&r);
	stats_add(&r.shares[1].stats->cells[0].bytes[STATS_OUT], 10);
	stats_add(&r.shares[1].stats->cells[1].bytes[STATS_OUT], 5);
	stats_add(&r.shares[1].stats->cells[1].errors, 1);
	atomic_fetch_add(&r.shares[0].stats->trees, 2);
	CHECK_EQ(stats_gather(&r.server, &r.snapshot, &s), 0);
	CHECK_EQ(s.share_count, 2);
	CHECK_STR(s.shares[1].name, "Two");
	CHECK_EQ(s.shares[1].bytes[STATS_OUT], 15);
	CHECK_EQ(s.shares[1].errors, 1);
	CHECK_EQ(s.shares[0].trees, 2);
	CHECK_EQ(s.shares[0].bytes[STATS_OUT], 0);
	stats_fini(&s);
	rig_end(&r);
}

/* No line of memory is written by two workers. */
TEST(cells_and_lanes_share_no_cache_line)
{
	struct share_stats *s = share_stats_new(3);
	struct lane_counters *n = lane_counters_new();

	CHECK(s != NULL && n != NULL);
	CHECK_EQ(sizeof(struct share_cell) % 64, 0);
	CHECK_EQ((uintptr_t)s->cells % 64, 0);
	CHECK_EQ((uintptr_t)n % 64, 0);
	free(n);
	share_stats_put(s);
}

TEST_MAIN()
