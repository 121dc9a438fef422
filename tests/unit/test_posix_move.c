/* test_posix_move.c - removing, renaming and linking names. */
#include "posix_fixture.h"

static struct node_key key_of(struct fix *f, const char *name)
{
	struct vfs_lookup l;

	assert_int_equal(fix_lookup(f, NULL, name, &l), 0);
	vfile_put(l.file);
	return l.stat.key;
}

static bool exists(struct fix *f, const char *rel)
{
	struct stat st;

	return lstat(fix_path(f, rel), &st) == 0;
}

/* What a file beside the volume holds: one character is enough to tell them apart. */
static char content(struct fix *f, const char *rel)
{
	int fd = open(fix_path(f, rel), O_RDONLY);
	char c = 0;

	if (fd < 0 || read(fd, &c, 1) != 1)
		c = '?';
	close(fd);
	return c;
}

/* ---- UNLINK ------------------------------------------------------------------------------------- */

static int do_unlink(struct fix *f, const char *name, bool directory, struct node_key key)
{
	struct vfs_unlink u = {
		.dir = f->root,
		.name = name,
		.directory = directory,
		.key = key,
	};

	return fix_run(f, &u.call, VFS_UNLINK);
}

TEST(unlink_removes_files_and_empty_directories)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "1");
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0755), 0);
	fix_put(&f, "share/dir/x", "1");
	struct node_key dir = key_of(&f, "dir");

	CHECK_EQ(do_unlink(&f, "file", false, key_of(&f, "file")), 0);
	CHECK(!exists(&f, "share/file"));
	CHECK_EQ(do_unlink(&f, "file", false, dir), -ENOENT);
	CHECK_EQ(do_unlink(&f, "dir", true, dir), -ENOTEMPTY);
	CHECK_EQ(do_unlink(&f, "dir", false, dir), -EISDIR);
	CHECK_EQ(unlink(fix_path(&f, "share/dir/x")), 0);
	CHECK_EQ(do_unlink(&f, "dir", true, dir), 0);
	CHECK(!exists(&f, "share/dir"));
	fix_fini(&f);
}

TEST(unlink_spares_what_has_taken_the_name)
{
	struct node_key old;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "1");
	old = key_of(&f, "file");
	fix_put(&f, "share/new", "2");
	CHECK_EQ(rename(fix_path(&f, "share/file"), fix_path(&f, "share/kept")), 0);
	CHECK_EQ(rename(fix_path(&f, "share/new"), fix_path(&f, "share/file")), 0);
	CHECK_EQ(do_unlink(&f, "file", false, old), -ESTALE);
	CHECK_EQ(content(&f, "share/file"), '2');
	fix_fini(&f);
}

TEST(unlink_of_a_link_removes_the_link)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "1");
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0755), 0);
	fix_link(&f, "file", "share/to_file");
	fix_link(&f, "dir", "share/to_dir");
	fix_link(&f, "/etc", "share/out");

	CHECK_EQ(do_unlink(&f, "to_file", false, key_of(&f, "file")), 0);
	CHECK_EQ(do_unlink(&f, "to_dir", true, key_of(&f, "dir")), 0);
	CHECK_EQ(do_unlink(&f, "out", false, key_of(&f, "file")), -ESTALE);
	CHECK_EQ(do_unlink(&f, "out", false, key_of(&f, "out")), 0);
	CHECK(exists(&f, "share/file") && exists(&f, "share/dir"));
	CHECK(!exists(&f, "share/to_file") && !exists(&f, "share/to_dir") &&
	      !exists(&f, "share/out"));
	fix_fini(&f);
}

/* ---- RENAME ------------------------------------------------------------------------------------- */

static int do_rename(struct fix *f, const char *src, struct vfile *dst_dir,
		     const char *dst, bool replace)
{
	struct vfs_rename r = {
		.src_dir = f->root,
		.src_name = src,
		.dst_dir = dst_dir ? dst_dir : f->root,
		.dst_name = dst,
		.replace = replace,
		.key = key_of(f, src),
	};

	return fix_run(f, &r.call, VFS_RENAME);
}

TEST(rename_within_and_between_directories)
{
	struct vfile *dir;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/a", "1");
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0755), 0);
	dir = fix_find(&f, "dir");
	CHECK_EQ(do_rename(&f, "a", NULL, "b", false), 0);
	CHECK_EQ(content(&f, "share/b"), '1');
	CHECK_EQ(do_rename(&f, "b", dir, "c", false), 0);
	CHECK_EQ(content(&f, "share/dir/c"), '1');
	CHECK(!exists(&f, "share/b"));
	CHECK_EQ(do_rename(&f, "dir", dir, "x", false), -EINVAL);
	vfile_put(dir);
	fix_fini(&f);
}

