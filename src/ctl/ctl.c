/*
 * ctl.c - the server's end of the control socket: many clients, one thread, nobody waited for.
 *
 *     a line is complete --> its call runs --> the answer is on its way --> taken --> the next line
 *
 * While an answer is on its way nothing is read, so what a client can make us keep is one line and one answer. One line of a
 * client is served a turn of ctl_run(); where a further one is there already, waiting for writability ends at once.
 */
#include "ctl/ctl_impl.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 500, EVENTS_MAX = 16, READ_MAX = 65536 };

#define LOCK_NAME CTL_SOCKET_NAME ".lock"

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- one client ---- */

static void watch(struct ctl *c, struct ctl_peer *k, int op, unsigned events)
{
	struct epoll_event e = {.events = events, .data.ptr = k};

	(void)epoll_ctl(c->epoll_fd, op, k->fd, &e); /* fails for want of memory: idle */
}

static void client_close(struct ctl *c, struct ctl_peer *k)
{
	close_fd(&k->fd);
	free(k->in);
	free(k->out);
	*k = (struct ctl_peer){.fd = -1};
	c->client_count--;
}

static bool has_line(const struct ctl_peer *k)
{
	return k->in_len && memchr(k->in, '\n', k->in_len);
}

/* Wait for what it takes to go on; or be done with the client. */
static void client_next(struct ctl *c, struct ctl_peer *k)
{
	bool busy = k->out || (has_line(k) && !k->over);

	if (!busy && (k->over || k->silent))
		client_close(c, k);
	else
		watch(c, k, EPOLL_CTL_MOD, busy ? EPOLLOUT : EPOLLIN);
}

static void client_answer(struct ctl *c, struct ctl_peer *k, char *text)
{
	static const char no_memory[] = "{\"version\":1,\"error\":{\"code\":\"failed\","
					"\"text\":\"out of memory\"}}\n";

	k->out = text ? text : strdup(no_memory);
	k->out_len = k->out ? strlen(k->out) : 0;
	k->out_done = 0;
	k->deadline_ms = now_ms() + c->idle_ms;
	if (!k->out)
		k->over = true;
}

static void client_serve(struct ctl *c, struct ctl_peer *k)
{
	char *end = memchr(k->in, '\n', k->in_len);
	size_t len = (size_t)(end - k->in);

	c->caller = k;
	client_answer(c, k,
		      ctl_answer(c->families, c->family_count, span_of(k->in, len)));
	c->caller = NULL;
	k->in_len -= len + 1;
	memmove(k->in, end + 1, k->in_len);
	if (k->in_len == 0) {
		free(k->in);
		k->in = NULL;
	}
}

static void client_too_long(struct ctl *c, struct ctl_peer *k)
{
	struct ctl_error e;

	ctl_refuse(&e, CTL_MALFORMED, "a line has at most %d bytes", CTL_LINE_MAX);
	client_answer(c, k, ctl_error_line(&e));
	k->over = true;
}

/* False: the client is gone. */
static bool client_read(struct ctl *c, struct ctl_peer *k)
{
	size_t room;
	ssize_t n;

	if (!k->in)
		k->in = malloc(CTL_LINE_MAX + 1);
	if (!k->in) {
		client_close(c, k);
		return false;
	}
	room = CTL_LINE_MAX + 1 - k->in_len;
	n = recv(k->fd, k->in + k->in_len, room < READ_MAX ? room : READ_MAX,
		 MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(c, k);
		return false;
	}
	if (n == 0)
		k->silent = true;
	if (n > 0)
		k->in_len += (size_t)n;
	return true;
}

static bool client_write(struct ctl *c, struct ctl_peer *k)
{
	ssize_t n = send(k->fd, k->out + k->out_done, k->out_len - k->out_done,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(c, k);
		return false;
	}
	if (n > 0)
		k->out_done += (size_t)n;
	if (k->out_done == k->out_len) {
		free(k->out);
		k->out = NULL;
		k->deadline_ms = now_ms() + c->idle_ms;
	}
	return true;
}

static void client_turn(struct ctl *c, struct ctl_peer *k)
{
	if (k->fd < 0)
		return; /* closed earlier in this turn */
	if (k->out) {
		if (!client_write(c, k))
			return;
	} else if (!has_line(k)) {
		if (!client_read(c, k))
			return;
	}
	if (!k->out && !k->over) {
		if (has_line(k))
			client_serve(c, k);
		else if (k->in_len > CTL_LINE_MAX)
			client_too_long(c, k);
		if (k->out && !client_write(c, k))
			return;
	}
	client_next(c, k);
}

/* ---- new clients ---- */

static bool peer_may(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Said at once, to a socket whose buffer is empty; then closed. */
static void turn_away(int fd, const char *text)
{
	struct ctl_error e;
	char *line;

	ctl_refuse(&e, CTL_REFUSED, "%s", text);
	line = ctl_error_line(&e);
	if (line)
		(void)!send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(line);
	close(fd);
}

static struct ctl_peer *client_place(struct ctl *c)
{
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		if (c->clients[i].fd < 0)
			return &c->clients[i];
	return NULL;
}

static void client_admit(struct ctl *c, int fd)
{
	struct ctl_peer *k = client_place(c);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    !c->may(peer.uid)) {
		log_warn("control socket: uid %d turned away", (int)peer.uid);
		turn_away(fd, "only root and the account of the server are answered");
		return;
	}
	if (!k) {
		turn_away(fd, "too many clients: try again");
		return;
	}
	*k = (struct ctl_peer){
		.fd = fd, .uid = peer.uid, .deadline_ms = now_ms() + c->idle_ms};
	c->client_count++;
	watch(c, k, EPOLL_CTL_ADD, EPOLLIN);
}

