/*
 * The client that other tests are made of: what it sends and believes of oplocks, leases, breaks and bound channels.
 * The rest of it is tested by what is built on it.
 */
#include "test.h"

#include "client/contexts.h"
#include "net/clock.h"

#include <stdlib.h>

#define KEY     "0123456789abcdef"
#define FILE_ID 0x1122334455667788u, 0x99AABBCCDDEEFF00u

enum { TREE = 7, SESSION = 0x400000000019, FIRST_ID = 5 };

/* A client whose logon is over, as far as it knows. */
struct box {
	struct clock clock;
	struct client *client;
	struct client_break last;
	size_t breaks, answers;
};

static void broke(void *arg, const struct client_break *b)
{
	struct box *x = arg;

	x->last = *b;
	x->breaks++;
}

static void got(void *arg, const struct client_answer *a)
{
	((struct box *)arg)->answers++;
}

static const struct client_settings settings = {
	.logon = {.user = "alice", .domain = "WORKGROUP", .password = "secret"},
	.host = "server",
	.dialects = {SMB2_DIALECT_311},
	.dialect_count = 1,
};

static void session_ready(struct client_session *s, uint64_t id)
{
	static const uint8_t key[SIGN_KEY_LEN] = "a signing key...";

	s->id = id;
	s->ready = true;
	s->sign = sign_key_new(SIGN_AES_CMAC, key);
	s->protect = CLIENT_PLAIN;
}

static void box_open(struct box *x, client_broke fn)
{
	struct client_settings s = settings;

	memset(x, 0, sizeof(*x));
	clock_init(&x->clock);
	s.env = &x->clock.env;
	s.broke = fn;
	x->client = client_new(&s);
	x->client->dialect = SMB2_DIALECT_311;
	x->client->sign_alg = SIGN_AES_CMAC;
	x->client->credits = 100;
	x->client->next_id = FIRST_ID;
	session_ready(x->client->session, SESSION);
}

/* The body of the one message of a frame. */
static struct rd body(struct span frame)
{
	struct rd r = rd_of(span_from(frame, 4));

	rd_skip(&r, SMB2_HEADER_LEN);
	return r;
}

static struct smb2_header header(struct span frame)
{
	struct rd r = rd_of(span_from(frame, 4));

	return rd_smb2_header(&r);
}

/* ---- create contexts ------------------------------------------------------------------------------------- */

