#include "fs/turn.h"

void turn_init(struct turn *t)
{
	lock_init(&t->lock, LOCK_RANK_LEAF);
	t->held = false;
	list_init(&t->waiting);
}

void turn_fini(struct turn *t)
{
	lock_fini(&t->lock);
}

void turn_take(struct turn *t, struct turn_ref *r, struct wait *w)
{
	r->turn = t;
	r->wait = w;
	{
		LOCK_SCOPE(&t->lock);
		if (t->held) {
			list_add_tail(&t->waiting, &r->node);
			return;
		}
		t->held = true;
	}
	wait_now(w, 0);
}

void turn_give(struct turn_ref *r)
{
	struct turn *t = r->turn;
	struct list_node *next;

	if (!t)
		return;
	r->turn = NULL;
	{
		LOCK_SCOPE(&t->lock);
		next = list_pop(&t->waiting);
		t->held = next != NULL;
	}
	if (next)
		wait_post(container_of(next, struct turn_ref, node)->wait, 0);
}
