/* test_posix_dir.c - listing directories. */
#include "posix_fixture.h"

#include "fs/dosattr.h"
#include "fs/short_name.h"
#include "wire/fscc_proto.h"

#include <sys/xattr.h>

enum { NAMES_MAX = 512 };

/* A whole listing, in pieces of `max`. */
struct whole {
	size_t count, calls;
	const char *names[NAMES_MAX];
	struct vfs_stat stats[NAMES_MAX];
};

static int list(struct fix *f, struct vfile *dir, size_t max, bool with_stat,
		struct whole *w)
{
	CLEANUP(vfile_putp) struct vfile *data = fix_open(f, dir, true, false);
	struct vfs_readdir r = {
		.data = data, .file = dir, .max = max, .with_stat = with_stat};

	*w = (struct whole){0};
	while (!r.end) {
		int err = fix_run(f, &r.call, VFS_READDIR);

		if (err)
			return err;
		w->calls++;
		CHECK(r.count <= max);
		for (size_t i = 0; i < r.count; i++) {
			w->names[w->count] = r.entries[i].name;
			w->stats[w->count++] = r.entries[i].stat;
			r.cookie = r.entries[i].cookie;
		}
	}
	return 0;
}

static const struct vfs_stat *entry(const struct whole *w, const char *name)
{
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->names[i], name) == 0)
			return &w->stats[i];
	return NULL;
}

TEST(every_name_once_whatever_the_pieces)
{
	static const size_t pieces[] = {1, 7, 100, 512};
	struct whole w;
	struct fix f;

	fix_init(&f);
	for (int i = 0; i < 300; i++) {
		char rel[40];

		snprintf(rel, sizeof(rel), "share/a name that is longer %d", i);
		fix_put(&f, rel, "");
	}
	for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
		CHECK_EQ(list(&f, f.root, pieces[p], false, &w), 0);
		CHECK_EQ(w.count, 302);
		for (size_t i = 0; i < w.count; i++)
			CHECK(entry(&w, w.names[i]) == &w.stats[i]); /* no earlier one */
		arena_reset(&f.arena);
	}
	fix_fini(&f);
}

/* A descriptor has one position: where the last answer ended is not where the next one must begin. */
TEST(a_listing_may_go_back)
{
	struct vfs_readdir r = {.max = 24};
	char first[256];
	uint64_t behind;
	struct fix f;

	fix_init(&f);
	for (int i = 0; i < 100; i++) {
		char rel[40];

		snprintf(rel, sizeof(rel), "share/%d", i);
		fix_put(&f, rel, "");
	}
	CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, f.root, true, false);
	r.data = data;
	r.file = f.root;
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
	behind = r.cookie = r.entries[r.count - 1].cookie;
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
	snprintf(first, sizeof(first), "%s", r.entries[0].name);
	for (int i = 0; i < 2; i++) { /* from further on, then from where we are */
		r.cookie = i ? behind : r.entries[r.count - 1].cookie;
		CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
		CHECK(r.count > 0);
		CHECK_EQ(strcmp(r.entries[0].name, first) == 0, i == 1);
	}
	r.cookie = behind; /* behind an entry in the middle of the last answer */
	r.max = 1;
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
	CHECK_STR(r.entries[0].name, first);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* Shows what has a size, and notes what it was asked. */
struct sized {
	struct vfs_filter vfs;
	size_t asked;
	bool has_sd;
};

static bool shows_sized(const struct vfs_filter *vfs, const struct vfs_looked *e,
			struct arena *scratch)
{
	struct sized *s = container_of((struct vfs_filter *)vfs, struct sized, vfs);

	s->asked++;
	s->has_sd = e->sd.len > 0;
	CHECK_EQ(e->sd.len == 0, e->may != 0);
	assert_non_null(arena_alloc(scratch, 400000)); /* each time anew */
	return e->stat->size > 0;
}

