/* test_notify_tree.c - what is told of a directory and all below it, by inotify and by fanotify. [MS-FSA] 2.1.4.1 */
#include "need_root.h"
#include "refuse.h"
#include "seer.h"

#include <sys/wait.h>

/* ---- both ways ---------------------------------------------------------------------------------- */

static void a_tree_is_told_with_paths(enum notify_way way)
{
	struct seer s;

	seer_init_by(&s, way);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d/e"), 0755), 0);
	fix_put(&s.fix, "share/d/e/old", "");
	CHECK_EQ(seer_start(&s,
			    FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME,
			    true),
		 0);
	fix_put(&s.fix, "share/d/e/new", "");
	CHECK_STR(seer_news(&s), "+d\\e\\new");
	do_rename(&s, "share/d/e/old", "share/d/e/older");
	CHECK_STR(seer_news(&s), "<d\\e\\old >d\\e\\older");
	do_rename(&s,
		  "share/d/e/old"
		  "er",
		  "share/d/up");
	CHECK_STR(seer_news(&s), "-d\\e\\older +d\\up");
	seer_fini(&s);
}

static void directories_that_appear_are_watched(enum notify_way way)
{
	struct seer s;

	seer_init_by(&s, way);
	CHECK_EQ(mkdir(fix_path(&s.fix, "ready"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "ready/in"), 0755), 0);
	CHECK_EQ(seer_start(&s,
			    FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME,
			    true),
		 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/new"), 0755), 0);
	CHECK_STR(seer_news(&s), "+new");
	fix_put(&s.fix, "share/new/file", "");
	CHECK_STR(seer_news(&s), "+new\\file");
	do_rename(&s, "ready", "share/came");
	CHECK_STR(seer_news(&s), "+came");
	fix_put(&s.fix, "share/came/in/file", "");
	CHECK_STR(seer_news(&s), "+came\\in\\file");
	seer_fini(&s);
}

static void directories_that_move_take_their_watches_along(enum notify_way way)
{
	struct seer s;

	seer_init_by(&s, way);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/a"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/a/deep"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/z"), 0755), 0);
	CHECK_EQ(seer_start(&s,
			    FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME,
			    true),
		 0);
	do_rename(&s, "share/a", "share/b");
	CHECK_STR(seer_news(&s), "<a >b");
	fix_put(&s.fix, "share/b/deep/1", "");
	CHECK_STR(seer_news(&s), "+b\\deep\\1");
	do_rename(&s, "share/b", "share/z/c");
	CHECK_STR(seer_news(&s), "-b +z\\c");
	fix_put(&s.fix, "share/z/c/deep/2", "");
	CHECK_STR(seer_news(&s), "+z\\c\\deep\\2");
	do_rename(&s, "share/z/c", "gone");
	CHECK_STR(seer_news(&s), "-z\\c");
	fix_put(&s.fix, "gone/deep/3", "");
	fix_put(&s.fix, "share/end", "");
	CHECK_STR(seer_news(&s), "+end");
	seer_fini(&s);
}

static void directories_that_are_deleted_are_forgotten(enum notify_way way)
{
	struct seer s;

	seer_init_by(&s, way);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/a"), 0755), 0);
	CLEANUP(vfile_putp) struct vfile *held = fix_find(&s.fix, "a");
	CHECK_EQ(seer_start(&s,
			    FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME,
			    true),
		 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rmdir(fix_path(&s.fix, "share/a")), 0);
		CHECK_STR(seer_news(&s), "-a");
		CHECK_EQ(mkdir(fix_path(&s.fix, "share/a"), 0755), 0);
		CHECK_STR(seer_news(&s), "+a");
		fix_put(&s.fix, "share/a/x", "");
		CHECK_STR(seer_news(&s), "+a\\x");
		CHECK_EQ(unlink(fix_path(&s.fix, "share/a/x")), 0);
		CHECK_STR(seer_news(&s), "-a\\x");
	}
	vfile_put(TAKE(held));
	seer_fini(&s);
}

static void only_what_the_user_may_list_is_told(enum notify_way way)
{
	enum { BOB = 54322 };
	struct seer s;

	need_root();
	seer_init_by(&s, way);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/open"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/closed"), 0700), 0);
	s.cred = cred_new(BOB, BOB, NULL, 0);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, true), 0);
	fix_put(&s.fix, "share/closed/secret", "");
	fix_put(&s.fix, "share/open/public", "");
	CHECK_STR(seer_news(&s), "+open\\public");
	s.server->ops->free(TAKE(s.notify));

	vfile_put(s.dir);
	s.dir = fix_find(&s.fix, "closed");
	CHECK_EQ(seer_start(&s, ALL, false), -EACCES);
	cred_put(s.cred);
	seer_fini(&s);
}

