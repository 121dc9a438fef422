/*
 * returner.h - a client that opens one file at a time, for itself alone and durable, loses its connection or leaves it, and
 *              comes back for the file.
 *
 * What it wrote last must be there whenever it has the file, as nobody else can have had it. It must get back what nobody
 * else wants, if the server knows that the old session is over; and must not get back what was broken.
 */
#pragma once

#include "sim/station.h"

struct sim_actor *returner_new(struct sim *s, unsigned user, unsigned lives);
