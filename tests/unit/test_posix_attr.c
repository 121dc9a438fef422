/* test_posix_attr.c - attributes, times, sizes, rights; what is told of a file and what can be set. */
#include "need_root.h"
#include "posix_fixture.h"

#include "fs/dosattr.h"
#include "wire/filetime.h"
#include "wire/fscc_proto.h"

#include <sys/xattr.h>

/* 2020-01-01 and a bit */
#define SOME_TIME UINT64_C(132223104001234500)

static int set(struct fix *f, struct vfile *file, unsigned what, struct vfs_stat attr,
	       struct vfs_stat *ret_stat)
{
	struct vfs_setattr s = {.file = file, .what = what, .attr = attr};
	int err = fix_run(f, &s.call, VFS_SETATTR);

	*ret_stat = s.stat;
	return err;
}

static struct vfs_stat get(struct fix *f, struct vfile *file)
{
	struct vfs_statcall s = {.file = file};

	assert_int_equal(fix_run(f, &s.call, VFS_STAT), 0);
	return s.stat;
}

static struct vfile *new_file(struct fix *f, const char *text)
{
	fix_put(f, "share/file", text);
	return fix_find(f, "file");
}

/* ---- DOS attributes ----------------------------------------------------------------------------- */

TEST(attributes_follow_from_mode_and_name)
{
	static const struct {
		const char *name;
		mode_t mode;
		uint32_t want;
	} cases[] = {
		{"plain", 0644, FILE_ATTRIBUTE_ARCHIVE},
		{"locked", 0444, FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_READONLY},
		{".dot", 0600, FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_HIDDEN},
	};
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char rel[32];

		snprintf(rel, sizeof(rel), "share/%s", cases[i].name);
		fix_put(&f, rel, "");
		CHECK_EQ(chmod(fix_path(&f, rel), cases[i].mode), 0);
		CHECK_EQ(fix_lookup(&f, NULL, cases[i].name, &l), 0);
		CHECK_EQ(l.stat.dos_attributes, cases[i].want);
		CHECK_EQ(get(&f, l.file).dos_attributes, cases[i].want);
		vfile_put(l.file);
	}
	fix_fini(&f);
}

TEST(attributes_are_stored_and_told)
{
	static const struct {
		uint32_t set, want;
	} cases[] = {
		{FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_HIDDEN},
		{FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_NORMAL},
		{FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_SYSTEM,
		 FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_SYSTEM},
		{FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_ARCHIVE},
		{FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT,
		 FILE_ATTRIBUTE_NORMAL},
	};
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES,
			     (struct vfs_stat){.dos_attributes = cases[i].set}, &st),
			 0);
		CHECK_EQ(st.dos_attributes, cases[i].want);
		CHECK_EQ(get(&f, file).dos_attributes, cases[i].want);
	}
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(broken_stored_attributes_are_none)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	CHECK_EQ(setxattr(fix_path(&f, "share/file"), DOSATTR_XATTR, "junk", 4, 0), 0);
	CHECK_EQ(get(&f, file).dos_attributes, FILE_ATTRIBUTE_ARCHIVE);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(a_file_made_writable_is_so_by_its_mode)
{
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	CHECK_EQ(chmod(fix_path(&f, "share/file"), 0444), 0);
	CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES,
		     (struct vfs_stat){.dos_attributes = FILE_ATTRIBUTE_NORMAL}, &st),
		 0);
	CHECK_EQ(st.mode, 0644);
	CHECK_EQ(st.dos_attributes, FILE_ATTRIBUTE_NORMAL);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* Cached values are valid as long as the file's change time; here it is older than what is trusted. */
