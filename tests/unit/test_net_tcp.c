/* test_net_tcp.c - Direct TCP: framing, read-ahead, back pressure, end. */
#include "tcp_rig.h"

static void check_pattern(struct rig *r, struct buf *b, struct mspan frame)
{
	CHECK(frame.p == b->data);
	CHECK(is_pattern(frame.p, frame.len));
}

TEST(tcp_delivers_a_frame)
{
	struct rig r;

	rig_start(&r);
	r.on_frame = check_pattern;
	peer_send_frame(&r, 68);
	rig_turn(&r, RIG_WAIT_MS);
	CHECK_EQ(r.frames, 1);
	CHECK_EQ(r.last_len, 68);
	CHECK_EQ(r.flushes, 1); /* in the same turn */
	CHECK_EQ(r.closes, 0);
	rig_stop(&r);
	CHECK_EQ(r.closes, 1);
}

/* Whatever way the network cuts the stream, the frames are the same. */
TEST(tcp_frames_split_anywhere)
{
	struct rig r;

	rig_start(&r);
	r.on_frame = check_pattern;
	for (size_t len = 1; len <= 20; len++) {
		uint8_t *p = peer_frame(len);

		for (size_t cut = 1; cut < len + 4; cut++) {
			unsigned before = r.frames;

			peer_send(&r, p, cut);
			rig_turn(&r, RIG_WAIT_MS);
			CHECK_EQ(r.frames, before);
			peer_send(&r, p + cut, len + 4 - cut);
			rig_turn(&r, RIG_WAIT_MS);
			CHECK_EQ(r.frames, before + 1);
			CHECK_EQ(r.last_len, len);
		}
		free(p);
	}
	rig_stop(&r);
}

TEST(tcp_frames_byte_by_byte)
{
	struct rig r;
	uint8_t *p = peer_frame(9);

	rig_start(&r);
	r.on_frame = check_pattern;
	for (size_t i = 0; i < 3 * 13; i++) {
		peer_send(&r, p + i % 13, 1);
		rig_turn(&r, RIG_WAIT_MS);
		CHECK_EQ(r.frames, (i + 1) / 13);
	}
	free(p);
	rig_stop(&r);
}

TEST(tcp_many_small_frames_in_one_read)
{
	struct rig r;
	uint8_t all[40 * (4 + 100)];
	uint8_t *p = peer_frame(100);

	rig_start(&r);
	r.on_frame = check_pattern;
	for (size_t i = 0; i < 40; i++)
		memcpy(all + i * 104, p, 104);
	peer_send(&r, all, sizeof(all));
	rig_turn(&r, RIG_WAIT_MS);
	CHECK_EQ(r.frames, 40);
	CHECK_EQ(r.flushes, 1);
	free(p);
	rig_stop(&r);
}

/* Sizes around every boundary of the reader, in a row, so that each
 * meets each kind of predecessor. */
TEST(tcp_large_and_small_frames_alternate)
{
	static const size_t lens[] = {
		1,     4096,    4097,  100,     16383,   16384,   16385, 3,
		65532, 65536,   65540, 131072,  4,       1 << 20, 120,   120,
		120,   1 << 20, 200,   1048688, 1048688, 4194304, 1,     8000000,
	};
	struct rig r;

	rig_start(&r);
	r.on_frame = check_pattern;
	r.x->ops->frame_max(r.x, 8 << 20);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		uint8_t *p = peer_frame(lens[i]);

		peer_send_all(&r, p, lens[i] + 4);
		free(p);
	}
	RIG_UNTIL(&r, r.frames == ARRAY_LEN(lens));
	CHECK_EQ(r.last_len, 8000000);
	CHECK_EQ(r.closes, 0);
	rig_stop(&r);
}

