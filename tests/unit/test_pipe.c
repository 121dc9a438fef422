/* test_pipe.c - the pipe's face to SMB: names, messages, bounds. */
#include "rpc_rig.h"

#include "rpc/dcerpc.h"

TEST(the_three_pipes_open_in_any_spelling)
{
	static const char *const names[][2] = {
		{"srvsvc", "srvsvc"},       {"WKSSVC", "wkssvc"},
		{"\\lsarpc", "lsarpc"},     {"\\PIPE\\SrvSvc", "srvsvc"},
		{"pipe\\wkssvc", "wkssvc"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct pipe *p = NULL;

		CHECK_ST(pipe_open(names[i][0], &p), STATUS_SUCCESS);
		CHECK_STR(pipe_name(p), names[i][1]);
		pipe_free(p);
	}
}

TEST(no_other_name_opens_anything)
{
	static const char *const names[] = {
		"",
		"\\",
		"\\PIPE\\",
		"samr",
		"srvsv",
		"srvsvc2",
		"srvsvc\\",
		"srvsvc/..",
		"./srvsvc",
		"..\\srvsvc",
		"\\\\srvsvc",
		"\\PIPE\\PIPE\\srvsvc",
		"/srvsvc",
		"srvsvc ",
		"\u017frvsvc",
		"lsarpc:stream",
		"\\PIPE\\..\\lsarpc",
		"libsrvsvc.so",
	};
	static char huge[65536];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct pipe *p = NULL;

		CHECK_ST(pipe_open(names[i], &p), STATUS_OBJECT_NAME_NOT_FOUND);
		assert_null(p);
	}
	memset(huge, 's', sizeof(huge) - 1);
	struct pipe *p = NULL;

	CHECK_ST(pipe_open(huge, &p), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST(an_empty_pipe_says_so)
{
	RIG(rig, "srvsvc", "user");
	uint8_t buf[8];
	size_t len = 9;

	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, sizeof(buf)), &len),
		 STATUS_PIPE_EMPTY);
	CHECK_EQ(len, 0);
	CHECK_ST(pipe_write(rig->pipe, &rig->info, span_of(NULL, 0)), STATUS_SUCCESS);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, sizeof(buf)), &len),
		 STATUS_PIPE_EMPTY);
}

/* NetrRemoteTOD on a bound pipe; its answer is 24 + 56 bytes. */
static void ask_time(struct rig *rig)
{
	rig_request(rig, 28, span_of("\0\0\0", 4));
	CHECK_EQ(pipe_waiting(rig->pipe), 80);
}

TEST(short_reads_overflow_until_the_message_ends)
{
	RIG(rig, "srvsvc", "user");
	uint8_t buf[100], whole[80];
	size_t len;

	rig_bind(rig, PDU_FRAG_MAX);
	ask_time(rig);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(whole, 80), &len), STATUS_SUCCESS);
	CHECK_EQ(len, 80);

	ask_time(rig);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(NULL, 0), &len), STATUS_BUFFER_OVERFLOW);
	CHECK_EQ(len, 0);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 79), &len), STATUS_BUFFER_OVERFLOW);
	CHECK_EQ(len, 79);
	CHECK_EQ(pipe_message_left(rig->pipe), 1);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf + 79, 21), &len), STATUS_SUCCESS);
	CHECK_EQ(len, 1);
	CHECK_MEM(buf + 16, whole + 16, 64); /* but for the call_id the same */
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 1), &len), STATUS_PIPE_EMPTY);
}

TEST(a_read_never_runs_into_the_next_message)
{
	RIG(rig, "srvsvc", "user");
	uint8_t buf[500];
	size_t len;

	rig_bind(rig, PDU_FRAG_MAX);
	ask_time(rig);
	rig_request(rig, 28, span_of("\0\0\0", 4));
	CHECK_EQ(pipe_waiting(rig->pipe), 160);
	CHECK_EQ(pipe_message_left(rig->pipe), 80);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, sizeof(buf)), &len), STATUS_SUCCESS);
	CHECK_EQ(len, 80);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, sizeof(buf)), &len), STATUS_SUCCESS);
	CHECK_EQ(len, 80);
}

