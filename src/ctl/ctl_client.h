/*
 * ctl_client.h - the other end of ctl.h, for the tools.
 *
 * Threads  any; blocks for CTL_CLIENT_MS at most.
 * Errors   -ENOENT, -ECONNREFUSED: no server runs there; -EACCES; -ETIMEDOUT; -EPROTO: what came is no answer;
 *          -EREMOTEIO: the server said no, and *ret_error why.
 */
#pragma once

#include "ctl/ctl.h"

enum { CTL_CLIENT_MS = 60000 };

/* Is a server there? `dir` is its runstate_dir. */
MUST_CHECK int ctl_connect(const char *dir, int *ret_fd);
/*
 * One call over a connection.
 *
 * args        NULL for none; not taken
 * ret_result  the caller's, on success
 * ret_error   filled in on -EREMOTEIO
 */
MUST_CHECK int ctl_ask(int fd, const char *call, json_t *args, json_t **ret_result,
		       struct ctl_error *ret_error);
