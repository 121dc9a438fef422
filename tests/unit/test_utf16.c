#include "base/utf8.h"
#include "test.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>

static const uint8_t hash_key[16] = {1, 2, 3};

/* "aé€😀" */
static const char mixed8[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
static const uint8_t mixed16[] = {'a', 0, 0xE9, 0, 0xAC, 0x20, 0x3D, 0xD8, 0x00, 0xDE};

TEST(utf16_to_utf8_of_every_length_of_character)
{
	struct arena a;
	char *text;

	arena_init(&a, 1 << 16);
	CHECK_EQ(utf16_to_utf8(&a, span_of(mixed16, sizeof(mixed16)), &text), 0);
	CHECK_STR(text, mixed8);
	CHECK_EQ(utf16_to_utf8(&a, span_of(NULL, 0), &text), 0);
	CHECK_STR(text, "");
	arena_fini(&a);
}

TEST(utf16_to_utf8_cut_at_every_length)
{
	struct arena a;

	arena_init(&a, 1 << 16);
	for (size_t len = 0; len < sizeof(mixed16); len++) {
		int want = len % 2 ? -EINVAL : len == 8 ? -EILSEQ : 0;
		char *text;

		CHECK_EQ(utf16_to_utf8(&a, span_of(mixed16, len), &text), want);
	}
	arena_fini(&a);
}

TEST(utf16_to_utf8_refuses)
{
	const struct span cases[] = {
		BYTES(0x00, 0xD8),             /* high surrogate alone	*/
		BYTES(0x00, 0xD8, 'a', 0),     /* and before another	*/
		BYTES(0x00, 0xD8, 0x00, 0xD8), /* twice			*/
		BYTES(0x00, 0xDC),             /* low surrogate alone	*/
		BYTES(0x00, 0xDC, 0x00, 0xD8), /* wrong order		*/
		BYTES('a', 0, 0, 0),           /* NUL at the end	*/
		BYTES(0, 0, 'a', 0),
	};
	struct arena a;

	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = NULL;

		CHECK_EQ(utf16_to_utf8(&a, cases[i], &text), -EILSEQ);
		CHECK(!text);
	}
	arena_fini(&a);
}

TEST(utf16_to_utf8_in_a_full_arena)
{
	struct arena a;
	char *text = NULL;

	arena_init(&a, 0);
	CHECK_EQ(utf16_to_utf8(&a, BYTES('a', 0), &text), -ENOMEM);
	CHECK(!text);
	arena_fini(&a);
}

TEST(wr_utf16_and_its_length)
{
	uint8_t out[sizeof(mixed16)];

	CHECK_EQ(utf16_len(mixed8), sizeof(mixed16));
	CHECK_EQ(utf16_len(""), 0);
	for (size_t cap = 0; cap <= sizeof(out); cap++) {
		struct wr w = wr_of(mspan_of(out, cap));
		size_t len = wr_utf16(&w, mixed8);

		CHECK_EQ(wr_ok(&w), cap == sizeof(out));
		CHECK_EQ(len, wr_ok(&w) ? sizeof(out) : 0);
	}
	CHECK_MEM(out, mixed16, sizeof(out));
}

TEST(wr_utf16_refuses_what_is_no_utf8)
{
	uint8_t out[64];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));

	CHECK_EQ(wr_utf16(&w, "ab\xFF"), 0);
	CHECK(!wr_ok(&w));
	CHECK_EQ(utf16_len("ab\xFF"), -EILSEQ);
	CHECK_EQ(utf16_len("\xED\xA0\x80"), -EILSEQ);
}

TEST(utf16_all_characters_go_there_and_back)
{
	uint8_t out[4], c8[5];
	struct arena a;
	char *text;

	arena_init(&a, 1 << 16);
	for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x11000 ? 1 : 97) {
		struct wr w = wr_of(mspan_of(out, sizeof(out)));

		if (c == 0xD800)
			c = 0xE000;
		c8[utf8_put(c8, c)] = '\0';
		CHECK_EQ(wr_utf16(&w, (char *)c8), utf16_len((char *)c8));
		CHECK_EQ(utf16_to_utf8(&a, wr_done(&w), &text), 0);
		CHECK_STR(text, (char *)c8);
		arena_reset(&a);
	}
	arena_fini(&a);
}

