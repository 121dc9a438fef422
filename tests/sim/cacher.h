/*
 * cacher.h - a client that opens one file again and again, to write to it or to read and cache it.
 *
 * Whoever caches must hold what the file holds whenever nothing is under way: a write that comes to the file later than
 * others were told of it must be told once more. Every WRITE has another byte, so none goes unnoticed.
 */
#pragma once

#include "sim/station.h"

/* Set the scene. */
void cacher_scene(struct sim *s);
/* writes: it never caches; else it never writes. */
struct sim_actor *cacher_new(struct sim *s, const struct station_kind *kind,
			     unsigned user, bool writes);