TEST(attributes_changed_by_others_are_seen)
{
	struct dosattr a = {.has_attributes = true, .attributes = FILE_ATTRIBUTE_SYSTEM};
	uint8_t room[DOSATTR_LEN];
	struct span xattr;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	usleep(3200 * 1000);
	CHECK_EQ(get(&f, file).dos_attributes, FILE_ATTRIBUTE_ARCHIVE);
	CHECK_EQ(get(&f, file).dos_attributes, FILE_ATTRIBUTE_ARCHIVE);
	xattr = dosattr_encode(&a, 5, room);
	CHECK_EQ(setxattr(fix_path(&f, "share/file"), DOSATTR_XATTR, xattr.p, xattr.len,
			  0),
		 0);
	CHECK_EQ(get(&f, file).dos_attributes, FILE_ATTRIBUTE_SYSTEM);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* ---- times -------------------------------------------------------------------------------------- */

TEST(times_are_set_one_by_one)
{
	static const unsigned whats[] = {VFS_SET_CREATE_TIME, VFS_SET_ACCESS_TIME,
					 VFS_SET_WRITE_TIME};
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	for (size_t i = 0; i < ARRAY_LEN(whats); i++) {
		uint64_t t = SOME_TIME + i * 10000000;
		struct vfs_stat before = get(&f, file), st;
		struct vfs_stat attr = {
			.create_time = t, .access_time = t, .write_time = t};

		CHECK_EQ(set(&f, file, whats[i], attr, &st), 0);
		CHECK_EQ(st.create_time, i == 0 ? t : before.create_time);
		CHECK_EQ(st.access_time, i == 1 ? t : before.access_time);
		CHECK_EQ(st.write_time, i == 2 ? t : before.write_time);
	}
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(storing_a_creation_time_leaves_attributes_alone)
{
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	CHECK_EQ(set(&f, file, VFS_SET_CREATE_TIME,
		     (struct vfs_stat){.create_time = SOME_TIME}, &st),
		 0);
	CHECK_EQ(st.dos_attributes, FILE_ATTRIBUTE_ARCHIVE);
	CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES,
		     (struct vfs_stat){.dos_attributes = FILE_ATTRIBUTE_HIDDEN}, &st),
		 0);
	CHECK_EQ(st.create_time, SOME_TIME);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* The clock of files ticks slowly: past what cannot be told from the moment it was set. */
static void wait_for_a_tick(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
}

static void set_some_change_time(struct fix *f, struct vfile *file)
{
	struct vfs_stat st;

	CHECK_EQ(set(f, file, VFS_SET_CHANGE_TIME | VFS_SET_WRITE_TIME,
		     (struct vfs_stat){.change_time = SOME_TIME,
				       .write_time = SOME_TIME + 1},
		     &st),
		 0);
	CHECK_EQ(st.change_time, SOME_TIME);
	CHECK_EQ(st.write_time, SOME_TIME + 1);
}

/* No file system lets it be set; it is shown, also to who comes later. [MS-FSA] 2.1.5.15.2 */
TEST(a_change_time_stays_as_it_was_set)
{
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	set_some_change_time(&f, file);
	wait_for_a_tick();
	CHECK_EQ(get(&f, file).change_time, SOME_TIME);
	CHECK_EQ(get(&f, file).dos_attributes, FILE_ATTRIBUTE_ARCHIVE);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* Whoever changes the file, and however, the change time is the kernel's again. */
TEST(a_change_time_that_was_set_ends_with_the_next_change)
{
	enum { CONTENTS, MODE, OTHER_ATTRIBUTE, WAYS };

	for (int way = 0; way < WAYS; way++) {
		struct fix f;

		fix_init(&f);
		CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
		set_some_change_time(&f, file);
		wait_for_a_tick();
		if (way == CONTENTS)
			CHECK_EQ(truncate(fix_path(&f, "share/file"), 5), 0);
		else if (way == MODE)
			CHECK_EQ(chmod(fix_path(&f, "share/file"), 0600), 0);
		else
			CHECK_EQ(setxattr(fix_path(&f, "share/file"), "user.other", "x",
					  1, 0),
				 0);
		CHECK(get(&f, file).change_time != SOME_TIME);
		vfile_put(TAKE(file));
		fix_fini(&f);
	}
}

/* Also within the tick in which it was set. */
TEST(other_attributes_end_a_change_time)
{
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	set_some_change_time(&f, file);
	CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES,
		     (struct vfs_stat){.dos_attributes = FILE_ATTRIBUTE_HIDDEN}, &st),
		 0);
	CHECK(st.change_time != SOME_TIME);
	CHECK_EQ(st.dos_attributes, FILE_ATTRIBUTE_HIDDEN);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* [MS-FSA] 2.1.4.17 */
TEST(a_file_that_changed_is_to_be_archived)
{
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES | VFS_SET_CREATE_TIME,
		     (struct vfs_stat){.dos_attributes = FILE_ATTRIBUTE_HIDDEN,
				       .create_time = SOME_TIME},
		     &st),
		 0);
	CHECK_EQ(st.dos_attributes, FILE_ATTRIBUTE_HIDDEN);
	CHECK_EQ(set(&f, file, VFS_SET_ARCHIVE, (struct vfs_stat){0}, &st), 0);
	CHECK_EQ(st.dos_attributes, FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_ARCHIVE);
	CHECK_EQ(st.create_time, SOME_TIME);
	vfile_put(TAKE(file));
	/* never a directory */
	CHECK_EQ(set(&f, f.root, VFS_SET_ARCHIVE, (struct vfs_stat){0}, &st), 0);
	CHECK_EQ(st.dos_attributes, FILE_ATTRIBUTE_DIRECTORY);
	fix_fini(&f);
}

