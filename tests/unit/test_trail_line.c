/* test_trail_line.c - lines of the audit log: exactly what they say, and what a hostile name cannot make of them. */
#include "test.h"

#include "base/attr.h"
#include "trail/line.h"
#include "wire/filetime.h"
#include "wire/smb2_proto.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t key[LINE_KEY_LEN] = "a key of this test";

static const struct trail_event renamed = {
	.kind = TRAIL_RENAME,
	.time = UINT64_C(134089110001230000), /* 2025-11-28 */
	.client = "192.0.2.7:50123",
	.user = "alice",
	.user_kind = "named",
	.session_id = 7,
	.dialect = 0x0311,
	.share = "Public",
	.path = "a\\b",
	.to = "a\\c",
};

static char *printed(enum conf_sensitive sensitive, const char *cn,
		     const struct trail_event *e)
{
	struct conf_audit_params p = {.cn = cn, .sensitive_data = sensitive};
	struct line_style s;
	char *text;

	CHECK_EQ(line_style_init(&s, &p, key), 0);
	text = line_print(&s, e, false);
	line_style_fini(&s);
	assert_non_null(text);
	return text;
}

static void check_line(enum conf_sensitive sensitive, const char *cn,
		       const struct trail_event *e, const char *want)
{
	char *got = printed(sensitive, cn, e);

	CHECK_STR(got, want);
	free(got);
}

