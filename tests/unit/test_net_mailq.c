/* test_net_mailq.c - the queue between workers: order, wake-ups, and
 * many writers at once. */
#include "test.h"

#include "base/attr.h"
#include "net/mailq.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

TEST(mailq_gives_messages_in_order)
{
	struct mailq q;
	struct msg m[3], *got;

	mailq_init(&q);
	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		CHECK(!mailq_put(&q, &m[i]));
	got = mailq_take(&q);
	CHECK(got == &m[0]);
	CHECK(got->next == &m[1]);
	CHECK(got->next->next == &m[2]);
	CHECK(!got->next->next->next);
	CHECK(!mailq_take(&q));
}

TEST(mailq_is_empty_asleep_or_not)
{
	struct mailq q;
	struct msg m;

	mailq_init(&q);
	CHECK(mailq_empty(&q));
	CHECK(mailq_sleep(&q));
	CHECK(mailq_empty(&q));
	CHECK(mailq_put(&q, &m));
	CHECK(!mailq_empty(&q));
	CHECK(mailq_take(&q) == &m);
	CHECK(mailq_empty(&q));
}

TEST(mailq_wakes_a_sleeper_once)
{
	struct mailq q;
	struct msg m[2];

	mailq_init(&q);
	CHECK(mailq_sleep(&q));
	CHECK(mailq_put(&q, &m[0]));
	CHECK(!mailq_put(&q, &m[1]));
	CHECK(mailq_take(&q)->next == &m[1]);
}

TEST(mailq_refuses_sleep_with_mail)
{
	struct mailq q;
	struct msg m;

	mailq_init(&q);
	CHECK(!mailq_put(&q, &m));
	CHECK(!mailq_sleep(&q));
	CHECK(mailq_take(&q) == &m);
	CHECK(mailq_sleep(&q));
}

TEST(mailq_awake_reader_is_not_woken)
{
	struct mailq q;
	struct msg m;

	mailq_init(&q);
	CHECK(mailq_sleep(&q));
	mailq_wake(&q);
	CHECK(!mailq_put(&q, &m));
	mailq_wake(&q); /* loses nothing */
	CHECK(mailq_take(&q) == &m);
}

TEST(mailq_takes_nothing_from_sleep)
{
	struct mailq q;

	mailq_init(&q);
	CHECK(mailq_sleep(&q));
	CHECK(!mailq_take(&q));
}

/* Four writers, one reader that sleeps on a semaphore whenever the queue lets it. */
enum { WRITERS = 4, PER_WRITER = 20000 };

struct letter {
	struct msg msg;
	unsigned writer;
	unsigned number;
};

struct office {
	struct mailq q;
	sem_t awake;
	unsigned next_writer;
	pthread_mutex_t lock;
	struct letter letters[WRITERS][PER_WRITER];
};

static void *write_letters(void *arg)
{
	struct office *o = arg;
	unsigned w;

	pthread_mutex_lock(&o->lock);
	w = o->next_writer++;
	pthread_mutex_unlock(&o->lock);
	for (unsigned i = 0; i < PER_WRITER; i++) {
		o->letters[w][i] = (struct letter){.writer = w, .number = i};
		if (mailq_put(&o->q, &o->letters[w][i].msg))
			sem_post(&o->awake);
	}
	return NULL;
}

/* Checks that each writer's letters arrive in its order; returns how many came. */
static size_t read_letters(struct office *o, unsigned expected[WRITERS])
{
	size_t count = 0;

	for (struct msg *m = mailq_take(&o->q); m; m = m->next) {
		struct letter *l = container_of(m, struct letter, msg);

		CHECK_EQ(l->number, expected[l->writer]++);
		count++;
	}
	return count;
}

TEST(mailq_many_writers_lose_nothing)
{
	struct office *o = calloc(1, sizeof(*o));
	pthread_t writers[WRITERS];
	unsigned expected[WRITERS] = {0};
	size_t got = 0;

	mailq_init(&o->q);
	sem_init(&o->awake, 0, 0);
	pthread_mutex_init(&o->lock, NULL);
	for (size_t i = 0; i < WRITERS; i++)
		CHECK_EQ(pthread_create(&writers[i], NULL, write_letters, o), 0);
	while (got < (size_t)WRITERS * PER_WRITER) {
		if (mailq_sleep(&o->q)) {
			sem_wait(&o->awake); /* hangs here if a wake-up got lost */
			mailq_wake(&o->q);
		}
		got += read_letters(o, expected);
	}
	for (size_t i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	CHECK(!mailq_take(&o->q));
	sem_destroy(&o->awake);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

TEST_MAIN()
