/* test_posix.c - resolving names and opening what they name, beneath the root of a volume. */
#include "fs/posix_impl.h"
#include "posix_fixture.h"

#include "wire/fscc_proto.h"

#include <pthread.h>
#include <sys/xattr.h>

/* ---- names -------------------------------------------------------------------------------------- */

TEST(lookup_of_nothing_is_the_directory_itself)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_lookup(&f, NULL, "", &l), 0);
	CHECK(l.file == f.root);
	CHECK_EQ(l.stat.type, VFS_DIR);
	CHECK_EQ(l.stat.dos_attributes, FILE_ATTRIBUTE_DIRECTORY);
	CHECK_STR(l.name, "");
	vfile_put(l.file);
	fix_fini(&f);
}

TEST(lookup_walks_down_and_counts)
{
	static const struct {
		const char *path;
		int err;
		size_t resolved;
	} cases[] = {
		{"a", 0, 1},           {"a/b", 0, 2},         {"a/b/file", 0, 3},
		{"x", -ENOENT, 0},     {"a/x", -ENOENT, 1},   {"a/b/x", -ENOENT, 2},
		{"a/x/y", -ENOENT, 1}, {"x/y/z", -ENOENT, 0}, {"a/b/file/x", -ENOTDIR, 3},
	};
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/a"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&f, "share/a/b"), 0755), 0);
	fix_put(&f, "share/a/b/file", "hello");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(fix_lookup(&f, NULL, cases[i].path, &l), cases[i].err);
		CHECK_EQ(l.resolved, cases[i].resolved);
		vfile_put(l.file);
	}
	fix_fini(&f);
}

TEST(lookup_tells_what_it_found)
{
	struct vfs_lookup l;
	struct stat st;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "hello");
	CHECK_EQ(stat(fix_path(&f, "share/file"), &st), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "file", &l), 0);
	CHECK_EQ(l.stat.type, VFS_FILE);
	CHECK_EQ(l.stat.size, 5);
	CHECK_EQ(l.stat.key.volume, st.st_dev);
	CHECK_EQ(l.stat.key.inode, st.st_ino);
	CHECK_EQ(l.stat.mode, 0644);
	CHECK_EQ(l.stat.uid, getuid());
	CHECK_EQ(l.stat.nlink, 1);
	CHECK_EQ(l.stat.dos_attributes, FILE_ATTRIBUTE_ARCHIVE);
	CHECK_EQ(l.stat.write_time / 10000000, (uint64_t)st.st_mtime + 11644473600);
	CHECK_EQ(l.may & VFS_MAY_READ, VFS_MAY_READ);
	CHECK_STR(l.name, "file");
	vfile_put(l.file);
	fix_fini(&f);
}

TEST(components_that_are_paths_are_refused)
{
	static const struct {
		const char *name;
		int err;
	} cases[] = {
		{"", -EINVAL},    {".", -EINVAL},         {"..", -EINVAL},
		{"a/b", -EINVAL}, {"../beside", -EINVAL}, {"/etc/passwd", -EINVAL},
		{"a/", -EINVAL},
	};
	char long_name[257];
	struct fix f;

	fix_init(&f);
	for (size_t i = 0; i <= ARRAY_LEN(cases); i++) {
		const char *name = i < ARRAY_LEN(cases) ? cases[i].name : long_name;
		int want = i < ARRAY_LEN(cases) ? cases[i].err : -ENAMETOOLONG;

		memset(long_name, 'n', sizeof(long_name) - 1);
		long_name[sizeof(long_name) - 1] = '\0';
		struct vfs_lookup l = {.dir = f.root, .names = &name, .count = 1};
		struct vfs_create k = {.dir = f.root, .name = name, .mode = 0644};

		CHECK_EQ(fix_run(&f, &l.call, VFS_LOOKUP), want);
		CHECK_EQ(fix_run(&f, &k.call, VFS_CREATE), want);
	}
	fix_fini(&f);
}

TEST(a_name_may_be_255_bytes)
{
	char name[256];
	struct fix f;

	fix_init(&f);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_EQ(fix_create(&f, name, false), 0);
	vfile_put(fix_find(&f, name));
	fix_fini(&f);
}