static struct span time_pdu(uint8_t buf[28], uint32_t call_id)
{
	struct wr w = wr_of(mspan_of(buf, 28));

	rig_header(&w, PDU_REQUEST, RIG_BOTH, 28, 0, call_id);
	wr_u32(&w, 4);
	wr_u16(&w, 0);
	wr_u16(&w, 28);
	wr_u32(&w, 0);
	return wr_done(&w);
}

TEST(transceive_answers_and_refuses_while_an_answer_waits)
{
	RIG(rig, "srvsvc", "user");
	uint8_t pdu[28], buf[100];
	size_t len;

	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_ST(pipe_transceive(rig->pipe, &rig->info, time_pdu(pdu, 5),
				 mspan_of(buf, 60), &len),
		 STATUS_BUFFER_OVERFLOW);
	CHECK_EQ(len, 60);
	CHECK_ST(pipe_transceive(rig->pipe, &rig->info, time_pdu(pdu, 6),
				 mspan_of(buf, 100), &len),
		 STATUS_PIPE_BUSY);
	CHECK_EQ(len, 0);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 100), &len), STATUS_SUCCESS);
	CHECK_EQ(len, 20);
	CHECK_ST(pipe_transceive(rig->pipe, &rig->info, time_pdu(pdu, 6),
				 mspan_of(buf, 100), &len),
		 STATUS_SUCCESS);
	CHECK_EQ(len, 80);
}

static void check_peek(const struct pipe *p, size_t room, nt_status want, uint32_t state,
		       uint32_t waiting, uint32_t messages, uint32_t first)
{
	uint8_t buf[200];
	size_t len;
	struct rd r;

	CHECK_ST(pipe_peek(p, mspan_of(buf, room), &len), want);
	r = rd_of(span_of(buf, len));
	CHECK_EQ(rd_u32(&r), state);
	CHECK_EQ(rd_u32(&r), waiting);
	CHECK_EQ(rd_u32(&r), messages);
	CHECK_EQ(rd_u32(&r), first);
	CHECK(rd_ok(&r));
	CHECK_EQ(rd_left(&r), first < room - 16 ? first : room - 16);
}

TEST(peek_shows_and_takes_nothing)
{
	RIG(rig, "srvsvc", "user");
	uint8_t buf[60];
	size_t len;

	rig_bind(rig, PDU_FRAG_MAX);
	check_peek(rig->pipe, 200, STATUS_SUCCESS, 3, 0, 0, 0);
	ask_time(rig);
	rig_request(rig, 28, span_of("\0\0\0", 4));
	for (int i = 0; i < 2; i++) {
		check_peek(rig->pipe, 200, STATUS_SUCCESS, 3, 160, 2, 80);
		check_peek(rig->pipe, 95, STATUS_BUFFER_OVERFLOW, 3, 160, 2, 80);
		check_peek(rig->pipe, 16, STATUS_BUFFER_OVERFLOW, 3, 160, 2, 80);
	}
	CHECK_ST(pipe_peek(rig->pipe, mspan_of(buf, 15), &len), STATUS_BUFFER_TOO_SMALL);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 60), &len), STATUS_BUFFER_OVERFLOW);
	check_peek(rig->pipe, 200, STATUS_SUCCESS, 3, 100, 2, 20);
}

TEST(peek_tells_that_the_pipe_is_closing)
{
	RIG(rig, "srvsvc", "user");
	uint8_t buf[80] = {0};
	size_t len;

	rig_bind(rig, PDU_FRAG_MAX);
	ask_time(rig);
	CHECK_ST(pipe_write(rig->pipe, &rig->info, span_of(buf, 16)), STATUS_PIPE_BROKEN);
	check_peek(rig->pipe, 200, STATUS_SUCCESS, 4, 80, 1, 80);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 80), &len), STATUS_SUCCESS);
	CHECK_ST(pipe_peek(rig->pipe, mspan_of(buf, 80), &len), STATUS_PIPE_BROKEN);
	CHECK_EQ(len, 0);
}

