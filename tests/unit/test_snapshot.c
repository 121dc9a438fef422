/* How a snapshot finds its shares. */
#include "test.h"

#include "smb/share.h"

#include <stdio.h>

enum { SHARES = 300, NAME_LEN = 16 };

struct box {
	struct snapshot snapshot;
	struct share *list[SHARES], shares[SHARES];
	char names[SHARES][NAME_LEN];
};

static void box_add(struct box *b, const char *name)
{
	size_t i = b->snapshot.share_count;

	b->snapshot.shares = b->list;
	snprintf(b->names[i], NAME_LEN, "%s", name);
	b->shares[i].name = b->names[i];
	atomic_init(&b->shares[i].refs, 1);
	snapshot_add(&b->snapshot, &b->shares[i]);
}

TEST(snapshot_without_shares_finds_none)
{
	static struct box b;

	CHECK(snapshot_share(&b.snapshot, "data") == NULL);
}

TEST(snapshot_finds_each_share_in_any_case)
{
	static struct box b;
	char name[NAME_LEN];

	for (int i = 0; i < SHARES; i++) {
		snprintf(name, sizeof(name), "Share%d", i);
		box_add(&b, name);
	}
	CHECK_EQ(b.snapshot.share_count, SHARES);
	for (int i = 0; i < SHARES; i++) {
		snprintf(name, sizeof(name), "sHARE%d", i);
		CHECK(snapshot_peek(&b.snapshot, name) == &b.shares[i]);
		CHECK(b.snapshot.shares[i] == &b.shares[i]);
	}
	CHECK(snapshot_peek(&b.snapshot, "share300") == NULL);
	CHECK(snapshot_peek(&b.snapshot, "share") == NULL);
	map_fini(&b.snapshot.by_name);
}

TEST(snapshot_folds_names_beyond_ascii)
{
	static struct box b;

	box_add(&b, "Ärger");
	CHECK(snapshot_peek(&b.snapshot, "äRGER") == &b.shares[0]);
	CHECK(snapshot_peek(&b.snapshot, "arger") == NULL);
	map_fini(&b.snapshot.by_name);
}

TEST(snapshot_share_is_counted_and_a_look_is_not)
{
	static struct box b;

	box_add(&b, "data");
	CHECK(snapshot_peek(&b.snapshot, "DATA") != NULL);
	CHECK_EQ(b.shares[0].refs, 1);
	CHECK(snapshot_share(&b.snapshot, "DATA") != NULL);
	CHECK_EQ(b.shares[0].refs, 2);
	map_fini(&b.snapshot.by_name);
}

TEST_MAIN()