/* Both versions, by [MS-SMB2] 2.2.13.2.8 and 2.2.13.2.10 */
TEST(client_asks_for_leases)
{
	struct client_lease l = {.key = {1, 2, 3}, .state = SMB2_LEASE_ALL, .epoch = 9};
	uint8_t room[256];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));

	context_lease(&w, &l);
	CHECK_SPAN(wr_done(&w),
		   BYTES(0, 0, 0, 0, 16, 0, 4, 0, 0, 0, 24, 0, 32, 0, 0, 0, 'R', 'q', 'L',
			 's', 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	l.v2 = true;
	l.flags = SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET;
	l.parent_key[15] = 0xEE;
	w = wr_of(mspan_of(room, sizeof(room)));
	context_disk_id(&w);
	context_lease(&w, &l);
	CHECK_SPAN(span_head(wr_done(&w), 40),
		   BYTES(24, 0, 0, 0, 16, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'Q', 'F', 'i',
			 'd', 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 4, 0, 0, 0, 24, 0, 52, 0, 0,
			 0));
	CHECK_SPAN(span_from(wr_done(&w), 24 + 24 + 16),
		   BYTES(7, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xEE, 9, 0, 0, 0));
}

/* What was asked for in the form of an answer: the forms are the same. */
static struct answer_create granted(struct wr *w, uint32_t state, bool v2)
{
	struct client_lease l = {.key = KEY, .state = state, .v2 = v2, .epoch = 3};

	context_disk_id(w);
	context_lease(w, &l);
	return (struct answer_create){.oplock = SMB2_OPLOCK_LEVEL_LEASE,
				      .contexts = wr_done(w)};
}

TEST(client_reads_a_lease_of_either_version)
{
	for (int v2 = 0; v2 < 2; v2++) {
		uint8_t room[256];
		struct wr w = wr_of(mspan_of(room, sizeof(room)));
		struct answer_create a = granted(&w, SMB2_LEASE_READ_CACHING, v2);
		struct client_lease l;

		CHECK(contexts_check(&a) == NULL);
		CHECK(answer_lease(&a, &l));
		CHECK_EQ(l.v2, v2);
		CHECK_EQ(l.state, SMB2_LEASE_READ_CACHING);
		CHECK_EQ(l.epoch, v2 ? 3 : 0);
		CHECK_MEM(l.key, KEY, SMB2_LEASE_KEY_LEN);
	}
}

/* There is no length at which a part passes for the whole. */
TEST(client_refuses_contexts_cut_short)
{
	uint8_t room[256];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct answer_create whole = granted(&w, SMB2_LEASE_ALL, true);

	for (size_t len = 0; len < whole.contexts.len; len++) {
		struct answer_create a = whole;
		struct client_lease l;

		a.contexts.len = len;
		CHECK(contexts_check(&a) != NULL);
		CHECK(!answer_lease(&a, &l));
	}
}

TEST(client_refuses_a_lease_that_cannot_be)
{
	uint8_t room[256];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct answer_create a = granted(&w, 0x8, false);
	struct client_lease l;

	CHECK_STR(contexts_check(&a), "malformed lease");
	w = wr_of(mspan_of(room, sizeof(room)));
	a = granted(&w, SMB2_LEASE_ALL, false);
	context_lease(&w, &(struct client_lease){.state = 1});
	a.contexts = wr_done(&w);
	CHECK(!answer_lease(&a, &l)); /* two of them */
	a.contexts = span_of(NULL, 0);
	CHECK_STR(contexts_check(&a), "OplockLevel says lease, and there is none");
	a.oplock = 0x02;
	CHECK_STR(contexts_check(&a), "no such OplockLevel");
}

/* ---- breaks ---------------------------------------------------------------------------------------------- */

static struct mspan break_frame(uint8_t *room, size_t len, const struct smb2_header *h,
				struct span body)
{
	struct wr w = wr_of(mspan_of(room, len));

	wr_smb2_header(&w, h);
	wr_bytes(&w, body);
	CHECK(wr_ok(&w));
	return mspan_of(room, wr_pos(&w));
}

static struct smb2_header break_header(void)
{
	return (struct smb2_header){
		.command = SMB2_OPLOCK_BREAK,
		.flags = SMB2_FLAGS_SERVER_TO_REDIR,
		.message_id = CLIENT_UNSOLICITED,
	};
}

static int receive_break(struct box *x, const struct smb2_header *h, struct span body)
{
	uint8_t room[256];

	return client_receive(x->client, break_frame(room, sizeof(room), h, body), got,
			      x);
}

static const uint8_t oplock_break[24] = {
	24, 0, SMB2_OPLOCK_LEVEL_II, 0, 0, 0, 0, 0, 0xA1, 0, 0, 0, 0, 0, 0, 0, 0xB2};
/* RWH to RH */
static const uint8_t lease_break[44] = {
	44,  0,   4,   0,   1,   0,   0,   0,   '0', '1', '2', '3', '4', '5', '6',
	'7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 7,   0,   0,   0,   3,
};

TEST(client_takes_both_kinds_of_breaks)
{
	struct smb2_header h = break_header();
	struct box x;

	box_open(&x, broke);
	h.session_id = SESSION;
	CHECK_EQ(receive_break(&x, &h, span_of(oplock_break, sizeof(oplock_break))), 0);
	CHECK(!x.last.lease);
	CHECK_EQ(x.last.level, SMB2_OPLOCK_LEVEL_II);
	CHECK_EQ(x.last.id.persistent_id, 0xA1);
	CHECK_EQ(x.last.id.volatile_id, 0xB2);
	h.session_id = 0;
	CHECK_EQ(receive_break(&x, &h, span_of(lease_break, sizeof(lease_break))), 0);
	CHECK(x.last.lease && x.last.must_acknowledge);
	CHECK_EQ(x.last.from, SMB2_LEASE_ALL);
	CHECK_EQ(x.last.to, 3);
	CHECK_EQ(x.last.epoch, 4);
	CHECK_MEM(x.last.key, KEY, SMB2_LEASE_KEY_LEN);
	CHECK_EQ(x.breaks, 2);
	CHECK_EQ(x.answers, 0);
	CHECK_EQ(x.client->credits, 100); /* it is no answer: nothing was spent on it */
	client_free(x.client);
}

/* A break sealed in the session of that id, by the key of ours. */
static int receive_sealed(struct box *x, uint64_t session_id)
{
	static const uint8_t key[16] = "an encryption k.", tail[SEAL_NONCE_TAIL_LEN];
	struct seal_tx *tx = seal_tx_new(SEAL_AES_128_GCM, span_of(key, sizeof(key)),
					 tail);
	struct smb2_header h = break_header();
	uint8_t room[256];
	struct mspan m = break_frame(room + SEAL_HEADER_LEN, 128, &h,
				     span_of(lease_break, sizeof(lease_break)));
	int err;

	m = mspan_of(room, m.len + SEAL_HEADER_LEN);
	x->client->session->open = seal_key_new(SEAL_AES_128_GCM,
						span_of(key, sizeof(key)));
	CHECK_EQ(seal_message(tx, session_id, m), 0);
	seal_tx_free(tx);
	err = client_receive(x->client, m, got, x);
	seal_key_free(TAKE(x->client->session->open));
	return err;
}

TEST(client_takes_breaks_sealed_in_a_session_of_its_own)
{
	struct box x;

	box_open(&x, broke);
	CHECK_EQ(receive_sealed(&x, SESSION), 0);
	CHECK(x.last.sealed && x.last.lease);
	CHECK(receive_sealed(&x, SESSION + 1) < 0);
	CHECK_EQ(x.breaks, 1);
	client_free(x.client);
}

TEST(client_refuses_plain_breaks_where_all_is_encrypted)
{
	struct smb2_header h = break_header();
	struct box x;

	box_open(&x, broke);
	x.client->session->flags = SMB2_SESSION_FLAG_ENCRYPT_DATA;
	CHECK(receive_break(&x, &h, span_of(lease_break, sizeof(lease_break))) < 0);
	client_session_add(x.client, &settings.logon);
	CHECK_EQ(receive_break(&x, &h, span_of(lease_break, sizeof(lease_break))), 0);
	h.session_id = SESSION;
	CHECK(receive_break(&x, &h, span_of(lease_break, sizeof(lease_break))) < 0);
	client_free(x.client);
}

TEST(client_refuses_breaks_of_what_nobody_asked_for)
{
	struct smb2_header h = break_header();
	struct box x;

	box_open(&x, NULL);
	CHECK(receive_break(&x, &h, span_of(lease_break, sizeof(lease_break))) < 0);
	client_free(x.client);
}

static void check_header_refused(void (*change)(struct smb2_header *h))
{
	struct smb2_header h = break_header();
	struct box x;

	box_open(&x, broke);
	change(&h);
	CHECK(receive_break(&x, &h, span_of(lease_break, sizeof(lease_break))) < 0);
	CHECK_EQ(x.breaks, 0);
	client_free(x.client);
}

static void with_status(struct smb2_header *h)
{
	h->status = STATUS_PENDING.v;
}

static void with_credits(struct smb2_header *h)
{
	h->credits = 1;
}

static void with_signature(struct smb2_header *h)
{
	h->flags |= SMB2_FLAGS_SIGNED;
}

static void with_tree(struct smb2_header *h)
{
	h->tree_id = TREE;
}

static void of_a_stranger(struct smb2_header *h)
{
	h->session_id = SESSION + 1;
}

static void as_a_request(struct smb2_header *h)
{
	h->flags = 0;
}

TEST(client_refuses_breaks_whose_header_is_not_theirs)
{
	check_header_refused(with_status);
	check_header_refused(with_credits);
	check_header_refused(with_signature);
	check_header_refused(with_tree);
	check_header_refused(of_a_stranger);
	check_header_refused(as_a_request);
}

/* One byte changed, and the break cannot be. */
TEST(client_refuses_breaks_that_cannot_be)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{0, 36},  /* StructureSize of an acknowledgement */
		{4, 3},   /* Flags */
		{24, 15}, /* CurrentLeaseState */
		{28, 7},  /* NewLeaseState: the same */
		{28, 8},  /* unknown */
		{28, 6},  /* WH */
		{24, 1},  /* from R to RH */
	};

	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct smb2_header h = break_header();
		uint8_t b[sizeof(lease_break)];
		struct box x;

		memcpy(b, lease_break, sizeof(b));
		b[changes[i].at] = changes[i].value;
		box_open(&x, broke);
		CHECK(receive_break(&x, &h, span_of(b, sizeof(b))) < 0);
		client_free(x.client);
	}
}

