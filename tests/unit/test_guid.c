#include "base/env.h"
#include "test.h"
#include "wire/guid.h"

#include <errno.h>

/* [MS-DTYP] 2.3.4.2: Data1, Data2, Data3 little-endian, Data4 as it stands. */
static const uint8_t wire[GUID_LEN] = {0x6E, 0xE9, 0x36, 0x4D, 0x25, 0xE3, 0xCE, 0x11,
				       0xBF, 0xC1, 0x08, 0x00, 0x2B, 0xE1, 0x03, 0x18};
static const char text[] = "4d36e96e-e325-11ce-bfc1-08002be10318";

TEST(guid_text_and_back)
{
	struct rd r = rd_of(span_of(wire, sizeof(wire)));
	struct guid g = rd_guid(&r), parsed;
	char buf[GUID_TEXT_MAX];

	CHECK(rd_ok(&r));
	CHECK_STR(guid_text(&g, buf), text);
	CHECK_EQ(guid_parse(text, &parsed), 0);
	CHECK(guid_eq(&g, &parsed));
	CHECK_EQ(guid_parse("{4D36E96E-E325-11CE-BFC1-08002BE10318}", &parsed), 0);
	CHECK(guid_eq(&g, &parsed));
}

TEST(guid_on_the_wire)
{
	uint8_t out[GUID_LEN];

	for (size_t len = 0; len <= GUID_LEN; len++) {
		struct rd r = rd_of(span_of(wire, len));
		struct wr w = wr_of(mspan_of(out, len));
		struct guid g = rd_guid(&r);

		CHECK_EQ(rd_ok(&r), len == GUID_LEN);
		CHECK_EQ(guid_is_zero(&g), len < GUID_LEN);
		wr_guid(&w, &g);
		CHECK_EQ(wr_ok(&w), len == GUID_LEN);
	}
	CHECK_MEM(out, wire, GUID_LEN);
}

TEST(guid_parse_refuses)
{
	static const char *const cases[] = {
		"",
		"{",
		"4d36e96e",
		"4d36e96e-e325-11ce-bfc1-08002be1031",
		"4d36e96e-e325-11ce-bfc1-08002be103180",
		"4d36e96e-e325-11ce-bfc1-08002be1031g",
		"4d36e96ee325-11ce-bfc1-08002be103180",
		"4d36e96e-e325-11ce-bfc108002be1031800",
		"{4d36e96e-e325-11ce-bfc1-08002be10318",
		"4d36e96e-e325-11ce-bfc1-08002be10318}",
		"4d36e96e-e325-11ce-bfc1-08002be1 318",
	};
	struct guid g = {{9}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(guid_parse(cases[i], &g), -EINVAL);
	CHECK_EQ(g.bytes[0], 9);
}

static void all_ones(struct env *e, struct mspan buf)
{
	memset(buf.p, 0xFF, buf.len);
}

TEST(guid_random_is_of_version_4)
{
	static const struct env_ops ops = {.random = all_ones};
	struct env env = {.ops = &ops};
	struct guid g = guid_random(&env);
	char buf[GUID_TEXT_MAX];

	CHECK_STR(guid_text(&g, buf), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST_MAIN()
