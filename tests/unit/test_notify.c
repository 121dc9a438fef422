/* test_notify.c - what the kernel tells, as CHANGE_NOTIFY wants to hear it. [MS-FSA] 2.1.5.11, 2.1.5.11.1 */
#include "seer.h"

TEST(files_come_change_and_go)
{
	struct seer s;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, ALL, false), 0);
	fix_put(&s.fix, "share/a", "");
	CHECK_STR(seer_news(&s), "+a");
	do_write(&s, "share/a");
	CHECK_STR(seer_news(&s), "!a");
	CHECK_EQ(chmod(fix_path(&s.fix, "share/a"), 0600), 0);
	CHECK_STR(seer_news(&s), "!a");
	CHECK_EQ(unlink(fix_path(&s.fix, "share/a")), 0);
	CHECK_STR(seer_news(&s), "-a");
	seer_fini(&s);
}

TEST(renames_come_in_pairs)
{
	struct seer s;

	seer_init(&s);
	fix_put(&s.fix, "share/a", "");
	fix_put(&s.fix, "outside", "");
	CHECK_EQ(seer_start(&s, ALL, false), 0);
	do_rename(&s, "share/a", "share/b");
	CHECK_STR(seer_news(&s), "<a >b");
	do_rename(&s, "share/b", "away");
	CHECK_STR(seer_news(&s), "-b");
	do_rename(&s, "outside", "share/c");
	CHECK_STR(seer_news(&s), "+c");
	seer_fini(&s);
}

