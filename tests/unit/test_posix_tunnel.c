/* test_posix_tunnel.c - long names that went a moment ago, by their short ones. */
#include "fs/posix_tunnel.h"
#include "fs/short_name.h"
#include "test.h"

#include <stdio.h>

static const struct statx here = {.stx_ino = 7, .stx_dev_major = 8},
			  elsewhere = {.stx_ino = 9, .stx_dev_major = 8},
			  other_disk = {.stx_ino = 7, .stx_dev_major = 9};

/* "" for none. */
static const char *find(struct posix_tunnel *t, const struct statx *dir, const char *name)
{
	static char real[256];
	char made[SHORT_NAME_LEN + 1];

	short_name_of(name, made);
	return posix_tunnel_find(t, dir, made, real) ? real : "";
}

TEST(what_went_is_found_where_it_was)
{
	struct posix_tunnel *t = posix_tunnel_new();

	assert_non_null(t);
	CHECK_STR(find(t, &here, "a long name"), "");
	posix_tunnel_gone(t, &here, "A Long Name");
	posix_tunnel_gone(t, &here, "another one");
	CHECK_STR(find(t, &here, "a long name"), "A Long Name");
	CHECK_STR(find(t, &here, "another one"), "another one");
	CHECK_STR(find(t, &here, "a third one"), "");
	CHECK_STR(find(t, &elsewhere, "a long name"), "");
	CHECK_STR(find(t, &other_disk, "a long name"), "");
	posix_tunnel_gone(t, &here, "a long NAME");
	CHECK_STR(find(t, &here, "a long name"), "a long NAME"); /* the last */
	posix_tunnel_free(t);
}

TEST(names_without_a_made_up_one_are_not_kept)
{
	static const char *const names[] = {"", ".", "SHORT.TXT", "A~123456", ".tsmb"};
	struct posix_tunnel *t = posix_tunnel_new();
	char real[256];

	assert_non_null(t);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		posix_tunnel_gone(t, &here, names[i]);
		CHECK(!posix_tunnel_find(t, &here, names[i], real));
	}
	posix_tunnel_free(t);
}

TEST(the_oldest_is_forgotten)
{
	struct posix_tunnel *t = posix_tunnel_new();
	char name[40];

	assert_non_null(t);
	for (int i = 0; i <= POSIX_TUNNEL_MAX; i++) {
		snprintf(name, sizeof(name), "a long name %d", i);
		posix_tunnel_gone(t, &here, name);
	}
	CHECK_STR(find(t, &here, "a long name 0"), "");
	CHECK_STR(find(t, &here, "a long name 1"), "a long name 1");
	CHECK_STR(find(t, &here, name), name);
	posix_tunnel_free(t);
}

TEST_MAIN()
