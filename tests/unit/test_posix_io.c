/* test_posix_io.c - reading, writing and syncing: what runs inline, what goes to the pool, what is refused. */
#include "fs/posix_impl.h"
#include "posix_fixture.h"

enum { BIG = 3 << 20 };

static struct vfile *file_of(struct fix *f, const char *text, bool read, bool write)
{
	struct vfile *file, *data;

	fix_put(f, "share/file", text);
	file = fix_find(f, "file");
	data = fix_open(f, file, read, write);
	vfile_put(file);
	f->jobs = 0;
	return data;
}

TEST(read_ends_with_the_file)
{
	static const struct {
		uint64_t off;
		size_t len, done;
	} cases[] = {{0, 11, 11}, {0, 5, 5},  {6, 5, 5}, {6, 100, 5},
		     {11, 1, 0},  {99, 9, 0}, {3, 0, 0}, {INT64_MAX - 5, 5, 0}};
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "hello world", true, false);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t buf[128];
		struct vfs_io io = {
			.data = data,
			.off = cases[i].off,
			.bytes = mspan_of(buf, cases[i].len),
		};

		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
		CHECK_EQ(io.done, cases[i].done);
		CHECK_MEM(buf, cases[i].done ? &"hello world"[cases[i].off] : "",
			  io.done);
	}
	CHECK_EQ(f.jobs, 0);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(ranges_beyond_any_file_are_refused)
{
	static const struct {
		uint64_t off;
		size_t len;
	} cases[] = {{UINT64_MAX, 1},
		     {(uint64_t)INT64_MAX + 1, 0},
		     {INT64_MAX, 1},
		     {INT64_MAX - 7, 8 + 1}};
	uint8_t buf[16] = {0};
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "x", true, true);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_io io = {
			.data = data,
			.off = cases[i].off,
			.bytes = mspan_of(buf, cases[i].len),
		};

		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), -EINVAL);
		CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), -EINVAL);
	}
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* Inline up to 1 MiB; more, or with a sync, in the pool. Read back and compared each time. */
TEST(writes_are_placed_by_size)
{
	static const struct {
		size_t len;
		bool sync;
		int jobs;
	} cases[] = {{1, false, 0},
		     {1 << 20, false, 0},
		     {(1 << 20) + 1, false, 1},
		     {BIG, false, 1},
		     {1, true, 1}};
	static uint8_t out[BIG], in[BIG];
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "", true, true);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_io io = {
			.data = data,
			.off = i * 1000,
			.sync = cases[i].sync,
		};

		memset(out, 'a' + (int)i, cases[i].len);
		io.bytes = mspan_of(out, cases[i].len);
		f.jobs = 0;
		/* two in a row that had to wait would send this one to the pool */
		atomic_store(&posix_file_of(data)->pace.was_slow, false);
		CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), 0);
		CHECK_EQ(io.done, cases[i].len);
		CHECK_EQ(f.jobs, cases[i].jobs);
		io.bytes = mspan_of(in, cases[i].len);
		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
		CHECK_EQ(io.done, cases[i].len);
		CHECK_MEM(in, out, cases[i].len);
	}
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(holes_read_as_zero)
{
	uint8_t byte = 'x', buf[100];
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "", true, true);
	struct vfs_io io = {.data = data, .off = 1 << 20, .bytes = mspan_of(&byte, 1)};

	CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), 0);
	io.off = 4096;
	io.bytes = mspan_of(buf, sizeof(buf));
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK_EQ(io.done, sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		CHECK_EQ(buf[i], 0);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* Pages that are not in memory are the pool's business. */
TEST(cold_reads_go_to_the_pool)
{
	static uint8_t buf[BIG];
	struct fix f;

	fix_init_at(&f, "/var/tmp", (struct posix_settings){0});
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "", true, true);
	struct vfs_io io = {.data = data, .sync = true, .bytes = mspan_of(buf, BIG)};

	memset(buf, 'c', BIG);
	CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), 0);
	int fd = open(fix_path(&f, "share/file"), O_RDONLY);
	CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
	memset(buf, 0, BIG);
	f.jobs = 0;
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK_EQ(io.done, BIG);
	CHECK_EQ(buf[BIG - 1], 'c');
	if (f.jobs != 1) /* a file system in memory */
		print_message("[  NOTE    ] nothing was cold\n");
	f.jobs = 0;
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK_EQ(f.jobs, 0); /* warm by now */
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(tmpfs_is_read_inline)
{
	uint8_t buf[4];
	struct fix f;

	fix_init_at(&f, "/dev/shm", (struct posix_settings){0});
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "text", true, false);
	struct vfs_io io = {.data = data, .bytes = mspan_of(buf, sizeof(buf))};

	for (int again = 0; again < 2; again++) {
		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
		CHECK_EQ(io.done, 4);
	}
	CHECK_EQ(f.jobs, 0);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* Where the file system cannot read without waiting, only memory is read inline. */
