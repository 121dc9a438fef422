/*
 * test_posix_protection.c - owner, mode, ACLs and descriptor of a real file, where some call on the way fails: all is as it was
 * before or, if the disk fails for good, as narrow as both.
 *
 * The calls that change them are this program's own: they stand in front of the C library's.
 */
#include "posix_fixture.h"

#include "base/log.h"

#include <linux/xattr.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

enum { ZOE = 4242, CLUB = 4343, OTHER = 4444 };

static struct {
	int calls;  /* so far */
	int from;   /* the first to fail; 0: none */
	bool alone; /* it alone */
} fault;

static bool fails(void)
{
	fault.calls++;
	return fault.from &&
	       (fault.alone ? fault.calls == fault.from : fault.calls >= fault.from);
}

static int refused(void)
{
	errno = EIO;
	return -1;
}

int chmod(const char *path, mode_t mode)
{
	return fails() ? refused() : (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode, 0);
}

int fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
	return fails() ? refused()
		       : (int)syscall(SYS_fchownat, fd, path, uid, gid, flags);
}

int setxattr(const char *path, const char *name, const void *value, size_t len, int flags)
{
	return fails() ? refused()
		       : (int)syscall(SYS_setxattr, path, name, value, len, flags);
}

int removexattr(const char *path, const char *name)
{
	return fails() ? refused() : (int)syscall(SYS_removexattr, path, name);
}

/* ---- a file, and what it is to become -------------------------------------------------------------- */

static struct vfs_acl_entry old_entries[] = {{false, ZOE, 6}};
static struct vfs_acl_entry new_entries[] = {{true, CLUB, 4}, {true, OTHER, 6}};

static const struct vfs_acls old_acls = {
	.access = {.there = true, .may = {6, 4, 0}, .count = 1, .entries = old_entries},
	.inherited = {.there = true,
		      .may = {7, 5, 0},
		      .count = 1,
		      .entries = old_entries},
};
static const struct vfs_acls new_acls = {
	.access = {.there = true, .may = {6, 0, 4}, .count = 2, .entries = new_entries},
	.inherited = {.there = true,
		      .may = {7, 0, 0},
		      .count = 2,
		      .entries = new_entries},
};
static const struct vfs_acls no_acls;

static const struct row {
	const char *name;
	bool directory;
	const struct vfs_acls *before, *after; /* NULL: without */
	bool owner;
	bool sd; /* and there was one */
} rows[] = {
	{"mode-owner", false, NULL, NULL, true, false},
	{"acl", false, &no_acls, &new_acls, false, false},
	{"acl-gone", false, &old_acls, &no_acls, false, false},
	{"acl-owner", false, &old_acls, &new_acls, true, false},
	{"directory", true, &old_acls, &new_acls, true, false},
	{"directory-new", true, &no_acls, &new_acls, true, false},
	{"directory-gone", true, &old_acls, &no_acls, true, false},
	{"descriptor", false, NULL, NULL, true, true},
	{"descriptor-new", true, NULL, NULL, true, false},
};

enum { OLD_MODE = 0664, NEW_MODE = 0646, LEN_MAX = 256 };
enum { OLD_ACL_MODE = 0660, NEW_ACL_MODE = 0664 }; /* the same as these ACLs say */

/* All that says who may use it. */
struct shown {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	ssize_t len[3];
	uint8_t attr[3][LEN_MAX];
};

static struct shown shown(struct fix *f, const char *name)
{
	static const char *const attrs[] = {XATTR_NAME_POSIX_ACL_ACCESS,
					    XATTR_NAME_POSIX_ACL_DEFAULT,
					    "user.tsmb.$sd"};
	struct shown s = {0};
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", f->share, name);
	CHECK_EQ(stat(path, &st), 0);
	s.uid = st.st_uid;
	s.gid = st.st_gid;
	s.mode = st.st_mode & 07777;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		s.len[i] = getxattr(path, attrs[i], s.attr[i], LEN_MAX);
	return s;
}

static bool same(const struct shown *a, const struct shown *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode &&
	       memcmp(a->len, b->len, sizeof(a->len)) == 0 &&
	       memcmp(a->attr, b->attr, sizeof(a->attr)) == 0;
}

static uint32_t mode_of(const struct row *r, bool forth)
{
	const struct vfs_acls *acls = forth ? r->after : r->before;

	if (acls && acls->access.there)
		return forth ? NEW_ACL_MODE : OLD_ACL_MODE;
	return forth ? NEW_MODE : OLD_MODE;
}

