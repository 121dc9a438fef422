/* test_lock_tree.c - locks by where they are: like a list of them, but shallow. */
#include "fs/lock_tree.h"
#include "fs/state_impl.h"
#include "test.h"

#include <stdlib.h>

enum { LOCKS = 96, BYTES_COUNT = 64, OWNERS = 3 };

struct forest {
	struct held_lock locks[LOCKS];
	bool held[LOCKS];
	struct held_lock *root;
	uint64_t number;
};

static void take(struct forest *f, size_t i, struct state_range range, uint64_t open)
{
	f->locks[i] = (struct held_lock){
		.open = open,
		.range = range,
		.place.number = f->number++,
		.place.weight = (uint64_t)random() << 32 ^ (uint64_t)random(),
	};
	lock_tree_add(&f->root, &f->locks[i]);
	f->held[i] = true;
}

static void give(struct forest *f, size_t i)
{
	lock_tree_del(&f->root, &f->locks[i]);
	f->held[i] = false;
}

static bool overlaps_naively(const struct forest *f, const struct state_range *r,
			     const uint64_t *but)
{
	for (size_t i = 0; i < LOCKS; i++) {
		const struct state_range *l = &f->locks[i].range;

		if (f->held[i] && l->offset <= r->offset + r->length - 1 &&
		    l->offset + l->length - 1 >= r->offset &&
		    !(but && f->locks[i].open == *but))
			return true;
	}
	return false;
}

static const struct held_lock *found_naively(const struct forest *f,
					     const struct state_range *r, uint64_t open)
{
	const struct held_lock *found = NULL;

	for (size_t i = 0; i < LOCKS; i++) {
		const struct held_lock *l = &f->locks[i];

		if (f->held[i] && l->open == open && l->range.offset == r->offset &&
		    l->range.length == r->length &&
		    (!found || l->place.number > found->place.number))
			found = l;
	}
	return found;
}

/* Few bytes, so that many are equal, empty, or overlap; now and then the last there are. */
static struct state_range any_range(void)
{
	uint64_t offset = 1 + (uint64_t)random() % BYTES_COUNT;

	if (random() % 8 == 0)
		return (struct state_range){UINT64_MAX - offset, offset + 1, false};
	return (struct state_range){offset, (uint64_t)random() % 5, false};
}

static void compare(struct forest *f)
{
	struct state_range r = any_range();
	uint64_t open = (uint64_t)random() % OWNERS;
	const struct lock_owner who = {0, open};

	CHECK_EQ(lock_tree_overlaps(f->root, &r, NULL), overlaps_naively(f, &r, NULL));
	CHECK_EQ(lock_tree_overlaps(f->root, &r, &who), overlaps_naively(f, &r, &open));
	CHECK(lock_tree_find(f->root, &r, &who) == found_naively(f, &r, open));
}

TEST(a_tree_answers_like_a_list)
{
	static struct forest f;

	srandom(11);
	for (int i = 0; i < 200000; i++) {
		size_t at = (size_t)random() % LOCKS;

		if (f.held[at])
			give(&f, at);
		else
			take(&f, at, any_range(), (uint64_t)random() % OWNERS);
		compare(&f);
	}
	for (size_t i = 0; i < LOCKS; i++)
		if (f.held[i])
			give(&f, i);
	CHECK(f.root == NULL);
}

/* As a client would that wants it to be deep: one after the other, up or down. */
static size_t depth_of(size_t count, bool down)
{
	struct held_lock *all = calloc(count, sizeof(*all)), *root = NULL;
	size_t depth;

	CHECK(all);
	for (size_t i = 0; i < count; i++) {
		all[i].range = (struct state_range){2 * (down ? count - i : i), 1, true};
		all[i].place.number = i;
		all[i].place.weight = (uint64_t)random() << 32 ^ (uint64_t)random();
		lock_tree_add(&root, &all[i]);
	}
	depth = lock_tree_depth(root);
	for (size_t i = 0; i < count; i++)
		lock_tree_del(&root, &all[i]);
	CHECK(root == NULL);
	free(all);
	return depth;
}

TEST(a_tree_is_shallow_in_whatever_order_it_was_filled)
{
	srandom(12);
	for (int down = 0; down < 2; down++) {
		size_t depth = depth_of(1 << 16, down);

		CHECK(depth >= 16);
		CHECK(depth <= 64);
	}
}

TEST_MAIN()
