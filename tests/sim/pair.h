/*
 * pair.h - a client with two connections on two workers, the second bound to the session of the first. It hangs up and logs
 *          off over either at any time, before, while and after it binds: what must outlive what does.
 */
#pragma once

#include "sim/station.h"

/* faults: calls of the server may fail. */
struct sim_actor *pair_new(struct sim *s, unsigned user, unsigned lives, bool faults);
