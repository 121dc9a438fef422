/* sock.c - see sock.h */
#include "client/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	TIMEOUT_MS = 10000,
	HEADER_LEN = 4, /* of Direct TCP: a zero byte, three of length */
	ROOM_MIN = 256 * 1024,
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int left_ms(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	return left > 0 ? (int)left : 0;
}

static int64_t deadline_of(const struct sock *s)
{
	return now_ms() + s->settings.timeout_ms;
}

/* ---- a connection ----------------------------------------------------------------------------------------- */

static void answer_keep(void *arg, const struct client_answer *a);

static void broke(void *arg, const struct client_break *b)
{
	struct sock *s = arg;

	s->settings.client.broke(s->settings.arg, b);
}

static int connect_to(const struct sock_settings *settings)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(settings->port)};
	struct timeval limit = {.tv_sec = TIMEOUT_MS / 1000};
	int one = 1, fd, err;

	if (inet_pton(AF_INET, settings->address, &to.sin_addr) != 1)
		return -EINVAL;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int sock_open(const struct sock_settings *settings, struct sock **ret_sock)
{
	struct client_settings client = settings->client;
	int fd = connect_to(settings);
	struct sock *s;

	if (fd < 0)
		return fd;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->settings = *settings;
	if (!s->settings.timeout_ms)
		s->settings.timeout_ms = TIMEOUT_MS;
	if (client.broke)
		client.broke = broke;
	s->client = client_new(&client);
	s->fd = fd;
	s->awaited = CLIENT_UNSOLICITED;
	list_init(&s->kept);
	*ret_sock = s;
	return 0;
}

void sock_close(struct sock *s, bool hard)
{
	struct linger reset = {.l_onoff = 1};

	if (!s)
		return;
	if (hard)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(s->fd);
	for (struct list_node *n; (n = list_pop(&s->kept)) != NULL;)
		sock_answer_free(container_of(n, struct sock_answer, node));
	client_free(s->client);
	free(s->in);
	free(s);
}

/* ---- bytes ------------------------------------------------------------------------------------------------ */

int sock_raw(struct sock *s, struct span bytes)
{
	while (bytes.len) {
		ssize_t n = send(s->fd, bytes.p, bytes.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EPIPE ? -ECONNRESET : -errno;
		bytes = span_from(bytes, (size_t)n);
	}
	return 0;
}

void sock_trim(struct sock *s)
{
	client_trim(s->client);
	if (s->in_len != s->in_pos)
		return;
	free(s->in);
	s->in = NULL;
	s->in_cap = s->in_pos = s->in_len = 0;
}

int sock_put(struct sock *s)
{
	return sock_raw(s, client_end(s->client));
}

/* Room for `need` bytes behind in_pos. */
static void in_reserve(struct sock *s, size_t need)
{
	if (need < ROOM_MIN)
		need = ROOM_MIN;
	if (s->in && s->in_cap - s->in_pos >= need)
		return;
	if (s->in_len > s->in_pos)
		memmove(s->in, s->in + s->in_pos, s->in_len - s->in_pos);
	s->in_len -= s->in_pos;
	s->in_pos = 0;
	if (s->in_cap >= need)
		return;
	s->in = realloc(s->in, need);
	if (!s->in)
		abort();
	s->in_cap = need;
}

/* The first whole transport message; false: bytes are missing, *ret_need with it all. */
static int in_frame(struct sock *s, struct mspan *ret_frame, size_t *ret_need)
{
	struct rd r = rd_of(span_of(s->in + s->in_pos, s->in_len - s->in_pos));
	uint32_t len = rd_be32(&r);

	*ret_need = HEADER_LEN;
	if (!rd_ok(&r))
		return -EAGAIN;
	if (len >> 24)
		return -EBADMSG;
	*ret_need += len;
	if (rd_left(&r) < len)
		return -EAGAIN;
	*ret_frame = mspan_of(s->in + s->in_pos + HEADER_LEN, len);
	s->in_pos += HEADER_LEN + len;
	return 0;
}

static int in_receive(struct sock *s, int timeout_ms)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	ssize_t n = recv(s->fd, s->in + s->in_len, s->in_cap - s->in_len, MSG_DONTWAIT);

	if (n == 0)
		return -ECONNRESET;
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return -errno;
	if (n > 0)
		s->in_len += (size_t)n;
	else if (poll(&p, 1, timeout_ms) == 0)
		return -ETIMEDOUT;
	return 0;
}

