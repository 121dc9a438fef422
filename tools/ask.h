/*
 * ask.h - a tool and the running server: where it is, and what it answers.
 *
 * Threads  one; blocks as ctl/ctl_client.h says.
 */
#pragma once

#include "ctl/ctl_client.h"

struct asker {
	const char *tool;      /* "tsmb-cfg" */
	const char *conf_path; /* the configuration that says where the server lives */
	char *dir;             /* its runstate_dir; on the heap */
	bool told;             /* that the server there serves another file */
};

/* Reads the configuration. False after telling its errors. asker_fini() afterwards, in any case. */
MUST_CHECK bool asker_init(struct asker *a, const char *tool, const char *conf_path);
void asker_fini(struct asker *a);

/*
 * One call. As ctl_ask(); -ENOENT, -ECONNREFUSED also if the server that runs there serves another file, which is told.
 * *ret_error is filled in whatever went wrong.
 */
MUST_CHECK int ask(struct asker *a, const char *call, json_t *args, json_t **ret_result,
		   struct ctl_error *ret_error);
/* No server runs with this file. */
bool is_alone(int err);

void json_freep(json_t **j);
