/*
 * guesser.h - a client that tries wrong passwords, on one connection after the other, and sometimes hangs up before it hears
 *             that they were wrong.
 */
#pragma once

#include "sim/station.h"

/* What all guessers of one user know of each other. Zero at first. */
struct guesses {
	uint64_t first_ns; /* when the first password was tried; 0: not yet */
	unsigned answers;
};

/* Fails the simulation if answers come faster than one each delay, or say anything but no. */
struct sim_actor *guesser_new(struct sim *s, const struct station_kind *kind,
			      unsigned user, unsigned lane, struct guesses *shared);