static int frame_by(struct sock *s, int64_t deadline, struct mspan *ret_frame)
{
	for (;;) {
		size_t need;
		int err = in_frame(s, ret_frame, &need);

		if (err != -EAGAIN)
			return err;
		in_reserve(s, need);
		err = in_receive(s, left_ms(deadline));
		if (err)
			return err;
	}
}

int sock_frame(struct sock *s, struct mspan *ret_frame)
{
	return frame_by(s, deadline_of(s), ret_frame);
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static void answer_keep(void *arg, const struct client_answer *a)
{
	struct sock *s = arg;
	struct sock_answer *k;

	if (s->settings.got && a->message_id != s->awaited) {
		s->settings.got(s->settings.arg, a);
		return;
	}
	if (a->interim)
		return;
	k = malloc(sizeof(*k) + a->message.len);
	if (!k)
		abort();
	k->a = *a;
	memcpy(k->bytes, a->message.p, a->message.len);
	k->a.message.p = k->bytes;
	list_add_tail(&s->kept, &k->node);
}

void sock_answer_free(struct sock_answer *a)
{
	free(a);
}

/* One frame, and what it holds. */
static int receive_by(struct sock *s, int64_t deadline)
{
	struct mspan frame;
	int err = frame_by(s, deadline, &frame);

	return err ? err : client_receive(s->client, frame, answer_keep, s);
}

int sock_pump(struct sock *s, int timeout_ms)
{
	int err = receive_by(s, now_ms() + timeout_ms);

	while (!err)
		err = receive_by(s, 0);
	return err == -ETIMEDOUT ? 0 : err;
}

static struct sock_answer *kept_take(struct sock *s, uint64_t message_id)
{
	list_for_each (n, &s->kept) {
		struct sock_answer *k = container_of(n, struct sock_answer, node);

		if (k->a.message_id != message_id)
			continue;
		list_del(&k->node);
		return k;
	}
	return NULL;
}

int sock_wait(struct sock *s, uint64_t message_id, struct sock_answer **ret)
{
	int64_t deadline = deadline_of(s);
	struct sock_answer *k;
	int err = 0;

	s->awaited = message_id;
	while ((k = kept_take(s, message_id)) == NULL && !err)
		err = receive_by(s, deadline);
	s->awaited = CLIENT_UNSOLICITED;
	if (k)
		*ret = k;
	return k ? 0 : err;
}

int sock_wait_interim(struct sock *s, uint64_t message_id)
{
	int64_t deadline = deadline_of(s);
	const struct client_pending *p;

	while ((p = client_pending(s->client, message_id)) != NULL && !p->async_id) {
		int err = receive_by(s, deadline);

		if (err)
			return err;
	}
	return p ? 0 : -EALREADY;
}

int sock_call(struct sock *s, uint64_t message_id, struct sock_answer **ret)
{
	int err = sock_put(s);

	return err ? err : sock_wait(s, message_id, ret);
}

int sock_status(struct sock *s, uint64_t message_id, nt_status *ret_status)
{
	CLEANUP(sock_answer_freep) struct sock_answer *k = NULL;
	int err = sock_call(s, message_id, &k);

	if (!err)
		*ret_status = k->a.status;
	return err;
}

/* ---- the way to a share ----------------------------------------------------------------------------------- */

int sock_logon(struct sock *s, nt_status *ret_status)
{
	nt_status st = STATUS_SUCCESS;
	int err = 0;

	if (!s->client->dialect) {
		client_begin(s->client);
		err = sock_status(s, client_negotiate(s->client), &st);
	}
	if (!err && nt_ok(st))
		do {
			client_begin(s->client);
			err = sock_status(s, client_session_setup(s->client), &st);
		} while (!err && nt_is(st, STATUS_MORE_PROCESSING_REQUIRED));
	if (!err)
		*ret_status = st;
	return err;
}

int sock_tree(struct sock *s, const char *share, nt_status *ret_status,
	      uint32_t *ret_tree)
{
	CLEANUP(sock_answer_freep) struct sock_answer *k = NULL;
	int err;

	client_begin(s->client);
	err = sock_call(s, client_tree_connect(s->client, share), &k);
	if (err)
		return err;
	*ret_status = k->a.status;
	if (nt_ok(k->a.status))
		*ret_tree = k->a.tree_id;
	return 0;
}