TEST(utf8_upper_table)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"", ""},
		{"readme.TXT", "README.TXT"},
		{"\xC3\xA4\xC3\xB6\xC3\xBC", "\xC3\x84\xC3\x96\xC3\x9C"}, /* äöü */
		{"\xC3\x9F", "\xC3\x9F"},                 /* ß: no expansion */
		{"\xC3\xBF", "\xC5\xB8"},                 /* ÿ */
		{"\xD0\xB6", "\xD0\x96"},                 /* Cyrillic zhe */
		{"\xCF\x83\xCF\x82", "\xCE\xA3\xCE\xA3"}, /* both small sigmas */
		{"\xC9\x90", "\xE2\xB1\xAF"},             /* U+0250: grows */
		{"\xC4\xB1", "\xC4\xB1"},                 /* dotless i */
		{"\xC5\xBF", "\xC5\xBF"},                 /* long s */
		{"\xC2\xB5", "\xC2\xB5"},                 /* micro sign */
		{"\xE2\x84\xAA", "\xE2\x84\xAA"},         /* Kelvin sign */
		{"\xF0\x90\x90\xA8", "\xF0\x90\x90\xA8"}, /* Deseret: not in the BMP */
	};
	struct arena a;

	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *up;

		CHECK_EQ(utf8_upper(&a, cases[i].in, &up), 0);
		CHECK_STR(up, cases[i].want);
	}
	arena_fini(&a);
}

TEST(utf8_upper_refuses_what_is_no_utf8)
{
	struct arena a;
	char *up = NULL;

	arena_init(&a, 1 << 16);
	CHECK_EQ(utf8_upper(&a, "a\x80", &up), -EILSEQ);
	CHECK(!up);
	arena_fini(&a);
	arena_init(&a, 0);
	CHECK_EQ(utf8_upper(&a, "a", &up), -ENOMEM);
	arena_fini(&a);
}

/* Over the whole BMP: upper case is its own upper case, and ASCII has no aliases. */
TEST(utf8_upper_is_idempotent_and_keeps_ascii_apart)
{
	struct arena a;

	arena_init(&a, 1 << 16);
	for (uint32_t c = 1; c < 0x10000; c++) {
		uint8_t c8[5];
		char *once, *twice;

		if (c == 0xD800)
			c = 0xE000;
		c8[utf8_put(c8, c)] = '\0';
		CHECK_EQ(utf8_upper(&a, (char *)c8, &once), 0);
		CHECK_EQ(utf8_upper(&a, once, &twice), 0);
		CHECK_STR(once, twice);
		CHECK_EQ((uint8_t)once[0] < 0x80, c < 0x80);
		CHECK(utf8_eq_nocase((char *)c8, once));
		CHECK_EQ(utf8_hash_nocase(hash_key, (char *)c8),
			 utf8_hash_nocase(hash_key, once));
		arena_reset(&a);
	}
	arena_fini(&a);
}

TEST(utf8_eq_nocase_table)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"", "", true},
		{"a", "", false},
		{"Straße", "STRAßE", true},
		{"Straße", "STRASSE", false},
		{"abc", "ABCD", false},
		{"K", "\xE2\x84\xAA", false},
		{"x\xFF", "X\xFF", true}, /* no UTF-8: the byte itself */
		{"x\xFF", "X\xFE", false},
		{"\xC3", "\xC3\xA4", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(utf8_eq_nocase(cases[i].a, cases[i].b), cases[i].same);
		CHECK_EQ(utf8_eq_nocase(cases[i].b, cases[i].a), cases[i].same);
		CHECK_EQ(utf8_hash_nocase(hash_key, cases[i].a) ==
				 utf8_hash_nocase(hash_key, cases[i].b),
			 cases[i].same);
	}
}

/* Blocks of the hash: every length differs from the next, and the case is folded in each. */
TEST(utf8_hash_nocase_of_long_names)
{
	char lower[600] = "", upper[600] = "";
	uint64_t before = utf8_hash_nocase(hash_key, "");

	for (size_t i = 0; i < sizeof(lower) - 1; i++) {
		uint64_t hash;

		lower[i] = 'q';
		upper[i] = 'Q';
		hash = utf8_hash_nocase(hash_key, lower);
		CHECK_EQ(hash, utf8_hash_nocase(hash_key, upper));
		CHECK(hash != before);
		before = hash;
	}
}

TEST_MAIN()
