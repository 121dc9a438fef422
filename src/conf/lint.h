/*
 * lint.h - what a valid configuration says that is probably not meant.
 *
 * Owns     nothing.
 * Threads  pure, but for lint_world().
 * Errors   none; findings are warnings in struct conf_errors.
 */
#pragma once

#include "conf/conf.h"

/* at: by param_index(), where each global stands; the place of [global] for those that do not. */
void lint_conf(const struct conf *c, const struct conf_place *at,
	       struct conf_errors *errs);

/* Do the directories and accounts exist that the shares name? Asks the system. */
void lint_world(const struct conf *c, struct conf_errors *errs);