/* What is made and moved and removed faster than it is read: who follows the events knows in the end what is there. */
static void what_is_left_is_known(enum notify_way way)
{
	struct seer s;
	const char *news;

	seer_init_by(&s, way);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, true), 0);
	for (int i = 0; i < 20; i++) {
		fix_put(&s.fix, "share/d/a", "");
		CHECK_EQ(unlink(fix_path(&s.fix, "share/d/a")), 0);
	}
	fix_put(&s.fix, "share/d/a", "");
	news = seer_news(&s);
	CHECK_STR(news + strlen(news) - strlen("+d\\a"), "+d\\a");
	seer_fini(&s);
}

/* Who makes a directory waits for that, and then uses it. Each round waits for the other thread three times and more. */
static void what_is_settled_is_watched(enum notify_way way)
{
	enum { ROUNDS = 20 };
	struct notify_settle settle;
	char rel[40], to[40], want[80];
	struct seer s;

	seer_init_by(&s, way);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, true), 0);
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(rel, sizeof(rel), "share/%d", i);
		CHECK_EQ(mkdir(fix_path(&s.fix, rel), 0755), 0);
		s.server->ops->settle(s.server, &settle, wait_arm(&s.wait, seer_ended));
		CHECK_EQ(seer_await(&s), 0);
		snprintf(rel, sizeof(rel), "share/%d/a", i);
		snprintf(to, sizeof(to), "share/%d/b", i);
		fix_put(&s.fix, rel, "");
		do_rename(&s, rel, to);
		s.server->ops->wait(s.notify, wait_park(&s.wait, seer_ended));
		CHECK_EQ(seer_await(&s), 0);
		snprintf(want, sizeof(want), "+%d\\a <%d\\a >%d\\b", i, i, i);
		CHECK_STR(seer_told(&s), want);
		arena_reset(&s.fix.arena);
	}
	seer_fini(&s);
}

/* Two watch a tree: when the second comes to list what is new there, the first has had it watched for a while. */
static void what_is_listed_is_not_told_again(enum notify_way way)
{
	struct notify *first;
	struct holder h;
	struct seer s;

	seer_init_by(&s, way);
	CHECK_EQ(seer_start(&s, NOTIFY_FILTER_NAMES, true), 0);
	first = s.notify;
	CHECK_EQ(seer_start(&s, NOTIFY_FILTER_NAMES, true), 0);
	holder_begin(&h, s.notify);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	usleep(50000); /* until the thread has come that far */
	fix_put(&s.fix, "share/d/a", "");
	do_rename(&s, "share/d/a", "share/d/b");
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d/e"), 0755), 0);
	fix_put(&s.fix, "share/d/e/x", "");
	holder_end(&h);
	CHECK_STR(seer_told_up_to(&s, "+d\\e\\x"), "+d +d\\a <d\\a >d\\b +d\\e +d\\e\\x");
	s.server->ops->free(first);
	seer_fini(&s);
}

static void (*const tree_tests[])(enum notify_way way) = {
	what_is_listed_is_not_told_again,
	a_tree_is_told_with_paths,
	directories_that_appear_are_watched,
	directories_that_move_take_their_watches_along,
	directories_that_are_deleted_are_forgotten,
	only_what_the_user_may_list_is_told,
	what_is_left_is_known,
	what_is_settled_is_watched,
};

TEST(trees_are_told_by_inotify)
{
	for (size_t i = 0; i < ARRAY_LEN(tree_tests); i++)
		tree_tests[i](NOTIFY_INOTIFY_ONLY);
}

/* Where the kernel lets us; elsewhere by inotify once more. */
TEST(trees_are_told_by_fanotify)
{
	for (size_t i = 0; i < ARRAY_LEN(tree_tests); i++)
		tree_tests[i](NOTIFY_BEST);
}

/* How many directories inotify watches for this process. */
static int inotify_watches(void)
{
	int count = 0;
	char path[64], line[256];

	for (int fd = 0; fd < 256; fd++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			count += strncmp(line, "inotify wd:", 11) == 0;
		if (f)
			fclose(f);
	}
	return count;
}

static void make_directories(struct seer *s, int count)
{
	char rel[40];

	for (int i = 0; i < count; i++) {
		snprintf(rel, sizeof(rel), "share/%d", i);
		CHECK_EQ(mkdir(fix_path(&s->fix, rel), 0755), 0);
	}
}

/* A seer of a tree that fanotify tells of, or a skip. */
static void need_fanotify(struct seer *s, uint32_t filter)
{
	CHECK_EQ(seer_start(s, filter, true), 0);
	if (!inotify_watches())
		return;
	seer_fini(s);
	print_message("[  REASON  ] no fanotify for whole file systems\n");
	skip();
}

