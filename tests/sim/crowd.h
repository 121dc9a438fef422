/*
 * crowd.h - a client with very many opens of few files, a third of which it closes; the rest ends with its session.
 *
 * What it costs must grow with the number of opens and no faster; nothing may be left.
 */
#pragma once

#include "sim/station.h"

struct crowd_settings {
	unsigned user;
	size_t opens;
	unsigned files;
	bool logs_off; /* else it hangs up */
};

/* The files that they open. */
void crowd_scene(struct sim *s, unsigned files);

struct sim_actor *crowd_new(struct sim *s, const struct crowd_settings *settings);
