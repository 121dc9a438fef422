#include "fs/reader.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *reader_run(void *data)
{
	struct reader *r = data;
	int timeout_ms = -1;
	bool stop = false;

	while (!stop) {
		struct pollfd fds[] = {
			{.fd = r->fd, .events = POLLIN},
			{.fd = r->wake_fd, .events = POLLIN},
		};
		uint64_t wakes;
		bool woken;

		poll(fds, ARRAY_LEN(fds), timeout_ms);
		/* in this order: what was asked for before the end is still done in the last turn */
		stop = atomic_load(&r->stop);
		woken = read(r->wake_fd, &wakes, sizeof(wakes)) > 0;
		timeout_ms = r->turn(r, woken || stop);
	}
	return NULL;
}

int reader_start(struct reader *r, int fd, int (*turn)(struct reader *r, bool woken))
{
	int err;

	*r = (struct reader){.fd = fd, .turn = turn};
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = r->wake_fd < 0 ? -errno : -pthread_create(&r->thread, NULL, reader_run, r);
	if (!err)
		return 0;
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	close(fd);
	return err;
}

void reader_wake(struct reader *r)
{
	uint64_t one = 1;

	/* fails only when the counter is full: then it is awake */
	if (write(r->wake_fd, &one, sizeof(one)) < 0)
		log_debug("a reader was woken often");
}

void reader_stop(struct reader *r)
{
	atomic_store(&r->stop, true);
	reader_wake(r);
	pthread_join(r->thread, NULL);
	close(r->fd);
	close(r->wake_fd);
}
