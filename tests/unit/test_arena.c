#include "base/arena.h"
#include "test.h"

#include <stdlib.h>

TEST(arena_memory_is_zeroed_and_aligned)
{
	struct arena a;
	uint8_t *p;

	arena_init(&a, 1 << 20);
	for (size_t len = 0; len < 300; len += 7) {
		p = arena_alloc(&a, len);
		CHECK(p);
		CHECK_EQ((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < len; i++)
			CHECK_EQ(p[i], 0);
		memset(p, 0xFF, len);
	}
	arena_fini(&a);
}

TEST(arena_reset_memory_is_zeroed_again)
{
	struct arena a;
	uint8_t *p;

	arena_init(&a, 1 << 20);
	p = arena_alloc(&a, 100);
	CHECK(p);
	memset(p, 0xFF, 100);
	arena_reset(&a);
	CHECK(arena_alloc(&a, 100) == p); /* the kept chunk */
	for (size_t i = 0; i < 100; i++)
		CHECK_EQ(p[i], 0);
	arena_fini(&a);
}

TEST(arena_refuses_beyond_its_limit)
{
	struct arena a;
	size_t count = 0;

	arena_init(&a, 10000);
	CHECK(!arena_alloc(&a, 10001));
	while (arena_alloc(&a, 100))
		count++;
	CHECK(count > 80);
	CHECK(count <= 100);
	CHECK(a.total <= 10000);
	arena_reset(&a);
	CHECK(arena_alloc(&a, 100));
	arena_fini(&a);
	CHECK_EQ(a.total, 0);
}

TEST(arena_limit_of_zero_gives_nothing)
{
	struct arena a;

	arena_init(&a, 0);
	CHECK(!arena_alloc(&a, 0));
	arena_fini(&a);
}

TEST(arena_large_piece_and_small_pieces)
{
	struct arena a;
	char *small, *large, *after;

	arena_init(&a, 1 << 20);
	small = arena_strdup(&a, "small");
	large = arena_alloc(&a, 100000);
	after = arena_strdup(&a, "after");
	CHECK(small && large && after);
	memset(large, 'x', 100000);
	CHECK_STR(small, "small");
	CHECK_STR(after, "after");
	arena_reset(&a);
	CHECK(a.total <= 4096);
	arena_fini(&a);
}

TEST(arena_reset_does_not_keep_a_large_first_chunk)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	CHECK(arena_alloc(&a, 500000));
	arena_reset(&a);
	CHECK_EQ(a.total, 0);
	arena_fini(&a);
}

TEST(arena_sizes_that_overflow)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	CHECK(!arena_alloc(&a, SIZE_MAX));
	CHECK(!arena_alloc(&a, SIZE_MAX - 15));
	CHECK(!arena_alloc(&a, SIZE_MAX - 40));
	CHECK(!arena_array(&a, SIZE_MAX / 8 + 2, 8));
	CHECK(arena_array(&a, 8, 8));
	CHECK(arena_array(&a, 0, 8));
	arena_fini(&a);
}

TEST(arena_dup_ends_in_nul)
{
	struct arena a;
	char *p;

	arena_init(&a, 1 << 16);
	p = arena_dup(&a, BYTES('a', 0, 'b'));
	CHECK(p);
	CHECK_MEM(p, "a\0b", 4);
	p = arena_dup(&a, span_of(NULL, 0));
	CHECK(p);
	CHECK_STR(p, "");
	arena_fini(&a);
}

/* Property: whatever is taken, nothing overlaps. */
TEST(arena_random_pieces_keep_their_contents)
{
	struct {
		uint8_t *p;
		size_t len;
	} piece[200];
	unsigned seed = 7;
	struct arena a;

	arena_init(&a, 1 << 24);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
			piece[i].len = (size_t)rand_r(&seed) % (i % 10 ? 200 : 9000);
			piece[i].p = arena_alloc(&a, piece[i].len);
			CHECK(piece[i].p);
			memset(piece[i].p, (int)i, piece[i].len);
		}
		for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
			for (size_t k = 0; k < piece[i].len; k++)
				CHECK_EQ(piece[i].p[k], (uint8_t)i);
		}
		arena_reset(&a);
	}
	arena_fini(&a);
}

TEST_MAIN()
