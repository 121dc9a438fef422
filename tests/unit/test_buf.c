#include "base/buf.h"
#include "test.h"

#include <pthread.h>
#include <stdlib.h>

static const size_t KiB = 1024, MiB = 1024 * 1024;

TEST(buf_has_the_smallest_class_that_fits)
{
	const struct {
		size_t len, cap;
	} cases[] = {
		{0, 4 * KiB},
		{1, 4 * KiB},
		{4 * KiB, 4 * KiB},
		{4 * KiB + 1, 8 * KiB},
		{8 * KiB, 8 * KiB},
		{8 * KiB + 1, 12 * KiB},
		{12 * KiB + 1, 16 * KiB},
		{64 * KiB + 100, 68 * KiB},
		{MiB, MiB},
		{MiB + BUF_HEADROOM, MiB + 4 * KiB},
		{MiB + 4 * KiB + 1, 2 * MiB},
		{8 * MiB + 4 * KiB, 8 * MiB + 4 * KiB},
		{8 * MiB + 4 * KiB + 1, 8 * MiB + 8 * KiB},
	};
	struct buf_budget budget = {.max = 64 * MiB};
	struct bufs *bs = bufs_new(&budget);

	CHECK(bs);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf *b = buf_new(bs, cases[i].len);

		CHECK(b);
		CHECK_EQ(b->cap, cases[i].cap);
		CHECK_EQ((uintptr_t)b->data % 4096, 0);
		memset(b->data, 1, b->cap);
		buf_put(b);
	}
	CHECK_EQ(bufs_free(bs), 0);
	CHECK_EQ(budget.used, 0);
}

