#include "box.h"
#include "fs/turn.h"
#include "test.h"

#include <stdlib.h>

struct taker {
	struct wait wait;
	struct turn_ref ref;
	int id, *order;
};

static void taker_has_it(struct wait *w)
{
	struct taker *t = container_of(w, struct taker, wait);

	CHECK_EQ(w->err, 0);
	while (*t->order)
		t->order++;
	*t->order = t->id;
}

static void take(struct turn *t, struct taker *k, struct box *b, int id, int *order)
{
	*k = (struct taker){.id = id, .order = order};
	wait_init(&k->wait, &b->mb);
	turn_take(t, &k->ref, wait_arm(&k->wait, taker_has_it));
}

TEST(turn_is_handed_on_in_the_order_of_asking)
{
	int order[8] = {0};
	struct taker k[5];
	struct turn t;
	struct box b;

	box_init(&b);
	turn_init(&t);
	for (int i = 0; i < 5; i++)
		take(&t, &k[i], &b, i + 1, order);
	for (int i = 0; i < 5; i++) {
		box_run(&b);
		CHECK_EQ(order[i], i + 1);
		CHECK_EQ(order[i + 1], 0); /* one at a time */
		turn_give(&k[i].ref);
	}
	CHECK_EQ(box_run(&b), 0);
	CHECK(!t.held);
	turn_fini(&t);
}

TEST(turn_given_twice_is_given_once)
{
	int order[4] = {0};
	struct taker a, c;
	struct turn t;
	struct box b;

	box_init(&b);
	turn_init(&t);
	take(&t, &a, &b, 1, order);
	take(&t, &c, &b, 2, order);
	box_run(&b);
	turn_give(&a.ref);
	turn_give(&a.ref); /* holds none any more */
	box_run(&b);
	CHECK_EQ(order[1], 2);
	CHECK(t.held);
	turn_give(&c.ref);
	CHECK(!t.held);
	take(&t, &a, &b, 3, order); /* and again */
	box_run(&b);
	CHECK_EQ(order[2], 3);
	turn_give(&a.ref);
	turn_fini(&t);
}

TEST(turn_ref_that_never_took_gives_nothing)
{
	struct turn_ref r = {0};

	turn_give(&r);
	CHECK(!r.turn);
}

enum { THREADS = 4, ROUNDS = 2000 };

/* Each thread is a worker: it takes, changes what only the holder may, gives, takes again. */
struct worker {
	pthread_t thread;
	struct box box;
	struct wait wait;
	struct turn_ref ref;
	struct turn *turn;
	int *holders,
		*total; /* touched by the holder only: plain on purpose, TSan watches */
	int rounds;
};

static void worker_has_it(struct wait *w)
{
	struct worker *k = container_of(w, struct worker, wait);

	CHECK_EQ(++*k->holders, 1);
	++*k->total;
	--*k->holders;
	turn_give(&k->ref);
	if (++k->rounds == ROUNDS)
		box_stop(&k->box);
	else
		turn_take(k->turn, &k->ref, wait_arm(w, worker_has_it));
}

static void *worker_run(void *arg)
{
	struct worker *k = arg;

	turn_take(k->turn, &k->ref, wait_arm(&k->wait, worker_has_it));
	box_loop(&k->box);
	return NULL;
}

TEST(turn_has_one_holder_among_threads)
{
	int holders = 0, total = 0;
	struct worker k[THREADS];
	struct turn t;

	turn_init(&t);
	for (size_t i = 0; i < THREADS; i++) {
		k[i] = (struct worker){.turn = &t, .holders = &holders, .total = &total};
		box_init(&k[i].box);
		wait_init(&k[i].wait, &k[i].box.mb);
		CHECK_EQ(pthread_create(&k[i].thread, NULL, worker_run, &k[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(k[i].thread, NULL);
	CHECK_EQ(total, THREADS * ROUNDS);
	CHECK(!t.held);
	turn_fini(&t);
}

TEST_MAIN()
