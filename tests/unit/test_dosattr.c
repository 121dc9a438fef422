/* test_dosattr.c - the stored form of DOS attributes, against what Samba 4.17 wrote. */
#include "fs/dosattr.h"
#include "test.h"
#include "wire/fscc_proto.h"

#include <errno.h>

enum { CREATED_LOW = 0x44444444, CREATED_HIGH = 0x33333333 };
#define CREATED ((uint64_t)CREATED_HIGH << 32 | CREATED_LOW)

/* attributes 0x26, creation time CREATED; packed by Samba's own NDR library */
static const uint8_t v3[] = {
	'0',  'x',  '2',  '6',  0,    0,    3,    0,    3,    0,    0,    0,
	0x3f, 0,    0,    0,    0x26, 0,    0,    0,    0xaa, 0xaa, 0xaa, 0xaa,
	8,    7,    6,    5,    4,    3,    2,    1,    0x18, 0x17, 0x16, 0x15,
	0x14, 0x13, 0x12, 0x11, 0x44, 0x44, 0x44, 0x44, 0x33, 0x33, 0x33, 0x33,
	0x66, 0x66, 0x66, 0x66, 0x55, 0x55, 0x55, 0x55,
};
static const uint8_t v4[] = {
	0,    0,    4,    0,    4,    0,    0,    0,    0x51, 0,    0,
	0,    0x26, 0,    0,    0,    0x22, 0x22, 0x22, 0x22, 0x11, 0x11,
	0x11, 0x11, 0x44, 0x44, 0x44, 0x44, 0x33, 0x33, 0x33, 0x33,
};
static const uint8_t v5[] = {
	0,    0, 5, 0, 5,    0,    0,    0,    0x11, 0,    0,    0,
	0x26, 0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x33, 0x33, 0x33, 0x33,
};

/* What smbd stored for a file after `setmode +s`: hidden from nobody, to be archived. */
static const uint8_t smbd[] = {
	0,    0, 5, 0, 5,    0,    0,    0,    0x11, 0,    0,    0,
	0x24, 0, 0, 0, 0x38, 0xf8, 0x91, 0xba, 0x20, 0x7b, 0xdd, 0x01,
};

static const struct span versions[] = {
	{v3, sizeof(v3)},
	{v4, sizeof(v4)},
	{v5, sizeof(v5)},
};

TEST(all_three_versions_say_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct dosattr a;

		CHECK_EQ(dosattr_decode(versions[i], &a), 0);
		CHECK(a.has_attributes);
		CHECK(a.has_create_time);
		CHECK_EQ(a.attributes, FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |
					       FILE_ATTRIBUTE_ARCHIVE);
		CHECK_EQ(a.create_time, CREATED);
	}
}

TEST(what_smbd_stored_is_read)
{
	struct dosattr a;

	CHECK_EQ(dosattr_decode(span_of(smbd, sizeof(smbd)), &a), 0);
	CHECK_EQ(a.attributes, FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE);
	CHECK_EQ(a.create_time, 0x01dd7b20ba91f838);
}

TEST(every_other_length_is_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		uint8_t longer[128] = {0};
		struct dosattr a = {.attributes = 0x77};

		for (size_t len = 0; len < versions[i].len; len++)
			CHECK_EQ(dosattr_decode(span_head(versions[i], len), &a),
				 -EBADMSG);
		memcpy(longer, versions[i].p, versions[i].len);
		CHECK_EQ(dosattr_decode(span_of(longer, versions[i].len + 1), &a),
			 -EBADMSG);
		CHECK_EQ(a.attributes, 0x77); /* untouched */
	}
}

TEST(other_versions_are_refused)
{
	uint8_t bytes[sizeof(v5)];
	struct dosattr a;

	memcpy(bytes, v5, sizeof(v5));
	for (unsigned version = 0; version < 256; version++) {
		bytes[2] = bytes[4] = (uint8_t)version;
		CHECK_EQ(dosattr_decode(span_of(bytes, sizeof(bytes)), &a),
			 version == 5 ? 0 : -EBADMSG);
	}
	bytes[2] = 5;
	bytes[4] = 4;
	CHECK_EQ(dosattr_decode(span_of(bytes, sizeof(bytes)), &a), -EBADMSG);
}

/* Valid bits decide, not values. */
TEST(parts_may_be_missing)
{
	static const struct {
		uint8_t valid;
		bool attributes, create_time;
	} cases[] = {{0, false, false}, {0x01, true, false}, {0x10, false, true}};
	uint8_t bytes[sizeof(v5)];
	struct dosattr a;

	memcpy(bytes, v5, sizeof(v5));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bytes[8] = cases[i].valid;
		CHECK_EQ(dosattr_decode(span_of(bytes, sizeof(bytes)), &a), 0);
		CHECK_EQ(a.has_attributes, cases[i].attributes);
		CHECK_EQ(a.has_create_time, cases[i].create_time);
	}
}

