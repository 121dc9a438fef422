/*
 * test_rpc_calls.c - every operation of srvsvc, wkssvc and lsarpc against what impacket marshals for the same values:
 *                    tests/vectors/rpc/calls.txt.
 */
#include "rpc_rig.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEX_MAX = 16384, WILD = -1 };

struct vector {
	char pipe[16], who[16], name[64];
	unsigned opnum;
	char request[HEX_MAX], response[HEX_MAX];
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of the text, WILD for "??". */
static size_t unhex(const char *hex, int ret_bytes[HEX_MAX / 2])
{
	size_t len = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		if (hex[0] == '?')
			ret_bytes[len++] = WILD;
		else
			ret_bytes[len++] = hex_digit(hex[0]) << 4 | hex_digit(hex[1]);
	}
	return len;
}

static size_t vector_stub(const struct vector *v, uint8_t ret_stub[HEX_MAX / 2])
{
	static int bytes[HEX_MAX / 2];
	size_t len = unhex(v->request, bytes);

	for (size_t i = 0; i < len; i++)
		ret_stub[i] = (uint8_t)bytes[i];
	return len;
}

static void for_each_vector(void (*fn)(const struct vector *v))
{
	static struct vector v;
	static char line[3 * HEX_MAX], path[512];
	size_t count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/rpc/calls.txt", getenv("TSMB_VECTORS"));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		CHECK_EQ(sscanf(line, "%15s %15s %63s %u %16383s %16383s", v.pipe, v.who,
				v.name, &v.opnum, v.request, v.response),
			 6);
		fn(&v);
		count++;
	}
	fclose(f);
	CHECK(count > 100);
}

/* A bound pipe on which the vector's call can be made. */
static struct rig *vector_rig(const struct vector *v)
{
	struct rig *rig = rig_new(v->pipe, v->who);

	rig_bind(rig, PDU_FRAG_MAX);
	if (v->name[0] == '+')
		rig_open_policy(rig);
	return rig;
}

static void check_answer(const struct vector *v, struct rig *rig, uint32_t fault)
{
	static int want[HEX_MAX / 2];
	bool is_fault = strncmp(v->response, "fault:", 6) == 0;
	unsigned long want_fault = is_fault ? strtoul(v->response + 6, NULL, 16) : 0;
	size_t len = is_fault ? 0 : unhex(v->response, want);

	if (fault != want_fault || (fault == 0 && rig->in_len != len))
		fail_msg("%s: fault %08x for %08lx, %zu bytes for %zu", v->name, fault,
			 want_fault, rig->in_len, len);
	for (size_t i = 0; i < len; i++) {
		if (want[i] != WILD && rig->in[i] != want[i])
			fail_msg("%s: byte %zu is %02x, not %02x", v->name, i, rig->in[i],
				 (unsigned)want[i]);
		if (want[i] == WILD && i % 4 == 0)
			CHECK(rig->in[i] | rig->in[i + 1] | rig->in[i + 2] |
			      rig->in[i + 3]);
	}
}

static void check_whole(const struct vector *v)
{
	static uint8_t stub[HEX_MAX / 2];
	CLEANUP(rig_freep) struct rig *rig = vector_rig(v);

	check_answer(
		v, rig,
		rig_call(rig, (uint16_t)v->opnum, span_of(stub, vector_stub(v, stub))));
}

TEST(each_call_gets_the_answer_that_impacket_marshals)
{
	for_each_vector(check_whole);
}

static void check_fragmented(const struct vector *v)
{
	static const uint16_t sizes[] = {24 + 1, 24 + 3, 24 + 8, 24 + 61};
	static uint8_t stub[HEX_MAX / 2];
	size_t len = vector_stub(v, stub);

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(rig_freep) struct rig *rig = vector_rig(v);

		rig->frag_max = sizes[i];
		rig->write_len = 17;
		check_answer(v, rig,
			     rig_call(rig, (uint16_t)v->opnum, span_of(stub, len)));
	}
}

TEST(fragments_and_writes_of_odd_sizes_change_nothing)
{
	for_each_vector(check_fragmented);
}

