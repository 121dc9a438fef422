/* test_net_addr.c - socket addresses as text. */
#include "test.h"

#include "net/addr.h"

#include <errno.h>
#include <unistd.h>

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

TEST(addr_is_near_where_nothing_lies_between)
{
	static const struct {
		int peer_family, local_family;
		const char *peer, *local;
		bool want;
	} rows[] = {
		{AF_INET, AF_INET, "127.0.0.1", "127.0.0.1", true},
		{AF_INET, AF_INET, "127.9.8.7", "127.0.0.1", true},
		{AF_INET, AF_INET, "192.0.2.1", "192.0.2.1", true},
		{AF_INET, AF_INET, "192.0.2.1", "192.0.2.2", false},
		{AF_INET, AF_INET, "128.0.0.1", "127.0.0.1", false},
		{AF_INET6, AF_INET6, "::1", "::1", true},
		{AF_INET6, AF_INET6, "2001:db8::1", "2001:db8::1", true},
		{AF_INET6, AF_INET6, "2001:db8::1", "2001:db8::2", false},
		{AF_INET6, AF_INET, "::", "0.0.0.0", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage peer, local;
		socklen_t len;

		CHECK_EQ(addr_parse(rows[i].peer_family, rows[i].peer, 1, NULL, &peer,
				    &len),
			 0);
		CHECK_EQ(addr_parse(rows[i].local_family, rows[i].local, 2, NULL, &local,
				    &len),
			 0);
		CHECK_EQ(addr_is_near(&peer, &local), rows[i].want);
	}
}

/* fe80::1 of one network is another host's than fe80::1 of another one. */
TEST(addr_is_near_in_the_same_network_only)
{
	struct sockaddr_storage peer, local;
	socklen_t len;

	CHECK_EQ(addr_parse(AF_INET6, "fe80::1", 1, "lo", &peer, &len), 0);
	local = peer;
	CHECK(addr_is_near(&peer, &local));
	((struct sockaddr_in6 *)&local)->sin6_scope_id++;
	CHECK(!addr_is_near(&peer, &local));
}

TEST(addr_peer_is_near_of_no_connection)
{
	int pair[2], tcp = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK(!addr_peer_is_near(pair[0]));
	CHECK(!addr_peer_is_near(tcp)); /* not connected */
	CHECK(!addr_peer_is_near(-1));
	close(tcp);
	close(pair[0]);
	close(pair[1]);
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