TEST(client_refuses_breaks_cut_short)
{
	for (size_t len = 0; len < sizeof(lease_break); len++) {
		struct client_break b = {0};
		uint8_t room[256];
		struct smb2_header h = break_header();
		struct mspan m = break_frame(room, sizeof(room), &h,
					     span_of(lease_break, len));

		CHECK(!answer_break(span_of_m(m), &b));
	}
}

TEST(client_refuses_an_oplock_broken_to_batch)
{
	uint8_t b[sizeof(oplock_break)];
	struct smb2_header h = break_header();
	struct box x;

	memcpy(b, oplock_break, sizeof(b));
	b[2] = SMB2_OPLOCK_LEVEL_BATCH;
	box_open(&x, broke);
	CHECK(receive_break(&x, &h, span_of(b, sizeof(b))) < 0);
	client_free(x.client);
}

/* ---- acknowledgements ------------------------------------------------------------------------------------- */

TEST(client_acknowledges_an_oplock)
{
	struct box x;
	struct span frame;
	struct rd r;

	box_open(&x, broke);
	client_begin(x.client);
	CHECK_EQ(client_oplock_ack(x.client, TREE, (struct client_file){FILE_ID},
				   SMB2_OPLOCK_LEVEL_II),
		 FIRST_ID);
	frame = client_end(x.client);
	CHECK_EQ(header(frame).command, SMB2_OPLOCK_BREAK);
	CHECK_EQ(header(frame).tree_id, TREE);
	r = body(frame);
	CHECK_SPAN(rd_rest(&r),
		   BYTES(24, 0, 1, 0, 0, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
			 0x22, 0x11, 0x00, 0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99));
	client_free(x.client);
}

