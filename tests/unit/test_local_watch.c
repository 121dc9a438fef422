/* test_local_watch.c - what other processes do to files that are watched, told by fanotify. */
#include "local_rig.h"
#include "need_root.h"
#include "refuse.h"

#include <pthread.h>

enum { MANY = 2000, BEFORE_OVERFLOW_MAX = 20000 };

/* What is done to a file, what is asked for, what is told. */
static const struct {
	void (*act)(const char *path);
	unsigned asked, told;
} doings[] = {
	{act_open, WATCH_OPENS, WATCH_OPENS},
	{act_open, WATCH_CHANGES, 0},
	{act_write, WATCH_OPENS, WATCH_OPENS},
	{act_write, WATCH_CHANGES, WATCH_CHANGES},
	{act_write, WATCH_OPENS | WATCH_CHANGES, WATCH_OPENS | WATCH_CHANGES},
	{act_truncate, WATCH_OPENS, 0},
	{act_truncate, WATCH_CHANGES, WATCH_CHANGES},
	{act_store, WATCH_OPENS, WATCH_OPENS},
	{act_store, WATCH_CHANGES, WATCH_CHANGES},
	{act_look, WATCH_OPENS | WATCH_CHANGES, 0},
};

static void check_doings(struct rig *r, bool another)
{
	struct node_key key;
	struct vfile *file = rig_file(r, "file", &key);

	for (size_t i = 0; i < ARRAY_LEN(doings); i++) {
		local_watch_set(r->watch, file, &key, doings[i].asked);
		if (another)
			by_another(doings[i].act, rig_path(r, "file"));
		else
			doings[i].act(rig_path(r, "file"));
		CHECK_EQ(rig_news(r), another ? doings[i].told : 0);
		if (another && doings[i].told)
			CHECK_EQ(r->last_inode, key.inode);
	}
	local_watch_set(r->watch, file, &key, 0);
	vfile_put(file);
}

TEST(what_others_do_is_told_if_it_was_asked_for)
{
	struct rig r;

	rig_init(&r);
	check_doings(&r, true);
	CHECK_EQ(fanotify_watch_counts(r.watch).own, 0);
	rig_fini(&r);
}

TEST(a_file_system_in_memory_is_watched_as_well)
{
	struct rig r;

	if (access("/dev/shm", W_OK) != 0) {
		print_message("[  REASON  ] no /dev/shm\n");
		skip();
	}
	rig_init_at(&r, "/dev/shm", LOCAL_MARKS_MAX);
	check_doings(&r, true);
	rig_fini(&r);
}

TEST(what_we_do_ourselves_is_not_told)
{
	struct rig r;

	rig_init(&r);
	check_doings(&r, false);
	CHECK(fanotify_watch_counts(r.watch).own > 0);
	rig_fini(&r);
}

TEST(names_of_a_directory_are_told_and_nothing_else_of_it)
{
	static const struct {
		void (*act)(const char *path);
		unsigned told;
	} steps[] = {
		{act_create, WATCH_NAMES},
		{act_rename, WATCH_NAMES},
		{act_remove, WATCH_NAMES},
		{act_mkdir, WATCH_NAMES},
		{act_open, 0},
		{act_look, 0},
	};
	struct node_key key;
	struct vfile *dir;
	struct rig r;

	rig_init(&r);
	CHECK_EQ(fix_create(&r.fix, "d", true), 0);
	dir = rig_find(&r, "d", &key);
	local_watch_set(r.watch, dir, &key, WATCH_NAMES);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		by_another(steps[i].act, rig_path(&r, "d"));
		CHECK_EQ(rig_news(&r), steps[i].told);
	}
	local_watch_set(r.watch, dir, &key, 0);
	vfile_put(dir);
	rig_fini(&r);
}

TEST(we_change_a_directory_and_nothing_is_told)
{
	struct node_key key;
	struct vfile *dir;
	struct rig r;

	rig_init(&r);
	CHECK_EQ(fix_create(&r.fix, "d", true), 0);
	dir = rig_find(&r, "d", &key);
	local_watch_set(r.watch, dir, &key, WATCH_NAMES);
	act_create(rig_path(&r, "d"));
	act_rename(rig_path(&r, "d"));
	CHECK_EQ(rig_news(&r), 0);
	vfile_put(dir);
	rig_fini(&r);
}

