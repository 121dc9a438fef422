#include "trail/dayfile.h"

#include "base/log.h"
#include "wire/filetime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAY_SECONDS = 86400, DATE_LEN = 10 };

struct dayfile {
	struct dayfile_settings settings;
	char *path;     /* settings.path, ours */
	char *name;     /* of the open file */
	char *own_name; /* room for another one */
	size_t name_len;
	int fd;
	int64_t day; /* since 1970 */
	bool part;   /* the last write ended within a line */
};

static int64_t day_of(uint64_t filetime)
{
	time_t t = filetime_to(filetime).tv_sec;

	return (t >= 0 ? t : t - (DAY_SECONDS - 1)) / DAY_SECONDS;
}

bool dayfile_same_day(uint64_t a, uint64_t b)
{
	return day_of(a) == day_of(b);
}

const char *dayfile_name(const struct dayfile *f)
{
	return f->name;
}

static void name_print(const struct dayfile *f, int64_t day, char *ret)
{
	time_t t = (time_t)(day * DAY_SECONDS);
	char date[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	snprintf(ret, f->name_len, "%s.%s", f->path, date);
}

/* "2026-11-29", exactly. */
static bool date_parse(const char *s, int64_t *ret_day)
{
	struct tm tm = {0};
	char again[32];
	const char *end = strptime(s, "%Y-%m-%d", &tm);

	if (!end || *end || strlen(s) != DATE_LEN)
		return false;
	*ret_day = timegm(&tm) / DAY_SECONDS;
	strftime(again, sizeof(again), "%Y-%m-%d", &tm);
	return strcmp(again, s) == 0;
}

static void prune_one(const struct dayfile *f, int dir, const char *name)
{
	if (unlinkat(dir, name, 0) != 0)
		log_warn("audit log: %s of %s cannot be deleted: %s", name, f->path,
			 strerror(errno));
	else
		log_verbose("audit log: %s deleted: more than %u days old", name,
			    f->settings.days);
}

/* Files of days before the last `days` ones. */
static void prune(const struct dayfile *f)
{
	const char *base = strrchr(f->path, '/') + 1;
	size_t base_len = strlen(base);
	char dir_name[PATH_MAX];
	const struct dirent *e;
	int64_t day;
	DIR *dir;

	if (!f->settings.days)
		return;
	snprintf(dir_name, sizeof(dir_name), "%.*s", (int)(base - f->path), f->path);
	dir = opendir(dir_name);
	if (!dir)
		return;
	while ((e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, base, base_len) == 0 &&
		    e->d_name[base_len] == '.' &&
		    date_parse(e->d_name + base_len + 1, &day) &&
		    day <= f->day - (int64_t)f->settings.days)
			prune_one(f, dirfd(dir), e->d_name);
	closedir(dir);
}

static int fd_check(const struct dayfile *f, int fd)
{
	const struct dayfile_settings *s = &f->settings;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    (st.st_uid != geteuid() && st.st_uid != s->uid) ||
	    (st.st_mode & (S_IWGRP | S_IRWXO)))
		return -EPERM;
	return 0;
}

/* Owner and mode as they shall be; and what a server that died began ends. */
static int fd_prepare(const struct dayfile *f, int fd)
{
	const struct dayfile_settings *s = &f->settings;
	mode_t mode = s->gid == UINT32_MAX ? 0600 : 0640;
	off_t end;
	char last;

	if ((s->uid != UINT32_MAX || s->gid != UINT32_MAX) &&
	    fchown(fd, s->uid, s->gid) != 0)
		return -errno;
	if (fchmod(fd, mode) != 0)
		return -errno;
	end = lseek(fd, 0, SEEK_END);
	if (end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n' &&
	    f->settings.write(fd, "\n", 1) != 1)
		return -errno;
	return 0;
}

static int fd_open(const struct dayfile *f, const char *name, int *ret_fd)
{
	int fd = open(name,
		      O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		      0600);
	int err;

	if (fd < 0)
		return -errno;
	err = fd_check(f, fd);
	if (!err)
		err = fd_prepare(f, fd);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* To the file of that day; on failure the one there is stays. */
static int turn_to(struct dayfile *f, int64_t day)
{
	char *name = f->own_name;
	/* Nothing happened for that long, or a clock is wrong, by which every file would be too old: the next day will tell. */
	bool leap = f->fd >= 0 && day > f->day + (int64_t)f->settings.days;
	int fd = -1, err;

	name_print(f, day, name);
	err = fd_open(f, name, &fd);
	if (err)
		return err;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->day = day;
	f->own_name = f->name;
	f->name = name;
	if (!leap)
		prune(f);
	return 0;
}

/* Somebody took the file away, to rotate it his own way. */
static bool is_gone(const struct dayfile *f)
{
	struct stat there, open_one;

	return stat(f->name, &there) != 0 || fstat(f->fd, &open_one) != 0 ||
	       there.st_ino != open_one.st_ino || there.st_dev != open_one.st_dev;
}

int dayfile_open(const struct dayfile_settings *s, uint64_t time,
		 struct dayfile **ret_file)
{
	struct dayfile *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return err;
	f->settings = *s;
	f->fd = -1;
	f->name_len = strlen(s->path) + 32;
	f->path = strdup(s->path);
	f->name = calloc(1, f->name_len);
	f->own_name = calloc(1, f->name_len);
	if (f->path && f->name && f->own_name)
		err = turn_to(f, day_of(time));
	if (err)
		dayfile_close(f);
	else
		*ret_file = f;
	return err;
}

void dayfile_close(struct dayfile *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->name);
	free(f->own_name);
	free(f);
}

ssize_t dayfile_write(struct dayfile *f, uint64_t time, struct span lines)
{
	int64_t day = day_of(time);
	ssize_t n;

	if (!f->part && (day != f->day || is_gone(f))) {
		int err = turn_to(f, day);

		if (err)
			return err;
	}
	n = f->settings.write(f->fd, lines.p, lines.len);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EIO;
	f->part = lines.p[n - 1] != '\n';
	return n;
}
