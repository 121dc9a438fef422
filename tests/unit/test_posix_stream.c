/* test_posix_stream.c - named streams: where they are kept, and what goes wrong. */
#include "posix_stream_fixture.h"
#include "wire/fscc_proto.h"

#include <pthread.h>
#include <sys/xattr.h>

/* ---- small ones ----------------------------------------------------------------------------------- */

TEST(stream_is_made_once_and_found_again)
{
	struct vfs_stream_open o, again;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	CHECK_EQ(open_stream(&f, file, "one", false, &o), -ENOENT);
	CHECK_EQ(open_stream(&f, file, "One", true, &o), 0);
	CHECK(o.created);
	CHECK_STR(o.stored_name, "One");
	CHECK_EQ(o.stat.size, 0);
	CHECK_EQ(open_stream(&f, file, "oNE", true, &again), 0);
	CHECK(!again.created);
	CHECK_STR(again.stored_name, "One");
	CHECK(node_key_eq(&o.stat.key, &again.stat.key));
	vfile_put(o.stream);
	vfile_put(again.stream);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(stream_content_outlives_its_handles)
{
	struct vfile *data;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	data = data_of(&f, file, "s");
	CHECK_EQ(write_at(&f, data, 3, "abc", 3), 0);
	vfile_put(data);
	data = data_of(&f, file, "s");
	CHECK_SPAN(read_all(&f, data), span_of("\0\0\0abc", 6));
	CHECK_EQ(size_of(&f, data), 6);
	CHECK_EQ(content_files(&f), 0);
	vfile_put(data);
	CHECK_EQ(access(fix_path(&f, "share/.tsmb"), F_OK), -1);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(stream_shares_all_but_sizes_with_its_file)
{
	struct vfs_statcall of_file = {0}, of_stream = {0};
	struct vfs_setattr s = {.what = VFS_SET_WRITE_TIME};
	struct vfs_stream_open o;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	CHECK_EQ(open_stream(&f, file, "s", true, &o), 0);
	s.file = of_stream.file = o.stream;
	of_file.file = file;
	s.attr.write_time = 132000000000000000;
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), 0);
	CHECK_EQ(fix_run(&f, &of_file.call, VFS_STAT), 0);
	CHECK_EQ(fix_run(&f, &of_stream.call, VFS_STAT), 0);
	CHECK_EQ(of_file.stat.write_time, 132000000000000000);
	CHECK_EQ(of_stream.stat.write_time, of_file.stat.write_time);
	CHECK_EQ(of_stream.stat.key.inode, of_file.stat.key.inode);
	CHECK_EQ(of_file.stat.size, strlen("contents"));
	CHECK_EQ(of_stream.stat.size, 0);
	vfile_put(o.stream);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(directories_have_streams)
{
	struct vfs_stream_open o;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(open_stream(&f, f.root, "s", true, &o), 0);
	CHECK_EQ(o.stat.type, VFS_FILE);
	CHECK_EQ(o.stat.dos_attributes & FILE_ATTRIBUTE_DIRECTORY, 0);
	vfile_put(o.stream);
	CHECK_EQ(list(&f, f.root).count, 1);
	fix_fini(&f);
}

TEST(links_and_devices_have_none)
{
	struct vfs_stream_open o;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkfifo(fix_path(&f, "share/pipe"), 0644), 0);
	CLEANUP(vfile_putp) struct vfile *pipe = fix_find(&f, "pipe");
	CHECK_EQ(open_stream(&f, pipe, "s", true, &o), -EOPNOTSUPP);
	CHECK_EQ(list(&f, pipe).count, 0);
	vfile_put(TAKE(pipe));
	fix_fini(&f);
}