TEST(buf_is_recycled)
{
	struct buf_budget budget = {.max = 64 * MiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *b = buf_new(bs, MiB);
	uint8_t *data = b->data;

	buf_put(b);
	b = buf_new(bs, MiB);
	CHECK(b->data == data);
	CHECK_EQ(budget.used, MiB);
	buf_put(b);
	CHECK_EQ(bufs_free(bs), 0);
	CHECK_EQ(budget.used, 0);
}

TEST(buf_lives_until_the_last_put)
{
	struct buf_budget budget = {.max = MiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *b = buf_new(bs, 100), *other;

	CHECK(buf_get(b) == b);
	buf_put(b);
	b->data[0] = 7;
	other = buf_new(bs, 100);
	CHECK(other != b);
	CHECK_EQ(b->data[0], 7);
	buf_put(other);
	buf_put(b);
	CHECK_EQ(bufs_free(bs), 0);
}

TEST(buf_secret_is_wiped_and_not_inherited)
{
	struct buf_budget budget = {.max = MiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *b = buf_new(bs, 100);

	b->secret = true;
	memset(b->data, 0xAA, b->cap);
	buf_put(b);
	b = buf_new(bs, 100);
	CHECK(!b->secret);
	for (size_t i = 0; i < b->cap; i++)
		CHECK_EQ(b->data[i], 0);
	buf_put(b);
	CHECK_EQ(bufs_free(bs), 0);
}

static bool all(const uint8_t *p, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

static void put_secret(struct buf *b)
{
	b->secret = true;
	memset(b->data, 0xAA, b->cap);
	buf_put(b);
}

/* Whatever it then serves for, and whoever else was given back in between. */
TEST(buf_for_a_frame_has_nothing_secret_behind_it)
{
	struct buf_budget budget = {.max = MiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *plain = buf_new(bs, 4096), *b = buf_new(bs, 4096);
	uint8_t *data = b->data;

	buf_put(plain);
	put_secret(b);
	b = buf_new_for_frame(bs, 1000);
	CHECK(b->data == data); /* rather than the clean one */
	CHECK(all(data, 1000, 0xAA));
	CHECK(all(data + 1000, b->cap - 1000, 0));
	CHECK(b->secret); /* the frame may never arrive */
	buf_put(b);

	b = buf_new(bs, 1000);
	CHECK(b->data != data);
	plain = buf_new(bs, 1000);
	CHECK(plain->data == data);
	CHECK(!plain->secret && all(data, plain->cap, 0));
	buf_put(b);
	buf_put(plain);
	CHECK_EQ(bufs_free(bs), 0);
}

TEST(buf_secret_is_wiped_when_trimmed)
{
	struct buf_budget budget = {.max = MiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *b = buf_new(bs, 100);
	uint8_t *data = b->data;

	put_secret(b);
	bufs_trim(bs, MiB);
	b = buf_new_for_frame(bs, 100);
	CHECK(b->data == data && !b->secret);
	CHECK(all(data, b->cap, 0));
	buf_put(b);
	CHECK_EQ(bufs_free(bs), 0);
}

TEST(buf_budget_is_never_exceeded)
{
	struct buf_budget budget = {.max = 100 * KiB};
	struct bufs *bs = bufs_new(&budget), *other = bufs_new(&budget);
	struct buf *a = buf_new(bs, 64 * KiB), *b = buf_new(other, 32 * KiB);

	CHECK(a && b);
	CHECK(!buf_new(bs, 8 * KiB));
	CHECK(!buf_new(bs, SIZE_MAX));
	CHECK(!buf_new(bs, SIZE_MAX - 4096));
	CHECK_EQ(budget.used, 96 * KiB);
	buf_put(b);
	bufs_trim(other, 0);
	b = buf_new(bs, 32 * KiB);
	CHECK(b);
	buf_put(a);
	buf_put(b);
	CHECK_EQ(bufs_free(bs), 0);
	CHECK_EQ(bufs_free(other), 0);
	CHECK_EQ(budget.used, 0);
}

/* What is cached in one size must not stand in the way of another. */
TEST(buf_cache_gives_way_to_another_size)
{
	struct buf_budget budget = {.max = 128 * KiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *b = buf_new(bs, 64 * KiB);

	buf_put(b);
	b = buf_new(bs, 128 * KiB);
	CHECK(b);
	buf_put(b);
	CHECK_EQ(bufs_free(bs), 0);
}

TEST(bufs_trim_keeps_what_it_may)
{
	struct buf_budget budget = {.max = 64 * MiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *b[4];

	for (size_t i = 0; i < 4; i++)
		b[i] = buf_new(bs, 64 * KiB);
	for (size_t i = 0; i < 4; i++)
		buf_put(b[i]);
	CHECK_EQ(budget.used, 256 * KiB);
	bufs_trim(bs, 128 * KiB);
	CHECK_EQ(budget.used, 128 * KiB);
	bufs_trim(bs, 0);
	CHECK_EQ(budget.used, 0);
	CHECK_EQ(bufs_free(bs), 0);
}

TEST(bufs_free_with_a_buffer_out_leaves_it_usable)
{
	struct buf_budget budget = {.max = MiB};
	struct bufs *bs = bufs_new(&budget);
	struct buf *b = buf_new(bs, 100);

	CHECK_EQ(bufs_free(bs), 1);
	b->data[0] = 1;
	buf_put(b);
	CHECK_EQ(bufs_free(bs), 0);
}

enum { EXCHANGE = 64, ROUNDS = 20000 };

struct exchange {
	_Atomic(struct buf *) slot[EXCHANGE];
	atomic_bool stop;
};

/* Plays the pool: checks and puts whatever it finds. */
static void *put_foreign(void *arg)
{
	struct exchange *x = arg;
	bool last;

	do {
		last = atomic_load(&x->stop);
		for (size_t i = 0; i < EXCHANGE; i++) {
			struct buf *b = atomic_exchange(&x->slot[i], NULL);

			if (!b)
				continue;
			CHECK_EQ(b->data[0], b->data[b->cap - 1]);
			buf_put(b);
		}
	} while (!last);
	return NULL;
}

TEST(buf_put_from_other_threads)
{
	static struct exchange x;
	struct buf_budget budget = {.max = 4 * MiB};
	struct bufs *bs = bufs_new(&budget);
	pthread_t thread[2];
	unsigned seed = 9;

	for (size_t i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, put_foreign, &x), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct buf *b = buf_new(bs, (size_t)rand_r(&seed) % (32 * KiB));

		if (!b)
			continue; /* the others lag behind */
		b->data[0] = b->data[b->cap - 1] = (uint8_t)round;
		buf_get(b);
		struct buf *old = atomic_exchange(&x.slot[round % EXCHANGE], b);
		if (old)
			buf_put(old);
		buf_put(b);
	}
	atomic_store(&x.stop, true);
	for (size_t i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(bufs_free(bs), 0);
	CHECK_EQ(budget.used, 0);
}

TEST_MAIN()
