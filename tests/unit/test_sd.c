#include "test.h"
#include "wire/sd.h"
#include "wire/smb2_proto.h"

#include <stdlib.h>

/* tests/vectors/sd-sddl-example.txt: [MS-DTYP] 2.5.1.4. */
static const uint8_t example[] = {
	0x01, 0x00, 0x14, 0xb0, 0x90, 0x00, 0x00, 0x00, 0xa0, 0x00, 0x00, 0x00, 0x14,
	0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00, 0x02, 0x00, 0x1c, 0x00, 0x01, 0x00,
	0x00, 0x00, 0x02, 0x80, 0x14, 0x00, 0x00, 0x00, 0x00, 0x80, 0x01, 0x01, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x60, 0x00,
	0x04, 0x00, 0x00, 0x00, 0x00, 0x03, 0x18, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x01,
	0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x21, 0x02,
	0x00, 0x00, 0x00, 0x03, 0x18, 0x00, 0x00, 0x00, 0x00, 0x10, 0x01, 0x02, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
	0x00, 0x03, 0x14, 0x00, 0x00, 0x00, 0x00, 0x10, 0x01, 0x01, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x05, 0x12, 0x00, 0x00, 0x00, 0x00, 0x03, 0x14, 0x00, 0x00, 0x00,
	0x00, 0x10, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00,
	0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00,
	0x20, 0x02, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20,
	0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
};

/* Where things are in it. */
enum {
	AT_CONTROL = 2,
	AT_OWNER = 4,
	AT_SACL = 12,
	AT_DACL = 16,
	DACL = 0x30,
	DACL_SIZE = DACL + 2,
	DACL_COUNT = DACL + 4,
	ACE = DACL + 8,
	ACE_SIZE = ACE + 2,
	ACE_SID = ACE + 8,
	OWNER = 0x90,
};

static nt_status decode(struct span bytes, struct arena *a, struct sd *ret_sd)
{
	arena_init(a, 1 << 20);
	return sd_decode(a, bytes, ret_sd);
}

TEST(sd_of_the_specification)
{
	struct arena a;
	struct sd sd;

	CHECK_ST(decode(span_of(example, sizeof(example)), &a, &sd), STATUS_SUCCESS);
	CHECK_EQ(sd.control, SE_SELF_RELATIVE | SE_SACL_PROTECTED | SE_DACL_PROTECTED |
				     SE_SACL_PRESENT | SE_DACL_PRESENT);
	CHECK(sid_eq(sd.owner, &sid_administrators));
	CHECK(sid_eq(sd.group, &sid_administrators));
	CHECK_EQ(sd.dacl->count, 4);
	CHECK(ace_is_plain(&sd.dacl->aces[0]));
	CHECK_EQ(sd.dacl->aces[0].flags, OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE);
	CHECK_EQ(sd.dacl->aces[0].mask, GENERIC_READ | GENERIC_EXECUTE);
	CHECK(sid_eq(&sd.dacl->aces[0].sid, &sid_users));
	CHECK(sid_eq(&sd.dacl->aces[2].sid, &sid_system));
	CHECK_EQ(sd.sacl->count, 1);
	CHECK_EQ(sd.sacl->aces[0].type, SYSTEM_AUDIT_ACE_TYPE);
	CHECK(!ace_is_plain(&sd.sacl->aces[0]));
	CHECK_SPAN(sd.sacl->aces[0].raw, span_of(example + 0x20, 16));
	arena_fini(&a);
}

TEST(sd_written_back_is_the_same)
{
	uint8_t out[sizeof(example) + 4];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	struct arena a;
	struct sd sd;

	CHECK_ST(decode(span_of(example, sizeof(example)), &a, &sd), STATUS_SUCCESS);
	CHECK_EQ(sd_len(&sd), sizeof(example));
	wr_u32(&w, 0); /* its offsets count from where it begins */
	wr_sd(&w, &sd);
	CHECK_SPAN(span_from(wr_done(&w), 4), span_of(example, sizeof(example)));
	arena_fini(&a);
}

