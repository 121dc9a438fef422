/*
 * The control socket: framing, limits, errors, and who is answered.
 */
#include "ctl/ctl_client.h"
#include "ctl/ctl_impl.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static json_t *call_echo(void *arg, const json_t *args, struct ctl_error *e)
{
	return json_deep_copy(args);
}

static json_t *call_count(void *arg, const json_t *args, struct ctl_error *e)
{
	return json_integer(++*(unsigned *)arg);
}

static json_t *call_no(void *arg, const json_t *args, struct ctl_error *e)
{
	return ctl_refuse(e, CTL_REFUSED, "not \xff%s", "today");
}

static json_t *call_fill(void *arg, const json_t *args, struct ctl_error *e)
{
	size_t len = (size_t)json_integer_value(json_object_get(args, "len"));
	char *text = malloc(len);
	json_t *j;

	memset(text, 'x', len);
	j = json_stringn_nocheck(text, len);
	free(text);
	return j;
}

static const struct ctl_call calls[] = {
	{"test.echo", call_echo},
	{"test.count", call_count},
	{"test.no", call_no},
	{"test.fill", call_fill},
	{0},
};

/* ---- one line, one answer ---- */

struct line_case {
	const char *line, *answer;
};

TEST(ctl_answers_a_line)
{
	static const struct line_case cases[] = {
		{"{\"version\":1,\"call\":\"test.echo\",\"args\":{\"a\":[1,null]}}",
		 "{\"version\":1,\"result\":{\"a\":[1,null]}}\n"},
		{" { \"call\" : \"test.echo\" , \"version\" : 1 } ",
		 "{\"version\":1,\"result\":{}}\n"},
		{"{\"version\":1,\"call\":\"test.count\",\"what\":\"else\"}",
		 "{\"version\":1,\"result\":1}\n"},
		{"{\"version\":1,\"call\":\"test.no\"}",
		 "{\"version\":1,\"error\":{\"code\":\"refused\",\"text\":\"not "
		 "?today\"}}\n"},
	};
	unsigned count = 0;
	const struct ctl_family family = {calls, &count};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = ctl_answer(&family, 1, span_of_str(cases[i].line));

		CHECK_STR(text, cases[i].answer);
		free(text);
	}
	CHECK_EQ(count, 1);
}

TEST(ctl_refuses_a_wrong_line)
{
	static const struct line_case cases[] = {
		{"", "malformed"},
		{"hello", "malformed"},
		{"{", "malformed"},
		{"{}", "version: expected a number"},
		{"[1]", "expected an object"},
		{"7", "malformed"},
		{"\"version\"", "malformed"},
		{"{\"version\":1}", "call: expected a text"},
		{"{\"version\":\"1\",\"call\":\"test.echo\"}",
		 "version: expected a number"},
		{"{\"version\":1.0,\"call\":\"test.echo\"}",
		 "version: expected a number"},
		{"{\"version\":2,\"call\":\"test.echo\"}", "unsupported"},
		{"{\"version\":-1,\"call\":\"test.echo\"}", "unsupported"},
		{"{\"version\":9223372036854775808,\"call\":\"test.echo\"}", "malformed"},
		{"{\"version\":1,\"call\":7}", "call: expected a text"},
		{"{\"version\":1,\"call\":\"\"}", "unknown"},
		{"{\"version\":1,\"call\":\"test\"}", "unknown"},
		{"{\"version\":1,\"call\":\"test.echo2\"}", "there is no"},
		{"{\"version\":1,\"call\":\"test.echo\",\"args\":[]}",
		 "args: expected an object"},
		{"{\"version\":1,\"call\":\"test.echo\",\"args\":null}",
		 "args: expected an object"},
		{"{\"version\":1,\"call\":\"test.echo\"} x", "malformed"},
		{"{\"version\":1,\"version\":1,\"call\":\"test.echo\"}", "malformed"},
		{"{\"version\":1,\"call\":\"\\u0000\"}", "malformed"},
		{"{\"version\":1,\"call\":\"\xff\"}", "malformed"},
	};
	const struct ctl_family family = {calls, NULL};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = ctl_answer(&family, 1, span_of_str(cases[i].line));

		CHECK(strstr(text, "\"error\""));
		CHECK(strstr(text, cases[i].answer));
		CHECK_EQ(text[strlen(text) - 1], '\n');
		free(text);
	}
}

