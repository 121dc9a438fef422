/* test_dcerpc.c - the association: bind, alter_context, fragments, faults. */
#include "rpc_rig.h"

/* Send one PDU as it is and read one answer. */
static struct span exchange(struct rig *rig, struct span pdu)
{
	CHECK_ST(rig_write(rig, pdu), STATUS_SUCCESS);
	return rig_read(rig);
}

static uint8_t answer_type(struct span answer)
{
	return answer.len > 2 ? answer.p[2] : 0xff;
}

/* Status of a fault. */
static uint32_t answer_fault(struct span answer)
{
	struct rd r = rd_of(answer);

	CHECK_EQ(answer_type(answer), PDU_FAULT);
	CHECK_EQ(answer.len, 32);
	rd_skip(&r, 24);
	return rd_u32(&r);
}

/* provider_reject_reason of a bind_nak. */
static uint16_t answer_nak(struct span answer)
{
	struct rd r = rd_of(answer);

	CHECK_EQ(answer_type(answer), PDU_BIND_NAK);
	rd_skip(&r, 16);
	return rd_u16(&r);
}

struct elem {
	uint16_t ctx_id;
	const uint8_t *abstract, *transfer;
};

static struct span bind_pdu(uint8_t buf[PDU_FRAG_MAX], uint8_t type,
			    const struct elem *elems, size_t count)
{
	struct wr w = wr_of(mspan_of(buf, PDU_FRAG_MAX));

	rig_header(&w, type, RIG_BOTH, (uint16_t)(28 + 44 * count), 0, 1);
	rig_bind_body(&w, PDU_FRAG_MAX, (uint8_t)count);
	for (size_t i = 0; i < count; i++)
		rig_elem(&w, elems[i].ctx_id, elems[i].abstract, elems[i].transfer);
	return wr_done(&w);
}

/* Check the p_result_list_t of an answer, whose secondary address takes addr_len bytes. */
static void check_outcomes(struct span answer, uint16_t addr_len,
			   const struct pdu_outcome *want, size_t count)
{
	struct rd r = rd_of(answer);

	rd_skip(&r, 24);
	CHECK_EQ(rd_u16(&r), addr_len);
	rd_skip(&r, addr_len);
	rd_align(&r, 4);
	CHECK_EQ(rd_u8(&r), count);
	rd_skip(&r, 3);
	for (size_t i = 0; i < count; i++) {
		struct span syntax;

		CHECK_EQ(rd_u16(&r), want[i].result);
		CHECK_EQ(rd_u16(&r), want[i].reason);
		syntax = rd_bytes(&r, 20);
		CHECK_EQ(span_eq(syntax, span_of(rig_ndr, 20)),
			 want[i].result == PDU_ACCEPTANCE);
	}
	CHECK(rd_ok(&r));
	CHECK_EQ(rd_left(&r), 0);
}

/* A Windows client proposes NDR, NDR64 and bind time features at once. */
TEST(bind_accepts_ndr_rejects_ndr64_and_negotiates_features)
{
	static const struct elem elems[] = {
		{0, rig_srvsvc, rig_ndr},
		{1, rig_srvsvc, rig_ndr64},
		{2, rig_srvsvc, rig_features},
	};
	static const struct pdu_outcome want[] = {
		{PDU_ACCEPTANCE, 0},
		{PDU_PROVIDER_REJECTION, PDU_TRANSFER_SYNTAXES_NOT_SUPPORTED},
		{PDU_NEGOTIATE_ACK, 0x02}, /* of the two bits asked for */
	};
	RIG(rig, "srvsvc", "user");
	uint8_t buf[PDU_FRAG_MAX];
	struct span ack = exchange(rig, bind_pdu(buf, PDU_BIND, elems, 3));

	CHECK_EQ(answer_type(ack), PDU_BIND_ACK);
	CHECK_MEM(ack.p + 26, "\\PIPE\\srvsvc", 13);
	check_outcomes(ack, 13, want, 3);
}