TEST(a_tree_takes_no_watches_of_inotify)
{
	struct seer s;

	seer_init(&s);
	make_directories(&s, 100);
	need_fanotify(&s, FILE_NOTIFY_CHANGE_FILE_NAME);
	fix_put(&s.fix, "share/50/a", "");
	CHECK_STR(seer_news(&s), "+50\\a");
	CHECK_EQ(inotify_watches(), 0);
	seer_fini(&s);
}

/* How many events there are, which must be of "I\\a" with I from `next` on. */
static int take_in_order(struct seer *s, int next)
{
	struct notify_event *e;
	char want[40];
	int count = 0;
	bool overflow;

	s->server->ops->wait(s->notify, wait_park(&s->wait, seer_ended));
	CHECK_EQ(seer_await(s), 0);
	e = s->server->ops->take(s->notify, &s->fix.arena, &overflow);
	for (; e; e = e->next) {
		snprintf(want, sizeof(want), "%d\\a", next + count++);
		CHECK_STR(e->name, want);
	}
	arena_reset(&s->fix.arena);
	return count;
}

/* More directories than are remembered: those that were forgotten are found again. */
TEST(there_may_be_more_directories_than_are_remembered)
{
	enum { BATCH = NOTIFY_EVENTS_MAX / 2, DIRECTORIES = NOTIFY_WATCHES_MAX + BATCH };
	struct seer s;
	char rel[40];

	/* so many are quicker made in memory */
	seer_init_at(&s, NOTIFY_BEST,
		     access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	make_directories(&s, DIRECTORIES);
	need_fanotify(&s, FILE_NOTIFY_CHANGE_FILE_NAME);
	for (int i = 0; i < DIRECTORIES; i++) {
		snprintf(rel, sizeof(rel), "share/%d/a", i);
		fix_put(&s.fix, rel, "");
		if (i % BATCH == BATCH - 1)
			CHECK_EQ(take_in_order(&s, i + 1 - BATCH), BATCH);
	}
	fix_put(&s.fix, "share/0/b", "");
	CHECK_STR(seer_news(&s), "+0\\b");
	seer_fini(&s);
}

TEST(what_was_not_for_the_user_may_become_so)
{
	enum { BOB = 54322 };
	struct seer s;

	need_root();
	seer_init(&s);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/closed"), 0700), 0);
	s.cred = cred_new(BOB, BOB, NULL, 0);
	need_fanotify(&s, ALL);
	fix_put(&s.fix, "share/closed/secret", "");
	fix_put(&s.fix, "share/end", "");
	CHECK_STR(seer_news(&s), "+end");
	CHECK_EQ(chmod(fix_path(&s.fix, "share/closed"), 0755), 0);
	fix_put(&s.fix, "share/closed/public", "");
	CHECK_STR(seer_news(&s), "!closed +closed\\public");
	cred_put(s.cred);
	seer_fini(&s);
}

/* Nobody is told of what happens elsewhere on the file system, or to others. */
TEST(trees_do_not_mix)
{
	struct seer a, b;

	seer_init(&a);
	seer_init(&b);
	CHECK_EQ(mkdir(fix_path(&a.fix, "share/d"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&b.fix, "share/d"), 0755), 0);
	need_fanotify(&a, FILE_NOTIFY_CHANGE_FILE_NAME);
	need_fanotify(&b, FILE_NOTIFY_CHANGE_FILE_NAME);
	fix_put(&a.fix, "share/d/a", "");
	fix_put(&b.fix, "share/d/b", "");
	fix_put(&a.fix, "outside", "");
	CHECK_STR(seer_news(&a), "+d\\a");
	CHECK_STR(seer_news(&b), "+d\\b");
	CHECK_EQ(mkdir(fix_path(&a.fix, "elsewhere"), 0755), 0);
	fix_put(&a.fix, "elsewhere/x", "");
	fix_put(&a.fix, "share/end", "");
	CHECK_STR(seer_news(&a), "+end");
	do_rename(&a, "elsewhere", "share/here");
	fix_put(&a.fix, "share/here/y", "");
	CHECK_STR(seer_news(&a), "+here\\y");
	seer_fini(&a);
	seer_fini(&b);
}

static void follow_a_tree(void)
{
	struct seer s;

	seer_init(&s);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, true), 0);
	fix_put(&s.fix, "share/d/a", "");
	CHECK_STR(seer_news(&s), "+d\\a");
	seer_fini(&s);
}

/* Of two who watch a tree one knows the directory that goes, and the other has never heard of it. */
TEST(a_directory_goes_that_only_one_knows)
{
	struct notify *knows;
	struct seer s;

	seer_init(&s);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	need_fanotify(&s, ALL);
	fix_put(&s.fix, "share/d/x", "");
	CHECK_EQ(unlink(fix_path(&s.fix, "share/d/x")), 0);
	seer_news(&s);
	knows = s.notify;
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_DIR_NAME, true), 0);
	CHECK_EQ(rmdir(fix_path(&s.fix, "share/d")), 0);
	CHECK_STR(seer_news(&s), "-d");
	s.server->ops->free(knows);
	seer_fini(&s);
}

