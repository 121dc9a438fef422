/* test_create_contexts.c - [MS-SMB2] 2.2.13.2, 2.2.14.2, 3.3.5.9: each context, each rule, each truncation. */
#include "cmd/create_contexts.h"
#include "test.h"
#include "wire/smb2_proto.h"

enum { LIST_MAX = 8192, HEADER_LEN = SMB2_CREATE_CONTEXT_HEADER_LEN };

struct context {
	const char *name;
	struct span data;
};

/* As clients write it: name, data, each 8-aligned. */
static struct span build(uint8_t *buf, const struct context *list, size_t count)
{
	struct wr w = wr_of(mspan_of(buf, LIST_MAX));

	for (size_t i = 0; i < count; i++) {
		size_t start = wr_pos(&w), next = wr_hole_u32(&w);
		uint16_t name_len = (uint16_t)strlen(list[i].name);

		wr_u16(&w, HEADER_LEN);
		wr_u16(&w, name_len);
		wr_u16(&w, 0x5555); /* Reserved: ignored */
		wr_u16(&w,
		       (uint16_t)(list[i].data.len ? HEADER_LEN + (name_len + 7) / 8 * 8
						   : 0));
		wr_u32(&w, (uint32_t)list[i].data.len);
		wr_bytes(&w, span_of_str(list[i].name));
		if (list[i].data.len)
			wr_align(&w, 8);
		wr_bytes(&w, list[i].data);
		if (i + 1 < count)
			wr_align(&w, 8);
		wr_fill_u32(&w, next, i + 1 < count ? (uint32_t)(wr_pos(&w) - start) : 0);
	}
	CHECK(wr_ok(&w));
	return wr_done(&w);
}

static nt_status decode(struct span list, struct create_contexts *ret)
{
	struct arena a;
	nt_status st;

	arena_init(&a, 1 << 20);
	st = create_contexts_decode(list, &a, ret);
	arena_fini(&a);
	return st;
}

/* SECURITY_DESCRIPTOR without anything, FILE_FULL_EA_INFORMATION with one name */
#define EMPTY_SD BYTES(1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#define ONE_EA   BYTES(0, 0, 0, 0, 0, 1, 2, 0, 'N', 0, 'v', 'w')
#define TEN      BYTES(10, 0, 0, 0, 0, 0, 0, 0)
/* A key, RWH, a flag, no duration; in version 2 a parent's key, an epoch */
#define LEASE_V1                                                                         \
	BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 7, 0, 0, 0, 2, 0,   \
	      0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#define LEASE_V2                                                                         \
	BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 7, 0, 0, 0, 4, 0,   \
	      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,  \
	      32, 33, 34, 35, 36, 0x34, 0x12, 0, 0)

/* A file id; a timeout, flags, reserved, a guid; a file id, a guid, flags */
#define DURABLE_V1 BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
#define DURABLE_V2                                                                       \
	BYTES(0x10, 0x27, 0, 0, 2, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, \
	      8, 9, 10, 11, 12, 13, 14, 15, 16)
#define DURABLE_AGAIN_V2                                                                 \
	BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 2, 3, 4, 5, 6,   \
	      7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 2, 0, 0, 0)

#define ALL                                                                              \
	{                                                                                \
		{"MxAc", {NULL, 0}}, {"QFid", {NULL, 0}}, {"AlSi", TEN},                 \
			{"SecD", EMPTY_SD}, {"ExtA", ONE_EA}, {"TWrp", TEN},             \
	}

TEST(no_contexts)
{
	struct create_contexts c = {.maximal_access = true};

	CHECK_ST(decode(span_of(NULL, 0), &c), STATUS_SUCCESS);
	CHECK(!c.maximal_access && !c.on_disk_id && !c.has_allocation && !c.descriptor);
	CHECK_EQ(c.ea_count, 0);
	CHECK_EQ(c.snapshot, 0);
}