TEST(a_change_time_set_with_other_attributes)
{
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	CHECK_EQ(set(&f, file,
		     VFS_SET_DOS_ATTRIBUTES | VFS_SET_CREATE_TIME | VFS_SET_CHANGE_TIME,
		     (struct vfs_stat){.dos_attributes = FILE_ATTRIBUTE_SYSTEM,
				       .create_time = SOME_TIME,
				       .change_time = SOME_TIME + 2},
		     &st),
		 0);
	CHECK_EQ(st.dos_attributes, FILE_ATTRIBUTE_SYSTEM);
	CHECK_EQ(st.create_time, SOME_TIME);
	CHECK_EQ(st.change_time, SOME_TIME + 2);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* ---- sizes -------------------------------------------------------------------------------------- */

TEST(sizes_grow_and_shrink)
{
	static const uint64_t sizes[] = {3, 100000, 0, UINT64_C(1) << 40};
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "text");
	CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, file, true, true);
	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes);
	     i++) { /* with the data handle and without */
		struct vfs_setattr s = {
			.file = file,
			.data = i & 1 ? data : NULL,
			.what = VFS_SET_SIZE,
			.attr.size = sizes[i / 2],
		};

		CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), 0);
		CHECK_EQ(s.stat.size, sizes[i / 2]);
	}
	CHECK_EQ(set(&f, file, VFS_SET_SIZE, (struct vfs_stat){.size = UINT64_MAX}, &st),
		 -EFBIG);
	vfile_put(TAKE(data));
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(allocation_reserves_or_cuts)
{
	static const struct {
		uint64_t allocate, size, allocated_at_least;
		int err;
	} cases[] = {
		{1 << 20, 9, 1 << 20, 0},   {9, 9, 9, 0}, {4, 4, 4, 0}, {0, 0, 0, 0},
		{UINT64_MAX, 0, 0, -EFBIG},
	};
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "some text");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(set(&f, file, VFS_SET_ALLOCATION,
			     (struct vfs_stat){.allocated = cases[i].allocate}, &st),
			 cases[i].err);
		st = get(&f, file);
		CHECK_EQ(st.size, cases[i].size);
		CHECK(st.allocated >= cases[i].allocated_at_least);
	}
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(what_has_no_size_gets_none)
{
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	fix_link(&f, "nowhere", "share/link");
	CLEANUP(vfile_putp) struct vfile *link = fix_find(&f, "link");
	CHECK_EQ(set(&f, f.root, VFS_SET_SIZE, (struct vfs_stat){.size = 1}, &st),
		 -EISDIR);
	CHECK_EQ(set(&f, f.root, VFS_SET_ALLOCATION, (struct vfs_stat){0}, &st), -EISDIR);
	CHECK_EQ(set(&f, link, VFS_SET_MODE, (struct vfs_stat){.mode = 0777}, &st),
		 -EOPNOTSUPP);
	vfile_put(TAKE(link));
	fix_fini(&f);
}

