#include "test.h"

#include "cmd/dir_info.h"
#include "wire/fscc_proto.h"

enum { ROOM = 256 };

#define U64(n) (n), 0, 0, 0, 0, 0, 0, 0
#define U32(n) (n), 0, 0, 0
#define Z8     0, 0, 0, 0, 0, 0, 0, 0
#define Z26    0, 0, Z8, Z8, Z8
#define NAME   'a', 0, 0xAC, 0x20

static const struct vfs_stat stat = {
	.key = {.volume = 9, .inode = 0x44, .generation = 0x55},
	.type = VFS_FILE,
	.dos_attributes = FILE_ATTRIBUTE_ARCHIVE,
	.size = 5,
	.allocated = 6,
	.create_time = 1,
	.access_time = 2,
	.write_time = 3,
	.change_time = 4,
};

/* Of an entry with two characters: what all but FileNamesInformation begin with. */
#define HEAD                                                                             \
	U32(0), U32(0), U64(1), U64(2), U64(3), U64(4), U64(5), U64(6), U32(0x20), U32(4)

static void check(uint8_t class, const struct vfs_stat *s, struct span want)
{
	const struct dir_info_class *c = dir_info_class(class);
	uint8_t room[ROOM];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));

	dir_info_encode(c, &w, "a\xE2\x82\xAC", "", s);
	CHECK(wr_ok(&w));
	CHECK_SPAN(wr_done(&w), want);
	CHECK_EQ(wr_pos(&w), c->fixed_len + 4);
}

/* [MS-FSCC] 2.4.x, each */
TEST(dir_info_encodes_byte_exact)
{
	check(FileNamesInformation, &stat, BYTES(U32(0), U32(0), U32(4), NAME));
	check(FileDirectoryInformation, &stat, BYTES(HEAD, NAME));
	check(FileFullDirectoryInformation, &stat, BYTES(HEAD, U32(0), NAME));
	check(FileIdFullDirectoryInformation, &stat,
	      BYTES(HEAD, U32(0), U32(0), U64(0x44), NAME));
	check(FileBothDirectoryInformation, &stat, BYTES(HEAD, U32(0), Z26, NAME));
	check(FileIdBothDirectoryInformation, &stat,
	      BYTES(HEAD, U32(0), Z26, 0, 0, U64(0x44), NAME));
	check(FileIdExtdDirectoryInformation, &stat,
	      BYTES(HEAD, U32(0), U32(0), U64(0x44), U64(0x55), NAME));
	check(FileId64ExtdDirectoryInformation, &stat,
	      BYTES(HEAD, U32(0), U32(0), U64(0x44), NAME));
	check(FileId64ExtdBothDirectoryInformation, &stat,
	      BYTES(HEAD, U32(0), U32(0), U64(0x44), Z26, NAME));
	check(FileIdAllExtdDirectoryInformation, &stat,
	      BYTES(HEAD, U32(0), U32(0), U64(0x44), U64(0x44), U64(0x55), NAME));
	check(FileIdAllExtdBothDirectoryInformation, &stat,
	      BYTES(HEAD, U32(0), U32(0), U64(0x44), U64(0x44), U64(0x55), Z26, NAME));
}

/* The short name is padded to 24 bytes. */
TEST(dir_info_short_name)
{
	static const struct {
		uint8_t class;
		size_t at;
	} cases[] = {
		{FileBothDirectoryInformation, 68},
		{FileIdBothDirectoryInformation, 68},
		{FileId64ExtdBothDirectoryInformation, 80},
		{FileIdAllExtdBothDirectoryInformation, 96},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct dir_info_class *c = dir_info_class(cases[i].class);
		uint8_t room[ROOM];
		struct wr w = wr_of(mspan_of(room, sizeof(room)));

		CHECK(c->with_short);
		dir_info_encode(c, &w, "a\xE2\x82\xAC", "A~B.C", &stat);
		CHECK_EQ(wr_pos(&w), c->fixed_len + 4);
		CHECK_SPAN(span_of(room + cases[i].at, 26),
			   BYTES(10, 0, 'A', 0, '~', 0, 'B', 0, '.', 0, 'C', 0, Z8, 0, 0,
				 0, 0, 0, 0));
	}
	CHECK(!dir_info_class(FileFullDirectoryInformation)->with_short);
}

/* Where there is no field of its own the tag stands for the length of extended attributes. */
TEST(dir_info_reparse_tag)
{
	struct vfs_stat link = stat;
	uint8_t room[ROOM];
	struct wr w;

	link.reparse_tag = IO_REPARSE_TAG_SYMLINK;
	w = wr_of(mspan_of(room, sizeof(room)));
	dir_info_encode(dir_info_class(FileFullDirectoryInformation), &w, "a", "", &link);
	CHECK_SPAN(span_of(room + 64, 4), BYTES(0x0C, 0, 0, 0xA0));
	w = wr_of(mspan_of(room, sizeof(room)));
	dir_info_encode(dir_info_class(FileIdExtdDirectoryInformation), &w, "a", "",
			&link);
	CHECK_SPAN(span_of(room + 64, 8), BYTES(0, 0, 0, 0, 0x0C, 0, 0, 0xA0));
}

TEST(dir_info_knows_its_classes)
{
	CHECK(!dir_info_class(0));
	CHECK(!dir_info_class(FileBasicInformation));
	CHECK(!dir_info_class(FileIdGlobalTxDirectoryInformation));
	CHECK(!dir_info_class(FileNamesInformation)->with_stat);
	CHECK(dir_info_class(FileDirectoryInformation)->with_stat);
}

TEST_MAIN()