TEST(a_filter_is_asked_of_all_but_the_dots)
{
	struct sized sized = {.vfs = {.with_sd = true, .shows = shows_sized}};
	struct vfs_readdir r = {.filter = &sized.vfs, .max = 1};
	size_t found = 0;
	struct fix f;

	fix_init(&f);
	for (int i = 0; i < 600; i++) {
		char rel[40];

		snprintf(rel, sizeof(rel), "share/%d", i);
		fix_put(&f, rel, i % 7 == 0 ? "text" : "");
	}
	fix_put(&f, "share/.tsmb", "text");
	CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, f.root, true, false);
	r.data = data;
	r.file = f.root;
	for (size_t max = 1; !r.end; max += 5) {
		r.max = max;
		CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
		for (size_t i = 0; i < r.count; i++) {
			const char *name = r.entries[i].name;

			CHECK(name[0] == '.' || atoi(name) % 7 == 0);
			r.cookie = r.entries[i].cookie;
		}
		found += r.count;
	}
	CHECK_EQ(found, 2 + 86);
	CHECK(sized.asked >= 600);
	CHECK(!sized.has_sd);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(a_filter_is_told_of_descriptors)
{
	struct sized sized = {.vfs = {.with_sd = true, .shows = shows_sized}};
	struct vfs_readdir r = {.filter = &sized.vfs, .max = 9};
	char path[128];
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/f", "text");
	snprintf(path, sizeof(path), "%s/f", f.share);
	if (setxattr(path, "user.tsmb.$sd", "a descriptor", 12, 0) == 0) {
		CLEANUP(vfile_putp)
		struct vfile *data = fix_open(&f, f.root, true, false);

		r.data = data;
		r.file = f.root;
		CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
		CHECK_EQ(r.count, 3);
		CHECK(sized.has_sd);
	}
	fix_fini(&f);
}

TEST(entries_tell_what_look_up_tells)
{
	static const char *const names[] = {"file", "dir",  ".dot",  "link",
					    "out",  "fifo", "hidden"};
	struct dosattr a = {.has_attributes = true, .attributes = FILE_ATTRIBUTE_HIDDEN};
	uint8_t room[DOSATTR_LEN];
	struct span xattr;
	struct whole w;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "text");
	fix_put(&f, "share/.dot", "");
	fix_put(&f, "share/hidden", "");
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0755), 0);
	CHECK_EQ(mkfifo(fix_path(&f, "share/fifo"), 0600), 0);
	fix_link(&f, "file", "share/link");
	fix_link(&f, "/etc/passwd", "share/out");
	xattr = dosattr_encode(&a, 5, room);
	CHECK_EQ(setxattr(fix_path(&f, "share/hidden"), DOSATTR_XATTR, xattr.p, xattr.len,
			  0),
		 0);

	CHECK_EQ(list(&f, f.root, 64, true, &w), 0);
	CHECK_EQ(w.count, 2 + ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct vfs_stat *st = entry(&w, names[i]);
		struct vfs_lookup l;

		assert_non_null(st);
		CHECK_EQ(fix_lookup(&f, NULL, names[i], &l), 0);
		l.stat.access_time = st->access_time; /* looking at a link moves it */
		CHECK_MEM(st, &l.stat, sizeof(*st));
		vfile_put(l.file);
	}
	fix_fini(&f);
}

/* What lies above the root is not told: neither its times nor its inode. */
TEST(dots_of_the_root_are_the_root)
{
	struct vfs_lookup self;
	struct whole w;
	struct stat above;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_lookup(&f, NULL, "", &self), 0);
	CHECK_EQ(stat(f.top, &above), 0);
	for (int with_stat = 0; with_stat < 2; with_stat++) {
		CHECK_EQ(list(&f, f.root, 64, with_stat, &w), 0);
		CHECK_EQ(w.count, 2);
		CHECK_EQ(entry(&w, ".")->key.inode, self.stat.key.inode);
		CHECK_EQ(entry(&w, "..")->key.inode, self.stat.key.inode);
	}
	vfile_put(self.file);
	fix_fini(&f);
}

