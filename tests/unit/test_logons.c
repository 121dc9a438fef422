#include "smb/logons.h"
#include "test.h"

#include <stdio.h>

static const uint8_t hash_key[16] = {1, 2, 3};
#define SECOND UINT64_C(1000000000)

TEST(logons_failure_waits_the_delay)
{
	struct logons *l = logons_new(hash_key);

	CHECK_EQ(logons_failed(l, 1, "alice", 10 * SECOND, 2 * SECOND), 12 * SECOND);
	/* the next one, after the answer of the first: no longer */
	CHECK_EQ(logons_failed(l, 1, "alice", 13 * SECOND, 2 * SECOND), 15 * SECOND);
	logons_free(l);
}

TEST(logons_failures_in_parallel_queue_up)
{
	struct logons *l = logons_new(hash_key);

	for (uint64_t n = 1; n <= 100; n++)
		CHECK_EQ(logons_failed(l, 1, "alice", 10 * SECOND, 2 * SECOND),
			 (10 + 2 * n) * SECOND);
	logons_free(l);
}

TEST(logons_other_accounts_and_addresses_do_not_wait)
{
	struct logons *l = logons_new(hash_key);

	for (int n = 0; n < 50; n++)
		logons_failed(l, 1, "alice", 10 * SECOND, 2 * SECOND);
	CHECK_EQ(logons_failed(l, 2, "alice", 10 * SECOND, 2 * SECOND), 12 * SECOND);
	CHECK_EQ(logons_failed(l, 1, "bob", 10 * SECOND, 2 * SECOND), 12 * SECOND);
	logons_free(l);
}

TEST(logons_one_account_however_it_is_spelled)
{
	static const char *const names[] = {"alice", "ALICE", "Alice@example.net",
					    "aLiCe@x"};
	struct logons *l = logons_new(hash_key);

	for (uint64_t n = 0; n < ARRAY_LEN(names); n++)
		CHECK_EQ(logons_failed(l, 1, names[n], 0, SECOND), (n + 1) * SECOND);
	logons_free(l);
}

TEST(logons_names_of_any_length_and_bytes)
{
	struct logons *l = logons_new(hash_key);
	char name[5000];

	memset(name, 0xFF, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	CHECK_EQ(logons_failed(l, 1, name, 0, SECOND), SECOND);
	CHECK_EQ(logons_failed(l, 1, "", 0, SECOND), SECOND);
	logons_free(l);
}

/* Strangers fail as often as they like: memory stays, and of the few that share a set the latest are kept. */
TEST(logons_many_strangers_forget_nobody_who_failed_last)
{
	struct logons *l = logons_new(hash_key);
	char name[32];

	for (int n = 0; n < 200000; n++) {
		snprintf(name, sizeof(name), "user%d", n);
		logons_failed(l, (uint64_t)n, name, SECOND, SECOND);
	}
	CHECK_EQ(logons_failed(l, 7, "alice", 2 * SECOND, SECOND), 3 * SECOND);
	for (int n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "later%d", n);
		logons_failed(l, (uint64_t)n, name, 2 * SECOND, SECOND);
	}
	CHECK_EQ(logons_failed(l, 7, "alice", 2 * SECOND, SECOND), 4 * SECOND);
	logons_free(l);
}

TEST(logons_of_one_address_are_bounded)
{
	struct logons *l = logons_new(hash_key);
	uint64_t here = logons_address(l, "192.0.2.1:50000");
	uint64_t there = logons_address(l, "192.0.2.2:50000");

	for (int n = 0; n < LOGONS_ADDRESS_MAX; n++) {
		CHECK(logons_may_begin(l, here));
		logons_began(l, here);
	}
	CHECK(!logons_may_begin(l, here));
	CHECK(logons_may_begin(l, there));
	logons_ended(l, here);
	CHECK(logons_may_begin(l, here));
	logons_free(l);
}

TEST(logons_of_all_are_bounded)
{
	struct logons *l = logons_new(hash_key);

	for (uint64_t n = 0; n < LOGONS_MAX; n++)
		logons_began(l, n * UINT64_C(0x9E3779B97F4A7C15));
	CHECK(!logons_may_begin(l, 12345));
	logons_ended(l, 0);
	CHECK(logons_may_begin(l, 12345));
	logons_free(l);
}

TEST(logons_address_leaves_out_the_port_and_the_host_part)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"192.0.2.1:50000", "192.0.2.1:50001", true},
		{"192.0.2.1:50000", "192.0.2.2:50000", false},
		{"[2001:db8:1:2::1]:445", "[2001:db8:1:2:3:4:5:6]:9", true},
		{"[2001:db8:1:2::1]:445", "[2001:db8:1:3::1]:445", false},
		{"[2001:db8::1]:445", "[2001:db8::2]:446", true},
		{"[fe80::1%eth0]:445", "[fe80::2%eth0]:445", true},
		{"[::1]:445", "127.0.0.1:445", false},
		{"", "?", false},
	};
	struct logons *l = logons_new(hash_key);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(logons_address(l, rows[i].a) == logons_address(l, rows[i].b),
			 rows[i].same);
	logons_free(l);
}

TEST_MAIN()
