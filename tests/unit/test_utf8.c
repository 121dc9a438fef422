#include "base/utf8.h"
#include "test.h"

TEST(utf8_every_character_goes_there_and_back)
{
	for (uint32_t c = 0; c <= 0x10FFFF; c++) {
		uint8_t text[UTF8_CHAR_MAX];
		uint32_t back = ~c;
		size_t len;

		if (c == 0xD800)
			c = 0xE000;
		len = utf8_put(text, c);
		if (utf8_get(span_of(text, len), &back) != len || back != c ||
		    utf8_get(span_of(text, len - 1), &back) != 0)
			fail_msg("U+%04X", c);
	}
}

TEST(utf8_lengths)
{
	static const struct {
		uint32_t c;
		size_t len;
	} cases[] = {{0, 1},     {0x7F, 1},   {0x80, 2},    {0x7FF, 2},
		     {0x800, 3}, {0xFFFF, 3}, {0x10000, 4}, {0x10FFFF, 4}};
	uint8_t text[UTF8_CHAR_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(utf8_put(text, cases[i].c), cases[i].len);
}

TEST(utf8_refuses_what_is_no_character)
{
	static const char *const cases[] = {
		"\x80",
		"\xBF", /* continuation first	*/
		"\xC0\xAF",
		"\xC1\xBF", /* overlong '/'		*/
		"\xE0\x80\xAF",
		"\xE0\x9F\xBF",
		"\xF0\x80\x80\xAF",
		"\xF0\x8F\xBF\xBF",
		"\xED\xA0\x80",
		"\xED\xBF\xBF", /* surrogates		*/
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80", /* beyond U+10FFFF	*/
		"\xF8\x88\x80\x80",
		"\xFE",
		"\xFF",
		"\xC3",
		"\xE2\x82",
		"\xF0\x9F\x98", /* cut short */
		"\xC3(",
		"\xE2(\x82",
		"\xE2\x82(",
		"\xF0\x9F\x98(",
	};
	uint32_t c = 7;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(utf8_get(span_of_str(cases[i]), &c), 0);
	CHECK_EQ(utf8_get(span_of(NULL, 0), &c), 0);
	CHECK_EQ(c, 7);
}

TEST_MAIN()