static void check_truncated(const struct vector *v)
{
	static uint8_t stub[HEX_MAX / 2];
	size_t len = vector_stub(v, stub);
	CLEANUP(rig_freep) struct rig *rig = vector_rig(v);

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact =
			malloc(cut + 1); /* the sanitizer sees a read behind it */

		memcpy(exact, stub, cut);
		if (rig_call(rig, (uint16_t)v->opnum, span_of(exact, cut)) == 0)
			fail_msg("%s: answered with %zu of %zu bytes", v->name, cut, len);
		free(exact);
	}
	check_answer(v, rig, rig_call(rig, (uint16_t)v->opnum, span_of(stub, len)));
}

TEST(a_stub_cut_anywhere_is_a_fault_and_harms_nothing)
{
	for_each_vector(check_truncated);
}

/* Whatever a flipped byte means, there is one answer and the pipe lives. */
static void check_flipped(const struct vector *v)
{
	static uint8_t stub[HEX_MAX / 2];
	size_t len = vector_stub(v, stub);
	CLEANUP(rig_freep) struct rig *rig = vector_rig(v);

	for (size_t i = 0; i < len; i++) {
		stub[i] ^= 0xff;
		rig_call(rig, (uint16_t)v->opnum, span_of(stub, len));
		CHECK_EQ(pipe_waiting(rig->pipe), 0);
		stub[i] ^= 0xff;
	}
}

TEST(a_stub_with_a_wrong_byte_gets_one_answer)
{
	for_each_vector(check_flipped);
}

TEST(operations_that_are_not_there_are_a_range_fault)
{
	static const char *const pipes[] = {"srvsvc", "wkssvc", "lsarpc"};

	for (size_t i = 0; i < ARRAY_LEN(pipes); i++) {
		RIG(rig, pipes[i], "admin");
		size_t absent = 0;

		rig_bind(rig, PDU_FRAG_MAX);
		for (uint16_t opnum = 0; opnum < 256; opnum++)
			absent += rig_call(rig, opnum, span_of(NULL, 0)) == 0x1C010002;
		CHECK_EQ(absent, 256 - (i == 0 ? 17 : i == 1 ? 1 : 11));
	}
}

static void put_enum_stub(struct wr *w, uint32_t level, uint32_t resume)
{
	wr_u32(w, 0); /* ServerName */
	wr_u32(w, level);
	wr_u32(w, level);
	wr_u32(w, 1);
	wr_u32(w, 0);
	wr_u32(w, 0);
	wr_u32(w, 0xffffffff);
	wr_u32(w, 1);
	wr_u32(w, resume);
}

TEST(more_shares_than_a_response_holds_come_in_rounds)
{
	uint8_t stub[36];
	uint32_t resume = 0, error = 234, rounds = 0;
	RIG(rig, "srvsvc", "user");

	rig->share_count = 10000 + 1; /* one is invisible */
	rig_bind(rig, PDU_FRAG_MIN);
	while (error == 234) {
		struct wr w = wr_of(mspan_of(stub, sizeof(stub)));
		struct rd tail;

		put_enum_stub(&w, 1, resume);
		CHECK_EQ(rig_call(rig, 15, wr_done(&w)), 0);
		tail = rd_of(span_from(span_of(rig->in, rig->in_len), rig->in_len - 16));
		CHECK_EQ(rd_u32(&tail), 10000 - resume); /* TotalEntries */
		CHECK(rd_u32(&tail));
		resume = rd_u32(&tail);
		error = rd_u32(&tail);
		rounds++;
	}
	CHECK_EQ(error, 0);
	CHECK(rounds > 1 && rounds < 10);
}

/* Return value of an operation: the last four bytes. */
static uint32_t return_value(const struct rig *rig)
{
	struct rd r = rd_of(span_of(rig->in, rig->in_len));

	rd_seek(&r, rig->in_len - 4);
	return rd_u32(&r);
}

TEST(more_shares_than_memory_allows_are_an_error)
{
	uint8_t stub[36];
	struct wr w = wr_of(mspan_of(stub, sizeof(stub)));
	RIG(rig, "srvsvc", "user");

	rig->share_count = 1000000;
	rig_bind(rig, PDU_FRAG_MAX);
	put_enum_stub(&w, 1, 0);
	CHECK_EQ(rig_call(rig, 15, wr_done(&w)), 0);
	CHECK_EQ(return_value(rig), 8); /* ERROR_NOT_ENOUGH_MEMORY */
}

TEST(text_that_cannot_be_sent_is_a_fault)
{
	RIG(rig, "srvsvc", "user");
	static const uint8_t stub[8] = {0, 0, 0, 0, 101};

	rig->info.comment = "\xff";
	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(rig_call(rig, 21, span_of(stub, sizeof(stub))), 0x1C010013);
}