/* ---- symbolic links ----------------------------------------------------------------------------- */

TEST(links_are_followed_inside_the_root_only)
{
	static const struct {
		const char *target, *link, *look_up;
		int err;
		enum vfs_type type;
	} cases[] = {
		{"dir", "share/in", "in", 0, VFS_DIR},
		{"dir/file", "share/in2", "in2", 0, VFS_FILE},
		{"dir", "share/in3", "in3/file", 0, VFS_FILE},
		{"../file", "share/dir/up", "dir/up", 0, VFS_FILE},
		{"../../share/dir", "share/dir/out_and_in", "dir/out_and_in", 0,
		 VFS_SYMLINK},
		{"../beside", "share/out", "out", 0, VFS_SYMLINK},
		{"../../beside", "share/dir/out", "dir/out", 0, VFS_SYMLINK},
		{"/etc/passwd", "share/absolute", "absolute", 0, VFS_SYMLINK},
		{"/proc/self/root", "share/magic", "magic", 0, VFS_SYMLINK},
		{"nowhere", "share/dangling", "dangling", 0, VFS_SYMLINK},
		{"loop", "share/loop", "loop", 0, VFS_SYMLINK},
		{"..", "share/parent", "parent/beside", -ELOOP, 0},
		{"/", "share/slash", "slash/etc", -EXDEV, 0},
		{"nowhere", "share/dangling2", "dangling2/x", -ELOOP, 0},
		{"loop2", "share/loop2", "loop2/x", -ELOOP, 0},
	};
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0755), 0);
	fix_put(&f, "share/file", "inside");
	fix_put(&f, "share/dir/file", "inside");
	fix_put(&f, "beside", "secret");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fix_link(&f, cases[i].target, cases[i].link);
		CHECK_EQ(fix_lookup(&f, NULL, cases[i].look_up, &l), cases[i].err);
		if (cases[i].err)
			continue;
		CHECK_EQ(l.stat.type, cases[i].type);
		vfile_put(l.file);
	}
	fix_fini(&f);
}

/* RESOLVE_BENEATH counts from where one starts: a link that climbs must not depend on that. */
TEST(climbing_links_are_followed_from_any_directory)
{
	struct vfs_lookup l;
	struct vfile *sub;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/a"), 0755), 0);
	CHECK_EQ(mkdir(fix_path(&f, "share/a/b"), 0755), 0);
	fix_put(&f, "share/file", "inside");
	fix_put(&f, "beside", "secret");
	fix_link(&f, "../../file", "share/a/b/up");
	fix_link(&f, "../../../beside", "share/a/b/out");
	sub = fix_find(&f, "a/b");

	CHECK_EQ(fix_lookup(&f, sub, "up", &l), 0);
	CHECK_EQ(l.stat.type, VFS_FILE);
	vfile_put(l.file);
	CHECK_EQ(fix_lookup(&f, sub, "out", &l), 0);
	CHECK_EQ(l.stat.type, VFS_SYMLINK);
	vfile_put(l.file);
	CHECK_EQ(fix_lookup(&f, sub, "out/x", &l), -ELOOP);

	/* moved out of the share while open: nothing above it counts as inside any more */
	CHECK_EQ(rename(fix_path(&f, "share/a"), fix_path(&f, "moved")), 0);
	CHECK_EQ(fix_lookup(&f, sub, "up", &l), 0);
	CHECK_EQ(l.stat.type, VFS_SYMLINK);
	vfile_put(l.file);
	vfile_put(sub);
	fix_fini(&f);
}

TEST(links_that_lead_nowhere_cannot_be_opened)
{
	struct vfs_open o = {.read = true};
	struct fix f;

	fix_init(&f);
	fix_put(&f, "beside", "secret");
	fix_link(&f, "../beside", "share/out");
	o.file = fix_find(&f, "out");
	CHECK_EQ(fix_run(&f, &o.call, VFS_OPEN), -ELOOP);
	vfile_put(o.file);
	CHECK_EQ(fix_create(&f, "out", false), -EEXIST);
	CHECK_EQ(fix_create(&f, "OUT", true), -EEXIST);
	fix_fini(&f);
}