static void timer_set(struct ctl *c)
{
	bool on = c->client_count > 0 || c->resting;
	const struct timespec tick = {.tv_nsec = on ? TICK_MS * 1000000L : 0};
	const struct itimerspec when = {.it_value = tick, .it_interval = tick};

	(void)timerfd_settime(c->timer_fd, 0, &when, NULL);
}

/* Whether to hear of new clients. */
static void listen_watch(struct ctl *c, int op, bool on)
{
	struct epoll_event e = {.events = on ? EPOLLIN : 0, .data.ptr = &c->listen_fd};

	if (epoll_ctl(c->epoll_fd, op, c->listen_fd, &e) != 0)
		log_error("control socket: %s", strerror(errno));
}

static void accept_some(struct ctl *c)
{
	bool idle = c->client_count == 0;
	int fd = -1;

	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		client_admit(c, fd);
	}
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
		c->resting = true; /* or it would be reported again at once */
		listen_watch(c, EPOLL_CTL_MOD, false);
	}
	if (idle)
		timer_set(c);
}

static void tick(struct ctl *c)
{
	uint64_t now = now_ms(), count;

	(void)!read(c->timer_fd, &count, sizeof(count));
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0 && c->clients[i].deadline_ms <= now)
			client_close(c, &c->clients[i]);
	if (c->resting)
		listen_watch(c, EPOLL_CTL_MOD, true);
	c->resting = false;
	if (c->client_count == 0)
		timer_set(c);
}

/* ---- the socket ---- */

int ctl_fd(const struct ctl *c)
{
	return c->epoll_fd;
}

void ctl_run(struct ctl *c)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(c->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == &c->listen_fd)
			accept_some(c);
		else if (events[i].data.ptr == &c->timer_fd)
			tick(c);
		else
			client_turn(c, events[i].data.ptr);
	}
}

unsigned ctl_caller(const struct ctl *c)
{
	return c->caller ? c->caller->uid : geteuid();
}

/* Held as long as the server lives, however it ends; the file stays. */
static int lock_open(struct ctl *c)
{
	c->lock_fd = openat(c->dir_fd, LOCK_NAME,
			    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock_fd < 0)
		return -errno;
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	return 0;
}

static int socket_open(struct ctl *c, const char *dir)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int len = snprintf(a.sun_path, sizeof(a.sun_path), "%s/" CTL_SOCKET_NAME, dir);

	if ((size_t)len >= sizeof(a.sun_path)) /* too long for a name of a socket */
		snprintf(a.sun_path, sizeof(a.sun_path),
			 "/proc/self/fd/%d/" CTL_SOCKET_NAME, c->dir_fd);
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listen_fd < 0)
		return -errno;
	/* of a server that died: we hold the lock */
	if (unlinkat(c->dir_fd, CTL_SOCKET_NAME, 0) != 0 && errno != ENOENT)
		return -errno;
	/* before the bind, which takes the mode over: it is never open to others */
	if (fchmod(c->listen_fd, 0600) != 0 ||
	    bind(c->listen_fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return -errno;
	c->bound = true;
	return listen(c->listen_fd, CTL_CLIENTS_MAX) == 0 ? 0 : -errno;
}

static int epoll_make(struct ctl *c)
{
	struct epoll_event on_timer = {.events = EPOLLIN, .data.ptr = &c->timer_fd};

	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->timer_fd < 0 || c->epoll_fd < 0 ||
	    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->timer_fd, &on_timer) != 0)
		return -errno;
	listen_watch(c, EPOLL_CTL_ADD, true);
	return 0;
}

static int ctl_open(struct ctl *c, const char *dir)
{
	int err;

	c->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0)
		return -errno;
	err = lock_open(c);
	if (!err)
		err = socket_open(c, dir);
	return err ? err : epoll_make(c);
}

int ctl_new(const char *dir, const struct ctl_family *families, size_t count,
	    struct ctl **ret_ctl)
{
	struct ctl *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->dir_fd = c->lock_fd = c->listen_fd = c->timer_fd = c->epoll_fd = -1;
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		c->clients[i].fd = -1;
	c->may = peer_may;
	c->idle_ms = CTL_IDLE_MS;
	c->family_count = count;
	c->families = calloc(count ? count : 1, sizeof(*families));
	if (c->families && count)
		memcpy(c->families, families, count * sizeof(*families));
	err = c->families ? ctl_open(c, dir) : -ENOMEM;
	if (err) {
		ctl_free(c);
		return err;
	}
	*ret_ctl = c;
	return 0;
}

void ctl_free(struct ctl *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0)
			client_close(c, &c->clients[i]);
	if (c->bound)
		unlinkat(c->dir_fd, CTL_SOCKET_NAME, 0);
	close_fd(&c->epoll_fd);
	close_fd(&c->timer_fd);
	close_fd(&c->listen_fd);
	close_fd(&c->lock_fd);
	close_fd(&c->dir_fd);
	free(c->families);
	free(c);
}
