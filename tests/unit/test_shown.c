/* test_shown.c - write times that come late, and space that was asked for. */
#include "fs/shown.h"
#include "test.h"

enum { BEFORE = 100, WRITTEN = 200, WRITTEN_AGAIN = 300 };

static const uint64_t start = 5, second = 1000 * 1000 * 1000;

static uint64_t write_time(const struct shown *s, uint64_t own, uint64_t now_ns)
{
	struct vfs_stat stat = {.type = VFS_FILE, .write_time = own};

	shown_apply(s, s, now_ns, &stat);
	return stat.write_time;
}

TEST(without_writes_the_files_own_time_is_shown)
{
	struct shown s = {0};

	CHECK_EQ(write_time(&s, WRITTEN, start), WRITTEN);
	CHECK(shown_write_begins(&s, start));
}

TEST(a_write_is_noted_after_two_seconds)
{
	struct shown s = {0};

	shown_late(&s, BEFORE, start);
	CHECK(!shown_write_begins(&s, start));
	CHECK(!shown_late_again(&s));
	CHECK_EQ(write_time(&s, WRITTEN, start), BEFORE);
	CHECK_EQ(write_time(&s, WRITTEN, start + 2 * second - 1), BEFORE);
	CHECK_EQ(write_time(&s, WRITTEN, start + 2 * second), WRITTEN);
}

/* They are noted together with the first. */
TEST(writes_meanwhile_change_nothing)
{
	struct shown s = {0};

	shown_late(&s, BEFORE, start);
	CHECK(!shown_write_begins(&s, start + second));
	shown_late(&s, WRITTEN, start + second);
	CHECK_EQ(write_time(&s, WRITTEN_AGAIN, start + second), BEFORE);
	CHECK_EQ(write_time(&s, WRITTEN_AGAIN, start + 2 * second), WRITTEN_AGAIN);
}

TEST(a_later_write_is_noted_when_it_is_caught_up)
{
	struct shown s = {0};

	shown_late(&s, BEFORE, start);
	CHECK(shown_write_begins(&s, start + 3 * second));
	shown_late(&s, WRITTEN, start + 3 * second);
	CHECK(!shown_write_begins(&s, start + 99 * second));
	CHECK(shown_late_again(&s));
	CHECK_EQ(write_time(&s, WRITTEN_AGAIN, start + 99 * second), WRITTEN);
	shown_catch_up(&s);
	CHECK_EQ(write_time(&s, WRITTEN_AGAIN, start + 99 * second), WRITTEN_AGAIN);
}

TEST(after_catching_up_it_begins_anew)
{
	struct shown s = {0};

	shown_late(&s, BEFORE, start);
	shown_catch_up(&s);
	CHECK_EQ(write_time(&s, WRITTEN, start), WRITTEN);
	shown_late(&s, WRITTEN, start + second);
	CHECK_EQ(write_time(&s, WRITTEN_AGAIN, start + 2 * second), WRITTEN);
	CHECK_EQ(write_time(&s, WRITTEN_AGAIN, start + 3 * second), WRITTEN_AGAIN);
}

/* [MS-FSA] 2.1.5.15.1: whole clusters */
TEST(space_that_was_asked_for)
{
	static const struct {
		uint64_t asked, own, shown;
	} cases[] = {
		{0, 0, 0},
		{0, 4096, 4096},
		{1, 0, 4096},
		{4096, 0, 4096},
		{4097, 0, 8192},
		{1 << 20, 0, 1 << 20},
		{1 << 20, 2 << 20, 2 << 20}, /* it has grown beyond */
		{INT64_MAX, 0, (uint64_t)INT64_MAX + 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vfs_stat stat = {.type = VFS_FILE, .allocated = cases[i].own};
		struct shown s = {0};

		shown_reserve(&s, cases[i].asked);
		shown_apply(&s, &s, start, &stat);
		CHECK_EQ(stat.allocated, cases[i].shown);
	}
}

TEST(a_directory_has_no_space)
{
	struct vfs_stat stat = {.type = VFS_DIR};
	struct shown s = {0};

	shown_reserve(&s, 4096);
	shown_apply(&s, &s, start, &stat);
	CHECK_EQ(stat.allocated, 0);
}

TEST_MAIN()
