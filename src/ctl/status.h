/*
 * status.h - the calls that show what goes on, and end some of it: "status.stats", "status.sessions" ...
 *
 *     status.stats          {}                          counts since the start, and resources against their limits
 *     status.shares         {}                          {"shares": [...]}
 *     status.connections    {"after": ID, "limit": N}   {"connections": [...], "more": BOOL}
 *     status.sessions       likewise                    {"sessions": [...], "more": BOOL}
 *     status.security       likewise                    {"sessions": [...], "more": BOOL, "demands": {...}, "refused": {...}}
 *     status.files          likewise                    {"files": [...], "more": BOOL}
 *     status.locks          {"from": FILE, "skip": N, "limit": N}
 *                                                       {"locks": [...], "more": BOOL}
 *     status.disconnect     {"id": ID}                  {"done": true}
 *     status.close-session  {"id": ID}                  likewise
 *     status.close-file     {"id": ID}                  likewise
 *
 * Lists come in the order of ids, a page of at most STATUS_PAGE_MAX (also if no "limit" is given); "after" is the last id of
 * the page before. Of locks the next page begins with the last file, whose locks so far are skipped. What changes meanwhile
 * may or may not be seen; what stays is seen once. tsmb-status(8) has the names of all fields, which stay what they are.
 *
 * Owns     nothing.
 * Threads  main.
 * Errors   struct ctl_error: "malformed" for arguments, "unknown" where nothing has that id.
 */
#pragma once

#include "ctl/ctl.h"
#include "smb/inventory.h"
#include "smb/stats.h"

enum { STATUS_PAGE_MAX = 1000 };

enum status_kind { STATUS_CONNECTION, STATUS_SESSION, STATUS_FILE };

/* The running server. Pages as in smb/inventory.h. */
struct status_ops {
	int (*stats)(void *arg, struct stats *ret);
	/* rows from malloc */
	int (*conns)(void *arg, uint64_t after, size_t max, struct conn_row **ret_rows,
		     size_t *ret_count, bool *ret_more);
	int (*sessions)(void *arg, struct arena *a, uint64_t after, size_t max,
			struct sess_row **ret_rows, size_t *ret_count, bool *ret_more);
	int (*opens)(void *arg, struct arena *a, uint64_t after, size_t max,
		     struct open_row **ret_rows, size_t *ret_count, bool *ret_more);
	int (*locks)(void *arg, struct arena *a, uint64_t from, size_t skip, size_t max,
		     struct lock_row **ret_rows, size_t *ret_count, bool *ret_more);
	/* What is in force; borrowed. */
	const struct conf *(*conf)(void *arg);
	/* False: there is none. */
	bool (*evict)(void *arg, enum status_kind what, uint64_t id);
};

/* What the calls work on; their arg. */
struct status {
	const struct status_ops *ops;
	void *arg;
};

extern const struct ctl_call status_calls[];
