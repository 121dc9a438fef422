/* test_posix_stream_names.c - named streams renamed and removed, alone and with their file. */
#include "posix_stream_fixture.h"

/* ---- removing and renaming ------------------------------------------------------------------------- */

TEST(removed_streams_can_be_made_anew)
{
	struct vfs_stream_open old, fresh;
	struct vfs_stream_remove r = {0};
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	CHECK_EQ(open_stream(&f, file, "s", true, &old), 0);
	r.file = old.stream;
	CHECK_EQ(fix_run(&f, &r.call, VFS_STREAM_REMOVE), 0);
	CHECK_EQ(fix_run(&f, &r.call, VFS_STREAM_REMOVE), -ESTALE);
	CHECK_EQ(list(&f, file).count, 0);
	CHECK_EQ(open_stream(&f, file, "s", true, &fresh), 0);
	CHECK(fresh.created);
	CHECK(!node_key_eq(&old.stat.key, &fresh.stat.key)); /* another stream */
	vfile_put(old.stream);
	vfile_put(fresh.stream);
	CHECK_EQ(remove_stream(&f, file, "other"), -ENOENT);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(handles_of_a_removed_stream_change_nothing_any_more)
{
	struct vfile *data;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	data = data_of(&f, file, "s");
	CHECK_EQ(remove_stream(&f, file, "s"), 0);
	CHECK_EQ(write_at(&f, data, 0, "abc", 3), 0);
	CHECK_EQ(list(&f, file).count, 0);
	CHECK_EQ(write_at(&f, data, 0, pattern, 2000), -ESTALE);
	CHECK_EQ(content_files(&f), 0);
	vfile_put(data);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(renamed_streams_keep_content_and_handles)
{
	struct vfs_stream_open o;
	struct vfile *small, *large;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	small = data_of(&f, file, "small");
	large = data_of(&f, file, "large");
	CHECK_EQ(write_at(&f, small, 0, "abc", 3), 0);
	CHECK_EQ(write_at(&f, large, 0, pattern, 3000), 0);
	CHECK_EQ(rename_stream(&f, file, "small", "little", false), 0);
	CHECK_EQ(rename_stream(&f, file, "large", "LARGE", false), 0);
	CHECK_EQ(write_at(&f, small, 3, "def", 3), 0);
	vfile_put(small);
	vfile_put(large);
	CHECK_EQ(open_stream(&f, file, "small", false, &o), -ENOENT);
	small = data_of(&f, file, "little");
	CHECK_SPAN(read_all(&f, small), span_of_str("abcdef"));
	vfile_put(small);
	CHECK_EQ(open_stream(&f, file, "large", false, &o), 0);
	CHECK_STR(o.stored_name, "LARGE");
	CHECK_EQ(o.stat.size, 3000);
	vfile_put(o.stream);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(renaming_replaces_only_what_may_is_not_open_and_empty)
{
	struct vfs_stream_open o;
	struct vfile *a, *b;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	a = data_of(&f, file, "a");
	CHECK_EQ(write_at(&f, a, 0, "a", 1), 0);
	b = data_of(&f, file, "b");
	CHECK_EQ(write_at(&f, b, 0, pattern, 2000), 0);
	CHECK_EQ(rename_stream(&f, file, "a", "B", true), -EEXIST);
	vfile_put(b);
	CHECK_EQ(rename_stream(&f, file, "a", "B", false), -EEXIST);
	CHECK_EQ(rename_stream(&f, file, "a", "B", true), -ENOTEMPTY);
	b = data_of(&f, file, "b");
	CHECK_EQ(resize(&f, b, 0), 0);
	vfile_put(b);
	CHECK_EQ(rename_stream(&f, file, "a", "B", true), 0);
	CHECK_EQ(content_files(&f), 0);
	CHECK_EQ(list(&f, file).count, 1);
	CHECK_EQ(open_stream(&f, file, "b", false, &o), 0);
	CHECK_EQ(o.stat.size, 1);
	vfile_put(o.stream);
	vfile_put(a);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(clearing_removes_all_and_empties_those_in_use)
{
	struct vfs_stream_remove r = {0};
	struct vfile *open, *other;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	r.file = file;
	CHECK_EQ(fix_run(&f, &r.call, VFS_STREAM_CLEAR), 0); /* there are none */
	open = data_of(&f, file, "open");
	CHECK_EQ(write_at(&f, open, 0, pattern, 100), 0);
	other = data_of(&f, file, "other");
	CHECK_EQ(write_at(&f, other, 0, pattern, 2000), 0);
	vfile_put(other);
	CHECK_EQ(fix_run(&f, &r.call, VFS_STREAM_CLEAR), 0);
	CHECK_EQ(list(&f, file).count, 1);
	CHECK_EQ(size_of(&f, open), 0);
	CHECK_EQ(content_files(&f), 0);
	vfile_put(open);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* ---- the file goes --------------------------------------------------------------------------------- */

static int unlink_file(struct fix *f, const char *name, struct vfile *file)
{
	struct vfs_unlink u = {.dir = f->root, .name = name};
	struct vfs_statcall s = {.file = file};

	CHECK_EQ(fix_run(f, &s.call, VFS_STAT), 0);
	u.key = s.stat.key;
	return fix_run(f, &u.call, VFS_UNLINK);
}

static void put_large(struct fix *f, struct vfile *file)
{
	struct vfile *data = data_of(f, file, "large");

	fill_pattern();
	CHECK_EQ(write_at(f, data, 0, pattern, 2000), 0);
	vfile_put(data);
	CHECK_EQ(content_files(f), 1);
}

TEST(content_goes_with_the_last_name_of_the_file)
{
	struct vfs_link l = {.dst_name = "second"};
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	put_large(&f, file);
	l.file = file;
	l.dst_dir = f.root;
	CHECK_EQ(fix_run(&f, &l.call, VFS_LINK), 0);
	CHECK_EQ(unlink_file(&f, "file", file), 0);
	CHECK_EQ(content_files(&f), 1);
	CHECK_EQ(unlink_file(&f, "second", file), 0);
	CHECK_EQ(content_files(&f), 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(content_goes_when_another_file_takes_the_name)
{
	struct vfs_rename r = {.src_name = "new", .dst_name = "file", .replace = true};
	struct vfs_lookup l;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	put_large(&f, file);
	fix_put(&f, "share/new", "");
	CHECK_EQ(fix_lookup(&f, NULL, "new", &l), 0);
	vfile_put(l.file);
	r.src_dir = r.dst_dir = f.root;
	r.key = l.stat.key;
	CHECK_EQ(fix_run(&f, &r.call, VFS_RENAME), 0);
	CHECK_EQ(content_files(&f), 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(renaming_the_file_needs_nothing)
{
	struct vfs_rename r = {.src_name = "file", .dst_name = "moved"};
	struct vfs_lookup l;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	put_large(&f, file);
	CHECK_EQ(fix_lookup(&f, NULL, "file", &l), 0);
	vfile_put(l.file);
	r.src_dir = r.dst_dir = f.root;
	r.key = l.stat.key;
	CHECK_EQ(fix_run(&f, &r.call, VFS_RENAME), 0);
	CHECK_EQ(list(&f, file).count, 1);
	CHECK_EQ(content_files(&f), 1);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST_MAIN()