TEST(dots_below_are_the_directories)
{
	struct vfs_lookup dir;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0755), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "dir", &dir), 0);
	CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, dir.file, true, false);
	struct vfs_readdir r = {
		.data = data, .file = dir.file, .parent = f.root, .max = 9};
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
	CHECK_EQ(r.count, 2);
	for (size_t i = 0; i < r.count; i++) {
		bool up = strcmp(r.entries[i].name, "..") == 0;

		CHECK_EQ(r.entries[i].stat.key.inode == dir.stat.key.inode, !up);
	}
	vfile_put(TAKE(data));
	vfile_put(dir.file);
	fix_fini(&f);
}

/* By their short names; on a case-sensitive volume, which has none, not at all. */
TEST(names_nobody_could_say)
{
	static const char *const bad[] = {"\xff\xfe", "a:b", "back\\slash", "qu?"};

	for (int sensitive = 0; sensitive < 2; sensitive++) {
		char path[64], made[SHORT_NAME_LEN + 1];
		struct vfs_lookup l;
		struct whole w;
		struct fix f;

		fix_init_at(&f, "/tmp",
			    (struct posix_settings){.case_insensitive = !sensitive});
		for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
			snprintf(path, sizeof(path), "share/%s", bad[i]);
			fix_put(&f, path, "");
		}
		fix_put(&f, "share/.tsmb", "");
		fix_put(&f, "share/good", "");
		CHECK_EQ(list(&f, f.root, 2, true, &w), 0);
		CHECK_EQ(w.count, sensitive ? 3 : 3 + ARRAY_LEN(bad));
		assert_non_null(entry(&w, "good"));
		for (size_t i = 0; i < ARRAY_LEN(bad); i++)
			CHECK_EQ(!entry(&w, short_name_shown(bad[i], made)), sensitive);
		CHECK_EQ(fix_lookup(&f, NULL, ".tsmb", &l), -EACCES);
		CHECK_EQ(fix_lookup(&f, NULL, ".TSMB/x", &l), -EACCES);
		CHECK_EQ(fix_create(&f, ".tsmb", true), -EACCES);
		fix_fini(&f);
	}
}

TEST(only_open_directories_are_listed)
{
	struct vfs_readdir r = {.max = 8};
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, file, true, false);
	CLEANUP(vfile_putp) struct vfile *dir = fix_open(&f, f.root, true, false);
	r.file = f.root;
	r.data = data;
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), -ENOTDIR);
	r.data = f.root; /* a path handle */
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), -ENOTDIR);
	r.data = dir;
	r.cookie = UINT64_MAX;
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), -EINVAL);
	vfile_put(TAKE(dir));
	vfile_put(TAKE(data));
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(little_memory_gives_short_answers)
{
	struct vfs_readdir r = {.max = 64, .with_stat = true};
	struct fix f;

	fix_init(&f);
	for (int i = 0; i < 60; i++) {
		char rel[270];

		snprintf(rel, sizeof(rel), "share/%0250d", i);
		fix_put(&f, rel, "");
	}
	CLEANUP(vfile_putp) struct vfile *dir = fix_open(&f, f.root, true, false);
	r.file = f.root;
	r.data = dir;
	arena_fini(&f.arena);
	arena_init(&f.arena, 64 * sizeof(struct vfs_dirent) + 6000);
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), 0);
	CHECK(r.count > 0 && r.count < 62);
	CHECK(!r.end);
	arena_fini(&f.arena);
	arena_init(&f.arena, 100);
	CHECK_EQ(fix_run(&f, &r.call, VFS_READDIR), -ENOMEM);
	arena_fini(&f.arena);
	arena_init(&f.arena, 1 << 20);
	vfile_put(TAKE(dir));
	fix_fini(&f);
}

TEST_MAIN()