TEST(bind_to_another_interface_is_acknowledged_and_useless)
{
	static const struct elem elem = {0, rig_lsarpc, rig_ndr};
	static const struct pdu_outcome want = {PDU_PROVIDER_REJECTION,
						PDU_ABSTRACT_SYNTAX_NOT_SUPPORTED};
	RIG(rig, "srvsvc", "user");
	uint8_t buf[PDU_FRAG_MAX];

	check_outcomes(exchange(rig, bind_pdu(buf, PDU_BIND, &elem, 1)), 13, &want, 1);
	CHECK_EQ(rig_call(rig, 15, span_of(NULL, 0)), 0x1C010003);
}

TEST(bind_checks_the_interface_version)
{
	static const uint8_t versions[][4] = {{2, 0, 0, 0}, {4, 0, 0, 0}, {3, 0, 1, 0}};

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		static const struct pdu_outcome want = {
			PDU_PROVIDER_REJECTION, PDU_ABSTRACT_SYNTAX_NOT_SUPPORTED};
		uint8_t iface[20], buf[PDU_FRAG_MAX];
		struct elem elem = {0, iface, rig_ndr};
		RIG(rig, "srvsvc", "user");

		memcpy(iface, rig_srvsvc, 16);
		memcpy(iface + 16, versions[i], 4);
		check_outcomes(exchange(rig, bind_pdu(buf, PDU_BIND, &elem, 1)), 13,
			       &want, 1);
	}
}

TEST(bind_negotiates_fragment_sizes)
{
	static const struct {
		uint16_t recv, want_xmit;
	} rows[] = {{0, 1432}, {1431, 1432}, {2000, 2000}, {4280, 4280}, {65535, 4280}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		RIG(rig, "wkssvc", "user");
		uint8_t buf[72];
		struct wr w = wr_of(mspan_of(buf, sizeof(buf)));
		struct rd r;

		rig_header(&w, PDU_BIND, RIG_BOTH, sizeof(buf), 0, 1);
		rig_bind_body(&w, rows[i].recv, 1);
		rig_elem(&w, 0, rig_wkssvc, rig_ndr);
		r = rd_of(exchange(rig, wr_done(&w)));
		rd_skip(&r, 16);
		CHECK_EQ(rd_u16(&r), rows[i].want_xmit);
		CHECK_EQ(rd_u16(&r), 4280);
		CHECK(rd_u32(&r) != 0); /* assoc_group_id */
	}
}

TEST(bind_joins_the_group_it_names)
{
	static const struct elem elem = {0, rig_srvsvc, rig_ndr};
	RIG(rig, "srvsvc", "user");
	uint8_t buf[PDU_FRAG_MAX];
	struct span pdu = bind_pdu(buf, PDU_BIND, &elem, 1), ack;

	memcpy(buf + 20, "\x78\x56\x34\x12", 4);
	ack = exchange(rig, pdu);
	CHECK_MEM(ack.p + 20, "\x78\x56\x34\x12", 4);
}

TEST(a_second_bind_is_refused_and_harms_nothing)
{
	static const struct elem elem = {0, rig_srvsvc, rig_ndr};
	RIG(rig, "srvsvc", "user");
	uint8_t buf[PDU_FRAG_MAX];

	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(answer_nak(exchange(rig, bind_pdu(buf, PDU_BIND, &elem, 1))), 0);
	CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0);
}

TEST(bind_without_contexts_or_cut_anywhere_is_refused)
{
	static const struct elem elem = {0, rig_srvsvc, rig_ndr};
	uint8_t buf[PDU_FRAG_MAX];
	struct span whole = bind_pdu(buf, PDU_BIND, &elem, 1);

	for (size_t cut = PDU_HEADER_LEN; cut < whole.len; cut++) {
		RIG(rig, "srvsvc", "user");

		buf[8] = (uint8_t)cut;
		CHECK_EQ(answer_nak(exchange(rig, span_head(whole, cut))), 4);
	}
	buf[8] = (uint8_t)whole.len;
	buf[24] = 0; /* n_context_elem */
	{
		RIG(rig, "srvsvc", "user");

		CHECK_EQ(answer_nak(exchange(rig, whole)), 4);
	}
}

TEST(too_many_contexts_in_one_bind_are_refused)
{
	struct elem elems[PDU_ELEMS_MAX + 1];
	uint8_t buf[PDU_FRAG_MAX];
	RIG(rig, "srvsvc", "user");

	for (size_t i = 0; i < ARRAY_LEN(elems); i++)
		elems[i] = (struct elem){(uint16_t)i, rig_srvsvc, rig_ndr};
	CHECK_EQ(answer_nak(exchange(rig,
				     bind_pdu(buf, PDU_BIND, elems, PDU_ELEMS_MAX + 1))),
		 2);
	CHECK_EQ(
		answer_type(exchange(rig, bind_pdu(buf, PDU_BIND, elems, PDU_ELEMS_MAX))),
		PDU_BIND_ACK);
}