TEST(ctl_answer_has_no_line_within)
{
	const struct ctl_family family = {calls, NULL};
	char *text =
		ctl_answer(&family, 1,
			   span_of_str("{\"version\":1,\"call\":\"test.echo\",\"args\":"
				       "{\"a\":\"\\n\\u2028\"}}"));

	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	free(text);
}

TEST(ctl_answer_that_is_too_long_is_an_error)
{
	const struct ctl_family family = {calls, NULL};
	char *text =
		ctl_answer(&family, 1,
			   span_of_str("{\"version\":1,\"call\":\"test.fill\",\"args\":"
				       "{\"len\":16777216}}"));

	CHECK(strstr(text, "ask for less"));
	free(text);
}

TEST(ctl_nesting_is_bounded)
{
	const struct ctl_family family = {calls, NULL};
	static char deep[100000];
	char *text;

	memset(deep, '[', sizeof(deep));
	text = ctl_answer(&family, 1, span_of(deep, sizeof(deep)));
	CHECK(strstr(text, "malformed"));
	free(text);
}

/* ---- the socket ---- */

struct rig {
	char dir[200];
	unsigned count;
	struct ctl_family families[1];
	struct ctl *ctl;
};

static void rig_start(struct rig *r, const char *dir)
{
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	r->families[0] = (struct ctl_family){calls, &r->count};
	CHECK_EQ(ctl_new(r->dir, r->families, 1, &r->ctl), 0);
}

static void rig_open(struct rig *r)
{
	char dir[] = "/tmp/tsmb-ctl-XXXXXX";

	r->count = 0;
	CHECK(mkdtemp(dir) != NULL);
	rig_start(r, dir);
}