TEST(reading_without_nowait)
{
	static const struct {
		bool memory;
		int jobs;
	} cases[] = {{false, 1}, {true, 0}};
	uint8_t buf[4];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fix f;

		fix_init(&f);
		CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "text", true, false);
		struct vfs_io io = {.data = data, .bytes = mspan_of(buf, sizeof(buf))};
		struct posix_fs fs = *posix_file_of(data)->fs;

		fs.memory = cases[i].memory;
		posix_file_of(data)->fs = &fs;
		atomic_store(&posix_file_of(data)->no_nowait, true);
		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
		CHECK_EQ(io.done, 4);
		CHECK_EQ(f.jobs, cases[i].jobs);
		vfile_put(TAKE(data));
		fix_fini(&f);
	}
}

TEST(slow_files_are_written_by_the_pool)
{
	uint8_t byte = 'x';
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "", true, true);
	struct vfs_io io = {.data = data, .bytes = mspan_of(&byte, 1)};

	atomic_store(&posix_file_of(data)->pace.slow_until_ns, UINT64_MAX);
	CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), 0);
	CHECK_EQ(f.jobs, 1);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(directories_are_no_files)
{
	uint8_t byte = 0;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, f.root, true, false);
	struct vfs_io io = {.data = data, .bytes = mspan_of(&byte, 1)};

	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), -EISDIR);
	CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), -EBADF);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(sync_takes_files_and_directories)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *dir = fix_open(&f, f.root, true, false);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "x", false, true);

	for (int i = 0; i < 4; i++) {
		struct vfs_sync s = {.data = i & 1 ? dir : data, .data_only = i & 2};

		CHECK_EQ(fix_run(&f, &s.call, VFS_SYNC), 0);
	}
	CHECK_EQ(f.jobs, 4);
	vfile_put(TAKE(data));
	vfile_put(TAKE(dir));
	fix_fini(&f);
}

/* /dev/full is no regular file; a limit on the size of files fails just as a full disk does, half way through. */
TEST(a_failing_write_says_how_far_it_came)
{
	static uint8_t buf[8192];
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, "", true, true);
	struct vfs_io io = {.data = data, .bytes = mspan_of(buf, sizeof(buf))};

	fix_limit_files(4096);
	CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), -EFBIG);
	CHECK_EQ(io.done, 4096);
	fix_limit_files(0);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* A large file without a name is given back by the volume's own thread; the volume waits for it. */
TEST(the_last_close_of_a_large_file_does_not_wait)
{
	struct vfs_unlink u = {.name = "file"};
	struct fix f;

	fix_init(&f);
	struct vfile *data = file_of(&f, "", true, true);
	CHECK_EQ(posix_fallocate(posix_file_of(data)->fd, 0, 32 << 20), 0);
	struct vfs_statcall s = {.file = data};
	CHECK_EQ(fix_run(&f, &s.call, VFS_STAT), 0);
	u.dir = f.root;
	u.key = s.stat.key;
	CHECK_EQ(fix_run(&f, &u.call, VFS_UNLINK), 0);
	int fd = posix_file_of(data)->fd;
	vfile_put(data);
	for (int i = 0; i < 1000 && fcntl(fd, F_GETFD) >= 0; i++)
		usleep(1000);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	fix_fini(&f);
}

TEST_MAIN()
