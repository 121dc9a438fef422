/* posix_stream_store.c - where streams are kept: records beside the file, content files in .tsmb/streams. */
#include "fs/posix_stream.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700 };

#define FOLDER  ".tsmb"
#define STREAMS "streams"

int posix_base_of(int fd, struct posix_base *ret_base)
{
	struct statx stx;
	int err = posix_statx(fd, "", &stx);

	if (err)
		return err;
	*ret_base = (struct posix_base){
		.dev = posix_dev(&stx),
		.inode = stx.stx_ino,
		.uid = stx.stx_uid,
		.gid = stx.stx_gid,
		.mode = stx.stx_mode & 0777,
	};
	if (stx.stx_mask & STATX_BTIME)
		ret_base->birth_ns = (uint64_t)stx.stx_btime.tv_sec * 1000000000 +
				     stx.stx_btime.tv_nsec;
	return 0;
}

/* ---- records ------------------------------------------------------------------------------------ */

int posix_record_read(struct posix_volume *v, int fd, const char *xattr,
		      uint8_t buf[STREAM_RECORD_MAX], struct stream_record *ret_record)
{
	ssize_t n;

	posix_act_as(v, NULL);
	n = posix_getxattr(v, fd, xattr, mspan_of(buf, STREAM_RECORD_MAX));
	if (n < 0)
		return n == -ERANGE ? -EBADMSG : (int)n;
	return stream_record_decode(span_of(buf, (size_t)n), ret_record);
}

int posix_record_write(struct posix_volume *v, int fd, const char *xattr,
		       const struct stream_record *record, int flags)
{
	uint8_t buf[STREAM_RECORD_MAX];
	size_t len = stream_record_encode(record, buf);

	posix_act_as(v, NULL);
	if (setxattr(posix_proc(fd).path, xattr, buf, len, flags) == 0)
		return 0;
	return errno == E2BIG || errno == ERANGE ? -ENOSPC : -errno;
}

int posix_record_remove(struct posix_volume *v, int fd, const char *xattr)
{
	posix_act_as(v, NULL);
	return removexattr(posix_proc(fd).path, xattr) < 0 ? -errno : 0;
}

/* Moves the records' names to the front of `names`: their bytes. */
static size_t keep_records(char *names, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = strlen(names + i) + 1;
		if (n != sizeof(struct stream_xattr) ||
		    strncmp(names + i, STREAM_XATTR_PREFIX,
			    strlen(STREAM_XATTR_PREFIX)) != 0)
			continue;
		memmove(names + kept, names + i, n);
		kept += n;
	}
	return kept;
}

int posix_record_names(int fd, struct arena *a, char **ret_names, size_t *ret_len)
{
	ssize_t len;
	char *names;

	*ret_names = NULL;
	*ret_len = 0;
	len = listxattr(posix_proc(fd).path, NULL, 0);
	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	if (len == 0)
		return 0;
	names = arena_alloc(a, (size_t)len);
	if (!names)
		return -ENOMEM;
	len = listxattr(posix_proc(fd).path, names, (size_t)len);
	if (len < 0) /* more than a moment ago */
		return errno == ERANGE ? -EBUSY : -errno;
	*ret_names = names;
	*ret_len = keep_records(names, (size_t)len);
	return 0;
}

/* Out of the reach of CLEANUP. */
static int keep_fd(int *fd)
{
	int kept = *fd;

	*fd = -1;
	return kept;
}

/* ---- the folder --------------------------------------------------------------------------------- */

static int open_in(int dirfd, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* One of ours: nobody else can enter it, or could have made it. */
static int open_folder(struct posix_volume *v, int dirfd, const char *name, bool make)
{
	CLEANUP(posix_closep) int fd = open_in(dirfd, name, O_PATH | O_DIRECTORY, 0);
	struct stat st;

	if (fd == -ENOENT && make) {
		if (mkdirat(dirfd, name, FOLDER_MODE) < 0 && errno != EEXIST)
			return -errno;
		fd = open_in(dirfd, name, O_PATH | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != posix_acting_uid(v, NULL) || (st.st_mode & 077))
		return -EPERM;
	return keep_fd(&fd);
}

static int open_streams(struct posix_volume *v, bool make)
{
	CLEANUP(posix_closep) int folder = -1;

	posix_act_as(v, NULL);
	folder = open_folder(v, v->root->fd, FOLDER, make);
	return folder < 0 ? folder : open_folder(v, folder, STREAMS, make);
}

/* ---- content files ------------------------------------------------------------------------------ */

struct content_name {
	char text[16 + 1 + 16 + 1 + 2 * STREAM_ID_LEN + 1];
};

static struct content_name content_name(const struct posix_base *base,
					const uint8_t id[STREAM_ID_LEN])
{
	struct content_name n;
	size_t pos;

	pos = (size_t)snprintf(n.text, sizeof(n.text), "%016llx-%016llx-",
			       (unsigned long long)base->inode,
			       (unsigned long long)base->birth_ns);
	for (size_t i = 0; i < STREAM_ID_LEN; i++, pos += 2)
		snprintf(n.text + pos, sizeof(n.text) - pos, "%02x", id[i]);
	return n;
}

/* As the file's, but that the server gets in. Where it is an ordinary user it cannot give files away. */
int posix_content_own(struct posix_volume *v, const struct posix_base *base, int fd)
{
	if (v->switch_credentials && fchown(fd, base->uid, base->gid) < 0)
		return -errno;
	return fchmod(fd, (base->mode & 0666) | 0600) < 0 ? -errno : 0;
}

int posix_content_open(struct posix_volume *v, const struct posix_base *base,
		       const uint8_t id[STREAM_ID_LEN], bool make)
{
	CLEANUP(posix_closep) int dir = open_streams(v, make);
	struct content_name n = content_name(base, id);
	struct stat st;
	int err;

	if (dir < 0)
		return dir;
	CLEANUP(posix_closep)
	int fd = open_in(dir, n.text, O_RDWR | O_NOCTTY | (make ? O_CREAT | O_EXCL : 0),
			 make ? 0600 : 0);
	if (fd == -EROFS)
		fd = open_in(dir, n.text, O_RDONLY | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	err = make ? posix_content_own(v, base, fd) : 0;
	if (err) {
		unlinkat(dir, n.text, 0);
		return err;
	}
	return keep_fd(&fd);
}

int posix_content_size(struct posix_volume *v, const struct posix_base *base,
		       const uint8_t id[STREAM_ID_LEN], uint64_t *ret_size,
		       uint64_t *ret_allocated)
{
	CLEANUP(posix_closep) int dir = open_streams(v, false);
	struct statx stx;
	int err;

	if (dir < 0)
		return dir;
	err = posix_statx(dir, content_name(base, id).text, &stx);
	if (err)
		return err;
	*ret_size = stx.stx_size;
	*ret_allocated = stx.stx_blocks * 512;
	return 0;
}

void posix_content_remove(struct posix_volume *v, const struct posix_base *base,
			  const uint8_t id[STREAM_ID_LEN])
{
	CLEANUP(posix_closep) int dir = open_streams(v, false);

	if (dir >= 0)
		unlinkat(dir, content_name(base, id).text, 0);
}
