#include "logging.h"

#include "base/log.h"
#include "syslog_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct logging {
	struct log_sink sink;
	int fd; /* console: standard error; file: its own; -1: syslog */
	bool timestamp;
};

static const char *const level_names[] = {
	[LOG_NONE] = "",     [LOG_ERROR] = "error",  [LOG_WARN] = "warn",
	[LOG_INFO] = "info", [LOG_VERBOSE] = "info", [LOG_DEBUG] = "debug",
};

/* One write() a line: lines of several threads do not mix. */
static void write_line(struct log_sink *sink, enum log_level level, const char *line)
{
	struct logging *l = container_of(sink, struct logging, sink);
	char text[1200], stamp[40] = "";
	int n;

	if (l->fd < 0) {
		syslog_line((int)level, line);
		return;
	}
	if (l->timestamp) {
		struct timespec now;
		struct tm tm;
		size_t at;

		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		at = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(stamp + at, sizeof(stamp) - at, ".%03ldZ ",
			 now.tv_nsec / 1000000);
	}
	n = snprintf(text, sizeof(text), "%s%s: %s\n", stamp, level_names[level], line);
	if (n > 0)
		(void)!write(l->fd, text,
			     (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int logging_set(struct logging **logging, const struct conf *conf)
{
	struct logging *l = calloc(1, sizeof(*l));
	struct logging *old = *logging;

	if (!l)
		return -ENOMEM;
	l->sink.write = write_line;
	l->timestamp = conf->log_params.timestamp;
	l->fd = STDERR_FILENO;
	if (conf->log_destination == CONF_LOG_FILE) {
		l->fd = open(conf->log_params.path,
			     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
		if (l->fd < 0) {
			int err = -errno;

			free(l);
			return err;
		}
	} else if (conf->log_destination == CONF_LOG_SYSLOG) {
		l->fd = -1;
		syslog_begin();
	}
	log_set((enum log_level)conf->log_level, &l->sink);
	*logging = l;
	if (old && old->fd > STDERR_FILENO)
		close(old->fd);
	free(old);
	return 0;
}

void logging_free(struct logging *l)
{
	if (!l)
		return;
	log_set(LOG_INFO, NULL);
	if (l->fd > STDERR_FILENO)
		close(l->fd);
	free(l);
}
