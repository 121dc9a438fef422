#include "base/map.h"
#include "test.h"

#include <stdlib.h>

struct entry {
	struct map_node node;
	int value;
	bool in;
};

static struct entry *entry_of(struct map_node *n)
{
	return n ? container_of(n, struct entry, node) : NULL;
}

TEST(map_finds_what_was_added)
{
	struct entry a = {.value = 1}, b = {.value = 2};
	struct map m;

	CHECK_EQ(map_init(&m), 0);
	CHECK(!map_first(&m, 5));
	map_add(&m, &a.node, 5);
	map_add(&m, &b.node, UINT64_MAX);
	CHECK(entry_of(map_first(&m, 5)) == &a);
	CHECK(entry_of(map_first(&m, UINT64_MAX)) == &b);
	CHECK(!map_first(&m, 6));
	map_del(&m, &a.node);
	CHECK(!map_first(&m, 5));
	CHECK_EQ(m.count, 1);
	map_fini(&m);
}

TEST(map_several_entries_of_one_key)
{
	struct entry e[3];
	struct map_node *n;
	struct map m;
	size_t count = 0;

	CHECK_EQ(map_init(&m), 0);
	for (size_t i = 0; i < 3; i++)
		map_add(&m, &e[i].node, 9);
	for (n = map_first(&m, 9); n; n = map_next(n))
		count++;
	CHECK_EQ(count, 3);
	map_del(&m, &e[1].node);
	n = map_first(&m, 9);
	CHECK(n && map_next(n) && !map_next(map_next(n)));
	map_fini(&m);
}

TEST(map_walk_survives_deletion_of_each)
{
	enum { COUNT = 100 };
	struct entry e[COUNT];
	struct map_walk pos;
	struct map m;
	size_t count = 0;

	CHECK_EQ(map_init(&m), 0);
	for (uint64_t i = 0; i < COUNT; i++)
		map_add(&m, &e[i].node, i);
	for (struct map_node *n = map_walk_first(&m, &pos); n;
	     n = map_walk_next(&m, &pos)) {
		map_del(&m, n);
		memset(n, 0xFF, sizeof(*n));
		count++;
	}
	CHECK_EQ(count, COUNT);
	CHECK_EQ(m.count, 0);
	CHECK(!map_walk_first(&m, &pos));
	map_fini(&m);
}

/* Keys a server hands out: consecutive, or high halves only. No chain may get long. */
TEST(map_spreads_regular_keys)
{
	enum { COUNT = 4096 };
	static struct entry e[COUNT];

	for (unsigned shift = 0; shift <= 48; shift += 8) {
		size_t longest = 0;
		struct map m;

		CHECK_EQ(map_init(&m), 0);
		for (uint64_t i = 0; i < COUNT; i++)
			map_add(&m, &e[i].node, i << shift);
		for (size_t s = 0; s < m.slot_count; s++) {
			size_t len = 0;

			for (struct map_node *n = m.slots[s]; n; n = n->next)
				len++;
			longest = len > longest ? len : longest;
		}
		CHECK(longest <= 12);
		map_fini(&m);
	}
}

/* Property: random additions and deletions against a plain array. */
TEST(map_against_a_model)
{
	enum { COUNT = 500, KEYS = 150 };
	static struct entry e[COUNT];
	unsigned seed = 3;
	struct map m;

	CHECK_EQ(map_init(&m), 0);
	for (int step = 0; step < 20000; step++) {
		struct entry *x = &e[(size_t)rand_r(&seed) % COUNT];
		uint64_t key = (uint64_t)rand_r(&seed) % KEYS;
		size_t want = 0, got = 0;

		if (x->in)
			map_del(&m, &x->node);
		else
			map_add(&m, &x->node, key);
		x->in = !x->in;
		for (size_t i = 0; i < COUNT; i++)
			want += e[i].in && e[i].node.key == key;
		for (struct map_node *n = map_first(&m, key); n; n = map_next(n)) {
			CHECK(entry_of(n)->in);
			got++;
		}
		CHECK_EQ(got, want);
	}
	map_fini(&m);
}

/* Grown between the pieces: what was there from the beginning is seen once, and in the end it is over. */
TEST(map_cursor_sees_each_once_while_the_map_grows)
{
	enum { OLD = 500, ALL = 4000 };
	static struct entry e[ALL];
	static unsigned seen[ALL];
	struct map_cursor pos = {0};
	struct map_node *chain;
	struct map m;
	size_t added = OLD;

	memset(seen, 0, sizeof(seen));
	CHECK_EQ(map_init(&m), 0);
	for (size_t i = 0; i < OLD; i++)
		map_add(&m, &e[i].node, i);
	while (map_cursor_next(&m, &pos, &chain)) {
		for (; chain; chain = chain->next)
			seen[chain->key]++;
		for (size_t k = 0; k < 20 && added < ALL; k++, added++)
			map_add(&m, &e[added].node, added);
	}
	CHECK_EQ(added, ALL);
	for (size_t i = 0; i < ALL; i++)
		CHECK(seen[i] <= 1 && (i >= OLD || seen[i] == 1));
	map_fini(&m);
}

TEST(map_cursor_over_nothing_ends)
{
	struct map_cursor pos = {0};
	struct map_node *chain;
	struct map m;
	size_t slots = 0;

	CHECK_EQ(map_init(&m), 0);
	for (; map_cursor_next(&m, &pos, &chain); slots++)
		CHECK(chain == NULL);
	CHECK_EQ(slots, m.slot_count);
	map_fini(&m);
}

/* From the appendix of the SipHash paper: key 00..0f, input 00..0e; and the reference vectors' first and 64th. */
TEST(map_hash_is_siphash_2_4)
{
	uint8_t key[16], in[63];

	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	for (uint8_t i = 0; i < sizeof(in); i++)
		in[i] = i;
	CHECK_EQ(map_hash(key, span_of(in, 15)), 0xA129CA6149BE45E5);
	CHECK_EQ(map_hash(key, span_of(in, 0)), 0x726FDB47DD0E0E31);
	CHECK_EQ(map_hash(key, span_of(in, 8)), 0x93F5F5799A932462);
	CHECK_EQ(map_hash(key, span_of(in, 63)), 0x958A324CEB064572);
}

TEST_MAIN()
