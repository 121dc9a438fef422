/* test_posix_copy.c - COPY: between files, within one, from and to streams */
#include "posix_stream_fixture.h"

static struct vfile *file_with(struct fix *f, const char *name, const char *text)
{
	char path[64];
	struct vfile *file, *data;

	snprintf(path, sizeof(path), "share/%s", name);
	fix_put(f, path, text);
	file = fix_find(f, name);
	data = fix_open(f, file, true, true);
	vfile_put(file);
	return data;
}

static struct vfile *handle_of(struct fix *f, const char *name, bool read, bool write)
{
	struct vfile *file = fix_find(f, name);
	struct vfile *data = fix_open(f, file, read, write);

	vfile_put(file);
	return data;
}

static void check_contents(struct fix *f, struct vfile *data, const char *text)
{
	uint8_t buf[64];
	struct vfs_io io = {.data = data, .bytes = mspan_of(buf, sizeof(buf))};

	CHECK_EQ(fix_run(f, &io.call, VFS_READ), 0);
	CHECK_EQ(io.done, strlen(text));
	CHECK_MEM(buf, text, io.done);
}

TEST(bytes_are_copied_between_files_in_the_pool)
{
	static const struct {
		uint64_t from, to;
		size_t len;
		bool sync;
		int err;
		const char *after;
	} cases[] = {
		{0, 0, 4, false, 0, "abcdEFGH"},
		{2, 6, 5, true, 0, "abcdEFcdefg"},
		{0, 0, 0, false, 0, "abcdEFcdefg"},
		{3, 0, 5, false, 0, "defghFcdefg"},
		{3, 0, 6, false, -ENODATA, "defghFcdefg"},
		{9, 0, 1, false, -ENODATA, "defghFcdefg"},
		{UINT64_MAX, 0, 1, false, -ENODATA, "defghFcdefg"},
		{0, INT64_MAX, 1, false, -EINVAL, "defghFcdefg"},
		{0, 0, VFS_COPY_MAX + 1, false, -EINVAL, "defghFcdefg"},
	};
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *src = file_with(&f, "src", "abcdefgh");
	CLEANUP(vfile_putp) struct vfile *dst = file_with(&f, "dst", "ABCDEFGH");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_copy k = {
			.src = src,
			.src_off = cases[i].from,
			.data = dst,
			.off = cases[i].to,
			.len = cases[i].len,
			.sync = cases[i].sync,
		};

		f.jobs = 0;
		CHECK_EQ(fix_run(&f, &k.call, VFS_COPY), cases[i].err);
		CHECK_EQ(f.jobs, 1);
		CHECK_EQ(k.done, cases[i].err ? 0 : cases[i].len);
		check_contents(&f, dst, cases[i].after);
	}
	check_contents(&f, src, "abcdefgh");
	vfile_put(TAKE(src));
	vfile_put(TAKE(dst));
	fix_fini(&f);
}

TEST(what_overlaps_is_copied_as_if_read_before)
{
	static const struct {
		uint64_t from, to;
		const char *after;
	} cases[] = {{0, 2, "ababcdef"}, {2, 0, "abcdefef"}, {1, 1, "abcdefef"}};
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_with(&f, "f", "abcdefgh");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_copy k = {
			.src = data,
			.src_off = cases[i].from,
			.data = data,
			.off = cases[i].to,
			.len = 6,
		};

		CHECK_EQ(fix_run(&f, &k.call, VFS_COPY), 0);
		CHECK_EQ(k.done, 6);
		check_contents(&f, data, cases[i].after);
	}
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(copying_needs_handles_that_read_and_write)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *both = file_with(&f, "f", "abcdefgh");
	CLEANUP(vfile_putp) struct vfile *reads = handle_of(&f, "f", true, false);
	CLEANUP(vfile_putp) struct vfile *writes = handle_of(&f, "f", false, true);
	struct vfs_copy to_reader = {.src = both, .data = reads, .off = 4, .len = 4};
	struct vfs_copy from_writer = {.src = writes, .data = both, .off = 4, .len = 4};

	CHECK_EQ(fix_run(&f, &to_reader.call, VFS_COPY), -EBADF);
	CHECK_EQ(fix_run(&f, &from_writer.call, VFS_COPY), -EBADF);
	check_contents(&f, both, "abcdefgh");
	vfile_put(TAKE(both));
	vfile_put(TAKE(reads));
	vfile_put(TAKE(writes));
	fix_fini(&f);
}

/* Small streams are not files, large ones are: both ways, over the border between them. */
TEST(streams_are_copied_through_a_buffer)
{
	enum { LARGE = STREAM_INLINE_MAX + 100 };
	static uint8_t bytes[LARGE];
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *plain = file_with(&f, "f", "abcdefgh");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "f");
	CLEANUP(vfile_putp) struct vfile *small = data_of(&f, file, "small");
	CLEANUP(vfile_putp) struct vfile *large = data_of(&f, file, "large");
	memset(bytes, 'x', LARGE);
	CHECK_EQ(write_at(&f, large, 0, bytes, LARGE), 0);
	struct vfs_copy cases[] = {
		{.src = plain, .src_off = 2, .data = small, .len = 4},
		{.src = small, .data = small, .off = 1, .len = 4},
		{.src = small, .data = large, .off = LARGE, .len = 5, .sync = true},
		{.src = large, .src_off = LARGE, .data = plain, .len = 5},
		{.src = large, .data = small, .off = 5, .len = LARGE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(fix_run(&f, &cases[i].call, VFS_COPY), 0);
		CHECK_EQ(cases[i].done, cases[i].len);
	}
	check_contents(&f, plain, "ccdeffgh");
	CHECK_EQ(read_all(&f, small).len, 5 + LARGE);
	CHECK_MEM(read_all(&f, small).p, "ccdefxxxx", 9);
	struct vfs_copy beyond = {.src = small, .data = plain, .len = 5 + LARGE + 1};

	CHECK_EQ(fix_run(&f, &beyond.call, VFS_COPY), -ENODATA);
	vfile_put(TAKE(plain));
	vfile_put(TAKE(file));
	vfile_put(TAKE(small));
	vfile_put(TAKE(large));
	fix_fini(&f);
}

TEST_MAIN()
