/* test_trail_dayfile.c - a file a day: midnight, retention, owners, and what is not written to. */
#include "test.h"

#include "base/attr.h"
#include "base/log.h"
#include "trail/dayfile.h"
#include "wire/filetime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR (UINT64_C(3600) * 10000000)

struct place {
	char dir[64];
	char path[96];
};

static void place_make(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/tsmb-dayfile-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/audit", p->dir);
}

static void place_clear(struct place *p)
{
	DIR *d = opendir(p->dir);

	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		(void)!unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	CHECK_EQ(rmdir(p->dir), 0);
}

static const char *file_of(const struct place *p, const char *date)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s.%s", p->path, date);
	return name;
}

static const char *text_of(const struct place *p, const char *date)
{
	static char text[256];
	int fd = open(file_of(p, date), O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return "none";
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void put(const struct place *p, const char *date, const char *text, mode_t mode)
{
	int fd = open(file_of(p, date), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(fchmod(fd, mode), 0);
	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static struct dayfile_settings settings_of(const struct place *p, uint32_t days)
{
	return (struct dayfile_settings){.path = p->path,
					 .days = days,
					 .uid = UINT32_MAX,
					 .gid = UINT32_MAX,
					 .write = write};
}

/* 2024-02-28 23:00 UTC, of a leap year. */
static uint64_t start(void)
{
	return filetime_of((struct timespec){.tv_sec = 1709161200});
}

static void add(struct dayfile *f, uint64_t time, const char *line)
{
	CHECK_EQ(dayfile_write(f, time, span_of_str(line)), (ssize_t)strlen(line));
}

TEST(dayfile_turns_at_midnight)
{
	struct dayfile_settings s;
	struct dayfile *f;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 0);
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	add(f, start(), "a\n");
	add(f, start() + HOUR - 1, "b\n");
	add(f, start() + HOUR, "c\n");
	add(f, start() + 25 * HOUR, "d\n");
	CHECK_STR(text_of(&p, "2024-02-28"), "a\nb\n");
	CHECK_STR(text_of(&p, "2024-02-29"), "c\n");
	CHECK_STR(text_of(&p, "2024-03-01"), "d\n");
	CHECK_STR(dayfile_name(f), file_of(&p, "2024-03-01"));
	dayfile_close(f);
	place_clear(&p);
}

TEST(dayfile_is_continued_by_the_next_server)
{
	struct dayfile_settings s;
	struct dayfile *f;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 0);
	put(&p, "2024-02-28", "whole\nhal", 0600); /* it died */
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	add(f, start(), "new\n");
	CHECK_STR(text_of(&p, "2024-02-28"), "whole\nhal\nnew\n");
	dayfile_close(f);
	place_clear(&p);
}

TEST(dayfile_deletes_what_is_too_old_and_nothing_else)
{
	static const char *const stay[] = {"2024-02-27", "2024-02-28",  "2024-02-1",
					   "x",          "2024-01-01x", "2023-02-30"};
	struct dayfile_settings s;
	struct dayfile *f;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 2);
	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		put(&p, stay[i], "s\n", 0600);
	put(&p, "2024-02-26", "g\n", 0600);
	put(&p, "1999-12-31", "g\n", 0600);
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	CHECK_STR(text_of(&p, "2024-02-26"), "none");
	CHECK_STR(text_of(&p, "1999-12-31"), "none");
	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		CHECK_STR(text_of(&p, stay[i]), "s\n");
	add(f, start() + HOUR, "m\n"); /* midnight: one more day is too old */
	CHECK_STR(text_of(&p, "2024-02-27"), "none");
	CHECK_STR(text_of(&p, "2024-02-28"), "s\n");
	dayfile_close(f);
	place_clear(&p);
}

/* A clock that was set wrong for a moment takes nothing along. */
TEST(dayfile_survives_a_clock_that_leaps)
{
	static const char *const days[] = {"2024-02-27", "2024-02-28"};
	struct dayfile_settings s;
	struct dayfile *f;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 2);
	for (size_t i = 0; i < ARRAY_LEN(days); i++)
		put(&p, days[i], "s\n", 0600);
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	add(f, start() + 24 * HOUR * 3660, "leap\n");
	CHECK_STR(text_of(&p, "2034-03-07"), "leap\n");
	for (size_t i = 0; i < ARRAY_LEN(days); i++)
		CHECK_STR(text_of(&p, days[i]), "s\n");
	add(f, start(), "back\n");
	CHECK_STR(text_of(&p, "2024-02-28"), "s\nback\n");
	CHECK_STR(text_of(&p, "2024-02-27"), "s\n");
	add(f, start() + 48 * HOUR, "on\n"); /* two days on, as ever */
	CHECK_STR(text_of(&p, "2024-02-28"), "none");
	CHECK_STR(text_of(&p, "2024-03-01"), "on\n");
	dayfile_close(f);
	place_clear(&p);
}