struct swapper {
	struct fix *fix;
	atomic_bool stop;
};

/* Exchange a directory and a link that leads out, as fast as it goes. */
static void *swap(void *data)
{
	struct swapper *s = data;
	char dir[128], link[128];

	snprintf(dir, sizeof(dir), "%s/share/d", s->fix->top);
	snprintf(link, sizeof(link), "%s/share/l", s->fix->top);
	while (!atomic_load(&s->stop))
		renameat2(AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE);
	return NULL;
}

TEST(no_race_leads_out)
{
	struct vfs_lookup l;
	struct stat secret;
	pthread_t thread;
	struct fix f;
	int found = 0;

	fix_init(&f);
	struct swapper s = {.fix = &f};
	CHECK_EQ(mkdir(fix_path(&f, "share/d"), 0755), 0);
	fix_put(&f, "share/d/file", "inside");
	CHECK_EQ(mkdir(fix_path(&f, "outside"), 0755), 0);
	fix_put(&f, "outside/file", "secret");
	CHECK_EQ(stat(fix_path(&f, "outside/file"), &secret), 0);
	fix_link(&f, "../outside", "share/l");

	CHECK_EQ(pthread_create(&thread, NULL, swap, &s), 0);
	for (int i = 0; i < 20000; i++) {
		if (fix_lookup(&f, NULL, "d/file", &l) == 0) {
			CHECK(l.stat.key.inode != secret.st_ino);
			vfile_put(l.file);
			found++;
		}
		arena_reset(&f.arena);
	}
	atomic_store(&s.stop, true);
	pthread_join(thread, NULL);
	CHECK(found > 0);
	fix_fini(&f);
}

/* ---- case --------------------------------------------------------------------------------------- */

TEST(other_case_finds_the_name_on_disk)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/Folder"), 0755), 0);
	fix_put(&f, "share/Folder/ReadMe.TXT", "x");
	CHECK_EQ(fix_lookup(&f, NULL, "fOLDER/readme.txt", &l), 0);
	CHECK_STR(l.name, "ReadMe.TXT");
	vfile_put(l.file);
	CHECK_EQ(fix_lookup(&f, NULL, "folder/nothing", &l), -ENOENT);
	CHECK_EQ(l.resolved, 1);
	CHECK_EQ(fix_create(&f, "FOLDER", true), -EEXIST);
	CHECK_EQ(fix_create(&f, "folder", false), -EEXIST);
	fix_fini(&f);
}

TEST(the_exact_name_comes_first)
{
	static const char *const names[] = {"name", "NAME", "Name"};
	char path[32];
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "share/%s", names[i]);
		fix_put(&f, path, "");
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CHECK_EQ(fix_lookup(&f, NULL, names[i], &l), 0);
		CHECK_STR(l.name, names[i]);
		vfile_put(l.file);
	}
	fix_fini(&f);
}

TEST(names_changed_behind_our_back_are_seen)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/d"), 0755), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "d/FILE", &l), -ENOENT);
	usleep(20000); /* a tick of the file system's clock */
	fix_put(&f, "share/d/file", "");
	CHECK_EQ(fix_lookup(&f, NULL, "d/FILE", &l), 0);
	CHECK_STR(l.name, "file");
	vfile_put(l.file);
	usleep(20000);
	CHECK_EQ(rename(fix_path(&f, "share/d/file"), fix_path(&f, "share/d/File")), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "d/FILE", &l), 0);
	CHECK_STR(l.name, "File");
	vfile_put(l.file);
	fix_fini(&f);
}

TEST(case_matters_where_the_volume_says_so)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init_at(&f, "/tmp", (struct posix_settings){.case_insensitive = false});
	CHECK_EQ(fix_create(&f, "name", false), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "NAME", &l), -ENOENT);
	CHECK_EQ(fix_create(&f, "NAME", false), 0);
	fix_fini(&f);
}
/* ---- CREATE and OPEN ---------------------------------------------------------------------------- */