TEST(alter_context_adds_contexts_up_to_a_bound)
{
	static const struct pdu_outcome accepted = {PDU_ACCEPTANCE, 0};
	uint8_t buf[PDU_FRAG_MAX];
	RIG(rig, "srvsvc", "user");

	rig_bind(rig, PDU_FRAG_MAX);
	for (uint16_t id = 1; id < DCERPC_CONTEXTS_MAX; id++) {
		struct elem elem = {id, rig_srvsvc, rig_ndr};
		struct span answer = exchange(rig,
					      bind_pdu(buf, PDU_ALTER_CONTEXT, &elem, 1));

		CHECK_EQ(answer_type(answer), PDU_ALTER_CONTEXT_RESP);
		check_outcomes(answer, 0, &accepted, 1);
	}
	struct elem known = {7, rig_srvsvc, rig_ndr}, beyond = {500, rig_srvsvc, rig_ndr};

	CHECK_EQ(answer_type(exchange(rig, bind_pdu(buf, PDU_ALTER_CONTEXT, &known, 1))),
		 PDU_ALTER_CONTEXT_RESP);
	CHECK_EQ(answer_nak(exchange(rig, bind_pdu(buf, PDU_ALTER_CONTEXT, &beyond, 1))),
		 2);
}

TEST(alter_context_needs_a_bind)
{
	static const struct elem elem = {0, rig_srvsvc, rig_ndr};
	uint8_t buf[PDU_FRAG_MAX];
	RIG(rig, "srvsvc", "user");

	CHECK_EQ(answer_fault(exchange(rig, bind_pdu(buf, PDU_ALTER_CONTEXT, &elem, 1))),
		 0x1C01000B);
}

/* Feature negotiation is of the bind only: [MS-RPCE] 3.3.1.5.3 */
TEST(alter_context_negotiates_no_features)
{
	static const struct elem elem = {1, rig_srvsvc, rig_features};
	static const struct pdu_outcome want = {PDU_PROVIDER_REJECTION,
						PDU_TRANSFER_SYNTAXES_NOT_SUPPORTED};
	uint8_t buf[PDU_FRAG_MAX];
	RIG(rig, "srvsvc", "user");

	rig_bind(rig, PDU_FRAG_MAX);
	check_outcomes(exchange(rig, bind_pdu(buf, PDU_ALTER_CONTEXT, &elem, 1)), 0,
		       &want, 1);
}

/* A PDU of that type with an NTLM trailer: auth_type 10, level 6, a token of 8 bytes. */
static struct span with_trailer(uint8_t buf[PDU_FRAG_MAX], uint8_t type)
{
	struct wr w = wr_of(mspan_of(buf, PDU_FRAG_MAX));

	rig_header(&w, type, RIG_BOTH, 72 + 16, 8, 1);
	rig_bind_body(&w, PDU_FRAG_MAX, 1);
	rig_elem(&w, 0, rig_srvsvc, rig_ndr);
	wr_bytes(&w, BYTES(10, 6, 0, 0, 0, 0, 0, 0));
	wr_bytes(&w, span_of("NTLMSSP", 8));
	return wr_done(&w);
}

TEST(authentication_inside_rpc_is_not_known)
{
	uint8_t buf[PDU_FRAG_MAX];
	RIG(rig, "srvsvc", "user");

	CHECK_EQ(answer_nak(exchange(rig, with_trailer(buf, PDU_BIND))), 8);
	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(answer_fault(exchange(rig, with_trailer(buf, PDU_ALTER_CONTEXT))),
		 0x6D3);
	CHECK_EQ(answer_fault(exchange(rig, with_trailer(buf, PDU_REQUEST))), 0x6D3);
	CHECK_ST(rig_write(rig, with_trailer(buf, PDU_AUTH3)), STATUS_PIPE_BROKEN);
}

