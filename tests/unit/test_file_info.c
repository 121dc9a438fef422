#include "test.h"

#include "cmd/file_info.h"
#include "wire/filetime.h"
#include "wire/smb2_proto.h"

#include <string.h>

enum { ROOM = 512 };

static const struct file_info file = {
	.stat =
		{
			.key = {.volume = 0x1111, .inode = 0x2222, .generation = 0x33},
			.type = VFS_FILE,
			.nlink = 2,
			.dos_attributes = FILE_ATTRIBUTE_ARCHIVE,
			.size = 0x0A0B,
			.allocated = 0x1000,
			.create_time = 1,
			.access_time = 2,
			.write_time = 3,
			.change_time = 4,
		},
	.ea_len = 0x55,
	.access = 0x00120089,
	.mode = 2,
	.position = 0x66,
	.path = "d\\\xC3\xA4",
	.pipe_waiting = 0x77,
};

#define U64(n) (n), 0, 0, 0, 0, 0, 0, 0
#define U32(n) (n), 0, 0, 0
#define BASIC  U64(1), U64(2), U64(3), U64(4), U32(0x20), U32(0)
#define STANDARD                                                                         \
	0x00, 0x10, 0, 0, 0, 0, 0, 0, 0x0B, 0x0A, 0, 0, 0, 0, 0, 0, U32(2), 0, 0, 0, 0
#define ACCESS 0x89, 0x00, 0x12, 0x00

static struct span encode(uint8_t class, const struct file_info *i, uint8_t *room)
{
	struct wr w = wr_of(mspan_of(room, ROOM));

	file_info_class(class)->encode(&w, i);
	CHECK(wr_ok(&w));
	return wr_done(&w);
}

static void check(uint8_t class, struct span want)
{
	uint8_t room[ROOM];

	CHECK_SPAN(encode(class, &file, room), want);
}

