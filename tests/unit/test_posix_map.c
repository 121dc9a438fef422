/* test_posix_map.c - READs that lend what is mapped instead of copying it: which do, what they show, and when it counts. */
#include "posix_pattern_fixture.h"

#include "base/fault.h"

#include <pthread.h>

enum {
	MIN = POSIX_MAP_MIN,
	WINDOW = POSIX_WINDOW_LEN,
	LONGEST = 8 << 20,
	BIG = (3 << 20) + 12345,
	PAGE = 4096,
	TICK_US = 20000, /* in which older kernels count change times */
};

/* A file that has been read from once. */
static struct vfile *file_of(struct fix *f, size_t len)
{
	struct vfile *data = pattern_file(f, len);

	atomic_store(&posix_file_of(data)->read_before, true);
	return data;
}

static uint8_t buffer[LONGEST];

static struct vfs_io io_of(struct vfile *data, uint64_t off, size_t len)
{
	return (struct vfs_io){
		.data = data,
		.off = off,
		.bytes = mspan_of(buffer, len),
		.lend = true,
	};
}

/* Does it lend? */
static bool lends(struct fix *f, struct vfile *data, uint64_t off, size_t len)
{
	struct vfs_io io = io_of(data, off, len);

	CHECK_EQ(fix_run(f, &io.call, VFS_READ), 0);
	if (!io.lent.p)
		return false;
	CHECK_EQ(io.lent.len, io.done);
	CHECK(vfs_settle(&io));
	CHECK(!io.lent.p);
	return true;
}

TEST(what_is_lent_is_what_is_copied)
{
	static const struct {
		uint64_t off;
		size_t len;
		bool lent;
	} cases[] = {
		{0, MIN, true},
		{0, MIN - 1, false}, /* a copy costs less */
		{0, 1 << 20, true},
		{1, 1 << 20, true},
		{PAGE - 1, MIN, true},
		{PAGE + 1, MIN + PAGE - 2, true},
		{777, BIG - 777, true},
		{0, LONGEST, true}, /* all there is */
		{BIG - MIN, LONGEST, true},
		{BIG - MIN + 1, LONGEST, false}, /* so little is left */
		{BIG - 1, MIN, false},
		{BIG, MIN, false},
		{BIG + 1, MIN, false},
		{UINT32_MAX, MIN, false},
	};
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, BIG);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_io io = io_of(data, cases[i].off, cases[i].len);
		struct vfs_io copy = io;
		struct span got;

		copy.lend = false;
		CHECK_EQ(fix_run(&f, &copy.call, VFS_READ), 0);
		CHECK(!copy.lent.p);
		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
		CHECK_EQ(io.lent.p != NULL, cases[i].lent);
		CHECK_EQ(io.done, copy.done);
		got = io.lent.p ? io.lent : span_of(buffer, io.done);
		for (size_t n = 0; n < io.done; n++)
			if (got.p[n] != pattern_at((size_t)cases[i].off + n))
				fail_msg("case %zu, byte %zu", i, n);
		if (io.lent.p)
			CHECK(vfs_settle(&io));
	}
	CHECK_EQ(f.jobs, 0);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(the_first_read_of_an_open_is_copied)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, BIG);
	atomic_store(&posix_file_of(data)->read_before, false);
	CHECK(!lends(&f, data, 0, MIN - 1)); /* does not count */
	CHECK(!lends(&f, data, 0, MIN));
	CHECK(lends(&f, data, 0, MIN));
	CHECK(lends(&f, data, MIN, MIN));
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* ---- while it is lent --------------------------------------------------------------------------------- */

static void touch_all(void *arg)
{
	const struct span *s = arg;
	const volatile uint8_t *p = s->p;

	for (size_t i = 0; i < s->len; i += PAGE)
		(void)p[i];
}

/* Cut to `size` while the first 1 MiB of it is lent. */
static void cut_while_lent(off_t size, int fault)
{
	struct fix f;

	fix_init(&f);
	struct vfile *data = file_of(&f, BIG);
	struct vfs_io io = io_of(data, 0, 1 << 20);

	CHECK_EQ(fault_catch(), 0);
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK(io.lent.p);
	usleep(TICK_US);
	CHECK_EQ(ftruncate(posix_file_of(data)->fd, size), 0);
	CHECK_EQ(fault_guard(io.lent, touch_all, &io.lent), fault);
	CHECK(!vfs_settle(&io));

	/* and then again the ordinary way */
	io = io_of(data, 0, 1 << 20);
	io.lend = false;
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK_EQ(io.done, size < 1 << 20 ? (size_t)size : 1 << 20);
	vfile_put(data);
	fix_fini(&f);
}