TEST(big_endian_is_refused_and_the_pipe_stays_in_step)
{
	RIG(rig, "srvsvc", "user");
	static const uint8_t bind[24] = {5, 0,  PDU_BIND, 3, 0, 0, 0, 0,
					 0, 24, 0,        0, 1, 2, 3, 4};
	static const uint8_t request[28] = {5, 0, PDU_REQUEST, 3, 0, 0, 0, 0, 0, 28};
	struct span answer = exchange(rig, span_of(bind, sizeof(bind)));

	CHECK_EQ(answer_nak(answer), 4);
	CHECK_MEM(answer.p + 12, "\x04\x03\x02\x01", 4); /* the call_id, in our order */
	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(answer_fault(exchange(rig, span_of(request, sizeof(request)))),
		 0x1C01000B);
	CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0);
}

TEST(another_protocol_version_is_refused)
{
	RIG(rig, "srvsvc", "user");
	static const uint8_t bind[24] = {4, 0, PDU_BIND, 3, 0x10, 0, 0, 0, 24};
	static const uint8_t request[28] = {5, 2, PDU_REQUEST, 3, 0x10, 0, 0, 0, 28};
	struct span nak = exchange(rig, span_of(bind, sizeof(bind)));

	CHECK_EQ(answer_nak(nak), 4);
	CHECK_MEM(nak.p + 18, "\x01\x05\x00", 3); /* one version: 5.0 */
	CHECK_EQ(answer_fault(exchange(rig, span_of(request, sizeof(request)))),
		 0x1C01000B);
}

TEST(requests_need_a_bind_and_a_known_context)
{
	RIG(rig, "srvsvc", "user");

	CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0x1C01000B);
	rig_bind(rig, PDU_FRAG_MAX);
	CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0);
	rig->call_id++;
	CHECK_ST(rig_request_part(rig, 1, 28, RIG_BOTH, span_of("\0\0\0", 4)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_response(rig), 0x1C010003);
}

