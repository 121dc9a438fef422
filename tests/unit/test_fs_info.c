#include "test.h"

#include "cmd/fs_info.h"
#include "wire/smb2_proto.h"

enum { ROOM = 256 };

#define U64(n) (n), 0, 0, 0, 0, 0, 0, 0
#define U32(n) (n), 0, 0, 0

static const uint8_t guid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static const struct fs_info volume = {
	.fs = {.block_size = 4096,
	       .blocks = 100,
	       .blocks_free = 60,
	       .blocks_available = 50,
	       .volume_id = 0x0000000200000001,
	       .create_time = 7,
	       .name_max = 255,
	       .fs_name = "xfs"},
	.label = "tmp",
	.guid = guid,
};

static void check(uint8_t class, const struct fs_info *i, struct span want)
{
	uint8_t room[ROOM];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));

	fs_info_class(class)->encode(&w, i);
	CHECK(wr_ok(&w));
	CHECK_SPAN(wr_done(&w), want);
}

/* [MS-FSCC] 2.5.x, each */
TEST(fs_info_encodes_byte_exact)
{
	check(FileFsVolumeInformation, &volume,
	      BYTES(U64(7), U32(3), U32(6), 0, 0, 't', 0, 'm', 0, 'p', 0));
	check(FileFsSizeInformation, &volume,
	      BYTES(U64(100), U64(50), U32(8), 0x00, 0x02, 0, 0));
	check(FileFsFullSizeInformation, &volume,
	      BYTES(U64(100), U64(50), U64(60), U32(8), 0x00, 0x02, 0, 0));
	check(FileFsDeviceInformation, &volume, BYTES(U32(7), U32(0x20)));
	check(FileFsAttributeInformation, &volume,
	      BYTES(0xCF, 0, 0xC0, 0, U32(255), U32(6), 'x', 0, 'f', 0, 's', 0));
	check(FileFsSectorSizeInformation, &volume,
	      BYTES(0x00, 0x02, 0, 0, 0, 0x10, 0, 0, 0, 0x10, 0, 0, 0, 0x10, 0, 0,
		    U32(11), U32(0), U32(0)));
}

TEST(fs_info_object_id_is_of_volume_and_server)
{
	uint8_t want[64] = {1, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};

	check(FileFsObjectIdInformation, &volume, span_of(want, sizeof(want)));
}

TEST(fs_info_tells_of_no_quotas)
{
	uint8_t want[48] = {0};

	memset(want + 24, 0xFF, 16);
	check(FileFsControlInformation, &volume, span_of(want, sizeof(want)));
}

TEST(fs_info_read_only)
{
	struct fs_info i = volume;

	i.fs.read_only = true;
	check(FileFsDeviceInformation, &i, BYTES(U32(7), U32(0x22)));
	check(FileFsAttributeInformation, &i,
	      BYTES(0xCF, 0, 0xC8, 0, U32(255), U32(6), 'x', 0, 'f', 0, 's', 0));
}

TEST(fs_info_tells_of_named_streams)
{
	struct fs_info i = volume;

	i.named_streams = true;
	check(FileFsAttributeInformation, &i,
	      BYTES(0xCF, 0, 0xC4, 0, U32(255), U32(6), 'x', 0, 'f', 0, 's', 0));
}

/* Sizes that are no multiple of a sector are not rounded: the block is the sector times something. */
TEST(fs_info_odd_block_sizes)
{
	struct fs_info i = volume;

	i.fs.block_size = 1000;
	check(FileFsSizeInformation, &i,
	      BYTES(U64(100), U64(50), 0xE8, 0x03, 0, 0, U32(1)));
	check(FileFsSectorSizeInformation, &i,
	      BYTES(0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, U32(11), U32(0),
		    U32(0)));
	i.fs.block_size = 65536;
	check(FileFsSectorSizeInformation, &i,
	      BYTES(0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, U32(11), U32(0),
		    U32(0)));
}

TEST(fs_info_of_pipes)
{
	struct fs_info i = {.label = "IPC$", .fs.fs_name = "NPFS", .pipe = true};

	check(FileFsDeviceInformation, &i, BYTES(U32(0x11), U32(0)));
	CHECK(fs_info_class(FileFsVolumeInformation)->of_pipe);
	CHECK(!fs_info_class(FileFsSizeInformation)->of_pipe);
}

TEST(fs_info_lengths_and_uses)
{
	for (unsigned class = 0; class <= UINT8_MAX; class ++) {
		const struct fs_info_class *c = fs_info_class((uint8_t) class);
		uint8_t room[ROOM];
		struct wr w = wr_of(mspan_of(room, sizeof(room)));

		if (!c)
			continue;
		c->encode(&w, &volume);
		CHECK(wr_done(&w).len >= c->fixed_len);
		CHECK(wr_done(&w).len <= FS_INFO_LEN_MAX + 12);
	}
	CHECK(!fs_info_class(FileFsLabelInformation));
	CHECK(fs_info_is_class(FileFsLabelInformation));
	CHECK(!fs_info_is_class(0));
	CHECK(!fs_info_is_class(12));
	CHECK(fs_info_is_settable(FileFsControlInformation));
	CHECK(fs_info_is_settable(FileFsLabelInformation));
	CHECK(!fs_info_is_settable(FileFsSizeInformation));
}

TEST_MAIN()