TEST(sd_does_not_fit)
{
	uint8_t out[sizeof(example)];
	struct arena a;
	struct sd sd;

	CHECK_ST(decode(span_of(example, sizeof(example)), &a, &sd), STATUS_SUCCESS);
	for (size_t cap = 0; cap <= sizeof(out); cap++) {
		struct wr w = wr_of(mspan_of(out, cap));

		wr_sd(&w, &sd);
		CHECK_EQ(wr_ok(&w), cap == sizeof(out));
	}
	arena_fini(&a);
}

TEST(sd_cut_at_every_length)
{
	for (size_t len = 0; len < sizeof(example); len++) {
		uint8_t *in = malloc(len ? len
					 : 1); /* for the sanitizer to see the end */
		struct arena a;
		struct sd sd = {.control = 77};

		memcpy(in, example, len);
		CHECK_ST(decode(span_of(in, len), &a, &sd),
			 STATUS_INVALID_SECURITY_DESCR);
		CHECK_EQ(sd.control, 77);
		arena_fini(&a);
		free(in);
	}
}

TEST(sd_malformed)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{0, 0}, /* Revision */
		{0, 2},
		{AT_CONTROL + 1, 0x30}, /* not self-relative */
		{AT_OWNER, 19},         /* inside the header */
		{AT_OWNER, 1},
		{AT_OWNER, 0xB0},     /* at the end */
		{AT_OWNER + 3, 0xFF}, /* far behind it */
		{AT_SACL, 4},
		{AT_SACL + 1, 1},
		{AT_DACL, 0xAC},
		{AT_DACL + 3, 0x80},
		{DACL, 1}, /* AclRevision */
		{DACL, 5},
		{DACL_SIZE, 0}, /* AclSize: shorter than its header */
		{DACL_SIZE, 7},
		{DACL_SIZE, 0x5C}, /* cuts the last ACE */
		{DACL_SIZE, 0xFF}, /* longer than the bytes */
		{DACL_SIZE + 1, 0xFF},
		{DACL_COUNT, 5}, /* more ACEs than fit */
		{DACL_COUNT + 1, 0xFF},
		{ACE_SIZE, 0}, /* AceSize */
		{ACE_SIZE, 3},
		{ACE_SIZE, 0x17}, /* no multiple of 4 */
		{ACE_SIZE, 0x14}, /* cuts its SID */
		{ACE_SIZE, 0x04},
		{ACE_SIZE + 1, 1},
		{ACE_SID, 2},      /* SID revision */
		{ACE_SID + 1, 15}, /* SubAuthorityCount */
		{ACE_SID + 1, 255},
		{OWNER, 0},
		{OWNER + 1, 16},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t in[sizeof(example)];
		struct arena a;
		struct sd sd;

		memcpy(in, example, sizeof(in));
		in[cases[i].at] = cases[i].value;
		if (!nt_is(decode(span_of(in, sizeof(in)), &a, &sd),
			   STATUS_INVALID_SECURITY_DESCR))
			fail_msg("case %zu: [%zu] = %#x", i, cases[i].at, cases[i].value);
		arena_fini(&a);
	}
}

TEST(sd_of_the_header_alone)
{
	struct arena a;
	struct sd sd;

	CHECK_ST(decode(BYTES(1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			      0),
			&a, &sd),
		 STATUS_SUCCESS);
	CHECK(!sd.owner && !sd.group && !sd.sacl && !sd.dacl);
	CHECK_EQ(sd_len(&sd), 20);
	arena_fini(&a);
}

/* Present without an ACL is the NULL DACL: another thing than absent, and than empty. */
TEST(sd_null_dacl_absent_dacl_empty_dacl)
{
	static const uint8_t empty[] = {1, 0, 4,  0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					0, 0, 20, 0,    0, 0, 2, 0, 8, 0, 0, 0, 0, 0};
	uint8_t in[sizeof(empty)], out[sizeof(empty)];
	struct arena a;
	struct sd sd;
	struct wr w;

	CHECK_ST(decode(span_of(empty, sizeof(empty)), &a, &sd), STATUS_SUCCESS);
	CHECK(sd.control & SE_DACL_PRESENT);
	CHECK(sd.dacl && sd.dacl->count == 0);
	arena_fini(&a);

	memcpy(in, empty, sizeof(in));
	in[AT_DACL] = 0;
	CHECK_ST(decode(span_of(in, sizeof(in)), &a, &sd), STATUS_SUCCESS);
	CHECK(sd.control & SE_DACL_PRESENT);
	CHECK(!sd.dacl);
	w = wr_of(mspan_of(out, sizeof(out)));
	wr_sd(&w, &sd);
	CHECK_SPAN(wr_done(&w), span_of(in, 20));
	arena_fini(&a);

	memcpy(in, empty, sizeof(in));
	in[AT_CONTROL] = 0; /* offset set, flag not: no DACL */
	CHECK_ST(decode(span_of(in, sizeof(in)), &a, &sd), STATUS_SUCCESS);
	CHECK(!(sd.control & SE_DACL_PRESENT));
	CHECK(!sd.dacl);
	arena_fini(&a);
}

