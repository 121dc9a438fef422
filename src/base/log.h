/*
 * log.h - one line a decision.
 *
 * The logger is a process-wide leaf: any thread may log, nothing is called back, and a slow sink loses
 * lines (counted) rather than hold a worker up. Peer-supplied text goes through log_esc().
 *
 * Never log keys, passwords, hashes or blobs of authentication.
 */
#pragma once

#include "base/span.h"

enum log_level { LOG_NONE, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_VERBOSE, LOG_DEBUG };

/* Where lines go. write gets one line without its newline or any other control byte, at most 1023 bytes; it is
 * called from any thread, from several at once, and must neither wait nor log. */
struct log_sink {
	void (*write)(struct log_sink *s, enum log_level level, const char *line);
};

/* Replace level (at first LOG_INFO) and sink; NULL sink: standard error. Takes effect at once; the old sink is not
 * used any more when this returns. */
void log_set(enum log_level level, struct log_sink *sink);
bool log_wanted(enum log_level level);

void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...)   log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)    log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)    log_at(LOG_INFO, __VA_ARGS__)
#define log_verbose(...) log_at(LOG_VERBOSE, __VA_ARGS__)
#define log_debug(...)                                                                   \
	do {                                                                             \
		if (log_wanted(LOG_DEBUG))                                               \
			log_at(LOG_DEBUG, __VA_ARGS__);                                  \
	} while (0)

/* Peer text made printable: control bytes, quotes, backslashes and invalid UTF-8 as \xNN, cut at LOG_ESC_MAX
 * bytes. The buffer belongs to the caller. Returns buf->text. */
enum { LOG_ESC_MAX = 120 };
struct log_esc {
	char text[LOG_ESC_MAX * 4 + sizeof("...")];
};
const char *log_esc(struct log_esc *buf, struct span peer_text);

/* At most `burst` lines a second from one place; true if this one may be logged. */
struct log_limit {
	_Atomic uint64_t second_and_count;
};
MUST_CHECK bool log_limit_ok(struct log_limit *l, unsigned burst, uint64_t now_ns);
