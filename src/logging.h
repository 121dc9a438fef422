/*
 * logging.h - where log lines go: console, file or syslog, as log_destination and log_params say.
 *
 * Owns     a struct logging owns its sink and file. One is in use at a time.
 * Threads  main; the sink it makes is called from any.
 * Errors   negative errno; the logging in use stays.
 */
#pragma once

#include "conf/conf.h"

struct logging;

/* Log as conf says from now on. *logging: NULL, or what an earlier call made, which is replaced and freed. */
MUST_CHECK int logging_set(struct logging **logging, const struct conf *conf);
/* Back to standard error. NULL is fine. */
void logging_free(struct logging *l);
