/*
 * The text for Prometheus.
 */
#include "ctl/metrics.h"

#include "view_rig.h"

static void check_line(const char *text, const char *line)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("no line %s", line);
}

TEST(label_values_are_escaped)
{
	static const struct {
		const char *text, *label;
	} rows[] = {
		{"", ""},
		{"Public", "Public"},
		{"a\"b", "a\\\"b"},
		{"a\\b", "a\\\\b"},
		{"a\nb", "a\\nb"},
		{"\"} 1\nfake 2", "\\\"} 1\\nfake 2"},
		{"B\xC3\xBCro {x='1'}", "B\xC3\xBCro {x='1'}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		metrics_print_label(rows[i].text, out);
		CHECK_EQ(fclose(out), 0);
		CHECK_STR(text, rows[i].label);
		free(text);
	}
}

TEST(counts_are_under_their_labels)
{
	struct view_rig r;
	struct stats *s;
	char *text;

	view_rig_start(&r, "Pub\"lic");
	s = &r.view.stats;
	s->commands[8].requests = 5;
	s->commands[8].errors = 2;
	s->commands[8].bytes[STATS_OUT] = UINT64_MAX;
	s->traffic.bytes[STATS_IN][STATS_SIGNED] = 77;
	s->refused[POLICY_WRONG_SIGNATURE] = 3;
	s->logons_failed = 4;
	r.shares[0].bytes[STATS_IN] = 9;
	r.conf.require_message_signing = true;
	text = view_rig_text(&r, metrics_print);
	check_line(text, "tsmb_requests_total{command=\"READ\"} 5");
	check_line(text, "tsmb_requests_total{command=\"unknown\"} 0");
	check_line(text, "tsmb_request_errors_total{command=\"READ\"} 2");
	check_line(text, "tsmb_request_bytes_total{command=\"READ\",direction=\"sent\"} "
			 "18446744073709551615");
	check_line(text, "tsmb_message_bytes_total{direction=\"received\",protection="
			 "\"signed\"} 77");
	check_line(text, "tsmb_refusals_total{reason=\"wrong_signature\"} 3");
	check_line(text, "tsmb_logons_total{result=\"failure\"} 4");
	check_line(text, "tsmb_share_bytes_total{share=\"Pub\\\"lic\",direction="
			 "\"received\"} 9");
	check_line(text, "tsmb_setting{parameter=\"require_message_signing\"} 1");
	check_line(text, "tsmb_setting{parameter=\"encrypt_data\"} 0");
	CHECK(strstr(text, "reason=\"ok\"") == NULL);
	free(text);
}

TEST(histogram_is_cumulative_and_agrees_with_its_count)
{
	struct view_rig r;
	struct stats_command *c;
	char *text;

	view_rig_start(&r, "a");
	c = &r.view.stats.commands[8];
	c->requests = 100; /* some of them waited, and are not in it */
	c->latency[0] = 1;
	c->latency[10] = 2;
	c->latency[STATS_BUCKET_COUNT - 1] = 4;
	c->latency_ns = 90000000123;
	text = view_rig_text(&r, metrics_print);
#define BUCKET "tsmb_request_duration_seconds_bucket{command=\"READ\",le="
	check_line(text, BUCKET "\"1.024e-06\"} 1");
	check_line(text, BUCKET "\"0.000524288\"} 1");
	check_line(text, BUCKET "\"0.001048576\"} 3");
	check_line(text, BUCKET "\"68.7194767\"} 3");
	check_line(text, BUCKET "\"+Inf\"} 7");
	check_line(text, "tsmb_request_duration_seconds_sum{command=\"READ\"} "
			 "90.000000123");
	check_line(text, "tsmb_request_duration_seconds_count{command=\"READ\"} 7");
	free(text);
}

TEST(no_limit_is_infinite)
{
	struct view_rig r;
	char *text;

	view_rig_start(&r, "a");
	r.view.stats.connections = (struct stats_level){3, 1024};
	r.view.stats.sessions = (struct stats_level){2, 0};
	text = view_rig_text(&r, metrics_print);
	check_line(text, "tsmb_connections 3");
	check_line(text, "tsmb_connections_limit 1024");
	check_line(text, "tsmb_sessions 2");
	check_line(text, "tsmb_sessions_limit +Inf");
	free(text);
}

TEST(sessions_by_what_protects_them)
{
	struct view_rig r;
	char *text;

	view_rig_start(&r, "a");
	posture_add(&r.view.posture, &(struct posture_row){.dialect = 0x0311,
							   .has_keys = true,
							   .sign_alg = SIGN_AES_GMAC,
							   .cipher = SEAL_AES_256_GCM});
	posture_add(&r.view.posture, &(struct posture_row){.dialect = 0x0202,
							   .has_keys = true,
							   .sign_alg = SIGN_HMAC_SHA256});
	posture_add(&r.view.posture, &(struct posture_row){.dialect = 0x0311});
	text = view_rig_text(&r, metrics_print);
#define SESSIONS "tsmb_sessions_protection{dialect="
	check_line(text,
		   SESSIONS "\"3.1.1\",signing=\"AES-GMAC\",cipher=\"AES-256-GCM\"} "
			    "1");
	check_line(text, SESSIONS "\"2.0.2\",signing=\"HMAC-SHA256\",cipher=\"none\"} 1");
	check_line(text, SESSIONS "\"3.1.1\",signing=\"none\",cipher=\"none\"} 1");
	free(text);
}

/* Each name has its help and type once, before its first value, and all its values together. */
TEST(every_metric_is_announced_once)
{
	struct view_rig r;
	char *text, *rest, *line;
	char now[128] = "", head[160];
	size_t count = 0;

	view_rig_start(&r, "a");
	text = view_rig_text(&r, metrics_print);
	rest = strdup(text);
	for (char *at = rest; (line = strsep(&at, "\n")) != NULL && line[0];) {
		char name[100];

		if (sscanf(line, "# HELP %99s", name) == 1) {
			snprintf(now, sizeof(now), "%s", name);
			snprintf(head, sizeof(head), "# HELP %s ", name);
			CHECK(strstr(strstr(text, head) + 1, head) == NULL);
			count++;
		} else if (sscanf(line, "# TYPE %99s", name) == 1) {
			CHECK_STR(name, now);
		} else {
			CHECK(strncmp(line, now, strlen(now)) == 0);
		}
	}
	CHECK(count > 30);
	free(rest);
	free(text);
}

TEST_MAIN()
