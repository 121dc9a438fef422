/*
 * The status page: what is in it stays a text, and JSON says what the view says.
 */
#include "ctl/page.h"

#include "view_rig.h"

static void print(const struct view *v, FILE *out)
{
	CHECK(page_print(v, out));
}

static void print_json(const struct view *v, FILE *out)
{
	CHECK(page_print_json(v, out));
}

/* Times that needle stands in text. */
static size_t count_of(const char *text, const char *needle)
{
	size_t count = 0;

	while ((text = strstr(text, needle)) != NULL) {
		text += strlen(needle);
		count++;
	}
	return count;
}

TEST(texts_cannot_leave_the_script)
{
	struct view_rig r;
	char *text;

	view_rig_start(&r, "</script><img src=x onerror=alert(1)>");
	r.conf.server_comment = "<!-- <script> --></SCRIPT >";
	text = view_rig_text(&r, print);
	CHECK_EQ(count_of(text, "<script"), 2);
	CHECK_EQ(count_of(text, "</script"), 2);
	CHECK_EQ(count_of(text, "<img"), 0);
	CHECK_EQ(count_of(text, "<!--"), 0);
	CHECK_EQ(count_of(text, "</SCRIPT"), 0);
	CHECK_EQ(count_of(text, "\\u003c/script>\\u003cimg"), 1);
	CHECK_EQ(count_of(text, "@STATE@"), 0);
	free(text);
}

/* The JSON between the marks of the page, as a browser's script would get it. */
TEST(the_page_holds_what_status_json_says)
{
	struct view_rig r;
	char *page, *json, *from;
	json_t *inside, *alone;

	view_rig_start(&r, "a<b&c'\xC3\xBC");
	r.view.stats.traffic.bytes[STATS_OUT][STATS_ENCRYPTED] = 7;
	page = view_rig_text(&r, print);
	json = view_rig_text(&r, print_json);
	from = strstr(page, "id=\"state\">");
	CHECK(from != NULL);
	inside = json_loads(from + strlen("id=\"state\">"), JSON_DISABLE_EOF_CHECK, NULL);
	alone = json_loads(json, 0, NULL);
	CHECK(inside != NULL);
	CHECK(json_equal(inside, alone));
	json_decref(inside);
	json_decref(alone);
	free(page);
	free(json);
}

TEST(json_says_what_the_view_says)
{
	static const char *const paths[][2] = {
		{"server", "{\"comment\": \"\", \"name\": \"FS\"}"},
		{"settings",
		 "{\"allow_guest\": false, \"encrypt_data\": false, \"ntlm\": "
		 "false, \"null_session_access\": false, "
		 "\"reject_unencrypted_access\": true, "
		 "\"require_message_signing\": false, "
		 "\"security_audit\": false}"},
		{"sessions",
		 "{\"accounts\": {\"anonymous\": 0, \"guest\": 2, \"named\": 1}, "
		 "\"encrypted\": 1, \"protection\": [{\"cipher\": null, \"dialect\": "
		 "\"3.0\", \"sessions\": 1, \"signing\": null}], \"setting_up\": 4, "
		 "\"signing_required\": 0}"},
		{"history",
		 "{\"received\": [30, 30], \"requests\": [5, 6], \"sent\": [0, "
		 "0], \"uptime_ms\": [1000, 3000]}"},
	};
	struct view_rig r;
	json_t *j;

	view_rig_start(&r, "a");
	r.conf.reject_unencrypted_access = true;
	r.view.posture = (struct posture){.setting_up = 4, .encrypted = 1};
	r.view.posture.users[POLICY_USER_NAMED] = 1;
	r.view.posture.users[POLICY_USER_GUEST] = 2;
	posture_add(&r.view.posture, &(struct posture_row){.dialect = 0x0300});
	r.view.stats.uptime_ms = 1000;
	r.view.stats.traffic.bytes[STATS_IN][STATS_PLAIN] = 10;
	r.view.stats.traffic.bytes[STATS_IN][STATS_SIGNED] = 20;
	r.view.stats.commands[8].requests = 5;
	view_history_add(&r.view.history, &r.view.stats);
	r.view.stats.uptime_ms = 3000;
	r.view.stats.commands[0].requests = 1;
	view_history_add(&r.view.history, &r.view.stats);
	j = page_json(&r.view);
	CHECK(j != NULL);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		char *text = json_dumps(json_object_get(j, paths[i][0]), JSON_SORT_KEYS);

		CHECK_STR(text, paths[i][1]);
		free(text);
	}
	CHECK_EQ(json_array_size(json_object_get(j, "shares")), 2);
	CHECK_EQ(json_array_size(json_object_get(j, "refusals")), REFUSAL_COUNT - 1);
	json_decref(j);
}

TEST(history_keeps_the_latest)
{
	struct view_history h = {0};
	struct stats s = {0};

	for (uint64_t i = 1; i <= VIEW_SAMPLE_MAX + 7; i++) {
		s.uptime_ms = i;
		view_history_add(&h, &s);
	}
	CHECK_EQ(h.count, VIEW_SAMPLE_MAX);
	CHECK_EQ(view_history_at(&h, 0)->uptime_ms, 8);
	CHECK_EQ(view_history_at(&h, VIEW_SAMPLE_MAX - 1)->uptime_ms,
		 VIEW_SAMPLE_MAX + 7);
}

TEST(the_process_knows_itself)
{
	struct view_process before, after;
	FILE *f;

	view_process_read(&before);
	f = fopen("/dev/null", "r");
	view_process_read(&after);
	fclose(f);
	CHECK_EQ(after.descriptors, before.descriptors + 1);
	CHECK(before.descriptors >= 3 && before.descriptors <= before.descriptors_max);
	CHECK(before.memory_resident > 0);
	CHECK(before.memory_virtual >= before.memory_resident);
}

/* What the browser may run is named by its digest, and nothing else is allowed. */
TEST(policy_allows_only_its_own)
{
	const char *policy = (const char *)page_policy;

	CHECK(strncmp(policy, "default-src 'none'; script-src 'sha256-", 39) == 0);
	CHECK(strstr(policy, "; style-src 'sha256-") != NULL);
	CHECK(strstr(policy, "; connect-src 'self'; ") != NULL);
	CHECK(strstr(policy, "unsafe") == NULL);
	CHECK_EQ(count_of((const char *)page_head, "http://www.w3.org/2000/svg"), 1);
	CHECK_EQ(count_of((const char *)page_head, "http"), 1);
	CHECK_EQ(count_of((const char *)page_tail, "http"), 0);
}

TEST_MAIN()
