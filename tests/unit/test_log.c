#include "base/log.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

struct keeper {
	struct log_sink sink;
	enum log_level level;
	char last[2048];
	atomic_uint count;
};

static void keep(struct log_sink *s, enum log_level level, const char *line)
{
	struct keeper *k = container_of(s, struct keeper, sink);

	k->level = level;
	snprintf(k->last, sizeof(k->last), "%s", line);
	atomic_fetch_add(&k->count, 1);
}

TEST(log_reaches_its_sink)
{
	struct keeper k = {.sink.write = keep};

	log_set(LOG_INFO, &k.sink);
	log_warn("%s and %d", "text", 7);
	CHECK_STR(k.last, "text and 7");
	CHECK_EQ(k.level, LOG_WARN);
	log_set(LOG_INFO, NULL);
}

TEST(log_below_the_level_is_not_formatted)
{
	struct keeper k = {.sink.write = keep};

	log_set(LOG_WARN, &k.sink);
	log_info("no");
	log_debug("no");
	CHECK_EQ(k.count, 0);
	CHECK(log_wanted(LOG_ERROR));
	CHECK(!log_wanted(LOG_INFO));
	log_set(LOG_NONE, &k.sink);
	log_error("no");
	CHECK_EQ(k.count, 0);
	log_set(LOG_INFO, NULL);
}

TEST(log_line_stays_one_line)
{
	struct keeper k = {.sink.write = keep};

	log_set(LOG_INFO, &k.sink);
	log_info("a\nb\r\x1b[31m%s", "\x7f%n%s");
	CHECK_STR(k.last, "a b  [31m %n%s");
	log_set(LOG_INFO, NULL);
}

TEST(log_long_line_is_cut_and_says_so)
{
	struct keeper k = {.sink.write = keep};
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_set(LOG_INFO, &k.sink);
	log_info("%s", text);
	CHECK_EQ(strlen(k.last), 1023);
	CHECK_STR(k.last + 1019, "x...");
	log_set(LOG_INFO, NULL);
}

/* Lines written to standard error end up in a pipe; a full one loses lines, counts them, and does not block. */
TEST(log_without_a_sink_never_blocks)
{
	char text[900], out[4096] = "";
	int fds[2], saved = dup(STDERR_FILENO);

	CHECK_EQ(pipe(fds), 0);
	CHECK(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	CHECK(dup2(fds[1], STDERR_FILENO) >= 0);
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 200; i++)
		log_error("%s", text);
	while (read(fds[0], out, sizeof(out)) > 0)
		;
	log_error("end");
	memset(out, 0, sizeof(out));
	CHECK(read(fds[0], out, sizeof(out) - 1) > 0);
	CHECK(dup2(saved, STDERR_FILENO) >= 0);
	CHECK(strstr(out, " lines lost) error: end\n"));
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static void *log_many(void *arg)
{
	for (int i = 0; i < 2000; i++)
		log_info("line %d", i);
	return arg;
}

/* The sink that was taken out is not called again, although others are logging all the time. */
TEST(log_set_while_others_log)
{
	struct keeper k[2] = {{.sink.write = keep}, {.sink.write = keep}};
	pthread_t thread;

	log_set(LOG_INFO, &k[0].sink);
	CHECK_EQ(pthread_create(&thread, NULL, log_many, NULL), 0);
	for (unsigned i = 1; i < 200; i++) {
		unsigned before;

		log_set(LOG_INFO, &k[i % 2].sink);
		before = k[(i + 1) % 2].count;
		CHECK(log_wanted(LOG_INFO));
		CHECK_EQ(k[(i + 1) % 2].count, before);
	}
	pthread_join(thread, NULL);
	log_set(LOG_INFO, NULL);
	CHECK_EQ(k[0].count + k[1].count, 2000);
}

TEST(log_esc_table)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"", ""},
		{"plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
		 "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
		{"a\nb\tc\x7f", "a\\x0Ab\\x09c\\x7F"},
		{"\"'\\", "\\x22\\x27\\x5C"},
		{"\xFF\xC0\xAF", "\\xFF\\xC0\\xAF"},          /* overlong '/' */
		{"\xC3", "\\xC3"},                            /* cut short */
		{"\xED\xA0\x80", "\\xED\\xA0\\x80"},          /* surrogate */
		{"\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
		{"\xF8\x88\x80\x80\x80", "\\xF8\\x88\\x80\\x80\\x80"},
		{"\xC2\x9B", "\\xC2\\x9B"}, /* CSI */
		{"\xC2\xA0", "\xC2\xA0"},
	};
	struct log_esc e;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_STR(log_esc(&e, span_of_str(cases[i].in)), cases[i].want);
}

TEST(log_esc_cuts_long_text)
{
	uint8_t in[500];
	struct log_esc e;

	memset(in, 0x01, sizeof(in));
	CHECK_EQ(strlen(log_esc(&e, span_of(in, LOG_ESC_MAX))), 4 * LOG_ESC_MAX);
	CHECK_EQ(strlen(log_esc(&e, span_of(in, sizeof(in)))), 4 * LOG_ESC_MAX + 3);
	CHECK_STR(e.text + 4 * LOG_ESC_MAX - 4, "\\x01...");
}

TEST(log_limit_counts_by_the_second)
{
	struct log_limit l = {0};
	const uint64_t second = 1000000000;

	for (uint64_t s = 0; s < 3; s++) {
		for (int i = 0; i < 5; i++)
			CHECK(log_limit_ok(&l, 5, s * second + 1));
		CHECK(!log_limit_ok(&l, 5, s * second + 2));
	}
	CHECK(!log_limit_ok(&l, 0, 9 * second));
}

TEST_MAIN()
