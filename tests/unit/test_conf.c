#include "conf_check.h"

TEST(snapshot_lives_until_the_last_put)
{
	struct check c = check_global("server_comment = kept");
	struct conf *second = conf_get(c.conf);

	check_fini(&c);
	CHECK_STR(second->server_comment, "kept");
	conf_put(second);
	conf_put(NULL);
}

TEST(dialect_needs_its_name_and_its_algorithm)
{
	static const struct {
		const char *line;
		bool offered[5]; /* 2.0.2, 2.1, 3.0, 3.0.2, 3.1.1 */
	} rows[] = {
		{"", {true, true, true, true, true}},
		{"dialects = SMB2.1 SMB3.1.1", {false, true, false, false, true}},
		{"dialects = SMB2.002 SMB3.0 SMB3.02", {true, false, true, true, false}},
		{"signing_algorithms = AES-GMAC, AES-CMAC",
		 {false, false, true, true, true}},
		{"signing_algorithms = AES-GMAC, HMAC-SHA256",
		 {true, true, false, false, true}},
	};
	static const uint16_t dialects[] = {0x0202, 0x0210, 0x0300, 0x0302, 0x0311};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(check_fini) struct check c = check_global(rows[i].line);

		for (size_t j = 0; j < ARRAY_LEN(dialects); j++)
			CHECK_EQ(conf_dialect_offered(c.conf, dialects[j]),
				 rows[i].offered[j]);
		CHECK(!conf_dialect_offered(c.conf, 0x02FF));
		CHECK(!conf_dialect_offered(c.conf, 0));
	}
}

TEST(only_named_algorithms_are_allowed)
{
	CLEANUP(check_fini)
	struct check c = check_global(
		"encryption_ciphers = AES-256-GCM\nsigning_algorithms = "
		"AES-GMAC, AES-CMAC\n"
		"dialects = SMB3.1.1");

	CHECK(conf_cipher_allowed(c.conf, SEAL_AES_256_GCM));
	CHECK(!conf_cipher_allowed(c.conf, SEAL_AES_128_GCM));
	CHECK(!conf_cipher_allowed(c.conf, SEAL_NONE));
	CHECK(conf_signing_allowed(c.conf, SIGN_AES_CMAC));
	CHECK(!conf_signing_allowed(c.conf, SIGN_HMAC_SHA256));
}

TEST(threads_are_mapped)
{
	static const struct {
		const char *lines;
		unsigned cpu_count, workers, pool;
	} rows[] = {
		{"", 4, 4, 8},
		{"", 1, 1, 4},
		{"", 0, 1, 4},
		{"transport_rx_threads = 2", 4, 2, 8},
		{"transport_rx_threads = 2\ntransport_tx_threads = 5", 4, 5, 8},
		{"vfs_data_threads = 1", 4, 4, 5},
		{"vfs_data_threads = 1\nvfs_metadata_threads = 1", 4, 4, 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(check_fini) struct check c = check_global(rows[i].lines);

		CHECK_EQ(conf_workers(c.conf, rows[i].cpu_count), rows[i].workers);
		CHECK_EQ(conf_pool_threads(c.conf, rows[i].cpu_count), rows[i].pool);
	}
}

TEST_MAIN()
