/* test_net_tcp_output.c - Direct TCP: sending, back pressure by the peer, file segments,
 * close with output. */
#include "tcp_rig.h"

#include "net/tcp_conn.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>

/* One message of len pattern bytes in a buffer of its own. */
static int send_pattern(struct rig *r, size_t len)
{
	struct buf *b = buf_new(r->lane.bufs, len);

	CHECK(b != NULL);
	for (size_t i = 0; i < len; i++)
		b->data[i] = pattern(i);
	struct seg s = {.buf = b, .bytes = span_of(b->data, len)};
	return r->x->ops->send(r->x, &s, 1);
}

/* Read exactly len bytes as the peer, turning the rig meanwhile. */
static void peer_recv(struct rig *r, uint8_t *p, size_t len)
{
	for (int tries = 0; len > 0 && tries < 100000; tries++) {
		ssize_t n = recv(r->peer, p, len, MSG_DONTWAIT);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else {
			rig_turn(r, 1);
		}
	}
	CHECK_EQ(len, 0);
}

static void expect_pattern(struct rig *r, size_t len)
{
	uint8_t *p = malloc(len + 4);
	uint8_t head[4];

	peer_head(head, len);
	peer_recv(r, p, len + 4);
	CHECK_MEM(p, head, 4);
	CHECK(is_pattern(p + 4, len));
	free(p);
}

static bool peer_sees_something(struct rig *r)
{
	struct pollfd p = {.fd = r->peer, .events = POLLIN};

	return poll(&p, 1, 50) == 1;
}

/* Shows nothing where reno is the system's default. */
TEST(tcp_is_not_paced_on_this_machine)
{
	char name[16] = "";
	socklen_t len = sizeof(name) - 1;
	struct rig r;

	rig_start(&r);
	CHECK_EQ(getsockopt(container_of(r.x, struct tcp, x)->fd.fd, IPPROTO_TCP,
			    TCP_CONGESTION, name, &len),
		 0);
	CHECK_STR(name, "reno");
	rig_stop(&r);
}

TEST(tcp_send_joins_segments)
{
	static const uint8_t hello[] = {'h', 'e', 'l', 'l', 'o'};
	struct rig r;
	uint8_t got[4 + 5 + 3];

	rig_start(&r);
	struct buf *b = buf_new(r.lane.bufs, 100);
	memcpy(b->data + 50, "abc", 3);
	struct seg s[3] = {{.bytes = span_of(hello, 5)}, /* static: no buffer */
			   {.buf = buf_get(b), .bytes = span_of(b->data, 0)},
			   {.buf = b, .bytes = span_of(b->data + 50, 3)}};
	CHECK_EQ(r.x->ops->send(r.x, s, 3), 0);
	peer_recv(&r, got, sizeof(got));
	CHECK_MEM(got, "\0\0\0\x08helloabc", sizeof(got));
	rig_stop(&r);
}

/* Output of a turn leaves at its end, after turn_end() had its chance. */
TEST(tcp_send_waits_for_the_end_of_the_turn)
{
	struct rig r;

	rig_start(&r);
	for (size_t i = 1; i <= 300; i++)
		CHECK_EQ(send_pattern(&r, i), 0);
	CHECK(!peer_sees_something(&r));
	rig_turn(&r, 0);
	CHECK(peer_sees_something(&r));
	for (size_t i = 1; i <= 300; i++)
		expect_pattern(&r, i);
	rig_stop(&r);
}

static void answer_once(struct rig *r)
{
	if (r->flushes != 1)
		return;
	r->flushes++;
	CHECK_EQ(send_pattern(r, 33), 0);
}

/* frame(), flush(), turn_end(), write: one turn is enough for a request and its answer. */
TEST(tcp_turn_end_follows_flush_and_precedes_output)
{
	struct rig r;

	rig_start(&r);
	r.on_turn_end = answer_once;
	peer_send_frame(&r, 10);
	rig_turn(&r, RIG_WAIT_MS);
	CHECK(peer_sees_something(&r));
	expect_pattern(&r, 33);
	rig_stop(&r);
}

TEST(tcp_send_large)
{
	struct rig r;

	rig_start(&r);
	CHECK_EQ(send_pattern(&r, 8 << 20), 0);
	CHECK_EQ(send_pattern(&r, 17), 0);
	CHECK_EQ(send_pattern(&r, 0xFFFFFF), 0);
	expect_pattern(&r, 8 << 20);
	expect_pattern(&r, 17);
	expect_pattern(&r, 0xFFFFFF);
	rig_stop(&r);
}

TEST(tcp_send_puts_references_on_refusal)
{
	struct rig r;

	rig_start(&r);
	CHECK_EQ(send_pattern(&r, 0x1000000), -EPIPE); /* a bit more than 24 bits */
	CHECK_EQ(send_pattern(&r, 10), -EPIPE);
	rig_turn(&r, 0);
	CHECK_EQ(r.closes, 1);
	CHECK_EQ(r.closed_err, -EMSGSIZE);
	rig_stop(&r); /* checks that no buffer is left */
}