/* [MS-FSCC] 2.4.x, each */
TEST(file_info_encodes_byte_exact)
{
	check(FileAccessInformation, BYTES(ACCESS));
	check(FileAlignmentInformation, BYTES(U32(0)));
	check(FileAttributeTagInformation, BYTES(U32(0x20), U32(0)));
	check(FileBasicInformation, BYTES(BASIC));
	check(FileCompressionInformation,
	      BYTES(0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	check(FileEaInformation, BYTES(U32(0x55)));
	check(FileIdInformation, BYTES(0x11, 0x11, 0, 0, 0, 0, 0, 0, 0x22, 0x22, 0, 0, 0,
				       0, 0, 0, U64(0x33)));
	check(FileInternalInformation, BYTES(0x22, 0x22, 0, 0, 0, 0, 0, 0));
	check(FileModeInformation, BYTES(U32(2)));
	check(FileNetworkOpenInformation,
	      BYTES(U64(1), U64(2), U64(3), U64(4), 0, 0x10, 0, 0, 0, 0, 0, 0, 0x0B, 0x0A,
		    0, 0, 0, 0, 0, 0, U32(0x20), U32(0)));
	check(FileNormalizedNameInformation, BYTES(U32(6), 'd', 0, '\\', 0, 0xE4, 0));
	check(FilePositionInformation, BYTES(U64(0x66)));
	check(FileStandardInformation, BYTES(STANDARD));
}

TEST(file_info_of_pipes)
{
	check(FilePipeInformation, BYTES(U32(1), U32(0)));
	check(FilePipeLocalInformation,
	      BYTES(U32(1), U32(2), U32(0xFF), U32(1), 0, 0x10, 0, 0, U32(0x77), 0, 0x10,
		    0, 0, 0, 0x10, 0, 0, U32(3), U32(0)));
	check(FilePipeRemoteInformation, BYTES(U64(0), U32(0)));
}

TEST(file_info_all_ends_with_the_name)
{
	check(FileAllInformation,
	      BYTES(BASIC, STANDARD, 0x22, 0x22, 0, 0, 0, 0, 0, 0, U32(0x55), ACCESS,
		    U64(0x66), U32(2), U32(0), U32(6), 'd', 0, '\\', 0, 0xE4, 0));
}

TEST(file_info_one_stream_for_a_file_none_for_a_directory)
{
	struct file_info dir = file;
	uint8_t room[ROOM];

	check(FileStreamInformation,
	      BYTES(U32(0), U32(14), 0x0B, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0,
		    0, ':', 0, ':', 0, '$', 0, 'D', 0, 'A', 0, 'T', 0, 'A', 0));
	dir.stat.type = VFS_DIR;
	CHECK_EQ(encode(FileStreamInformation, &dir, room).len, 0);
}

TEST(file_info_lists_named_streams)
{
	static const struct vfs_stream streams[] = {{"s", 5, 8}, {"t", 0, 0}};
	struct file_info i = file;
	uint8_t room[ROOM];
	struct span s;

	i.streams = streams;
	i.stream_count = ARRAY_LEN(streams);
	i.stat.type = VFS_DIR;
	s = encode(FileStreamInformation, &i, room);
	CHECK_SPAN(s,
		   BYTES(U32(40), U32(16), U64(5), U64(8), ':', 0, 's', 0, ':', 0, '$', 0,
			 'D', 0, 'A', 0, 'T', 0, 'A', 0, U32(0), U32(16), U64(0), U64(0),
			 ':', 0, 't', 0, ':', 0, '$', 0, 'D', 0, 'A', 0, 'T', 0, 'A', 0));
	CHECK(s.len <= file_streams_len(&i));
	i.stat.type = VFS_FILE;
	s = encode(FileStreamInformation, &i, room);
	CHECK_EQ(s.p[0], 40); /* the unnamed one is first */
	CHECK_EQ(s.p[4], 14);
	CHECK_EQ(s.p[40], 40);
	CHECK(s.len <= file_streams_len(&i));
}

TEST(file_info_names_the_stream)
{
	struct file_info i = file;
	uint8_t room[ROOM];

	i.stream = "s";
	CHECK_SPAN(encode(FileNormalizedNameInformation, &i, room),
		   BYTES(U32(10), 'd', 0, '\\', 0, 0xE4, 0, ':', 0, 's', 0));
}

TEST(file_info_pending_deletion_takes_a_link)
{
	struct file_info i = file;
	uint8_t room[ROOM];
	struct span s;

	i.delete_pending = true;
	s = encode(FileStandardInformation, &i, room);
	CHECK_EQ(s.p[16], 1);
	CHECK_EQ(s.p[20], 1);
	i.stat.nlink = 0; /* removed behind our back: pending all the same */
	i.delete_pending = false;
	s = encode(FileStandardInformation, &i, room);
	CHECK_EQ(s.p[16], 0);
	CHECK_EQ(s.p[20], 1);
}

TEST(file_info_reparse_tag_of_a_link)
{
	struct file_info i = file;
	uint8_t room[ROOM];

	i.stat.dos_attributes = FILE_ATTRIBUTE_REPARSE_POINT;
	i.stat.reparse_tag = IO_REPARSE_TAG_SYMLINK;
	CHECK_SPAN(encode(FileAttributeTagInformation, &i, room),
		   BYTES(0, 4, 0, 0, 0x0C, 0, 0, 0xA0));
}

/* Every answer has at least its fixed part, but for the padding that Windows counts; and fits the announced length. */
TEST(file_info_lengths)
{
	for (unsigned class = 0; class <= UINT8_MAX; class ++) {
		const struct file_info_class *c = file_info_class((uint8_t) class);
		uint8_t room[ROOM];
		size_t len;

		if (!c)
			continue;
		len = encode((uint8_t) class, &file, room).len;
		CHECK(len + 4 >= c->fixed_len);
		CHECK(len <= FILE_INFO_LEN_MAX + 2 * strlen(file.path));
		CHECK(file_info_is_class((uint8_t) class));
	}
}

TEST(file_info_knows_its_classes)
{
	CHECK(file_info_class(FileFullEaInformation) == NULL);
	CHECK(file_info_class(FileNameInformation) == NULL);
	CHECK(file_info_is_class(FileNameInformation));
	CHECK(file_info_is_class(FileIdAllExtdBothDirectoryInformation));
	CHECK(!file_info_is_class(0));
	CHECK(!file_info_is_class(30));
	CHECK(!file_info_is_class(FileInfoClass_Reserved));
	CHECK(file_info_is_settable(FileRenameInformationEx));
	CHECK(!file_info_is_settable(FileStandardInformation));
}

/* ---- decoders ------------------------------------------------------------------------------------ */

static nt_status decode_basic(struct span s, bool directory, struct file_basic *b)
{
	struct rd r = rd_of(s);

	return file_basic_decode(&r, directory, b);
}

#define FREEZE 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF
#define THAW   0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF

TEST(file_basic_decodes_times_and_orders)
{
	struct file_basic b;

	CHECK_ST(decode_basic(BYTES(U64(0), U64(9), FREEZE, THAW, U32(0x21), U32(0)),
			      false, &b),
		 STATUS_SUCCESS);
	CHECK_EQ(b.create_time, FILETIME_KEEP);
	CHECK_EQ(b.access_time, 9);
	CHECK(b.write_time == FILETIME_FREEZE);
	CHECK(b.change_time == FILETIME_THAW);
	CHECK_EQ(b.attributes, 0x21);
}

TEST(file_basic_refuses_times_that_are_none)
{
	uint8_t bytes[40] = {0};
	struct file_basic b;

	for (size_t field = 0; field < 4; field++) {
		memset(bytes, 0, sizeof(bytes));
		memset(bytes + 8 * field, 0xFF, 8);
		CHECK_ST(decode_basic(span_of(bytes, 40), false, &b), STATUS_SUCCESS);
		bytes[8 * field] = 0xFD; /* -3 */
		CHECK_ST(decode_basic(span_of(bytes, 40), false, &b),
			 STATUS_INVALID_PARAMETER);
	}
}

TEST(file_basic_refuses_attributes_of_another_kind)
{
	struct file_basic b;

	CHECK_ST(decode_basic(BYTES(U64(0), U64(0), U64(0), U64(0), U32(0x10), U32(0)),
			      true, &b),
		 STATUS_SUCCESS);
	CHECK_ST(decode_basic(BYTES(U64(0), U64(0), U64(0), U64(0), U32(0x10), U32(0)),
			      false, &b),
		 STATUS_INVALID_PARAMETER);
	CHECK_ST(decode_basic(BYTES(U64(0), U64(0), U64(0), U64(0), 0, 1, 0, 0, U32(0)),
			      false, &b),
		 STATUS_SUCCESS);
	CHECK_ST(decode_basic(BYTES(U64(0), U64(0), U64(0), U64(0), 0, 1, 0, 0, U32(0)),
			      true, &b),
		 STATUS_INVALID_PARAMETER);
}

TEST(file_basic_refuses_every_truncation)
{
	static const uint8_t bytes[40];
	struct file_basic b;

	for (size_t len = 0; len < sizeof(bytes); len++)
		CHECK_ST(decode_basic(span_of(bytes, len), false, &b),
			 STATUS_INFO_LENGTH_MISMATCH);
}

static nt_status decode_target(struct arena *a, struct span s, struct file_target *t)
{
	struct rd r = rd_of(s);

	return file_target_decode(&r, a, t);
}

#define TARGET(replace, root, len) (replace), 0, 0, 0, 0, 0, 0, 0, U64(root), U32(len)

TEST(file_target_decodes_a_path)
{
	CLEANUP(arena_fini) struct arena a;
	struct file_target t;

	arena_init(&a, 1 << 16);
	CHECK_ST(decode_target(&a, BYTES(TARGET(1, 0, 6), 'd', 0, '\\', 0, 'f', 0, 0xEE),
			       &t),
		 STATUS_SUCCESS);
	CHECK(t.replace);
	CHECK_EQ(t.path.count, 2);
	CHECK_STR(t.path.names[1], "f");
}

TEST(file_target_decodes_a_stream)
{
	CLEANUP(arena_fini) struct arena a;
	struct file_target t;

	arena_init(&a, 1 << 16);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 4), ':', 0, 's', 0), &t),
		 STATUS_SUCCESS);
	CHECK_EQ(t.path.count, 0);
	CHECK_STR(t.path.stream, "s");
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 6), 'f', 0, ':', 0, 's', 0), &t),
		 STATUS_SUCCESS);
	CHECK_EQ(t.path.count, 1);
	CHECK_STR(t.path.stream, "s");
	CHECK_ST(decode_target(&a,
			       BYTES(TARGET(0, 0, 14), ':', 0, ':', 0, '$', 0, 'D', 0,
				     'A', 0, 'T', 0, 'A', 0),
			       &t),
		 STATUS_SUCCESS);
	CHECK_EQ(t.path.count, 0);
	CHECK(!t.path.stream);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 2), ':', 0), &t),
		 STATUS_OBJECT_NAME_INVALID);
}

