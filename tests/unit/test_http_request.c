/*
 * Whose requests are answered, and which.
 */
#include "ctl/http_request.h"

#include "test.h"

static const struct http_names names = {"files", "FS01", "example.org"};

TEST(hosts_that_are_ours)
{
	static const char *const rows[] = {
		"127.0.0.1",
		"127.0.0.1:9445",
		"192.0.2.1:80",
		"[::1]",
		"[::1]:9445",
		"[2001:db8::1]:65535",
		"[::ffff:1.2.3.4]",
		"localhost",
		"localhost:9445",
		"LOCALHOST.",
		"files",
		"Files:9445",
		"fs01",
		"files.example.org",
		"FS01.EXAMPLE.ORG",
		"files.example.org.:9445",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!http_host_is_ours(rows[i], &names))
			fail_msg("refused: %s", rows[i]);
}

TEST(hosts_that_are_somebody_elses)
{
	static const char *const rows[] = {
		NULL,
		"",
		".",
		":9445",
		"attacker.example",
		"attacker.example:9445",
		"localhost.attacker.example",
		"files.attacker.example",
		"xfiles.example.org",
		"filesXexample.org",
		"files.example.org.attacker.example",
		"files.example",
		"files.example.orgx",
		"example.org",
		"127.0.0.1.attacker.example",
		"127.0.0.1@attacker.example",
		"127.1",
		"0x7f.0.0.1",
		"2130706433",
		"::1",
		"[::1",
		"[::1]x",
		"[::1]:",
		"[::1]:x",
		"[::1]:123456",
		"[127.0.0.1]",
		"[]",
		"[localhost]",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]",
		"localhost:",
		"localhost:94x",
		"localhost:-1",
		"localhost:123456",
		"localhost:80:80",
		"localhost ",
		" localhost",
		"localhost..",
		"localhost/",
		"localhost,attacker.example",
	};
	char longest[600];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (http_host_is_ours(rows[i], &names))
			fail_msg("accepted: %s", rows[i] ? rows[i] : "none");
	memset(longest, 'a', sizeof(longest));
	for (size_t len = 250; len < sizeof(longest); len++) {
		longest[len] = '\0';
		CHECK(!http_host_is_ours(longest, &names));
		longest[len] = 'a';
	}
}

TEST(names_that_are_not_set_match_nothing)
{
	static const struct http_names none, empty = {"", "", ""};
	static const struct http_names workgroup = {"files", "FS01", "WORKGROUP"};

	CHECK(!http_host_is_ours("", &none));
	CHECK(!http_host_is_ours("files", &none));
	CHECK(!http_host_is_ours("files", &empty));
	CHECK(!http_host_is_ours(".", &empty));
	CHECK(http_host_is_ours("localhost", &none));
	CHECK(http_host_is_ours("files", &workgroup));
	CHECK(!http_host_is_ours("files.workgroup", &workgroup));
}

TEST(what_is_answered)
{
	static const struct {
		const char *method, *path, *host;
		enum http_what what;
		unsigned status;
	} rows[] = {
		{"GET", "/", "localhost", HTTP_PAGE, 200},
		{"HEAD", "/", "localhost", HTTP_PAGE, 200},
		{"GET", "/metrics", "127.0.0.1:1", HTTP_METRICS, 200},
		{"GET", "/status.json", "[::1]:1", HTTP_STATUS_JSON, 200},
		{"GET", "/metrics/", "localhost", HTTP_NOTHING, 404},
		{"GET", "/METRICS", "localhost", HTTP_NOTHING, 404},
		{"GET", "//", "localhost", HTTP_NOTHING, 404},
		{"GET", "", "localhost", HTTP_NOTHING, 404},
		{"GET", "/../etc/passwd", "localhost", HTTP_NOTHING, 404},
		{"POST", "/", "localhost", HTTP_NOTHING, 405},
		{"PUT", "/metrics", "localhost", HTTP_NOTHING, 405},
		{"DELETE", "/nothing", "localhost", HTTP_NOTHING, 405},
		{"OPTIONS", "*", "localhost", HTTP_NOTHING, 405},
		{"get", "/", "localhost", HTTP_NOTHING, 405},
		{"GET", "/", "attacker.example", HTTP_NOTHING, 403},
		{"POST", "/nothing", "attacker.example", HTTP_NOTHING, 403},
		{"GET", "/metrics", NULL, HTTP_NOTHING, 403},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned status = 0;

		CHECK_EQ(http_request_judge(rows[i].method, rows[i].path, rows[i].host,
					    &names, &status),
			 rows[i].what);
		CHECK_EQ(status, rows[i].status);
	}
}

TEST_MAIN()
