#include "conf/lex.h"
#include "test.h"

static struct lex_line first_line(const char *text)
{
	struct lex x = lex_of(span_of_str(text));
	struct lex_line l = {0};

	CHECK(lex_next(&x, &l));
	return l;
}

TEST(empty_text_has_no_line)
{
	struct lex x = lex_of(span_of_str(""));
	struct lex_line l;

	CHECK(!lex_next(&x, &l));
}

TEST(each_kind_of_line_is_told)
{
	static const struct {
		const char *text;
		enum lex_kind kind;
	} rows[] = {
		{"\n", LEX_BLANK},
		{" \t \n", LEX_BLANK},
		{"# encrypt = 1\n", LEX_BLANK},
		{"\t## twice\n", LEX_BLANK},
		{"[global]\n", LEX_OPEN},
		{"  [share]  \n", LEX_OPEN},
		{"[/share]\n", LEX_CLOSE},
		{"a = b\n", LEX_SET},
		{"a=b", LEX_SET},
		{"a =", LEX_SET},
		{"[global", LEX_BAD},
		{"[global] x", LEX_BAD},
		{"[]", LEX_BAD},
		{"[/]", LEX_BAD},
		{"= b", LEX_BAD},
		{"word", LEX_BAD},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(first_line(rows[i].text).kind, rows[i].kind);
}

TEST(name_and_value_lose_the_blanks_around_them)
{
	struct lex_line l = first_line(" \tremark\t =  two  words = x \t\r\n");

	CHECK_SPAN(l.name, span_of_str("remark"));
	CHECK_SPAN(l.value, span_of_str("two  words = x"));
}

TEST(lines_end_in_lf_or_crlf_or_the_end)
{
	struct lex x = lex_of(span_of_str("a = 1\r\n\r\nb = 2\nc = 3"));
	struct lex_line l;

	CHECK(lex_next(&x, &l));
	CHECK_SPAN(l.value, span_of_str("1"));
	CHECK(lex_next(&x, &l));
	CHECK_EQ(l.kind, LEX_BLANK);
	CHECK(lex_next(&x, &l));
	CHECK_SPAN(l.value, span_of_str("2"));
	CHECK(lex_next(&x, &l));
	CHECK_SPAN(l.value, span_of_str("3"));
	CHECK_EQ(l.number, 4);
	CHECK(!lex_next(&x, &l));
}

TEST(byte_order_mark_is_skipped)
{
	struct lex_line l = first_line("\xEF\xBB\xBF[global]\n");

	CHECK_EQ(l.kind, LEX_OPEN);
	CHECK_EQ(lex_place(&l, l.name.p).column, 2);
}

TEST(columns_count_characters_not_bytes)
{
	struct lex_line l = first_line("r\xC3\xA4\xE2\x82\xAC = x");

	CHECK_EQ(lex_place(&l, l.name.p).column, 1);
	CHECK_EQ(lex_place(&l, l.value.p).column, 7);
}

TEST(what_is_not_text_is_told_with_its_place)
{
	static const struct {
		struct span text;
		unsigned column;
		const char *fault;
	} rows[] = {
		{{(const uint8_t *)"a = \0b", 6},
		 5,
		 "expected text, found the control character 0x00"},
		{{(const uint8_t *)"a = \x1B", 5},
		 5,
		 "expected text, found the control character 0x1B"},
		{{(const uint8_t *)"a\r = 1", 6},
		 2,
		 "expected text, found the control character 0x0D"},
		{{(const uint8_t *)"a\x7F", 2},
		 2,
		 "expected text, found the control character 0x7F"},
		{{(const uint8_t *)"# \xFF", 3},
		 3,
		 "expected UTF-8, found the byte 0xFF"},
		{{(const uint8_t *)"\xC3", 1}, 1, "expected UTF-8, found the byte 0xC3"},
		{{(const uint8_t *)"\xED\xA0\x80", 3},
		 1,
		 "expected UTF-8, found the byte 0xED"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lex x = lex_of(rows[i].text);
		struct lex_line l = {0};

		CHECK(lex_next(&x, &l));
		CHECK_EQ(l.kind, LEX_BAD);
		CHECK_EQ(lex_place(&l, l.fault_at).column, rows[i].column);
		CHECK_STR(l.fault, rows[i].fault);
	}
}

TEST(line_length_is_bounded)
{
	static char text[LEX_LINE_MAX + 2];

	memset(text, '#', LEX_LINE_MAX);
	CHECK_EQ(first_line(text).kind, LEX_BLANK);
	text[LEX_LINE_MAX] = '#';
	CHECK_EQ(first_line(text).kind, LEX_BAD);
	CHECK_STR(first_line(text).fault, "expected at most 8192 bytes, found 8193");
}

TEST_MAIN()
