/* test_net_lane.c - what lives on a worker: calls, timers, messages, memory, jobs. */
#include "net_echo.h"

#include "base/timer.h"

TEST(net_post_all_reaches_each_worker)
{
	struct visits v = {0};
	struct echo e;

	echo_start(&e, 3, 0);
	for (unsigned i = 1; i <= 100; i++) {
		net_post_all(e.net, visit, &v);
		CHECK_EQ(atomic_load(&v.count), 3 * i);
	}
	CHECK(!pthread_equal(v.threads[0], v.threads[1]));
	CHECK(!pthread_equal(v.threads[1], v.threads[2]));
	CHECK(!pthread_equal(v.threads[0], pthread_self()));
	echo_stop(&e);
}

/* What lives on a lane: a timer, a message to itself, one to the next lane; then done. */
struct tour {
	struct echo *echo;
	struct timer timer;
	struct msg msg;
	uint64_t armed_ns, fired_ns;
	unsigned lane;
	atomic_bool done;
};

static void tour_ends(struct msg *m)
{
	atomic_store(&container_of(m, struct tour, msg)->done, true);
}

static void tour_crosses(struct msg *m)
{
	struct tour *t = container_of(m, struct tour, msg);

	t->msg.run = tour_ends;
	mailbox_post(net_lane(t->echo->net, 1)->mailbox, m);
}

static void tour_timer(struct timer *timer)
{
	struct tour *t = container_of(timer, struct tour, timer);

	t->fired_ns = env_now_ns(net_env(t->echo->net));
	t->msg.run = tour_crosses;
	mailbox_here(net_lane(t->echo->net, 0)->mailbox, &t->msg);
}

static void tour_begins(struct lane *l, void *arg)
{
	struct tour *t = arg;

	if (l->index != 0)
		return;
	t->armed_ns = env_now_ns(net_env(t->echo->net));
	timer_arm(l->timers, &t->timer, 50, tour_timer);
}

TEST(net_lane_has_timers_and_mail)
{
	struct echo e;
	struct tour t = {.echo = &e};

	echo_start(&e, 2, 0);
	nap_ms(50); /* the wheels have not been looked at for a while */
	net_post_all(e.net, tour_begins, &t);
	for (int i = 0; i < 1000 && !atomic_load(&t.done); i++)
		nap_ms(10);
	CHECK(atomic_load(&t.done));
	CHECK(t.fired_ns - t.armed_ns >= 50000000);
	echo_stop(&e);
}

/* A lane that never runs out of messages of its own still serves sockets and mail. */
struct treadmill {
	struct msg msg;
	struct lane *lane;
	bool stop;
	unsigned long steps;
};

static void treadmill_step(struct msg *m)
{
	struct treadmill *t = container_of(m, struct treadmill, msg);

	t->steps++;
	if (!t->stop)
		mailbox_here(t->lane->mailbox, m);
}

static void treadmill_start(struct lane *l, void *arg)
{
	struct treadmill *t = arg;

	t->lane = l;
	t->msg.run = treadmill_step;
	mailbox_here(l->mailbox, &t->msg);
}

static void treadmill_stop(struct lane *l, void *arg)
{
	(void)l;
	((struct treadmill *)arg)->stop = true;
}

TEST(net_lane_is_fair_to_sockets)
{
	struct treadmill t = {0};
	struct echo e;
	int fd;

	echo_start(&e, 1, 0);
	fd = client(&e);
	net_post_all(e.net, treadmill_start, &t);
	for (int i = 0; i < 10; i++)
		CHECK(ping(fd, 100));
	net_post_all(e.net, treadmill_stop, &t);
	close(fd);
	echo_stop(&e);
	CHECK(t.steps > 0); /* the lane's until its thread has ended */
}

/* Some time after traffic an idle connection costs no payload memory. */
TEST(net_idle_gives_memory_back)
{
	struct echo e;
	int fd;

	echo_start(&e, 2, 0);
	fd = client(&e);
	CHECK(ping(fd, 4000));
	CHECK(atomic_load(&e.memory_used) >= 4000);
	for (int i = 0; i < 1000 && net_memory_used(e.net) > 0; i++)
		nap_ms(10);
	CHECK_EQ(net_memory_used(e.net), 0);
	CHECK(ping(fd, 4000));
	close(fd);
	echo_stop(&e);
}

/* Work that makes work: results of jobs submit jobs, on both lanes in turn. Stop waits
 * for the last one. */
struct chain {
	struct job job;
	struct wait wait;
	struct echo *echo;
	unsigned left;
};

static int chain_job(struct job *j)
{
	(void)j;
	nap_ms(5);
	return 0;
}

static void chain_step(struct wait *w);

static void chain_submit(struct chain *c)
{
	struct lane *l = net_lane(c->echo->net, c->left % 2);

	wait_init(&c->wait, l->mailbox);
	c->job = (struct job){.run = chain_job, .wait = wait_arm(&c->wait, chain_step)};
	exec_run(l->exec, EXEC_IO, &c->job);
}

static void chain_step(struct wait *w)
{
	struct chain *c = container_of(w, struct chain, wait);

	if (c->left-- > 1)
		chain_submit(c);
}

TEST(net_stop_waits_for_chains_of_jobs)
{
	struct echo e;
	struct chain c = {.echo = &e, .left = 20};

	echo_start(&e, 2, 0);
	chain_submit(&c);
	echo_stop(&e);
	CHECK_EQ(c.left, 0);
}

TEST_MAIN()
