/* test_send.c - what goes into one transport message: pieces of files go alone and unprotected, or not at all. */
#include "smb/send.h"
#include "test.h"

#include <errno.h>

struct piece {
	struct seg_file seg;
	int freed;
};

static void piece_free(struct seg_file *f)
{
	container_of(f, struct piece, seg)->freed++;
}

static const struct seg_file_ops piece_ops = {.free = piece_free};

struct fix {
	struct buf_budget budget;
	struct bufs *bufs;
	struct smb_lane lane;
	struct conn conn;
	struct out *out;
	struct piece piece;
};

static void fix_init(struct fix *f)
{
	*f = (struct fix){.budget.max = 1 << 20, .piece.seg.ops = &piece_ops};
	atomic_init(&f->piece.seg.refs, 1);
	stock_init(&f->lane.outs, sizeof(struct out), 4);
	f->conn.lane = &f->lane;
	f->bufs = bufs_new(&f->budget);
	f->out = out_new(&f->conn);
	assert_non_null(f->bufs);
	assert_non_null(f->out);
}

static void fix_fini(struct fix *f)
{
	out_free(f->out);
	stock_fini(&f->lane.outs);
	CHECK_EQ(f->conn.memory, 0);
	CHECK_EQ(bufs_free(f->bufs), 0);
}

/* As the request hands it over: accounted for. */
static int append(struct fix *f, bool piece, struct sign_key *sign)
{
	struct out_message m = {.buf = buf_new(f->bufs, 4096), .len = 80, .sign = sign};

	assert_non_null(m.buf);
	if (piece) {
		m.piece = &f->piece.seg;
		m.piece_len = 1000;
	}
	conn_memory(&f->conn, (int64_t)(m.buf->cap + m.piece_len));
	return out_append(f->out, &m);
}

TEST(a_piece_goes_alone)
{
	struct fix f;

	fix_init(&f);
	CHECK_EQ(append(&f, true, NULL), 0);
	CHECK_EQ(f.out->len, 1080);
	CHECK_EQ(f.conn.memory, 4096 + 1000);
	CHECK_EQ(append(&f, false, NULL), -EIO);
	CHECK_EQ(f.out->count, 1);
	CHECK_EQ(f.piece.freed, 0);
	fix_fini(&f);
	CHECK_EQ(f.piece.freed, 1);
}

TEST(nothing_stands_before_a_piece)
{
	struct fix f;

	fix_init(&f);
	CHECK_EQ(append(&f, false, NULL), 0);
	CHECK_EQ(append(&f, true, NULL), -EIO);
	CHECK_EQ(f.piece.freed, 1);
	fix_fini(&f);
}

TEST(a_piece_is_not_signed)
{
	struct sign_key *key = (struct sign_key *)&key; /* not looked at */
	struct fix f;

	fix_init(&f);
	CHECK_EQ(append(&f, true, key), -EIO);
	CHECK_EQ(f.piece.freed, 1);
	CHECK_EQ(append(&f, false, key), 0);
	fix_fini(&f);
}

TEST(a_piece_is_not_sealed)
{
	struct fix f;

	fix_init(&f);
	f.out->sealed = true;
	CHECK_EQ(append(&f, true, NULL), -EIO);
	CHECK_EQ(f.piece.freed, 1);
	CHECK_EQ(append(&f, false, NULL), 0);
	fix_fini(&f);
}

/* ---- the share of a turn ------------------------------------------------------------------------ */

/* A transport that counts how often it is told to rest. */
struct idler {
	struct xport x;
	int rests;
};

static void idler_rest(struct xport *x)
{
	container_of(x, struct idler, x)->rests++;
}

TEST(answers_of_64_kib_end_the_turn)
{
	static const struct xport_ops ops = {.rest = idler_rest};
	struct idler i = {.x.ops = &ops};
	struct fix f;

	fix_init(&f);
	conn_turn_answer(&f.conn, 1, 1 << 20); /* the transport has gone */
	f.conn.xport = &i.x;
	conn_turn_answer(&f.conn, 2, 40000);
	conn_turn_answer(&f.conn, 3, 40000); /* another turn */
	CHECK_EQ(i.rests, 0);
	conn_turn_answer(&f.conn, 3, 65536 - 40000);
	CHECK_EQ(i.rests, 1);
	conn_turn_answer(&f.conn, 3, 1);
	CHECK_EQ(i.rests, 2);
	conn_turn_answer(&f.conn, 4, 65535);
	CHECK_EQ(i.rests, 2);
	f.conn.xport = NULL;
	fix_fini(&f);
}

/* ---- what is sealed already ----------------------------------------------------------------------- */

TEST(what_is_sealed_already_goes_alone)
{
	struct sign_key *key = (struct sign_key *)&key; /* not looked at */
	struct fix f;

	fix_init(&f);
	f.out->ready = true;
	CHECK_EQ(append(&f, false, NULL), -EIO); /* where nobody wants it sealed */
	f.out->sealed = true;
	CHECK_EQ(append(&f, false, key), -EIO);
	CHECK_EQ(append(&f, true, NULL), -EIO);
	CHECK_EQ(append(&f, false, NULL), 0);
	CHECK_EQ(append(&f, false, NULL), -EIO); /* nothing behind it */
	CHECK_EQ(f.out->count, 1);
	fix_fini(&f);
}

TEST(nothing_stands_before_what_is_sealed_already)
{
	struct fix f;

	fix_init(&f);
	f.out->sealed = true;
	CHECK_EQ(append(&f, false, NULL), 0);
	f.out->ready = true;
	CHECK_EQ(append(&f, false, NULL), -EIO);
	fix_fini(&f);
}

TEST_MAIN()