TEST(dayfile_without_days_keeps_all)
{
	struct dayfile_settings s;
	struct dayfile *f;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 0);
	put(&p, "1999-12-31", "s\n", 0600);
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	CHECK_STR(text_of(&p, "1999-12-31"), "s\n");
	dayfile_close(f);
	place_clear(&p);
}

TEST(dayfile_has_the_owner_and_mode_that_were_asked_for)
{
	struct dayfile_settings s;
	struct dayfile *f;
	struct stat st;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 0);
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	CHECK_EQ(stat(dayfile_name(f), &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	dayfile_close(f);
	s.gid = getegid();
	s.uid = geteuid();
	if (geteuid() == 0) {
		s.uid = 1;
		s.gid = 4;
	}
	for (int i = 0; i < 2; i++) { /* the second time it is there */
		CHECK_EQ(dayfile_open(&s, start() + 24 * HOUR, &f), 0);
		CHECK_EQ(stat(dayfile_name(f), &st), 0);
		CHECK_EQ(st.st_mode & 07777, 0640);
		CHECK_EQ(st.st_uid, s.uid);
		CHECK_EQ(st.st_gid, s.gid);
		dayfile_close(f);
	}
	place_clear(&p);
}

TEST(dayfile_refuses_what_others_could_read_or_lead_elsewhere)
{
	struct dayfile_settings s;
	struct dayfile *f = NULL;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 0);
	put(&p, "2024-02-28", "", 0604);
	CHECK_EQ(dayfile_open(&s, start(), &f), -EPERM);
	put(&p, "2024-02-28", "", 0620);
	CHECK_EQ(dayfile_open(&s, start(), &f), -EPERM);
	put(&p, "2024-02-28", "", 0600);
	CHECK_EQ(link(file_of(&p, "2024-02-28"), p.path), 0);
	CHECK_EQ(dayfile_open(&s, start(), &f), -EPERM);
	CHECK_EQ(unlink(file_of(&p, "2024-02-28")), 0);
	CHECK_EQ(symlink(p.path, file_of(&p, "2024-02-28")), 0);
	CHECK_EQ(dayfile_open(&s, start(), &f), -ELOOP);
	CHECK_EQ(unlink(file_of(&p, "2024-02-28")), 0);
	CHECK_EQ(mkfifo(file_of(&p, "2024-02-28"), 0600), 0);
	CHECK(dayfile_open(&s, start(), &f) < 0);
	CHECK(!f);
	place_clear(&p);
}

TEST(dayfile_that_was_taken_away_begins_anew)
{
	struct dayfile_settings s;
	struct dayfile *f;
	struct place p;

	place_make(&p);
	s = settings_of(&p, 0);
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	add(f, start(), "a\n");
	CHECK_EQ(rename(dayfile_name(f), p.path), 0);
	add(f, start(), "b\n");
	CHECK_STR(text_of(&p, "2024-02-28"), "b\n");
	dayfile_close(f);
	place_clear(&p);
}

static ssize_t write_half(int fd, const void *p, size_t len)
{
	return write(fd, p, len > 1 ? len / 2 : len);
}

TEST(dayfile_finishes_a_line_where_it_began)
{
	static const char lines[] = "abcdefgh\n";
	struct dayfile_settings s;
	struct dayfile *f;
	struct place p;
	size_t done = 0;

	place_make(&p);
	s = settings_of(&p, 0);
	s.write = write_half;
	CHECK_EQ(dayfile_open(&s, start(), &f), 0);
	while (done < strlen(lines)) {
		ssize_t n = dayfile_write(f, start(), span_of_str(lines + done));

		CHECK(n > 0);
		done += (size_t)n;
		(void)!unlink(p.path);
	}
	CHECK_STR(text_of(&p, "2024-02-28"), lines);
	dayfile_close(f);
	place_clear(&p);
}

TEST_MAIN()
