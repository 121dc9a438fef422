/* test_ntacl.c - Samba's attribute for descriptors, against what smbd 4.17 stored (tests/vectors/ntacl.txt). */
#include "fs/ntacl.h"
#include "vectors.h"
#include "wire/sd.h"

#include <errno.h>
#include <string.h>

enum { ROOM = 512 };

static const char *const versions[] = {"v3", "v4"};

/* A copy, as decoding changes it. */
static struct mspan stored(const char *name, uint8_t room[ROOM])
{
	struct span v = vec("ntacl.txt", NULL, name);

	assert_true(v.len <= ROOM);
	memcpy(room, v.p, v.len);
	return mspan_of(room, v.len);
}

TEST(what_smbd_stored_is_a_descriptor)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		uint8_t room[ROOM];
		struct arena a;
		struct span bytes;
		struct sd sd;

		arena_init(&a, 1 << 16);
		CHECK_EQ(ntacl_decode(stored(versions[i], room), &bytes), 0);
		CHECK(nt_ok(sd_decode(&a, bytes, &sd)));
		CHECK_EQ(sd.dacl->count, 4);
		arena_fini(&a);
	}
}

/* Byte for byte, as with the setting under which Samba does not hash. */
TEST(version_3_is_written_as_smbd_does)
{
	uint8_t room[ROOM], found[ROOM];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct span sd;

	CHECK_EQ(ntacl_decode(stored("v3", found), &sd), 0);
	ntacl_encode(&w, 3, sd);
	CHECK(wr_ok(&w));
	CHECK(span_eq(wr_done(&w), vec("ntacl.txt", NULL, "v3")));
}

/* Its hashes and its time apart, which are left out. */
TEST(version_4_is_written_as_smbd_does)
{
	enum { HASH = 14, TEXT = HASH + 64, TIME = TEXT + 10, SD = TIME + 8 + 64 };
	struct span v4 = vec("ntacl.txt", NULL, "v4");
	uint8_t want[ROOM] = {0}, room[ROOM], found[ROOM];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct span sd;

	CHECK_EQ(ntacl_decode(stored("v4", found), &sd), 0);
	CHECK(sd.p == found + SD);
	CHECK_EQ(NTACL_HEAD_LEN, SD);
	memcpy(want, v4.p, HASH);
	memcpy(want + TEXT, v4.p + TEXT, TIME - TEXT);
	memcpy(want + SD, v4.p + SD, v4.len - SD);
	ntacl_encode(&w, 4, sd);
	CHECK(wr_ok(&w));
	CHECK(span_eq(wr_done(&w), span_of(want, v4.len)));
}

TEST(what_is_cut_is_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		uint8_t room[ROOM];
		struct span sd;

		CHECK_EQ(ntacl_decode(stored(versions[i], room), &sd), 0);
		for (size_t len = 0; room + len < sd.p + 20; len++) {
			stored(versions[i], room);
			CHECK_EQ(ntacl_decode(mspan_of(room, len), &sd), -EBADMSG);
		}
	}
}

/* One byte that is something else: which, and what is refused for it. */
TEST(what_is_none_is_refused)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} wrong[] = {
		{0, 4},         /* two versions */
		{2, 2},         /* likewise */
		{6, 0},         /* no reference */
		{80 + 4, 0x4f}, /* the owner before the descriptor */
	};
	uint8_t room[ROOM];
	struct span sd;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct mspan m = stored("v3", room);

		room[wrong[i].at] = wrong[i].byte;
		CHECK_EQ(ntacl_decode(m, &sd), -EBADMSG);
	}
	for (unsigned version = 0; version < 8; version++) {
		struct mspan m = stored("v3", room);

		room[0] = room[2] = (uint8_t)version;
		if (version != 3 && version != 4)
			CHECK_EQ(ntacl_decode(m, &sd), -EBADMSG);
	}
}

TEST(what_is_no_descriptor_is_not_stored)
{
	static const uint8_t bytes[19];
	uint8_t room[ROOM];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));

	ntacl_encode(&w, 3, span_of(bytes, sizeof(bytes)));
	CHECK(!wr_ok(&w));
}

TEST_MAIN()
