#include "conf/errors.h"
#include "test.h"

#include <stdlib.h>

TEST(entries_are_sorted_by_place_and_stable)
{
	static const struct conf_place places[] = {
		{3, 1}, {1, 9}, {1, 2}, {3, 1}, {0, 0}};
	static const char *const want[] = {"f: e: 4", "f:1:2: e: 2",
					   "f:1:9: warning: e: 1", "f:3:1: e: 0",
					   "f:3:1: e: 3"};
	struct conf_errors e;
	char buf[64];

	conf_errors_init(&e);
	conf_errors_file(&e, "f");
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (i == 1)
			conf_errors_warn(&e, places[i], "e", "%zu", i);
		else
			conf_errors_add(&e, places[i], "e", "%zu", i);
	}
	conf_errors_sort(&e);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		CHECK_STR(conf_error_text(&e, i, buf, sizeof(buf)), want[i]);
	CHECK_EQ(e.error_count, 4);
	CHECK_EQ(e.warning_count, 1);
	conf_errors_fini(&e);
}

TEST(beyond_the_limit_entries_are_counted_only)
{
	struct conf_errors e;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	conf_errors_init(&e);
	for (size_t i = 0; i < CONF_ERRORS_MAX + 7; i++)
		conf_errors_add(&e, (struct conf_place){1, 1}, "e", "x");
	CHECK_EQ(e.count, CONF_ERRORS_MAX);
	CHECK_EQ(e.error_count, CONF_ERRORS_MAX + 7);
	conf_errors_print(&e, out);
	fclose(out);
	assert_non_null(strstr(text, "configuration: 7 more not shown\n"));
	free(text);
	conf_errors_fini(&e);
}

/* What a file said before is not said again, wherever it stands now; a second time is new. */
TEST(known_warnings_are_dropped)
{
	static const struct conf_place at = {1, 1}, later = {9, 1};
	struct conf_errors e, known;

	conf_errors_init(&e);
	conf_errors_init(&known);
	conf_errors_warn(&known, at, "a", "x");
	conf_errors_warn(&known, at, "b", "x");
	conf_errors_add(&known, at, "c", "x");
	conf_errors_warn(&e, later, "a", "x");
	conf_errors_warn(&e, later, "c", "x");
	conf_errors_add(&e, later, "b", "x");
	conf_errors_warn(&e, later, "a", "x");
	conf_errors_warn(&e, later, "a", "y");
	conf_errors_drop(&e, &known);
	CHECK_EQ(e.count, 4);
	CHECK_STR(e.list[0].text, "c: x");
	CHECK_STR(e.list[1].text, "b: x");
	CHECK_STR(e.list[2].text, "a: x");
	CHECK_STR(e.list[3].text, "a: y");
	CHECK_EQ(e.warning_count, 3);
	CHECK_EQ(e.error_count, 1);
	conf_errors_fini(&e);
	conf_errors_fini(&known);
}

TEST(text_is_cut_to_the_buffer)
{
	struct conf_errors e;
	char buf[8];

	conf_errors_init(&e);
	conf_errors_add(&e, (struct conf_place){1, 1}, "subject", "message");
	CHECK_STR(conf_error_text(&e, 0, buf, sizeof(buf)), "configu");
	conf_errors_fini(&e);
}

TEST_MAIN()