TEST(file_target_refuses)
{
	CLEANUP(arena_fini) struct arena a;
	struct file_target t;

	arena_init(&a, 1 << 16);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 1, 2), 'f', 0), &t),
		 STATUS_INVALID_PARAMETER); /* RootDirectory */
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 0), 'f', 0), &t),
		 STATUS_INVALID_PARAMETER);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 1), 'f', 0), &t),
		 STATUS_INVALID_PARAMETER);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 4), 'f', 0), &t),
		 STATUS_INVALID_PARAMETER); /* longer than what was sent */
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 2), '\\', 0), &t),
		 STATUS_INVALID_PARAMETER);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 4), 'd', 0, '\\', 0), &t),
		 STATUS_OBJECT_NAME_INVALID);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 2), '*', 0), &t),
		 STATUS_OBJECT_NAME_INVALID);
	CHECK_ST(decode_target(&a, BYTES(TARGET(0, 0, 4), '.', 0, '.', 0), &t),
		 STATUS_OBJECT_PATH_SYNTAX_BAD);
}

TEST(file_target_refuses_every_truncation)
{
	static const uint8_t bytes[] = {TARGET(1, 0, 2), 'f', 0};
	CLEANUP(arena_fini) struct arena a;
	struct file_target t;

	arena_init(&a, 1 << 16);
	CHECK_ST(decode_target(&a, span_of(bytes, sizeof(bytes)), &t), STATUS_SUCCESS);
	for (size_t len = 0; len < sizeof(bytes); len++)
		CHECK_ST(decode_target(&a, span_of(bytes, len), &t),
			 STATUS_INVALID_PARAMETER);
}

TEST_MAIN()