TEST(transceive_of_half_a_request_leaves_the_pipe_empty)
{
	RIG(rig, "srvsvc", "user");
	uint8_t pdu[28], buf[100];
	struct span whole = time_pdu(pdu, 5);
	size_t len;

	rig_bind(rig, PDU_FRAG_MAX);
	for (size_t cut = 0; cut < whole.len; cut++) {
		CHECK_ST(pipe_transceive(rig->pipe, &rig->info, span_head(whole, cut),
					 mspan_of(buf, 100), &len),
			 STATUS_PIPE_EMPTY);
		CHECK_ST(pipe_transceive(rig->pipe, &rig->info, span_from(whole, cut),
					 mspan_of(buf, 100), &len),
			 STATUS_SUCCESS);
		CHECK_EQ(len, 80);
	}
}

TEST(impossible_fragment_lengths_break_the_pipe)
{
	static const uint16_t lengths[] = {0, 15, PDU_FRAG_MAX + 1, 0xffff};

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		RIG(rig, "srvsvc", "user");
		uint8_t pdu[28], buf[8];
		struct span whole = time_pdu(pdu, 5);
		size_t len;

		pdu[8] = (uint8_t)lengths[i];
		pdu[9] = (uint8_t)(lengths[i] >> 8);
		CHECK_ST(pipe_write(rig->pipe, &rig->info, span_head(whole, 15)),
			 STATUS_SUCCESS);
		CHECK_ST(pipe_write(rig->pipe, &rig->info, span_from(whole, 15)),
			 STATUS_PIPE_BROKEN);
		CHECK_ST(pipe_write(rig->pipe, &rig->info, whole), STATUS_PIPE_BROKEN);
		CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 8), &len),
			 STATUS_PIPE_BROKEN);
		CHECK_ST(pipe_transceive(rig->pipe, &rig->info, whole, mspan_of(buf, 8),
					 &len),
			 STATUS_PIPE_BROKEN);
	}
}

TEST(what_was_answered_before_the_break_can_still_be_read)
{
	RIG(rig, "srvsvc", "user");
	uint8_t buf[100] = {0};
	size_t len;

	rig_bind(rig, PDU_FRAG_MAX);
	ask_time(rig);
	CHECK_ST(pipe_write(rig->pipe, &rig->info, span_of(buf, 16)), STATUS_PIPE_BROKEN);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 100), &len), STATUS_SUCCESS);
	CHECK_EQ(len, 80);
	CHECK_ST(pipe_read(rig->pipe, mspan_of(buf, 100), &len), STATUS_PIPE_BROKEN);
}

TEST(the_largest_fragment_is_taken)
{
	static const uint8_t part[PDU_FRAG_MAX - 24];
	RIG(rig, "srvsvc", "user");

	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(rig_call(rig, 28, span_of(part, sizeof(part))),
		 0); /* the rest is ignored */
}

/* Writes without reads: the pipe gives up once DCERPC_BACKLOG_MAX waits. */
TEST(a_client_that_never_reads_is_cut_off)
{
	RIG(rig, "srvsvc", "user");
	nt_status st = STATUS_SUCCESS;
	uint8_t pdu[28];
	uint32_t calls = 0;

	rig_bind(rig, PDU_FRAG_MAX);
	while (nt_ok(st) && calls < 10000)
		st = pipe_write(rig->pipe, &rig->info, time_pdu(pdu, ++calls));
	CHECK_ST(st, STATUS_PIPE_BROKEN);
	CHECK(pipe_waiting(rig->pipe) > DCERPC_BACKLOG_MAX);
	CHECK(pipe_waiting(rig->pipe) <= DCERPC_BACKLOG_MAX + 80);
}

TEST(one_write_may_hold_many_pdus)
{
	RIG(rig, "srvsvc", "user");
	uint8_t pdus[3 * 28];

	rig_bind(rig, PDU_FRAG_MAX);
	for (uint32_t i = 0; i < 3; i++)
		time_pdu(pdus + 28 * i, i + 1);
	CHECK_ST(pipe_write(rig->pipe, &rig->info, span_of(pdus, sizeof(pdus))),
		 STATUS_SUCCESS);
	CHECK_EQ(pipe_waiting(rig->pipe), 3 * 80);
	for (rig->call_id = 1; rig->call_id <= 3; rig->call_id++)
		CHECK_EQ(rig_response(rig), 0);
}

TEST_MAIN()
