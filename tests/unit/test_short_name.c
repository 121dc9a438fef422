/* test_short_name.c - names of eight characters and three. */
#include "fs/short_name.h"
#include "posix_fixture.h"

/* [MS-FSCC] 2.1.5.2.1 */
TEST(names_that_fit)
{
	static const struct {
		const char *name;
		bool fits;
	} cases[] = {
		{"a", true},          {"ABCDEFGH", true},       {"abcdefgh.txt", true},
		{"PROGRA~1", true},   {"x{}!.$$$", true},       {"", false},
		{"abcdefghi", false}, {"abcdefgh.html", false}, {"a.", false},
		{".a", false},        {"a.b.c", false},         {"a b", false},
		{"a+b", false},       {"a,b", false},           {"\xc3\xa4", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(short_name_fits(cases[i].name), cases[i].fits);
}

TEST(what_fits_stays_as_it_is)
{
	char got[SHORT_NAME_LEN + 1];

	short_name_of("ReadMe.txt", got);
	CHECK_STR(got, "ReadMe.txt");
	short_name_of("abcdefgh.txt", got);
	CHECK_STR(got, "abcdefgh.txt");
}

/* begin, end: around the hash. Each fits, and can be told from names that were not made up. */
TEST(what_does_not_fit_gets_one_made_up)
{
	static const struct {
		const char *name, *begin, *end;
	} cases[] = {
		{"longer than that", "LO~", ""},
		{"longer than that.html", "LO~", ".HTM"},
		{"a b.c", "AB~", ".C"},
		{"a.b.c", "AB~", ".C"},
		{".profile", "PR~", ""},
		{"trailing.", "TR~", ""},
		{"\xc3\xa4\xc3\xb6.\xc3\xbc", "~", ""},
		{"+++.+++", "~", ""},
		{"x+.c++", "X~", ".C"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t begin = strlen(cases[i].begin);
		char got[SHORT_NAME_LEN + 1];

		short_name_of(cases[i].name, got);
		CHECK_EQ(strlen(got), begin + 5 + strlen(cases[i].end));
		CHECK_MEM(got, cases[i].begin, begin);
		CHECK_STR(got + begin + 5, cases[i].end);
		CHECK(short_name_fits(got));
		CHECK(short_name_is_made(got));
	}
}

TEST(names_that_differ_have_others)
{
	char a[SHORT_NAME_LEN + 1], b[SHORT_NAME_LEN + 1];

	short_name_of("a rather long name 1", a);
	short_name_of("a rather long name 2", b);
	CHECK(strcmp(a, b) != 0);
	short_name_of("A Rather LONG name 1", b); /* but for case */
	CHECK_STR(a, b);
}

TEST(names_that_were_not_made_up)
{
	static const char *const names[] = {
		"",         "~",         "PROGRA~1",      "AB~1234",    "AB~123456",
		"ABC~1234", "ABC~12345", "AB~12345.html", "AB~12345 x", "~12345~",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK(!short_name_is_made(names[i]));
	CHECK(short_name_is_made("AB~12345"));
	CHECK(short_name_is_made("ab~1x345.htm"));
	CHECK(short_name_is_made("~12345"));
}

/* ---- looking them up ---------------------------------------------------------------------------- */

/* What looks for `name` by the short one that is made up for it. */
static int look_by_short(struct fix *f, const char *name, const char *expected)
{
	char made[SHORT_NAME_LEN + 1];
	struct vfs_lookup l;
	int err;

	short_name_of(name, made);
	err = fix_lookup(f, NULL, made, &l);
	if (err == 0) {
		CHECK_STR(l.name, expected);
		vfile_put(l.file);
	}
	return err;
}

TEST(a_short_name_finds_the_long_one)
{
	struct vfs_lookup l;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/quite a long name.html", "");
	CHECK_EQ(look_by_short(&f, "quite a long name.html", "quite a long name.html"),
		 0);
	CHECK_EQ(look_by_short(&f, "another long name", ""), -ENOENT);
	/* one that is there as it was asked for goes first */
	fix_put(&f, "share/QU~00000", "");
	CHECK_EQ(fix_lookup(&f, NULL, "qu~00000", &l), 0);
	CHECK_STR(l.name, "QU~00000");
	vfile_put(l.file);
	fix_fini(&f);
}

/* Neither up, nor to what no client may use, nor to what it is not shown. */
TEST(what_clients_may_not_use_has_no_short_name)
{
	static const char *const names[] = {".", "..", ".tsmb", "with:colon", "bad\xff"};
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/.tsmb", "");
	fix_put(&f, "share/with:colon", "");
	fix_put(&f, "share/bad\xff", "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK_EQ(look_by_short(&f, names[i], ""), -ENOENT);
	fix_fini(&f);
}

TEST_MAIN()
