#include "smb/teardown.h"

#include "smb/open.h"

static void teardown_step(struct wait *w);

/* Any open still in the table, with a reference. */
static struct open *next_open(struct teardown *t)
{
	struct map_walk pos;
	LOCK_SCOPE(&t->sess->lock);

	for (struct map_node *n = map_walk_first(&t->sess->opens, &pos); n;
	     n = map_walk_next(&t->sess->opens, &pos)) {
		struct open *o = container_of(n, struct open, by_id);

		if (!t->tree || o->tree == t->tree)
			return open_get(o);
	}
	return NULL;
}

static void teardown_next(struct teardown *t)
{
	struct open *o = next_open(t);
	struct wait *then = t->then;
	struct tree *tree = t->tree;
	struct sess *s = t->sess;

	if (o) {
		open_take_off(o); /* so that the next look finds another */
		open_close(o, t->lane, NULL, wait_arm(&t->wait, teardown_step));
		open_put(o);
		return;
	}
	if (then)
		wait_now(then, 0);
	if (tree)
		tree_put(tree); /* may free t */
	sess_put(s);
}

static void teardown_step(struct wait *w)
{
	teardown_next(container_of(w, struct teardown, wait));
}

void teardown_run(struct teardown *t, struct lane *lane, struct sess *s,
		  struct tree *tree, struct wait *then)
{
	wait_init(&t->wait, lane->mailbox);
	t->lane = lane;
	t->sess = sess_get(s);
	t->tree = tree ? tree_get(tree) : NULL;
	t->then = then;
	teardown_next(t);
}
