/*
 * A tree in which everything changes all the time, and one who believes what he is told of it: each thing must be possible after
 * what he was told before, and in the end he knows what is there.
 */
#include "seer.h"

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

static void follow(enum notify_way way)
{
	for (int reuse = 0; reuse <= (way == NOTIFY_INOTIFY_ONLY); reuse++) {
		struct scene scene;

		scene_init(&scene, way, reuse);
		for (unsigned round = 0; round < SCENE_ROUNDS; round++)
			scene_round(&scene, round);
		scene_fini(&scene);
	}
}

TEST(what_inotify_tells_adds_up)
{
	follow(NOTIFY_INOTIFY_ONLY);
}

/* Where the kernel lets us; elsewhere by inotify once more. */
TEST(what_fanotify_tells_adds_up)
{
	follow(NOTIFY_BEST);
}

TEST_MAIN()