TEST(all_contexts_in_one_list)
{
	const struct context all[] = ALL;
	struct create_contexts c;
	uint8_t buf[LIST_MAX];
	struct arena a;

	arena_init(&a, 1 << 20);
	CHECK_ST(create_contexts_decode(build(buf, all, ARRAY_LEN(all)), &a, &c),
		 STATUS_SUCCESS);
	CHECK(c.maximal_access && c.on_disk_id && c.has_allocation);
	CHECK_EQ(c.allocation, 10);
	CHECK_EQ(c.snapshot, 10);
	CHECK(c.descriptor && !c.descriptor->owner && !c.descriptor->dacl);
	CHECK_EQ(c.ea_count, 1);
	CHECK_STR(c.eas[0].name, "N");
	CHECK_SPAN(c.eas[0].value, span_of_str("vw"));
	arena_fini(&a);
}

TEST(what_a_context_may_hold)
{
	const struct {
		const char *name;
		struct span data;
		uint32_t status;
	} cases[] = {
		{"MxAc", {NULL, 0}, 0},
		{"MxAc", TEN, 0}, /* a Timestamp: 2.2.13.2.5 */
		{"MxAc", BYTES(1), 0xC000000D},
		{"MxAc", BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9), 0xC000000D},
		{"QFid", {NULL, 0}, 0},
		{"QFid", BYTES(1), 0xC000000D},
		{"AlSi", TEN, 0},
		{"AlSi", {NULL, 0}, 0xC000000D},
		{"AlSi", BYTES(1, 2, 3, 4), 0xC000000D},
		{"AlSi", BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9), 0xC000000D},
		{"TWrp", TEN, 0},
		{"TWrp", {NULL, 0}, 0xC000000D},
		{"TWrp", BYTES(1, 2, 3, 4, 5, 6, 7), 0xC000000D},
		{"TWrp", BYTES(1, 2, 3, 4, 5, 6, 7, 8, 9), 0xC000000D},
		{"SecD", EMPTY_SD, 0},
		{"SecD", {NULL, 0}, 0xC0000079},
		{"SecD", BYTES(1, 0, 0, 0x80), 0xC0000079},
		{"ExtA", ONE_EA, 0},
		{SMB2_CREATE_APP_INSTANCE_ID, {NULL, 0}, 0xC000000D},
		{SMB2_CREATE_APP_INSTANCE_ID, span_head(LEASE_V1, 19), 0xC000000D},
		{SMB2_CREATE_APP_INSTANCE_ID, span_head(LEASE_V1, 20), 0},
		{SMB2_CREATE_APP_INSTANCE_ID, span_head(LEASE_V1, 21), 0xC000000D},
		{SMB2_CREATE_APP_INSTANCE_VERSION, span_head(LEASE_V1, 23), 0xC000000D},
		{SMB2_CREATE_APP_INSTANCE_VERSION, span_head(LEASE_V1, 24), 0},
		{SMB2_CREATE_APP_INSTANCE_VERSION, span_head(LEASE_V1, 25), 0xC000000D},
		{"RqLs", LEASE_V1, 0},
		{"RqLs", LEASE_V2, 0},
		{"RqLs", {NULL, 0}, 0xC000000D},
		{"RqLs", span_head(LEASE_V1, 31), 0xC000000D},
		{"RqLs", span_head(LEASE_V2, 33), 0xC000000D},
		{"RqLs", span_head(LEASE_V2, 51), 0xC000000D},
		{"DHnQ", DURABLE_V1, 0},
		{"DHnQ", {NULL, 0}, 0xC000000D},
		{"DHnQ", span_head(DURABLE_V1, 15), 0xC000000D},
		{"DHnQ", DURABLE_V2, 0xC000000D},
		{"DHnC", DURABLE_V1, 0},
		{"DHnC", span_head(DURABLE_V1, 8), 0xC000000D},
		{"DHnC", DURABLE_V2, 0xC000000D},
		{"DH2Q", DURABLE_V2, 0},
		{"DH2Q", DURABLE_V1, 0xC000000D},
		{"DH2Q", DURABLE_AGAIN_V2, 0xC000000D},
		{"DH2C", DURABLE_AGAIN_V2, 0},
		{"DH2C", span_head(DURABLE_AGAIN_V2, 35), 0xC000000D},
		{"DH2C", {NULL, 0}, 0xC000000D},
		{"ExtA", {NULL, 0}, 0x80000014},
		{"ExtA", BYTES(0, 0, 0, 0, 0, 1, 9, 0, 'N', 0), 0x80000014},
		/* not offered, or not known: ignored whatever they hold */
		{"Xxxx", BYTES(1), 0},
		{"mxac", BYTES(1), 0},
		{"MxAcX", BYTES(1), 0},
		{"AlSi0123456789ab", BYTES(1), 0},
		{"Abc", {NULL, 0}, 0xC000000D}, /* names have four bytes at least */
		{"", {NULL, 0}, 0xC000000D},
	};
	uint8_t buf[LIST_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct context list[] = {{cases[i].name, cases[i].data},
					       {"MxAc", {NULL, 0}}};
		size_t count = strcmp(cases[i].name, "MxAc") ? 2 : 1;
		struct create_contexts c;

		CHECK_EQ(decode(build(buf, list, count), &c).v, cases[i].status);
		if (!cases[i].status)
			CHECK(c.maximal_access);
	}
}