TEST(what_was_cut_meanwhile_does_not_count)
{
	cut_while_lent(1 << 20, 0); /* nobody knows that it is not further in front */
	cut_while_lent(2 << 20, 0);
	cut_while_lent((1 << 20) - 1, 0); /* the page is there, and a zero in it */
	cut_while_lent((1 << 20) - PAGE, -EFAULT);
	cut_while_lent(1, -EFAULT);
	cut_while_lent(0, -EFAULT);
}

/* As long as before it is when it is asked for, but zeros may have been seen. Then it is copied for a while. */
TEST(what_was_cut_and_has_grown_again_does_not_count)
{
	struct fix f;

	fix_init(&f);
	struct vfile *data = file_of(&f, BIG);
	int fd = posix_file_of(data)->fd;
	struct vfs_io io = io_of(data, 0, 1 << 20);

	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK(io.lent.p);
	usleep(TICK_US);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(ftruncate(fd, BIG), 0);
	CHECK(!vfs_settle(&io));
	CHECK_EQ(pwrite(fd, buffer, MIN, 0), MIN);
	CHECK(!lends(&f, data, 0, MIN));
	usleep(1100 * 1000);
	CHECK(lends(&f, data, 0, MIN));
	vfile_put(data);
	fix_fini(&f);
}

TEST(the_mapping_grows_with_the_file)
{
	struct fix f;
	struct vfs_io io;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	CHECK(lends(&f, data, 0, 2 * MIN));
	CHECK_EQ(pwrite(posix_file_of(data)->fd, "behind", 6, MIN), 6);
	io = io_of(data, 6, 2 * MIN);
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK_EQ(io.lent.len, MIN);
	CHECK_MEM(io.lent.p + MIN - 6, "behind", 6);
	CHECK(vfs_settle(&io));
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* What is written later is seen: it is the file, not a copy. */
TEST(a_write_is_seen_by_the_next_read)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	for (int i = 0; i < 3; i++) {
		uint8_t text[] = {'a', (uint8_t)('0' + i)};
		struct vfs_io io = {
			.data = data, .off = 100, .bytes = mspan_of(text, sizeof(text))};

		CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), 0);
		io = io_of(data, 0, MIN);
		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
		CHECK(io.lent.p);
		CHECK_MEM(io.lent.p + 100, text, sizeof(text));
		CHECK(vfs_settle(&io));
	}
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(a_removed_file_is_lent_as_long_as_it_is_open)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	CHECK_EQ(unlink(fix_path(&f, "share/file")), 0);
	fix_put(&f, "share/file", "another one of that name");
	CHECK(lends(&f, data, 0, MIN));
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* ---- what is not lent --------------------------------------------------------------------------------- */

TEST(a_read_lends_only_if_it_may)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	struct vfs_io io = io_of(data, 0, MIN);

	io.lend = false;
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
	CHECK(!io.lent.p);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* Out of memory with it; what is mapped stays, so that goes first. */
