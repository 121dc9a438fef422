/* POSIX ACLs of real files, there and back. */
#include "posix_fixture.h"

#include <linux/xattr.h>
#include <sys/xattr.h>

enum { ZOE = 4242, CLUB = 4343 };

static struct vfs_acl_entry access_entries[] = {{false, ZOE, 6}, {true, CLUB, 4}};
static struct vfs_acl_entry inherited_entries[] = {{true, CLUB, 7}};

static const struct vfs_acls both = {
	.access = {.there = true,
		   .may = {6, 4, 0},
		   .count = 2,
		   .entries = access_entries},
	.inherited = {.there = true,
		      .may = {7, 5, 0},
		      .count = 1,
		      .entries = inherited_entries},
};

static int set(struct fix *f, struct vfile *file, const struct vfs_acls *acls,
	       uint32_t mode)
{
	struct vfs_setattr s = {.file = file,
				.what = VFS_SET_MODE | VFS_SET_ACLS,
				.attr.mode = mode,
				.acls = acls};

	return fix_run(f, &s.call, VFS_SETATTR);
}

static struct vfs_statcall get(struct fix *f, struct vfile *file)
{
	struct vfs_statcall s = {.file = file, .with_acls = true};

	CHECK_EQ(fix_run(f, &s.call, VFS_STAT), 0);
	return s;
}

static void check_acl(const struct vfs_acl *got, const struct vfs_acl *want)
{
	CHECK_EQ(got->there, want->there);
	CHECK_EQ(got->count, want->count);
	for (size_t i = 0; want->there && i < VFS_ACL_CLASSES; i++)
		CHECK_EQ(got->may[i], want->may[i]);
	for (size_t i = 0; i < want->count; i++) {
		CHECK_EQ(got->entries[i].group, want->entries[i].group);
		CHECK_EQ(got->entries[i].id, want->entries[i].id);
		CHECK_EQ(got->entries[i].may, want->entries[i].may);
	}
}

/* Made and looked up; a file system without ACLs skips the test. */
static struct vfile *made(struct fix *f, const char *name, bool directory)
{
	struct vfs_create k = {.dir = f->root,
			       .name = name,
			       .directory = directory,
			       .mode = directory ? 0755 : 0644};

	CHECK_EQ(fix_run(f, &k.call, VFS_CREATE), 0);
	vfile_put(k.data);
	if (set(f, k.file, &both, 0660) == -EOPNOTSUPP)
		skip();
	return k.file;
}

TEST(acls_are_written_and_read)
{
	struct vfs_statcall s;
	struct vfile *file;
	struct fix f;

	fix_init(&f);
	file = made(&f, "file", false);
	s = get(&f, file);
	check_acl(&s.acls.access, &both.access);
	CHECK(!s.acls.inherited.there); /* a file has none */
	CHECK_EQ(s.stat.mode & 0777, 0660);
	vfile_put(file);
	file = made(&f, "dir", true);
	s = get(&f, file);
	check_acl(&s.acls.access, &both.access);
	check_acl(&s.acls.inherited, &both.inherited);
	vfile_put(file);
	fix_fini(&f);
}

/* What an entry says counts as far as the mask lets it. */
TEST(the_mask_is_applied)
{
	struct vfs_statcall s;
	struct vfile *file;
	struct fix f;

	fix_init(&f);
	file = made(&f, "file", false);
	CHECK_EQ(chmod(fix_path(&f, "share/file"), 0620), 0);
	s = get(&f, file);
	CHECK_EQ(s.acls.access.may[VFS_ACL_GROUP], 0);
	CHECK_EQ(s.acls.access.entries[0].may, 2);
	CHECK_EQ(s.acls.access.entries[1].may, 0);
	vfile_put(file);
	fix_fini(&f);
}

TEST(acls_are_taken_away)
{
	static const struct vfs_acls none;
	struct vfs_statcall s;
	struct vfile *file;
	struct fix f;

	fix_init(&f);
	file = made(&f, "dir", true);
	CHECK_EQ(set(&f, file, &none, 02750), 0);
	s = get(&f, file);
	CHECK(!s.acls.access.there && !s.acls.inherited.there);
	CHECK_EQ(s.stat.mode & 07777, 02750);
	CHECK_EQ(
		getxattr(fix_path(&f, "share/dir"), XATTR_NAME_POSIX_ACL_ACCESS, NULL, 0),
		-1);
	CHECK_EQ(set(&f, file, &none, 0700), 0); /* again: there is nothing to take */
	vfile_put(file);
	fix_fini(&f);
}

/* Unless it is asked for, the mode limits what the default ACL gives. */
TEST(a_default_acl_takes_the_place_of_a_mode)
{
	struct vfile *dir;
	struct fix f;

	fix_init(&f);
	dir = made(&f, "dir", true);
	CHECK_EQ(chmod(fix_path(&f, "share/dir"), 0770), 0);
	for (int inherits = 0; inherits < 2; inherits++) {
		struct vfs_create k = {.dir = dir,
				       .name = inherits ? "b" : "a",
				       .mode = 0600,
				       .inherits_acl = inherits};
		struct vfs_statcall s;

		CHECK_EQ(fix_run(&f, &k.call, VFS_CREATE), 0);
		s = get(&f, k.file);
		CHECK_EQ(s.acls.access.entries[0].may, inherits ? 6 : 0);
		vfile_put(k.data);
		vfile_put(k.file);
	}
	vfile_put(dir);
	fix_fini(&f);
}

TEST_MAIN()
