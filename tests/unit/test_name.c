/* test_name.c - paths from the wire, and wildcards against a matcher that follows the document word by word. */
#include "fs/name.h"
#include "test.h"
#include "wire/utf16.h"

#include <stdlib.h>

static nt_status parse(struct arena *a, const char *utf8, struct name_path *ret)
{
	size_t max = 2 * strlen(utf8);
	uint8_t *wire = arena_alloc(a, max);
	struct wr w = wr_of(mspan_of(wire, max));

	(void)wr_utf16(&w, utf8);
	CHECK(wr_ok(&w));
	return name_parse(wr_done(&w), a, ret);
}

/* The components with a bar between them. */
static const char *joined(struct arena *a, const struct name_path *p)
{
	char *text = arena_alloc(a, 4096), *end = text;

	for (size_t i = 0; i < p->count; i++) {
		end = stpcpy(end, i ? "|" : "");
		end = stpcpy(end, p->names[i]);
	}
	return text;
}

static void check_parse(const char *path, nt_status want, const char *names,
			const char *stream, enum name_type type, bool slash)
{
	struct name_path p = {.count = 77};
	struct arena a;

	arena_init(&a, 1 << 20);
	CHECK_ST(parse(&a, path, &p), want);
	if (nt_ok(want)) {
		CHECK_STR(joined(&a, &p), names);
		CHECK_EQ(p.stream != NULL, stream != NULL);
		if (stream)
			CHECK_STR(p.stream, stream);
		CHECK_EQ(p.type, type);
		CHECK_EQ(p.slash, slash);
	} else {
		CHECK_EQ(p.count, 77); /* untouched */
	}
	arena_fini(&a);
}

