/* test_posix_ea.c - extended attributes, and those that are nobody's business. */
#include "fs/posix_impl.h"
#include "posix_fixture.h"

#include <sys/xattr.h>

static int set(struct fix *f, struct vfile *file, const struct vfs_ea *eas, size_t count)
{
	struct vfs_ea_set s = {.file = file, .eas = eas, .count = count};

	return fix_run(f, &s.call, VFS_EA_SET);
}

static int set_one(struct fix *f, struct vfile *file, const char *name, const char *value)
{
	struct vfs_ea ea = {.name = name, .value = span_of_str(value)};

	return set(f, file, &ea, 1);
}

/* The value of one of them; empty if it is not there. */
static struct span get(struct fix *f, struct vfile *file, const char *name,
		       size_t *ret_count)
{
	struct vfs_ea_list l = {.file = file};

	assert_int_equal(fix_run(f, &l.call, VFS_EA_LIST), 0);
	*ret_count = l.count;
	for (size_t i = 0; i < l.count; i++)
		if (strcmp(l.eas[i].name, name) == 0)
			return l.eas[i].value;
	return (struct span){0};
}

TEST(attributes_are_set_listed_and_removed)
{
	size_t count;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	CHECK_EQ(set_one(&f, file, "ONE", "value"), 0);
	CHECK_EQ(set_one(&f, file, "TWO", "other"), 0);
	CHECK_SPAN(get(&f, file, "ONE", &count), span_of_str("value"));
	CHECK_EQ(count, 2);
	CHECK_EQ(set_one(&f, file, "ONE", ""), 0);
	CHECK_EQ(get(&f, file, "ONE", &count).len, 0);
	CHECK_EQ(count, 1);
	CHECK_EQ(set_one(&f, file, "ONE", ""), 0); /* there is none to remove */
	CHECK_EQ(set_one(&f, f.root, "DIR", "x"), 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

static bool has_eas(struct fix *f, struct vfile *file)
{
	struct vfs_statcall s = {.file = file, .with_eas = true};

	assert_int_equal(fix_run(f, &s.call, VFS_STAT), 0);
	return s.has_eas;
}

static void put_xattr(struct fix *f, const char *name)
{
	CHECK_EQ(setxattr(fix_path(f, "share/file"), name, "x", 1, 0), 0);
}

TEST(whether_there_are_any_is_part_of_what_a_file_is)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	CHECK(!has_eas(&f, file));
	put_xattr(&f, "user.tsmb.mine"); /* none of theirs */
	CHECK(!has_eas(&f, file));
	CHECK_EQ(set_one(&f, file, "ONE", "value"), 0);
	CHECK(has_eas(&f, file));
	CHECK_EQ(set_one(&f, file, "ONE", ""), 0);
	CHECK(!has_eas(&f, file));
	CHECK(!has_eas(&f, f.root));
	CHECK_EQ(set_one(&f, f.root, "DIR", "x"), 0);
	CHECK(has_eas(&f, f.root));
	vfile_put(TAKE(file));
	fix_fini(&f);
}

/* More names than are asked for at first: nothing is concluded from that, and all are listed. */
static void many_names(bool xattrat)
{
	enum { COUNT = 40 };
	size_t count;
	struct fix f;

	fix_init(&f);
	posix_volume_of(f.vfs)->xattrat &= xattrat;
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	for (int i = 0; i < COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "a-name-of-some-thirty-characters-%02d", i);
		CHECK_EQ(set_one(&f, file, name, "x"), 0);
	}
	CHECK(has_eas(&f, file));
	CHECK_EQ(get(&f, file, "a-name-of-some-thirty-characters-07", &count).len, 1);
	CHECK_EQ(count, COUNT);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(many_names_are_found_and_listed)
{
	many_names(true);
}

TEST(older_kernels_list_them_by_path)
{
	many_names(false);
}

/* That there are none is remembered as long as the change time stays; here it is older than what is trusted. */
TEST(attributes_made_by_others_are_seen)
{
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	usleep(3200 * 1000);
	CHECK(!has_eas(&f, file));
	CHECK(!has_eas(&f, file));
	put_xattr(&f, "user.theirs");
	CHECK(has_eas(&f, file));
	CHECK(has_eas(&f, file));
	CHECK_EQ(removexattr(fix_path(&f, "share/file"), "user.theirs"), 0);
	CHECK(!has_eas(&f, file));
	put_xattr(&f, "user.theirs");
	CHECK(has_eas(&f, file));
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(reserved_names_are_invisible_and_refused)
{
	static const char *const names[] = {
		"DOSATTRIB", "dosattrib", "DosStream.x:$DATA", "tsmb.$sd", "TSMB.stream",
		"SAMBA_PAI", "DosEAs",
	};
	size_t count;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char xattr[64];

		CHECK_EQ(set_one(&f, file, names[i], "x"), -EACCES);
		CHECK_EQ(set_one(&f, file, names[i], ""), -EACCES);
		snprintf(xattr, sizeof(xattr), "user.%s", names[i]);
		CHECK_EQ(setxattr(fix_path(&f, "share/file"), xattr, "x", 1, 0), 0);
	}
	CHECK_EQ(get(&f, file, "", &count).len, 0);
	CHECK_EQ(count, 0);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(names_that_cannot_be_are_refused)
{
	char long_name[252];
	const char *names[] = {"", "a\tb", "\xc3\xa4", long_name};
	struct fix f;

	fix_init(&f);
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK_EQ(set_one(&f, f.root, names[i], "x"), -EINVAL);
	long_name[250] = '\0';
	CHECK_EQ(set_one(&f, f.root, long_name, "x"), 0);
	fix_fini(&f);
}

/* [MS-FSA] 2.1.5.15.6: what is there is replaced; on Windows in whatever case it was written */
TEST(names_differ_by_more_than_case)
{
	size_t count;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	CHECK_EQ(set_one(&f, file, "Comment", "first"), 0);
	CHECK_EQ(set_one(&f, file, "COMMENT", "second"), 0);
	CHECK_SPAN(get(&f, file, "Comment", &count), span_of_str("second"));
	CHECK_EQ(count, 1);
	struct vfs_ea eas[] = {
		{.name = "new", .value = span_of_str("first")},
		{.name = "NEW", .value = span_of_str("second")},
		{.name = "comment"},
	};
	CHECK_EQ(set(&f, file, eas, ARRAY_LEN(eas)), 0);
	CHECK_SPAN(get(&f, file, "new", &count), span_of_str("second"));
	CHECK_EQ(count, 1);
	/* a local process may have made both: the exact one it is */
	CHECK_EQ(setxattr(fix_path(&f, "share/file"), "user.NEW", "x", 1, 0), 0);
	CHECK_EQ(set_one(&f, file, "NEW", "third"), 0);
	CHECK_SPAN(get(&f, file, "NEW", &count), span_of_str("third"));
	CHECK_SPAN(get(&f, file, "new", &count), span_of_str("second"));
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(all_or_none)
{
	static uint8_t huge[65536];
	size_t count;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "");
	CLEANUP(vfile_putp) struct vfile *file = fix_find(&f, "file");
	CHECK_EQ(set_one(&f, file, "OLD", "before"), 0);
	struct vfs_ea eas[] = {
		{.name = "OLD", .value = span_of_str("after")},
		{.name = "NEW", .value = span_of_str("new")},
		{.name = "HUGE",
		 .value = span_of(huge, sizeof(huge))}, /* more than ext4 takes */
	};
	int err = set(&f, file, eas, 3);
	if (err == 0) {
		vfile_put(TAKE(file));
		fix_fini(&f);
		skip();
	}
	CHECK_SPAN(get(&f, file, "OLD", &count), span_of_str("before"));
	CHECK_EQ(count, 1);
	eas[2].name = "DOSATTRIB";
	eas[2].value = span_of_str("x");
	CHECK_EQ(set(&f, file, eas, 3), -EACCES);
	CHECK_SPAN(get(&f, file, "OLD", &count), span_of_str("before"));
	CHECK_EQ(set(&f, file, eas, 2), 0);
	CHECK_SPAN(get(&f, file, "OLD", &count), span_of_str("after"));
	CHECK_EQ(count, 2);
	vfile_put(TAKE(file));
	fix_fini(&f);
}

TEST(flags_and_long_values_are_refused)
{
	static uint8_t huge[65537];
	struct vfs_ea ea = {.name = "A", .value = span_of_str("x"), .flags = 0x80};
	struct fix f;

	fix_init(&f);
	CHECK_EQ(set(&f, f.root, &ea, 1), -EOPNOTSUPP);
	ea = (struct vfs_ea){.name = "A", .value = span_of(huge, sizeof(huge))};
	CHECK_EQ(set(&f, f.root, &ea, 1), -E2BIG);
	fix_fini(&f);
}

TEST(special_files_have_none)
{
	size_t count = 1;
	struct fix f;

	fix_init(&f);
	CHECK_EQ(mkfifo(fix_path(&f, "share/fifo"), 0600), 0);
	CLEANUP(vfile_putp) struct vfile *fifo = fix_find(&f, "fifo");
	CHECK_EQ(get(&f, fifo, "A", &count).len, 0);
	CHECK_EQ(count, 0);
	CHECK(!has_eas(&f, fifo));
	CHECK_EQ(set_one(&f, fifo, "A", "x"), -EOPNOTSUPP);
	vfile_put(TAKE(fifo));
	fix_fini(&f);
}

TEST_MAIN()