/* [MS-SMB2] 2.2.13.2.8, 2.2.13.2.10 */
TEST(leases_of_both_versions)
{
	struct create_contexts c;
	uint8_t buf[LIST_MAX];
	struct context list[] = {{"RqLs", LEASE_V1}};

	CHECK_ST(decode(build(buf, list, 1), &c), STATUS_SUCCESS);
	CHECK_EQ(c.lease.version, 1);
	CHECK_MEM(c.lease.key, LEASE_V1.p, 16);
	CHECK_EQ(c.lease.state, 0x07);
	CHECK_EQ(c.lease.flags, 0x02);
	list[0].data = LEASE_V2;
	CHECK_ST(decode(build(buf, list, 1), &c), STATUS_SUCCESS);
	CHECK_EQ(c.lease.version, 2);
	CHECK_EQ(c.lease.flags, 0x04);
	CHECK_MEM(c.lease.parent_key, LEASE_V2.p + 32, 16);
	CHECK_EQ(c.lease.epoch, 0x1234);
}

/* [MS-SMB2] 2.2.13.2.3, 2.2.13.2.4, 2.2.13.2.11, 2.2.13.2.12 */
/* StructureSize, Reserved, an id; StructureSize, Reserved, Padding, two numbers */
#define INSTANCE BYTES(20, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
#define INSTANCE_VERSION                                                                 \
	BYTES(24, 0, 0, 0, 7, 7, 7, 7, 2, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0)

TEST(instance_of_an_application_and_its_version)
{
	const struct context both[] = {
		{SMB2_CREATE_APP_INSTANCE_ID, INSTANCE},
		{SMB2_CREATE_APP_INSTANCE_VERSION, INSTANCE_VERSION},
	};
	struct create_contexts c;
	uint8_t buf[LIST_MAX];

	CHECK_ST(decode(build(buf, both, 2), &c), STATUS_SUCCESS);
	CHECK(c.instance.there && c.instance.version.there);
	CHECK_MEM(c.instance.id.bytes, DURABLE_V1.p, 16);
	CHECK_EQ(c.instance.version.high, 0x0100000000000002);
	CHECK_EQ(c.instance.version.low, 3);
	CHECK_ST(decode(build(buf, both, 1), &c), STATUS_SUCCESS);
	CHECK(c.instance.there && !c.instance.version.there);
	CHECK_ST(decode(build(buf, both + 1, 1), &c), STATUS_SUCCESS);
	CHECK(!c.instance.there && c.instance.version.there);
}

TEST(durable_contexts_of_both_versions)
{
	struct create_contexts c;
	uint8_t buf[LIST_MAX];
	const struct context v1[] = {{"DHnQ", DURABLE_V1}, {"DHnC", DURABLE_V1}};
	const struct context ask[] = {{"DH2Q", DURABLE_V2}};
	const struct context again[] = {{"DH2C", DURABLE_AGAIN_V2}};

	CHECK_ST(decode(build(buf, v1, 2), &c), STATUS_SUCCESS);
	CHECK(c.durable.ask_v1 && c.durable.again_v1);
	CHECK(!c.durable.ask_v2 && !c.durable.again_v2);
	CHECK_EQ(c.durable.persistent_id, 0x0807060504030201);
	CHECK_ST(decode(build(buf, ask, 1), &c), STATUS_SUCCESS);
	CHECK(c.durable.ask_v2 && !c.durable.again_v2);
	CHECK_EQ(c.durable.timeout_ms, 10000);
	CHECK_EQ(c.durable.flags, 2);
	CHECK_MEM(c.durable.create_guid.bytes, DURABLE_V1.p, 16);
	CHECK_ST(decode(build(buf, again, 1), &c), STATUS_SUCCESS);
	CHECK(c.durable.again_v2 && !c.durable.ask_v2);
	CHECK_EQ(c.durable.persistent_id, 0x0807060504030201);
	CHECK_EQ(c.durable.flags, 2);
	CHECK_MEM(c.durable.create_guid.bytes, DURABLE_V1.p, 16);
}

