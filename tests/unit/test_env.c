#include "base/env.h"
#include "test.h"

static void count_up(struct env *e, struct mspan buf)
{
	for (size_t i = 0; i < buf.len; i++)
		buf.p[i] = (uint8_t)(i + 1);
}

TEST(env_random_u64_takes_eight_bytes)
{
	static const struct env_ops ops = {.random = count_up};
	struct env e = {.ops = &ops};
	uint64_t v = env_random_u64(&e);

	CHECK_MEM(&v, "\1\2\3\4\5\6\7\10", 8);
}

TEST_MAIN()
