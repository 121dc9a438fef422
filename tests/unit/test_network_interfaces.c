/* test_network_interfaces.c - what clients are told of where to connect to */
#include "test.h"

#include "cmd/network_interfaces.h"

static const struct net_address two[] = {
	{.if_index = 3,
	 .link_speed = 10000000000,
	 .rss = true,
	 .address = {192, 0, 2, 1}},
	{.if_index = 3,
	 .link_speed = 1000000000,
	 .ipv6 = true,
	 .address = {0x20, 1, [15] = 7}},
};

static struct rd encoded(uint8_t *buf, size_t len, size_t count)
{
	struct wr w = wr_of(mspan_of(buf, len));

	network_interfaces_encode(&w, two, count);
	CHECK(wr_ok(&w));
	CHECK_EQ(wr_pos(&w), count * NETWORK_INTERFACE_INFO_LEN);
	return rd_of(span_of(buf, wr_pos(&w)));
}

TEST(network_interface_of_ipv4)
{
	uint8_t buf[NETWORK_INTERFACE_INFO_LEN];
	struct rd r = encoded(buf, sizeof(buf), 1);

	CHECK_EQ(rd_u32(&r), 0); /* Next: the last */
	CHECK_EQ(rd_u32(&r), 3);
	CHECK_EQ(rd_u32(&r), RSS_CAPABLE);
	CHECK_EQ(rd_u32(&r), 0);
	CHECK_EQ(rd_u64(&r), 10000000000);
	CHECK_EQ(rd_u16(&r), SMB2_SOCKADDR_INTERNETWORK);
	CHECK_SPAN(span_head(rd_rest(&r), 14),
		   BYTES(0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(network_interface_of_ipv6_is_the_next)
{
	uint8_t buf[2 * NETWORK_INTERFACE_INFO_LEN];
	struct rd r = encoded(buf, sizeof(buf), 2);

	CHECK_EQ(rd_u32(&r), NETWORK_INTERFACE_INFO_LEN);
	rd_seek(&r, NETWORK_INTERFACE_INFO_LEN);
	CHECK_EQ(rd_u32(&r), 0);
	CHECK_EQ(rd_u32(&r), 3); /* the same interface */
	CHECK_EQ(rd_u32(&r), 0);
	rd_skip(&r, 4 + 8);
	CHECK_EQ(rd_u16(&r), SMB2_SOCKADDR_INTERNETWORK_V6);
	CHECK_SPAN(span_head(rd_rest(&r), 26),
		   BYTES(0, 0, 0, 0, 0, 0, 0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			 7, 0, 0, 0, 0));
}

TEST(network_interfaces_may_be_none)
{
	uint8_t buf[1];

	(void)encoded(buf, sizeof(buf), 0);
}

TEST_MAIN()
