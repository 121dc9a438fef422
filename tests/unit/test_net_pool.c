/* test_net_pool.c - jobs on pool threads, results by wait_post. */
#include "test.h"

#include "base/attr.h"
#include "net/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A mailbox whose reader is the test itself. */
struct inbox {
	struct mailbox mailbox;
	pthread_mutex_t lock;
	struct msg *head;
	sem_t arrived;
};

static void inbox_post(struct mailbox *mb, struct msg *m)
{
	struct inbox *in = container_of(mb, struct inbox, mailbox);

	pthread_mutex_lock(&in->lock);
	m->next = in->head;
	in->head = m;
	pthread_mutex_unlock(&in->lock);
	sem_post(&in->arrived);
}

static void inbox_init(struct inbox *in)
{
	static const struct mailbox_ops ops = {inbox_post, inbox_post};

	*in = (struct inbox){.mailbox.ops = &ops};
	pthread_mutex_init(&in->lock, NULL);
	sem_init(&in->arrived, 0, 0);
}

static void inbox_run_one(struct inbox *in)
{
	struct msg *m;

	sem_wait(&in->arrived);
	pthread_mutex_lock(&in->lock);
	m = in->head;
	in->head = m->next;
	pthread_mutex_unlock(&in->lock);
	m->run(m);
}

struct task {
	struct job job;
	struct wait wait;
	int result;
	sem_t *gate;    /* waits here, if there is one */
	sem_t *reached; /* after it said so */
	char thread_name[16];
	bool signals_blocked;
	int runs;
	int got; /* what the wait was ended with */
	int ends;
};

static int task_run(struct job *j)
{
	struct task *t = container_of(j, struct task, job);
	sigset_t set;

	t->runs++;
	pthread_getname_np(pthread_self(), t->thread_name, sizeof(t->thread_name));
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	t->signals_blocked = sigismember(&set, SIGTERM) && sigismember(&set, SIGHUP);
	if (t->reached)
		sem_post(t->reached);
	if (t->gate)
		sem_wait(t->gate);
	return t->result;
}

static void task_done(struct wait *w)
{
	struct task *t = container_of(w, struct task, wait);

	t->got = w->err;
	t->ends++;
}

static void submit(struct pool *p, struct inbox *in, enum exec_class cls, struct task *t)
{
	wait_init(&t->wait, &in->mailbox);
	t->job = (struct job){.run = task_run, .wait = wait_arm(&t->wait, task_done)};
	exec_run(pool_exec(p), cls, &t->job);
}

static struct pool *pool_of(unsigned io, unsigned auth)
{
	struct pool *p = NULL;

	CHECK_EQ(pool_new((struct pool_size){io, auth}, &p), 0);
	return p;
}

TEST(pool_runs_a_job_and_reports)
{
	struct pool *p = pool_of(1, 1);
	struct inbox in;
	struct task io = {.result = -ENOSPC}, auth = {.result = 0};

	inbox_init(&in);
	submit(p, &in, EXEC_IO, &io);
	inbox_run_one(&in);
	CHECK_EQ(io.got, -ENOSPC);
	CHECK_EQ(io.runs, 1);
	CHECK_STR(io.thread_name, "tsmb-io0");
	CHECK(io.signals_blocked);
	submit(p, &in, EXEC_AUTH, &auth);
	inbox_run_one(&in);
	CHECK_EQ(auth.got, 0);
	CHECK_STR(auth.thread_name, "tsmb-auth0");
	pool_free(p);
}

TEST(pool_hanging_logon_holds_up_no_file)
{
	struct pool *p = pool_of(1, 1);
	struct inbox in;
	sem_t gate, reached;
	struct task auth = {.gate = &gate, .reached = &reached}, io = {0};

	inbox_init(&in);
	sem_init(&gate, 0, 0);
	sem_init(&reached, 0, 0);
	submit(p, &in, EXEC_AUTH, &auth);
	sem_wait(&reached);
	submit(p, &in, EXEC_IO, &io);
	inbox_run_one(&in);
	CHECK_EQ(io.ends, 1);
	CHECK_EQ(auth.ends, 0);
	sem_post(&gate);
	inbox_run_one(&in);
	CHECK_EQ(auth.ends, 1);
	pool_free(p);
}

