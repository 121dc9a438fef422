/* Stored descriptors, and calls that are made raised. */
#include "fs/cred.h"
#include "fs/ntacl.h"
#include "posix_fixture.h"

#include <sys/xattr.h>

enum { ALICE = 1000, BOB = 1001, LONG_SD = 3000 };

static const char SD[] = "user.tsmb.$sd";
static const uint8_t bytes[] = "any bytes: whether they make sense is not judged here";

static struct span some_sd(void)
{
	return span_of(bytes, sizeof(bytes));
}

static int make(struct fix *f, const char *name, bool directory, struct span sd)
{
	struct vfs_create k = {.dir = f->root,
			       .name = name,
			       .directory = directory,
			       .mode = directory ? 0755 : 0644,
			       .sd = sd};
	int err = fix_run(f, &k.call, VFS_CREATE);

	if (!err) {
		vfile_put(k.file);
		vfile_put(k.data);
	}
	return err;
}

static int set_sd(struct fix *f, struct vfile *file, struct span sd)
{
	struct vfs_setattr s = {.file = file, .what = VFS_SET_SD, .sd = sd};

	return fix_run(f, &s.call, VFS_SETATTR);
}

/* By a look-up and by a stat: they say the same. */
static struct span get_sd(struct fix *f, const char *name)
{
	const char *names[] = {name};
	struct vfs_lookup l = {
		.dir = f->root, .names = names, .count = 1, .with_sd = true};
	struct vfs_statcall s = {.with_sd = true};

	assert_int_equal(fix_run(f, &l.call, VFS_LOOKUP), 0);
	s.file = l.file;
	assert_int_equal(fix_run(f, &s.call, VFS_STAT), 0);
	CHECK(span_eq(l.sd, s.sd));
	vfile_put(l.file);
	return l.sd;
}

/* Some file systems have no place for it. */
static void need_xattrs(struct fix *f)
{
	fix_put(f, "probe", "");
	if (setxattr(fix_path(f, "probe"), "user.x", "", 0, 0) < 0 && errno == EOPNOTSUPP)
		skip();
}

TEST(a_descriptor_is_stored_with_the_file)
{
	struct fix f;

	fix_init(&f);
	need_xattrs(&f);
	for (int directory = 0; directory < 2; directory++) {
		const char *name = directory ? "dir" : "file";

		CHECK_EQ(make(&f, name, directory, some_sd()), 0);
		CHECK(span_eq(get_sd(&f, name), some_sd()));
	}
	CHECK_EQ(setxattr(fix_path(&f, "share/file"), SD, "", 0, 0), 0);
	CHECK(get_sd(&f, "file").len > 0); /* empty is not absent */
	CHECK_EQ(make(&f, "plain", false, (struct span){0}), 0);
	CHECK_EQ(get_sd(&f, "plain").len, 0);
	CHECK_EQ(getxattr(fix_path(&f, "share/dir"), SD, NULL, 0), sizeof(bytes));
	CHECK_EQ(getxattr(fix_path(&f, "share/plain"), SD, NULL, 0), -1);
	fix_fini(&f);
}

TEST(a_descriptor_is_replaced_however_long)
{
	static const size_t lengths[] = {1, 1023, 1024, 1025, LONG_SD};
	static uint8_t text[LONG_SD];
	struct vfile *file;
	struct fix f;

	fix_init(&f);
	need_xattrs(&f);
	CHECK_EQ(make(&f, "file", false, some_sd()), 0);
	file = fix_find(&f, "file");
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		memset(text, (int)i + 1, sizeof(text));
		CHECK_EQ(set_sd(&f, file, span_of(text, lengths[i])), 0);
		CHECK(span_eq(get_sd(&f, "file"), span_of(text, lengths[i])));
	}
	vfile_put(file);
	fix_fini(&f);
}

/* It was meant to protect: a file that could not get it is not there. */
TEST(a_descriptor_that_cannot_be_stored_leaves_no_file)
{
	static uint8_t too_long[65537];
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	need_xattrs(&f);
	CHECK(make(&f, "file", false, span_of(too_long, sizeof(too_long))) < 0);
	CHECK_EQ(fix_lookup(&f, NULL, "file", &l), -ENOENT);
	CHECK(make(&f, "dir", true, span_of(too_long, sizeof(too_long))) < 0);
	CHECK_EQ(fix_lookup(&f, NULL, "dir", &l), -ENOENT);
	fix_fini(&f);
}

TEST(nobody_sees_it_among_the_attributes)
{
	const struct vfs_ea ea = {.name = "tsmb.$sd", .value = some_sd()};
	struct vfs_ea_list l = {0};
	struct vfs_ea_set s = {.eas = &ea, .count = 1};
	struct fix f;

	fix_init(&f);
	need_xattrs(&f);
	CHECK_EQ(make(&f, "file", false, some_sd()), 0);
	l.file = s.file = fix_find(&f, "file");
	CHECK_EQ(fix_run(&f, &l.call, VFS_EA_LIST), 0);
	CHECK_EQ(l.count, 0);
	CHECK_EQ(fix_run(&f, &s.call, VFS_EA_SET), -EACCES);
	vfile_put(l.file);
	fix_fini(&f);
}

/* ---- Samba's form --------------------------------------------------------------------------------- */

static void init_ntacl(struct fix *f, enum posix_sd_form form)
{
	if (geteuid() != 0)
		skip();
	fix_init_at(f, "/tmp", (struct posix_settings){.sd_form = form});
	need_xattrs(f);
}

