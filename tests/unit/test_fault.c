/* test_fault.c - reading what is not there: who is led back, and who ends as he would have. */
#include "base/fault.h"
#include "fenced.h"
#include "net/thread.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { PAGE = 4096, PAGES = 4 };

/* A file of two pages, mapped as one of four: the rest raises SIGBUS. */
struct torn {
	int fd;
	uint8_t *p;
};

static struct torn torn_new(void)
{
	struct torn t = {.fd = memfd_create("torn", MFD_CLOEXEC)};

	CHECK_EQ(fault_catch(), 0); /* cmocka sets its own handler for each test */
	CHECK(t.fd >= 0);
	CHECK_EQ(ftruncate(t.fd, 2L * PAGE), 0);
	t.p = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, t.fd,
		   0);
	CHECK(t.p != MAP_FAILED);
	for (size_t i = 0; i < 2 * PAGE; i++)
		t.p[i] = (uint8_t)i;
	return t;
}

static void torn_free(struct torn *t)
{
	munmap(t->p, (size_t)PAGES * PAGE);
	close(t->fd);
}

struct sum {
	const volatile uint8_t *p;
	size_t len;
	unsigned total;
	bool ended;
};

static void sum(void *arg)
{
	struct sum *s = arg;

	for (size_t i = 0; i < s->len; i++)
		s->total += s->p[i];
	s->ended = true;
}

static int guarded_sum(const uint8_t *p, size_t len, struct sum *ret)
{
	*ret = (struct sum){.p = p, .len = len};
	return fault_guard(span_of(p, len), sum, ret);
}

/* Before anybody calls fault_catch(): the first of this file. */
TEST(nothing_runs_without_a_handler)
{
	uint8_t here[16] = {1};
	struct sum s;

	CHECK(!fault_is_caught());
	CHECK_EQ(guarded_sum(here, sizeof(here), &s), -ENOTSUP);
	CHECK(!s.ended);
	CHECK_EQ(fault_catch(), 0);
	CHECK_EQ(fault_catch(), 0); /* does not take itself for who was there before */
	CHECK(fault_is_caught());
	CHECK_EQ(guarded_sum(here, sizeof(here), &s), 0);
	CHECK_EQ(s.total, 1);
}

TEST(what_is_there_is_read_and_what_is_not_is_told)
{
	static const struct {
		size_t off, len;
		int err;
	} cases[] = {
		{0, 2 * PAGE, 0},           {0, 2 * PAGE + 1, -EFAULT},
		{2 * PAGE - 1, 1, 0},       {2 * PAGE - 1, 2, -EFAULT},
		{2 * PAGE, 1, -EFAULT},     {PAGES * PAGE - 1, 1, -EFAULT},
		{0, PAGES * PAGE, -EFAULT}, {0, 0, 0},
	};
	struct torn t = torn_new();

	for (size_t round = 0; round < 3;
	     round++) /* again and again: the mask is as it was */
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			struct sum s;

			CHECK_EQ(guarded_sum(t.p + cases[i].off, cases[i].len, &s),
				 cases[i].err);
			CHECK_EQ(s.ended, !cases[i].err);
		}
	torn_free(&t);
}

TEST(a_file_that_is_cut_and_grows_again)
{
	struct torn t = torn_new();
	struct sum s;

	CHECK_EQ(guarded_sum(t.p, 2 * PAGE, &s), 0);
	CHECK_EQ(ftruncate(t.fd, PAGE), 0);
	CHECK_EQ(guarded_sum(t.p, 2 * PAGE, &s), -EFAULT);
	CHECK_EQ(ftruncate(t.fd, 2L * PAGE), 0);
	CHECK_EQ(guarded_sum(t.p, 2 * PAGE, &s), 0);
	torn_free(&t);
}

/* ---- what is not ours --------------------------------------------------------------------------------- */

static struct torn doomed;

static void read_outside(void)
{
	struct sum s = {.p = doomed.p + 2 * PAGE, .len = 1};

	(void)!fault_guard(span_of(doomed.p, PAGE), sum, &s);
}

static void read_unguarded(void)
{
	struct sum s;

	(void)!guarded_sum(doomed.p, PAGE, &s);
	s.total += ((const volatile uint8_t *)doomed.p)[2 * PAGE];
}

