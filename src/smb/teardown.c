#include "smb/teardown.h"

#include "smb/open.h"

static void teardown_step(struct wait *w);

static void teardown_next(struct teardown *t)
{
	struct open *o = open_take_any(t->sess, t->tree, &t->at);
	struct wait *then = t->then;
	struct tree *tree = t->tree;
	struct sess *s = t->sess;

	if (o) {
		wait_arm(&t->wait, teardown_step);
		if (t->keep)
			open_part(o, t->lane, &t->wait);
		else
			open_close(o, t->lane, NULL, &t->wait);
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
		  struct tree *tree, bool keep, struct wait *then)
{
	wait_init(&t->wait, lane->mailbox);
	t->lane = lane;
	t->at = (struct map_cursor){0};
	t->sess = sess_get(s);
	t->tree = tree ? tree_get(tree) : NULL;
	t->keep = keep;
	t->then = then;
	teardown_next(t);
}
