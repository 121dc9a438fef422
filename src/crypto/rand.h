/*
 * rand.h - random bytes from the kernel. Everybody above src/net asks env_random() instead.
 *
 * Threads  any.
 * Errors   none: without randomness the process ends (abort), for every secret would be guessable.
 * Spec     getrandom(2)
 */
#pragma once

#include "base/span.h"

void rand_bytes(struct mspan out);
