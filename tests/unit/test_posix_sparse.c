/* test_posix_sparse.c - ZERO, RANGES, and the attribute, over a real file system */
#include "posix_stream_fixture.h"
#include "wire/fscc_proto.h"

enum { HOLE = 1 << 20, LEN = 3 * HOLE };

static struct vfile *file_of_x(struct fix *f)
{
	CLEANUP(vfile_putp) struct vfile *file = NULL;
	static uint8_t bytes[LEN];
	struct vfile *data;

	memset(bytes, 'x', sizeof(bytes));
	fix_put(f, "share/f", "");
	file = fix_find(f, "f");
	data = fix_open(f, file, true, true);
	CHECK_EQ(write_at(f, data, 0, bytes, LEN), 0);
	return data;
}

/* All of it, in as many calls as it takes. */
static uint64_t zero(struct fix *f, struct vfile *data, uint64_t off, uint64_t end,
		     bool punch)
{
	uint64_t done = 0;

	for (;;) {
		struct vfs_zero z = {
			.data = data, .off = off + done, .end = end, .punch = punch};

		CHECK_EQ(fix_run(f, &z.call, VFS_ZERO), 0);
		if (!z.done)
			return done;
		done += z.done;
	}
}

static struct vfs_ranges ranges(struct fix *f, struct vfile *data, uint64_t off,
				uint64_t end, size_t max)
{
	struct vfs_ranges r = {.data = data, .asked = {off, end}, .max = max};

	CHECK_EQ(fix_run(f, &r.call, VFS_RANGES), 0);
	return r;
}

static uint8_t byte_at(struct fix *f, struct vfile *data, uint64_t off)
{
	uint8_t byte = 0xEE;
	struct vfs_io io = {.data = data, .off = off, .bytes = mspan_of(&byte, 1)};

	CHECK_EQ(fix_run(f, &io.call, VFS_READ), 0);
	return byte;
}

TEST(zeroes_are_read_where_they_were_asked_for)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of_x(&f);
	for (int punch = 0; punch < 2; punch++) {
		uint64_t off = punch ? HOLE + 100 : 100;

		CHECK_EQ(zero(&f, data, off, off + HOLE / 2 + 1, punch), HOLE / 2 + 1);
		CHECK_EQ(byte_at(&f, data, off - 1), 'x');
		CHECK_EQ(byte_at(&f, data, off), 0);
		CHECK_EQ(byte_at(&f, data, off + HOLE / 2), 0);
		CHECK_EQ(byte_at(&f, data, off + HOLE / 2 + 1), 'x');
	}
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(zeroes_make_no_file_longer)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of_x(&f);
	CHECK_EQ(zero(&f, data, LEN - 10, LEN + 10, false), 10);
	CHECK_EQ(zero(&f, data, LEN, INT64_MAX, true), 0);
	struct vfs_statcall s = {.file = data};
	CHECK_EQ(fix_run(&f, &s.call, VFS_STAT), 0);
	CHECK_EQ(s.stat.size, LEN);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* In steps it would take days, and nobody could stop the server meanwhile. */