static void forget(struct vfile *data)
{
	struct posix_file *f = posix_file_of(data);

	posix_windows_drop(f->vol->windows, f);
	CHECK_EQ(posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

/* To touch what is not in memory would wait for the disk. */
TEST(what_is_not_in_memory_is_not_lent)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	if (posix_file_of(data)->fs->memory)
		skip();
	CHECK(lends(&f, data, 0, MIN));
	CHECK_EQ(fsync(posix_file_of(data)->fd), 0);
	forget(data);
	CHECK(!lends(&f, data, 0,
		     MIN)); /* but in the pool, or where a quick disk was quicker */
	CHECK(lends(&f, data, 0, MIN));
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(a_hole_of_a_file_in_memory_is_not_filled_by_reading)
{
	struct stat st;
	struct fix f;

	fix_init_at(&f, "/dev/shm", (struct posix_settings){0});
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	CHECK(posix_file_of(data)->fs->memory);
	CHECK(lends(&f, data, 0, MIN));
	CHECK_EQ(ftruncate(posix_file_of(data)->fd, 4L * MIN), 0);
	CHECK(!lends(&f, data, 2 * MIN, MIN));
	CHECK_EQ(fstat(posix_file_of(data)->fd, &st), 0);
	CHECK_EQ(st.st_blocks * 512, MIN);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* mmap() says no for good: it is asked once. */
TEST(what_cannot_be_mapped_is_not_tried_again)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	struct posix_file *p = posix_file_of(data);
	int fd = open(fix_path(&f, "share/file"), O_WRONLY | O_CLOEXEC);

	CHECK(dup3(fd, p->fd, O_CLOEXEC) >= 0); /* not readable: EACCES */
	close(fd);
	struct vfs_io io = io_of(data, 0, MIN);
	CHECK(fix_run(&f, &io.call, VFS_READ) != 0);
	CHECK(!io.lent.p);
	CHECK(atomic_load(&p->no_map));
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* ---- windows ------------------------------------------------------------------------------------------ */

static size_t mappings_of(const char *path)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	size_t count = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, path) != NULL;
	fclose(maps);
	return count;
}

/* Soon: where there was much of it, the closer's thread does it. */
static void expect_unmapped(struct fix *f)
{
	for (int i = 0; i < 500 && mappings_of(fix_path(f, "share/file")); i++)
		usleep(10000);
	CHECK_EQ(mappings_of(fix_path(f, "share/file")), 0);
}

/* Those of a sparse file that is in memory where it is read. */
static void prepare(struct vfile *data, uint64_t off, size_t len)
{
	int fd = posix_file_of(data)->fd;

	for (size_t i = 0; i < len; i++)
		buffer[i] = pattern_at((size_t)off + i);
	CHECK_EQ(pwrite(fd, buffer, len, (off_t)off), (ssize_t)len);
}

TEST(a_read_across_windows_is_one)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, 0);
	prepare(data, WINDOW - (1 << 20), LONGEST);
	for (size_t len = MIN; len <= LONGEST; len *= 2) {
		struct vfs_io io = io_of(data, WINDOW - (1 << 20), len);

		CHECK_EQ(fix_run(&f, &io.call, VFS_READ), 0);
		CHECK_EQ(io.lent.len, len);
		CHECK_EQ(io.lent.p[len - 1], pattern_at((size_t)io.off + len - 1));
		CHECK(vfs_settle(&io));
	}
	CHECK_EQ(mappings_of(fix_path(&f, "share/file")), 1);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(windows_are_kept_until_the_file_is_closed)
{
	struct fix f;

	fix_init(&f);
	struct vfile *data = file_of(&f, 0);
	for (unsigned round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 3; i++) {
			prepare(data, i * WINDOW, MIN);
			CHECK(lends(&f, data, i * WINDOW, MIN));
		}
	CHECK_EQ(mappings_of(fix_path(&f, "share/file")), 3);
	CHECK(!posix_windows_are_large(posix_volume_of(f.vfs)->windows,
				       posix_file_of(data)));
	vfile_put(data);
	CHECK_EQ(mappings_of(fix_path(&f, "share/file")), 0);
	fix_fini(&f);
}

TEST(there_are_only_so_many_and_the_longest_unused_goes)
{
	struct fix f;

	fix_init(&f);
	struct vfile *data = file_of(&f, 0);
	for (uint64_t i = 0; i <= POSIX_WINDOWS_MAX; i++)
		prepare(data, i * WINDOW, MIN);
	for (uint64_t i = 0; i < POSIX_WINDOWS_MAX; i++)
		CHECK(lends(&f, data, i * WINDOW, MIN));
	CHECK(!lends(&f, data, (uint64_t)POSIX_WINDOWS_MAX * WINDOW,
		     MIN)); /* all are in use */
	struct vfs_io io = io_of(data, 0, MIN);
	CHECK_EQ(fix_run(&f, &io.call, VFS_READ),
		 0); /* and the first one still is, below */
	CHECK(io.lent.p);
	usleep(1100 * 1000);
	CHECK(lends(&f, data, (uint64_t)POSIX_WINDOWS_MAX * WINDOW, MIN));
	CHECK_EQ(io.lent.p[MIN - 1], pattern_at(MIN - 1));
	CHECK(vfs_settle(&io));
	CHECK(lends(&f, data, WINDOW, MIN)); /* in place of another */
	CHECK_EQ(mappings_of(fix_path(&f, "share/file")), POSIX_WINDOWS_MAX);
	CHECK(posix_windows_are_large(posix_volume_of(f.vfs)->windows,
				      posix_file_of(data)));
	vfile_put(data);
	expect_unmapped(&f);
	fix_fini(&f);
}