static void rig_close(struct rig *r)
{
	char path[256];

	ctl_free(r->ctl);
	snprintf(path, sizeof(path), "%s/control", r->dir);
	CHECK_EQ(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/control.lock", r->dir);
	unlink(path);
	CHECK_EQ(rmdir(r->dir), 0);
}

static int rig_connect(struct rig *r)
{
	int fd;

	CHECK_EQ(ctl_connect(r->dir, &fd), 0);
	return fd;
}

/* Serve until nothing has happened for `ms`. */
static void rig_run_for(struct rig *r, int ms)
{
	struct pollfd p = {.fd = ctl_fd(r->ctl), .events = POLLIN};

	while (poll(&p, 1, ms) > 0)
		ctl_run(r->ctl);
}

static void say(int fd, const char *text)
{
	CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What has arrived; -1 after the end. */
static ssize_t hear(int fd, char *buf, size_t len)
{
	ssize_t n = recv(fd, buf, len - 1, MSG_DONTWAIT);

	buf[n > 0 ? n : 0] = '\0';
	return n == 0 ? -1 : n < 0 && errno == EAGAIN ? 0 : n;
}

TEST(ctl_socket_answers_its_owner_only)
{
	struct rig r;
	struct stat st;
	char path[256];

	rig_open(&r);
	snprintf(path, sizeof(path), "%s/control", r.dir);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode, S_IFSOCK | 0600);
	rig_close(&r);
}

static bool nobody_may(uid_t uid)
{
	CHECK_EQ(uid, geteuid());
	return false;
}

TEST(ctl_another_user_is_turned_away)
{
	struct rig r;
	char buf[300];
	int fd;

	rig_open(&r);
	CHECK(r.ctl->may(0));
	CHECK(r.ctl->may(geteuid()));
	CHECK(!r.ctl->may(geteuid() + 1));
	CHECK(!r.ctl->may((uid_t)-1));
	r.ctl->may = nobody_may;
	fd = rig_connect(&r);
	say(fd, "{\"version\":1,\"call\":\"test.count\"}\n");
	rig_run_for(&r, 20);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	CHECK(strstr(buf, "\"refused\""));
	CHECK_EQ(hear(fd, buf, sizeof(buf)), -1);
	CHECK_EQ(r.count, 0);
	close(fd);
	rig_close(&r);
}

TEST(ctl_half_lines_become_one)
{
	static const char line[] = "{\"version\":1,\"call\":\"test.count\"}\n";
	struct rig r;
	char buf[300];
	int fd;

	rig_open(&r);
	fd = rig_connect(&r);
	for (const char *c = line; *c; c++) {
		CHECK_EQ(r.count, 0);
		CHECK_EQ(send(fd, c, 1, 0), 1);
		rig_run_for(&r, 2);
	}
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	CHECK_STR(buf, "{\"version\":1,\"result\":1}\n");
	close(fd);
	rig_close(&r);
}

TEST(ctl_several_lines_in_one_read_are_answered_in_order)
{
	struct rig r;
	char buf[2000];
	int fd;

	rig_open(&r);
	fd = rig_connect(&r);
	say(fd, "{\"version\":1,\"call\":\"test.count\"}\nnonsense\n"
		"{\"version\":1,\"call\":\"test.count\"}\n\n{\"version\":1,\"call\":\"");
	rig_run_for(&r, 20);
	CHECK_EQ(r.count, 2);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	CHECK(strstr(buf, "{\"version\":1,\"result\":1}\n{\"version\":1,\"error\""));
	CHECK(strstr(buf, "{\"version\":1,\"result\":2}\n{\"version\":1,\"error\""));
	say(fd, "test.count\"}\n");
	rig_run_for(&r, 20);
	CHECK_EQ(r.count, 3);
	close(fd);
	rig_close(&r);
}

TEST(ctl_the_end_of_what_a_client_says_is_not_the_end_of_its_answers)
{
	struct rig r;
	char buf[2000];
	int fd;

	rig_open(&r);
	fd = rig_connect(&r);
	say(fd, "{\"version\":1,\"call\":\"test.count\"}\n"
		"{\"version\":1,\"call\":\"test.count\"}\nhalf");
	shutdown(fd, SHUT_WR);
	rig_run_for(&r, 20);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	CHECK(strstr(buf, "\"result\":2"));
	CHECK_EQ(hear(fd, buf, sizeof(buf)), -1);
	CHECK_EQ(r.ctl->client_count, 0);
	close(fd);
	rig_close(&r);
}

/* Send `len` bytes of a line that does not end, as far as they are taken. */
static void say_much(struct rig *r, int fd, size_t len)
{
	static char much[65536];

	memset(much, ' ', sizeof(much));
	for (size_t done = 0, idle = 0; done < len && idle < 3;) {
		ssize_t n = send(fd, much,
				 len - done < sizeof(much) ? len - done : sizeof(much),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		idle = n > 0 ? 0 : idle + 1;
		done += n > 0 ? (size_t)n : 0;
		rig_run_for(r, 2);
	}
}

TEST(ctl_a_line_of_just_the_limit_is_taken)
{
	static const char end[] = "{\"version\":1,\"call\":\"test.count\"}\n";
	struct rig r;
	char buf[300];
	int fd;

	rig_open(&r);
	fd = rig_connect(&r);
	say_much(&r, fd, CTL_LINE_MAX - strlen(end) + 1);
	say(fd, end);
	rig_run_for(&r, 20);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	CHECK_STR(buf, "{\"version\":1,\"result\":1}\n");
	close(fd);
	rig_close(&r);
}

TEST(ctl_a_line_beyond_the_limit_ends_the_client)
{
	struct rig r;
	char buf[300];
	int fd;

	rig_open(&r);
	fd = rig_connect(&r);
	say_much(&r, fd, CTL_LINE_MAX + 65536);
	rig_run_for(&r, 20);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	CHECK(strstr(buf, "a line has at most"));
	CHECK_EQ(r.ctl->client_count, 0);
	close(fd);
	rig_close(&r);
}

TEST(ctl_who_takes_no_answer_holds_up_nobody)
{
	struct rig r;
	char buf[300];
	int slow, fd;

	rig_open(&r);
	slow = rig_connect(&r);
	say(slow, "{\"version\":1,\"call\":\"test.fill\",\"args\":{\"len\":8000000}}\n"
		  "{\"version\":1,\"call\":\"test.count\"}\n");
	rig_run_for(&r, 20);
	CHECK_EQ(r.count, 0); /* its answer comes first */
	fd = rig_connect(&r);
	say(fd, "{\"version\":1,\"call\":\"test.count\"}\n");
	rig_run_for(&r, 20);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	CHECK_STR(buf, "{\"version\":1,\"result\":1}\n");
	r.ctl->clients[0].deadline_ms = 1; /* CTL_IDLE_MS later */
	for (int i = 0; i < 50 && r.ctl->client_count > 1; i++)
		rig_run_for(&r, 100);
	CHECK_EQ(r.ctl->client_count, 1);
	close(slow);
	close(fd);
	rig_close(&r);
}

TEST(ctl_who_says_nothing_is_cut_off)
{
	struct rig r;
	char buf[10];
	int fd;

	rig_open(&r);
	r.ctl->idle_ms = 50;
	fd = rig_connect(&r);
	rig_run_for(&r, 1000);
	CHECK_EQ(hear(fd, buf, sizeof(buf)), -1);
	close(fd);
	rig_close(&r);
}

TEST(ctl_half_a_line_at_a_time_buys_no_time)
{
	struct rig r;
	char buf[10];
	int fd;

	rig_open(&r);
	r.ctl->idle_ms = 300;
	fd = rig_connect(&r);
	for (int i = 0; i < 20 && hear(fd, buf, sizeof(buf)) == 0; i++) {
		(void)!send(fd, " ", 1, MSG_NOSIGNAL);
		rig_run_for(&r, 100);
	}
	CHECK_EQ(r.ctl->client_count, 0);
	close(fd);
	rig_close(&r);
}

TEST(ctl_clients_are_counted)
{
	struct rig r;
	int fd[CTL_CLIENTS_MAX + 1];
	char buf[300];

	rig_open(&r);
	for (int i = 0; i <= CTL_CLIENTS_MAX; i++) {
		fd[i] = rig_connect(&r);
		rig_run_for(&r, 2);
	}
	CHECK_EQ(r.ctl->client_count, CTL_CLIENTS_MAX);
	CHECK(hear(fd[CTL_CLIENTS_MAX], buf, sizeof(buf)) > 0);
	CHECK(strstr(buf, "too many clients"));
	close(fd[0]);
	close(fd[CTL_CLIENTS_MAX]);
	rig_run_for(&r, 20);
	fd[0] = rig_connect(&r);
	say(fd[0], "{\"version\":1,\"call\":\"test.count\"}\n");
	rig_run_for(&r, 20);
	CHECK(hear(fd[0], buf, sizeof(buf)) > 0);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	rig_close(&r);
}

TEST(ctl_without_descriptors_it_rests)
{
	struct rlimit was, tight;
	struct pollfd p;
	struct rig r;
	char buf[300];
	int fd, turns = 0;

	rig_open(&r);
	fd = rig_connect(&r);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	tight = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = was.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
	p = (struct pollfd){.fd = ctl_fd(r.ctl), .events = POLLIN};
	while (turns < 50 && poll(&p, 1, 100) > 0) {
		ctl_run(r.ctl);
		turns++;
	}
	CHECK(turns < 5);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	say(fd, "{\"version\":1,\"call\":\"test.count\"}\n");
	for (int i = 0; i < 20 && r.count == 0; i++)
		rig_run_for(&r, 100);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	close(fd);
	rig_close(&r);
}

/* ---- who serves a directory ---- */

TEST(ctl_a_living_server_keeps_its_socket)
{
	struct rig r;
	struct ctl *second;
	char buf[300];
	int fd;

	rig_open(&r);
	CHECK_EQ(ctl_new(r.dir, r.families, 1, &second), -EADDRINUSE);
	fd = rig_connect(&r);
	say(fd, "{\"version\":1,\"call\":\"test.count\"}\n");
	rig_run_for(&r, 20);
	CHECK(hear(fd, buf, sizeof(buf)) > 0);
	close(fd);
	rig_close(&r);
}

TEST(ctl_the_socket_of_a_dead_server_is_replaced)
{
	char dir[] = "/tmp/tsmb-ctl-XXXXXX";
	struct rig r = {0};
	int status, fd;
	pid_t child;

	CHECK(mkdtemp(dir) != NULL);
	CHECK_EQ(ctl_connect(dir, &fd), -ENOENT);
	child = fork();
	if (child == 0) {
		struct ctl *c;

		_exit(ctl_new(dir, NULL, 0, &c) ? 1 : 0); /* leaves all as it is */
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(ctl_connect(dir, &fd), -ECONNREFUSED);
	rig_start(&r, dir);
	close(rig_connect(&r));
	rig_close(&r);
}

TEST(ctl_a_long_path_is_no_obstacle)
{
	char top[] = "/tmp/tsmb-ctl-XXXXXX", dir[190];
	struct rig r = {0};

	CHECK(mkdtemp(top) != NULL);
	snprintf(dir, sizeof(dir), "%s/%0150d", top, 7);
	CHECK_EQ(mkdir(dir, 0700), 0);
	rig_start(&r, dir);
	close(rig_connect(&r));
	rig_close(&r);
	CHECK_EQ(rmdir(top), 0);
}

TEST(ctl_no_directory)
{
	struct ctl *c;
	int fd;

	CHECK_EQ(ctl_new("/nonexistent/run", NULL, 0, &c), -ENOENT);
	CHECK_EQ(ctl_connect("/nonexistent/run", &fd), -ENOENT);
}

/* ---- the client ---- */

/* A server in a process of its own that serves one connection and ends with it. */
static pid_t serve_in_child(struct rig *r)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	for (struct pollfd p = {.fd = ctl_fd(r->ctl), .events = POLLIN};
	     poll(&p, 1, 5000) > 0;)
		ctl_run(r->ctl);
	_exit(0);
}

TEST(ctl_client_gets_results_and_reasons)
{
	struct rig r;
	struct ctl_error e;
	json_t *result, *args = json_pack("{s:s}", "a", "b\nc");
	json_t *much = json_pack("{s:i}", "len", 9000000);
	pid_t child;
	int fd;

	rig_open(&r);
	child = serve_in_child(&r);
	fd = rig_connect(&r);
	CHECK_EQ(ctl_ask(fd, "test.echo", args, &result, &e), 0);
	CHECK(json_equal(result, args));
	json_decref(result);
	CHECK_EQ(ctl_ask(fd, "test.no", NULL, &result, &e), -EREMOTEIO);
	CHECK_EQ(e.code, CTL_REFUSED);
	CHECK_STR(e.text, "not ?today");
	CHECK_EQ(ctl_ask(fd, "test.fill", much, &result, &e), 0);
	CHECK_EQ(json_string_length(result), 9000000);
	json_decref(result);
	json_decref(args);
	json_decref(much);
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	close(fd);
	rig_close(&r);
}

TEST(ctl_client_does_not_believe_everything)
{
	static const char *const answers[] = {
		"",
		"x\n",
		"{}\n",
		"{\"version\":2,\"result\":1}\n",
		"{\"version\":1}\n",
		"{\"version\":1,\"error\":\"no\"}\n",
		"{\"version\":1,\"result\":1}",
	};
	struct ctl_error e;
	json_t *result;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		int fd[2];

		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		say(fd[1], answers[i]);
		shutdown(fd[1], SHUT_WR);
		CHECK_EQ(ctl_ask(fd[0], "test.echo", NULL, &result, &e), -EPROTO);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_MAIN()