TEST(create_makes_a_file_to_read_and_write)
{
	struct vfs_create k = {.name = "new", .mode = 0640};
	struct stat st;
	struct fix f;

	fix_init(&f);
	k.dir = f.root;
	CHECK_EQ(fix_run(&f, &k.call, VFS_CREATE), 0);
	CHECK_EQ(k.stat.type, VFS_FILE);
	CHECK_EQ(k.stat.size, 0);
	CHECK_EQ(k.stat.allocated, 0);
	CHECK_EQ(k.stat.dos_attributes, FILE_ATTRIBUTE_ARCHIVE);
	CHECK_EQ(stat(fix_path(&f, "share/new"), &st), 0);
	CHECK_EQ(st.st_ino, k.stat.key.inode);
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK_EQ(fix_create(&f, "new", false), -EEXIST);
	CHECK_EQ(fix_create(&f, "new", true), -EEXIST);

	uint8_t text[] = "text";
	struct vfs_io io = {.data = k.data, .bytes = mspan_of(text, 4)};
	CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), 0);
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK_EQ(io.done, 4);
	vfile_put(k.file);
	vfile_put(k.data);
	fix_fini(&f);
}

TEST(create_makes_a_directory)
{
	struct vfs_create k = {.name = "new", .directory = true, .mode = 0750};
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	k.dir = f.root;
	CHECK_EQ(fix_run(&f, &k.call, VFS_CREATE), 0);
	CHECK_EQ(k.stat.type, VFS_DIR);
	CHECK_EQ(k.stat.dos_attributes, FILE_ATTRIBUTE_DIRECTORY);
	CHECK_EQ(k.stat.nlink, 1);
	assert_null(k.data);
	CHECK_EQ(fix_lookup(&f, k.file, "x", &l), -ENOENT);
	vfile_put(k.file);
	fix_fini(&f);
}

TEST(create_stores_the_attributes_asked_for)
{
	static const struct {
		const char *name;
		bool directory;
		uint32_t ask, want;
	} cases[] = {
		{"a", false, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_ARCHIVE},
		{"b", false, FILE_ATTRIBUTE_HIDDEN,
		 FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_ARCHIVE},
		{"c", false, FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_SYSTEM,
		 FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_SYSTEM |
			 FILE_ATTRIBUTE_ARCHIVE},
		{"d", true, FILE_ATTRIBUTE_HIDDEN,
		 FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_DIRECTORY},
		{".e", false, 0, FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_ARCHIVE},
		{"f", false, FILE_ATTRIBUTE_COMPRESSED | FILE_ATTRIBUTE_ENCRYPTED,
		 FILE_ATTRIBUTE_ARCHIVE},
	};
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_create k = {
			.dir = f.root,
			.name = cases[i].name,
			.directory = cases[i].directory,
			.mode = 0755,
			.dos_attributes = cases[i].ask,
		};

		CHECK_EQ(fix_run(&f, &k.call, VFS_CREATE), 0);
		CHECK_EQ(k.stat.dos_attributes, cases[i].want);
		vfile_put(k.file);
		vfile_put(k.data);
		CHECK_EQ(fix_lookup(&f, NULL, cases[i].name, &l), 0);
		CHECK_EQ(l.stat.dos_attributes, cases[i].want);
		vfile_put(l.file);
	}
	fix_fini(&f);
}