TEST(sambas_attribute_is_read_and_written)
{
	static const enum posix_sd_form forms[] = {POSIX_SD_NTACL3, POSIX_SD_NTACL4};
	static const uint8_t empty[20] = {1, 0, 4, 0x80};
	struct span no_offsets = span_of(empty, sizeof(empty));

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		uint8_t stored[NTACL_HEAD_LEN + sizeof(empty)];
		struct span sd;
		struct fix f;
		ssize_t n;

		init_ntacl(&f, forms[i]);
		CHECK_EQ(make(&f, "file", false, no_offsets), 0);
		CHECK(span_eq(get_sd(&f, "file"), no_offsets));
		n = getxattr(fix_path(&f, "share/file"), NTACL_XATTR, stored,
			     sizeof(stored));
		CHECK(n > 0);
		CHECK_EQ(ntacl_decode(mspan_of(stored, (size_t)n), &sd), 0);
		CHECK(span_eq(sd, no_offsets));
		CHECK_EQ(stored[0], forms[i] == POSIX_SD_NTACL3 ? 3 : 4);
		CHECK_EQ(getxattr(fix_path(&f, "share/file"), SD, NULL, 0), -1);
		fix_fini(&f);
	}
}

/* It may have meant to forbid. */
TEST(what_is_not_understood_is_not_taken_for_none)
{
	static const char text[] = "\1\0\1\0 an older version";
	struct fix f;

	init_ntacl(&f, POSIX_SD_NTACL4);
	fix_put(&f, "share/file", "");
	CHECK_EQ(get_sd(&f, "file").len, 0);
	CHECK_EQ(setxattr(fix_path(&f, "share/file"), NTACL_XATTR, text, sizeof(text), 0),
		 0);
	CHECK_EQ(get_sd(&f, "file").len, 1);
	fix_fini(&f);
}

/* ---- as root: calls of a user, raised and not ------------------------------------------------------ */

static void init_as(struct fix *f, struct cred *c)
{
	if (geteuid() != 0)
		skip();
	fix_init_at(f, "/tmp",
		    (struct posix_settings){.case_insensitive = true,
					    .switch_credentials = true});
	f->cred = c;
}

static void fini(struct fix *f)
{
	cred_become(NULL);
	fix_fini(f);
}

/* A file of alice's that nobody else may touch. */
static void put_private(struct fix *f, const char *rel)
{
	cred_become(NULL);
	fix_put(f, rel, "secret");
	CHECK_EQ(chown(fix_path(f, rel), ALICE, ALICE), 0);
	CHECK_EQ(chmod(fix_path(f, rel), 0600), 0);
}

static int open_as(struct fix *f, struct vfile *file, bool raised)
{
	struct vfs_open o = {
		.call.raised = raised, .file = file, .read = true, .write = true};
	int err = fix_run(f, &o.call, VFS_OPEN);

	if (!err)
		vfile_put(o.data);
	return err;
}

TEST(only_a_raised_call_overrides_the_mode)
{
	CLEANUP(cred_putp) struct cred *bob = cred_new(BOB, BOB, NULL, 0);
	struct vfs_setattr s = {.what = VFS_SET_SD, .sd = some_sd()};
	struct fix f;

	init_as(&f, bob);
	put_private(&f, "share/file");
	s.file = fix_find(&f, "file");
	CHECK_EQ(open_as(&f, s.file, false), -EACCES);
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), -EACCES);
	CHECK_EQ(open_as(&f, s.file, true), 0);
	s.call.raised = true;
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), 0);
	CHECK_EQ(open_as(&f, s.file, false), -EACCES); /* for that call only */
	vfile_put(s.file);
	fini(&f);
}

/* What the kernel lets the user do is asked without them. */
TEST(a_raised_look_up_says_what_the_user_may)
{
	CLEANUP(cred_putp) struct cred *bob = cred_new(BOB, BOB, NULL, 0);
	const char *names[] = {"dir", "file"};
	struct vfs_lookup l = {.call.raised = true, .names = names, .count = 2};
	struct fix f;

	init_as(&f, bob);
	CHECK_EQ(mkdir(fix_path(&f, "share/dir"), 0700), 0);
	put_private(&f, "share/dir/file");
	l.dir = f.root;
	CHECK_EQ(fix_run(&f, &l.call, VFS_LOOKUP), 0);
	CHECK_EQ(l.may, 0);
	vfile_put(l.file);
	l.call.raised = false; /* and the directory is closed */
	CHECK_EQ(fix_run(&f, &l.call, VFS_LOOKUP), -EACCES);
	fini(&f);
}

/* What is made belongs to its maker, raised or not; he may be given a file only so. */
TEST(raised_calls_and_owners)
{
	CLEANUP(cred_putp) struct cred *bob = cred_new(BOB, BOB, NULL, 0);
	struct vfs_create k = {.call.raised = true, .name = "new", .mode = 0644};
	struct vfs_setattr s = {.what = VFS_SET_OWNER, .attr.uid = BOB};
	struct fix f;

	init_as(&f, bob);
	k.dir = f.root;
	CHECK_EQ(chmod(fix_path(&f, "share"), 0755), 0);
	CHECK_EQ(fix_run(&f, &k.call, VFS_CREATE), 0);
	CHECK_EQ(k.stat.uid, BOB);
	CHECK_EQ(k.stat.gid, BOB);
	vfile_put(k.file);
	vfile_put(k.data);
	put_private(&f, "share/file");
	s.file = fix_find(&f, "file");
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), -EPERM);
	/* where the descriptor says who owns it, the file system's word is not needed */
	s.what |= VFS_SET_SD;
	s.sd = some_sd();
	s.call.raised = true;
	CHECK_EQ(fix_run(&f, &s.call, VFS_SETATTR), 0);
	CHECK_EQ(s.stat.uid, BOB);
	vfile_put(s.file);
	fini(&f);
}

TEST_MAIN()
