/* test_notify_tree.c - what is told of a directory and all below it, by inotify and by fanotify. [MS-FSA] 2.1.4.1 */
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

	if (!cred_can_switch()) {
		print_message("[  REASON  ] needs root with CAP_SETUID and CAP_SETGID\n");
		skip();
	}
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

/* ---- a tree in which everything changes all the time ---------------------------------------------- */

enum {
	SCENE_ROUNDS = 12,
	SCENE_CHANGES = 150,
	SCENE_MAX = 4096,
	SCENE_ROOM = 300,
	SCENE_NAMES = 12
};

/* Paths below the share, as clients are told them. */
struct paths {
	char *path[SCENE_MAX];
	size_t count;
};

struct scene {
	struct seer seer;
	struct paths told; /* what is there for who believes what he is told */
	struct paths made; /* what is there; directories end in a backslash */
	unsigned number;   /* of the next name */
	bool reuse; /* names: else none is used twice, for fanotify merges what happens to one */
	unsigned random, seed;
};

static ssize_t paths_find(const struct paths *p, const char *path)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->path[i], path) == 0)
			return (ssize_t)i;
	return -1;
}

static void paths_add(struct paths *p, const char *path)
{
	CHECK(p->count < SCENE_MAX);
	p->path[p->count++] = strdup(path);
}

static bool is_or_is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '\\' || !path[len]);
}

/* top, without a backslash at its end, and all below it. */
static void paths_remove(struct paths *p, const char *top)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (is_or_is_below(p->path[i], top))
			free(p->path[i]);
		else
			p->path[kept++] = p->path[i];
	}
	p->count = kept;
}

static void paths_move(struct paths *p, const char *from, const char *to)
{
	char buf[PATH_MAX];

	for (size_t i = 0; i < p->count; i++) {
		if (!is_or_is_below(p->path[i], from))
			continue;
		snprintf(buf, sizeof(buf), "%s%s", to, p->path[i] + strlen(from));
		free(p->path[i]);
		p->path[i] = strdup(buf);
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All in a line, sorted. */
static const char *paths_line(struct paths *p, struct arena *a)
{
	char *line = arena_alloc(a, SCENE_MAX * 128);
	size_t at = 0;

	qsort(p->path, p->count, sizeof(p->path[0]), by_path);
	for (size_t i = 0; i < p->count; i++)
		at += (size_t)snprintf(line + at, SCENE_MAX * 128 - at, " %s",
				       p->path[i]);
	return line;
}

static void paths_fini(struct paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->path[i]);
}

static unsigned scene_random(struct scene *c, size_t below)
{
	c->random = c->random * 1103515245 + 12345;
	return (c->random >> 8) % (unsigned)below;
}

/* On disk. */
static const char *scene_path(struct scene *c, const char *path)
{
	char rel[PATH_MAX];

	snprintf(rel, sizeof(rel), "share/%s", path);
	for (char *p = rel; *p; p++)
		if (*p == '\\')
			*p = '/';
	if (rel[strlen(rel) - 1] == '/')
		rel[strlen(rel) - 1] = '\0';
	return arena_strdup(&c->seer.fix.arena, fix_path(&c->seer.fix, rel));
}

/* "" or a directory, with its backslash. */
static const char *scene_directory(struct scene *c)
{
	for (int i = 0; i < 8 && c->made.count; i++) {
		const char *path = c->made.path[scene_random(c, c->made.count)];

		if (path[strlen(path) - 1] == '\\')
			return path;
	}
	return "";
}

static bool scene_has(const struct scene *c, const char *path)
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s\\", path);
	return paths_find(&c->made, path) >= 0 || paths_find(&c->made, directory) >= 0;
}

/* A name that is free in a directory, which ends in a backslash. */
static void scene_name(struct scene *c, const char *directory, char *path)
{
	do
		snprintf(path, PATH_MAX, "%s%u", directory,
			 c->reuse ? scene_random(c, SCENE_NAMES) : c->number++);
	while (scene_has(c, path));
}

static void scene_make(struct scene *c, bool directory)
{
	char path[PATH_MAX];
	const char *disk;

	scene_name(c, scene_directory(c), path);
	if (directory)
		strcat(path, "\\");
	disk = scene_path(c, path);
	if (directory)
		CHECK_EQ(mkdir(disk, 0755), 0);
	else
		CHECK_EQ(close(open(disk, O_CREAT | O_WRONLY, 0644)), 0);
	paths_add(&c->made, path);
}

/* Without the backslash at its end. */
static void bare(char *to, const char *path)
{
	size_t len = strlen(path);

	snprintf(to, PATH_MAX, "%.*s",
		 (int)(len && path[len - 1] == '\\' ? len - 1 : len), path);
}

