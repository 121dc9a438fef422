/* test_net_addr.c - socket addresses as text. */
#include "test.h"

#include "net/addr.h"

#include <errno.h>

TEST(addr_round_trip)
{
	static const struct {
		int family;
		const char *text;
		uint16_t port;
		const char *interface;
		const char *want;
	} rows[] = {
		{AF_INET, "192.0.2.1", 445, NULL, "192.0.2.1:445"},
		{AF_INET, "0.0.0.0", 65535, NULL, "0.0.0.0:65535"},
		{AF_INET6, "2001:db8::1", 445, NULL, "[2001:db8::1]:445"},
		{AF_INET6, "::", 1, "lo", "[::]:1"},
		{AF_INET6, "fe80::1", 445, "lo", "[fe80::1%lo]:445"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage a;
		char text[ADDR_TEXT_LEN];
		socklen_t len;

		CHECK_EQ(addr_parse(rows[i].family, rows[i].text, rows[i].port,
				    rows[i].interface, &a, &len),
			 0);
		addr_format(&a, text);
		CHECK_STR(text, rows[i].want);
		CHECK_EQ(addr_port(&a), rows[i].port);
	}
}

TEST(addr_refuses)
{
	static const struct {
		int family;
		const char *text;
		const char *interface;
		int want;
	} rows[] = {
		{AF_INET, "", NULL, -EINVAL},
		{AF_INET, "192.0.2.256", NULL, -EINVAL},
		{AF_INET, "example.org", NULL, -EINVAL},
		{AF_INET, "::1", NULL, -EINVAL},
		{AF_INET6, "127.0.0.1", NULL, -EINVAL},
		{AF_INET6, "fe80::1%lo", NULL, -EINVAL},
		{AF_INET6, "fe80::1", "none-such0", -ENODEV},
		{AF_UNIX, "/tmp/x", NULL, -EAFNOSUPPORT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage a;
		socklen_t len;

		CHECK_EQ(addr_parse(rows[i].family, rows[i].text, 445, rows[i].interface,
				    &a, &len),
			 rows[i].want);
	}
}

TEST(addr_hash_ignores_the_port)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const char *const texts[][2] = {{"192.0.2.1", "192.0.2.2"},
					       {"2001:db8::1", "2001:db8::2"}};

	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage a, b, c;
		socklen_t len;

		CHECK_EQ(addr_parse(families[i], texts[i][0], 1, NULL, &a, &len), 0);
		CHECK_EQ(addr_parse(families[i], texts[i][0], 2, NULL, &b, &len), 0);
		CHECK_EQ(addr_parse(families[i], texts[i][1], 1, NULL, &c, &len), 0);
		CHECK_EQ(addr_hash(&a), addr_hash(&b));
		CHECK(addr_hash(&a) != addr_hash(&c));
	}
}

TEST(addr_of_no_socket_is_a_question_mark)
{
	char text[ADDR_TEXT_LEN];

	addr_peer(-1, text);
	CHECK_STR(text, "?");
	addr_local(-1, text);
	CHECK_STR(text, "?");
}

TEST_MAIN()
