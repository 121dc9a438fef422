/*
 * fuzz_tcp.c - any bytes, cut in any way, as a Direct TCP stream.
 *
 * The first byte chooses how the stream is cut and when the user pauses; the rest is the
 * stream. Besides surviving: the frames delivered are those that a plain reading of the
 * stream gives, in order, and the connection ends with the error that the stream
 * deserves. No buffer and no seat is left.
 *
 * Target functions: tcp_open, tcp_set_read, tcp_set_finish, rx_read
 */
#include "base/buf.h"
#include "base/env.h"
#include "base/lane.h"
#include "net/loop.h"
#include "net/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME_MAX = 300, STREAM_MAX = 64 << 10 };

struct fuzz {
	struct env env;
	struct timers timers;
	struct buf_budget budget, reserve;
	struct lane lane;
	struct loop *loop;
	struct admit admit;
	struct tcp_set set;
	struct xport *x;
	bool pauses; /* after each third frame */
	bool paused;

	struct span expected; /* the stream behind the frames delivered so far */
	unsigned frames;
	bool closed;
	int err;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The length of the frame that s begins with; the error if there is none, -ENODATA if it
 * is not complete. */
static int frame_len(struct span s, size_t *ret_len)
{
	size_t len;

	if (s.len < 4)
		return -ENODATA;
	if (s.p[0] != 0)
		return -EPROTO;
	len = (size_t)s.p[1] << 16 | (size_t)s.p[2] << 8 | s.p[3];
	if (len == 0 || len > FRAME_MAX)
		return -EMSGSIZE;
	if (s.len - 4 < len)
		return -ENODATA;
	*ret_len = len;
	return 0;
}

static void on_frame(void *user, struct buf *b, struct mspan frame)
{
	struct fuzz *f = user;
	size_t len = 0;

	must(!f->closed && !f->paused);
	must(frame_len(f->expected, &len) == 0);
	must(span_eq(span_of_m(frame), span_of(f->expected.p + 4, len)));
	f->expected = span_from(f->expected, 4 + len);
	buf_put(b);
	if (f->pauses && ++f->frames % 3 == 0) {
		f->paused = true;
		f->x->ops->pause(f->x, true);
	}
}

static void on_flush(void *user)
{
	must(!((struct fuzz *)user)->closed);
}

static void on_closed(void *user, int err)
{
	struct fuzz *f = user;

	must(!f->closed);
	f->closed = true;
	f->err = err;
}

static void *on_opened(struct lane *l, struct xport *x, void *arg)
{
	struct fuzz *f = arg;

	(void)l;
	f->x = x;
	x->ops->frame_max(x, FRAME_MAX);
	return f;
}

static uint64_t stopped_clock(struct env *e)
{
	(void)e;
	return 1;
}

static void turn(struct fuzz *f)
{
	loop_wait(f->loop, 0);
	loop_dispatch(f->loop);
	tcp_set_read(&f->set);
	tcp_set_finish(&f->set);
	if (f->paused && !f->closed) {
		f->paused = false;
		f->x->ops->pause(f->x, false);
	}
}

static void start(struct fuzz *f, int sock)
{
	static const struct env_ops env_ops = {.now_ns = stopped_clock};
	static const struct xport_user user = {on_frame, on_flush, on_closed};
	struct conn_factory factory = {on_opened, &user, f};
	struct seat seat;

	f->env.ops = &env_ops;
	f->budget.max = f->reserve.max = 1 << 20;
	timers_init(&f->timers, 1);
	f->loop = loop_new();
	f->lane = (struct lane){.env = &f->env,
				.timers = &f->timers,
				.bufs = bufs_new(&f->budget),
				.reserve = bufs_new(&f->reserve)};
	must(f->loop && f->lane.bufs && f->lane.reserve);
	must(admit_init(&f->admit, 1, 0) == 0);
	must(tcp_set_init(&f->set, &f->lane, f->loop) == 0);
	must(admit_enter(&f->admit, 0, &seat));
	tcp_open(&f->set, sock, seat, &factory);
}

static void stop(struct fuzz *f)
{
	tcp_set_fini(&f->set);
	must(f->closed);
	must(admit_count(&f->admit) == 0);
	must(bufs_free(f->lane.bufs) == 0 && bufs_free(f->lane.reserve) == 0);
	must(atomic_load(&f->budget.used) == 0);
	admit_fini(&f->admit);
	loop_free(f->loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {0};
	struct span stream;
	size_t cut, len;
	int pair[2], want;

	if (size < 1 || size > STREAM_MAX)
		return 0;
	cut = 1 + (data[0] & 0x7F);
	f.pauses = data[0] & 0x80;
	stream = f.expected = span_of(data + 1, size - 1);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	start(&f, pair[0]);

	while (stream.len > 0 && !f.closed) {
		struct span piece = span_head(stream, cut);

		if (send(pair[1], piece.p, piece.len, MSG_NOSIGNAL) > 0)
			stream = span_from(stream, piece.len);
		turn(&f);
	}
	shutdown(pair[1], SHUT_WR);
	for (int i = 0; i < 100000 && !f.closed; i++)
		turn(&f);

	must(f.closed);
	want = frame_len(f.expected, &len);
	if (want == -ENODATA)
		want = f.expected.len ? -ECONNRESET : 0;
	must(f.err == want);
	close(pair[1]);
	stop(&f);
	return 0;
}
