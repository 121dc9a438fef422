/*
 * tsmb.conf on disk: replaced as a whole, by one at a time.
 */
#include "conf/file.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct folder {
	char path[64];
};

static void folder_make(struct folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/tsmb-conf-XXXXXX");
	CHECK(mkdtemp(f->path) != NULL);
}

static const char *in(const struct folder *f, const char *name, char buf[PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/%s", f->path, name);
	return buf;
}

static void put(const struct folder *f, const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX];
	FILE *out = fopen(in(f, name, path), "we");

	CHECK(out != NULL);
	fputs(text, out);
	fclose(out);
	CHECK_EQ(chmod(path, mode), 0);
}

static void check_text(const struct folder *f, const char *name, const char *want)
{
	char path[PATH_MAX];
	char *text;
	size_t len;

	CHECK_EQ(conf_file_read(in(f, name, path), 1000, &text, &len, NULL), 0);
	CHECK_STR(text, want);
	free(text);
}

static void folder_remove(struct folder *f)
{
	static const char *const names[] = {"c", "c.lock", "c.new", "link"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(in(f, names[i], path));
	CHECK_EQ(rmdir(f->path), 0);
}

static int replace(const char *path, const char *text)
{
	struct conf_file c;
	int err = conf_file_open(&c, path);

	if (!err)
		err = conf_file_prepare(&c, span_of_str(text));
	if (!err)
		err = conf_file_commit(&c);
	CHECK_EQ(err != 0, c.why[0] != '\0');
	conf_file_close(&c);
	return err;
}

TEST(file_is_replaced_with_its_mode)
{
	struct folder f;
	char path[PATH_MAX];
	struct stat st;

	folder_make(&f);
	put(&f, "c", "old", 0640);
	CHECK_EQ(replace(in(&f, "c", path), "new"), 0);
	check_text(&f, "c", "new");
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK_EQ(access(in(&f, "c.new", path), F_OK), -1);
	folder_remove(&f);
}

/* user::rw- user:1:r-- group::--- mask::r-- other::---, as the kernel has it in an attribute */
static const uint8_t acl[] = {
	2,   0,   0,   0, /* version */
	1,   0,   6,   0,   255, 255, 255, 255, 2,   0,   4,   0,   1, 0,
	0,   0,   4,   0,   0,   0,   255, 255, 255, 255, 16,  0,   4, 0,
	255, 255, 255, 255, 32,  0,   0,   0,   255, 255, 255, 255,
};

/* With an access list, which the mode is only a part of, and a note. */
TEST(file_keeps_its_attributes)
{
	char path[PATH_MAX], got[64];
	struct conf_file f;
	struct folder d;

	folder_make(&d);
	put(&d, "c", "old\n", 0640);
	in(&d, "c", path);
	if (setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0) != 0 ||
	    setxattr(path, "user.note", "mine", 4, 0) != 0) {
		folder_remove(&d);
		skip(); /* /tmp keeps none */
	}
	CHECK_EQ(conf_file_open(&f, path), 0);
	CHECK_EQ(conf_file_prepare(&f, span_of_str("new\n")), 0);
	CHECK_EQ(conf_file_commit(&f), 0);
	conf_file_close(&f);
	check_text(&d, "c", "new\n");
	CHECK_EQ(getxattr(path, "system.posix_acl_access", got, sizeof(got)),
		 sizeof(acl));
	CHECK_EQ(memcmp(got, acl, sizeof(acl)), 0);
	CHECK_EQ(getxattr(path, "user.note", got, sizeof(got)), 4);
	folder_remove(&d);
}

/* What the folder would give a new file is not the old one's. */
TEST(file_takes_no_access_list_from_its_folder)
{
	char path[PATH_MAX];
	struct conf_file f;
	struct folder d;

	folder_make(&d);
	put(&d, "c", "old\n", 0640);
	if (setxattr(d.path, "system.posix_acl_default", acl, sizeof(acl), 0) != 0) {
		folder_remove(&d);
		skip();
	}
	CHECK_EQ(conf_file_open(&f, in(&d, "c", path)), 0);
	CHECK_EQ(conf_file_prepare(&f, span_of_str("new\n")), 0);
	CHECK_EQ(conf_file_commit(&f), 0);
	conf_file_close(&f);
	CHECK_EQ(getxattr(path, "system.posix_acl_access", NULL, 0), -1);
	folder_remove(&d);
}

TEST(file_behind_a_link_is_replaced_and_the_link_stays)
{
	struct folder f;
	char path[PATH_MAX];
	struct stat st;

	folder_make(&f);
	put(&f, "c", "old", 0600);
	CHECK_EQ(symlink("c", in(&f, "link", path)), 0);
	CHECK_EQ(replace(path, "new"), 0);
	CHECK_EQ(lstat(path, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	check_text(&f, "c", "new");
	folder_remove(&f);
}

TEST(file_that_was_prepared_and_not_committed_stays_the_old_one)
{
	struct folder f;
	struct conf_file c;
	char path[PATH_MAX];

	folder_make(&f);
	put(&f, "c", "old", 0600);
	CHECK_EQ(conf_file_open(&c, in(&f, "c", path)), 0);
	CHECK_STR(c.text, "old");
	CHECK_EQ(conf_file_prepare(&c, span_of_str("new")), 0);
	check_text(&f, "c.new", "new");
	conf_file_close(&c);
	check_text(&f, "c", "old");
	CHECK_EQ(access(in(&f, "c.new", path), F_OK), -1);
	folder_remove(&f);
}

TEST(file_of_a_writer_that_died_is_in_nobodys_way)
{
	struct folder f;
	char path[PATH_MAX];

	folder_make(&f);
	put(&f, "c", "old", 0600);
	put(&f, "c.new", "half of someth", 0600);
	CHECK_EQ(replace(in(&f, "c", path), "new"), 0);
	check_text(&f, "c", "new");
	folder_remove(&f);
}

TEST(file_has_one_writer)
{
	struct folder f;
	struct conf_file c;
	char path[PATH_MAX];
	int fd;

	folder_make(&f);
	put(&f, "c", "old", 0600);
	fd = open(in(&f, "c.lock", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(flock(fd, LOCK_EX), 0);
	CHECK_EQ(conf_file_open(&c, in(&f, "c", path)), -EBUSY);
	CHECK(strstr(c.why, "somebody else"));
	conf_file_close(&c);
	close(fd);
	CHECK_EQ(replace(path, "new"), 0);
	folder_remove(&f);
}

TEST(file_that_is_not_there)
{
	struct folder f;
	char path[PATH_MAX];

	folder_make(&f);
	CHECK_EQ(replace(in(&f, "c", path), "new"), -ENOENT);
	CHECK_EQ(access(path, F_OK), -1);
	CHECK_EQ(replace(f.path, "new"), -EISDIR);
	snprintf(path, sizeof(path), "%s.lock", f.path);
	unlink(path);
	folder_remove(&f);
}

TEST(file_read_is_bounded)
{
	struct folder f;
	char path[PATH_MAX];
	char *text = NULL;
	size_t len;

	folder_make(&f);
	put(&f, "c", "12345", 0600);
	CHECK_EQ(conf_file_read(in(&f, "c", path), 4, &text, &len, NULL), -EFBIG);
	CHECK_EQ(conf_file_read(path, 5, &text, &len, NULL), 0);
	CHECK_EQ(len, 5);
	free(text);
	folder_remove(&f);
}

TEST_MAIN()