/* A directory is one because it is one, not because an attribute says so. */
TEST(attributes_that_are_not_stored_are_not_believed)
{
	uint8_t bytes[sizeof(v5)];
	struct dosattr a;

	memcpy(bytes, v5, sizeof(v5));
	memset(bytes + 12, 0xff, 4);
	CHECK_EQ(dosattr_decode(span_of(bytes, sizeof(bytes)), &a), 0);
	CHECK_EQ(a.attributes, dosattr_kept());
	CHECK_EQ(a.attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_NORMAL), 0);
	CHECK_EQ(a.reparse_tag, 0);
}

/* FSCTL_SET_SPARSE and FSCTL_SET_REPARSE_POINT alone set them. */
TEST(some_are_kept_but_not_for_clients_to_set)
{
	CHECK_EQ(dosattr_kept() & ~dosattr_settable(),
		 FILE_ATTRIBUTE_SPARSE_FILE | FILE_ATTRIBUTE_REPARSE_POINT);
	CHECK_EQ(dosattr_settable() & ~dosattr_kept(), 0);
}

TEST(written_as_samba_writes_it)
{
	struct dosattr a = {
		.has_attributes = true,
		.has_create_time = true,
		.attributes = 0x26,
		.create_time = CREATED,
	};
	uint8_t room[DOSATTR_LEN];

	CHECK_SPAN(dosattr_encode(&a, 5, room), span_of(v5, sizeof(v5)));
}

TEST(each_version_is_written)
{
	const struct dosattr a = {
		.has_attributes = true,
		.has_create_time = true,
		.attributes = 0x26,
		.create_time = CREATED,
	};

	for (unsigned version = 3; version <= 5; version++) {
		uint8_t room[DOSATTR_LEN];
		struct span xattr = dosattr_encode(&a, version, room);
		struct dosattr again;

		CHECK_EQ(xattr.p[2], version);
		CHECK_EQ(dosattr_decode(xattr, &again), 0);
		CHECK(again.has_attributes && again.has_create_time);
		CHECK(!again.has_change_time);
		CHECK_EQ(again.attributes, 0x26);
		CHECK_EQ(again.create_time, CREATED);
	}
}

/* A change time of a client's, beside the two that it holds for. */
static const struct dosattr changed = {
	.has_attributes = true,
	.has_create_time = true,
	.has_change_time = true,
	.attributes = 0x26,
	.create_time = CREATED,
	.change_time = 77,
	.own_change_time = UINT64_C(134000000000000000),
	.write_time = UINT64_C(133000000000000000),
};

TEST(a_change_time_comes_back)
{
	uint8_t room[DOSATTR_LEN];
	struct dosattr a = {0};
	struct span xattr = dosattr_encode(&changed, 5, room);

	CHECK_EQ(xattr.len, DOSATTR_LEN);
	CHECK_EQ(xattr.p[2], 3);
	CHECK_EQ(dosattr_decode(xattr, &a), 0);
	CHECK(a.has_attributes && a.has_create_time && a.has_change_time);
	CHECK_EQ(a.attributes, changed.attributes);
	CHECK_EQ(a.create_time, changed.create_time);
	CHECK_EQ(a.change_time, changed.change_time);
	CHECK_EQ(a.own_change_time, changed.own_change_time);
	CHECK_EQ(a.write_time, changed.write_time);
}

/* With sizes where ours are times it is another's, and says nothing of when it holds. */
TEST(a_change_time_of_samba_is_not_shown)
{
	struct dosattr a;
	uint8_t bytes[sizeof(v3)];

	CHECK_EQ(dosattr_decode(span_of(v3, sizeof(v3)), &a), 0);
	CHECK(!a.has_change_time);
	memcpy(bytes, v3, sizeof(v3));
	for (unsigned valid = 0; valid < 0x40; valid++) {
		bytes[12] = (uint8_t)valid;
		CHECK_EQ(dosattr_decode(span_of(bytes, sizeof(bytes)), &a), 0);
		CHECK_EQ(a.has_change_time, (valid & 0x2C) == 0x20);
	}
}

TEST(when_a_change_time_holds)
{
	static const struct {
		int64_t own_later, written_later; /* 100 ns */
		bool holds;
	} cases[] = {
		{0, 0, true},      {1, 0, true},          {20000, 0, true},
		{20001, 0, false}, {-1, 0, false},        {0, 1, false},
		{0, -1, false},    {INT64_MAX, 0, false}, {-10000, 0, false},
	};
	struct dosattr none = changed;

	none.has_change_time = false;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t own = changed.own_change_time + (uint64_t)cases[i].own_later;
		uint64_t written = changed.write_time + (uint64_t)cases[i].written_later;

		CHECK_EQ(dosattr_change_time_holds(&changed, own, written),
			 cases[i].holds);
		CHECK(!dosattr_change_time_holds(&none, own, written));
	}
}

TEST_MAIN()