TEST(a_hole_is_zeroes_in_one_step)
{
	const uint64_t size = UINT64_C(8) << 40;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of_x(&f);
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "f");
	struct vfs_setattr s = {
		.file = file, .data = data, .what = VFS_SET_SIZE, .attr.size = size};
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), 0);
	for (int punch = 0; punch < 2; punch++) {
		struct vfs_zero z = {
			.data = data, .off = LEN, .end = INT64_MAX, .punch = punch};

		CHECK_EQ(fix_run(&f, &z.call, VFS_ZERO), 0);
		CHECK_EQ(z.done, size - LEN);
		CHECK_EQ(byte_at(&f, data, LEN - 1), 'x');
		/* what lies before it is done first, and no more than that */
		z.off = LEN - 1;
		CHECK_EQ(fix_run(&f, &z.call, VFS_ZERO), 0);
		CHECK(z.done < size - LEN);
		CHECK_EQ(byte_at(&f, data, LEN - 1), 0);
		CHECK_EQ(byte_at(&f, data, LEN - 2), 'x');
		CHECK_EQ(write_at(&f, data, LEN - 1, (const uint8_t *)"x", 1), 0);
	}
	CHECK_EQ(zero(&f, data, 0, size, true), size);
	CHECK_EQ(ranges(&f, data, 0, size, 9).count, 0);
	vfile_put(TAKE(data));
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(holes_are_not_among_the_ranges)
{
	struct fix f;
	struct vfs_ranges r;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = file_of_x(&f);
	r = ranges(&f, data, 0, LEN, 9);
	CHECK_EQ(r.count, 1);
	CHECK_EQ(r.list[0].off, 0);
	CHECK_EQ(r.list[0].end, LEN);
	CHECK_EQ(zero(&f, data, HOLE, 2 * HOLE, true), HOLE);
	r = ranges(&f, data, 0, LEN, 9);
	CHECK_EQ(r.count, 2);
	CHECK_EQ(r.list[0].end, HOLE);
	CHECK_EQ(r.list[1].off, 2 * HOLE);
	CHECK_EQ(r.list[1].end, LEN);
	CHECK(!r.more);
	/* within what was asked for */
	r = ranges(&f, data, HOLE - 5, 2 * HOLE + 5, 9);
	CHECK_EQ(r.count, 2);
	CHECK_EQ(r.list[0].off, HOLE - 5);
	CHECK_EQ(r.list[1].end, 2 * HOLE + 5);
	CHECK_EQ(ranges(&f, data, HOLE, 2 * HOLE, 9).count, 0);
	/* and there is room for one only */
	r = ranges(&f, data, 0, LEN, 1);
	CHECK_EQ(r.count, 1);
	CHECK(r.more);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* Contents that lie in memory, and in a file of their own. */
TEST(zeroes_in_named_streams)
{
	enum { LARGE = STREAM_INLINE_MAX + 100 };
	static uint8_t bytes[LARGE];
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/f", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "f");
	CLEANUP(vfile_putp) struct vfile *small = data_of(&f, file, "small");
	CLEANUP(vfile_putp) struct vfile *large = data_of(&f, file, "large");
	memset(bytes, 'x', LARGE);
	CHECK_EQ(write_at(&f, small, 0, bytes, 10), 0);
	CHECK_EQ(write_at(&f, large, 0, bytes, LARGE), 0);
	CHECK_EQ(zero(&f, small, 2, 100, true), 8);
	CHECK_EQ(byte_at(&f, small, 1), 'x');
	CHECK_EQ(byte_at(&f, small, 9), 0);
	CHECK_EQ(ranges(&f, small, 0, 10, 2).count, 1);
	CHECK_EQ(zero(&f, large, 1, LARGE - 1, true), LARGE - 2);
	CHECK_EQ(byte_at(&f, large, 0), 'x');
	CHECK_EQ(byte_at(&f, large, LARGE - 2), 0);
	CHECK_EQ(byte_at(&f, large, LARGE - 1), 'x');
	vfile_put(TAKE(file));
	vfile_put(TAKE(small));
	vfile_put(TAKE(large));
	fix_fini(&f);
}

static uint32_t set(struct fix *f, struct vfile *file, unsigned what, uint32_t attributes)
{
	struct vfs_setattr s = {
		.file = file, .what = what, .attr.dos_attributes = attributes};

	CHECK_EQ(fix_run(f, &s.call, VFS_SETATTR), 0);
	return s.stat.dos_attributes;
}

TEST(sparse_is_set_by_itself_alone)
{
	const uint32_t sparse = FILE_ATTRIBUTE_SPARSE_FILE,
		       hidden = FILE_ATTRIBUTE_HIDDEN;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/f", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "f");
	CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES, hidden | sparse) &
			 (hidden | sparse),
		 hidden);
	CHECK_EQ(set(&f, file, VFS_SET_SPARSE, sparse) & (hidden | sparse),
		 hidden | sparse);
	CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES, FILE_ATTRIBUTE_SYSTEM) &
			 (hidden | sparse),
		 sparse);
	CHECK_EQ(set(&f, file, VFS_SET_SPARSE, 0) & (sparse | FILE_ATTRIBUTE_SYSTEM),
		 FILE_ATTRIBUTE_SYSTEM);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST_MAIN()