TEST(many_writes_are_told_a_few_times)
{
	struct node_key key;
	struct vfile *file;
	struct rig r;

	rig_init(&r);
	file = rig_file(&r, "file", &key);
	local_watch_set(r.watch, file, &key, WATCH_CHANGES);
	by_another(act_write_much, rig_path(&r, "file"));
	rig_sync(&r);
	CHECK(r.told[LOCAL_CHANGED] >= 1);
	CHECK(r.told[LOCAL_CHANGED] <
	      2000); /* one in 2 ms; 20000 writes do not take 4 s */
	vfile_put(file);
	rig_fini(&r);
}

/* The kernel keeps apart what different processes do; the second and third come while the first is being told. */
TEST(in_one_batch_a_file_is_told_once)
{
	struct node_key key;
	struct vfile *file;
	struct rig r;

	rig_init(&r);
	file = rig_file(&r, "file", &key);
	local_watch_set(r.watch, file, &key, WATCH_OPENS);
	r.gated = true;
	for (int i = 0; i < 3; i++)
		by_another(act_open, rig_path(&r, "file"));
	r.gated = false;
	sem_post(&r.gate);
	rig_sync(&r);
	CHECK(r.told[LOCAL_OPENED] == 1 || r.told[LOCAL_OPENED] == 2);
	vfile_put(file);
	rig_fini(&r);
}

TEST(what_was_taken_back_is_not_told)
{
	struct node_key key;
	struct vfile *file;
	struct rig r;

	rig_init(&r);
	file = rig_file(&r, "file", &key);
	local_watch_set(r.watch, file, &key, WATCH_OPENS | WATCH_CHANGES);
	local_watch_set(r.watch, file, &key, WATCH_CHANGES);
	by_another(act_open, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), 0);
	local_watch_set(r.watch, file, &key, 0);
	by_another(act_write, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), 0);
	CHECK_EQ(fanotify_watch_counts(r.watch).marks, 1); /* the canary */
	vfile_put(file);
	rig_fini(&r);
}

TEST(path_and_data_handle_stand_for_the_same_file)
{
	struct vfile *file, *data;
	struct node_key key;
	struct rig r;

	rig_init(&r);
	file = rig_file(&r, "file", &key);
	data = fix_open(&r.fix, file, false, true);
	local_watch_set(r.watch, data, &key, WATCH_OPENS);
	by_another(act_open, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), WATCH_OPENS);
	local_watch_set(r.watch, file, &key, 0);
	by_another(act_open, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), 0);
	vfile_put(data);
	vfile_put(file);
	rig_fini(&r);
}

TEST(beyond_the_bound_files_are_not_watched_until_others_go)
{
	struct vfile *file[3];
	struct node_key key[3];
	struct rig r;

	rig_init_at(&r, "/tmp", 2);
	for (size_t i = 0; i < 3; i++) {
		file[i] = rig_file(&r, (const char *[]){"a", "b", "c"}[i], &key[i]);
		local_watch_set(r.watch, file[i], &key[i], WATCH_OPENS);
	}
	CHECK_EQ(fanotify_watch_counts(r.watch).full, 1);
	by_another(act_open, rig_path(&r, "c"));
	CHECK_EQ(rig_news(&r), 0);
	local_watch_set(r.watch, file[0], &key[0], 0);
	local_watch_set(r.watch, file[2], &key[2], WATCH_OPENS);
	by_another(act_open, rig_path(&r, "c"));
	CHECK_EQ(rig_news(&r), WATCH_OPENS);
	CHECK_EQ(fanotify_watch_counts(r.watch).marks, 3);
	for (size_t i = 0; i < 3; i++)
		vfile_put(file[i]);
	rig_fini(&r);
}

TEST(streams_and_files_of_others_are_left_alone)
{
	static const struct vfs_ops other_ops = {0};
	struct vfile other = {.ops = &other_ops};
	struct node_key key;
	struct vfile *file;
	struct rig r;

	rig_init(&r);
	file = rig_file(&r, "file", &key);
	local_watch_set(r.watch, &other, &key, WATCH_OPENS);
	local_watch_set(NULL, file, &key, WATCH_OPENS);
	key.stream = 1;
	local_watch_set(r.watch, file, &key, WATCH_OPENS);
	CHECK_EQ(fanotify_watch_counts(r.watch).marks, 1);
	CHECK_EQ(fanotify_watch_counts(r.watch).impossible, 0);
	vfile_put(file);
	rig_fini(&r);
}

