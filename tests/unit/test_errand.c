/* test_errand.c - what other threads have the main thread do. Here the test is main. */
#include "errand.h"
#include "test.h"

#include <errno.h>
#include <poll.h>

enum { ASKERS = 8, EACH = 200 };

struct count {
	struct errand errand;
	int *sum;
};

/* Without a lock: only main runs it. */
static int add(struct errand *e)
{
	struct count *c = container_of(e, struct count, errand);

	return ++*c->sum;
}

struct asker {
	pthread_t thread;
	struct errands *es;
	int *sum;
	int last, refused;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	for (int i = 0; i < EACH; i++) {
		struct count c = {.errand.run = add, .sum = a->sum};
		int result = errands_ask(a->es, &c.errand);

		if (result == -ESHUTDOWN)
			a->refused++;
		else
			a->last = result;
	}
	return NULL;
}

static void start(struct asker *askers, struct errands *es, int *sum)
{
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.es = es, .sum = sum};
		CHECK_EQ(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
}

TEST(each_is_done_once_and_its_result_comes_back)
{
	struct asker askers[ASKERS];
	struct errands es;
	int sum = 0;

	CHECK_EQ(errands_init(&es), 0);
	start(askers, &es, &sum);
	while (sum < ASKERS * EACH) {
		struct pollfd p = {.fd = es.fd, .events = POLLIN};

		CHECK(poll(&p, 1, 10000) == 1);
		errands_run(&es);
	}
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(askers[i].thread, NULL);
		CHECK(askers[i].last > 0);
		CHECK_EQ(askers[i].refused, 0);
	}
	errands_fini(&es);
}

TEST(nobody_waits_for_a_main_that_does_no_more)
{
	struct asker askers[ASKERS];
	struct errands es;
	int sum = 0;

	CHECK_EQ(errands_init(&es), 0);
	start(askers, &es, &sum);
	while (sum < ASKERS)
		errands_run(&es);
	errands_close(&es);
	for (int i = 0, refused = 0; i < ASKERS; i++) {
		pthread_join(askers[i].thread, NULL);
		refused += askers[i].refused;
		if (i == ASKERS - 1)
			CHECK_EQ(sum + refused, ASKERS * EACH);
	}
	errands_fini(&es);
}

TEST_MAIN()
