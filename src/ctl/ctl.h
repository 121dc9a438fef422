/*
 * ctl.h - the control socket: how tsmb-cfg and tsmb-status speak to the running server.
 *
 * RUNSTATE_DIR/control, a Unix stream socket of mode 0600. A JSON object a line each way, any number of them:
 *
 *     {"version": 1, "call": "status.sessions", "args": {"id": 7}}
 *     {"version": 1, "result": ...}
 *     {"version": 1, "error": {"code": "refused", "text": "what, where, and what was expected"}}
 *
 * Only root and the account the server runs as are answered. A request has at most CTL_LINE_MAX bytes, an answer
 * CTL_ANSWER_MAX; CTL_CLIENTS_MAX are connected at most; who sends no line or takes no answer for CTL_IDLE_MS is cut off.
 * The next request of a client is looked at when it has taken the answer to the one before. So nobody can hold up others.
 *
 * Owns     the socket, and the file that keeps a second server away from it.
 * Threads  main. So calls run one at a time and may block for a moment, as those do that ask all workers.
 * Errors   negative errno.
 */
#pragma once

#include "base/span.h"

#include <jansson.h>

enum {
	CTL_VERSION = 1,
	CTL_LINE_MAX = 1 << 20,
	CTL_CLIENTS_MAX = 32,
	CTL_IDLE_MS = 30000,
	CTL_ANSWER_MAX = 16 << 20,
	CTL_ERROR_TEXT_MAX = 16384, /* all errors of a file fit */
};

#define CTL_SOCKET_NAME "control"

enum ctl_code {
	CTL_MALFORMED,   /* no JSON, no call, arguments of a wrong type		*/
	CTL_UNKNOWN,     /* there is no such call, or no such thing		*/
	CTL_REFUSED,     /* understood, and not done				*/
	CTL_UNSUPPORTED, /* of a version that is not ours			*/
	CTL_FAILED,      /* out of memory, a full disk, ...			*/
	CTL_CODE_COUNT,
};

struct ctl_error {
	enum ctl_code code;
	char text[CTL_ERROR_TEXT_MAX];
};

/* "refused" and the like, as on the socket. */
const char *ctl_code_name(enum ctl_code code);
/* Fills in; returns NULL, for `return ctl_refuse(e, ...)`. */
json_t *ctl_refuse(struct ctl_error *e, enum ctl_code code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/*
 * One call. Names are "status.sessions", "config.set" ...: the family first.
 *
 * args  an object, borrowed; {} where the client sent none
 *
 * Returns the result, which the caller owns, or NULL after ctl_refuse().
 */
struct ctl_call {
	const char *name;
	json_t *(*run)(void *arg, const json_t *args, struct ctl_error *ret_error);
};

/* A family of calls with what they work on; calls ends with a row without a name. */
struct ctl_family {
	const struct ctl_call *calls;
	void *arg;
};

struct ctl;

/*
 * Make the socket in `dir` and listen. A socket that a server left behind when it died is replaced.
 * -EADDRINUSE: another server lives there. `families`, `count` of them, are copied; their calls and arguments stay theirs.
 */
MUST_CHECK int ctl_new(const char *dir, const struct ctl_family *families, size_t count,
		       struct ctl **ret_ctl);
/* To be polled for reading; then ctl_run(), which never blocks but for the calls themselves. */
int ctl_fd(const struct ctl *c);
void ctl_run(struct ctl *c);
/* Who made the call under way, for those who log it: its uid. */
unsigned ctl_caller(const struct ctl *c);
/* Removes the socket; NULL is fine. */
void ctl_free(struct ctl *c);

/*
 * What is answered to one line: a line of JSON with its newline, on the heap; NULL without memory. ctl_run() uses it; pure
 * but for the calls.
 */
char *ctl_answer(const struct ctl_family *families, size_t count, struct span line);
