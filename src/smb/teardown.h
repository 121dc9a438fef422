/*
 * teardown.h - closing many opens one after another: of a session or a tree that ends.
 *
 * Owns     nothing to allocate: embedded in the session or tree that ends, of which it keeps a reference meanwhile.
 * Threads  runs on the lane that started it; the opens may be in use on others.
 */
#pragma once

#include "base/map.h"
#include "base/wait.h"

struct lane;
struct sess;
struct tree;

struct teardown {
	struct wait wait;
	struct lane *lane;
	struct sess *sess;    /* whose opens				*/
	struct tree *tree;    /* only those of this tree; NULL: all	*/
	struct map_cursor at; /* in the table of opens	*/
	bool keep;            /* the connection was lost: durable ones may stay */
	struct wait *then;    /* ended when none is left; may be NULL	*/
};

/* Close every open of s (of tree), or part with it if `keep`. The table of opens must be shut to new ones already. Once per
 * struct. */
void teardown_run(struct teardown *t, struct lane *lane, struct sess *s,
		  struct tree *tree, bool keep, struct wait *then);