TEST(filters_decide_what_is_told)
{
	static const struct {
		uint32_t filter;
		const char *want;
	} cases[] = {
		{FILE_NOTIFY_CHANGE_FILE_NAME, "+file -file +end"},
		{FILE_NOTIFY_CHANGE_DIR_NAME, "+dir +end_dir"},
		{FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_FILE_NAME,
		 "+file !file -file +end"},
		{FILE_NOTIFY_CHANGE_ATTRIBUTES | FILE_NOTIFY_CHANGE_DIR_NAME,
		 "!file +dir +end_dir"},
		{FILE_NOTIFY_CHANGE_SECURITY | FILE_NOTIFY_CHANGE_FILE_NAME,
		 "+file !file -file +end"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seer s;

		seer_init(&s);
		CHECK_EQ(seer_start(&s, cases[i].filter, false), 0);
		fix_put(&s.fix, "share/file", "");
		do_write(&s, "share/file");
		CHECK_EQ(chmod(fix_path(&s.fix, "share/file"), 0600), 0);
		CHECK_EQ(unlink(fix_path(&s.fix, "share/file")), 0);
		CHECK_EQ(mkdir(fix_path(&s.fix, "share/dir"), 0755), 0);
		fix_put(&s.fix, "share/end", "");
		CHECK_EQ(mkdir(fix_path(&s.fix, "share/end_dir"), 0755), 0);
		CHECK_STR(seer_news(&s), cases[i].want);
		seer_fini(&s);
	}
}

struct settling {
	struct wait wait;
	bool done;
};

static void settled(struct wait *w)
{
	container_of(w, struct settling, wait)->done = true;
}

/* Until the notify thread has been through all that was done before; what it posts meanwhile is run. */
static void seer_settle(struct seer *s)
{
	struct settling t = {.done = false};
	struct notify_settle n;

	wait_init(&t.wait, &s->home.mailbox);
	s->server->ops->settle(s->server, &n, wait_arm(&t.wait, settled));
	while (!t.done)
		seer_run_one(s);
}

/* What is told of all that can be told, or "". */
static const char *seer_news_or_none(struct seer *s)
{
	int before = s->ended;

	s->server->ops->wait(s->notify, wait_park(&s->wait, seer_ended));
	seer_settle(s);
	seer_settle(s); /* in the first turn requests come after who settles */
	if (s->ended != before) {
		CHECK_EQ(s->wait.err, 0);
		return seer_told(s);
	}
	CHECK(wait_claim(&s->wait, WAIT_CANCELLED));
	s->server->ops->forget(s->notify, &s->wait);
	wait_post(&s->wait, -ECANCELED);
	CHECK_EQ(seer_await(s), -ECANCELED);
	return "";
}

/* [MS-SMB2] 2.2.35, CompletionFilter, a bit each; [MS-FSA] 2.1.4.1, 2.1.5.15.12 */
TEST(each_filter_has_its_changes)
{
	static const struct {
		uint32_t filter;
		const char *want;
	} cases[] = {
		{FILE_NOTIFY_CHANGE_FILE_NAME, "+f <f >g -g"},
		{FILE_NOTIFY_CHANGE_DIR_NAME, "+d <d >e -e"},
		{FILE_NOTIFY_CHANGE_ATTRIBUTES, "!f !g"},
		{FILE_NOTIFY_CHANGE_SIZE, "!f"},
		{FILE_NOTIFY_CHANGE_LAST_WRITE, "!f"},
		{FILE_NOTIFY_CHANGE_LAST_ACCESS, "!f"},
		{FILE_NOTIFY_CHANGE_CREATION, "!f !g"},
		{FILE_NOTIFY_CHANGE_EA, "!f"},
		{FILE_NOTIFY_CHANGE_SECURITY, "!f"},
		/* of streams nothing is told; bits that mean nothing are ignored: 3.3.5.19 */
		{0x200, ""},
		{0x400, ""},
		{0x800, ""},
		{0x80000000, ""},
		{0x80000000 | FILE_NOTIFY_CHANGE_SIZE, "!f"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seer s;

		seer_init(&s);
		CHECK_EQ(seer_start(&s, cases[i].filter, false), 0);
		CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
		fix_put(&s.fix, "share/f", "");
		do_write(&s, "share/f");
		CHECK_EQ(chmod(fix_path(&s.fix, "share/f"), 0600), 0);
		do_rename(&s, "share/f", "share/g");
		do_rename(&s, "share/d", "share/e");
		CHECK_EQ(unlink(fix_path(&s.fix, "share/g")), 0);
		CHECK_EQ(rmdir(fix_path(&s.fix, "share/e")), 0);
		CHECK_STR(seer_news_or_none(&s), cases[i].want);
		seer_fini(&s);
	}
}

TEST(without_tree_what_is_below_is_silent)
{
	struct seer s;

	seer_init(&s);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, false), 0);
	fix_put(&s.fix, "share/d/below", "");
	fix_put(&s.fix, "share/here", "");
	CHECK_STR(seer_news(&s), "+here");
	seer_fini(&s);
}

TEST(names_nobody_could_say_are_not_told)
{
	struct seer s;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, false), 0);
	fix_put(&s.fix, "share/a:b", "");
	fix_put(&s.fix, "share/\xff", "");
	fix_put(&s.fix, "share/good", "");
	CHECK_STR(seer_news(&s), "+good");
	do_rename(&s, "share/a:b", "share/shown");
	CHECK_STR(seer_news(&s), "+shown");
	do_rename(&s, "share/shown", "share/b:a");
	CHECK_STR(seer_news(&s), "-shown");
	seer_fini(&s);
}

TEST(too_much_is_an_overflow_once)
{
	struct seer s;
	char rel[32];

	seer_init(&s);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, false), 0);
	for (int i = 0; i <= NOTIFY_EVENTS_MAX; i++) {
		snprintf(rel, sizeof(rel), "share/%d", i);
		fix_put(&s.fix, rel, "");
	}
	CHECK_STR(seer_news(&s), "overflow");
	fix_put(&s.fix, "share/more", "");
	CHECK_STR(seer_news(&s), "+more");
	seer_fini(&s);
}

/* ---- waits -------------------------------------------------------------------------------------- */

static void second_ended(struct wait *w)
{
}