TEST(a_file_that_is_gone_can_still_be_given_up)
{
	struct node_key key;
	struct vfile *file;
	struct rig r;

	rig_init(&r);
	file = rig_file(&r, "file", &key);
	local_watch_set(r.watch, file, &key, WATCH_CHANGES);
	by_another(act_unlink, rig_path(&r, "file"));
	local_watch_set(r.watch, file, &key, WATCH_OPENS);
	local_watch_set(r.watch, file, &key, 0);
	CHECK_EQ(fanotify_watch_counts(r.watch).marks, 1);
	CHECK_EQ(rig_news(&r), 0);
	vfile_put(file);
	rig_fini(&r);
}

/* Of many files exactly those are told that were opened. */
TEST(each_of_many_files_is_told_by_its_own_key)
{
	struct node_key *keys = calloc(MANY, sizeof(*keys));
	char name[16];
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		struct vfile *file = rig_file(&r, name, &keys[i]);

		local_watch_set(r.watch, file, &keys[i], WATCH_OPENS);
		vfile_put(file);
		arena_reset(&r.fix.arena);
	}
	CHECK_EQ(fanotify_watch_counts(r.watch).marks, MANY + 1);
	for (int i = 0; i < MANY; i += 100) {
		snprintf(name, sizeof(name), "f%d", i);
		by_another(act_open, rig_path(&r, name));
		CHECK_EQ(rig_news(&r), WATCH_OPENS);
		CHECK_EQ(r.last_inode, keys[i].inode);
	}
	free(keys);
	rig_fini(&r);
}

/* ---- threads ------------------------------------------------------------------------------------ */

struct setter {
	struct local_watch *watch;
	struct vfile *file;
	struct node_key key;
	unsigned what;
	struct cred *cred;
};

static void *set_as_user(void *arg)
{
	struct setter *s = arg;

	cred_confine_thread();
	cred_become(s->cred);
	local_watch_set(s->watch, s->file, &s->key, s->what);
	return NULL;
}

/* Clients may cache what their user may not read: a handle that writes, or looks at attributes. */
TEST(the_right_to_read_is_not_needed)
{
	struct setter user = {.what = WATCH_OPENS};
	pthread_t thread;
	struct rig r;

	need_root();
	user.cred = cred_new(65534, 65534, NULL, 0);
	rig_init(&r);
	user.watch = r.watch;
	user.file = rig_file(&r, "file", &user.key);
	CHECK_EQ(chmod(rig_path(&r, "file"), 0600), 0);
	CHECK_EQ(pthread_create(&thread, NULL, set_as_user, &user), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	by_another(act_open, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), WATCH_OPENS);
	user.what = 0;
	CHECK_EQ(pthread_create(&thread, NULL, set_as_user, &user), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	by_another(act_open, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), 0);
	CHECK_EQ(fanotify_watch_counts(r.watch).impossible, 0);
	vfile_put(user.file);
	cred_put(user.cred);
	rig_fini(&r);
}

static void *set_often(void *arg)
{
	struct setter *s = arg;

	for (int i = 0; i < 5000; i++)
		local_watch_set(s->watch, s->file, &s->key, i % 2 ? 0 : s->what);
	return NULL;
}

TEST(threads_that_disagree_leave_the_last_word)
{
	struct setter a, b;
	pthread_t thread;
	struct rig r;

	rig_init(&r);
	a = (struct setter){.watch = r.watch, .what = WATCH_OPENS};
	a.file = rig_file(&r, "file", &a.key);
	b = a;
	b.what = WATCH_CHANGES;
	CHECK_EQ(pthread_create(&thread, NULL, set_often, &b), 0);
	set_often(&a);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(fanotify_watch_counts(r.watch).marks, 1);
	by_another(act_write, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), 0);
	local_watch_set(r.watch, a.file, &a.key, WATCH_OPENS);
	by_another(act_write, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), WATCH_OPENS);
	vfile_put(a.file);
	rig_fini(&r);
}

