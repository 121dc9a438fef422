/*
 * The calls that show what goes on: fields, pages, refusals.
 */
#include "status_fake.h"
#include "test.h"

static json_t *call(struct status_fake *f, const char *name, const char *args,
		    struct ctl_error *e)
{
	json_t *a = json_loads(args, 0, NULL), *result = NULL;
	bool found = false;

	CHECK(a != NULL);
	e->text[0] = '\0';
	for (const struct ctl_call *c = status_calls; c->name && !found; c++) {
		found = strcmp(c->name, name) == 0;
		if (found)
			result = c->run(&f->status, a, e);
	}
	CHECK(found);
	json_decref(a);
	return result;
}

static json_t *done(struct status_fake *f, const char *name, const char *args)
{
	struct ctl_error e;
	json_t *result = call(f, name, args, &e);

	CHECK(result != NULL);
	return result;
}

static void refused(struct status_fake *f, const char *name, const char *args,
		    enum ctl_code code, const char *text)
{
	struct ctl_error e;

	CHECK(call(f, name, args, &e) == NULL);
	CHECK_EQ(e.code, code);
	CHECK(strstr(e.text, text) != NULL);
}

/* "a.b.0" of j. */
static const json_t *at(const json_t *j, const char *path)
{
	char buf[128], *rest = buf, *word;

	CHECK(strlen(path) < sizeof(buf));
	strcpy(buf, path);
	while (j && (word = strsep(&rest, ".")) != NULL)
		j = json_is_array(j) ? json_array_get(j, strtoul(word, NULL, 10))
				     : json_object_get(j, word);
	return j;
}

static long long number(const json_t *j, const char *path)
{
	CHECK(json_is_integer(at(j, path)));
	return json_integer_value(at(j, path));
}

static void check_text(const json_t *j, const char *path, const char *want)
{
	CHECK(json_is_string(at(j, path)));
	CHECK_STR(json_string_value(at(j, path)), want);
}

TEST(stats_have_counts_and_limits)
{
	struct status_fake f;
	json_t *j;

	status_fake_init(&f);
	j = done(&f, "status.stats", "{}");
	CHECK_EQ(number(j, "commands.READ.requests"), 7);
	CHECK_EQ(number(j, "resources.sessions.max"), 9);
	CHECK(json_is_null(at(j, "resources.open_files.max"))); /* no limit */
	CHECK_EQ(number(j, "refused.wrong_signature"), 4);
	CHECK_EQ(number(j, "refused.unsigned"), 0);
	CHECK_EQ(json_array_size(at(j, "latency_limits_ns")), STATS_BUCKET_COUNT);
	CHECK_EQ(json_array_size(at(j, "commands.READ.latency")), STATS_BUCKET_COUNT);
	json_decref(j);
	j = done(&f, "status.shares", "{}");
	check_text(j, "shares.0.share", "One");
	CHECK_EQ(number(j, "shares.0.requests"), 11);
	json_decref(j);
}

TEST(a_page_follows_a_page)
{
	struct status_fake f;
	json_t *j;

	status_fake_init(&f);
	j = done(&f, "status.connections", "{\"limit\": 2}");
	CHECK_EQ(json_array_size(at(j, "connections")), 2);
	CHECK(json_is_true(at(j, "more")));
	json_decref(j);
	j = done(&f, "status.connections", "{\"after\": 2, \"limit\": 3}");
	CHECK_EQ(json_array_size(at(j, "connections")), 3);
	CHECK_EQ(number(j, "connections.0.id"), 3);
	CHECK(json_is_false(at(j, "more")));
	json_decref(j);
	j = done(&f, "status.locks", "{\"from\": 8, \"skip\": 3}");
	CHECK_EQ(json_array_size(at(j, "locks")), 2);
	check_text(j, "locks.0.offset", "3");
	check_text(j, "locks.0.length", "18446744073709551615");
	json_decref(j);
}