TEST(a_lease_is_answered_in_its_version)
{
	for (uint8_t version = 1; version <= 2; version++) {
		struct span asked = version == 1 ? LEASE_V1 : LEASE_V2;
		struct context list[] = {{"RqLs", asked}};
		struct create_contexts c;
		uint8_t buf[LIST_MAX], out[CREATE_CONTEXTS_LEN_MAX];
		struct wr w = wr_of(mspan_of(out, sizeof(out)));

		CHECK_ST(decode(build(buf, list, 1), &c), STATUS_SUCCESS);
		create_contexts_encode(&w, &c, 0, &(struct node_key){0});
		CHECK(wr_ok(&w));
		CHECK_EQ(wr_pos(&w), 24 + asked.len);
		CHECK_SPAN(span_of(out + 24, asked.len),
			   asked); /* requests and answers look alike */
	}
}

TEST(known_contexts_come_once)
{
	const struct context all[] = ALL;
	uint8_t buf[LIST_MAX];

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct context list[] = {
			all[i], {"Xxxx", {NULL, 0}}, {"Xxxx", {NULL, 0}}, all[i]};
		struct create_contexts c = {.snapshot = 77};

		CHECK_ST(decode(build(buf, list, 3), &c), STATUS_SUCCESS);
		c.snapshot = 77;
		CHECK_ST(decode(build(buf, list, 4), &c), STATUS_INVALID_PARAMETER);
		CHECK_EQ(c.snapshot, 77); /* untouched */
	}
}

TEST(every_truncation)
{
	const struct context all[] = ALL;
	struct create_contexts c;
	uint8_t buf[LIST_MAX];
	struct span whole = build(buf, all, ARRAY_LEN(all));

	CHECK_ST(decode(whole, &c), STATUS_SUCCESS);
	for (size_t len = 1; len < whole.len; len++)
		CHECK_ST(decode(span_head(whole, len), &c), STATUS_INVALID_PARAMETER);
}