TEST(unknown_levels_of_activity_are_invalid)
{
	static const uint16_t opnums[] = {8, 9, 12};

	for (size_t i = 0; i < ARRAY_LEN(opnums); i++) {
		uint8_t stub[48];
		struct wr w = wr_of(mspan_of(stub, sizeof(stub)));
		RIG(rig, "srvsvc", "admin");

		rig_bind(rig, PDU_FRAG_MAX);
		wr_zero(&w, opnums[i] == 8 ? 4 : 8); /* filters */
		put_enum_stub(&w, 5, 0);
		CHECK_EQ(rig_call(rig, opnums[i], wr_done(&w)), 0);
		CHECK_EQ(return_value(rig), 124);
	}
}

/* What each change of a share in the vectors becomes; "": no change is asked for. */
static const struct {
	const char *name, *changed;
} share_changes[] = {
	{"NetrShareAdd-2", "add neu path=/srv/neu remark=new one"},
	{"NetrShareAdd-2-no-parm", "add neu path=/srv/neu"},
	{"NetrShareAdd-502", "add neu path=/srv/neu sddl=D:(A;;0x1200a9;;;WD)"},
	{"NetrShareAdd-502-no-sd", "add neu path=/srv"},
	{"NetrShareAdd-2-no-limit", "add neu path=/srv"},
	{"NetrShareAdd-2-cluster", "add neu path=/srv"},
	{"NetrShareSetInfo-1", "set public remark=other"},
	{"NetrShareSetInfo-2", "set public remark=other"},
	{"NetrShareSetInfo-502", "set public sddl=D:(A;;0x1200a9;;;WD)"},
	{"NetrShareSetInfo-1004", "set public remark=x"},
	{"NetrShareSetInfo-1004-same", ""},
	{"NetrShareSetInfo-1005", "set public encrypt=1"},
	{"NetrShareSetInfo-1006", ""},
	{"NetrShareSetInfo-1501", "set public sddl=D:(A;;0x1200a9;;;WD)"},
	{"NetrShareDel", "del public"},
};

static const char *change_wanted(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(share_changes); i++)
		if (strcmp(share_changes[i].name, name) == 0)
			return share_changes[i].changed;
	return ""; /* a refusal, or another call */
}

static void check_changed(const struct vector *v)
{
	static uint8_t stub[HEX_MAX / 2];
	CLEANUP(rig_freep) struct rig *rig = vector_rig(v);

	rig_call(rig, (uint16_t)v->opnum, span_of(stub, vector_stub(v, stub)));
	CHECK_STR(rig->changed, change_wanted(v->name));
}

TEST(shares_are_changed_as_asked_for_or_not_at_all)
{
	for_each_vector(check_changed);
}

static void check_change_failed(const struct vector *v)
{
	static const struct {
		int err;
		uint32_t error;
	} cases[] = {
		{-EEXIST, 2118}, {-ENOENT, 2310},   {-ENOTDIR, 2116},   {-EINVAL, 87},
		{-ENOMEM, 8},    {-EOPNOTSUPP, 50}, {-ESHUTDOWN, 1115}, {-EROFS, 31},
	};
	static uint8_t stub[HEX_MAX / 2];

	for (size_t i = 0; *change_wanted(v->name) && i < ARRAY_LEN(cases); i++) {
		CLEANUP(rig_freep) struct rig *rig = vector_rig(v);

		rig->change_err = cases[i].err;
		rig_call(rig, (uint16_t)v->opnum, span_of(stub, vector_stub(v, stub)));
		CHECK_EQ(return_value(rig), cases[i].error);
	}
}

TEST(why_a_share_could_not_be_changed_is_told)
{
	for_each_vector(check_change_failed);
}

static uint32_t delete_sessions(struct rig *rig, struct span user)
{
	uint8_t stub[64];
	struct wr w = wr_of(mspan_of(stub, sizeof(stub)));

	wr_u32(&w, 0); /* ServerName */
	wr_u32(&w, 0); /* ClientName */
	wr_u32(&w, 1);
	wr_u32(&w, (uint32_t)(user.len / 2));
	wr_u32(&w, 0);
	wr_u32(&w, (uint32_t)(user.len / 2));
	wr_bytes(&w, user);
	CHECK_EQ(rig_call(rig, 13, wr_done(&w)), 0);
	return return_value(rig);
}