TEST(mode_and_owner)
{
	struct vfs_stat st;
	struct fix f;

	fix_init(&f);
	CLEANUP(vfile_putp) struct vfile *file = new_file(&f, "");
	CHECK_EQ(set(&f, file, VFS_SET_MODE | VFS_SET_OWNER | VFS_SET_GROUP,
		     (struct vfs_stat){.mode = 0600, .uid = getuid(), .gid = getgid()},
		     &st),
		 0);
	CHECK_EQ(st.mode, 0600);
	CHECK_EQ(st.uid, getuid());
	CHECK_EQ(st.gid, getgid());
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(statfs_describes_the_volume)
{
	struct vfs_statfs s = {0};
	struct fix f;

	fix_init(&f);
	CHECK_EQ(fix_run(&f, &s.call, VFS_STATFS), 0);
	CHECK(s.block_size > 0 && s.blocks > 0);
	CHECK(s.blocks >= s.blocks_free && s.blocks_free >= s.blocks_available);
	CHECK_EQ(s.name_max, 255);
	CHECK(!s.read_only);
	CHECK(s.create_time > SOME_TIME);
	assert_non_null(s.fs_name);
	fix_fini(&f);
}

/* ---- users; as root only ------------------------------------------------------------------------ */

enum { ALICE = 54321, BOB = 54322, STAFF = 54330 };

static void init_switching(struct fix *f)
{
	fix_init_at(f, "/tmp", (struct posix_settings){.switch_credentials = true});
}

TEST(rights_are_the_users)
{
	static const gid_t staff = STAFF;
	static const struct {
		uid_t uid;
		bool in_staff;
		unsigned may;
	} cases[] = {
		{ALICE, false, VFS_MAY_READ | VFS_MAY_WRITE},
		{BOB, true, VFS_MAY_READ},
		{BOB, false, 0},
		{0, false, VFS_MAY_READ | VFS_MAY_WRITE | VFS_MAY_EXEC},
	};
	struct vfs_lookup l;
	struct fix f;

	need_root();
	init_switching(&f);
	fix_put(&f, "share/file", "x");
	CHECK_EQ(chown(fix_path(&f, "share/file"), ALICE, STAFF), 0);
	CHECK_EQ(chmod(fix_path(&f, "share/file"), 0640), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(cred_putp)
		struct cred *c = cred_new(cases[i].uid, cases[i].uid, &staff,
					  cases[i].in_staff);

		f.cred = c;
		CHECK_EQ(fix_lookup(&f, NULL, "file", &l), 0);
		CHECK_EQ(l.may, cases[i].may);
		struct vfs_open o = {.file = l.file, .read = true};
		CHECK_EQ(fix_run(&f, &o.call, VFS_OPEN),
			 cases[i].may & VFS_MAY_READ ? 0 : -EACCES);
		vfile_put(o.data);
		vfile_put(l.file);
	}
	cred_become(NULL);
	fix_fini(&f);
}

TEST(what_is_made_belongs_to_the_user)
{
	CLEANUP(cred_putp) struct cred *alice = NULL;
	CLEANUP(cred_putp) struct cred *bob = NULL;
	struct vfs_stat st;
	struct fix f;

	need_root();
	alice = cred_new(ALICE, STAFF, NULL, 0);
	bob = cred_new(BOB, BOB, NULL, 0);
	init_switching(&f);
	f.cred = alice;
	CHECK_EQ(fix_create(&f, "file", false), 0);
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	st = get(&f, file);
	CHECK_EQ(st.uid, ALICE);
	CHECK_EQ(st.gid, STAFF);
	CHECK_EQ(set(&f, file, VFS_SET_OWNER, (struct vfs_stat){.uid = BOB}, &st),
		 -EPERM);
	f.cred = bob;
	CHECK_EQ(set(&f, file, VFS_SET_MODE, (struct vfs_stat){.mode = 0777}, &st),
		 -EPERM);
	CHECK_EQ(set(&f, file, VFS_SET_SIZE, (struct vfs_stat){.size = 1}, &st), -EACCES);
	f.cred = NULL;
	CHECK_EQ(set(&f, file, VFS_SET_OWNER, (struct vfs_stat){.uid = BOB}, &st), 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* An owner may have denied himself what storing attributes takes. */
TEST(owners_set_attributes_of_locked_files)
{
	CLEANUP(cred_putp) struct cred *alice = NULL;
	struct vfs_stat st;
	struct fix f;

	need_root();
	alice = cred_new(ALICE, ALICE, NULL, 0);
	init_switching(&f);
	f.cred = alice;
	CHECK_EQ(fix_create(&f, "file", false), 0);
	CHECK_EQ(chmod(fix_path(&f, "share/file"), 0444), 0);
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	uint32_t want = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN;
	CHECK_EQ(set(&f, file, VFS_SET_DOS_ATTRIBUTES,
		     (struct vfs_stat){.dos_attributes = want}, &st),
		 0);
	CHECK_EQ(st.dos_attributes, want);
	CHECK_EQ(st.mode, 0444);
	vfile_put(TAKE(file));
	cred_become(NULL);
	fix_fini(&f);
}

/* Also when the server itself is the one that writes. */
TEST(writing_clears_set_id_bits)
{
	CLEANUP(cred_putp) struct cred *bob = NULL;
	uint8_t byte = 'x';
	struct stat st;
	struct fix f;

	need_root();
	bob = cred_new(BOB, BOB, NULL, 0);
	init_switching(&f);
	for (int as_server = 0; as_server < 2; as_server++) {
		fix_put(&f, "share/file", "x");
		CHECK_EQ(chmod(fix_path(&f, "share/file"), 06777), 0);
		f.cred = bob;
		CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
		CLEANUP(vfile_putp) struct vfile *data = fix_open(&f, file, false, true);
		struct vfs_io io = {.data = data, .bytes = mspan_of(&byte, 1)};

		f.cred = as_server ? NULL : bob;
		cred_become(NULL);
		CHECK_EQ(fix_run(&f, &io.call, VFS_WRITE), 0);
		cred_become(NULL);
		CHECK_EQ(stat(fix_path(&f, "share/file"), &st), 0);
		CHECK_EQ(st.st_mode & 07777, 0777);
	}
	f.cred = NULL;
	fix_fini(&f);
}

TEST(closed_directories_stay_closed)
{
	CLEANUP(cred_putp) struct cred *bob = NULL;
	struct vfs_lookup l;
	struct fix f;

	need_root();
	bob = cred_new(BOB, BOB, NULL, 0);
	init_switching(&f);
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0700), 0);
	fix_put(&f, "share/dir/file", "x");
	CHECK_EQ(fix_lookup(&f, NULL, "dir/file", &l), 0);
	vfile_put(l.file);
	f.cred = bob;
	CHECK_EQ(fix_lookup(&f, NULL, "dir/file", &l), -EACCES);
	CHECK_EQ(l.resolved, 1);
	CHECK_EQ(fix_lookup(&f, NULL, "dir/none", &l), -EACCES);
	CHECK_EQ(fix_lookup(&f, NULL, "dir", &l), 0);
	CHECK_EQ(l.may, 0);
	vfile_put(l.file);
	cred_become(NULL);
	fix_fini(&f);
}

TEST(open_does_not_ask_for_what_is_known)
{
	struct vfs_open o = {.read = true, .stat_known = true, .stat = {.size = 12345}};
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "text");
	o.file = fix_find(&f, "file");
	CHECK_EQ(fix_run(&f, &o.call, VFS_OPEN), 0);
	CHECK_EQ(o.stat.size, 12345);
	vfile_put(o.data);
	vfile_put(o.file);
	fix_fini(&f);
}

TEST_MAIN()