/* All threads of a crew work at the same time, although each was woken by another. */
TEST(pool_wakes_all_its_threads)
{
	enum { THREADS = 4 };
	struct pool *p = pool_of(THREADS, 1);
	struct inbox in;
	sem_t gate, reached;
	struct task t[THREADS];

	inbox_init(&in);
	sem_init(&gate, 0, 0);
	sem_init(&reached, 0, 0);
	for (size_t i = 0; i < THREADS; i++) {
		t[i] = (struct task){.gate = &gate, .reached = &reached};
		submit(p, &in, EXEC_IO, &t[i]);
	}
	for (size_t i = 0; i < THREADS; i++)
		sem_wait(&reached); /* hangs if a thread was forgotten */
	for (size_t i = 0; i < THREADS; i++)
		sem_post(&gate);
	for (size_t i = 0; i < THREADS; i++)
		inbox_run_one(&in);
	pool_free(p);
}

TEST(pool_free_runs_what_is_queued)
{
	struct pool *p = pool_of(1, 1);
	struct inbox in;
	struct task t[50];

	inbox_init(&in);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		t[i] = (struct task){.result = (int)i};
		submit(p, &in, EXEC_IO, &t[i]);
	}
	pool_free(p);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		inbox_run_one(&in);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(t[i].ends, 1);
		CHECK_EQ(t[i].got, (int)i);
	}
}

TEST(pool_drain_waits_for_results)
{
	struct pool *p = pool_of(2, 1);
	struct inbox in;
	struct task t[20];

	inbox_init(&in);
	CHECK_EQ(pool_drain(p), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		t[i] = (struct task){0};
		submit(p, &in, i % 2 ? EXEC_IO : EXEC_AUTH, &t[i]);
	}
	CHECK_EQ(pool_drain(p), ARRAY_LEN(t));
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(sem_trywait(&in.arrived), 0); /* all are there already */
		sem_post(&in.arrived);
		inbox_run_one(&in);
	}
	pool_free(p);
}

/* Several submitters, many short jobs, each of which ends once. */
enum { SUBMITTERS = 3, JOBS = 3000 };

struct submitter {
	struct pool *pool;
	struct inbox inbox;
	struct task *tasks;
};

static void *submit_many(void *arg)
{
	struct submitter *s = arg;

	for (size_t i = 0; i < JOBS; i++) {
		s->tasks[i] = (struct task){.result = -(int)i};
		submit(s->pool, &s->inbox, EXEC_IO, &s->tasks[i]);
	}
	for (size_t i = 0; i < JOBS; i++)
		inbox_run_one(&s->inbox);
	return NULL;
}

TEST(pool_stress)
{
	struct pool *p = pool_of(4, 1);
	struct submitter s[SUBMITTERS];
	pthread_t threads[SUBMITTERS];

	for (size_t i = 0; i < SUBMITTERS; i++) {
		s[i].pool = p;
		s[i].tasks = calloc(JOBS, sizeof(*s[i].tasks));
		inbox_init(&s[i].inbox);
		CHECK_EQ(pthread_create(&threads[i], NULL, submit_many, &s[i]), 0);
	}
	for (size_t i = 0; i < SUBMITTERS; i++) {
		pthread_join(threads[i], NULL);
		for (size_t k = 0; k < JOBS; k++) {
			CHECK_EQ(s[i].tasks[k].runs, 1);
			CHECK_EQ(s[i].tasks[k].ends, 1);
			CHECK_EQ(s[i].tasks[k].got, -(int)k);
		}
		free(s[i].tasks);
	}
	pool_free(p);
}

TEST_MAIN()
