#include "conf/file.h"

#include "conf/lex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_STEP_MS = 10, ATTRIBUTE_MAX = 65536 /* XATTR_SIZE_MAX, XATTR_LIST_MAX */ };

#define ACCESS_LIST "system.posix_acl_access"

static void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void free_p(char **p)
{
	free(*p);
}

static MUST_CHECK int fd_read(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	CLEANUP(free_p) char *buf = malloc(max + 1);
	size_t len = 0;

	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, buf + len, max + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	buf[len] = '\0';
	*ret_text = TAKE(buf);
	*ret_len = len;
	return 0;
}

int conf_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len,
		   struct stat *ret_stat)
{
	int at_once = ret_stat ? O_NONBLOCK : 0;
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | at_once);

	if (fd < 0)
		return -errno;
	if (ret_stat && fstat(fd, ret_stat) < 0)
		return -errno;
	return fd_read(fd, max, ret_text, ret_len);
}

/* Returns -errno as it was. */
static int fail(struct conf_file *f, const char *path, const char *what)
{
	int err = errno;

	snprintf(f->why, sizeof(f->why), "%s: %s: %s", path, what, strerror(err));
	return -err;
}

static int beside(struct conf_file *f, const char *suffix, char ret_path[PATH_MAX])
{
	if (snprintf(ret_path, PATH_MAX, "%s%s", f->path, suffix) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return fail(f, f->path, "cannot be changed");
}

static int lock_take_for_ms(int fd, unsigned ms)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};

	for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0;
	     waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (waited >= ms) {
			errno = EBUSY;
			return -1;
		}
		nanosleep(&step, NULL);
	}
	return 0;
}

static int file_lock(struct conf_file *f)
{
	char path[PATH_MAX];
	int err = beside(f, ".lock", path);

	if (err)
		return err;
	f->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->lock_fd < 0)
		return fail(f, path, "cannot be opened");
	if (lock_take_for_ms(f->lock_fd, CONF_FILE_LOCK_MS) != 0)
		return fail(f, path, "somebody else is changing the configuration");
	return 0;
}

int conf_file_open(struct conf_file *f, const char *path)
{
	int err;

	*f = (struct conf_file){.lock_fd = -1, .new_fd = -1};
	if (!realpath(path, f->path))
		return fail(f, path, "cannot be read");
	err = file_lock(f);
	if (err)
		return err;
	err = conf_file_read(f->path, LEX_FILE_MAX, &f->text, &f->len, NULL);
	if (err) {
		errno = -err;
		return fail(f, f->path, "cannot be read");
	}
	return 0;
}

static int write_all(int fd, struct span s)
{
	while (s.len) {
		ssize_t n = write(fd, s.p, s.len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			s = span_from(s, (size_t)n);
	}
	return 0;
}

/* Not what the kernel says of the contents, or of programs. */
static bool is_of_the_contents(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0 ||
	       strcmp(name, "security.capability") == 0;
}

/* Labels of a security module may be its own to give: the folder's is then what a new file has. */
static int take_attribute(struct conf_file *f, const char *name)
{
	char value[ATTRIBUTE_MAX];
	ssize_t len = getxattr(f->path, name, value, sizeof(value));

	if (is_of_the_contents(name))
		return 0;
	if (len >= 0 && fsetxattr(f->new_fd, name, value, (size_t)len, 0) == 0)
		return 0;
	return strncmp(name, "security.", 9) == 0 ? 0 : -1;
}

/* Access list, labels, what somebody noted. What the folder gives new files goes first. */
static int take_attributes(struct conf_file *f)
{
	char names[ATTRIBUTE_MAX];
	ssize_t len = listxattr(f->path, names, sizeof(names));

	if (fremovexattr(f->new_fd, ACCESS_LIST) < 0 && errno != ENODATA &&
	    errno != EOPNOTSUPP)
		return -1;
	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : -1;
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1)
		if (take_attribute(f, names + i) != 0)
			return -1;
	return 0;
}

/* The new file belongs to whom the old one did, and lets the same people in. */
static int take_owner(struct conf_file *f)
{
	struct stat was, is;

	if (stat(f->path, &was) != 0 || fstat(f->new_fd, &is) != 0)
		return -1;
	if ((was.st_uid != is.st_uid || was.st_gid != is.st_gid) &&
	    fchown(f->new_fd, was.st_uid, was.st_gid) != 0)
		return -1;
	if (take_attributes(f) != 0)
		return -1;
	return fchmod(f->new_fd, was.st_mode & 07777);
}

int conf_file_prepare(struct conf_file *f, struct span text)
{
	char path[PATH_MAX];
	int err = beside(f, ".new", path);

	if (err)
		return err;
	unlink(path); /* of a writer that died: we hold the lock */
	f->new_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (f->new_fd < 0)
		return fail(f, path, "cannot be made");
	memcpy(f->new_path, path, sizeof(path)); /* from now on ours to remove */
	if (take_owner(f) != 0)
		return fail(f, path,
			    "owner, mode and attributes cannot be those of the old file");
	if (write_all(f->new_fd, text) != 0 || fsync(f->new_fd) != 0)
		return fail(f, path, "cannot be written");
	return 0;
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	int fd, rc;

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path) + 1,
		 path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int conf_file_commit(struct conf_file *f)
{
	if (rename(f->new_path, f->path) != 0)
		return fail(f, f->path, "cannot be replaced");
	f->new_path[0] = '\0';
	/* A name that is not synced yet may still be the old one after a power cut: never a broken file. */
	(void)sync_folder(f->path);
	return 0;
}

void conf_file_close(struct conf_file *f)
{
	if (f->new_path[0])
		unlink(f->new_path);
	close_p(&f->new_fd);
	close_p(&f->lock_fd); /* and unlocks */
	free(f->text);
	f->new_fd = f->lock_fd = -1;
	f->text = NULL;
	f->new_path[0] = '\0';
}