TEST(forced_modes_survive_the_umask)
{
	struct stat st;
	struct fix f;
	mode_t umask_before = umask(077);

	fix_init_at(&f, "/tmp",
		    (struct posix_settings){.force_create_mode = 0664,
					    .force_directory_mode = 02775});
	CHECK_EQ(fix_create(&f, "file", false), 0);
	CHECK_EQ(fix_create(&f, "dir", true), 0);
	umask(umask_before);
	CHECK_EQ(stat(fix_path(&f, "share/file"), &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0664);
	CHECK_EQ(stat(fix_path(&f, "share/dir"), &st), 0);
	CHECK_EQ(st.st_mode & 07777, 02775);
	fix_fini(&f);
}

TEST(open_gives_what_is_asked_for_and_no_more)
{
	static const struct {
		bool read, write;
		int read_err, write_err;
	} cases[] = {
		{true, false, 0, -EBADF},
		{false, true, -EBADF, 0},
		{true, true, 0, 0},
	};
	uint8_t byte[1] = "x";
	struct vfile *file;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "y");
	file = fix_find(&f, "file");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfile *data = fix_open(&f, file, cases[i].read, cases[i].write);
		struct vfs_io io = {.data = data, .bytes = mspan_of(byte, 1)};

		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), cases[i].read_err);
		CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), cases[i].write_err);
		vfile_put(data);
	}
	vfile_put(file);
	fix_fini(&f);
}

TEST(open_truncates_when_asked)
{
	struct vfs_open o = {.read = true, .write = true, .truncate = true};
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "long text");
	o.file = fix_find(&f, "file");
	CHECK_EQ(fix_run(&f, &o.call, VFS_OPEN), 0);
	CHECK_EQ(o.stat.size, 0);
	CHECK_EQ(f.jobs, 1);
	vfile_put(o.data);
	vfile_put(o.file);
	fix_fini(&f);
}

/* The handle names the file, not its name. */
TEST(open_follows_the_file_through_a_rename)
{
	struct vfile *file, *data;
	uint8_t byte[1];
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "1");
	file = fix_find(&f, "file");
	CHECK_EQ(rename(fix_path(&f, "share/file"), fix_path(&f, "share/other")), 0);
	fix_put(&f, "share/file", "2");
	data = fix_open(&f, file, true, false);
	struct vfs_io io = {.data = data, .bytes = mspan_of(byte, 1)};
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK_EQ(byte[0], '1');
	vfile_put(data);
	vfile_put(file);
	fix_fini(&f);
}

TEST(special_files_are_shown_but_not_opened)
{
	struct vfs_open o = {.read = true};
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkfifo(fix_path(&f, "share/fifo"), 0666), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "fifo", &l), 0);
	CHECK_EQ(l.stat.type, VFS_SPECIAL);
	o.file = l.file;
	CHECK_EQ(fix_run(&f, &o.call, VFS_OPEN), -EOPNOTSUPP);
	vfile_put(l.file);
	fix_fini(&f);
}

TEST(what_is_warm_needs_no_pool)
{
	struct vfs_lookup l;
	struct vfs_open o = {.read = true};
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_create(&f, "file", false), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "FILE", &l), 0); /* learns the directory */
	vfile_put(l.file);
	f.jobs = 0;
	CHECK_EQ(fix_lookup(&f, NULL, "file", &l), 0);
	o.file = l.file;
	CHECK_EQ(fix_run(&f, &o.call, VFS_OPEN), 0);
	vfile_put(o.data);
	vfile_put(l.file);
	CHECK_EQ(fix_lookup(&f, NULL, "FILE", &l), 0);
	vfile_put(l.file);
	CHECK_EQ(fix_create(&f, "second", false), 0);
	CHECK_EQ(fix_create(&f, "third", true), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "SECOND", &l), 0);
	vfile_put(l.file);
	CHECK_EQ(f.jobs, 0);
	fix_fini(&f);
}

