#include "runstate.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file: two lines, "guid <GUID>" and "sid <SID>". */
enum { IDENTITY_LEN_MAX = 512 };
#define IDENTITY_NAME "identity"
#define KEY_NAME      "audit.key"

static void runstate_make(struct env *env, struct runstate *s)
{
	struct sid sid = {.revision = 1, .sub_count = 4, .authority = 5, .sub = {21}};

	s->guid = guid_random(env);
	for (size_t i = 1; i < sid.sub_count; i++)
		sid.sub[i] = (uint32_t)env_random_u64(env);
	s->machine_sid = sid;
}

static int runstate_parse(char *text, struct runstate *ret_state)
{
	struct runstate s;
	char *guid = NULL, *sid = NULL;

	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "guid ", 5) == 0)
			guid = line + 5;
		else if (strncmp(line, "sid ", 4) == 0)
			sid = line + 4;
	}
	if (!guid || !sid || guid_parse(guid, &s.guid) != 0 ||
	    sid_parse(sid, &s.machine_sid) != 0)
		return -EINVAL;
	*ret_state = s;
	return 0;
}

/* What a file of ours holds, at most len bytes. */
static int file_read(int dir, const char *name, void *ret_bytes, size_t len,
		     size_t *ret_len)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = read(fd, ret_bytes, len);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (!err)
		*ret_len = (size_t)n;
	return err;
}

static int bytes_write(int fd, const void *bytes, size_t len)
{
	ssize_t n = write(fd, bytes, len);

	if (n < 0)
		return -errno;
	if ((size_t)n < len)
		return -ENOSPC;
	return fsync(fd) == 0 ? 0 : -errno;
}

/* The whole file or the old one, whenever we die. */
static int file_replace(int dir, const char *name, const void *bytes, size_t len)
{
	char fresh[NAME_MAX + 1];
	int fd, err;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	err = bytes_write(fd, bytes, len);
	close(fd);
	if (!err && renameat(dir, fresh, dir, name) != 0)
		err = -errno;
	if (!err && fsync(dir) != 0)
		err = -errno;
	return err;
}

static int runstate_read(int dir, struct runstate *ret_state)
{
	char text[IDENTITY_LEN_MAX + 1];
	size_t len;
	int err = file_read(dir, IDENTITY_NAME, text, IDENTITY_LEN_MAX, &len);

	if (err)
		return err;
	text[len] = '\0';
	return runstate_parse(text, ret_state);
}

static int runstate_write(int dir, const struct runstate *s)
{
	char guid[GUID_TEXT_MAX], sid[SID_TEXT_MAX], text[IDENTITY_LEN_MAX];

	snprintf(text, sizeof(text), "guid %s\nsid %s\n", guid_text(&s->guid, guid),
		 sid_text(&s->machine_sid, sid));
	return file_replace(dir, IDENTITY_NAME, text, strlen(text));
}

static int key_read(int dir, uint8_t *ret_key, size_t key_len)
{
	size_t len;
	int err = file_read(dir, KEY_NAME, ret_key, key_len, &len);

	return err ? err : len == key_len ? 0 : -EINVAL;
}

int runstate_key(const char *dir, struct env *env, uint8_t *ret_key, size_t key_len)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = key_read(fd, ret_key, key_len);
	if (err == -ENOENT) {
		env_random(env, mspan_of(ret_key, key_len));
		err = file_replace(fd, KEY_NAME, ret_key, key_len);
	}
	close(fd);
	return err;
}

int runstate_load(const char *dir, struct env *env, struct runstate *ret_state)
{
	struct runstate s;
	int fd, err;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		log_error("runstate_dir %s cannot be made: %s", dir, strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		log_error("runstate_dir %s cannot be opened: %s", dir, strerror(-err));
		return err;
	}
	err = runstate_read(fd, &s);
	if (err == -ENOENT) {
		runstate_make(env, &s);
		err = runstate_write(fd, &s);
	}
	close(fd);
	if (err)
		log_error("%s/" IDENTITY_NAME ": %s", dir,
			  err == -EINVAL ? "expected lines \"guid\" and \"sid\"; remove "
					   "it for new ones"
					 : strerror(-err));
	else
		*ret_state = s;
	return err;
}
