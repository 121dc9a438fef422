/* test_server.c - what all connections share: its counters */
#include "test.h"

#include "smb/server.h"

TEST(server_batches_are_counted_by_size)
{
	static const size_t last[TOGETHER_COUNT] = {1, 2, 4, 8, 16, 64};
	atomic_ullong counts[TOGETHER_COUNT] = {0};
	size_t first = 1;

	for (size_t n = 1; n <= last[TOGETHER_COUNT - 1]; n++)
		together_count(counts, n);
	for (size_t row = 0; row < TOGETHER_COUNT; row++) {
		CHECK_EQ(counts[row], last[row] - first + 1);
		first = last[row] + 1;
	}
}

TEST_MAIN()
