#include "test.h"

#include "base/stock.h"

#include <pthread.h>

enum { LEN = 48, MAX = 3, USERS = 4, ROUNDS = 20000 };

TEST(what_was_given_back_is_taken_again_and_zero)
{
	struct stock s;
	uint8_t *p, zero[LEN] = {0};

	stock_init(&s, LEN, MAX);
	p = stock_take(&s);
	assert_non_null(p);
	memset(p, 0xAA, LEN);
	stock_give(&s, p);
	CHECK_EQ(s.count, s.max ? 1 : 0); /* none are kept under a sanitizer */
	p = stock_take(&s);
	assert_non_null(p);
	CHECK_EQ(s.count, 0);
	CHECK_MEM(p, zero, LEN);
	stock_give(&s, p);
	stock_fini(&s);
}

TEST(no_more_are_kept_than_there_is_room_for)
{
	void *all[MAX + 2];
	struct stock s;

	stock_init(&s, LEN, MAX);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i] = stock_take(&s);
		assert_non_null(all[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		stock_give(&s, all[i]);
	CHECK_EQ(s.count, s.max);
	stock_give(&s, NULL);
	CHECK_EQ(s.count, s.max);
	stock_fini(&s); /* the leak detector counts the rest */
}

TEST(no_two_have_the_same_one)
{
	void *all[MAX];
	struct stock s;

	stock_init(&s, 1, MAX); /* shorter than what a kept one holds */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MAX; i++) {
			all[i] = stock_take(&s);
			for (size_t k = 0; k < i; k++)
				CHECK(all[k] != all[i]);
		}
		for (size_t i = 0; i < MAX; i++)
			stock_give(&s, all[i]);
	}
	stock_fini(&s);
}

/* Each marks what it has; nobody else may. */
static void *use(void *data)
{
	struct stock *s = data;

	for (int i = 0; i < ROUNDS; i++) {
		int *p = stock_take(s);

		if (!p || *(volatile int *)p != 0)
			return s;
		*(volatile int *)p = 1;
		stock_give(s, p);
	}
	return NULL;
}

TEST(a_shared_one_is_for_all_threads)
{
	pthread_t threads[USERS];
	struct stock s;
	void *wrong;

	stock_init_shared(&s, LEN, USERS);
	for (size_t i = 0; i < USERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, use, &s), 0);
	for (size_t i = 0; i < USERS; i++) {
		CHECK_EQ(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	CHECK(s.count <= USERS);
	stock_fini(&s);
}

TEST_MAIN()