/* [MS-FSCC] 2.1.5, [MS-SMB2] 2.2.13 */
TEST(paths_become_components)
{
	static const struct {
		const char *path, *names;
		bool slash;
	} cases[] = {
		{"", "", false},
		{"a", "a", false},
		{"a\\b\\c", "a|b|c", false},
		{"dir\\", "dir", true},
		{"dir\\sub\\", "dir|sub", true},
		{"...", "...", false},
		{"a/b\\c", "a|b|c", false},
		{"dir/", "dir", true},
		{"a\\..\\b", "b", false},
		{"a\\b\\..\\", "a", true},
		{"a\\b\\..\\..\\c", "c", false},
		{"a\\..", "", false},
		{"a/../", "", false},
		{".hidden", ".hidden", false},
		{"a b. ", "a b. ", false},
		{"\x7f", "\x7f", false},
		{"\xC3\xA4\\\xE2\x82\xAC\\\xF0\x9D\x84\x9E",
		 "\xC3\xA4|\xE2\x82\xAC|\xF0\x9D\x84\x9E", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_parse(cases[i].path, STATUS_SUCCESS, cases[i].names, NULL, NAME_ANY,
			    cases[i].slash);
}

/* [MS-FSCC] 2.1.5.1, 2.1.5.2; [MS-FSA] 2.1.5.1 phase 1; [MS-SMB2] 2.2.13 for the leading backslash */
TEST(paths_that_are_refused)
{
	static const struct {
		const char *path;
		nt_status status;
	} cases[] = {
		{"\\", {0xC000000D}},
		{"\\a", {0xC000000D}},
		{"\\\\a", {0xC000000D}},
		{"a\\\\b", {0xC0000033}},
		{"a\\\\", {0xC0000033}},
		{".", {0xC000003B}},
		{"..", {0xC000003B}},
		{"a\\..\\..\\b", {0xC000003B}},
		{"a/../..", {0xC000003B}},
		{"a\\.", {0xC000003B}},
		{"..\\", {0xC000003B}},
		{"a\\..:s", {0xC000003B}},
		{"a\\..::$DATA", {0xC000003B}},
		{"../b", {0xC000003B}},
		{"/a", {0xC000000D}},
		{"a//b", {0xC0000033}},
		{"a*", {0xC0000033}},
		{"a?\\b", {0xC0000033}},
		{"a\\<", {0xC0000033}},
		{">", {0xC0000033}},
		{"\"", {0xC0000033}},
		{"a|b", {0xC0000033}},
		{"a\tb", {0xC0000033}},
		{"\x01", {0xC0000033}},
		{"\x1f", {0xC0000033}},
		{"a:s\\b", {0xC0000033}},
		{"a::$DATA\\b", {0xC0000033}},
		{"a:$I30:$INDEX_ALLOCATION\\b", {0xC0000033}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_parse(cases[i].path, cases[i].status, NULL, NULL, NAME_ANY, false);
}

/* [MS-FSCC] 2.1.5.3, 2.1.5.4; [MS-FSA] 2.1.5.1 phases 5 to 7 */
TEST(streams)
{
	static const struct {
		const char *path;
		nt_status status;
		const char *names, *stream;
		enum name_type type;
		bool slash;
	} cases[] = {
		{"a:s", {0}, "a", "s", NAME_ANY, false},
		{"d\\a:s", {0}, "d|a", "s", NAME_ANY, false},
		{"a:s:$DATA", {0}, "a", "s", NAME_DATA, false},
		{"a:s:$data", {0}, "a", "s", NAME_DATA, false},
		{"a::$DATA", {0}, "a", NULL, NAME_DATA, false},
		{"a:*?<>|\"\x01:$DATA", {0}, "a", "*?<>|\"\x01", NAME_DATA, false},
		{"a::$INDEX_ALLOCATION", {0}, "a", NULL, NAME_DIRECTORY, false},
		{"a:$i30:$Index_Allocation\\", {0}, "a", NULL, NAME_DIRECTORY, true},
		{"::$DATA", {0}, "", NULL, NAME_DATA, false},
		{":s", {0}, "", "s", NAME_ANY, false},
		{":$I30:$INDEX_ALLOCATION", {0}, "", NULL, NAME_DIRECTORY, false},
		{"a:x:$INDEX_ALLOCATION", {0xC000000D}, NULL, NULL, NAME_ANY, false},
		{":", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a:", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a::", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a:s:", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a:s:$DAT", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a:s:$DATA:", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a:s:$EA", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a:s/t", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"a*:s", {0xC0000033}, NULL, NULL, NAME_ANY, false},
		{"..:s", {0xC000003B}, NULL, NULL, NAME_ANY, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_parse(cases[i].path, cases[i].status, cases[i].names,
			    cases[i].stream, cases[i].type, cases[i].slash);
}

/* count times c, then tail */
static const char *repeat(char *buf, const char *c, size_t count, const char *tail)
{
	char *end = buf;

	while (count--)
		end = stpcpy(end, c);
	strcpy(end, tail);
	return buf;
}

/* 255 UTF-16 units ([MS-FSCC] 2.1.5.2) and 255 bytes (Linux); streams the same (2.1.5.3) */
TEST(lengths)
{
	static const struct {
		const char *c;
		size_t longest;
	} cases[] = {
		{"a", 255},
		{"\xC3\xA4", 127},
		{"\xE2\x82\xAC", 85},
		{"\xF0\x9D\x84\x9E", 63},
	};
	char fits[1100], longer[1100];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		repeat(fits, cases[i].c, cases[i].longest, "");
		repeat(longer, cases[i].c, cases[i].longest + 1, "");
		check_parse(fits, STATUS_SUCCESS, fits, NULL, NAME_ANY, false);
		check_parse(longer, STATUS_OBJECT_NAME_INVALID, NULL, NULL, NAME_ANY,
			    false);
		CHECK(name_showable(fits));
		CHECK(!name_showable(longer));
	}
	fits[0] = ':';
	repeat(fits + 1, "s", 255, "");
	check_parse(fits, STATUS_SUCCESS, "", fits + 1, NAME_ANY, false);
	repeat(fits + 1, "s", 256, "");
	check_parse(fits, STATUS_OBJECT_NAME_INVALID, NULL, NULL, NAME_ANY, false);
}

/* [MS-FSCC] 2.1.5: a path has at most 32,760 characters */
TEST(path_length)
{
	char *path = malloc(2 * 32762);
	struct name_path p;
	struct arena a;

	CHECK(path);
	arena_init(&a, 1 << 20);
	repeat(path, "a\\", 16380, "");
	CHECK_ST(parse(&a, path, &p), STATUS_SUCCESS);
	CHECK_EQ(p.count, 16380);
	CHECK(p.slash);
	strcat(path, "b");
	CHECK_ST(parse(&a, path, &p), STATUS_OBJECT_NAME_INVALID);
	arena_fini(&a);
	free(path);
}

TEST(what_is_no_utf16_is_refused)
{
	static const uint8_t odd[] = {'a', 0, 'b'};
	static const uint8_t nul[] = {'a', 0, 0, 0, 'b', 0};
	static const uint8_t lone_high[] = {0x00, 0xD8, 'a', 0};
	static const uint8_t lone_low[] = {0x00, 0xDC};
	static const struct span cases[] = {
		{odd, sizeof(odd)},
		{nul, sizeof(nul)},
		{lone_high, sizeof(lone_high)},
		{lone_low, sizeof(lone_low)},
	};
	struct name_path p;
	struct arena a;

	arena_init(&a, 4096);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_ST(name_parse(cases[i], &a, &p), STATUS_OBJECT_NAME_INVALID);
	arena_fini(&a);
}

TEST(a_full_arena_is_no_bad_name)
{
	struct name_path p;
	struct arena a;

	arena_init(&a, 0);
	CHECK_ST(name_parse(BYTES('a', 0), &a, &p), STATUS_INSUFFICIENT_RESOURCES);
	arena_fini(&a);
}

TEST(shown_and_reserved_names)
{
	static const struct {
		const char *name;
		bool showable, reserved;
	} cases[] = {
		{".", true, false},
		{"..", true, false},
		{"a", true, false},
		{".tsmb", false, true},
		{".TSMB", false, true},
		{".tsmbx", true, false},
		{"tsmb", true, false},
		{"a:b", false, false},
		{"a\\b", false, false},
		{"a?", false, false},
		{"a*", false, false},
		{"a\n", false, false},
		{"a\"", false, false},
		{"a|", false, false},
		{"a<", false, false},
		{"a\xFF", false, false},
		{"", false, false},
		{"\xC3\xA4", true, false},
		{"\xED\xA0\x80", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(name_showable(cases[i].name), cases[i].showable);
		CHECK_EQ(name_reserved(cases[i].name), cases[i].reserved);
	}
}

static bool match(const char *pattern, const char *name, bool ignore_case)
{
	struct name_pattern p;

	return nt_ok(name_pattern_init(&p, pattern, ignore_case)) &&
	       name_pattern_match(&p, name);
}

/* [MS-FSA] 2.1.4.4, part 1, and each wildcard of part 2 alone */
TEST(wildcards)
{
	static const struct {
		const char *pattern, *yes, *no; /* names apart by bars */
	} cases[] = {
		{"", "a|a.b|.|..", ""},
		{"*", "a|a.b|.|..", ""},
		{"**", "a|a.b", ""},
		{"*.*", "a|a.b|.x", ""}, /* though there is no dot */
		{"*.**", "a.b|.x", "a"},
		{"a", "a|A", "b|aa"},
		{"*b", "b|ab|a.b", "ba|a"},
		{"*.txt", ".txt|a.TXT|a.b.txt", "txt|a.tx|a.txtt"},
		{"a*z", "az|abz|azz", "a|z|bz"},
		{"a*b*c", "abc|aXbYc|abcbc", "acb|ab"},
		{"?", "a|.|\xE2\x82\xAC", "ab|\xF0\x9D\x84\x9E"},
		{"??", "ab|\xF0\x9D\x84\x9E", "a|abc"},
		{"a\"", "a|a.", "a..|ab"},
		{"a\"b", "a.b", "ab|a"},
		{"a\"\"", "a|a.|a..", "a..."},
		{">", "a", "ab|a.|.a"},
		{">>", "a|ab", "abc|a."},
		{">>>.txt", "a.txt|ab.txt|abc.txt|.txt", "abcd.txt|a.b.txt"},
		{">>>\">>>", "abc|abc.|a.b|abc.def|.x", "abcd|a.bcde|a.b.c"},
		{"a>b", "axb", "ab|a.b"},
		{"<", "a|abc", "a.b|a."},
		{"<.", "a.|a.b.", "a|a.b"},
		{"<.c", "a.c|a.b.c|.c", "a.c.d|c"},
		{"<\"c", "a.c|a.b.c", "ac|a.c.d"},
		{"<\"", "a|a.|abc|a.b.", "a.b"},
		{"<b", "b|ab", "a.b.c"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int want = 0; want < 2; want++) {
			char names[64], *rest = names;

			strcpy(names, want ? cases[i].yes : cases[i].no);
			for (char *n; names[0] && (n = strsep(&rest, "|"));)
				CHECK_EQ(match(cases[i].pattern, n, true), want);
		}
	}
}

TEST(case_is_ignored_only_if_asked)
{
	CHECK(match("READ*.T>T", "readme.txt", true));
	CHECK(!match("READ*.T>T", "readme.txt", false));
	CHECK(match("read*.t>t", "readme.txt", false));
	CHECK(match("*\xC3\x84*", "x\xC3\xA4y", true));
	CHECK(!match("*\xC3\x84*", "x\xC3\xA4y", false));
	CHECK(!match("STRASSE",
		     "stra\xC3\x9F"
		     "e",
		     true));
}

TEST(a_name_that_is_no_utf8_matches_only_everything)
{
	CHECK(match("*", "a\xFF", true));
	CHECK(!match("a?", "a\xFF", true));
	CHECK(!match("a*", "a\xFF", false));
}

TEST(has_wildcards)
{
	static const char *const with[] = {"*", "a?", "a<b", ">", "\"x"};

	for (size_t i = 0; i < ARRAY_LEN(with); i++)
		CHECK(name_has_wildcards(with[i]));
	CHECK(!name_has_wildcards(""));
	CHECK(!name_has_wildcards("a.b|:c"));
}

TEST(patterns_too_long_or_no_utf8_are_refused)
{
	struct name_pattern p;
	char text[1100];

	CHECK_ST(name_pattern_init(&p, repeat(text, "?", 256, ""), true), STATUS_SUCCESS);
	CHECK_ST(name_pattern_init(&p, repeat(text, "?", 257, ""), true),
		 STATUS_OBJECT_NAME_INVALID);
	CHECK_ST(name_pattern_init(&p, repeat(text, "*", 1000, "b"), true),
		 STATUS_SUCCESS); /* a run counts once */
	CHECK(name_pattern_match(&p, "ab"));
	CHECK(!name_pattern_match(&p, "ba"));
	CHECK_ST(name_pattern_init(&p, "a\xFF*", true), STATUS_OBJECT_NAME_INVALID);
	CHECK_ST(name_pattern_init(&p, "a\xFF*", false), STATUS_OBJECT_NAME_INVALID);
	CHECK(!match("a\xFF*", "a", true));
}

TEST(no_pattern_makes_a_name_expensive)
{
	char pattern[300], name[300];
	struct name_pattern p;

	repeat(name, "a", 255, "");
	CHECK_ST(name_pattern_init(&p, repeat(pattern, "*a", 127, "*b"), true),
		 STATUS_SUCCESS);
	CHECK(!name_pattern_match(&p, name));
	CHECK_ST(name_pattern_init(&p, repeat(pattern, "*a", 128, ""), true),
		 STATUS_SUCCESS);
	CHECK(name_pattern_match(&p, name));
}

/* [MS-FSA] 2.1.4.4, part 2, a rule a case; ASCII only */
static bool naive(const char *p, const char *n)
{
	switch (*p) {
	case '\0':
		return *n == '\0';
	case '*':
		return naive(p + 1, n) || (*n && naive(p, n + 1));
	case '?':
		return *n && naive(p + 1, n + 1);
	case '"':
		return *n ? *n == '.' && naive(p + 1, n + 1) : naive(p + 1, n);
	case '>':
		if (*n && *n != '.')
			return naive(p + 1, n + 1);
		return naive(p + strspn(p, ">"), n);
	case '<':
		for (; *n && !(*n == '.' && !strchr(n + 1, '.')); n++)
			if (naive(p + 1, n))
				return true;
		return naive(p + 1, n);
	default:
		return *p == *n && naive(p + 1, n + 1);
	}
}

static const char *pick(char *buf, size_t max, const char *from, unsigned *seed)
{
	size_t len = (size_t)rand_r(seed) % max, kinds = strlen(from);

	for (size_t i = 0; i < len; i++)
		buf[i] = from[(size_t)rand_r(seed) % kinds];
	buf[len] = '\0';
	return buf;
}

TEST(wildcards_match_like_the_naive_matcher)
{
	unsigned seed = 1;
	size_t matches = 0;

	for (int i = 0; i < 200000; i++) {
		char pattern[10], name[12];

		pick(pattern, sizeof(pattern), "ab..*?<>\"", &seed);
		pick(name + 1, sizeof(name) - 1, "ab..", &seed);
		name[0] = "ab."[i % 3];
		bool want = !pattern[0] || strcmp(pattern, "*.*") == 0 ||
			    naive(pattern, name);

		if (match(pattern, name, i & 1) != want)
			fail_msg("pattern %s, name %s: not %d", pattern, name, want);
		matches += want;
	}
	CHECK(matches > 10000);
}

/* [MS-SMB2] 2.2.2.2.1: UnparsedPathLength, in bytes */
TEST(what_stands_behind_a_component)
{
	static const struct {
		const char *path;
		size_t behind, units;
	} cases[] = {
		{"", 0, 0},          {"a", 0, 0},
		{"a\\", 0, 1},       {"a\\bc", 0, 0},
		{"a\\bc", 1, 3},     {"a\\bc\\", 1, 4},
		{"a\\bc\\d", 1, 2},  {"a\\bc\\d", 2, 5},
		{"a/bc/d", 2, 5},    {"a:s", 0, 2},
		{"a:s:$DATA", 0, 8}, {"a\\b:s", 1, 4},
		{"a\\b:s", 0, 2},    {"a::$DATA\\", 0, 8},
		{"a\\bc", 7, 4},     {"\xc3\xa4\\b", 1, 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t wire[64];
		struct wr w = wr_of(mspan_of(wire, sizeof(wire)));

		(void)wr_utf16(&w, cases[i].path);
		CHECK_EQ(name_tail_len(wr_done(&w), cases[i].behind), 2 * cases[i].units);
	}
}

TEST_MAIN()
