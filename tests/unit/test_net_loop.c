/* test_net_loop.c - the loop behind net/loop.h. */
#include "test.h"

#include "base/attr.h"
#include "net/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct watch {
	struct loop_fd fd;
	struct loop *loop;
	struct watch *removes;
	unsigned events;
	unsigned calls;
};

static void watch_ready(struct loop_fd *f, unsigned events)
{
	struct watch *w = container_of(f, struct watch, fd);

	w->events = events;
	w->calls++;
	if (w->removes)
		loop_del(w->loop, &w->removes->fd);
}

static struct watch watch_of(struct loop *l, int fd)
{
	return (struct watch){.fd = {.fd = fd, .ready = watch_ready}, .loop = l};
}

static void turn(struct loop *l)
{
	loop_wait(l, 0);
	loop_dispatch(l);
}

static void pair(int sv[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
}

static void close_pair(int sv[2])
{
	close(sv[0]);
	close(sv[1]);
}

TEST(loop_reports_until_read)
{
	struct loop *l = loop_new();
	int sv[2];
	char c;

	pair(sv);
	struct watch w = watch_of(l, sv[0]);
	CHECK_EQ(loop_add(l, &w.fd, LOOP_READ), 0);
	turn(l);
	CHECK_EQ(w.calls, 0);
	CHECK_EQ(write(sv[1], "x", 1), 1);
	turn(l);
	turn(l);
	CHECK_EQ(w.calls, 2);
	CHECK_EQ(w.events, LOOP_READ);
	CHECK_EQ(read(sv[0], &c, 1), 1);
	turn(l);
	CHECK_EQ(w.calls, 2);
	loop_del(l, &w.fd);
	loop_free(l);
	close_pair(sv);
}

/* More than one wait finds, and none of them is ever read. */
TEST(loop_reports_all_before_any_again)
{
	enum { COUNT = 200 };
	struct loop *l = loop_new();
	struct watch w[COUNT];
	unsigned calls = 0;

	for (int i = 0; i < COUNT; i++) {
		w[i] = watch_of(l, eventfd(1, EFD_CLOEXEC));
		CHECK_EQ(loop_add(l, &w[i].fd, LOOP_READ), 0);
	}
	while (calls < 5 * COUNT) {
		unsigned least = UINT_MAX, most = 0;

		turn(l);
		calls = 0;
		for (int i = 0; i < COUNT; i++) {
			least = w[i].calls < least ? w[i].calls : least;
			most = w[i].calls > most ? w[i].calls : most;
			calls += w[i].calls;
		}
		CHECK(most - least <= 1);
	}
	for (int i = 0; i < COUNT; i++) {
		loop_del(l, &w[i].fd);
		close(w[i].fd.fd);
	}
	loop_free(l);
}

TEST(loop_wants_are_changed)
{
	struct loop *l = loop_new();
	int sv[2];

	pair(sv);
	struct watch w = watch_of(l, sv[0]);
	CHECK_EQ(loop_add(l, &w.fd, LOOP_READ), 0);
	CHECK_EQ(write(sv[1], "x", 1), 1);
	loop_want(l, &w.fd, 0);
	turn(l);
	CHECK_EQ(w.calls, 0);
	loop_want(l, &w.fd, LOOP_WRITE);
	turn(l);
	CHECK_EQ(w.events, LOOP_WRITE);
	loop_want(l, &w.fd, LOOP_READ);
	turn(l);
	CHECK_EQ(w.events, LOOP_READ);
	loop_free(l);
	close_pair(sv);
}

TEST(loop_reports_hangup_unasked)
{
	struct loop *l = loop_new();
	int sv[2];

	pair(sv);
	struct watch w = watch_of(l, sv[0]);
	CHECK_EQ(loop_add(l, &w.fd, 0), 0);
	close(sv[1]);
	turn(l);
	CHECK_EQ(w.events, LOOP_HANGUP);
	loop_free(l);
	close(sv[0]);
}

TEST(loop_del_cancels_what_is_due)
{
	struct loop *l = loop_new();
	int a[2], b[2];

	pair(a);
	pair(b);
	struct watch wa = watch_of(l, a[0]), wb = watch_of(l, b[0]);
	wa.removes = &wb;
	wb.removes = &wa;
	CHECK_EQ(loop_add(l, &wa.fd, LOOP_READ), 0);
	CHECK_EQ(loop_add(l, &wb.fd, LOOP_READ), 0);
	CHECK_EQ(write(a[1], "x", 1), 1);
	CHECK_EQ(write(b[1], "x", 1), 1);
	turn(l);
	CHECK_EQ(wa.calls + wb.calls, 1);
	loop_free(l);
	close_pair(a);
	close_pair(b);
}

static void *wake(void *arg)
{
	loop_wake(arg);
	return NULL;
}

TEST(loop_wake_ends_a_wait)
{
	struct loop *l = loop_new();
	pthread_t t;

	for (int i = 0; i < 3; i++) { /* each wake-up counts, though none is read */
		CHECK_EQ(pthread_create(&t, NULL, wake, l), 0);
		loop_wait(l, -1);
		loop_dispatch(l);
		pthread_join(t, NULL);
	}
	loop_free(l);
}

TEST(loop_add_reports_errors)
{
	struct loop *l = loop_new();
	struct watch w = watch_of(l, -1);

	CHECK_EQ(loop_add(l, &w.fd, LOOP_READ), -EBADF);
	loop_free(l);
}

TEST_MAIN()
