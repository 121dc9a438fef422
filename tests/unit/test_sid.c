#include "test.h"
#include "wire/sid.h"

#include <errno.h>

static const uint8_t admins[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 0x02, 0, 0};

TEST(sid_of_the_wire)
{
	struct rd r = rd_of(span_of(admins, sizeof(admins)));
	struct sid sid = rd_sid(&r);
	uint8_t out[sizeof(admins)];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));

	CHECK(rd_ok(&r));
	CHECK_EQ(rd_left(&r), 0);
	CHECK(sid_eq(&sid, &sid_administrators));
	CHECK_EQ(sid_len(&sid), sizeof(admins));
	wr_sid(&w, &sid);
	CHECK_SPAN(wr_done(&w), span_of(admins, sizeof(admins)));
}

TEST(sid_cut_at_every_length)
{
	for (size_t len = 0; len < sizeof(admins); len++) {
		struct rd r = rd_of(span_of(admins, len));
		struct sid sid = rd_sid(&r);

		CHECK(!rd_ok(&r));
		CHECK_EQ(sid.sub_count, 0);
	}
}

TEST(sid_of_a_wrong_revision_or_with_too_many_parts)
{
	uint8_t in[8 + 4 * 16] = {1, SID_SUB_MAX, 0, 0, 0, 0, 0, 5};
	struct rd r = rd_of(span_of(in, sizeof(in)));

	(void)rd_sid(&r);
	CHECK(rd_ok(&r));
	CHECK_EQ(rd_left(&r), 4);
	in[1] = SID_SUB_MAX + 1;
	r = rd_of(span_of(in, sizeof(in)));
	(void)rd_sid(&r);
	CHECK(!rd_ok(&r));
	in[1] = 1;
	for (int revision = 0; revision < 256; revision++) {
		in[0] = (uint8_t)revision;
		r = rd_of(span_of(in, sizeof(in)));
		(void)rd_sid(&r);
		CHECK_EQ(rd_ok(&r), revision == 1);
	}
}

TEST(sid_text_and_back)
{
	static const char *const cases[] = {
		"S-1-0-0",
		"S-1-5",
		"S-1-5-32-544",
		"S-1-5-21-4294967295-0-1-500",
		"S-1-4294967295-1",
		"S-1-0x000100000000-1",
		"S-1-0xFFFFFFFFFFFF-1-2-3-4-5-6-7-8-9-10-11-12-13-14-4294967295",
	};
	char text[SID_TEXT_MAX];
	struct sid sid;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(sid_parse(cases[i], &sid), 0);
		CHECK_STR(sid_text(&sid, text), cases[i]);
	}
	CHECK_EQ(sid_parse("s-1-0xabcdefabcdef-1", &sid), 0);
	CHECK_EQ(sid.authority, 0xABCDEFABCDEF);
}

TEST(sid_longest_text_fits)
{
	struct sid sid = {
		.revision = 255, .sub_count = SID_SUB_MAX, .authority = 0xFFFFFFFFFFFF};
	char text[SID_TEXT_MAX];

	memset(sid.sub, 0xFF, sizeof(sid.sub));
	CHECK(strlen(sid_text(&sid, text)) < SID_TEXT_MAX);
	CHECK_STR(text + strlen(text) - 11, "-4294967295");
}

TEST(sid_parse_refuses)
{
	static const char *const cases[] = {
		"",
		"S",
		"S-",
		"S-1",
		"S-1-",
		"S-2-5-1",
		"S-1-5-",
		"S-1-5--1",
		"S-1-5-1-",
		"S-1-5-01",
		"S-1-05-1",
		"S-1-5-4294967296",
		"S-1-5-99999999999999999999",
		"S-1-4294967296-1",
		"S-1-0x5-1",
		"S-1-0x0000000000005-1",
		"S-1-0x00000000000g-1",
		"S-1-5-1 ",
		" S-1-5-1",
		"S-1-5-+1",
		"S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
	};
	struct sid sid = {.sub_count = 77};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(sid_parse(cases[i], &sid), -EINVAL);
	CHECK_EQ(sid.sub_count, 77);
}

TEST(sid_of_unix_ids)
{
	struct sid user = sid_of_uid(1000), group = sid_of_gid(UINT32_MAX),
		   other = sid_of_uid(1);
	char text[SID_TEXT_MAX];
	uint32_t id = 0;

	CHECK_STR(sid_text(&user, text), "S-1-22-1-1000");
	CHECK_STR(sid_text(&group, text), "S-1-22-2-4294967295");
	CHECK(sid_is_uid(&user, &id));
	CHECK_EQ(id, 1000);
	CHECK(!sid_is_gid(&user, &id));
	CHECK(sid_is_gid(&group, &id));
	CHECK_EQ(id, UINT32_MAX);
	CHECK(!sid_is_uid(&sid_administrators, &id));
	other.sub_count = 3;
	CHECK(!sid_is_uid(&other, &id));
}

TEST(sid_eq_sees_every_part)
{
	struct sid a = sid_administrators, b = a;

	CHECK(sid_eq(&a, &b));
	b.sub[1]++;
	CHECK(!sid_eq(&a, &b));
	b = a;
	b.authority = 6;
	CHECK(!sid_eq(&a, &b));
	b = a;
	b.sub_count = 1;
	CHECK(!sid_eq(&a, &b));
	b = a;
	b.sub[2] = 9; /* behind the end */
	CHECK(sid_eq(&a, &b));
}

TEST(sid_well_known)
{
	static const struct {
		const struct sid *sid;
		const char *text;
	} cases[] = {
		{&sid_everyone, "S-1-1-0"},   {&sid_network, "S-1-5-2"},
		{&sid_anonymous, "S-1-5-7"},  {&sid_authenticated_users, "S-1-5-11"},
		{&sid_system, "S-1-5-18"},    {&sid_administrators, "S-1-5-32-544"},
		{&sid_users, "S-1-5-32-545"}, {&sid_guests, "S-1-5-32-546"},
	};
	char text[SID_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_STR(sid_text(cases[i].sid, text), cases[i].text);
}

TEST_MAIN()