TEST(an_object_uuid_is_skipped)
{
	RIG(rig, "srvsvc", "user");
	static const uint8_t stub[20] = {1, 2, 3};

	rig_bind(rig, PDU_FRAG_MAX);
	rig->call_id++;
	CHECK_ST(rig_request_part(rig, 0, 28, RIG_BOTH | PFC_OBJECT_UUID,
				  span_of(stub, 20)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_response(rig), 0);
	CHECK_ST(rig_request_part(rig, 0, 28, RIG_BOTH | PFC_OBJECT_UUID,
				  span_of(stub, 15)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_response(rig), 0x1C01000B);
}

/* Each row breaks the sequence of a fragmented request in its second fragment. */
TEST(fragments_must_belong_together)
{
	static const struct {
		uint16_t ctx_id, opnum;
		uint8_t flags;
		int call_id_step;
	} rows[] = {
		{1, 28, PFC_LAST_FRAG, 0},  {0, 15, PFC_LAST_FRAG, 0},
		{0, 28, PFC_FIRST_FRAG, 0}, {0, 28, RIG_BOTH, 1},
		{0, 28, PFC_LAST_FRAG, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		RIG(rig, "srvsvc", "user");

		rig_bind(rig, PDU_FRAG_MAX);
		rig->call_id++;
		CHECK_ST(rig_request_part(rig, 0, 28, PFC_FIRST_FRAG, span_of("\0", 2)),
			 STATUS_SUCCESS);
		rig->call_id += (uint32_t)rows[i].call_id_step;
		CHECK_ST(rig_request_part(rig, rows[i].ctx_id, rows[i].opnum,
					  rows[i].flags, span_of("\0", 2)),
			 STATUS_SUCCESS);
		CHECK_EQ(rig_response(rig), 0x1C01000B);
		CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0);
	}
}

TEST(late_fragments_of_recent_calls_are_ignored)
{
	RIG(rig, "srvsvc", "user");

	rig_bind(rig, PDU_FRAG_MAX);
	rig->call_id = 500;
	CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0); /* 501 */
	rig->call_id = 501 - 149;
	CHECK_ST(rig_request_part(rig, 0, 28, PFC_LAST_FRAG, span_of("\0", 2)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_read(rig).len, 0);
	rig->call_id = 501 - 150;
	CHECK_ST(rig_request_part(rig, 0, 28, PFC_LAST_FRAG, span_of("\0", 2)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_response(rig), 0x1C01000B);
}

TEST(a_request_beyond_the_bound_is_a_fault_at_once)
{
	static const uint8_t part[4096];
	RIG(rig, "srvsvc", "user");

	rig_bind(rig, PDU_FRAG_MAX);
	rig->call_id++;
	for (size_t sent = 0; sent < DCERPC_STUB_IN_MAX; sent += sizeof(part)) {
		CHECK_ST(rig_request_part(rig, 0, 28, sent ? 0 : PFC_FIRST_FRAG,
					  span_of(part, sizeof(part))),
			 STATUS_SUCCESS);
		CHECK_EQ(pipe_waiting(rig->pipe), 0);
	}
	CHECK_ST(rig_request_part(rig, 0, 28, 0, span_of(part, 1)), STATUS_SUCCESS);
	CHECK_EQ(rig_response(rig), 5);
	CHECK_ST(rig_request_part(rig, 0, 28, PFC_LAST_FRAG, span_of(part, 1)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_read(rig).len, 0); /* it was answered */
	CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0);
}

static struct span bare_pdu(uint8_t buf[16], uint8_t type, uint32_t call_id)
{
	struct wr w = wr_of(mspan_of(buf, 16));

	rig_header(&w, type, RIG_BOTH, 16, 0, call_id);
	return wr_done(&w);
}

TEST(orphaned_drops_the_call_and_cancel_changes_nothing)
{
	RIG(rig, "srvsvc", "user");
	uint8_t buf[16];

	rig_bind(rig, PDU_FRAG_MAX);
	rig->call_id++;
	CHECK_ST(rig_request_part(rig, 0, 28, PFC_FIRST_FRAG, span_of("\0", 2)),
		 STATUS_SUCCESS);
	CHECK_EQ(exchange(rig, bare_pdu(buf, PDU_CO_CANCEL, rig->call_id)).len, 0);
	CHECK_EQ(exchange(rig, bare_pdu(buf, PDU_ORPHANED, rig->call_id + 1)).len, 0);
	CHECK_ST(rig_request_part(rig, 0, 28, PFC_LAST_FRAG, span_of("\0", 2)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_response(rig), 0);

	rig->call_id++;
	CHECK_ST(rig_request_part(rig, 0, 28, PFC_FIRST_FRAG, span_of("\0", 2)),
		 STATUS_SUCCESS);
	CHECK_EQ(exchange(rig, bare_pdu(buf, PDU_ORPHANED, rig->call_id)).len, 0);
	CHECK_ST(rig_request_part(rig, 0, 28, PFC_LAST_FRAG, span_of("\0", 2)),
		 STATUS_SUCCESS);
	CHECK_EQ(rig_read(rig).len, 0);
	CHECK_EQ(rig_call(rig, 28, span_of("\0\0\0", 4)), 0);
}

TEST(what_only_servers_send_breaks_the_pipe)
{
	static const uint8_t types[] = {1,
					PDU_RESPONSE,
					PDU_FAULT,
					PDU_BIND_ACK,
					PDU_BIND_NAK,
					PDU_ALTER_CONTEXT_RESP,
					PDU_AUTH3,
					17,
					20,
					255};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		RIG(rig, "srvsvc", "user");
		uint8_t buf[16];

		CHECK_ST(rig_write(rig, bare_pdu(buf, types[i], 1)), STATUS_PIPE_BROKEN);
	}
}

/* Responses are cut at multiples of 8 and none is larger than the client can take. */
TEST(responses_are_fragmented_to_the_size_agreed)
{
	static const uint8_t stub[36] = {[4] = 1, [8] = 1, [12] = 1, [24] = 0xff,
					 0xff,    0xff,    0xff};
	RIG(rig, "srvsvc", "user");
	struct span part;
	size_t parts = 0;

	rig->share_count = 300;
	rig_bind(rig, 1433);
	rig_request(rig, 15, span_of(stub, 32));
	for (part = rig_read(rig); part.len > 0; part = rig_read(rig)) {
		bool last = part.p[3] & PFC_LAST_FRAG;

		CHECK(part.len <= 1432);
		CHECK(last || (part.len - 24) % 8 == 0);
		CHECK_EQ(last, pipe_waiting(rig->pipe) == 0);
		parts++;
	}
	CHECK(parts > 10);
}

TEST_MAIN()
