/*
 * thread.h - start a named thread that takes no signals but what it causes itself and base/fault.h handles (SIGBUS); the
 *            main thread takes all others.
 */
#pragma once

#include "base/attr.h"

#include <pthread.h>

/* name is cut at 15 bytes. 0 or negative errno. */
MUST_CHECK int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *),
			    void *arg);