TEST(a_session_says_who_demanded_what)
{
	struct status_fake f;
	json_t *j;

	status_fake_init(&f);
	j = done(&f, "status.security", "{}");
	check_text(j, "sessions.0.user", "alice");
	check_text(j, "sessions.0.cipher", "AES-128-GCM");
	check_text(j, "sessions.0.signing", "AES-GMAC");
	check_text(j, "sessions.0.signing_demanded_by.0", "client");
	check_text(j, "sessions.0.encryption_demanded_by.0", "share");
	check_text(j, "sessions.0.encrypting_shares.0", "Safe");
	CHECK_EQ(number(j, "sessions.0.refused.unsigned"), 2);
	CHECK_EQ(number(j, "sessions.0.traffic.received.encrypted.messages"), 6);
	CHECK(json_is_false(at(j, "demands.encrypt_data")));
	json_decref(j);
	/* the parameter makes the share's demand redundant */
	f.conf.encrypt_data = f.conf.require_message_signing = true;
	j = done(&f, "status.security", "{}");
	CHECK_EQ(json_array_size(at(j, "sessions.0.encryption_demanded_by")), 1);
	check_text(j, "sessions.0.encryption_demanded_by.0", "encrypt_data");
	check_text(j, "sessions.0.signing_demanded_by.1", "require_message_signing");
	json_decref(j);
	j = done(&f, "status.sessions", "{}");
	CHECK_EQ(number(j, "sessions.0.connections.1"), 5);
	CHECK(json_is_null(at(j, "sessions.0.client"))); /* it has lost all connections */
	json_decref(j);
}

TEST(a_file_says_who_may_do_what_beside_it)
{
	struct status_fake f;
	json_t *j;

	status_fake_init(&f);
	j = done(&f, "status.files", "{}");
	check_text(j, "files.0.path", "dir\\file");
	check_text(j, "files.0.sharing", "RD");
	check_text(j, "files.0.cached_by", "lease");
	check_text(j, "files.0.caching", "RH");
	CHECK(json_is_null(at(j, "files.0.session"))); /* its client is away */
	json_decref(j);
}

TEST(what_is_no_utf8_is_shown_by_its_bytes)
{
	struct status_fake f;
	json_t *j;

	status_fake_init(&f);
	f.user = "a\xff"
		 "b";
	j = done(&f, "status.sessions", "{}");
	check_text(j, "sessions.0.user", "a\\xFFb");
	json_decref(j);
}

TEST(wrong_arguments_are_refused)
{
	static const struct {
		const char *call, *args, *text;
	} cases[] = {
		{"status.connections", "{\"after\": -1}", "after"},
		{"status.connections", "{\"after\": \"1\"}", "after"},
		{"status.sessions", "{\"limit\": 0}", "limit"},
		{"status.security", "{\"limit\": 1001}", "limit"},
		{"status.files", "{\"limit\": 1.5}", "limit"},
		{"status.locks", "{\"skip\": null}", "skip"},
		{"status.locks", "{\"from\": []}", "from"},
		{"status.disconnect", "{}", "id"},
		{"status.close-session", "{\"id\": \"7\"}", "id"},
		{"status.close-file", "{\"id\": -7}", "id"},
	};
	struct status_fake f;

	status_fake_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		refused(&f, cases[i].call, cases[i].args, CTL_MALFORMED, cases[i].text);
	CHECK_EQ(f.evicted, 0);
}

TEST(what_is_ended_is_what_was_named)
{
	static const struct {
		const char *call;
		enum status_kind what;
		const char *name;
	} cases[] = {
		{"status.disconnect", STATUS_CONNECTION, "connection 404"},
		{"status.close-session", STATUS_SESSION, "session 404"},
		{"status.close-file", STATUS_FILE, "file 404"},
	};
	struct status_fake f;

	status_fake_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *j = done(&f, cases[i].call, "{\"id\": 12}");

		CHECK(json_is_true(at(j, "done")));
		CHECK_EQ(f.evicted_what, cases[i].what);
		CHECK_EQ(f.evicted_id, 12);
		json_decref(j);
		refused(&f, cases[i].call, "{\"id\": 404}", CTL_UNKNOWN, cases[i].name);
	}
}

TEST(without_memory_there_is_no_answer)
{
	struct status_fake f;

	status_fake_init(&f);
	f.no_memory = true;
	for (const struct ctl_call *c = status_calls;
	     strcmp(c->name, "status.disconnect") != 0; c++)
		refused(&f, c->name, "{}", CTL_FAILED, "memory");
}

TEST_MAIN()