TEST(client_acknowledges_a_lease)
{
	struct box x;
	struct rd r;

	box_open(&x, broke);
	client_begin(x.client);
	(void)client_lease_ack(x.client, TREE, (const uint8_t *)KEY,
			       SMB2_LEASE_READ_CACHING);
	r = body(client_end(x.client));
	CHECK_SPAN(rd_rest(&r), BYTES(36, 0, 0, 0, 0, 0, 0, 0, '0', '1', '2', '3', '4',
				      '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e',
				      'f', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	client_free(x.client);
}

/* What an acknowledgement is answered, by the request's own bytes: request and response have one form. */
TEST(client_reads_the_answers_to_acknowledgements)
{
	uint8_t message[128] = {0}, key[SMB2_LEASE_KEY_LEN], level;
	struct client_answer a = {
		.command = SMB2_OPLOCK_BREAK,
		.message = span_of(message, SMB2_HEADER_LEN + 24),
	};
	uint32_t kept;

	memcpy(message + SMB2_HEADER_LEN, oplock_break, sizeof(oplock_break));
	CHECK(answer_check(&a) == NULL);
	CHECK(answer_oplock_ack(&a, &level));
	CHECK_EQ(level, SMB2_OPLOCK_LEVEL_II);
	CHECK(!answer_lease_ack(&a, key, &kept));
	message[SMB2_HEADER_LEN] = 36;
	CHECK(answer_check(&a) != NULL); /* too short for a lease's */
	memcpy(message + SMB2_HEADER_LEN + 8, KEY, sizeof(key));
	message[SMB2_HEADER_LEN + 24] = SMB2_LEASE_READ_CACHING;
	a.message.len = SMB2_HEADER_LEN + 36;
	CHECK(answer_check(&a) == NULL);
	CHECK(answer_lease_ack(&a, key, &kept));
	CHECK_EQ(kept, SMB2_LEASE_READ_CACHING);
	CHECK_MEM(key, KEY, sizeof(key));
}

/* ---- sessions --------------------------------------------------------------------------------------------- */

TEST(client_sends_in_the_session_that_was_chosen)
{
	struct client_session *first, *second;
	struct box x;

	box_open(&x, NULL);
	first = x.client->session;
	second = client_session_add(x.client, &settings.logon);
	session_ready(second, SESSION + 1);
	client_begin(x.client);
	client_echo(x.client);
	CHECK_EQ(header(client_end(x.client)).session_id, SESSION + 1);
	x.client->session = first;
	client_begin(x.client);
	client_echo(x.client);
	CHECK_EQ(header(client_end(x.client)).session_id, SESSION);
	client_free(x.client);
}

/* The way to a channel is signed with the session's key and says what it is. [MS-SMB2] 3.2.4.2.3 */
TEST(client_binds_with_the_key_of_the_session)
{
	struct box one, two;
	struct span frame;
	struct rd r;

	box_open(&one, NULL);
	box_open(&two, NULL);
	client_session_bind(two.client, one.client->session);
	client_begin(two.client);
	client_session_setup(two.client);
	frame = client_end(two.client);
	CHECK_EQ(header(frame).session_id, SESSION);
	CHECK_ST(sign_verify(one.client->session->sign, span_from(frame, 4)),
		 STATUS_SUCCESS);
	r = body(frame);
	CHECK_EQ(rd_u16(&r), 25);
	CHECK_EQ(rd_u8(&r), SMB2_SESSION_FLAG_BINDING);
	client_free(two.client);
	client_free(one.client);
}

TEST(client_protects_exactly_as_told)
{
	struct box x;

	box_open(&x, NULL);
	client_begin_as(x.client, CLIENT_PLAIN);
	client_tree_connect(x.client, "share");
	CHECK_EQ(header(client_end(x.client)).flags & SMB2_FLAGS_SIGNED, 0);
	client_begin(x.client); /* 3.1.1 signs this one, whatever else is plain */
	client_tree_connect(x.client, "share");
	CHECK_EQ(header(client_end(x.client)).flags & SMB2_FLAGS_SIGNED,
		 SMB2_FLAGS_SIGNED);
	client_free(x.client);
}

/* ---- signed answers ---------------------------------------------------------------------------------------- */

/* Ask for an ECHO, and be answered with a signature that is right or not. */
static int echo_signed(struct client *c, struct box *x, bool right)
{
	struct smb2_header h = {
		.command = SMB2_ECHO,
		.flags = SMB2_FLAGS_SERVER_TO_REDIR,
		.session_id = c->session->id,
		.credits = 1,
	};
	uint8_t room[SMB2_HEADER_LEN + 4];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct sign_item item = {.key = c->session->sign,
				 .msg = mspan_of(room, sizeof(room))};

	client_begin_as(c, CLIENT_SIGNED);
	h.message_id = client_echo(c);
	client_end(c);
	wr_smb2_header(&w, &h);
	wr_u16(&w, 4);
	wr_u16(&w, 0);
	sign_batch(&item, 1);
	CHECK_EQ(item.err, 0);
	if (!right)
		room[SMB2_OFF_SIGNATURE] ^= 1;
	return client_receive(c, item.msg, got, x);
}

TEST(client_verifies_every_signature_unless_told_otherwise)
{
	struct box x;

	box_open(&x, NULL);
	CHECK_EQ(echo_signed(x.client, &x, true), 0);
	CHECK(echo_signed(x.client, &x, false) < 0);
	CHECK_EQ(x.answers, 1);
	client_free(x.client);
}

TEST(client_verifies_one_signature_in_so_many)
{
	struct box x;

	box_open(&x, NULL);
	x.client->settings.verify_every = 3;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(echo_signed(x.client, &x, false), 0);
		CHECK_EQ(echo_signed(x.client, &x, false), 0);
		CHECK_EQ(echo_signed(x.client, &x, true), 0);
	}
	CHECK_EQ(echo_signed(x.client, &x, true), 0);
	CHECK_EQ(echo_signed(x.client, &x, true), 0);
	CHECK(echo_signed(x.client, &x, false) < 0);
	client_free(x.client);
}

/* Two that assume the same understand each other. */
TEST(client_assumes_a_session_with_known_keys)
{
	struct client_settings s = settings;
	struct clock clock;
	struct client *c;
	struct box x = {.answers = 0};

	clock_init(&clock);
	s.env = &clock.env;
	s.signings[0] = SIGN_AES_GMAC;
	s.signing_count = 1;
	s.ciphers[0] = SEAL_AES_128_GCM;
	s.cipher_count = 1;
	s.protect = CLIENT_SEALED;
	c = client_new(&s);
	client_assume(c);
	CHECK_EQ(echo_signed(c, &x, true), 0);
	CHECK(echo_signed(c, &x, false) < 0);
	client_begin(c);
	client_echo(c);
	CHECK_EQ(client_end(c).len, 4 + SEAL_HEADER_LEN + SMB2_HEADER_LEN + 4);
	client_trim(c);
	client_begin(c);
	client_echo(c);
	CHECK_EQ(client_end(c).len, 4 + SEAL_HEADER_LEN + SMB2_HEADER_LEN + 4);
	client_free(c);
}

TEST(client_renames_from_the_root)
{
	struct box x;
	struct rd r;

	box_open(&x, NULL);
	client_begin(x.client);
	client_rename(x.client, TREE, (struct client_file){FILE_ID}, "b", true);
	r = body(client_end(x.client));
	rd_seek(&r, SMB2_HEADER_LEN + 32); /* Buffer of SET_INFO */
	CHECK_SPAN(rd_rest(&r), BYTES(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
				      0, 0, 0, 'b', 0, 0, 0));
	client_free(x.client);
}

TEST_MAIN()
