/* test_posix_piece.c - bytes of files on their way to a socket without a copy: what is sent, and where there are none. */
#include "posix_pattern_fixture.h"

#include <sys/socket.h>

enum { BIG = (3 << 20) + 12345 };

static int piece_of(struct fix *f, struct vfile *data, uint64_t off, size_t len,
		    struct vfs_piece *ret)
{
	*ret = (struct vfs_piece){.data = data, .off = off, .len = len};
	return fix_run(f, &ret->call, VFS_PIECE);
}

static void pair_init(int ends[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

static void pair_fini(int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* What is left of the piece, through a socket that takes less than that at once: the pattern from off on, or (cut) zeros. */
static void expect(struct seg_file *seg, uint64_t off, size_t len, bool cut)
{
	uint8_t got[65536];
	size_t sent = 0, taken = 0, wrong = 0;
	int ends[2];

	pair_init(ends);
	while (taken < len) {
		ssize_t n = sent < len ? seg->ops->send(seg, ends[0], len - sent, false)
				       : -EAGAIN;

		assert_true(n > 0 || n == -EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		if (n > 0)
			continue;
		n = read(ends[1], got, sizeof(got));
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			wrong += got[i] != pattern_at((size_t)off + taken + (size_t)i) &&
				 !(cut && got[i] == 0);
		taken += (size_t)n;
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seg->ops->send(seg, ends[0], 1, false), 0); /* nothing beyond */
	pair_fini(ends);
}

static void expect_pattern(struct seg_file *seg, uint64_t off, size_t len)
{
	expect(seg, off, len, false);
}

TEST(a_piece_sends_what_the_file_held)
{
	static const struct {
		uint64_t off;
		size_t len, done;
	} cases[] = {
		{0, 65536, 65536},
		{0, 1 << 20, 1 << 20},
		{4096, 1 << 20, 1 << 20},
		{1, 1 << 20, 1 << 20}, /* a page more than a pipe has room for */
		{777, 3 << 20, 3 << 20},
		{0, BIG, BIG},
		{BIG - 65536, 8 << 20, 65536},
		{BIG - 1, 1, 1},
	};
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = pattern_file(&f, BIG);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_piece p;

		CHECK_EQ(piece_of(&f, data, cases[i].off, cases[i].len, &p), 0);
		CHECK_EQ(p.done, cases[i].done);
		expect_pattern(p.piece, cases[i].off, p.done);
		seg_file_put(p.piece);
	}
	CHECK_EQ(f.jobs, 0); /* a fresh file is in memory */
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(there_is_no_piece_at_the_end)
{
	static const uint64_t offs[] = {1000, 1001, INT64_MAX - 10};
	struct fix f;
	struct vfs_piece p;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = pattern_file(&f, 1000);
	for (size_t i = 0; i < ARRAY_LEN(offs); i++) {
		CHECK_EQ(piece_of(&f, data, offs[i], 10, &p), 0);
		CHECK_EQ(p.done, 0);
		CHECK(!p.piece);
	}
	CHECK_EQ(piece_of(&f, data, INT64_MAX, 10, &p), -EINVAL);
	CHECK_EQ(piece_of(&f, data, UINT64_MAX, 10, &p), -EINVAL);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* The length is promised by then; what the kernel has cut off meanwhile it may have filled with zeros. */
TEST(a_piece_stays_whole_when_the_file_is_cut)
{
	struct fix f;
	struct vfs_piece p;

	fix_init(&f);
	struct vfile *data = pattern_file(&f, BIG);
	CHECK_EQ(piece_of(&f, data, 4096, 1 << 20, &p), 0);
	CHECK_EQ(ftruncate(posix_file_of(data)->fd, 4096), 0);
	vfile_put(data); /* closed while output is under way */
	CHECK_EQ(unlink(fix_path(&f, "/share/file")), 0);
	expect(p.piece, 4096, 1 << 20, true);
	seg_file_put(p.piece);
	fix_fini(&f);
}

TEST(holes_are_zeros)
{
	static uint8_t got[65536 + 1], zeros[65536];
	struct fix f;
	struct vfs_piece p;
	int ends[2];

	fix_init_at(&f, "/var/tmp", (struct posix_settings){0});
	struct vfile *data = pattern_file(&f, 10);
	CHECK_EQ(ftruncate(posix_file_of(data)->fd, 1 << 20), 0);
	CHECK_EQ(piece_of(&f, data, 65536, 65536, &p), 0);
	CHECK_EQ(p.done, 65536);
	pair_init(ends);
	for (size_t n = 0; n < p.done;)
		n += (size_t)p.piece->ops->send(p.piece, ends[0], p.done - n, false);
	CHECK_EQ(recv(ends[1], got, sizeof(got), MSG_WAITALL), 65536);
	CHECK_MEM(got, zeros, 65536);
	seg_file_put(p.piece);
	pair_fini(ends);
	vfile_put(data);
	fix_fini(&f);
}

TEST(what_is_not_in_memory_is_taken_by_the_pool)
{
	struct fix f;
	struct vfs_piece p;

	fix_init_at(&f, "/var/tmp", (struct posix_settings){0});
	CLEANUP(vfile_putp) struct vfile *data = pattern_file(&f, BIG);
	int fd = posix_file_of(data)->fd;
	CHECK_EQ(piece_of(&f, data, 0, BIG, &p), 0);
	CHECK_EQ(f.jobs, 0);
	seg_file_put(p.piece);
	CHECK_EQ(fdatasync(fd), 0);
	CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	CHECK_EQ(piece_of(&f, data, 0, BIG, &p), 0);
	if (!posix_file_of(data)->fs->memory)
		CHECK_EQ(f.jobs, 1);
	expect_pattern(p.piece, 0, BIG);
	seg_file_put(p.piece);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* A connection ends with a piece half sent: nobody must ever be sent the rest. */
TEST(what_was_not_sent_goes_with_the_piece)
{
	struct fix f;
	struct vfs_piece p;
	int ends[2];

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = pattern_file(&f, BIG);
	pair_init(ends);
	CHECK_EQ(piece_of(&f, data, 0, 1 << 20, &p), 0);
	CHECK_EQ(p.piece->ops->send(p.piece, ends[0], 4096, false), 4096);
	seg_file_put(p.piece);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(piece_of(&f, data, 8192, 1 << 20, &p), 0);
		expect_pattern(p.piece, 8192, 1 << 20);
		seg_file_put(p.piece);
	}
	pair_fini(ends);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(errors_of_the_socket_are_told)
{
	struct fix f;
	struct vfs_piece p;
	int ends[2];

	fix_init(&f);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CLEANUP(vfile_putp) struct vfile *data = pattern_file(&f, 65536);
	pair_init(ends);
	CHECK_EQ(piece_of(&f, data, 0, 65536, &p), 0);
	CHECK_EQ(p.piece->ops->send(p.piece, -1, 10, false), -EBADF);
	close(ends[1]);
	CHECK_EQ(p.piece->ops->send(p.piece, ends[0], 10, false), -EPIPE);
	seg_file_put(p.piece);
	close(ends[0]);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

/* There are only so many pipes, however many the kernel would give; who gets none READs. */
TEST(pieces_end_where_pipes_do)
{
	enum { MANY = 65 };
	struct vfs_piece p[MANY];
	struct fix f;
	int count = 0, err = 0;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = pattern_file(&f, 65536);
	while (count < MANY && !(err = piece_of(&f, data, 0, 65536, &p[count])))
		count++;
	CHECK_EQ(err, -EOPNOTSUPP);
	CHECK(count > 0);
	expect_pattern(p[0].piece, 0, 65536);
	seg_file_put(p[0].piece);
	CHECK_EQ(piece_of(&f, data, 0, 65536, &p[0]), 0);
	for (int i = 0; i < count; i++)
		seg_file_put(p[i].piece);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(without_descriptors_there_is_no_piece)
{
	struct rlimit old, none;
	struct vfs_piece p;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *data = pattern_file(&f, 65536);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 1;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(piece_of(&f, data, 0, 65536, &p), -EOPNOTSUPP);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	vfile_put(TAKE(data));
	fix_fini(&f);
}

TEST(only_files_have_pieces)
{
	struct vfs_piece p;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(piece_of(&f, f.root, 0, 65536, &p), -EOPNOTSUPP);
	struct vfile *dir = fix_open(&f, f.root, true, false);
	CHECK_EQ(piece_of(&f, dir, 0, 65536, &p), -EOPNOTSUPP);
	vfile_put(dir);
	fix_fini(&f);
}

TEST(a_stream_has_pieces_once_it_lies_in_a_file)
{
	static uint8_t bytes[1 << 17];
	struct vfs_piece p;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	struct vfile *file = fix_find(&f, "file");
	struct vfile *data = data_of(&f, file, "stream");
	CHECK_EQ(write_at(&f, data, 0, "small", 5), 0);
	CHECK_EQ(piece_of(&f, data, 0, 65536, &p), -EOPNOTSUPP);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern_at(i);
	CHECK_EQ(write_at(&f, data, 0, bytes, sizeof(bytes)), 0);
	CHECK_EQ(piece_of(&f, data, 0, 65536, &p), 0);
	CHECK_EQ(p.done, 65536);
	expect_pattern(p.piece, 0, p.done);
	seg_file_put(p.piece);
	vfile_put(data);
	vfile_put(file);
	fix_fini(&f);
}

TEST_MAIN()