TEST(line_says_who_did_what_from_where)
{
	struct timespec ts = filetime_to(renamed.time);
	char want[512], day[32];
	struct tm tm;

	gmtime_r(&ts.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(want, sizeof(want),
		 "{\"time\":\"%s.123Z\",\"event\":\"rename\",\"cn\":\"nas1\","
		 "\"result\":\"STATUS_SUCCESS\",\"user\":\"alice\",\"user_kind\":"
		 "\"named\","
		 "\"client\":\"192.0.2.7\",\"port\":50123,\"session\":7,\"dialect\":\"3."
		 "1.1\","
		 "\"share\":\"Public\",\"type\":\"file\",\"path\":\"a\\\\b\","
		 "\"to\":\"a\\\\c\"}\n",
		 day);
	check_line(CONF_SENSITIVE_ALLOW, "nas1", &renamed, want);
}

static json_t *parsed(enum conf_sensitive sensitive, const struct trail_event *e)
{
	char *text = printed(sensitive, NULL, e);
	size_t len = strlen(text);
	json_t *o;

	CHECK_EQ(text[len - 1], '\n');
	CHECK(!memchr(text, '\n', len - 1));
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	free(text);
	return o;
}

static const char *text_in(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

TEST(strip_leaves_names_out_and_nothing_else)
{
	static const char *const gone[] = {"user", "client", "port", "path", "to"};
	json_t *o = parsed(CONF_SENSITIVE_STRIP, &renamed);

	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		CHECK(!json_object_get(o, gone[i]));
	CHECK_STR(text_in(o, "event"), "rename");
	CHECK_STR(text_in(o, "share"), "Public");
	CHECK_EQ(json_integer_value(json_object_get(o, "session")), 7);
	json_decref(o);
}

TEST(equal_names_hash_alike_and_others_do_not)
{
	struct trail_event back = renamed, other = renamed;
	json_t *a = parsed(CONF_SENSITIVE_HASH, &renamed), *b, *c;

	back.path = renamed.to;
	back.to = renamed.path;
	other.user = "a\\b"; /* as the path: of another kind */
	other.client = "192.0.2.7:9";
	b = parsed(CONF_SENSITIVE_HASH, &back);
	c = parsed(CONF_SENSITIVE_HASH, &other);
	CHECK_EQ(strlen(text_in(a, "user")), 32);
	CHECK_STR(text_in(a, "user"), text_in(b, "user"));
	CHECK_STR(text_in(a, "path"), text_in(b, "to"));
	CHECK_STR(text_in(a, "to"), text_in(b, "path"));
	CHECK_STR(text_in(a, "client"), text_in(c, "client"));
	CHECK(strcmp(text_in(a, "path"), text_in(a, "to")) != 0);
	CHECK(strcmp(text_in(c, "user"), text_in(c, "path")) != 0);
	CHECK(!json_object_get(a, "port"));
	json_decref(a);
	json_decref(b);
	json_decref(c);
}

TEST(another_key_hashes_otherwise)
{
	static const uint8_t other[LINE_KEY_LEN] = "another one";
	struct conf_audit_params p = {.sensitive_data = CONF_SENSITIVE_HASH};
	char *mine = printed(CONF_SENSITIVE_HASH, NULL, &renamed), *theirs;
	struct line_style s;

	CHECK_EQ(line_style_init(&s, &p, other), 0);
	theirs = line_print(&s, &renamed, false);
	CHECK(strcmp(mine, theirs) != 0);
	CHECK(!strstr(mine, "alice") && !strstr(theirs, "alice"));
	line_style_fini(&s);
	free(mine);
	free(theirs);
}

TEST(hostile_names_stay_in_their_place)
{
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{"a\"b", "a\"b"},
		{"\",\"user\":\"root\"}\n{\"event\":\"stop",
		 "\",\"user\":\"root\"}\n{\"event\":\"stop"},
		{"\x01\x1f\x7f\r\n\t", "\x01\x1f\x7f\r\n\t"},
		{"\xff\xc0\x80z", "\\xFF\\xC0\\x80z"},
		{"\xed\xa0\x80", "\\xED\\xA0\\x80"}, /* half a surrogate pair */
		{"\xe2\x80\xae"
		 "fdp.exe",
		 "\xe2\x80\xae"
		 "fdp.exe"},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct trail_event e = renamed;
		json_t *o;

		e.path = e.user = rows[i].name;
		o = parsed(CONF_SENSITIVE_ALLOW, &e);
		CHECK_STR(text_in(o, "path"), rows[i].shown);
		CHECK_STR(text_in(o, "user"), rows[i].shown);
		CHECK_STR(text_in(o, "event"), "rename");
		json_decref(o);
		json_decref(parsed(CONF_SENSITIVE_HASH, &e));
	}
}

TEST(every_kind_of_event_has_a_name_of_its_own)
{
	const char *seen[TRAIL_KIND_COUNT];

	for (unsigned k = 0; k < TRAIL_KIND_COUNT; k++) {
		struct trail_event e = {.kind = k};
		json_t *o = parsed(CONF_SENSITIVE_ALLOW, &e);

		seen[k] = strdup(text_in(o, "event"));
		for (unsigned i = 0; i < k; i++)
			CHECK(strcmp(seen[i], seen[k]) != 0);
		json_decref(o);
	}
	for (unsigned k = 0; k < TRAIL_KIND_COUNT; k++)
		free((char *)seen[k]);
}

TEST(rights_and_parts_are_named)
{
	struct trail_event e = {.kind = TRAIL_OPEN, .access = FILE_READ_DATA | WRITE_DAC};
	json_t *o = parsed(CONF_SENSITIVE_ALLOW, &e);
	const json_t *access = json_object_get(o, "access");

	CHECK_EQ(json_array_size(access), 2);
	CHECK_STR(json_string_value(json_array_get(access, 0)), "read");
	CHECK_STR(json_string_value(json_array_get(access, 1)), "write_permissions");
	json_decref(o);
	e = (struct trail_event){.kind = TRAIL_SECURITY,
				 .parts = OWNER_SECURITY_INFORMATION};
	o = parsed(CONF_SENSITIVE_ALLOW, &e);
	CHECK_STR(json_string_value(json_array_get(json_object_get(o, "changed"), 0)),
		  "owner");
	json_decref(o);
}

TEST(values_of_parameters_are_sensitive_and_their_names_are_not)
{
	const struct trail_event e = {
		.kind = TRAIL_CONFIG,
		.by = "uid 0",
		.name = "permissions",
		.from = "everyone:read",
		.to = "alice:full",
	};
	json_t *o = parsed(CONF_SENSITIVE_ALLOW, &e);

	CHECK_STR(text_in(o, "by"), "uid 0");
	CHECK_STR(text_in(o, "parameter"), "permissions");
	CHECK_STR(text_in(o, "from"), "everyone:read");
	CHECK_STR(text_in(o, "to"), "alice:full");
	json_decref(o);
	o = parsed(CONF_SENSITIVE_STRIP, &e);
	CHECK(!json_object_get(o, "from") && !json_object_get(o, "to"));
	CHECK_STR(text_in(o, "parameter"), "permissions");
	json_decref(o);
}

TEST(addresses_of_ipv6_lose_their_brackets)
{
	struct trail_event e = renamed;
	json_t *o;

	e.client = "[2001:db8::1]:445";
	o = parsed(CONF_SENSITIVE_ALLOW, &e);
	CHECK_STR(text_in(o, "client"), "2001:db8::1");
	CHECK_EQ(json_integer_value(json_object_get(o, "port")), 445);
	json_decref(o);
	e.client = "-"; /* the connection is gone */
	o = parsed(CONF_SENSITIVE_ALLOW, &e);
	CHECK(!json_object_get(o, "client"));
	json_decref(o);
}

TEST(what_an_administrator_ended_is_somebody_elses)
{
	const struct trail_event e = {
		.kind = TRAIL_ENDED,
		.by = "srvsvc",
		.user = "alice",
		.client = "192.0.2.7:50123",
		.name = "session",
		.id = 9,
		.of = "bob",
		.of_client = "[2001:db8::1]:445",
	};
	json_t *o = parsed(CONF_SENSITIVE_ALLOW, &e), *hashed;
	struct trail_event own = {.kind = TRAIL_LOGON, .user = "bob"};

	CHECK_STR(text_in(o, "ended"), "session");
	CHECK_EQ(json_integer_value(json_object_get(o, "id")), 9);
	CHECK_STR(text_in(o, "of"), "bob");
	CHECK_STR(text_in(o, "of_client"), "2001:db8::1");
	CHECK_EQ(json_integer_value(json_object_get(o, "port")), 50123);
	CHECK(!json_object_get(o, "command"));
	json_decref(o);
	o = parsed(CONF_SENSITIVE_STRIP, &e);
	CHECK(!json_object_get(o, "of") && !json_object_get(o, "of_client"));
	CHECK_STR(text_in(o, "ended"), "session");
	json_decref(o);
	o = parsed(CONF_SENSITIVE_HASH, &e);
	hashed = parsed(CONF_SENSITIVE_HASH, &own);
	CHECK_STR(text_in(o, "of"), text_in(hashed, "user")); /* the same person */
	json_decref(hashed);
	json_decref(o);
}

TEST(limits_of_a_quota_are_left_out_where_there_is_none)
{
	struct trail_event e = {
		.kind = TRAIL_QUOTA,
		.of = "S-1-22-1-1000",
		.soft = UINT64_MAX,
		.hard = 0,
	};
	json_t *o = parsed(CONF_SENSITIVE_ALLOW, &e);

	CHECK_STR(text_in(o, "of"), "S-1-22-1-1000");
	CHECK(!json_object_get(o, "warning"));
	CHECK_EQ(json_integer_value(json_object_get(o, "limit")), 0);
	CHECK(json_object_get(o, "limit") && !json_object_get(o, "type"));
	json_decref(o);
}

TEST(tags_of_reparse_points_are_shown_as_they_are_written)
{
	struct trail_event e = {.kind = TRAIL_REPARSE,
				.tag = 0xA000000C,
				.path = "l",
				.reason = "removed"};
	json_t *o = parsed(CONF_SENSITIVE_ALLOW, &e);

	CHECK_STR(text_in(o, "tag"), "0xA000000C");
	CHECK_STR(text_in(o, "reason"), "removed");
	CHECK_STR(text_in(o, "type"), "file");
	json_decref(o);
}

TEST_MAIN()
