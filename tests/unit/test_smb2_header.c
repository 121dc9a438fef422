#include "test.h"
#include "wire/smb2_header.h"

#include <stdlib.h>

/* A SYNC header, laid out by hand after [MS-SMB2] 2.2.1.2. */
static const uint8_t sync_bytes[SMB2_HEADER_LEN] = {
	0xFE, 'S',  'M',  'B',
	64,   0,    0x02, 0x01, /* ProtocolId, StructureSize, CreditCharge */
	0x22, 0x00, 0x00, 0xC0,
	0x05, 0x00, 0x1F, 0x00, /* Status, Command, Credits */
	0x0C, 0x00, 0x00, 0x10,
	0x78, 0x00, 0x00, 0x00, /* Flags, NextCommand */
	0x01, 0x02, 0x03, 0x04,
	0x05, 0x06, 0x07, 0x08, /* MessageId */
	0xFF, 0xFE, 0x00, 0x00,
	0x11, 0x12, 0x13, 0x14, /* Reserved, TreeId */
	0x21, 0x22, 0x23, 0x24,
	0x25, 0x26, 0x27, 0x28, /* SessionId */
	0xA0, 0xA1, 0xA2, 0xA3,
	0xA4, 0xA5, 0xA6, 0xA7, /* Signature */
	0xA8, 0xA9, 0xAA, 0xAB,
	0xAC, 0xAD, 0xAE, 0xAF,
};

TEST(smb2_header_sync)
{
	struct rd r = rd_of(span_of(sync_bytes, sizeof(sync_bytes)));
	struct smb2_header h = rd_smb2_header(&r);

	CHECK(rd_ok(&r));
	CHECK_EQ(rd_left(&r), 0);
	CHECK_EQ(h.credit_charge, 0x0102);
	CHECK_EQ(h.status, 0xC0000022);
	CHECK_EQ(smb2_channel_sequence(&h), 0x0022);
	CHECK_EQ(h.command, SMB2_CREATE);
	CHECK_EQ(h.credits, 31);
	CHECK_EQ(h.flags, SMB2_FLAGS_RELATED_OPERATIONS | SMB2_FLAGS_SIGNED |
				  SMB2_FLAGS_DFS_OPERATIONS);
	CHECK_EQ(h.next_command, 0x78);
	CHECK_EQ(h.message_id, 0x0807060504030201);
	CHECK(!smb2_header_is_async(&h));
	CHECK_EQ(h.async_id, 0);
	CHECK_EQ(h.process_id, 0xFEFF);
	CHECK_EQ(h.tree_id, 0x14131211);
	CHECK_EQ(h.session_id, 0x2827262524232221);
	CHECK_MEM(h.signature, sync_bytes + 48, 16);
}

TEST(smb2_header_async)
{
	uint8_t in[SMB2_HEADER_LEN];
	struct smb2_header h;
	struct rd r;

	memcpy(in, sync_bytes, sizeof(in));
	in[SMB2_OFF_FLAGS] |= SMB2_FLAGS_ASYNC_COMMAND;
	r = rd_of(span_of(in, sizeof(in)));
	h = rd_smb2_header(&r);
	CHECK(rd_ok(&r));
	CHECK(smb2_header_is_async(&h));
	CHECK_EQ(h.async_id, 0x141312110000FEFF);
	CHECK_EQ(h.process_id, 0);
	CHECK_EQ(h.tree_id, 0);
}

TEST(smb2_header_written_back_is_the_same)
{
	for (int async = 0; async <= 1; async++) {
		uint8_t in[SMB2_HEADER_LEN], out[SMB2_HEADER_LEN];
		struct wr w = wr_of(mspan_of(out, sizeof(out)));
		struct smb2_header h;
		struct rd r;

		memcpy(in, sync_bytes, sizeof(in));
		if (async)
			in[SMB2_OFF_FLAGS] |= SMB2_FLAGS_ASYNC_COMMAND;
		r = rd_of(span_of(in, sizeof(in)));
		h = rd_smb2_header(&r);
		wr_smb2_header(&w, &h);
		CHECK(wr_ok(&w));
		CHECK_SPAN(wr_done(&w), span_of(in, sizeof(in)));
	}
}

TEST(smb2_header_cut_short)
{
	for (size_t len = 0; len < SMB2_HEADER_LEN; len++) {
		uint8_t out[SMB2_HEADER_LEN];
		struct rd r = rd_of(span_of(sync_bytes, len));
		struct wr w = wr_of(mspan_of(out, len));
		struct smb2_header h = rd_smb2_header(&r);

		CHECK(!rd_ok(&r));
		wr_smb2_header(&w, &h);
		CHECK(!wr_ok(&w));
	}
}

TEST(smb2_header_of_another_protocol_or_size)
{
	for (size_t i = 0; i < 6; i++) {
		uint8_t in[SMB2_HEADER_LEN];
		struct rd r = rd_of(span_of(in, sizeof(in)));

		memcpy(in, sync_bytes, sizeof(in));
		in[i] ^= 1;
		(void)rd_smb2_header(&r);
		CHECK(!rd_ok(&r));
	}
}

/* The offsets used to patch a header in place are those of the encoder. */
TEST(smb2_header_offsets)
{
	struct rd r = rd_of(span_of(sync_bytes, sizeof(sync_bytes)));

	rd_seek(&r, SMB2_OFF_STATUS);
	CHECK_EQ(rd_u32(&r), 0xC0000022);
	CHECK_EQ(rd_pos(&r), SMB2_OFF_COMMAND);
	rd_seek(&r, SMB2_OFF_CREDITS);
	CHECK_EQ(rd_u16(&r), 31);
	CHECK_EQ(rd_pos(&r), SMB2_OFF_FLAGS);
	rd_seek(&r, SMB2_OFF_NEXT_COMMAND);
	CHECK_EQ(rd_u32(&r), 0x78);
	CHECK_EQ(rd_pos(&r), SMB2_OFF_MESSAGE_ID);
	rd_seek(&r, SMB2_OFF_TREE_ID);
	CHECK_EQ(rd_u32(&r), 0x14131211);
	CHECK_EQ(rd_pos(&r), SMB2_OFF_SESSION_ID);
	rd_seek(&r, SMB2_OFF_SIGNATURE);
	CHECK_EQ(rd_u8(&r), 0xA0);
}

TEST_MAIN()