TEST(stream_names_are_checked)
{
	static const struct {
		const char *name;
		int err;
	} cases[] = {
		{"", -EINVAL}, {"a/b", -EINVAL}, {"a:b", -EINVAL}, {"a\\b", -EINVAL}};
	struct vfs_stream_open o;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(open_stream(&f, file, cases[i].name, true, &o), cases[i].err);
	CHECK_EQ(list(&f, file).count, 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* ---- large ones ----------------------------------------------------------------------------------- */

TEST(stream_that_grows_moves_to_a_file_and_stays)
{
	struct vfile *data;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	data = data_of(&f, file, "s");
	CHECK_EQ(write_at(&f, data, 0, pattern, STREAM_INLINE_MAX), 0);
	CHECK_EQ(content_files(&f), 0);
	CHECK_EQ(write_at(&f, data, STREAM_INLINE_MAX, pattern + STREAM_INLINE_MAX, 1),
		 0);
	CHECK_EQ(content_files(&f), 1);
	CHECK_SPAN(read_all(&f, data), span_of(pattern, STREAM_INLINE_MAX + 1));
	CHECK_EQ(resize(&f, data, 5), 0);
	CHECK_EQ(content_files(&f), 1);
	vfile_put(data);
	data = data_of(&f, file, "s");
	CHECK_SPAN(read_all(&f, data), span_of(pattern, 5));
	vfile_put(data);
	CHECK_EQ(remove_stream(&f, file, "s"), 0);
	CHECK_EQ(content_files(&f), 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(stream_sizes_at_the_border)
{
	static const uint64_t sizes[] = {0,    1,    1023, 1024, 1025,
					 4096, 1024, 1000, 0,    70000};
	struct vfile *data;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	data = data_of(&f, file, "s");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CHECK_EQ(resize(&f, data, sizes[i]), 0);
		CHECK_EQ(size_of(&f, data), sizes[i]);
	}
	CHECK_EQ(resize(&f, data, (uint64_t)INT64_MAX + 1), -EFBIG);
	vfile_put(data);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(stream_far_beyond_its_end_is_written_to_a_file)
{
	struct vfile *data;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	data = data_of(&f, file, "s");
	CHECK_EQ(write_at(&f, data, 0, "begin", 5), 0);
	CHECK_EQ(write_at(&f, data, 10000, "end", 3), 0);
	CHECK_EQ(size_of(&f, data), 10003);
	CHECK_MEM(read_all(&f, data).p, "begin\0", 6);
	vfile_put(data);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(what_finds_no_room_beside_the_file_moves)
{
	char name[8];
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	for (int i = 0; i < 8; i++) { /* ext4 has a block for all attributes of a file */
		snprintf(name, sizeof(name), "s%d", i);
		struct vfile *data = data_of(&f, file, name);
		CHECK_EQ(write_at(&f, data, 0, pattern + i, STREAM_INLINE_MAX), 0);
		vfile_put(data);
	}
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "S%d", i);
		struct vfile *data = data_of(&f, file, name);
		CHECK_SPAN(read_all(&f, data), span_of(pattern + i, STREAM_INLINE_MAX));
		vfile_put(data);
	}
	CHECK_EQ(list(&f, file).count, 8);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(content_of_others_is_nobodys)
{
	struct vfile *data;
	struct stat st;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	data = data_of(&f, file, "s");
	CHECK_EQ(write_at(&f, data, 0, pattern, 2000), 0);
	CHECK_EQ(stat(fix_path(&f, "share/.tsmb"), &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
	CHECK_EQ(stat(fix_path(&f, "share/.tsmb/streams"), &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
	vfile_put(data);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* ---- failures ------------------------------------------------------------------------------------- */

static void check_growth_fails(struct fix *f, struct vfile *file)
{
	struct vfile *data = data_of(f, file, "s");

	CHECK_EQ(write_at(f, data, 0, "kept", 4), 0);
	CHECK(write_at(f, data, 0, pattern, 2000) < 0);
	CHECK(resize(f, data, 2000) < 0);
	CHECK_SPAN(read_all(f, data), span_of_str("kept"));
	CHECK_EQ(write_at(f, data, 4, "!", 1), 0);
	vfile_put(data);
	data = data_of(f, file, "s");
	CHECK_SPAN(read_all(f, data), span_of_str("kept!"));
	vfile_put(data);
}

TEST(where_no_folder_can_be_made_the_stream_stays_small)
{
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	fix_put(&f, "share/.tsmb", "in the way");
	check_growth_fails(&f, file);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(a_folder_that_others_can_enter_is_not_used)
{
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/.tsmb"), 0755), 0);
	CHECK_EQ(chmod(fix_path(&f, "share/.tsmb"), 0755), 0);
	check_growth_fails(&f, file);
	CHECK_EQ(content_files(&f), 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(a_link_in_place_of_the_folder_is_not_followed)
{
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/real"), 0700), 0);
	fix_link(&f, "real", "share/.tsmb");
	check_growth_fails(&f, file);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(content_that_cannot_be_written_is_taken_back)
{
	struct vfile *data;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	data = data_of(&f, file, "s");
	CHECK_EQ(write_at(&f, data, 0, pattern, 600), 0);
	fix_limit_files(500);
	CHECK_EQ(write_at(&f, data, 600, pattern, 600), -EFBIG);
	fix_limit_files(0);
	CHECK_EQ(content_files(&f), 0);
	CHECK_SPAN(read_all(&f, data), span_of(pattern, 600));
	vfile_put(data);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(a_record_copied_to_another_file_leads_nowhere)
{
	uint8_t record[STREAM_RECORD_MAX];
	struct vfs_stream_open o;
	struct stream_xattr x;
	struct vfile *data;
	ssize_t len;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	fix_put(&f, "share/thief", "");
	CLEANUP(vfile_putp) struct vfile *thief = fix_find(&f, "thief");
	data = data_of(&f, file, "s");
	CHECK_EQ(write_at(&f, data, 0, pattern, 2000), 0);
	CHECK_EQ(stream_xattr_of(&f.arena, "s", &x), 0);
	len = getxattr(fix_path(&f, "share/file"), x.name, record, sizeof(record));
	CHECK(len > 0);
	CHECK_EQ(setxattr(fix_path(&f, "share/thief"), x.name, record, (size_t)len, 0),
		 0);
	CHECK_EQ(open_stream(&f, thief, "s", false, &o), -ENOENT);
	CHECK_EQ(list(&f, thief).count, 0);
	vfile_put(data_of(&f, thief, "s")); /* a new one, in its place */
	CHECK_SPAN(read_all(&f, data), span_of(pattern, 2000));
	vfile_put(data);
	vfile_put(TAKE(file));
	vfile_put(TAKE(thief));
	fix_fini(&f);
}

TEST(a_damaged_record_is_no_stream)
{
	struct vfs_stream_open o;
	struct stream_xattr x;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	CHECK_EQ(stream_xattr_of(&f.arena, "s", &x), 0);
	CHECK_EQ(setxattr(fix_path(&f, "share/file"), x.name, "junk", 4, 0), 0);
	CHECK_EQ(open_stream(&f, file, "s", false, &o), -ENOENT);
	CHECK_EQ(list(&f, file).count, 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* ---- many handles, many streams -------------------------------------------------------------------- */

TEST(handles_of_one_stream_see_the_same)
{
	struct vfile *a, *b;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	a = data_of(&f, file, "s");
	b = data_of(&f, file, "S");
	CHECK_EQ(write_at(&f, a, 0, "from a", 6), 0);
	CHECK_SPAN(read_all(&f, b), span_of_str("from a"));
	CHECK_EQ(write_at(&f, b, 0, pattern, 3000), 0);
	CHECK_SPAN(read_all(&f, a), span_of(pattern, 3000));
	CHECK_EQ(resize(&f, a, 2), 0);
	CHECK_EQ(size_of(&f, b), 2);
	vfile_put(a);
	CHECK_SPAN(read_all(&f, b), span_of(pattern, 2));
	vfile_put(b);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

struct writer {
	struct fix f;
	struct vfile *data;
	unsigned nr;
	pthread_t thread;
};

enum { WRITERS = 4, SLOT = 200, ROUNDS = 50 };

/* Each its own part, again and again; together they cross the border. */
static void *write_on(void *arg)
{
	struct writer *w = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t off = (uint64_t)(i % 4 * WRITERS + w->nr) * SLOT;
		uint8_t bytes[SLOT];

		memset(bytes, (int)(w->nr + 1), sizeof(bytes));
		CHECK_EQ(write_at(&w->f, w->data, off, bytes, sizeof(bytes)), 0);
	}
	return NULL;
}

TEST(writers_at_once_lose_nothing)
{
	struct writer writers[WRITERS];
	struct span all;
	struct fix f;

	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	for (unsigned i = 0; i < WRITERS; i++) {
		fix_join(&writers[i].f, &f);
		writers[i].nr = i;
		writers[i].data = data_of(&f, file, "s");
	}
	for (unsigned i = 0; i < WRITERS; i++)
		CHECK_EQ(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]),
			 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	all = read_all(&f, writers[0].data);
	CHECK_EQ(all.len, 4 * WRITERS * SLOT);
	for (size_t i = 0; i < all.len; i++)
		CHECK_EQ(all.p[i], i / SLOT % WRITERS + 1);
	for (unsigned i = 0; i < WRITERS; i++) {
		vfile_put(writers[i].data);
		fix_leave(&writers[i].f);
	}
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(streams_are_listed_with_their_sizes)
{
	struct vfs_stream_list l;
	struct vfile *data;
	struct fix f;

	fill_pattern();
	CLEANUP(vfile_putp) struct vfile *file = fresh_file(&f);
	CHECK_EQ(list(&f, file).count, 0);
	data = data_of(&f, file, "Small");
	CHECK_EQ(write_at(&f, data, 0, "abc", 3), 0);
	l = list(&f, file); /* while it is open */
	CHECK_EQ(l.count, 1);
	CHECK_STR(l.streams[0].name, "Small");
	CHECK_EQ(l.streams[0].size, 3);
	CHECK_EQ(l.streams[0].allocated, 8);
	vfile_put(data);
	data = data_of(&f, file, "Large");
	CHECK_EQ(write_at(&f, data, 0, pattern, 5000), 0);
	vfile_put(data);
	l = list(&f, file);
	CHECK_EQ(l.count, 2);
	for (size_t i = 0; i < l.count; i++)
		CHECK_EQ(l.streams[i].size,
			 strcmp(l.streams[i].name, "Large") == 0 ? 5000 : 3);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST_MAIN()
