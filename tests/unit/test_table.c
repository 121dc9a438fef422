/*
 * Columns for people: what fits, what is cut, what is made harmless.
 */
#include "../../tools/table.h"
#include "test.h"

#include <stdlib.h>

/* Into text; returns it. */
enum { PRINTED_MAX = 4096 };
static char *printed(struct table *t, bool bold, char text[PRINTED_MAX])
{
	FILE *out = fmemopen(text, PRINTED_MAX, "w");

	CHECK(out != NULL);
	table_end(t, TABLE_COLUMNS, bold, out);
	fclose(out);
	return text;
}

TEST(columns_are_as_wide_as_what_is_in_them)
{
	static const struct table_column columns[] = {
		{"ID", true, 0}, {"NAME", false, 4}, {"WHAT", false, 0}};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	char text[PRINTED_MAX];

	table_text(t, "7");
	table_text(t, "a");
	table_text(t, "x");
	table_printf(t, "%d", 1234);
	table_text(t, "longer");
	table_text(t, "");
	printed(t, false, text);
	CHECK_STR(text, "  ID NAME   WHAT\n   7 a      x\n1234 longer \n");
}

TEST(the_widest_that_may_is_cut)
{
	static const struct table_column columns[] = {
		{"A", false, 0}, {"B", false, 10}, {"C", false, 5}};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	char wide[91], text[PRINTED_MAX], *row;

	memset(wide, 'w', 90);
	wide[90] = '\0';
	table_text(t, "never");
	table_text(t, wide);
	table_text(t, wide + 80);
	printed(t, false, text);
	row = strchr(text, '\n');
	CHECK(row++ != NULL);
	CHECK_EQ(strlen(row), TABLE_COLUMNS + 1);
	CHECK_EQ(strncmp(row, "never w", 7), 0);
	CHECK(strstr(row, "w~ wwwwwwwwww\n") != NULL);
}

TEST(a_narrower_screen_cuts_more)
{
	static const struct table_column columns[] = {{"A", false, 4}, {"B", false, 4}};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	char text[PRINTED_MAX];
	FILE *out = fmemopen(text, sizeof(text), "w");

	table_text(t, "0123456789");
	table_text(t, "abcdefghij");
	table_end(t, 12, false, out);
	fclose(out);
	CHECK_STR(text, "A     B\n0123~ abcde~\n");
}

/* What takes two columns is not cut in two. */
TEST(wide_characters_count_for_two)
{
	static const struct table_column columns[] = {{"N", false, 1}, {"E", false, 0}};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	char name[181] = "", text[PRINTED_MAX];

	for (size_t i = 0; i < 60; i++)
		memcpy(name + 3 * i, "\xE6\xBC\xA2", 3);
	table_text(t, name);
	table_text(t, "end");
	printed(t, false, text);
	CHECK(strstr(text, "\xE6\xBC\xA2~  end") || strstr(text, "\xE6\xBC\xA2~ end"));
	CHECK(strlen(text) < 400);
}

/* For a screen: colours take no room, and what is behind the edge is left out. */
TEST(a_line_is_as_long_as_the_screen_is_wide)
{
	static const struct {
		const char *text;
		size_t columns, len;
	} cases[] = {
		{"abcdef", 6, 6},
		{"abcdef", 5, 5},
		{"abcdef", 0, 0},
		{"\033[1mab\033[0mcd", 3, 4 + 2 + 4 + 1},
		{"\033[1mab\033[0mcd", 4, 4 + 2 + 4 + 2},
		{"\xE6\xBC\xA2\xE6\xBC\xA2", 3, 3},
		{"\xff\xff", 1, 1},
		{"\033[3", 9, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(columns_len(cases[i].text, cases[i].columns), cases[i].len);
}

TEST(text_is_made_harmless)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"plain \\ text", "plain \\ text"},
		{"\033[31mred\n", "\\x1B[31mred\\x0A"},
		{"\x7f\xc2\x9b", "\\x7F\\xC2\\x9B"},     /* DEL; CSI as one character */
		{"a\xe2\x80\xae.", "a\\xE2\\x80\\xAE."}, /* right to left from here */
		{"\xff\xfe", "\\xFF\\xFE"},
		{"\xc3\xa4", "\xc3\xa4"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *shown = text_shown(cases[i].from);

		CHECK(shown != NULL);
		CHECK_STR(shown, cases[i].to);
		free(shown);
	}
}

TEST(titles_are_bold_where_that_is_wanted)
{
	static const struct table_column columns[] = {{"T", false, 0}};
	char text[PRINTED_MAX];

	CHECK_STR(printed(table_new(columns, 1), true, text), "\033[1mT\n\033[0m");
}

TEST(amounts)
{
	char buf[AMOUNT_MAX];

	CHECK_STR(amount_bytes(0, buf), "0 B");
	CHECK_STR(amount_bytes(1023, buf), "1023 B");
	CHECK_STR(amount_bytes(1536, buf), "1.5 KiB");
	CHECK_STR(amount_bytes((1 << 20) - 1, buf), "1.0 MiB");
	CHECK_STR(amount_bytes(UINT64_MAX, buf), "16.0 EiB");
	CHECK_STR(amount_seconds(59, buf), "00:00:59");
	CHECK_STR(amount_seconds(86399, buf), "23:59:59");
	CHECK_STR(amount_seconds(90061, buf), "1d 01:01");
	CHECK_STR(amount_ns(1999, buf), "1 us");
	CHECK_STR(amount_ns(9999999, buf), "9999 us");
	CHECK_STR(amount_ns(10000000, buf), "10 ms");
	CHECK_STR(amount_ns(UINT64_C(12000000000), buf), "12 s");
}

TEST_MAIN()