/* Older kernels: no look into memory alone, no getxattrat(). Everything works, through the pool. */
TEST(fallbacks_do_the_same)
{
	struct vfs_create k = {
		.name = "file", .mode = 0644, .dos_attributes = FILE_ATTRIBUTE_SYSTEM};
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	posix_volume_of(f.vfs)->resolve_cached = false;
	posix_volume_of(f.vfs)->xattrat = false;
	k.dir = f.root;
	CHECK_EQ(fix_run(&f, &k.call, VFS_CREATE), 0);
	vfile_put(k.file);
	vfile_put(k.data);
	f.jobs = 0;
	CHECK_EQ(fix_lookup(&f, NULL, "FILE", &l), 0);
	CHECK_EQ(f.jobs, 1);
	CHECK_EQ(l.stat.dos_attributes, FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE);
	vfile_put(l.file);

	CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, f.root, true, false);
	struct vfs_readdir r = {
		.data = data, .file = f.root, .max = 9, .with_stat = true};
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
	CHECK_EQ(r.count, 3);
	for (size_t i = 0; i < r.count; i++)
		if (strcmp(r.entries[i].name, "file") == 0)
			CHECK(r.entries[i].stat.dos_attributes & FILE_ATTRIBUTE_SYSTEM);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(a_slow_volume_is_served_by_the_pool)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	vfile_put(fix_find(&f, "file"));
	f.jobs = 0;
	atomic_store(&posix_volume_of(f.vfs)->pace.slow_until_ns, UINT64_MAX);
	CHECK_EQ(fix_lookup(&f, NULL, "file", &l), 0);
	CHECK_EQ(f.jobs, 1);
	vfile_put(l.file);
	fix_fini(&f);
}

/* One slow call may be chance; the second that slept is not. */
TEST(pace_judges_by_sleeping_twice)
{
	struct posix_pace p = {0};
	struct posix_mark m;

	for (int i = 0; i < 2; i++) {
		CHECK(posix_pace_begin(&p, &m));
		CHECK_EQ(m.suspicious, i);
		usleep(3000);
		posix_pace_end(&p, &m);
	}
	CHECK(!posix_pace_begin(&p, &m));
	atomic_store(&p.slow_until_ns, 0); /* a second later */
	CHECK(posix_pace_begin(&p, &m));
	posix_pace_end(&p, &m);
	CHECK(posix_pace_begin(&p, &m));
	CHECK(!m.suspicious);
}

/*
 * One round of one of several workers: makes a name, finds it, changes its case, lists and removes it. The step that
 * failed, 0 for none.
 */
static int work_round(struct fix *f, struct vfile *dir, const char *low, const char *up)
{
	struct vfs_rename r = {
		.src_dir = f->root, .src_name = low, .dst_dir = f->root, .dst_name = up};
	struct vfs_readdir d = {
		.data = dir, .file = f->root, .max = 64, .with_stat = true};
	struct vfs_unlink u = {.dir = f->root, .name = up};
	struct vfs_lookup l;

	if (fix_create(f, low, false))
		return 1;
	if (fix_lookup(f, NULL, up, &l))
		return 2;
	vfile_put(l.file);
	r.key = u.key = l.stat.key;
	if (strcmp(l.name, low) != 0 || fix_run(f, &r.call, VFS_RENAME))
		return 3;
	if (fix_run(f, &d.call, VFS_READDIR))
		return 4;
	return fix_run(f, &u.call, VFS_UNLINK) ? 5 : 0;
}

static void *work(void *data)
{
	struct fix *f = data;
	CLEANUP(vfile_putp) struct vfile *dir = fix_open(f, f->root, true, false);
	int failed = 0;

	for (int i = 0; i < 200 && !failed; i++) {
		char low[32], up[32];

		snprintf(low, sizeof(low), "name-%p-%d", data, i % 10);
		snprintf(up, sizeof(up), "NAME-%p-%d", data, i % 10);
		failed = work_round(f, dir, low, up);
		arena_reset(&f->arena);
	}
	return (void *)(intptr_t)failed;
}

TEST(workers_share_a_volume)
{
	struct fix f, workers[4];
	pthread_t threads[4];

	fix_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		fix_join(&workers[i], &f);
		CHECK_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		void *failed;

		CHECK_EQ(pthread_join(threads[i], &failed), 0);
		CHECK_EQ((intptr_t)failed, 0);
		fix_leave(&workers[i]);
	}
	fix_fini(&f);
}

TEST(new_refuses_what_it_cannot_serve)
{
	struct posix_settings s = {.path = "/nowhere/at/all", .hash_key = fix_hash_key};
	struct vfs *vfs;

	CHECK_EQ(posix_new(&s, &vfs), -ENOENT);
	s.path = "/etc/passwd";
	CHECK_EQ(posix_new(&s, &vfs), -ENOTDIR);
}

TEST_MAIN()
