/* test_reader.c - a thread that reads a descriptor until it is stopped. */
#include "test.h"

#include "fs/reader.h"

#include <fcntl.h>
#include <semaphore.h>
#include <unistd.h>

struct rig {
	struct reader reader;
	int write_fd;
	sem_t turned;
	atomic_int bytes, turns, woken;
	int next_ms; /* what turns return */
};

static int turn(struct reader *reader, bool woken)
{
	struct rig *r = container_of(reader, struct rig, reader);
	char buf[16];
	ssize_t n = read(reader->fd, buf, sizeof(buf));

	if (n > 0)
		r->bytes += (int)n;
	r->turns++;
	r->woken += woken;
	sem_post(&r->turned);
	return r->next_ms;
}

static void rig_init(struct rig *r, int next_ms)
{
	int fds[2];

	*r = (struct rig){.next_ms = next_ms};
	CHECK_EQ(sem_init(&r->turned, 0, 0), 0);
	CHECK_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	r->write_fd = fds[1];
	CHECK_EQ(reader_start(&r->reader, fds[0], turn), 0);
}

static void rig_fini(struct rig *r)
{
	close(r->write_fd);
	sem_destroy(&r->turned);
}

TEST(what_arrives_is_read)
{
	struct rig r;

	rig_init(&r, -1);
	CHECK_EQ(write(r.write_fd, "abc", 3), 3);
	CHECK_EQ(sem_wait(&r.turned), 0);
	CHECK_EQ(r.bytes, 3);
	CHECK_EQ(r.woken, 0);
	reader_stop(&r.reader);
	rig_fini(&r);
}

TEST(a_wake_up_is_a_turn_and_known_as_one)
{
	struct rig r;

	rig_init(&r, -1);
	reader_wake(&r.reader);
	CHECK_EQ(sem_wait(&r.turned), 0);
	CHECK_EQ(r.turns, 1);
	CHECK_EQ(r.woken, 1);
	reader_stop(&r.reader);
	rig_fini(&r);
}

TEST(the_time_a_turn_asks_for_brings_the_next)
{
	struct rig r;

	rig_init(&r, 1);
	reader_wake(&r.reader);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(sem_wait(&r.turned), 0);
	CHECK_EQ(r.woken, 1);
	reader_stop(&r.reader);
	rig_fini(&r);
}

TEST(stopping_is_a_last_turn_and_closes_the_descriptor)
{
	struct rig r;

	rig_init(&r, -1);
	reader_stop(&r.reader);
	CHECK(r.turns >= 1);
	CHECK_EQ(r.woken, r.turns);
	CHECK(fcntl(r.reader.fd, F_GETFD) < 0);
	rig_fini(&r);
}

TEST_MAIN()
