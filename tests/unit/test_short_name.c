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
		{"longer than that", "L~", ""},
		{"longer than that.html", "L~", ".HTM"},
		{"a b.c", "A~", ".C"},
		{"a.b.c", "A~", ".C"},
		{".profile", "P~", ""},
		{"trailing.", "T~", ""},
		{"\xc3\xa4\xc3\xb6.\xc3\xbc", "~", ""},
		{"+++.+++", "~", ""},
		{"x+.c++", "X~", ".C"},
		{"~a long name.~tmp", "A~", ".~TM"},
		{"~~~~~~~~~", "~", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t begin = strlen(cases[i].begin);
		char got[SHORT_NAME_LEN + 1];

		short_name_of(cases[i].name, got);
		CHECK_EQ(strlen(got), begin + 6 + strlen(cases[i].end));
		CHECK_MEM(got, cases[i].begin, begin);
		CHECK_STR(got + begin + 6, cases[i].end);
		CHECK(short_name_fits(got));
		CHECK(short_name_is_made(got));
	}
}

TEST(whatever_the_name_what_is_made_up_is_known_as_such)
{
	static const char bytes[] = "~~.. aZ0+:\x80\xc3\xa4$\n\\";

	for (uint32_t seed = 0; seed < 100000; seed++) {
		char name[17] = "", made[SHORT_NAME_LEN + 1];
		uint32_t r = seed * 2654435761u;

		for (size_t i = 0; i < seed % 16 + 1; i++, r = r * 1664525 + 1013904223)
			name[i] = bytes[(r >> 16) % (sizeof(bytes) - 1)];
		if (!short_name_is_given(name))
			continue;
		short_name_of(name, made);
		CHECK(short_name_fits(made));
		CHECK(short_name_is_made(made));
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
		"",         "~",         "PROGRA~1",      "A~12345",   "A~1234567",
		"AB~12345", "AB~123456", "A~123456.html", "A~12345 x", "~123456~",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK(!short_name_is_made(names[i]));
	CHECK(short_name_is_made("A~123456"));
	CHECK(short_name_is_made("a~1x3456.htm"));
	CHECK(short_name_is_made("~123456"));
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
	fix_put(&f, "share/Q~000000", "");
	CHECK_EQ(fix_lookup(&f, NULL, "q~000000", &l), 0);
	CHECK_STR(l.name, "Q~000000");
	vfile_put(l.file);
	fix_fini(&f);
}

/* Neither up, nor to what no client may use. */
TEST(what_clients_may_not_use_has_no_short_name)
{
	static const char *const names[] = {"",      ".",     "..",
					    ".tsmb", ".TSMB", ":tsmb:0123"};
	char buf[SHORT_NAME_LEN + 1];
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/.tsmb", "");
	fix_put(&f, "share/:tsmb:0123", "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CHECK(!short_name_is_given(names[i]));
		if (names[i][0])
			CHECK_EQ(look_by_short(&f, names[i], ""), -ENOENT);
	}
	CHECK(!short_name_shown(".tsmb", buf));
	CHECK_STR(short_name_shown("..", buf), "..");
	fix_fini(&f);
}

/* As what cannot be spelled is shown, it is listed, found, renamed and removed. */
TEST(what_cannot_be_spelled_goes_by_its_short_name)
{
	static const char *const names[] = {"with:colon", "bad\xff", "back\\slash",
					    "new\nline", "\xed\xa0\x80"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char buf[SHORT_NAME_LEN + 1], rel[64], path[160];
		const char *shown = short_name_shown(names[i], buf);
		struct vfs_lookup l;
		struct fix f;

		fix_init(&f);
		snprintf(rel, sizeof(rel), "share/%s", names[i]);
		snprintf(path, sizeof(path), "%s/%s", f.share, names[i]);
		fix_put(&f, rel, "");
		CHECK(short_name_is_made(shown));
		CHECK_EQ(look_by_short(&f, names[i], shown), 0);
		CHECK_EQ(fix_lookup(&f, NULL, shown, &l), 0);
		vfile_put(l.file);

		struct vfs_unlink u = {.dir = f.root, .name = shown, .key = l.stat.key};
		if (i % 2) {
			CHECK_EQ(fix_run(&f, &u.call, VFS_UNLINK), 0);
		} else {
			struct vfs_rename r = {.src_dir = f.root,
					       .src_name = shown,
					       .dst_dir = f.root,
					       .dst_name = "new name",
					       .key = l.stat.key};
			CHECK_EQ(fix_run(&f, &r.call, VFS_RENAME), 0);
			CHECK_EQ(fix_lookup(&f, NULL, "New Name", &l), 0);
			vfile_put(l.file);
		}
		CHECK(access(path, F_OK) < 0);
		CHECK_EQ(look_by_short(&f, names[i], ""), -ENOENT);
		fix_fini(&f);
	}
}

/* Where names are compared exactly nobody looks for them any other way. */
TEST(a_case_sensitive_volume_has_no_short_names)
{
	struct fix f;

	fix_init_at(&f, "/tmp", (struct posix_settings){.case_insensitive = false});
	fix_put(&f, "share/quite a long name", "");
	CHECK_EQ(look_by_short(&f, "quite a long name", ""), -ENOENT);
	fix_fini(&f);
}

TEST_MAIN()