TEST(tcp_send_after_close)
{
	struct rig r;

	rig_start(&r);
	r.x->ops->close(r.x);
	CHECK_EQ(send_pattern(&r, 10), -EPIPE);
	CHECK(!r.x->ops->writable(r.x));
	rig_turn(&r, 0);
	CHECK_EQ(r.closed_err, 0);
	rig_stop(&r);
}

/* A peer that does not read: writable() says so, and memory stays
 * bounded if the user obeys. */
TEST(tcp_slow_reader_is_not_served)
{
	struct rig r;
	size_t sent = 0;

	rig_start(&r);
	for (int i = 0; i < 10000; i++) {
		if (r.x->ops->writable(r.x) && sent < 10000) {
			CHECK_EQ(send_pattern(&r, 60000), 0);
			sent++;
		}
		rig_turn(&r, 0);
	}
	CHECK(!r.x->ops->writable(r.x));
	CHECK(sent < 10000);
	bufs_trim(r.lane.bufs, 0);
	CHECK(atomic_load(&r.budget.used) <= TCP_QUEUE_MAX + (128 << 10));
	CHECK_EQ(r.flushes, 0);
	for (size_t i = 0; i < sent; i++)
		expect_pattern(&r, 60000);
	RIG_UNTIL(&r, r.flushes > 0);
	CHECK(r.x->ops->writable(r.x));
	rig_stop(&r);
}

/* No flush without need: only after writable() refused. */
TEST(tcp_flush_follows_a_refusal)
{
	struct rig r;

	rig_start(&r);
	CHECK_EQ(send_pattern(&r, 100), 0);
	CHECK(r.x->ops->writable(r.x));
	expect_pattern(&r, 100);
	rig_turn(&r, 0);
	CHECK_EQ(r.flushes, 0);
	rig_stop(&r);
}

static void answer_all(struct rig *r)
{
	while (r->bytes >= 100 && r->x->ops->writable(r->x)) {
		r->bytes -= 100;
		CHECK_EQ(send_pattern(r, 100000), 0);
	}
}

/* Requests and long answers, with both sides pushing back. */
TEST(tcp_answers_flow_under_back_pressure)
{
	struct rig r;

	rig_start(&r);
	r.on_flush = answer_all;
	for (int i = 0; i < 200; i++)
		peer_send_frame(&r, 100);
	for (int i = 0; i < 200; i++)
		expect_pattern(&r, 100000);
	CHECK_EQ(r.frames, 200);
	rig_stop(&r);
}

TEST(tcp_close_sends_what_is_queued)
{
	struct rig r;
	char c;

	rig_start(&r);
	CHECK_EQ(send_pattern(&r, 8 << 20), 0);
	r.x->ops->close(r.x);
	rig_turn(&r, 0);
	CHECK_EQ(r.closes, 0);
	expect_pattern(&r, 8 << 20);
	RIG_UNTIL(&r, r.closes == 1);
	CHECK_EQ(r.closed_err, 0);
	CHECK_EQ(recv(r.peer, &c, 1, 0), 0);
	rig_stop(&r);
	CHECK_EQ(r.closes, 1);
}

TEST(tcp_close_is_bounded)
{
	struct rig r;

	rig_start(&r);
	CHECK_EQ(send_pattern(&r, 0xFFFFFF), 0);
	r.x->ops->close(r.x);
	rig_turn(&r, 0);
	rig_pass(&r, TCP_CLOSE_MS - 100);
	rig_turn(&r, 0);
	CHECK_EQ(r.closes, 0);
	rig_pass(&r, 200);
	rig_turn(&r, 0);
	CHECK_EQ(r.closes, 1);
	CHECK_EQ(r.closed_err, -ETIMEDOUT);
	CHECK_EQ(admit_count(&r.admit), 0);
	rig_stop(&r);
}