/* ---- without the kernel's help -------------------------------------------------------------------- */

static void new_without(unsigned call, unsigned err)
{
	struct local_sink sink = {.changed = on_change};
	struct fanotify_settings settings = {
		.sink = &sink, .hash_key = fix_hash_key, .marks_max = 1};
	struct local_watch *w = NULL;

	refuse(call, err);
	must(fanotify_watch_new(&settings, &w) == -(int)err && !w);
}

static void act_new_old_kernel(const char *path)
{
	new_without(SYS_fanotify_init, ENOSYS);
}

static void act_new_forbidden(const char *path)
{
	new_without(SYS_fanotify_init, EPERM);
}

TEST(where_there_is_no_fanotify_there_is_no_watch)
{
	by_another(act_new_old_kernel, "");
	by_another(act_new_forbidden, "");
}

static void *set_refused(void *arg)
{
	struct setter *s = arg;

	refuse(SYS_fanotify_mark, EOPNOTSUPP);
	local_watch_set(s->watch, s->file, &s->key, WATCH_OPENS);
	local_watch_set(s->watch, s->file, &s->key, 0);
	refuse(SYS_name_to_handle_at, EOPNOTSUPP);
	local_watch_set(s->watch, s->file, &s->key, WATCH_OPENS);
	return NULL;
}

/* A filter is a thread's own: in ours the file can still be watched. */
TEST(a_file_system_that_cannot_is_counted_and_left_alone)
{
	struct setter s = {0};
	pthread_t thread;
	struct rig r;

	rig_init(&r);
	s.watch = r.watch;
	s.file = rig_file(&r, "file", &s.key);
	CHECK_EQ(pthread_create(&thread, NULL, set_refused, &s), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(fanotify_watch_counts(r.watch).impossible, 2);
	CHECK_EQ(fanotify_watch_counts(r.watch).marks, 1);
	local_watch_set(r.watch, s.file, &s.key, WATCH_OPENS);
	by_another(act_open, rig_path(&r, "file"));
	CHECK_EQ(rig_news(&r), WATCH_OPENS);
	vfile_put(s.file);
	rig_fini(&r);
}

/* ---- overflow ----------------------------------------------------------------------------------- */

static size_t queue_max(void)
{
	FILE *f = fopen("/proc/sys/fs/fanotify/max_queued_events", "r");
	size_t max = 16384;

	if (!f)
		return max;
	if (fscanf(f, "%zu", &max) != 1)
		max = 0;
	fclose(f);
	return max;
}

static void act_open_all(const char *top)
{
	char path[200];

	for (int i = 0;; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/f%d", top, i);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			return;
		close(fd);
	}
}

/* The files f0, f1, ... are watched, and r->seen will know which were told. */
static void watch_many(struct rig *r, int count)
{
	uint64_t low = UINT64_MAX, high = 0;
	struct node_key key;
	char name[16];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		struct vfile *file = rig_file(r, name, &key);

		local_watch_set(r->watch, file, &key, WATCH_OPENS);
		vfile_put(file);
		arena_reset(&r->fix.arena);
		low = key.inode < low ? key.inode : low;
		high = key.inode > high ? key.inode : high;
	}
	r->seen_from = low;
	r->seen_range = high - low + 1;
	r->seen = calloc(r->seen_range, sizeof(*r->seen));
	assert_non_null(r->seen);
}

TEST(when_events_are_lost_all_files_are_told)
{
	size_t max = queue_max();
	int count = (int)max + 2000;
	struct rig r;

	if (max == 0 || max > BEFORE_OVERFLOW_MAX) {
		print_message(
			"[  REASON  ] fs.fanotify.max_queued_events is too large\n");
		skip();
	}
	rig_init_at(&r, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
		    LOCAL_MARKS_MAX);
	watch_many(&r, count);
	r.gated = true;
	by_another(act_open_all, rig_path(&r, ""));
	r.gated = false;
	sem_post(&r.gate);
	for (int ms = 0; r.seen_count < count && ms < WAIT_S * 1000; ms++)
		usleep(1000);
	CHECK_EQ(r.seen_count, count);
	CHECK(fanotify_watch_counts(r.watch).overflows >= 1);
	rig_fini(&r);
}

TEST_MAIN()
