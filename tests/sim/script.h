/*
 * script.h - a well-behaved client that does one thing after another and knows what must come of it: from NEGOTIATE to
 *            LOGOFF, in a directory of its own.
 */
#pragma once

#include "sim/station.h"

/* Done when everything was answered as expected; fails the simulation otherwise. */
struct sim_actor *script_new(struct sim *s, const struct station_kind *kind,
			     unsigned user, unsigned lane);
