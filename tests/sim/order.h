/*
 * order.h - the order in which the simulation executes operations of fs/state.h: at once, or later, in any order that a
 *           cluster of servers could choose. Two other replicas follow what was executed: one from the start on, one that is
 *           read, at random moments, from the bytes of the first. All of them must be equal at random moments and at the end.
 *
 * Owns     the replicas that follow.
 * Threads  one.
 * Errors   fails the simulation.
 */
#pragma once

#include "fs/state.h"
#include "sim/sim.h"

/* at_once: nothing waits. rare: compare at the end only. */
struct state_order *sim_order_new(struct sim *s, struct state *state, bool at_once,
				  bool rare);
/* Nothing is known of any file any more. */
void sim_order_free(struct state_order *o);
/* Is there an operation to be executed? Then one of them. */
bool sim_order_due(const struct state_order *o);
void sim_order_do(struct state_order *o);
