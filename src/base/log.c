#include "base/log.h"

#include "base/utf8.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LOG_LINE_LEN = 1024 };

/* The one mutable state of the process that nobody passes around: a log line must be possible anywhere. */
static struct {
	atomic_int level;
	pthread_rwlock_t
		lock; /* read: a line is being written; write: the sink is being replaced */
	struct log_sink *sink; /* NULL: standard error */
} logger = {.level = LOG_INFO, .lock = PTHREAD_RWLOCK_INITIALIZER};

static struct {
	pthread_mutex_t lock;
	unsigned lost; /* lines since the last that could be written */
} console = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *const level_names[] = {
	[LOG_NONE] = "", [LOG_ERROR] = "error: ",     [LOG_WARN] = "warning: ",
	[LOG_INFO] = "", [LOG_VERBOSE] = "verbose: ", [LOG_DEBUG] = "debug: ",
};

/* A pipe that polls writable takes PIPE_BUF bytes without blocking; a line is shorter. */
static void console_write(enum log_level level, const char *line)
{
	char out[LOG_LINE_LEN + 64];
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	int len = 0;

	pthread_mutex_lock(&console.lock);
	if (poll(&fd, 1, 0) != 1) {
		console.lost++;
	} else {
		if (console.lost)
			len = snprintf(out, sizeof(out), "(%u lines lost) ",
				       console.lost);
		len += snprintf(out + len, sizeof(out) - (size_t)len, "%s%s\n",
				level_names[level], line);
		console.lost = write(STDERR_FILENO, out, (size_t)len) < 0
				       ? console.lost + 1
				       : 0;
	}
	pthread_mutex_unlock(&console.lock);
}

void log_set(enum log_level level, struct log_sink *sink)
{
	pthread_rwlock_wrlock(&logger.lock);
	logger.sink = sink;
	atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
	pthread_rwlock_unlock(&logger.lock);
}

bool log_wanted(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

/* Whatever went into it, it stays one line and drives no terminal. */
static void blank_controls(char *line)
{
	for (; *line; line++) {
		if ((unsigned char)*line < 0x20 || *line == 0x7F)
			*line = ' ';
	}
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char cut[] = "...";
	char line[LOG_LINE_LEN];
	va_list args;
	int len;

	if (!log_wanted(level))
		return;
	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len < 0)
		return; /* a broken format, found in testing */
	if ((size_t)len >= sizeof(line))
		memcpy(line + sizeof(line) - sizeof(cut), cut, sizeof(cut));
	blank_controls(line);

	pthread_rwlock_rdlock(&logger.lock);
	if (logger.sink)
		logger.sink->write(logger.sink, level, line);
	else
		console_write(level, line);
	pthread_rwlock_unlock(&logger.lock);
}

/*
 * Length of the character s begins with, 0 if it is none or not to be shown: ASCII controls, quotes, backslash,
 * and the C1 controls, which some terminals obey.
 */
static size_t printable_len(struct span s)
{
	uint32_t c;
	size_t len = utf8_get(s, &c);

	if (len == 0 || c < 0x20 || (c >= 0x7F && c < 0xA0) || c == '"' || c == '\'' ||
	    c == '\\')
		return 0;
	return len;
}

const char *log_esc(struct log_esc *buf, struct span peer_text)
{
	static const char hex[] = "0123456789ABCDEF";
	struct span s = span_head(peer_text, LOG_ESC_MAX);
	char *to = &buf->text[0];

	for (size_t i = 0, len; i < s.len; i += len) {
		len = printable_len(span_from(s, i));
		if (len) {
			memcpy(to, s.p + i, len);
			to += len;
			continue;
		}
		len = 1;
		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[s.p[i] >> 4];
		*to++ = hex[s.p[i] & 0xF];
	}
	if (s.len < peer_text.len) {
		memcpy(to, "...", 3);
		to += 3;
	}
	*to = '\0';
	return buf->text;
}

bool log_limit_ok(struct log_limit *l, unsigned burst, uint64_t now_ns)
{
	enum { COUNT_BITS = 24 };
	const uint64_t count_mask = (UINT64_C(1) << COUNT_BITS) - 1;
	uint64_t second = now_ns / 1000000000 +
			  1; /* 0 is the initial value: no second yet */
	uint64_t seen = atomic_load_explicit(&l->second_and_count, memory_order_relaxed);
	uint64_t next;

	do {
		uint64_t count = seen >> COUNT_BITS == second ? seen & count_mask : 0;

		if (count >= burst)
			return false;
		next = second << COUNT_BITS | (count + 1);
	} while (!atomic_compare_exchange_weak_explicit(&l->second_and_count, &seen, next,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}
