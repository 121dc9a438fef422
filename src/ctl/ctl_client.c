#include "ctl/ctl_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ_MAX = 65536 };

/* The directory is opened first, as its path may be too long for the name of a socket. */
int ctl_connect(const char *dir, int *ret_fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, err = 0;

	if (dir_fd < 0)
		return -errno;
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" CTL_SOCKET_NAME,
		 dir_fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		err = -errno;
	close(dir_fd);
	if (err && fd >= 0)
		close(fd);
	if (!err)
		*ret_fd = fd;
	return err;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0 when fd is ready. */
static int wait_until(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = deadline_ms - now_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int line_send(int fd, const char *text, size_t len, int64_t deadline_ms)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		int err = 0;

		if (n < 0 && errno == EAGAIN)
			err = wait_until(fd, POLLOUT, deadline_ms);
		else if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0; /* it may have said why: read that */
		else if (n < 0 && errno != EINTR)
			err = -errno;
		if (err)
			return err;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* One line, without its newline; *ret_line is the caller's. A server that hangs up first: -EPROTO. */
static int line_receive(int fd, int64_t deadline_ms, char **ret_line, size_t *ret_len)
{
	char *line = NULL;
	size_t len = 0, room = 0;
	int err = 0;

	while (!err && len <= CTL_ANSWER_MAX) {
		ssize_t n;

		if (room - len < READ_MAX) {
			char *more = realloc(line, room = 2 * room + READ_MAX);

			if (!more) {
				err = -ENOMEM;
				break;
			}
			line = more;
		}
		err = wait_until(fd, POLLIN, deadline_ms);
		n = err ? 0 : recv(fd, line + len, READ_MAX, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
		if (!err && n == 0)
			err = -EPROTO;
		if (n <= 0)
			continue;
		len += (size_t)n;
		if (line[len - 1] ==
		    '\n') { /* one answer to one request: the last byte */
			*ret_line = line;
			*ret_len = len - 1;
			return 0;
		}
	}
	free(line);
	return err ? err : -EPROTO;
}

static enum ctl_code code_of(const char *name)
{
	for (enum ctl_code c = 0; c < CTL_CODE_COUNT; c++)
		if (strcmp(ctl_code_name(c), name) == 0)
			return c;
	return CTL_FAILED;
}

static int answer_take(const json_t *answer, json_t **ret_result,
		       struct ctl_error *ret_error)
{
	json_t *result = json_object_get(answer, "result");
	const json_t *error = json_object_get(answer, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *text = json_string_value(json_object_get(error, "text"));

	if (json_integer_value(json_object_get(answer, "version")) != CTL_VERSION)
		return -EPROTO;
	if (result) {
		*ret_result = json_incref(result);
		return 0;
	}
	if (!code || !text)
		return -EPROTO;
	ctl_refuse(ret_error, code_of(code), "%s", text);
	return -EREMOTEIO;
}

static char *request_line(const char *call, json_t *args, size_t *ret_len)
{
	json_t *request = args ? json_pack("{s:i, s:s, s:O}", "version", CTL_VERSION,
					   "call", call, "args", args)
			       : json_pack("{s:i, s:s}", "version", CTL_VERSION, "call",
					   call);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

	json_decref(request);
	if (text) {
		*ret_len = strlen(text) + 1;
		text[*ret_len - 1] = '\n'; /* in place of the NUL */
	}
	return text;
}

int ctl_ask(int fd, const char *call, json_t *args, json_t **ret_result,
	    struct ctl_error *ret_error)
{
	int64_t deadline_ms = now_ms() + CTL_CLIENT_MS;
	size_t len;
	char *line = request_line(call, args, &len);
	json_t *answer = NULL;
	int err;

	if (!line)
		return -ENOMEM;
	err = line_send(fd, line, len, deadline_ms);
	free(line);
	line = NULL;
	if (!err)
		err = line_receive(fd, deadline_ms, &line, &len);
	if (err)
		return err;
	answer = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	free(line);
	err = answer ? answer_take(answer, ret_result, ret_error) : -EPROTO;
	json_decref(answer);
	return err;
}
