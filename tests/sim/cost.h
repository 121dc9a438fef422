/*
 * cost.h - a client that does one thing many times, then the next, for an instruction counter: tests/cost.
 *
 * One request is under way at a time. Each operation is done some times to be warm, then cost_mark() is called, then it is
 * done as often as its line on standard output says, and cost_mark() is called again.
 */
#pragma once

#include "sim/station.h"

/* The files that are used. */
void cost_scene(struct sim *s);

struct sim_actor *cost_new(struct sim *s);
void cost_mark(void) __attribute__((noinline));
