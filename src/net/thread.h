/*
 * thread.h - start a named thread that takes no signals; the main thread takes them all.
 */
#pragma once

#include "base/attr.h"

#include <pthread.h>

/* name is cut at 15 bytes. 0 or negative errno. */
MUST_CHECK int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *),
			    void *arg);
