#include "keylog.h"

#include "base/ct.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_LEN_MAX = 64, LINE_LEN_MAX = 16 + 3 * (1 + 2 * KEY_LEN_MAX) + 1 };

struct keylog_file {
	struct keylog keylog;
	int fd;
};

struct line {
	char text[LINE_LEN_MAX];
	size_t len;
};

static void line_wipe(struct line *l)
{
	wipe(l, sizeof(*l));
}

static void line_hex(struct line *l, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = bytes.len < KEY_LEN_MAX ? bytes.len : KEY_LEN_MAX;

	for (size_t i = 0; i < len; i++) {
		l->text[l->len++] = digits[bytes.p[i] >> 4];
		l->text[l->len++] = digits[bytes.p[i] & 15];
	}
}

static void line_id(struct line *l, uint64_t id)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(id >> (8 * i));
	line_hex(l, span_of(bytes, sizeof(bytes)));
}

static void session_write(struct keylog *k, const struct keylog_entry *e)
{
	struct keylog_file *f = container_of(k, struct keylog_file, keylog);
	const struct span keys[] = {e->session_key, e->server_to_client,
				    e->client_to_server};
	CLEANUP(line_wipe) struct line l = {.len = 0};

	line_id(&l, e->session_id);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		l.text[l.len++] = ',';
		line_hex(&l, keys[i]);
	}
	l.text[l.len++] = '\n';
	if (write(f->fd, l.text, l.len) != (ssize_t)l.len)
		log_error("keys of a session could not be written to the key log");
}

/* Ours alone? Whoever can read it reads what is encrypted; whoever can write it might lead us to write elsewhere. */
static int file_check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IRWXG | S_IRWXO)))
		return -EPERM;
	return 0;
}

static int file_open(const char *path, int *ret_fd)
{
	int fd = open(path,
		      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		      0600);
	int err;

	if (fd < 0)
		return -errno;
	err = file_check(fd);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int keylog_open(const char *path, struct keylog **ret_keylog)
{
	struct keylog_file *f = calloc(1, sizeof(*f));
	struct log_esc esc;
	int err = f ? file_open(path, &f->fd) : -ENOMEM;

	log_esc(&esc, span_of_str(path));
	if (err) {
		log_error("key log %s: %s%s", esc.text, strerror(-err),
			  err == -EPERM ? ": it must be a regular file of the server's "
					  "account, with mode 0600"
					: "");
		free(f);
		return err;
	}
	f->keylog.session = session_write;
	log_warn(
		"THE KEYS OF ALL SESSIONS ARE WRITTEN TO %s: whoever reads it reads, and "
		"can forge, everything that clients send and get. For tests only",
		esc.text);
	*ret_keylog = &f->keylog;
	return 0;
}

void keylog_close(struct keylog *k)
{
	struct keylog_file *f;

	if (!k)
		return;
	f = container_of(k, struct keylog_file, keylog);
	close(f->fd);
	free(f);
}