/* What may stand behind the SID of an allow ACE, and behind the last ACE of an ACL, is ignored. */
TEST(sd_slack_is_ignored)
{
	uint8_t in[sizeof(example)];
	struct arena a;
	struct sd sd;

	memcpy(in, example, sizeof(in));
	in[DACL_COUNT] = 1;
	in[ACE_SIZE] = 0x58;
	CHECK_ST(decode(span_of(in, sizeof(in)), &a, &sd), STATUS_SUCCESS);
	CHECK_EQ(sd.dacl->count, 1);
	CHECK(sid_eq(&sd.dacl->aces[0].sid, &sid_users));
	CHECK_EQ(sd_len(&sd), sizeof(example) - 0x40);
	arena_fini(&a);
}

TEST(sd_refuses_when_memory_is_short)
{
	struct arena a;
	struct sd sd;

	for (size_t max = 0; max < 800; max += 16) {
		nt_status st;

		arena_init(&a, max);
		st = sd_decode(&a, span_of(example, sizeof(example)), &sd);
		CHECK(nt_ok(st) || nt_is(st, STATUS_INSUFFICIENT_RESOURCES));
		CHECK(!nt_ok(st) || max > 400);
		arena_fini(&a);
	}
}

TEST(sd_acl_too_long_to_say_fails_the_cursor)
{
	enum { COUNT = 4100 }; /* of 16 bytes */
	static struct ace aces[COUNT];
	static uint8_t out[100000];
	struct acl acl = {.revision = ACL_REVISION, .count = COUNT, .aces = aces};
	struct sd sd = {.dacl = &acl};
	struct wr w = wr_of(mspan_of(out, sizeof(out)));

	for (size_t i = 0; i < COUNT; i++)
		aces[i].sid.revision = 1;
	wr_sd(&w, &sd);
	CHECK(!wr_ok(&w));
	acl.count = 4000;
	w = wr_of(mspan_of(out, sizeof(out)));
	wr_sd(&w, &sd);
	CHECK(wr_ok(&w));
	CHECK_EQ(wr_done(&w).len, sd_len(&sd));
	CHECK(out[AT_CONTROL] & SE_DACL_PRESENT);
}

/* Property: whatever single bytes are changed, what decodes encodes, and decodes again to the same bytes. */
TEST(sd_mutated_at_random)
{
	unsigned seed = 4;

	for (int round = 0; round < 20000; round++) {
		uint8_t in[sizeof(example)], out[2][2 * sizeof(example)];
		struct wr w[2];
		struct arena a, b;
		struct sd sd;

		memcpy(in, example, sizeof(in));
		for (int n = rand_r(&seed) % 4; n >= 0; n--)
			in[(size_t)rand_r(&seed) % sizeof(in)] = (uint8_t)rand_r(&seed);
		if (nt_ok(decode(span_of(in, sizeof(in)), &a, &sd))) {
			w[0] = wr_of(mspan_of(out[0], sizeof(out[0])));
			w[1] = wr_of(mspan_of(out[1], sizeof(out[1])));
			wr_sd(&w[0], &sd);
			CHECK(wr_ok(&w[0]));
			CHECK_EQ(wr_pos(&w[0]), sd_len(&sd));
			CHECK_ST(decode(wr_done(&w[0]), &b, &sd), STATUS_SUCCESS);
			wr_sd(&w[1], &sd);
			CHECK_SPAN(wr_done(&w[1]), wr_done(&w[0]));
			arena_fini(&b);
		}
		arena_fini(&a);
	}
}

TEST_MAIN()