/* Two requests wait, the seer's first. */
static void seer_wait_twice(struct seer *s, struct wait *second)
{
	wait_init(second, &s->home.mailbox);
	s->server->ops->wait(s->notify, wait_park(&s->wait, seer_ended));
	s->server->ops->wait(s->notify, wait_park(second, second_ended));
	usleep(50000); /* for the thread, which asks the kernel first */
}

/* [MS-FSA] 2.1.5.11.1 */
TEST(a_request_is_told_of_all_that_was_done_before_it)
{
	struct seer s;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, ALL, false), 0);
	for (int i = 0; i < 200; i++) {
		fix_put(&s.fix, "share/a", "");
		do_rename(&s, "share/a", "share/b");
		CHECK_EQ(unlink(fix_path(&s.fix, "share/b")), 0);
		s.server->ops->wait(s.notify, wait_park(&s.wait, seer_ended));
		CHECK_EQ(seer_await(&s), 0);
		CHECK_STR(seer_told(&s), "+a <a >b -b");
		arena_reset(&s.fix.arena);
	}
	seer_fini(&s);
}

/* smb2.notify.dir: 11 changes instead of 10, where the thread was late */
static void late_thread(bool tree)
{
	struct notify *first;
	struct holder h;
	struct seer s;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, tree), 0);
	first = s.notify;
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, tree), 0);
	holder_begin(&h, first);
	fix_put(&s.fix, "share/a", "");
	usleep(50000); /* until the thread has come that far */
	fix_put(&s.fix, "share/b", "");
	s.server->ops->wait(s.notify, wait_park(&s.wait, seer_ended));
	fix_put(&s.fix, "share/c", "");
	holder_end(&h);
	CHECK_EQ(seer_await(&s), 0);
	CHECK_STR(seer_told(&s), "+a +b");
	CHECK_STR(seer_news(&s), "+c");
	s.server->ops->free(first);
	seer_fini(&s);
}

TEST(what_is_done_after_a_request_is_told_to_the_next_however_late_the_thread)
{
	late_thread(false);
	late_thread(true);
}

/* What a client does right behind its first request, without waiting for an answer. ends: who has watched until then. */
static void late_start(bool tree, bool ends)
{
	struct notify *held, *first;
	struct holder h;
	struct seer s;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, tree), 0);
	held = s.notify;
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, tree), 0);
	first = s.notify;
	holder_begin(&h, held);
	fix_put(&s.fix, "share/a", "");
	usleep(50000); /* until the thread has come that far */
	if (ends)
		s.server->ops->free(TAKE(first));
	s.server->ops->start(s.server, s.dir, s.cred, FILE_NOTIFY_CHANGE_FILE_NAME, tree,
			     &s.notify, wait_arm(&s.wait, seer_ended));
	fix_put(&s.fix, "share/b", "");
	holder_end(&h);
	CHECK_EQ(seer_await(&s), 0);
	CHECK_STR(seer_news(&s), "+b");
	if (first)
		s.server->ops->free(first);
	s.server->ops->free(held);
	seer_fini(&s);
}

TEST(what_is_done_behind_the_first_request_is_seen_however_late_the_thread)
{
	late_start(false, false);
	late_start(true, false);
}

/* The kernel knows a directory once: who ends must not take it from who is about to begin. */
TEST(one_ends_while_another_begins)
{
	late_start(false, true);
	late_start(true, true);
}

/* However late the answer is made: what is done next is the next request's. */
TEST(a_waiting_request_is_told_of_the_change_that_ended_it)
{
	struct seer s;
	struct wait second;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, ALL, false), 0);
	seer_wait_twice(&s, &second);
	fix_put(&s.fix, "share/a", "");
	CHECK_EQ(seer_await(&s), 0);
	do_rename(&s, "share/a", "share/b");
	CHECK_EQ(seer_await(&s), 0);
	CHECK_EQ(unlink(fix_path(&s.fix, "share/b")), 0);
	CHECK_STR(seer_told(&s), "+a");
	CHECK_STR(seer_told(&s), "<a >b");
	CHECK_STR(seer_news(&s), "-b");
	seer_fini(&s);
}