/* Of a directory that moves to another only itself is told: who wants to know what is in it looks. So none does. */
static void scene_move(struct scene *c)
{
	char from[PATH_MAX], to[PATH_MAX], parent[PATH_MAX];
	const char *path = c->made.path[scene_random(c, c->made.count)];
	bool directory = path[strlen(path) - 1] == '\\';

	bare(from, path);
	snprintf(parent, sizeof(parent), "%s", from);
	parent[strrchr(from, '\\') ? strrchr(from, '\\') + 1 - from : 0] = '\0';
	scene_name(c, directory ? parent : scene_directory(c), to);
	CHECK_EQ(rename(scene_path(c, from), scene_path(c, to)), 0);
	paths_move(&c->made, from, to);
}

/* If it is a directory, only an empty one. */
static void scene_remove(struct scene *c)
{
	char path[PATH_MAX];

	bare(path, c->made.path[scene_random(c, c->made.count)]);
	if (remove(scene_path(c, path)) == 0)
		paths_remove(&c->made, path);
	else
		CHECK_EQ(errno, ENOTEMPTY);
}

static void scene_change(struct scene *c)
{
	unsigned what = scene_random(c, 8);

	if (what < 4 || c->made.count < 4)
		scene_make(c, what % 2);
	else if (what < 6 || c->made.count > SCENE_ROOM)
		scene_remove(c);
	else
		scene_move(c);
}

/* Each thing that is told must be possible after what was told before. */
static void scene_believe(struct scene *c, char *news)
{
	const char *old = NULL;

	for (char *word = strtok(news, " "); word; word = strtok(NULL, " ")) {
		bool goes = *word == '-' || *word == '<';
		ssize_t at = paths_find(&c->told, word + 1);

		if (goes != (at >= 0))
			fail_msg("seed %u: told %s", c->seed, word);
		CHECK_EQ(old != NULL, *word == '>');
		if (*word == '+')
			paths_add(&c->told, word + 1);
		else if (*word == '-')
			paths_remove(&c->told, word + 1);
		else if (*word == '>')
			paths_move(&c->told, old, word + 1);
		old = *word == '<' ? word + 1 : NULL;
	}
}

static void scene_round(struct scene *c, unsigned round)
{
	char end[32], *news;
	struct paths there = {0};

	c->random = c->seed = round;
	for (int i = 0; i < SCENE_CHANGES; i++) {
		scene_change(c);
		if (i % 50 == 49)
			usleep(2000); /* now and then the thread is up with us */
	}
	/* a rename, for inotify's first half of an earlier one waits for its second until the next */
	snprintf(end, sizeof(end), ">end%u", round);
	paths_add(&c->made, end + 1);
	CHECK_EQ(close(open(scene_path(c, "end"), O_CREAT | O_WRONLY, 0644)), 0);
	CHECK_EQ(rename(scene_path(c, "end"), scene_path(c, end + 1)), 0);
	news = arena_strdup(&c->seer.fix.arena, seer_told_up_to(&c->seer, end));
	scene_believe(c, news);
	for (size_t i = 0; i < c->made.count; i++) {
		char path[PATH_MAX];

		bare(path, c->made.path[i]);
		paths_add(&there, path);
	}
	CHECK_STR(paths_line(&c->told, &c->seer.fix.arena),
		  paths_line(&there, &c->seer.fix.arena));
	paths_fini(&there);
	arena_reset(&c->seer.fix.arena);
}

static void scene_init(struct scene *c, enum notify_way way, bool reuse)
{
	*c = (struct scene){.reuse = reuse};
	seer_init_by(&c->seer, way);
	CHECK_EQ(seer_start(&c->seer, NOTIFY_FILTER_NAMES, true), 0);
}

static void scene_fini(struct scene *c)
{
	paths_fini(&c->told);
	paths_fini(&c->made);
	seer_fini(&c->seer);
}

/* ---- trees by each way ---------------------------------------------------------------------------- */

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

/* Who makes a directory waits for that, and then uses it. */
static void what_is_settled_is_watched(enum notify_way way)
{
	struct notify_settle settle;
	char rel[40], to[40], want[80];
	struct seer s;

	seer_init_by(&s, way);
	CHECK_EQ(seer_start(&s, FILE_NOTIFY_CHANGE_FILE_NAME, true), 0);
	for (int i = 0; i < 100; i++) {
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

static void what_is_told_adds_up(enum notify_way way)
{
	for (int reuse = 0; reuse <= (way == NOTIFY_INOTIFY_ONLY); reuse++) {
		struct scene scene;

		scene_init(&scene, way, reuse);
		for (unsigned round = 0; round < SCENE_ROUNDS; round++)
			scene_round(&scene, round);
		scene_fini(&scene);
	}
}

static void (*const tree_tests[])(enum notify_way way) = {
	what_is_listed_is_not_told_again,
	what_is_told_adds_up,
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

	if (!cred_can_switch()) {
		print_message("[  REASON  ] needs root with CAP_SETUID and CAP_SETGID\n");
		skip();
	}
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

	if (!cred_can_switch()) {
		print_message("[  REASON  ] needs root with CAP_SETUID and CAP_SETGID\n");
		skip();
	}
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