static void *other_thread(void *arg)
{
	read_unguarded();
	return arg;
}

static void wait_for_other(void *arg)
{
	pthread_join(*(pthread_t *)arg, NULL);
}

/* Its range is guarded, but by somebody else. */
static void read_on_another_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, other_thread, NULL);
	(void)!fault_guard(span_of(doomed.p, PAGES * PAGE), wait_for_other, &t);
}

static void raise_it(void *arg)
{
	raise(SIGBUS);
}

static void be_sent_one(void)
{
	(void)!fault_guard(span_of(doomed.p, PAGES * PAGE), raise_it, NULL);
}

static void segfault(void)
{
	struct fenced f = fenced_new(PAGE);
	struct sum s;

	(void)!guarded_sum(f.all, PAGE, &s); /* SIGSEGV is none of ours */
}

static void handler_before(int sig)
{
	_exit(sig == SIGBUS ? 7 : 8);
}

TEST(the_handler_there_was_before_gets_what_is_not_ours)
{
	pid_t child;
	int status;

	doomed = torn_new();
	child = fork();
	if (child == 0) {
		signal(SIGBUS, handler_before);
		if (fault_catch() == 0)
			read_outside();
		_exit(0);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 7);
	torn_free(&doomed);
}

TEST(every_other_fault_ends_the_process_as_ever)
{
	static const struct {
		void (*run)(void);
		int sig;
	} cases[] = {
		{read_outside, SIGBUS},
		{read_unguarded, SIGBUS},
		{read_on_another_thread, SIGBUS},
		{be_sent_one, SIGBUS},
		{segfault, SIGSEGV},
	};
	static const struct rlimit no_core = {0};

	doomed = torn_new();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			setrlimit(RLIMIT_CORE, &no_core);
			signal(SIGSEGV, SIG_DFL);
			signal(SIGBUS, SIG_DFL);
			(void)!fault_catch();
			cases[i].run();
			_exit(0);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), cases[i].sig);
	}
	torn_free(&doomed);
}

/* ---- several threads ---------------------------------------------------------------------------------- */

enum { THREADS = 4, TIMES = 200 };

static void *tear(void *arg)
{
	struct torn t = torn_new();
	size_t wrong = 0;
	struct sum s;

	for (size_t i = 0; i < TIMES; i++) {
		wrong += guarded_sum(t.p, 2 * PAGE, &s) != 0;
		wrong += guarded_sum(t.p, 3 * PAGE, &s) != -EFAULT;
	}
	torn_free(&t);
	*(size_t *)arg = wrong;
	return NULL;
}

TEST(each_thread_is_led_back_to_its_own)
{
	pthread_t threads[THREADS];
	size_t wrong[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, tear, &wrong[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		CHECK_EQ(wrong[i], 0);
	}
}

/* Workers are started with signals blocked: one that must not wait would end the process. */
TEST(a_worker_is_led_back)
{
	pthread_t t;
	size_t wrong = 1;

	CHECK_EQ(thread_start(&t, "worker", tear, &wrong), 0);
	pthread_join(t, NULL);
	CHECK_EQ(wrong, 0);
}

/* ---- what is left on the stack ------------------------------------------------------------------------ */

/* Sanitizers keep such variables elsewhere, or find that they are looked at too late. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum { MARK = 0x5A, MARKED = 4096 };

struct marker {
	const volatile uint8_t *gone;
	uintptr_t at; /* of what lay on the stack */
};

static void mark(void *arg)
{
	struct marker *m = arg;
	volatile uint8_t secret[MARKED];

	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = MARK;
	m->at = (uintptr_t)secret;
	(void)*m->gone;
}

TEST(the_stack_of_who_was_led_back_is_wiped)
{
	struct torn t = torn_new();
	struct marker m = {.gone = t.p + 2 * PAGE};
	size_t left = 0;

	CHECK_EQ(fault_guard(span_of(t.p, PAGES * PAGE), mark, &m), -EFAULT);
	for (size_t i = 0; i < MARKED; i++)
		left += ((const volatile uint8_t *)m.at)[i] == MARK;
	CHECK(left < 64); /* but what calls of this function put there since */
	torn_free(&t);
}
#endif

TEST_MAIN()
