#include "test.h"

#include "cmd/dir_scan.h"

static void freep(struct dir_scan **s)
{
	dir_scan_free(*s);
}

static void give_batch(struct dir_scan *s, size_t count)
{
	s->entries = arena_array(&s->arena, count, sizeof(*s->entries));
	s->count = count;
	s->next = 0;
	for (size_t i = 0; i < count; i++)
		s->entries[i].cookie = s->cookie + i + 1;
}

TEST(dir_scan_begins_with_everything)
{
	CLEANUP(freep) struct dir_scan *s = dir_scan_new();

	CHECK_STR(s->pattern, "*");
	CHECK(s->wildcards);
	CHECK(!s->end);
	CHECK(dir_scan_peek(s) == NULL);
}

TEST(dir_scan_pattern_without_wildcards)
{
	CLEANUP(freep) struct dir_scan *s = dir_scan_new();

	CHECK_ST(dir_scan_set_pattern(s, "name.txt", true), STATUS_SUCCESS);
	CHECK(!s->wildcards);
	CHECK_ST(dir_scan_set_pattern(s, "name<txt", true), STATUS_SUCCESS);
	CHECK(s->wildcards);
}

TEST(dir_scan_goes_on_behind_the_last_taken)
{
	CLEANUP(freep) struct dir_scan *s = dir_scan_new();

	give_batch(s, 3);
	CHECK_EQ(dir_scan_peek(s)->cookie, 1);
	dir_scan_take(s);
	dir_scan_take(s);
	CHECK_EQ(s->cookie, 2);
	dir_scan_drop(s); /* the third will be read again */
	CHECK(dir_scan_peek(s) == NULL);
	CHECK_EQ(s->cookie, 2);
	give_batch(s, 1);
	CHECK_EQ(dir_scan_peek(s)->cookie, 3);
	dir_scan_take(s);
	CHECK(dir_scan_peek(s) == NULL);
}

TEST(dir_scan_rewinds)
{
	CLEANUP(freep) struct dir_scan *s = dir_scan_new();

	give_batch(s, 2);
	dir_scan_take(s);
	s->dots = 2;
	s->end = true;
	dir_scan_rewind(s);
	CHECK_EQ(s->cookie, 0);
	CHECK_EQ(s->dots, 0);
	CHECK(!s->end);
	CHECK(dir_scan_peek(s) == NULL);
}

TEST_MAIN()