static int change(struct fix *f, struct vfile *file, const struct row *r, bool forth)
{
	struct vfs_setattr s = {
		.file = file,
		.what = VFS_SET_ARCHIVE,
		.attr.mode = mode_of(r, forth),
		.attr.uid = forth ? ZOE : 0,
		.attr.gid = forth ? CLUB : 0,
		.acls = forth ? r->after : r->before,
		.sd = span_of_str(forth ? "what it says then" : "what it said"),
	};

	if (s.acls)
		s.what |= VFS_SET_ACLS;
	if (r->sd || (forth && !r->after && r->directory))
		s.what |= VFS_SET_SD;
	else
		s.what |= VFS_SET_MODE;
	if (r->owner)
		s.what |= VFS_SET_OWNER | VFS_SET_GROUP;
	return fix_run(f, &s.call, VFS_SETATTR);
}

/* As it is before. Only root gives files away; a file system without ACLs skips the test. */
static struct vfile *made(struct fix *f, const struct row *r)
{
	struct vfs_create k = {.dir = f->root,
			       .name = r->name,
			       .directory = r->directory,
			       .mode = OLD_MODE};

	CHECK_EQ(fix_run(f, &k.call, VFS_CREATE), 0);
	vfile_put(k.data);
	if (change(f, k.file, r, false) == -EOPNOTSUPP)
		skip();
	return k.file;
}

typedef void judge_fn(const struct row *r, const struct shown *before,
		      const struct shown *after, const struct shown *whole);

/* What becomes of it when nothing fails; how many calls that takes. */
static int calls_of(const struct row *r, struct shown *ret_whole)
{
	struct vfile *file;
	struct fix f;
	int calls;

	fix_init(&f);
	file = made(&f, r);
	memset(&fault, 0, sizeof(fault));
	CHECK_EQ(change(&f, file, r, true), 0);
	calls = fault.calls;
	*ret_whole = shown(&f, r->name);
	vfile_put(file);
	fix_fini(&f);
	return calls;
}

/* Where call number `from` fails. */
static void run(const struct row *r, int from, bool alone, const struct shown *whole,
		judge_fn *judge)
{
	struct shown before, after;
	struct vfile *file;
	struct fix f;
	int err;

	fix_init(&f);
	file = made(&f, r);
	before = shown(&f, r->name);
	memset(&fault, 0, sizeof(fault));
	fault.from = from;
	fault.alone = alone;
	err = change(&f, file, r, true);
	memset(&fault, 0, sizeof(fault));
	CHECK_EQ(err, -EIO);
	after = shown(&f, r->name);
	judge(r, &before, &after, whole);
	vfile_put(file);
	fix_fini(&f);
}

static void judge_same(const struct row *r, const struct shown *before,
		       const struct shown *after, const struct shown *whole)
{
	if (!same(before, after))
		fail_msg("%s: mode %o, owner %u:%u", r->name, after->mode, after->uid,
			 after->gid);
}

/* Who may use it, as far as the file itself says. */
static bool same_access(const struct shown *a, const struct shown *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode &&
	       a->len[0] == b->len[0] && memcmp(a->attr[0], b->attr[0], LEN_MAX) == 0;
}

/* It is all of the one, all of the other, or nobody has by its mode what he had not before and would not have had then. */
static void judge_narrow(const struct row *r, const struct shown *before,
			 const struct shown *after, const struct shown *whole)
{
	if (same_access(after, before) || same_access(after, whole))
		return;
	if (after->mode & ~(before->mode & whole->mode) & 077)
		fail_msg("%s: mode %o, owner %u:%u", r->name, after->mode, after->uid,
			 after->gid);
}

static void for_each_fault(bool alone, judge_fn *judge)
{
	if (geteuid() != 0) {
		print_message("[  REASON  ] only root gives files away\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shown whole;
		int calls = calls_of(&rows[i], &whole);

		CHECK(calls >= 2);
		for (int n = 1; n <= calls; n++)
			run(&rows[i], n, alone, &whole, judge);
	}
}

TEST(a_change_that_fails_in_the_middle_is_undone)
{
	for_each_fault(true, judge_same);
}

TEST(what_cannot_be_undone_is_as_narrow_as_both)
{
	log_set(LOG_NONE, NULL);
	for_each_fault(false, judge_narrow);
}

TEST_MAIN()