TEST(tcp_peer_resets_during_output)
{
	struct linger hard = {.l_onoff = 1};
	struct rig r;

	rig_start(&r);
	CHECK_EQ(send_pattern(&r, 0xFFFFFF), 0);
	rig_turn(&r, 0);
	setsockopt(r.peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(r.peer);
	r.peer = -1;
	RIG_UNTIL(&r, r.closes == 1);
	CHECK(r.closed_err == -ECONNRESET || r.closed_err == -EPIPE);
	rig_stop(&r);
}

/* Answers that were sent just before close reach a peer that is still sending. */
TEST(tcp_last_answer_survives_unread_input)
{
	struct rig r;

	rig_start(&r);
	r.x->ops->pause(r.x, true);
	for (int i = 0; i < 10; i++)
		peer_send_frame(&r, 1000);
	CHECK_EQ(send_pattern(&r, 77), 0);
	r.x->ops->close(r.x);
	RIG_UNTIL(&r, r.closes == 1);
	peer_send_frame(&r, 1000);
	rig_turn(&r, RIG_WAIT_MS);
	expect_pattern(&r, 77);
	rig_stop(&r);
}

/* ---- file segments ---- */

struct test_file {
	struct seg_file seg;
	int fd;
	off_t at; /* what is sent next */
	unsigned sends, frees;
	ssize_t fail; /* instead of sending, from the second call on */
};

static ssize_t test_file_send(struct seg_file *f, int sock, size_t len, bool more)
{
	struct test_file *t = container_of(f, struct test_file, seg);
	ssize_t n;

	if (t->sends++ > 0 && t->fail)
		return t->fail;
	n = sendfile(sock, t->fd, &t->at, len);
	return n < 0 ? -errno : n;
}

static void test_file_free(struct seg_file *f)
{
	container_of(f, struct test_file, seg)->frees++;
}

static void test_file_init(struct test_file *t, size_t len)
{
	static const struct seg_file_ops ops = {test_file_send, test_file_free};
	uint8_t *p = malloc(len);

	*t = (struct test_file){.seg.ops = &ops,
				.fd = open("/tmp", O_TMPFILE | O_RDWR, 0600)};
	CHECK(t->fd >= 0);
	atomic_init(&t->seg.refs, 1);
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i);
	CHECK_EQ(write(t->fd, p, len), (ssize_t)len);
	free(p);
}

static int send_file(struct rig *r, struct test_file *t, size_t len)
{
	static const uint8_t front[] = {'f', 'r', 'o', 'n', 't'};
	struct seg s[2] = {{.bytes = span_of(front, sizeof(front))},
			   {.file = seg_file_get(&t->seg), .file_len = len}};

	return r->x->ops->send(r->x, s, 2);
}

TEST(tcp_sends_bytes_of_a_file)
{
	struct rig r;
	struct test_file t;
	const size_t len = 3 << 20, off = 1 << 16;
	uint8_t *p = malloc(4 + 5 + len);
	uint8_t head[4];

	rig_start(&r);
	test_file_init(&t, off + len);
	t.at = off;
	CHECK_EQ(send_pattern(&r, 10), 0);
	CHECK_EQ(send_file(&r, &t, len), 0);
	CHECK_EQ(send_pattern(&r, 20), 0);
	expect_pattern(&r, 10);
	peer_recv(&r, p, 4 + 5 + len);
	peer_head(head, 5 + len);
	CHECK_MEM(p, head, 4);
	CHECK_MEM(p + 4, "front", 5);
	for (size_t i = 0; i < len; i++)
		if (p[9 + i] != pattern(off + i))
			CHECK_EQ(i, len);
	expect_pattern(&r, 20);
	CHECK_EQ(t.frees, 0);
	seg_file_put(&t.seg);
	CHECK_EQ(t.frees, 1);
	close(t.fd);
	free(p);
	rig_stop(&r);
}

/* The head promised more than the file has: the peer must not take
 * anything else for its data. */
TEST(tcp_shrunken_file_ends_the_connection)
{
	struct rig r;
	struct test_file t;

	rig_start(&r);
	test_file_init(&t, 1000);
	CHECK_EQ(send_file(&r, &t, 2000), 0);
	CHECK_EQ(send_pattern(&r, 20), 0);
	rig_turn(&r, 0);
	CHECK_EQ(r.closes, 1);
	CHECK_EQ(r.closed_err, -EIO);
	seg_file_put(&t.seg);
	CHECK_EQ(t.frees, 1);
	close(t.fd);
	rig_stop(&r);
}

TEST(tcp_file_error_ends_the_connection)
{
	struct rig r;
	struct test_file t;

	rig_start(&r);
	test_file_init(&t, 16 << 20);
	t.fail = -ESTALE;
	CHECK_EQ(send_file(&r, &t, 15 << 20), 0);
	rig_turn(&r, 0); /* the first call fills the socket or not */
	for (int i = 0; i < 100 && !r.closes; i++) {
		uint8_t some[65536];

		(void)!recv(r.peer, some, sizeof(some), MSG_DONTWAIT);
		rig_turn(&r, 1);
	}
	CHECK_EQ(r.closed_err, -ESTALE);
	seg_file_put(&t.seg);
	CHECK_EQ(t.frees, 1);
	close(t.fd);
	rig_stop(&r);
}

TEST(tcp_file_is_put_when_refused)
{
	struct rig r;
	struct test_file t;

	rig_start(&r);
	test_file_init(&t, 10);
	r.x->ops->close(r.x);
	CHECK_EQ(send_file(&r, &t, 10), -EPIPE);
	seg_file_put(&t.seg);
	CHECK_EQ(t.frees, 1);
	close(t.fd);
	rig_stop(&r);
}

TEST_MAIN()
