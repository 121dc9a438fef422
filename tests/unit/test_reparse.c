/* test_reparse.c - [MS-FSCC] 2.1.2: the buffers clients send, byte for byte; every way they can be wrong. */
#include "test.h"
#include "wire/fscc_proto.h"
#include "wire/reparse.h"

#define INVALID_DATA 0xC0000278
#define INVALID_TAG  0xC0000276
#define TAG_SYMLINK  0x0C, 0, 0, 0xA0
#define TAG_NFS      0x14, 0, 0, 0x80
#define U16(n)       n, 0
#define U32(n)       n, 0, 0, 0
#define GUID         1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16

/* "a/b" as the Linux client writes it with reparse=default: both names, relative. */
#define LINK_DATA                                                                        \
	U16(0), U16(6), U16(6), U16(6), U32(1), 'a', 0, '\\', 0, 'b', 0, 'a', 0, '\\',   \
		0, 'b', 0

TEST(reparse_what_clients_send_is_taken)
{
	const struct {
		struct span in;
		uint32_t tag, status;
	} cases[] = {
		{BYTES(TAG_SYMLINK, U16(24), U16(0), LINK_DATA), IO_REPARSE_TAG_SYMLINK,
		 0},
		{BYTES(TAG_NFS, U16(12), U16(0), 'L', 'N', 'K', 1, U32(0), 'x', 0, 'y',
		       0),
		 IO_REPARSE_TAG_NFS, 0},
		{BYTES(TAG_NFS, U16(16), U16(0), 'C', 'H', 'R', 0, U32(0), U32(1),
		       U32(3)),
		 IO_REPARSE_TAG_NFS, 0},
		{BYTES(TAG_NFS, U16(16), U16(0), 'B', 'L', 'K', 0, U32(0), U32(8),
		       U32(1)),
		 IO_REPARSE_TAG_NFS, 0},
		{BYTES(TAG_NFS, U16(8), U16(0), 'F', 'I', 'F', 'O', U32(0)),
		 IO_REPARSE_TAG_NFS, 0},
		{BYTES(TAG_NFS, U16(8), U16(0), 'S', 'O', 'C', 'K', U32(0)),
		 IO_REPARSE_TAG_NFS, 0},
		{BYTES(0x1D, 0, 0, 0xA0, U16(7), U16(0), U32(2), 'a', '/', 'b'),
		 IO_REPARSE_TAG_LX_SYMLINK, 0},
		{BYTES(0x23, 0, 0, 0x80, U16(0), U16(0)), IO_REPARSE_TAG_AF_UNIX, 0},
		{BYTES(0x24, 0, 0, 0x80, U16(0), U16(0)), IO_REPARSE_TAG_LX_FIFO, 0},
		{BYTES(0x25, 0, 0, 0x80, U16(0), U16(0)), IO_REPARSE_TAG_LX_CHR, 0},
		{BYTES(0x26, 0, 0, 0x80, U16(0), U16(0)), IO_REPARSE_TAG_LX_BLK, 0},
		{BYTES(0x42, 0, 0, 0, U16(1), U16(0), GUID, 0xAA), 0x42, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t room[64];
		struct wr w = wr_of(mspan_of(room, sizeof(room)));
		struct reparse r;

		CHECK_ST(reparse_decode(cases[i].in, &r), STATUS_SUCCESS);
		CHECK_EQ(r.tag, cases[i].tag);
		wr_reparse(&w, &r);
		CHECK_SPAN(wr_done(&w), cases[i].in);
		for (size_t len = 0; len < cases[i].in.len; len++)
			CHECK_ST(reparse_decode(span_head(cases[i].in, len), &r),
				 STATUS_IO_REPARSE_DATA_INVALID);
	}
}

TEST(reparse_nonsense_is_refused)
{
	const struct {
		struct span in;
		uint32_t status;
	} cases[] = {
		/* nobody's tags; a mount point; one nobody here knows */
		{BYTES(U32(0), U16(0), U16(0), GUID), INVALID_TAG},
		{BYTES(U32(1), U16(0), U16(0), GUID), INVALID_TAG},
		{BYTES(0x03, 0, 0, 0xA0, U16(0), U16(0)), INVALID_TAG},
		{BYTES(0x17, 0, 0, 0x90, U16(0), U16(0)), INVALID_TAG},
		/* a third party's without its GUID, one of Microsoft's with */
		{BYTES(0x42, 0, 0, 0, U16(1), U16(0), 0xAA), INVALID_DATA},
		{BYTES(0x23, 0, 0, 0x80, U16(0), U16(0), GUID), INVALID_DATA},
		/* more than the length says */
		{BYTES(0x23, 0, 0, 0x80, U16(0), U16(0), 0), INVALID_DATA},
		/* contents where there are none */
		{BYTES(0x23, 0, 0, 0x80, U16(1), U16(0), 0), INVALID_DATA},
		/* names that are not in the buffer, odd ones, none, unknown flags */
		{BYTES(TAG_SYMLINK, U16(14), U16(0), U16(0), U16(4), U16(0), U16(2),
		       U32(1), 'a', 0),
		 INVALID_DATA},
		{BYTES(TAG_SYMLINK, U16(14), U16(0), U16(2), U16(2), U16(0), U16(2),
		       U32(1), 'a', 0),
		 INVALID_DATA},
		{BYTES(TAG_SYMLINK, U16(14), U16(0), U16(0), U16(2), U16(2), U16(2),
		       U32(1), 'a', 0),
		 INVALID_DATA},
		{BYTES(TAG_SYMLINK, U16(14), U16(0), U16(0), U16(1), U16(0), U16(2),
		       U32(1), 'a', 0),
		 INVALID_DATA},
		{BYTES(TAG_SYMLINK, U16(14), U16(0), U16(0), U16(0), U16(0), U16(2),
		       U32(1), 'a', 0),
		 INVALID_DATA},
		{BYTES(TAG_SYMLINK, U16(14), U16(0), U16(0), U16(2), U16(0), U16(2),
		       U32(2), 'a', 0),
		 INVALID_DATA},
		/* special files */
		{BYTES(TAG_NFS, U16(8), U16(0), 'L', 'N', 'K', 1, U32(0)), INVALID_DATA},
		{BYTES(TAG_NFS, U16(8), U16(0), 'C', 'H', 'R', 0, U32(0)), INVALID_DATA},
		{BYTES(TAG_NFS, U16(12), U16(0), 'F', 'I', 'F', 'O', U32(0), U32(0)),
		 INVALID_DATA},
		{BYTES(TAG_NFS, U16(8), U16(0), 'D', 'O', 'O', 'R', U32(0)),
		 INVALID_DATA},
		/* WSL: another version, no target */
		{BYTES(0x1D, 0, 0, 0xA0, U16(5), U16(0), U32(1), 'a'), INVALID_DATA},
		{BYTES(0x1D, 0, 0, 0xA0, U16(4), U16(0), U32(2)), INVALID_DATA},
	};
	struct reparse r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(reparse_decode(cases[i].in, &r).v, cases[i].status);
}

TEST(reparse_buffers_end_at_16_kib)
{
	static uint8_t bytes[REPARSE_BUFFER_MAX + 1];
	struct reparse r;

	for (size_t over = 0; over <= 1; over++) {
		struct wr w = wr_of(mspan_of(bytes, sizeof(bytes)));
		size_t len = REPARSE_BUFFER_MAX - REPARSE_GUID_HEADER_LEN + over;

		wr_u32(&w, 0x42);
		wr_u16(&w, (uint16_t)len);
		wr_u16(&w, 0);
		wr_bytes(&w, BYTES(GUID));
		wr_zero(&w, len);
		CHECK_EQ(reparse_decode(wr_done(&w), &r).v, over ? INVALID_DATA : 0);
	}
}

TEST(reparse_what_is_deleted_has_no_contents)
{
	struct reparse r;

	CHECK_ST(reparse_delete_decode(BYTES(TAG_SYMLINK, U16(0), U16(0)), &r),
		 STATUS_SUCCESS);
	CHECK_EQ(r.tag, IO_REPARSE_TAG_SYMLINK);
	CHECK_ST(reparse_delete_decode(BYTES(0x42, 0, 0, 0, U16(0), U16(0), GUID), &r),
		 STATUS_SUCCESS);
	CHECK_SPAN(r.guid, BYTES(GUID));
	CHECK_ST(reparse_delete_decode(BYTES(0x42, 0, 0, 0, U16(0), U16(0)), &r),
		 STATUS_IO_REPARSE_DATA_INVALID);
	CHECK_ST(
		reparse_delete_decode(BYTES(TAG_SYMLINK, U16(24), U16(0), LINK_DATA), &r),
		STATUS_IO_REPARSE_DATA_INVALID);
	CHECK_ST(reparse_delete_decode(BYTES(U32(0), U16(0), U16(0), GUID), &r),
		 STATUS_IO_REPARSE_TAG_INVALID);
}

TEST(reparse_links_of_the_file_system)
{
	const struct {
		const char *target;
		bool relative;
	} cases[] = {{"a/b", true}, {"../b", true}, {"/a/b", false}};
	uint8_t room[128];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w =
			wr_of(mspan_of(room, reparse_link_room(strlen(cases[i].target))));
		struct reparse r;

		wr_reparse_link(&w, cases[i].target);
		CHECK(wr_ok(&w));
		CHECK_ST(reparse_decode(wr_done(&w), &r), STATUS_SUCCESS);
		CHECK_EQ(reparse_is_relative_link(&r), cases[i].relative);
		if (i == 0)
			CHECK_SPAN(r.data, BYTES(LINK_DATA));
	}
}