TEST(sessions_that_match_are_ended_and_no_others)
{
	static const uint8_t gast[] = "g\0a\0s\0t\0\0";
	RIG(rig, "srvsvc", "admin");

	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(delete_sessions(rig, span_of(gast, sizeof(gast))), 0);
	CHECK_EQ(rig->ended_count, 1);
	CHECK_EQ(rig->ended_kind, RPC_SESSIONS);
	CHECK_EQ(rig->ended_id, 12);
	rig_become(rig, "user");
	CHECK_EQ(delete_sessions(rig, span_of(gast, sizeof(gast))), 5);
	CHECK_EQ(rig->ended_count, 1);
}

/* Two with one id: which is meant nobody can say. */
TEST(a_file_whose_id_is_not_its_own_is_not_closed)
{
	static const uint8_t stub[8] = {0, 0, 0, 0, 21};
	RIG(rig, "srvsvc", "admin");

	rig_bind(rig, PDU_FRAG_MAX);
	rig->activity_count = 3;
	CHECK_EQ(rig_call(rig, 11, span_of(stub, sizeof(stub))), 0);
	CHECK_EQ(return_value(rig), 2314);
	CHECK_EQ(rig->ended_count, 0);
	rig->activity_count = 1;
	CHECK_EQ(rig_call(rig, 11, span_of(stub, sizeof(stub))), 0);
	CHECK_EQ(return_value(rig), 0);
	CHECK_EQ(rig->ended_id, 21);
	CHECK_EQ(rig->ended_kind, RPC_FILES);
}

TEST(more_sessions_than_a_response_holds_are_counted)
{
	uint8_t stub[64];
	struct wr w = wr_of(mspan_of(stub, sizeof(stub)));
	RIG(rig, "srvsvc", "admin");
	struct rd tail;

	rig->activity_count = 20000;
	rig_bind(rig, PDU_FRAG_MAX);
	wr_zero(&w, 8); /* filters */
	put_enum_stub(&w, 10, 0);
	CHECK_EQ(rig_call(rig, 12, wr_done(&w)), 0);
	CHECK_EQ(return_value(rig), 234);
	tail = rd_of(span_of(rig->in, rig->in_len));
	rd_seek(&tail, rig->in_len - 16);
	CHECK_EQ(rd_u32(&tail), 20000);
}

/* POLICY_DNS_DOMAIN_INFO of a member: name, DNS name, forest, GUID, SID. */
TEST(a_domain_member_shows_its_domain)
{
	static const struct sid domain = {
		.revision = 1, .authority = 5, .sub_count = 4, .sub = {21, 7, 8, 9}};
	RIG(rig, "lsarpc", "user");
	uint8_t stub[22] = {0};
	struct sid sid;
	struct rd r;

	rig->info.domain_sid = &domain;
	rig->info.dns_domain = "example.org";
	rig_bind(rig, PDU_FRAG_MAX);
	rig_open_policy(rig);
	memcpy(stub, rig->in, 20);
	stub[20] = 12;
	CHECK_EQ(rig_call(rig, 7, span_of(stub, sizeof(stub))), 0);
	r = rd_of(span_of(rig->in, rig->in_len));
	rd_skip(&r, 4 + 4);
	CHECK_EQ(rd_u32(&r), 9 * 2 << 16 | 9 * 2);
	rd_skip(&r, 4);
	CHECK_EQ(rd_u32(&r), 11 * 2 << 16 | 11 * 2);
	rd_seek(&r, rig->in_len - 4 - 24 - 4);
	CHECK_EQ(rd_u32(&r), 4);
	sid = rd_sid(&r);
	CHECK(sid_eq(&sid, &domain));
}

/* What the domain of a member and the members of that domain are called. */
TEST(a_domain_member_translates_its_domain)
{
	static const struct sid domain = {
		.revision = 1, .authority = 5, .sub_count = 4, .sub = {21, 7, 8, 9}};
	static const struct sid member = {
		.revision = 1, .authority = 5, .sub_count = 5, .sub = {21, 7, 8, 9, 500}};
	RIG(rig, "lsarpc", "user");
	uint8_t stub[128];
	struct wr w = wr_of(mspan_of(stub, sizeof(stub)));

	rig->info.domain_sid = &domain;
	rig_bind(rig, PDU_FRAG_MAX);
	rig_open_policy(rig);
	wr_bytes(&w, span_of(rig->in, 20));
	wr_u32(&w, 2);
	for (uint32_t i = 1; i < 5; i++)
		wr_u32(&w, i == 2 ? 2 : i); /* pointer, count, two pointers */
	ndr_put_sid(&w, &domain);
	ndr_put_sid(&w, &member);
	wr_zero(&w, 8);
	wr_u32(&w, 1);
	wr_zero(&w, 4);
	CHECK_EQ(rig_call(rig, 15, wr_done(&w)), 0);
	CHECK_EQ(return_value(rig), 0x107);
	CHECK_EQ(rig->in[4], 1);               /* one domain, */
	CHECK_EQ(rig->in[rig->in_len - 8], 1); /* one of the two found */
}