TEST(tcp_refuses_what_is_no_frame)
{
	static const struct {
		uint8_t head[4];
		int want;
	} rows[] = {
		{{1, 0, 0, 4}, -EPROTO},
		{{0x81, 0, 0, 4}, -EPROTO},
		{{0x85, 0, 0, 0}, -EPROTO},
		{{0xFF, 'S', 'M', 'B'}, -EPROTO},
		{{0, 0, 0, 0}, -EMSGSIZE},
		{{0, 1, 0, 1}, -EMSGSIZE}, /* 64 KiB + 1 */
		{{0, 0xFF, 0xFF, 0xFF}, -EMSGSIZE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig r;

		rig_start(&r);
		peer_send_frame(&r, 10); /* what came before is served */
		peer_send(&r, rows[i].head, 4);
		peer_send(&r, "more", 4);
		RIG_UNTIL(&r, r.closes == 1);
		CHECK_EQ(r.closed_err, rows[i].want);
		CHECK_EQ(r.frames, 1);
		CHECK_EQ(admit_count(&r.admit), 0);
		rig_stop(&r);
		CHECK_EQ(r.closes, 1);
	}
}

TEST(tcp_longest_frame_is_accepted)
{
	struct rig r;
	uint8_t *p = peer_frame(64 << 10);

	rig_start(&r);
	peer_send_all(&r, p, 4 + (64 << 10));
	RIG_UNTIL(&r, r.frames == 1);
	free(p);
	p = peer_frame(0xFFFFFF);
	r.x->ops->frame_max(r.x, SIZE_MAX); /* the head has 24 bits */
	peer_send_all(&r, p, 4 + 0xFFFFFF);
	RIG_UNTIL(&r, r.frames == 2);
	CHECK_EQ(r.last_len, 0xFFFFFF);
	free(p);
	rig_stop(&r);
}

/* A length alone costs no memory, whether it is refused or waited for. */
TEST(tcp_head_alone_takes_no_buffer)
{
	struct rig r;
	uint8_t head[4];

	rig_start(&r);
	peer_head(head, 60000);
	peer_send(&r, head, 4);
	rig_turn(&r, RIG_WAIT_MS);
	CHECK_EQ(atomic_load(&r.budget.used), 0);
	peer_send(&r, "x", 1);
	rig_turn(&r, RIG_WAIT_MS);
	CHECK(atomic_load(&r.budget.used) >= 60000);
	rig_stop(&r);
}

TEST(tcp_idle_connection_owns_no_buffer)
{
	struct rig r;
	uint8_t *p = peer_frame(1 << 20);

	rig_start(&r);
	r.x->ops->frame_max(r.x, 1 << 20);
	peer_send_all(&r, p, 4 + (1 << 20));
	RIG_UNTIL(&r, r.frames == 1);
	bufs_trim(r.lane.bufs, 0);
	CHECK_EQ(atomic_load(&r.budget.used), 0);
	free(p);
	rig_stop(&r);
}

static void pause_after(struct rig *r, struct buf *b, struct mspan frame)
{
	(void)b;
	(void)frame;
	if (r->frames == 3)
		r->x->ops->pause(r->x, true);
}

/* Frames that were read ahead wait; nothing is lost or told twice. */
TEST(tcp_pause_holds_frames_read_ahead)
{
	struct rig r;

	rig_start(&r);
	r.on_frame = pause_after;
	for (int i = 0; i < 10; i++)
		peer_send_frame(&r, 50);
	for (int i = 0; i < 5; i++)
		rig_turn(&r, 10);
	CHECK_EQ(r.frames, 3);
	peer_send_frame(&r, 51);
	r.x->ops->pause(r.x, false);
	RIG_UNTIL(&r, r.frames == 11);
	CHECK_EQ(r.last_len, 51);
	rig_stop(&r);
}

TEST(tcp_paused_connection_is_not_read)
{
	struct rig r;
	size_t sent = 0;

	rig_start(&r);
	r.x->ops->pause(r.x, true);
	rig_turn(&r, 0);
	for (ssize_t n = 0; n >= 0;) { /* until the kernel's buffers are full */
		uint8_t some[4096] = {0};

		n = send(r.peer, some, sizeof(some), MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		rig_turn(&r, 0);
	}
	CHECK(sent > 4096);
	CHECK_EQ(r.frames, 0);
	CHECK_EQ(r.closes, 0);
	CHECK_EQ(atomic_load(&r.budget.used), 0);
	rig_stop(&r);
}

static void close_after(struct rig *r, struct buf *b, struct mspan frame)
{
	(void)b;
	(void)frame;
	if (r->frames == 2)
		r->x->ops->close(r->x);
}

TEST(tcp_no_frame_after_close)
{
	struct rig r;

	rig_start(&r);
	r.on_frame = close_after;
	for (int i = 0; i < 10; i++)
		peer_send_frame(&r, 50);
	RIG_UNTIL(&r, r.closes == 1);
	CHECK_EQ(r.frames, 2);
	CHECK_EQ(r.closed_err, 0);
	rig_stop(&r);
	CHECK_EQ(r.closes, 1);
}

TEST(tcp_share_of_a_turn_is_64_frames)
{
	struct rig r;
	unsigned seen = 0;

	rig_start(&r);
	for (int i = 0; i < 200; i++)
		peer_send_frame(&r, 20);
	for (int i = 0; i < 20 && r.frames < 200; i++) {
		rig_turn(&r, RIG_WAIT_MS);
		CHECK(r.frames - seen <= TCP_TURN_FRAMES);
		CHECK(r.frames > seen);
		seen = r.frames;
	}
	CHECK_EQ(r.frames, 200);
	rig_stop(&r);
}

static void rest_after(struct rig *r, struct buf *b, struct mspan frame)
{
	(void)b;
	(void)frame;
	if (r->frames % 3 == 0)
		r->x->ops->rest(r->x);
}

TEST(tcp_what_rests_goes_on_in_the_next_turn)
{
	struct rig r;

	rig_start(&r);
	r.on_frame = rest_after;
	for (int i = 0; i < 8; i++)
		peer_send_frame(&r, 20);
	for (unsigned want = 3; want <= 6; want += 3) {
		rig_turn(&r, RIG_WAIT_MS);
		CHECK_EQ(r.frames, want);
	}
	rig_turn(&r, RIG_WAIT_MS);
	CHECK_EQ(r.frames, 8);
	rig_stop(&r);
}

/* ... and what would not fit into it is begun later, when the buffer of what came before is free again. */
TEST(tcp_large_frames_share_one_buffer)
{
	enum { LEN = TCP_TURN_BYTES, COUNT = 8 };
	struct rig r;
	uint8_t *p = peer_frame(LEN);

	rig_start(&r);
	r.on_frame = check_pattern;
	r.keep_frames = true;
	r.on_turn_end = rig_drop_frames;
	r.x->ops->frame_max(r.x, LEN);
	for (int i = 0; i < COUNT; i++)
		peer_send_all(&r, p, 4 + LEN);
	RIG_UNTIL(&r, r.frames == COUNT);
	CHECK_EQ(atomic_load(&r.budget.used), LEN); /* the cached one counts */
	free(p);
	rig_stop(&r);
}

TEST(tcp_share_of_a_turn_is_a_mebibyte)
{
	struct rig r;
	int size = 8 << 20;
	uint8_t *p = peer_frame(6 << 20);
	size_t left = 4 + (6 << 20), sent = 0;
	unsigned turns = 0;

	rig_start(&r);
	r.x->ops->frame_max(r.x, 8 << 20);
	setsockopt(r.peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (r.frames == 0) {
		ssize_t n = send(r.peer, p + sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
			left -= (size_t)n;
		}
		rig_turn(&r, 10);
		turns++;
	}
	CHECK(turns >= 6);
	free(p);
	rig_stop(&r);
}

/* At memory_max a connection waits for a buffer, is not dropped, and
 * goes on when there is one. */
TEST(tcp_waits_for_memory)
{
	struct rig r;

	rig_init(&r, 1 << 20);
	rig_open_with(&r, rig_opened);
	r.keep_frames = true;
	for (int i = 0; i < 40; i++) {
		uint8_t *p = peer_frame(50000);

		peer_send_all(&r, p, 50004);
		free(p);
	}
	for (int i = 0; i < 20; i++) {
		rig_pass(&r, 100);
		rig_turn(&r, 0);
	}
	CHECK(r.frames > 5 && r.frames < 40);
	CHECK(atomic_load(&r.budget.used) <= r.budget.max);
	while (r.frames < 40) {
		unsigned before = r.frames;

		rig_drop_frames(&r);
		for (int i = 0; i < 5; i++) {
			rig_pass(&r, 100);
			rig_turn(&r, 10);
		}
		CHECK(r.frames > before);
	}
	CHECK_EQ(r.bytes, 40 * 50000);
	CHECK_EQ(r.closes, 0);
	rig_stop(&r);
}

/* A small frame (CANCEL, a break acknowledgement) passes while others hold all memory. */
TEST(tcp_small_frames_have_a_reserve)
{
	struct rig r;
	struct buf *hog;

	rig_init(&r, 1 << 20);
	rig_open_with(&r, rig_opened);
	hog = buf_new(r.lane.bufs, 1 << 19);
	r.budget.max = atomic_load(&r.budget.used); /* nothing is left */
	CHECK(hog != NULL);
	r.keep_frames = true;
	peer_send_frame(&r, 72);
	RIG_UNTIL(&r, r.frames == 1);
	peer_send_frame(&r, 20000);
	rig_turn(&r, 100);
	CHECK_EQ(r.frames, 1);
	buf_put(hog);
	rig_pass(&r, 100);
	RIG_UNTIL(&r, r.frames == 2);
	rig_stop(&r);
}

TEST(tcp_end_while_hungry)
{
	struct rig r;
	struct buf *hog;

	rig_init(&r, 1 << 20);
	rig_open_with(&r, rig_opened);
	hog = buf_new(r.lane.bufs, 1 << 19);
	r.budget.max = atomic_load(&r.budget.used);
	peer_send_frame(&r, 20000);
	rig_turn(&r, RIG_WAIT_MS);
	r.x->ops->close(r.x);
	RIG_UNTIL(&r, r.closes == 1);
	rig_pass(&r, 100);
	rig_turn(&r, 0);
	buf_put(hog);
	rig_stop(&r);
}

TEST(tcp_peer_closes)
{
	struct rig r;

	rig_start(&r);
	peer_send_frame(&r, 10);
	shutdown(r.peer, SHUT_WR);
	RIG_UNTIL(&r, r.closes == 1);
	CHECK_EQ(r.frames, 1);
	CHECK_EQ(r.closed_err, 0);
	rig_stop(&r);
	CHECK_EQ(r.closes, 1);
}

TEST(tcp_peer_closes_inside_a_frame)
{
	static const size_t cuts[] = {1, 3, 4, 5, 13};

	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct rig r;
		uint8_t *p = peer_frame(10);

		rig_start(&r);
		peer_send(&r, p, cuts[i]);
		shutdown(r.peer, SHUT_WR);
		RIG_UNTIL(&r, r.closes == 1);
		CHECK_EQ(r.frames, 0);
		CHECK_EQ(r.closed_err, -ECONNRESET);
		free(p);
		rig_stop(&r);
	}
}

static void peer_reset(struct rig *r)
{
	struct linger hard = {.l_onoff = 1};

	setsockopt(r->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(r->peer);
	r->peer = -1;
}

TEST(tcp_peer_resets)
{
	struct rig r;

	rig_start(&r);
	peer_reset(&r);
	RIG_UNTIL(&r, r.closes == 1);
	CHECK_EQ(r.closed_err, -ECONNRESET);
	rig_stop(&r);
	CHECK_EQ(r.closes, 1);
}

TEST(tcp_peer_resets_while_paused)
{
	struct rig r;

	rig_start(&r);
	r.x->ops->pause(r.x, true);
	rig_turn(&r, 0);
	peer_reset(&r);
	RIG_UNTIL(&r, r.closes == 1);
	CHECK_EQ(r.closed_err, -ECONNRESET);
	rig_stop(&r);
}

/* Our end is announced at once; the socket lingers until the peer has read everything. */
TEST(tcp_close_lingers_for_the_peer)
{
	struct rig r;
	char c;

	rig_start(&r);
	r.x->ops->close(r.x);
	r.x->ops->close(r.x);
	rig_turn(&r, 0);
	CHECK_EQ(r.closes, 1);
	CHECK_EQ(admit_count(&r.admit), 1);
	CHECK_EQ(recv(r.peer, &c, 1, 0), 0);
	peer_send_frame(&r, 100); /* goes nowhere */
	rig_turn(&r, RIG_WAIT_MS);
	CHECK_EQ(r.frames, 0);
	close(r.peer);
	r.peer = -1;
	RIG_UNTIL(&r, admit_count(&r.admit) == 0);
	rig_stop(&r);
	CHECK_EQ(r.closes, 1);
}

TEST(tcp_lingering_ends)
{
	struct rig r;

	rig_start(&r);
	r.x->ops->close(r.x);
	rig_turn(&r, 0);
	rig_pass(&r, TCP_LINGER_MS - 100);
	rig_turn(&r, 0);
	CHECK_EQ(admit_count(&r.admit), 1);
	rig_pass(&r, 200);
	rig_turn(&r, 0);
	CHECK_EQ(admit_count(&r.admit), 0);
	CHECK_EQ(r.closed_err, 0);
	rig_stop(&r);
}

/* A peer may not keep a buffer by never ending its frame; one that is merely slow may. */
TEST(tcp_stalled_frame_ends_the_connection)
{
	struct rig r;
	uint8_t *p = peer_frame(60000);

	rig_start(&r);
	peer_send(&r, p, 5000);
	rig_turn(&r, RIG_WAIT_MS);
	for (size_t i = 1; i <= 5; i++) {
		rig_pass(&r, TCP_STALL_MS / 2);
		peer_send(&r, p + 5000 * i, 5000);
		rig_turn(&r, RIG_WAIT_MS);
		rig_pass(&r, TCP_STALL_MS / 2);
		rig_turn(&r, 0);
		CHECK_EQ(r.closes, 0);
	}
	for (int i = 0; i < 3; i++) {
		rig_pass(&r, TCP_STALL_MS);
		rig_turn(&r, 0);
	}
	CHECK_EQ(r.closes, 1);
	CHECK_EQ(r.closed_err, -ETIMEDOUT);
	free(p);
	rig_stop(&r);
}

TEST(tcp_idle_is_not_stalled)
{
	struct rig r;
	uint8_t *p = peer_frame(100);

	rig_start(&r);
	peer_send(&r, p, 50); /* arms the timer */
	rig_turn(&r, RIG_WAIT_MS);
	peer_send(&r, p + 50, 54);
	rig_turn(&r, RIG_WAIT_MS);
	CHECK_EQ(r.frames, 1);
	for (int i = 0; i < 10; i++) {
		rig_pass(&r, TCP_STALL_MS);
		rig_turn(&r, 0);
	}
	CHECK_EQ(r.closes, 0);
	/* A frame that just began when the timer looks is given its own time. */
	peer_send(&r, p, 50);
	rig_turn(&r, RIG_WAIT_MS);
	rig_pass(&r, TCP_STALL_MS / 2);
	rig_turn(&r, 0);
	CHECK_EQ(r.closes, 0);
	free(p);
	rig_stop(&r);
}

static void *refuse(struct lane *l, struct xport *x, void *arg)
{
	(void)l;
	(void)arg;
	(void)x;
	return NULL;
}

TEST(tcp_refused_by_the_factory)
{
	struct rig r;
	char c;

	rig_init(&r, RIG_BUDGET);
	rig_open_with(&r, refuse);
	rig_turn(&r, 0);
	CHECK_EQ(admit_count(&r.admit), 0);
	CHECK_EQ(recv(r.peer, &c, 1, 0), 0);
	CHECK_EQ(r.closes, 0);
	rig_stop(&r);
}

TEST(tcp_closing_set_refuses)
{
	struct rig r;
	char c;

	rig_init(&r, RIG_BUDGET);
	tcp_set_close(&r.set);
	rig_open_with(&r, rig_opened);
	CHECK(!r.x);
	CHECK_EQ(admit_count(&r.admit), 0);
	CHECK_EQ(recv(r.peer, &c, 1, 0), 0);
	rig_stop(&r);
}

TEST(tcp_names_both_ends)
{
	struct rig r;

	rig_start(&r);
	CHECK_EQ(strncmp(r.x->ops->peer(r.x), "127.0.0.1:", 10), 0);
	CHECK_EQ(strncmp(r.x->ops->local(r.x), "127.0.0.1:", 10), 0);
	CHECK(strcmp(r.x->ops->peer(r.x), r.x->ops->local(r.x)) != 0);
	rig_stop(&r);
}

TEST_MAIN()