/* A place is looked up as it is now, while the thread is still where the directory below which it lies moves into it. */
TEST(directories_that_seem_to_lie_in_each_other)
{
	const char *news;
	struct notify *held;
	struct holder h;
	struct seer s;

	seer_init(&s);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/a"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/a/x"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/b"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/e"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/e/f"), 0755), 0);
	need_fanotify(&s, FILE_NOTIFY_CHANGE_FILE_NAME);
	held = s.notify;
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, true), 0);
	fix_put(&s.fix, "share/a/x/known", "");
	CHECK_STR(seer_news(&s), "+a\\x\\known");
	fix_put(&s.fix, "share/e/f/known", "");
	CHECK_STR(seer_news(&s), "+e\\f\\known");
	holder_begin(&h, held);
	fix_put(&s.fix, "share/held", "");
	usleep(50000); /* until the thread has come that far */
	do_rename(&s, "share/a/x", "share/b/x");
	do_rename(&s, "share/e", "gone"); /* what lies below it is searched for */
	do_rename(&s, "share/b/x", "share/d/x");
	do_rename(&s, "share/b", "share/d/x/b");
	fix_put(&s.fix, "share/d/x/b/deep", "");
	holder_end(&h);
	do
		news = seer_news(&s);
	while (!strstr(news, "deep") && strcmp(news, "overflow") != 0);
	fix_put(&s.fix, "share/d/x/b/end", "");
	CHECK_STR(seer_news(&s), "+d\\x\\b\\end");
	s.server->ops->free(held);
	seer_fini(&s);
}

/* A directory that has come is told of where it was, however late the thread. */
TEST(what_happens_in_a_new_directory_is_told_before_it_moves)
{
	struct notify *held;
	struct holder h;
	struct seer s;

	seer_init(&s);
	CHECK_EQ(mkdir(fix_path(&s.fix, "elsewhere"), 0755), 0);
	need_fanotify(&s, ALL);
	held = s.notify;
	CHECK_EQ(seer_start(&s, NOTIFY_FILTER_NAMES, true), 0);
	holder_begin(&h, held);
	fix_put(&s.fix, "share/held", "");
	usleep(50000); /* until the thread has come that far */
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d/e"), 0755), 0);
	fix_put(&s.fix, "share/d/e/a", "");
	do_rename(&s, "share/d/e", "share/f");
	fix_put(&s.fix, "share/f/b", "");
	do_rename(&s, "elsewhere", "share/here");
	fix_put(&s.fix, "share/here/c", "");
	do_rename(&s, "share/here", "share/there");
	holder_end(&h);
	CHECK_STR(seer_told_up_to(&s, ">there"),
		  "+held +d +d\\e +d\\e\\a -d\\e +f +f\\b +here +here\\c <here >there");
	s.server->ops->free(held);
	seer_fini(&s);
}

TEST(what_is_no_longer_for_the_user_is_not_told)
{
	enum { BOB = 54322 };
	struct seer s;

	need_root();
	seer_init(&s);
	s.cred = cred_new(BOB, BOB, NULL, 0);
	need_fanotify(&s, NOTIFY_FILTER_NAMES);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/d/e"), 0755), 0);
	fix_put(&s.fix, "share/d/e/a", "");
	CHECK_STR(seer_told_up_to(&s, "+d\\e\\a"), "+d +d\\e +d\\e\\a");
	CHECK_EQ(chmod(fix_path(&s.fix, "share/d"), 0700), 0);
	fix_put(&s.fix, "share/d/secret", "");
	fix_put(&s.fix, "share/d/e/secret", "");
	CHECK_EQ(mkdir(fix_path(&s.fix, "share/closed"), 0700), 0);
	fix_put(&s.fix, "share/closed/secret", "");
	fix_put(&s.fix, "share/end", "");
	CHECK_STR(seer_told_up_to(&s, "+end"), "+closed +end");
	cred_put(s.cred);
	seer_fini(&s);
}

TEST(without_fanotify_there_is_inotify)
{
	static const struct {
		unsigned call, err;
	} cases[] = {
		{SYS_fanotify_init, ENOSYS},     {SYS_fanotify_init, EPERM},
		{SYS_fanotify_init, EINVAL},     {SYS_fanotify_mark, EPERM},
		{SYS_fanotify_mark, EOPNOTSUPP}, {SYS_name_to_handle_at, EOPNOTSUPP},
		{SYS_open_by_handle_at, EPERM},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			refuse(cases[i].call, cases[i].err);
			follow_a_tree();
			_exit(0);
		}
		CHECK(pid > 0);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

TEST_MAIN()
