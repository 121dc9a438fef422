#include "fs/lock_tree.h"

#include "fs/state_impl.h"

/* ---- order -------------------------------------------------------------------------------------------------- */

/* By range, then owner, then age. */
struct order {
	struct state_range range;
	struct lock_owner who;
	uint64_t number;
};

static struct order order_of(const struct held_lock *l)
{
	return (struct order){l->range, {l->server, l->open}, l->place.number};
}

static bool is_before(const struct order *a, const struct order *b)
{
	if (a->range.offset != b->range.offset)
		return a->range.offset < b->range.offset;
	if (a->range.length != b->range.length)
		return a->range.length < b->range.length;
	if (a->who.server != b->who.server)
		return a->who.server < b->who.server;
	if (a->who.open != b->who.open)
		return a->who.open < b->who.open;
	return a->number < b->number;
}

/* ---- change ------------------------------------------------------------------------------------------------- */

static void raise_to(struct held_lock *l, const struct held_lock *part)
{
	if (part && part->place.max_last > l->place.max_last)
		l->place.max_last = part->place.max_last;
}

/* What is below l has changed. */
static void settle(struct held_lock *l)
{
	l->place.max_last = lock_last(&l->range);
	raise_to(l, l->place.left);
	raise_to(l, l->place.right);
}

/* What of t comes before `at`, and the rest. */
static void split(struct held_lock *t, const struct order *at, struct held_lock **ret_low,
		  struct held_lock **ret_high)
{
	struct order o;

	if (!t) {
		*ret_low = *ret_high = NULL;
		return;
	}
	o = order_of(t);
	if (is_before(&o, at)) {
		split(t->place.right, at, &t->place.right, ret_high);
		*ret_low = t;
	} else {
		split(t->place.left, at, ret_low, &t->place.left);
		*ret_high = t;
	}
	settle(t);
}

/* All of `low` comes before all of `high`. */
static struct held_lock *join(struct held_lock *low, struct held_lock *high)
{
	struct held_lock *top;

	if (!low || !high)
		return low ? low : high;
	if (low->place.weight > high->place.weight) {
		top = low;
		top->place.right = join(low->place.right, high);
	} else {
		top = high;
		top->place.left = join(low, high->place.left);
	}
	settle(top);
	return top;
}

static void add(struct held_lock **t, struct held_lock *l, const struct order *at)
{
	struct order o;

	if (!*t || l->place.weight > (*t)->place.weight) {
		split(*t, at, &l->place.left, &l->place.right);
		*t = l;
	} else {
		o = order_of(*t);
		add(is_before(&o, at) ? &(*t)->place.right : &(*t)->place.left, l, at);
	}
	settle(*t);
}

void lock_tree_add(struct held_lock **root, struct held_lock *l)
{
	const struct order at = order_of(l);

	add(root, l, &at);
}

static void del(struct held_lock **t, struct held_lock *l, const struct order *at)
{
	struct order o;

	if (*t == l) {
		*t = join(l->place.left, l->place.right);
		l->place.left = l->place.right = NULL;
		return;
	}
	o = order_of(*t);
	del(is_before(&o, at) ? &(*t)->place.right : &(*t)->place.left, l, at);
	settle(*t);
}

void lock_tree_del(struct held_lock **root, struct held_lock *l)
{
	const struct order at = order_of(l);

	del(root, l, &at);
}

/* ---- look --------------------------------------------------------------------------------------------------- */

static bool is_of(const struct held_lock *l, const struct lock_owner *who)
{
	return l->server == who->server && l->open == who->open;
}

bool lock_tree_overlaps(const struct held_lock *root, const struct state_range *r,
			const struct lock_owner *but)
{
	for (const struct held_lock *l = root; l && l->place.max_last >= r->offset;
	     l = l->place.right) {
		if (lock_tree_overlaps(l->place.left, r, but))
			return true;
		if (l->range.offset > lock_last(r))
			return false; /* as all on its right */
		if (lock_last(&l->range) >= r->offset && !(but && is_of(l, but)))
			return true;
	}
	return false;
}

struct held_lock *lock_tree_find(struct held_lock *root, const struct state_range *r,
				 const struct lock_owner *who)
{
	const struct order end = {*r, *who, UINT64_MAX};
	struct held_lock *last = NULL;

	for (struct held_lock *l = root; l;) {
		struct order o = order_of(l);

		if (is_before(&o, &end)) {
			last = l;
			l = l->place.right;
		} else {
			l = l->place.left;
		}
	}
	if (!last || last->range.offset != r->offset || last->range.length != r->length ||
	    !is_of(last, who))
		return NULL;
	return last;
}

size_t lock_tree_depth(const struct held_lock *root)
{
	size_t left, right;

	if (!root)
		return 0;
	left = lock_tree_depth(root->place.left);
	right = lock_tree_depth(root->place.right);
	return 1 + (left > right ? left : right);
}