TEST(rename_replaces_only_when_told)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/a", "1");
	fix_put(&f, "share/b", "2");
	CHECK_EQ(do_rename(&f, "a", NULL, "b", false), -EEXIST);
	CHECK_EQ(content(&f, "share/b"), '2');
	CHECK_EQ(do_rename(&f, "a", NULL, "b", true), 0);
	CHECK_EQ(content(&f, "share/b"), '1');
	CHECK(!exists(&f, "share/a"));
	CHECK_EQ(do_rename(&f, "b", NULL, "b", false), 0);
	CHECK_EQ(content(&f, "share/b"), '1');
	fix_fini(&f);
}

TEST(rename_sees_names_in_other_case)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/a", "1");
	fix_put(&f, "share/Taken", "2");
	CHECK_EQ(do_rename(&f, "a", NULL, "TAKEN", false), -EEXIST);
	CHECK_EQ(do_rename(&f, "a", NULL, "TAKEN", true), 0);
	CHECK_EQ(content(&f, "share/TAKEN"), '1');
	CHECK(!exists(&f, "share/Taken"));
	fix_fini(&f);
}

TEST(rename_may_change_case_alone)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/name", "1");
	CHECK_EQ(do_rename(&f, "name", NULL, "NAME", false), 0);
	CHECK(exists(&f, "share/NAME") && !exists(&f, "share/name"));
	CHECK_EQ(fix_lookup(&f, NULL, "Name", &l), 0);
	CHECK_STR(l.name, "NAME");
	vfile_put(l.file);
	fix_fini(&f);
}

/* rename(2) leaves both names of one file alone; the client asked for one to go. */
TEST(rename_over_another_name_of_the_same_file)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/a", "1");
	CHECK_EQ(link(fix_path(&f, "share/a"), fix_path(&f, "share/b")), 0);
	CHECK_EQ(do_rename(&f, "a", NULL, "b", false), -EEXIST);
	CHECK_EQ(do_rename(&f, "a", NULL, "b", true), 0);
	CHECK(!exists(&f, "share/a"));
	CHECK_EQ(content(&f, "share/b"), '1');
	fix_fini(&f);
}

TEST(rename_moves_only_the_file_that_was_meant)
{
	struct vfs_rename r = {.src_name = "a", .dst_name = "c"};
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/a", "1");
	fix_put(&f, "share/b", "2");
	r.src_dir = r.dst_dir = f.root;
	r.key = key_of(&f, "b");
	CHECK_EQ(fix_run(&f, &r.call, VFS_RENAME), -ESTALE);
	CHECK_EQ(content(&f, "share/a"), '1');
	r.key = key_of(&f, "a");
	r.dst_name = "../beside";
	CHECK_EQ(fix_run(&f, &r.call, VFS_RENAME), -EINVAL);
	r.src_name = "../share/a";
	CHECK_EQ(fix_run(&f, &r.call, VFS_RENAME), -EINVAL);
	fix_fini(&f);
}

/* ---- LINK --------------------------------------------------------------------------------------- */

static int do_link(struct fix *f, const char *src, const char *dst, bool replace)
{
	CLEANUP(vfile_putp) struct vfile *file = fix_find(f, src);
	struct vfs_link l = {
		.file = file,
		.dst_dir = f->root,
		.dst_name = dst,
		.replace = replace,
	};

	return fix_run(f, &l.call, VFS_LINK);
}

TEST(link_gives_a_second_name)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/a", "1");
	CHECK_EQ(do_link(&f, "a", "b", false), 0);
	CHECK_EQ(fix_lookup(&f, NULL, "b", &l), 0);
	CHECK_EQ(l.stat.nlink, 2);
	vfile_put(l.file);
	CHECK_EQ(do_link(&f, "a", "B", false), -EEXIST);
	CHECK_EQ(do_link(&f, "a", "b", true), 0);
	CHECK_EQ(do_link(&f, "a", "../b", false), -EINVAL);
	fix_fini(&f);
}

TEST(link_replaces_in_one_step_and_leaves_nothing)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/a", "1");
	fix_put(&f, "share/b", "2");
	CHECK_EQ(do_link(&f, "a", "b", false), -EEXIST);
	CHECK_EQ(do_link(&f, "a", "b", true), 0);
	CHECK_EQ(content(&f, "share/b"), '1');
	struct stat st;
	CHECK_EQ(stat(fix_path(&f, "share/a"), &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	fix_fini(&f);
}

TEST(link_takes_files_only)
{
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0755), 0);
	CHECK_EQ(mkfifo(fix_path(&f, "share/fifo"), 0600), 0);
	CHECK_EQ(do_link(&f, "dir", "b", false), -EISDIR);
	CHECK_EQ(do_link(&f, "fifo", "b", false), -EOPNOTSUPP);
	fix_fini(&f);
}

TEST_MAIN()
