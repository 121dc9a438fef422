/* test_posix_reparse.c - reparse points: made by clients, kept beside ordinary files; links and special files of others. */
#include "posix_fixture.h"
#include "wire/fscc_proto.h"
#include "wire/reparse.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define XATTR "user.tsmb.$reparse"
#define FIFO  0x24, 0, 0, 0x80, 0, 0, 0, 0
#define LX(c) 0x1D, 0, 0, 0xA0, 5, 0, 0, 0, 2, 0, 0, 0, c

static int set_reparse(struct fix *f, struct vfile *file, struct span buffer,
		       struct vfs_stat *ret_stat)
{
	struct vfs_setattr s = {.file = file, .what = VFS_SET_REPARSE, .reparse = buffer};
	int err = fix_run(f, &s.call, VFS_SETATTR);

	*ret_stat = s.stat;
	return err;
}

static struct span get_reparse(struct fix *f, struct vfile *file)
{
	struct vfs_statcall s = {.file = file, .with_reparse = true};

	CHECK_EQ(fix_run(f, &s.call, VFS_STAT), 0);
	return s.reparse;
}

/* The name itself, not what a link leads to. */
static struct vfile *find_itself(struct fix *f, const char *name, struct vfs_stat *ret)
{
	struct vfs_lookup l = {
		.dir = f->root, .names = &name, .count = 1, .no_follow = true};

	assert_int_equal(fix_run(f, &l.call, VFS_LOOKUP), 0);
	CHECK_EQ(l.reparse.len, 0);
	*ret = l.stat;
	return l.file;
}

static void check_tag(const struct vfs_stat *st, uint32_t tag)
{
	CHECK_EQ(st->reparse_tag, tag);
	CHECK_EQ(st->dos_attributes & FILE_ATTRIBUTE_REPARSE_POINT,
		 tag ? FILE_ATTRIBUTE_REPARSE_POINT : 0);
}

TEST(a_reparse_point_is_kept_and_goes_again)
{
	static const struct {
		const char *name;
		bool directory;
	} cases[] = {{"file", false}, {"dir", true}};
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfile *file;

		CHECK_EQ(fix_create(&f, cases[i].name, cases[i].directory), 0);
		file = find_itself(&f, cases[i].name, &st);
		check_tag(&st, 0);
		CHECK_EQ(get_reparse(&f, file).len, 0);
		CHECK_EQ(set_reparse(&f, file, BYTES(FIFO), &st), 0);
		check_tag(&st, IO_REPARSE_TAG_LX_FIFO);
		CHECK_SPAN(get_reparse(&f, file), BYTES(FIFO));
		CHECK_EQ(set_reparse(&f, file, BYTES(LX('a')), &st), 0);
		CHECK_SPAN(get_reparse(&f, file), BYTES(LX('a')));
		vfile_put(file);
		file = find_itself(&f, cases[i].name, &st);
		check_tag(&st, IO_REPARSE_TAG_LX_SYMLINK);
		CHECK_EQ(set_reparse(&f, file, (struct span){0}, &st), 0);
		check_tag(&st, 0);
		CHECK_EQ(getxattr(fix_path(&f, "share/file"), XATTR, NULL, 0), -1);
		vfile_put(file);
	}
	fix_fini(&f);
}

/* It stays an ordinary file for whoever looks at it on this machine. */
TEST(nothing_real_is_made)
{
	struct vfs_ea_list l = {0};
	struct vfs_stat st;
	struct stat local;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_create(&f, "file", false), 0);
	l.file = find_itself(&f, "file", &st);
	CHECK_EQ(set_reparse(&f, l.file, BYTES(FIFO), &st), 0);
	CHECK_EQ(lstat(fix_path(&f, "share/file"), &local), 0);
	CHECK(S_ISREG(local.st_mode));
	CHECK_EQ(fix_run(&f, &l.call, VFS_EA_LIST), 0);
	CHECK_EQ(l.count, 0);
	vfile_put(l.file);
	fix_fini(&f);
}

TEST(other_attributes_leave_it_alone)
{
	struct vfs_setattr s = {.what = VFS_SET_DOS_ATTRIBUTES};
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_create(&f, "file", false), 0);
	s.file = find_itself(&f, "file", &st);
	s.attr.dos_attributes = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_REPARSE_POINT;
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), 0);
	check_tag(&s.stat, 0);
	CHECK_EQ(set_reparse(&f, s.file, BYTES(FIFO), &st), 0);
	s.attr.dos_attributes = FILE_ATTRIBUTE_SYSTEM;
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), 0);
	check_tag(&s.stat, IO_REPARSE_TAG_LX_FIFO);
	CHECK_EQ(s.stat.dos_attributes & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM),
		 FILE_ATTRIBUTE_SYSTEM);
	vfile_put(s.file);
	fix_fini(&f);
}