TEST(reparse_links_that_cannot_be_said)
{
	static const char *const targets[] = {"", "a\\b", "\xff"};
	uint8_t room[128];

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct wr w = wr_of(mspan_of(room, sizeof(room)));

		wr_reparse_link(&w, targets[i]);
		CHECK(!wr_ok(&w));
	}
}

TEST(reparse_special_files_of_the_file_system)
{
	uint8_t room[REPARSE_NFS_ROOM];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));

	wr_reparse_nfs(&w, NFS_SPECFILE_CHR, 1, 3);
	CHECK_SPAN(wr_done(&w), BYTES(TAG_NFS, U16(16), U16(0), 'C', 'H', 'R', 0, U32(0),
				      U32(1), U32(3)));
	w = wr_of(mspan_of(room, sizeof(room)));
	wr_reparse_nfs(&w, NFS_SPECFILE_FIFO, 0, 0);
	CHECK_SPAN(wr_done(&w),
		   BYTES(TAG_NFS, U16(8), U16(0), 'F', 'I', 'F', 'O', U32(0)));
}

/* [MS-SMB2] 2.2.2.2.1 */
TEST(reparse_symlink_error)
{
	uint8_t room[64];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct reparse r;

	CHECK_ST(reparse_decode(BYTES(TAG_SYMLINK, U16(24), U16(0), LINK_DATA), &r),
		 STATUS_SUCCESS);
	wr_symlink_error(&w, &r, 8);
	CHECK_SPAN(wr_done(&w), BYTES(U32(36), 'S', 'Y', 'M', 'L', TAG_SYMLINK, U16(24),
				      U16(8), LINK_DATA));
}

TEST_MAIN()