/* One takes what there is, another has to wait until it is given back. */
TEST(all_volumes_share_a_number_of_windows)
{
	atomic_int left = 2;
	struct fix f, g;

	fix_init_at(&f, "/tmp", (struct posix_settings){.windows = &left});
	fix_init_at(&g, "/tmp", (struct posix_settings){.windows = &left});
	struct vfile *data = file_of(&f, 0), *other = file_of(&g, MIN);
	for (uint64_t i = 0; i < 3; i++) {
		prepare(data, i * WINDOW, MIN);
		CHECK_EQ(lends(&f, data, i * WINDOW, MIN), i < 2);
	}
	CHECK(!lends(&g, other, 0, MIN));
	CHECK_EQ(atomic_load(&left), 0);
	vfile_put(data);
	expect_unmapped(&f);
	CHECK(lends(&g, other, 0, MIN));
	CHECK_EQ(atomic_load(&left), 1);
	vfile_put(other);
	fix_fini(&g);
	fix_fini(&f);
	CHECK_EQ(atomic_load(&left), 2);
}

/* ---- several workers ---------------------------------------------------------------------------------- */

enum { WORKERS = 4, TIMES = 60, FILES = 3 };

struct reading {
	struct fix f;
	struct vfile *common; /* read by all */
	unsigned seed;
	size_t wrong;
};

static void read_one(struct reading *r, struct vfile *data)
{
	uint8_t *p = malloc(MIN);
	struct vfs_io io = {.data = data,
			    .off = r->seed % MIN,
			    .bytes = mspan_of(p, MIN),
			    .lend = true};
	struct span got;

	r->wrong += fix_run(&r->f, &io.call, VFS_READ) != 0 || io.done != MIN;
	got = io.lent.p ? io.lent : span_of(p, MIN);
	r->wrong += got.p[MIN - 1] != pattern_at((size_t)io.off + MIN - 1);
	if (io.lent.p)
		r->wrong += !vfs_settle(&io);
	free(p);
}

static void *read_on(void *arg)
{
	struct reading *r = arg;

	for (size_t i = 0; i < TIMES; i++) {
		struct vfile *file = fix_find(&r->f, "file");
		struct vfile *data = fix_open(&r->f, file, true, false);

		for (size_t n = 0; n < FILES; n++) {
			r->seed = r->seed * 1664525 + 1013904223;
			read_one(r, data);
			read_one(r, r->common);
		}
		vfile_put(file);
		vfile_put(data);
	}
	return NULL;
}

TEST(workers_map_and_close_at_once)
{
	static struct reading r[WORKERS];
	pthread_t threads[WORKERS];
	struct fix f;

	fix_init(&f);
	struct vfile *data = file_of(&f, 2 * MIN);
	for (size_t i = 0; i < WORKERS; i++) {
		r[i] = (struct reading){.common = data, .seed = (unsigned)i};
		fix_join(&r[i].f, &f);
		CHECK_EQ(pthread_create(&threads[i], NULL, read_on, &r[i]), 0);
	}
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		CHECK_EQ(r[i].wrong, 0);
		fix_leave(&r[i].f);
	}
	vfile_put(data);
	expect_unmapped(&f);
	fix_fini(&f);
}

/* ---- times -------------------------------------------------------------------------------------------- */

/* READ sets the access time as the mount says; so does one that is not a system call. */
TEST(a_read_that_lends_sets_the_access_time)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
	struct stat before, st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of(&f, MIN);
	int fd = posix_file_of(data)->fd;

	CHECK(lends(&f, data, 0, MIN));
	CHECK_EQ(futimens(fd, old), 0);
	CHECK_EQ(pread(fd, buffer, 1, 0), 1);
	CHECK_EQ(fstat(fd, &before), 0);
	if (before.st_atim.tv_sec == 1000)
		skip(); /* noatime */
	CHECK_EQ(futimens(fd, old), 0);
	CHECK(lends(&f, data, 0, MIN));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(st.st_atim.tv_sec != 1000);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST_MAIN()