TEST(policy_handles_are_bounded_and_come_back)
{
	RIG(rig, "lsarpc", "user");
	static const uint8_t open[32] = {[31] = 0x02};
	uint8_t handle[20];

	rig_bind(rig, PDU_FRAG_MAX);
	for (int i = 0; i < HANDLES_MAX; i++)
		rig_open_policy(rig);
	memcpy(handle, rig->in, sizeof(handle));
	CHECK_EQ(rig_call(rig, 44, span_of(open, sizeof(open))), 0);
	CHECK_MEM(rig->in + 20, "\x9a\x00\x00\xc0",
		  4); /* STATUS_INSUFFICIENT_RESOURCES */
	CHECK_EQ(rig_call(rig, 0, span_of(handle, sizeof(handle))), 0);
	rig_open_policy(rig);
}

/* impacket takes RootDirectory for text; by hand, then. [MS-LSAD] 3.1.4.4.1 */
TEST(a_root_directory_opens_no_policy)
{
	static const uint8_t stub[36] = {[8] = 1, [28] = 'x', [35] = 0x02};
	RIG(rig, "lsarpc", "user");

	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(rig_call(rig, 44, span_of(stub, sizeof(stub))), 0);
	CHECK_MEM(rig->in + 20, "\x0d\x00\x00\xc0", 4); /* STATUS_INVALID_PARAMETER */
}

TEST(a_closed_handle_is_gone)
{
	RIG(rig, "lsarpc", "user");
	uint8_t handle[20];

	rig_bind(rig, PDU_FRAG_MAX);
	rig_open_policy(rig);
	memcpy(handle, rig->in, sizeof(handle));
	CHECK_EQ(rig_call(rig, 0, span_of(handle, sizeof(handle))), 0);
	CHECK_EQ(rig_call(rig, 0, span_of(handle, sizeof(handle))), 0x1C00001A);
}

TEST(a_handle_is_of_its_pipe_only)
{
	RIG(one, "lsarpc", "user");
	RIG(other, "lsarpc", "user");
	uint8_t handle[20];

	rig_bind(one, PDU_FRAG_MAX);
	rig_bind(other, PDU_FRAG_MAX);
	rig_open_policy(one);
	memcpy(handle, one->in, sizeof(handle));
	CHECK_EQ(rig_call(other, 0, span_of(handle, sizeof(handle))), 0x1C00001A);
}

/* LsarOpenPolicy2 for one right, then a call that needs another. */
TEST(a_handle_grants_what_was_asked_for_and_no_more)
{
	static const struct {
		uint8_t access[4];
		uint16_t opnum;
		uint32_t status;
	} rows[] = {
		{{1, 0, 0, 0}, 7, 0},  {{0, 8, 0, 0}, 7, 0xC0000022},
		{{0, 8, 0, 0}, 15, 0}, {{1, 0, 0, 0}, 15, 0xC0000022},
		{{0, 8, 0, 0}, 14, 0}, {{1, 0, 0, 0}, 14, 0xC0000022},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		RIG(rig, "lsarpc", "user");
		uint8_t stub[48] = {0};

		rig_bind(rig, PDU_FRAG_MAX);
		memcpy(stub + 28, rows[i].access, 4);
		CHECK_EQ(rig_call(rig, 44, span_of(stub, 32)), 0);
		memcpy(stub, rig->in, 20);
		memset(stub + 20, 0, 28);
		stub[20] = rows[i].opnum == 7 ? 5 : 0; /* class; or no SIDs, no names */
		stub[36] = rows[i].opnum != 7;         /* LookupLevel */
		CHECK_EQ(rig_call(rig, rows[i].opnum, span_of(stub, 44)), 0);
		CHECK_EQ(return_value(rig), rows[i].status);
	}
}

TEST_MAIN()
