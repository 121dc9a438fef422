#include "base/wait.h"
#include "test.h"

#include <pthread.h>

/* A mailbox that only notes; deliver() plays the loop. */
struct box {
	struct mailbox mb;
	struct msg *posted, *here;
};

static void box_post(struct mailbox *mb, struct msg *m)
{
	container_of(mb, struct box, mb)->posted = m;
}

static void box_here(struct mailbox *mb, struct msg *m)
{
	container_of(mb, struct box, mb)->here = m;
}

static const struct mailbox_ops box_ops = {.post = box_post, .here = box_here};

struct task {
	struct wait wait;
	int runs;
	int err;
	enum wait_why why;
};

static void task_done(struct wait *w)
{
	struct task *t = container_of(w, struct task, wait);

	t->runs++;
	t->err = w->err;
	t->why = w->why;
}

TEST(wait_now_runs_from_the_loop_not_from_the_call)
{
	struct box b = {.mb.ops = &box_ops};
	struct task t = {0};

	wait_init(&t.wait, &b.mb);
	CHECK(wait_arm(&t.wait, task_done) == &t.wait);
	wait_now(&t.wait, -5);
	CHECK_EQ(t.runs, 0);
	CHECK(b.here && !b.posted);
	b.here->run(b.here);
	CHECK_EQ(t.runs, 1);
	CHECK_EQ(t.err, -5);
	CHECK_EQ(t.why, WAIT_GRANTED);
}

TEST(wait_armed_cannot_be_claimed)
{
	struct box b = {.mb.ops = &box_ops};
	struct task t = {0};

	wait_init(&t.wait, &b.mb);
	wait_arm(&t.wait, task_done);
	CHECK(!wait_claim(&t.wait, WAIT_CANCELLED));
	wait_post(&t.wait, 0);
	b.posted->run(b.posted);
	CHECK_EQ(t.runs, 1);
	CHECK_EQ(t.why, WAIT_GRANTED);
}

TEST(wait_is_parked_until_the_claim)
{
	struct box b = {.mb.ops = &box_ops};
	struct task t = {0};

	wait_init(&t.wait, &b.mb);
	wait_arm(&t.wait, task_done);
	CHECK(!wait_is_parked(&t.wait));
	wait_now(&t.wait, 0);
	b.here->run(b.here);
	wait_park(&t.wait, task_done);
	CHECK(wait_is_parked(&t.wait));
	CHECK(wait_claim(&t.wait, WAIT_GRANTED));
	CHECK(!wait_is_parked(&t.wait));
	wait_now(&t.wait, 0);
	CHECK(!wait_is_parked(&t.wait));
	b.here->run(b.here);
	CHECK(!wait_is_parked(&t.wait));
}

TEST(wait_claim_succeeds_once)
{
	struct box b = {.mb.ops = &box_ops};
	struct task t = {0};

	wait_init(&t.wait, &b.mb);
	CHECK(!wait_claim(&t.wait, WAIT_CANCELLED)); /* idle */
	wait_park(&t.wait, task_done);
	CHECK(wait_claim(&t.wait, WAIT_TIMED_OUT));
	CHECK(!wait_claim(&t.wait, WAIT_CANCELLED));
	wait_post(&t.wait, 0);
	CHECK(!wait_claim(&t.wait, WAIT_CLOSED)); /* on its way home */
	b.posted->run(b.posted);
	CHECK_EQ(t.why, WAIT_TIMED_OUT);
	CHECK(!wait_claim(&t.wait, WAIT_CLOSED));
}

TEST(wait_can_be_armed_again)
{
	struct box b = {.mb.ops = &box_ops};
	struct task t = {0};

	wait_init(&t.wait, &b.mb);
	for (int i = 0; i < 3; i++) {
		wait_park(&t.wait, task_done);
		CHECK(wait_claim(&t.wait, WAIT_CANCELLED));
		wait_post(&t.wait, -i);
		b.posted->run(b.posted);
		CHECK_EQ(t.runs, i + 1);
		CHECK_EQ(t.err, -i);
	}
	wait_park(&t.wait, task_done);
	CHECK_EQ(t.wait.why, WAIT_GRANTED);
	CHECK_EQ(t.wait.err, 0);
}

struct race {
	struct wait *wait;
	pthread_barrier_t *start;
	enum wait_why why;
	bool won;
};

static void *race_run(void *arg)
{
	struct race *r = arg;

	pthread_barrier_wait(r->start);
	r->won = wait_claim(r->wait, r->why);
	return NULL;
}

TEST(wait_claim_has_one_winner_among_threads)
{
	struct box b = {.mb.ops = &box_ops};
	struct task t = {0};
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, 3);
	wait_init(&t.wait, &b.mb);
	for (int round = 0; round < 200; round++) {
		struct race r[3];
		pthread_t thread[3];
		int winners = 0;

		wait_park(&t.wait, task_done);
		for (int i = 0; i < 3; i++) {
			r[i] = (struct race){&t.wait, &start, (enum wait_why)i, false};
			CHECK_EQ(pthread_create(&thread[i], NULL, race_run, &r[i]), 0);
		}
		for (int i = 0; i < 3; i++)
			pthread_join(thread[i], NULL);
		for (int i = 0; i < 3; i++) {
			winners += r[i].won;
			if (r[i].won)
				CHECK_EQ(t.wait.why, r[i].why);
		}
		CHECK_EQ(winners, 1);
		wait_post(&t.wait, 0);
		b.posted->run(b.posted);
	}
	pthread_barrier_destroy(&start);
}

TEST_MAIN()
