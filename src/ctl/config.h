/*
 * config.h - the calls that show and change the configuration: "config.show", "config.set", "config.share-add" ...
 *
 * A change is made to the text of the file, which is checked as a whole, written beside the old file, taken over by the server,
 * and put in the file's place: in this order, under the file's lock, and if a step fails both are as they were. Without a
 * server the same calls work on the file alone, in tsmb-cfg itself.
 *
 *     config.file    {}                                      {"file": PATH}
 *     config.show    {}                                      {"file", "global": {...}, "shares": [{...}]}, as it is in force
 *     config.set     {"set": {NAME: VALUE, ...}}             a change of [global]
 *     config.add     {"name": NAME, "value": TEXT}           one more line of a parameter that may have several
 *     config.del     {"name": NAME, "value": TEXT}           one line less
 *     config.share-add     {"set": {"netname": ..., ...}}
 *     config.share-update  {"share": NETNAME, "set": {...}}
 *     config.share-del     {"share": NETNAME}
 *     config.reload  {}                                      take over what the file says
 *     config.check   {}                                      {"file", "errors": [TEXT], "warnings": [TEXT]}
 *
 * A VALUE is written as in the file; true, false and numbers may be JSON's own; an array of texts for lines of a parameter
 * that may have several; null takes the parameter out of the file.
 *
 * What changes something answers
 *
 *     {"file": PATH, "running": BOOL, "written": BOOL, "sessions_held": N, "warnings": [TEXT],
 *      "changes": [{"share": NETNAME or null, "name": NAME or null, "from": TEXT, "to": TEXT, "applies": WHEN, "text": TEXT}]}
 *
 * WHEN is "now", "connections", "trees" (enum param_apply) or "restart"; without a server, what it would be. "sessions_held"
 * are those that were set up under looser demands than those from now on.
 *
 * Owns     nothing.
 * Threads  main.
 * Errors   struct ctl_error: "refused" with all errors of the file or why the server would not; "unknown" share, parameter.
 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

enum { CONFIG_WHY_MAX = 512 };

/* What came of it. */
struct config_applied {
	size_t sessions_held;
	char why[CONFIG_WHY_MAX]; /* if it was not done */
};

/* The running server. */
struct config_ops {
	/* Serve by conf, when this returns. Negative errno, and a reason: nothing has changed. */
	int (*apply)(void *arg, struct conf *conf, struct config_applied *ret);
	/* What is in force; borrowed. */
	struct conf *(*current)(void *arg);
};

/* What the calls work on; their arg. */
struct config {
	const char *path;
	const struct config_ops *ops; /* NULL: the file alone */
	void *arg;
};

extern const struct ctl_call config_calls[];

/* The call of that name over c; NULL with a reason. For who has no server to ask. */
json_t *config_call(struct config *c, const char *name, const json_t *args,
		    struct ctl_error *ret_error);