/* One field of the only context changed. */
TEST(fields_that_point_astray)
{
	static const struct {
		size_t off; /* of the field */
		uint32_t value;
		bool valid;
	} cases[] = {
		{0, 0, true},           {0, 8, false},      {0, 16, false},
		{0, 24, false},         {0, 32, false},     {0, 40, false},
		{0, 0xFFFFFFF8, false}, {0, 1, false},      {4, 16, true},
		{4, 0, false},          {4, 8, false},      {4, 28, true},
		{4, 29, false},         {4, 0xFFFF, false}, {6, 4, true},
		{6, 3, false},          {6, 0, false},      {6, 17, false},
		{6, 0xFFFF, false},     {8, 0xFFFF, true},  {10, 24, true},
		{10, 0, false},         {10, 8, false},     {10, 16, true},
		{10, 20, false},        {10, 25, false},    {10, 32, false},
		{10, 0xFFFF, false},    {12, 8, true},      {12, 0, false},
		{12, 7, false},         {12, 9, false},     {12, 0xFFFFFFFF, false},
	};
	const struct context list[] = {{"AlSi", TEN}};
	struct create_contexts c;
	uint8_t buf[LIST_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool is_long = cases[i].off == 0 || cases[i].off == 12;
		struct span whole = build(buf, list, 1);
		struct wr w = wr_of(mspan_of(buf + cases[i].off, sizeof(uint32_t)));

		if (is_long)
			wr_u32(&w, cases[i].value);
		else
			wr_u16(&w, (uint16_t)cases[i].value);
		CHECK_ST(decode(whole, &c),
			 cases[i].valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
	}
}

TEST(lists_without_end_are_refused)
{
	struct context list[65];
	struct create_contexts c;
	uint8_t buf[LIST_MAX];

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = (struct context){"Xxxx", {NULL, 0}};
	CHECK_ST(decode(build(buf, list, 64), &c), STATUS_SUCCESS);
	CHECK_ST(decode(build(buf, list, 65), &c), STATUS_INVALID_PARAMETER);
}

TEST(a_full_arena_is_no_bad_list)
{
	const struct context list[] = {{"SecD", EMPTY_SD}};
	struct create_contexts c;
	uint8_t buf[LIST_MAX];
	struct arena a;

	arena_init(&a, 0);
	CHECK_ST(create_contexts_decode(build(buf, list, 1), &a, &c),
		 STATUS_INSUFFICIENT_RESOURCES);
	arena_fini(&a);
}

static const struct node_key key = {.volume = 0x1122334455667788,
				    .inode = 0x99AABBCCDDEEFF00};

static struct span encode(uint8_t *buf, const struct create_contexts *c)
{
	struct wr w = wr_of(mspan_of(buf, CREATE_CONTEXTS_LEN_MAX));

	create_contexts_encode(&w, c, 0x001F01FF, &key);
	CHECK(wr_ok(&w));
	return wr_done(&w);
}

/* 2.2.14.2.5, 2.2.14.2.9 */
TEST(the_answer_byte_by_byte)
{
	static const uint8_t want[] = {
		32,   0,    0,    0,    16,   0,    4,    0,    0,    0,    24,
		0,    8,    0,    0,    0,    'M',  'x',  'A',  'c',  0,    0,
		0,    0,    0,    0,    0,    0,    0xFF, 1,    0x1F, 0,    0,
		0,    0,    0,    16,   0,    4,    0,    0,    0,    24,   0,
		32,   0,    0,    0,    'Q',  'F',  'i',  'd',  0,    0,    0,
		0,    0x00, 0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99, 0x88, 0x77,
		0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0,    0,    0,    0,    0,
		0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
	};
	struct create_contexts c = {.maximal_access = true, .on_disk_id = true};
	uint8_t buf[CREATE_CONTEXTS_LEN_MAX];

	CHECK_SPAN(encode(buf, &c), span_of(want, sizeof(want)));
	c.maximal_access = false;
	CHECK_SPAN(encode(buf, &c), span_of(want + 32, sizeof(want) - 32));
	c.on_disk_id = false;
	CHECK_EQ(encode(buf, &c).len, 0);
}

/* 2.2.14.2.3, 2.2.14.2.12: what was granted, not what was asked for */
TEST(durability_is_answered_in_its_version)
{
	static const uint8_t v1[] = {0, 0, 0, 0, 16, 0,   4,   0,   0,   0, 24,
				     0, 8, 0, 0, 0,  'D', 'H', 'n', 'Q', 0, 0,
				     0, 0, 0, 0, 0,  0,   0,   0,   0,   0};
	static const uint8_t v2[] = {0, 0, 0,    0,    16, 0,   4,   0,   0,   0, 24,
				     0, 8, 0,    0,    0,  'D', 'H', '2', 'Q', 0, 0,
				     0, 0, 0x10, 0x27, 0,  0,   0,   0,   0,   0};
	struct create_contexts c = {.durable = {.ask_v1 = true,
						.ask_v2 = true,
						.flags = SMB2_DHANDLE_FLAG_PERSISTENT,
						.timeout_ms = 10000}};
	uint8_t buf[CREATE_CONTEXTS_LEN_MAX];

	CHECK_EQ(encode(buf, &c).len, 0);
	c.durable.granted = 1;
	CHECK_SPAN(encode(buf, &c), span_of(v1, sizeof(v1)));
	c.durable.granted = 2;
	CHECK_SPAN(encode(buf, &c), span_of(v2, sizeof(v2)));
}

/* All there can be in one answer. */
TEST(the_longest_answer_fits)
{
	struct create_contexts c = {.maximal_access = true,
				    .on_disk_id = true,
				    .lease.version = 2,
				    .durable.granted = 2};
	uint8_t buf[CREATE_CONTEXTS_LEN_MAX];

	CHECK(encode(buf, &c).len > 0);
}

TEST_MAIN()