/* A local owner may write there what he likes: what makes no sense is no reparse point. */
TEST(what_is_stored_is_not_believed)
{
	static const uint8_t longer[REPARSE_BUFFER_MAX + 1] = {FIFO};
	const struct span cases[] = {BYTES(0), BYTES(3, 0, 0, 0xA0, 0, 0, 0, 0),
				     BYTES(FIFO, 0), span_of(longer, sizeof(longer)),
				     BYTES(FIFO)};
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool right = i == ARRAY_LEN(cases) - 1;
		const char *path = fix_path(&f, "share/file");
		struct vfile *file;

		CHECK_EQ(fix_create(&f, "file", false), 0);
		file = find_itself(&f, "file", &st);
		CHECK_EQ(set_reparse(&f, file, BYTES(FIFO), &st), 0);
		vfile_put(file);
		if (setxattr(path, XATTR, cases[i].p, cases[i].len, 0) == 0) {
			file = find_itself(&f, "file", &st);
			check_tag(&st, right ? IO_REPARSE_TAG_LX_FIFO : 0);
			CHECK_EQ(get_reparse(&f, file).len, right ? cases[i].len : 0);
			vfile_put(file);
		} else {
			CHECK(errno == ENOSPC || errno == E2BIG);
		}
		CHECK_EQ(unlink(path), 0);
	}
	fix_fini(&f);
}

/* ---- on the way --------------------------------------------------------------------------------- */

TEST(a_walk_stops_where_a_client_is_to_follow)
{
	static const struct {
		const char *path;
		int err;
		size_t resolved;
		bool told;
	} cases[] = {
		{"kept", 0, 1, true},
		{"kept/x", -ELOOP, 0, true},
		{"kept/x/y", -ELOOP, 0, true},
		{"d/folder/x", -ELOOP, 1, true},
		{"d/folder/x/y", -ELOOP, 1, true},
		{"d/folder", 0, 2, true},
		{"d/none/x", -ENOENT, 1, false},
		{"plain/x", -ENOTDIR, 1, false},
		{"out", 0, 1, true},
		{"d/out/x/y", -ELOOP, 1, true},
		{"gone/x", -ELOOP, 0, true},
		{"absolute", 0, 1, false},
		{"absolute/x", -EXDEV, 0, false},
		{"odd", 0, 1, false},
	};
	struct vfs_stat st;
	struct vfile *file;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_create(&f, "kept", false), 0);
	CHECK_EQ(fix_create(&f, "plain", false), 0);
	CHECK_EQ(fix_create(&f, "d", true), 0);
	CHECK_EQ(mkdir(fix_path(&f, "share/d/folder"), 0755), 0);
	fix_link(&f, "../beside", "share/out");
	fix_link(&f, "../../beside", "share/d/out");
	fix_link(&f, "nowhere", "share/gone");
	fix_link(&f, "/etc", "share/absolute");
	fix_link(&f, "a\\b", "share/odd");
	file = find_itself(&f, "kept", &st);
	CHECK_EQ(set_reparse(&f, file, BYTES(LX('a')), &st), 0);
	vfile_put(file);
	file = fix_find(&f, "d/folder");
	CHECK_EQ(set_reparse(&f, file, BYTES(LX('b')), &st), 0);
	vfile_put(file);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_lookup l;

		CHECK_EQ(fix_lookup(&f, NULL, cases[i].path, &l), cases[i].err);
		CHECK_EQ(l.resolved, cases[i].resolved);
		CHECK_EQ(l.reparse.len != 0, cases[i].told);
		if (!cases[i].err)
			vfile_put(l.file);
	}
	fix_fini(&f);
}

TEST(links_of_others_are_shown_with_their_target)
{
	static const struct {
		const char *target;
		bool relative;
	} cases[] = {{"dir", true}, {"../beside", true}, {"/etc/passwd", false}};
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_create(&f, "dir", true), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_open o = {.read = true};
		struct vfs_stat st;
		struct reparse r;

		fix_link(&f, cases[i].target, "share/link");
		o.file = find_itself(&f, "link", &st);
		CHECK_EQ(st.type, VFS_SYMLINK);
		check_tag(&st, IO_REPARSE_TAG_SYMLINK);
		CHECK_ST(reparse_decode(get_reparse(&f, o.file), &r), STATUS_SUCCESS);
		CHECK_EQ(reparse_is_relative_link(&r), cases[i].relative);
		CHECK_EQ(fix_run(&f, &o.call, VFS_OPEN), -ELOOP);
		CHECK_EQ(set_reparse(&f, o.file, BYTES(FIFO), &st), -EOPNOTSUPP);
		vfile_put(o.file);
		CHECK_EQ(unlink(fix_path(&f, "share/link")), 0);
	}
	fix_fini(&f);
}

TEST(special_files_of_others_are_shown_as_what_they_are)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	struct vfs_stat st;
	struct vfile *file;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkfifo(fix_path(&f, "share/fifo"), 0600), 0);
	file = find_itself(&f, "fifo", &st);
	check_tag(&st, IO_REPARSE_TAG_NFS);
	CHECK_MEM(get_reparse(&f, file).p + REPARSE_HEADER_LEN, "FIFO\0\0\0\0", 8);
	vfile_put(file);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sock", f.share);
	CHECK_EQ(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
	file = find_itself(&f, "sock", &st);
	check_tag(&st, IO_REPARSE_TAG_NFS);
	CHECK_MEM(get_reparse(&f, file).p + REPARSE_HEADER_LEN, "SOCK\0\0\0\0", 8);
	vfile_put(file);
	close(sock);
	fix_fini(&f);
}

TEST_MAIN()