/* Nobody is told of nothing: who finds neither events nor an overflow must look for himself. */
TEST(an_overflow_is_told_to_one_of_those_that_were_ended)
{
	struct seer s;
	struct wait second;
	char rel[32];

	seer_init(&s);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, false), 0);
	seer_wait_twice(&s, &second);
	for (int i = 0; i <= NOTIFY_EVENTS_MAX; i++) {
		snprintf(rel, sizeof(rel), "share/%d", i);
		fix_put(&s.fix, rel, "");
	}
	CHECK_EQ(seer_await(&s), 0);
	CHECK_EQ(seer_await(&s), 0);
	seer_settle(&s); /* all of them read */
	CHECK_STR(seer_told(&s), "overflow");
	CHECK_STR(seer_told(&s), "");
	seer_fini(&s);
}

/* [MS-FSA] 2.1.5.15.12 sets FILE_ATTRIBUTE_ARCHIVE of a file that is renamed. */
TEST(a_rename_changes_attributes_of_files)
{
	static const struct {
		uint32_t filter;
		const char *want;
	} cases[] = {
		{FILE_NOTIFY_CHANGE_ATTRIBUTES, "!file2 !came"},
		{FILE_NOTIFY_CHANGE_CREATION | FILE_NOTIFY_CHANGE_DIR_NAME,
		 "!file2 <dir >dir2 !came"},
		{FILE_NOTIFY_CHANGE_ATTRIBUTES | FILE_NOTIFY_CHANGE_FILE_NAME,
		 "<file >file2 +came"},
		{FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_FILE_NAME,
		 "<file >file2 +came"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seer s;

		seer_init(&s);
		fix_put(&s.fix, "share/file", "");
		fix_put(&s.fix, "outside", "");
		CHECK_EQ(mkdir(fix_path(&s.fix, "share/dir"), 0755), 0);
		CHECK_EQ(seer_start(&s, cases[i].filter, false), 0);
		do_rename(&s, "share/file", "share/file2");
		do_rename(&s, "share/dir", "share/dir2");
		do_rename(&s, "outside", "share/came");
		CHECK_STR(seer_news(&s), cases[i].want);
		seer_fini(&s);
	}
}

TEST(a_claimed_wait_is_left_alone)
{
	struct seer s;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, ALL, false), 0);
	s.server->ops->wait(s.notify, wait_park(&s.wait, seer_ended));
	CHECK(wait_claim(&s.wait, WAIT_CANCELLED));
	s.server->ops->forget(s.notify, &s.wait);
	wait_post(&s.wait, -ECANCELED);
	CHECK_EQ(seer_await(&s), -ECANCELED);
	int ended = s.ended;
	fix_put(&s.fix, "share/a", "");
	usleep(50000);
	CHECK_EQ(s.ended, ended);
	CHECK_STR(seer_news(&s), "+a"); /* kept for who comes next */
	seer_fini(&s);
}

TEST(too_many_waits_are_refused)
{
	struct wait waits[NOTIFY_WAITS_MAX];
	struct seer s;

	seer_init(&s);
	CHECK_EQ(seer_start(&s, ALL, false), 0);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		wait_init(&waits[i], &s.home.mailbox);
		s.server->ops->wait(s.notify, wait_park(&waits[i], seer_ended));
	}
	s.server->ops->wait(s.notify, wait_park(&s.wait, seer_ended));
	CHECK_EQ(seer_await(&s), -ENOBUFS);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		CHECK(wait_claim(&waits[i], WAIT_CLOSED));
		s.server->ops->forget(s.notify, &waits[i]);
	}
	seer_fini(&s);
}

TEST_MAIN()
