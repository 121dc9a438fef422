/* test_ndr.c - NDR32: alignment, strings, pointers, SIDs. */
#include "rpc/ndr.h"

#include "test.h"

/* Arena and cursor of one decoding. */
struct source {
	struct arena arena;
	struct rd r;
};

static void source_fini(struct source *s)
{
	arena_fini(&s->arena);
}

static struct source source_of(struct span bytes)
{
	struct source s = {.r = rd_of(bytes)};

	arena_init(&s.arena, 1 << 20);
	return s;
}

#define SOURCE(name, ...)                                                                \
	CLEANUP(source_fini) struct source name = source_of(BYTES(__VA_ARGS__))

TEST(scalars_are_aligned_to_their_size)
{
	struct rd r = rd_of(BYTES(1, 0xff, 2, 0, 3, 0, 0xff, 0xff, 4, 0, 0, 0));

	CHECK_EQ(rd_u8(&r), 1);
	CHECK_EQ(ndr_u16(&r), 2);
	CHECK_EQ(ndr_u16(&r), 3);
	CHECK_EQ(ndr_u32(&r), 4);
	CHECK(rd_ok(&r));
}

TEST(written_scalars_are_aligned_with_zeros)
{
	uint8_t buf[12];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));

	memset(buf, 0xff, sizeof(buf));
	wr_u8(&w, 1);
	ndr_put_u16(&w, 2);
	wr_u8(&w, 3);
	ndr_put_u32(&w, 4);
	CHECK_SPAN(wr_done(&w), BYTES(1, 0, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0));
}

TEST(a_string_is_read_to_its_terminator)
{
	SOURCE(s, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'h', 0, 0xe9, 0, 0, 0);

	CHECK_STR(ndr_string(&s.r, &s.arena), "h\u00e9");
	CHECK(rd_ok(&s.r));
}

TEST(strings_that_contradict_themselves_fail)
{
	static const uint8_t bad[][18] = {
		{2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'h', 0, 'i', 0, 0,
		 0}, /* more than the maximum */
		{3, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 'h', 0, 'i', 0, 0,
		 0}, /* an offset */
		{3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'h', 0, 'i', 0, '!',
		 0}, /* no terminator */
		{3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'h', 0, 0, 0xd8, 0,
		 0}, /* half a surrogate pair */
		{3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'h', 0, 'i', 0, 0,
		 0}, /* no characters */
		{4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'h', 0, 'i', 0, 0, 0}, /* cut */
		{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 'h', 0, 'i',
		 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(source_fini) struct source s = source_of(span_of(bad[i], 18));

		assert_null(ndr_string(&s.r, &s.arena));
		CHECK(!rd_ok(&s.r));
	}
}

/* impacket pads names with NULs */
TEST(text_ends_at_the_first_terminator)
{
	SOURCE(s, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'h', 0, 0, 0, 0, 0);

	CHECK_STR(ndr_string(&s.r, &s.arena), "h");
	CHECK_EQ(rd_left(&s.r), 0);
}

TEST(a_null_string_pointer_is_no_failure)
{
	SOURCE(s, 0, 0, 0, 0);

	assert_null(ndr_string_ptr(&s.r, &s.arena));
	CHECK(rd_ok(&s.r));
}

TEST(a_written_string_reads_back)
{
	static const char *const texts[] = {"", "a", "abc", "\u00dcbung \U0001f600"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		uint8_t buf[64];
		struct wr w = wr_of(mspan_of(buf, sizeof(buf)));

		ndr_put_string(&w, texts[i]);
		CLEANUP(source_fini) struct source s = source_of(wr_done(&w));

		CHECK_STR(ndr_string(&s.r, &s.arena), texts[i]);
		CHECK_EQ(rd_left(&s.r), 0);
	}
}

TEST(text_that_is_not_utf8_fails_the_writer)
{
	uint8_t buf[64];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));

	ndr_put_string(&w, "\xff");
	CHECK(!wr_ok(&w));
	w = wr_of(mspan_of(buf, sizeof(buf)));
	ndr_put_ustr(&w, "\xff");
	CHECK(!wr_ok(&w));
}

TEST(a_written_unicode_string_reads_back)
{
	static const char *const texts[] = {"", "x", "users"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		uint8_t buf[64];
		struct wr w = wr_of(mspan_of(buf, sizeof(buf)));
		struct ndr_ustr fixed;

		ndr_put_ustr(&w, texts[i]);
		ndr_put_ustr_body(&w, texts[i]);
		CLEANUP(source_fini) struct source s = source_of(wr_done(&w));

		fixed = ndr_ustr(&s.r);
		CHECK_EQ(fixed.present, i > 0);
		CHECK_STR(ndr_ustr_body(&s.r, &s.arena, fixed), texts[i]);
		CHECK(rd_ok(&s.r));
	}
}

TEST(unicode_strings_that_contradict_themselves_fail)
{
	static const uint8_t bad[][24] = {
		{4, 0, 2, 0, 1, 0, 0, 0, 1,   0, 0,   0,
		 0, 0, 0, 0, 2, 0, 0, 0, 'h', 0, 'i', 0},
		{3, 0, 4, 0, 1, 0, 0, 0, 2,   0, 0,   0,
		 0, 0, 0, 0, 2, 0, 0, 0, 'h', 0, 'i', 0},
		{4, 0, 4, 0, 0, 0, 0, 0, 2,   0, 0,   0,
		 0, 0, 0, 0, 2, 0, 0, 0, 'h', 0, 'i', 0},
		{4, 0, 4, 0, 1, 0, 0, 0, 3,   0, 0,   0,
		 0, 0, 0, 0, 2, 0, 0, 0, 'h', 0, 'i', 0},
		{4, 0, 4, 0, 1, 0, 0, 0, 2,   0, 0,   0,
		 0, 0, 0, 0, 1, 0, 0, 0, 'h', 0, 'i', 0},
		{2, 0, 4, 0, 1, 0, 0, 0, 2,   0, 0,   0,
		 0, 0, 0, 0, 2, 0, 0, 0, 'h', 0, 'i', 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(source_fini) struct source s = source_of(span_of(bad[i], 24));
		struct ndr_ustr fixed = ndr_ustr(&s.r);

		assert_null(ndr_ustr_body(&s.r, &s.arena, fixed));
		CHECK(!rd_ok(&s.r));
	}
}

TEST(referent_ids_differ_and_are_not_zero)
{
	uint8_t buf[16];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));
	struct rd r;
	uint32_t first, second;

	ndr_put_ptr(&w, true);
	ndr_put_ptr(&w, false);
	ndr_put_ptr(&w, true);
	r = rd_of(wr_done(&w));
	first = rd_u32(&r);
	CHECK_EQ(rd_u32(&r), 0);
	second = rd_u32(&r);
	CHECK(first && second && first != second);
}

TEST(a_sid_agrees_with_its_count)
{
	SOURCE(good, 2, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0);
	SOURCE(bad, 1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0);
	struct sid sid = ndr_sid(&good.r);

	CHECK(rd_ok(&good.r));
	CHECK(sid_eq(&sid, &sid_administrators));
	ndr_sid(&bad.r);
	CHECK(!rd_ok(&bad.r));
}

TEST(a_written_sid_reads_back)
{
	uint8_t buf[32];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));
	struct sid sid;
	struct rd r;

	ndr_put_sid(&w, &sid_administrators);
	r = rd_of(wr_done(&w));
	sid = ndr_sid(&r);
	CHECK(sid_eq(&sid, &sid_administrators));
	CHECK_EQ(rd_left(&r), 0);
}

TEST_MAIN()
