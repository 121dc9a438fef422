/* test_posix_names.c - the cache of names: what it answers without looking, and when it looks again. */
#include "fs/posix_names.h"
#include "fs/short_name.h"
#include "posix_fixture.h"

/* A directory of its own, without a volume around it. */
struct place {
	char path[40];
	int fd;
	struct posix_names *names;
};

static void place_init(struct place *p)
{
	snprintf(p->path, sizeof(p->path), "/tmp/tsmb-test-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_PATH | O_DIRECTORY);
	p->names = posix_names_new(fix_hash_key);
	assert_non_null(p->names);
}

static void place_fini(struct place *p)
{
	posix_names_free(p->names);
	close(p->fd);
	CHECK_EQ(nftw(p->path, fix_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void touch(struct place *p, const char *name)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static struct statx look(struct place *p)
{
	struct statx stx;

	CHECK_EQ(statx(p->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx), 0);
	return stx;
}

/* "=real" for a find, "none", "scan" if one is needed: what tests compare. */
static const char *find(struct place *p, const char *name, bool may_scan, bool keep)
{
	static char text[300];
	struct statx stx = look(p);
	char real[256];
	int err = posix_names_find(p->names,
				   &(struct posix_names_dir){
					   .fd = p->fd,
					   .stx = &stx,
					   .may_scan = may_scan,
					   .keep = keep,
				   },
				   name, real);

	if (err == -ENOENT)
		return "none";
	if (err == -EAGAIN)
		return "scan";
	if (err)
		return "error";
	snprintf(text, sizeof(text), "=%s", real);
	return text;
}

/* With a scan allowed, and from memory alone. */
static const char *scan(struct place *p, const char *name)
{
	return find(p, name, true, true);
}

static const char *recall(struct place *p, const char *name)
{
	return find(p, name, false, true);
}

/* The same by a short name. */
static const char *find_short(struct place *p, const char *name, bool may_scan)
{
	static char real[256];
	char made[SHORT_NAME_LEN + 1];
	struct statx stx = look(p);
	int err;

	short_name_of(name, made);
	err = posix_names_find_short(p->names,
				     &(struct posix_names_dir){
					     .fd = p->fd,
					     .stx = &stx,
					     .may_scan = may_scan,
					     .keep = true,
				     },
				     made, real);
	return err == 0         ? real
	       : err == -ENOENT ? "none"
	       : err == -EAGAIN ? "scan"
				: "error";
}

static void change(struct place *p, const char *added, const char *removed)
{
	struct statx stx = look(p);

	posix_names_begin(p->names, &stx);
	if (added)
		touch(p, added);
	if (removed)
		CHECK_EQ(unlinkat(p->fd, removed, 0), 0);
	posix_names_end(p->names, p->fd, &stx, added, removed);
}

/* One scan more, once: from then on they are kept with the others, and our changes entered. */
TEST(short_names_are_kept_from_the_first_time_on)
{
	struct place p;

	place_init(&p);
	touch(&p, "One long name");
	touch(&p, "SHORT.TXT");
	CHECK_STR(scan(&p, "one long name"), "=One long name");
	CHECK_STR(find_short(&p, "one long name", false), "scan");
	CHECK_STR(find_short(&p, "one long name", true), "One long name");
	CHECK_STR(find_short(&p, "one long name", false), "One long name");
	CHECK_STR(find_short(&p, "short.txt", false), "none"); /* it has no other */
	CHECK_STR(recall(&p, "short.txt"), "=SHORT.TXT");
	change(&p, "another long name", NULL);
	CHECK_STR(find_short(&p, "another long name", false), "another long name");
	change(&p, NULL, "One long name");
	CHECK_STR(find_short(&p, "one long name", false), "none");
	CHECK_STR(recall(&p, "another long name"), "=another long name");
	place_fini(&p);
}

/* Two names that happen to have the same: neither is meant, lest the wrong one is removed. */
TEST(a_short_name_of_two_is_of_none)
{
	static const char *const twins[] = {"a long name 150900", "a long name 285374"};
	char made[2][SHORT_NAME_LEN + 1];
	struct place p;

	for (size_t i = 0; i < 2; i++)
		short_name_of(twins[i], made[i]);
	CHECK_STR(made[0], made[1]);
	place_init(&p);
	touch(&p, twins[0]);
	CHECK_STR(find_short(&p, twins[0], true), twins[0]);
	change(&p, twins[1], NULL);
	CHECK_STR(find_short(&p, twins[0], false), "none");
	posix_names_free(p.names); /* and as a scan finds them */
	p.names = posix_names_new(fix_hash_key);
	assert_non_null(p.names);
	CHECK_STR(find_short(&p, twins[0], true), "none");
	CHECK_STR(find_short(&p, twins[0], false), "none");
	change(&p, NULL, twins[0]);
	CHECK_STR(find_short(&p, twins[0], false), twins[1]);
	place_fini(&p);
}

TEST(one_scan_answers_for_all_names)
{
	struct place p;

	place_init(&p);
	touch(&p, "One");
	touch(&p, "TWO");
	touch(&p, "GR\xc3\x96SSE"); /* O with diaeresis */
	CHECK_STR(recall(&p, "one"), "scan");
	CHECK_STR(scan(&p, "none of them"), "none");
	CHECK_STR(recall(&p, "one"), "=One");
	CHECK_STR(recall(&p, "two"), "=TWO");
	CHECK_STR(recall(&p, "gr\xc3\xb6sse"), "=GR\xc3\x96SSE");
	CHECK_STR(recall(&p, "three"), "none");
	place_fini(&p);
}

TEST(what_cannot_be_kept_is_scanned_each_time)
{
	struct place p;

	place_init(&p);
	touch(&p, "One");
	CHECK_STR(find(&p, "one", true, false), "=One");
	CHECK_STR(recall(&p, "one"), "scan");
	place_fini(&p);
}

TEST(changes_by_others_make_it_unknown)
{
	struct place p;

	place_init(&p);
	touch(&p, "One");
	CHECK_STR(scan(&p, "one"), "=One");
	usleep(20000); /* a tick of the file system's clock */
	touch(&p, "Two");
	CHECK_STR(recall(&p, "one"), "scan");
	place_fini(&p);
}

/* Two changes in one tick cannot be told apart: what was changing when scanned is scanned again. */
TEST(fresh_knowledge_is_doubtful_after_a_second)
{
	struct place p;

	place_init(&p);
	touch(&p, "One");
	CHECK_STR(scan(&p, "one"), "=One");
	CHECK_STR(recall(&p, "one"), "=One");
	usleep(1100 * 1000);
	CHECK_STR(recall(&p, "one"), "scan");
	place_fini(&p);
}

TEST(our_own_changes_are_entered)
{
	struct statx stx;
	struct place p;

	place_init(&p);
	touch(&p, "Old");
	CHECK_STR(scan(&p, "old"), "=Old");
	usleep(20000);
	stx = look(&p);
	posix_names_begin(p.names, &stx);
	touch(&p, "New");
	CHECK_STR(recall(&p, "old"), "=Old"); /* in between, too */
	posix_names_end(p.names, p.fd, &stx, "New", NULL);
	CHECK_STR(recall(&p, "new"), "=New");

	usleep(20000);
	stx = look(&p);
	posix_names_begin(p.names, &stx);
	CHECK_EQ(renameat(p.fd, "New", p.fd, "NEWER"), 0);
	posix_names_end(p.names, p.fd, &stx, "NEWER", "New");
	CHECK_STR(recall(&p, "new"), "none");
	CHECK_STR(recall(&p, "newer"), "=NEWER");
	place_fini(&p);
}

TEST(our_changes_do_not_hide_earlier_ones_by_others)
{
	struct statx stx;
	struct place p;

	place_init(&p);
	CHECK_STR(scan(&p, "x"), "none");
	usleep(20000);
	touch(&p, "Foreign");
	stx = look(&p);
	posix_names_begin(p.names, &stx);
	touch(&p, "Ours");
	posix_names_end(p.names, p.fd, &stx, "Ours", NULL);
	CHECK_STR(recall(&p, "foreign"), "scan");
	CHECK_STR(scan(&p, "foreign"), "=Foreign");
	place_fini(&p);
}

TEST(changes_that_failed_leave_it_known)
{
	struct statx stx;
	struct place p;

	place_init(&p);
	touch(&p, "One");
	CHECK_STR(scan(&p, "one"), "=One");
	stx = look(&p);
	posix_names_begin(p.names, &stx);
	posix_names_end(p.names, p.fd, &stx, NULL, NULL);
	CHECK_STR(recall(&p, "one"), "=One");
	place_fini(&p);
}

TEST(what_is_no_directory_or_closed_gives_an_error)
{
	struct place p;

	place_init(&p);
	touch(&p, "file");
	int dirfd = p.fd;
	p.fd = openat(dirfd, "file", O_PATH);
	CHECK_STR(scan(&p, "x"), "error");
	close(p.fd);
	p.fd = dirfd;
	place_fini(&p);
}

TEST_MAIN()
