/* test_durable_rules.c - [MS-SMB2] 3.3.5.9.6 to .12: which contexts go together, and each thing a claim must match. */
#include "cmd/durable_rules.h"
#include "test.h"

TEST(durable_contexts_go_together_or_not)
{
	static const struct {
		struct create_durable d;
		uint16_t dialect;
		bool refused;
		enum durable_way way;
	} cases[] = {
		{{0}, 0x0311, false, DURABLE_NONE},
		{{.ask_v1 = true}, 0x0202, false, DURABLE_ASK_V1},
		{{.ask_v1 = true}, 0x0311, false, DURABLE_ASK_V1},
		{{.again_v1 = true}, 0x0210, false, DURABLE_AGAIN_V1},
		{{.again_v1 = true, .ask_v1 = true}, 0x0311, false, DURABLE_AGAIN_V1},
		{{.ask_v2 = true}, 0x0300, false, DURABLE_ASK_V2},
		{{.again_v2 = true}, 0x0302, false, DURABLE_AGAIN_V2},
		/* unknown before 3.0: 3.3.5.9.10, 3.3.5.9.12 */
		{{.ask_v2 = true}, 0x0210, false, DURABLE_NONE},
		{{.again_v2 = true}, 0x0210, false, DURABLE_NONE},
		{{.ask_v1 = true, .ask_v2 = true}, 0x0210, false, DURABLE_ASK_V1},
		/* one or the other: 3.3.5.9.6, .7, .10, .12 */
		{{.ask_v1 = true, .ask_v2 = true}, 0x0311, true, DURABLE_NONE},
		{{.ask_v1 = true, .again_v2 = true}, 0x0311, true, DURABLE_NONE},
		{{.again_v1 = true, .ask_v2 = true}, 0x0311, true, DURABLE_NONE},
		{{.again_v1 = true, .again_v2 = true}, 0x0311, true, DURABLE_NONE},
		{{.ask_v2 = true, .again_v2 = true}, 0x0311, true, DURABLE_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum durable_way way = DURABLE_NONE;
		nt_status st = durable_way(&cases[i].d, cases[i].dialect, &way);

		CHECK_ST(st,
			 cases[i].refused ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS);
		CHECK_EQ(way, cases[i].way);
	}
}

/* 3.3.5.9.10 */
TEST(durable_timeout_is_the_clients_up_to_a_bound)
{
	CHECK_EQ(durable_v2_timeout_ms(0, 180), 180000);
	CHECK_EQ(durable_v2_timeout_ms(1, 180), 1);
	CHECK_EQ(durable_v2_timeout_ms(299999, 180), 299999);
	CHECK_EQ(durable_v2_timeout_ms(UINT32_MAX, 180), 300000);
}

static const struct guid guid_a = {"a guid 16 bytes"}, guid_b = {"another 16 byte"};

static struct durable_open open_of(uint8_t version, uint8_t lease_version)
{
	struct durable_open o = {
		.version = version,
		.disconnected = true,
		.holds_handle = true,
		.lease_version = lease_version,
		.lease = {.client = "client", .key = "key"},
	};

	if (version == 2)
		o.create_guid = guid_a;
	return o;
}

static struct durable_claim claim_of(const struct durable_open *o)
{
	return (struct durable_claim){
		.way = o->version == 1 ? DURABLE_AGAIN_V1 : DURABLE_AGAIN_V2,
		.lease = o->lease,
		.lease_version = o->lease_version,
		.create_guid = o->create_guid,
		.same_share = true,
		.same_name = true,
		.same_user = true,
	};
}

/* Each thing that may be wrong. */
enum flaw {
	NOTHING,
	NOT_DURABLE,
	CONNECTED,
	NO_HANDLE,
	OTHER_CLIENT,
	OTHER_KEY,
	OTHER_LEASE_VERSION,
	NO_LEASE,
	A_LEASE,
	OTHER_GUID,
	OTHER_WAY,
	OTHER_SHARE,
	OTHER_NAME,
	OTHER_USER,
	PERSISTENT,
};

static void spoil(struct durable_open *o, struct durable_claim *c, enum flaw flaw)
{
	switch (flaw) {
	case NOTHING:
		break;
	case NOT_DURABLE:
		o->version = 0;
		break;
	case CONNECTED:
		o->disconnected = false;
		break;
	case NO_HANDLE:
		o->holds_handle = false;
		break;
	case OTHER_CLIENT:
		c->lease.client[0]++;
		break;
	case OTHER_KEY:
		c->lease.key[15]++;
		break;
	case OTHER_LEASE_VERSION:
		c->lease_version = c->lease_version == 1 ? 2 : 1;
		break;
	case NO_LEASE:
		c->lease_version = 0;
		break;
	case A_LEASE:
		c->lease_version = 1;
		break;
	case OTHER_GUID:
		c->create_guid = guid_b;
		break;
	case OTHER_WAY:
		c->way = c->way == DURABLE_AGAIN_V1 ? DURABLE_AGAIN_V2 : DURABLE_AGAIN_V1;
		break;
	case OTHER_SHARE:
		c->same_share = false;
		break;
	case OTHER_NAME:
		c->same_name = false;
		break;
	case OTHER_USER:
		c->same_user = false;
		break;
	case PERSISTENT:
		c->flags = SMB2_DHANDLE_FLAG_PERSISTENT;
		break;
	}
}

TEST(durable_claims_match_in_everything)
{
	static const struct {
		uint8_t version, lease_version;
		enum flaw flaw;
		uint32_t status;
	} cases[] = {
		{1, 0, NOTHING, 0},
		{1, 1, NOTHING, 0},
		{1, 2, NOTHING, 0},
		{2, 0, NOTHING, 0},
		{2, 1, NOTHING, 0},
		{2, 2, NOTHING, 0},
		/* 3.3.5.9.7, 3.3.5.9.12: Open.IsDurable, and Open.Session, which must be NULL */
		{1, 0, NOT_DURABLE, 0xC0000034},
		{2, 0, NOT_DURABLE, 0xC0000034},
		{1, 0, CONNECTED, 0xC0000034},
		{2, 2, CONNECTED, 0xC0000034},
		/* 3.3.7.1: what is broken, or being broken, does not stay */
		{1, 0, NO_HANDLE, 0xC0000034},
		{2, 2, NO_HANDLE, 0xC0000034},
		/* an oplock may be claimed from another machine's client, by whoever knows its id */
		{1, 0, OTHER_CLIENT, 0},
		{2, 0, OTHER_CLIENT, 0},
		/* 3.3.5.9.7, 3.3.5.9.12: Open.ClientGuid, Lease.LeaseKey and its context's version, or no lease */
		{1, 1, OTHER_CLIENT, 0xC0000034},
		{2, 2, OTHER_CLIENT, 0xC0000034},
		{1, 1, OTHER_KEY, 0xC0000034},
		{2, 2, OTHER_KEY, 0xC0000034},
		{1, 1, OTHER_LEASE_VERSION, 0xC0000034},
		{2, 2, OTHER_LEASE_VERSION, 0xC0000034},
		{1, 1, NO_LEASE, 0xC0000034},
		{2, 2, NO_LEASE, 0xC0000034},
		{1, 0, A_LEASE, 0xC0000034},
		{2, 0, A_LEASE, 0xC0000034},
		/* 3.3.5.9.12: Open.CreateGuid */
		{1, 0, OTHER_GUID, 0},
		{2, 0, OTHER_GUID, 0xC0000034},
		{1, 0, OTHER_WAY, 0}, /* by version 2, with the guid it has: none */
		{2, 0, OTHER_WAY, 0}, /* version 1 names no guid: 3.3.5.9.7 */
		{1, 0, OTHER_SHARE, 0xC0000034},
		{2, 2, OTHER_SHARE, 0xC0000034},
		/* the name counts where there is a lease only: Lease.FileName */
		{1, 0, OTHER_NAME, 0},
		{2, 0, OTHER_NAME, 0},
		{1, 1, OTHER_NAME, 0xC000000D},
		{2, 2, OTHER_NAME, 0xC000000D},
		/* Open.DurableOwner */
		{1, 0, OTHER_USER, 0xC0000022},
		{2, 2, OTHER_USER, 0xC0000022},
		/* 3.3.5.9.12: SMB2_DHANDLE_FLAG_PERSISTENT of what is not */
		{1, 0, PERSISTENT, 0},
		{2, 0, PERSISTENT, 0xC000000D},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct durable_open o = open_of(cases[i].version, cases[i].lease_version);
		struct durable_claim c = claim_of(&o);

		spoil(&o, &c, cases[i].flaw);
		CHECK_EQ(durable_match(&o, &c).v, cases[i].status);
	}
}

/* Once it is deleted on close its lease has no name: 3.3.5.9.7 */
TEST(durable_lease_of_a_file_to_be_deleted_has_no_name)
{
	struct durable_open o = open_of(1, 1);
	struct durable_claim c = claim_of(&o);

	o.delete_on_close = true;
	c.same_name = false;
	CHECK_ST(durable_match(&o, &c), STATUS_SUCCESS);
}

TEST(replay_is_the_same_create_by_the_same_client)
{
	static const struct {
		uint8_t lease_version;
		struct replay_claim c;
		uint32_t status;
	} cases[] = {
		{0, {.replay = true, .same_user = true, .same_session = true}, 0},
		{1, {true, true, true, 1, {"client", "key"}}, 0},
		{2, {true, true, true, 2, {"client", "key"}}, 0},
		/* 3.3.5.9.10: one that does not say so is another open of that CreateGuid */
		{0, {.same_user = true, .same_session = true}, 0xC000022A},
		{2, {false, true, true, 2, {"client", "key"}}, 0xC000022A},
		{0, {.same_session = true}, 0xC000022A},
		/* 3.3.5.9, in the order of its checks */
		{0, {.replay = true, .same_session = true}, 0xC0000022},
		{0, {.replay = true}, 0xC0000022},
		{2, {true, true, true, 2, {"client", "other"}}, 0xC0000022},
		{2,
		 {.replay = true, .same_user = true, .same_session = true},
		 0xC0000022},
		{0, {true, true, true, 2, {"client", "key"}}, 0xC0000022},
		{2, {true, true, false, 2, {"client", "other"}}, 0xC0000022},
		{0, {.replay = true, .same_user = true}, 0xC000022A},
		{2, {true, true, false, 2, {"client", "key"}}, 0xC000022A},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct durable_open o = open_of(2, cases[i].lease_version);

		CHECK_EQ(replay_match(&o, &cases[i].c).v, cases[i].status);
	}
}

/* 3.3.5.9.13 */
TEST(instance_gives_way_to_a_newer_version)
{
	static const struct {
		struct instance_version o, c;
		uint16_t dialect;
		uint32_t status;
	} cases[] = {
		{{0}, {0}, 0x0300, 0},
		{{0}, {true, 1, 1}, 0x0311, 0},
		{{true, 1, 1}, {true, 1, 2}, 0x0311, 0},
		{{true, 1, 9}, {true, 2, 0}, 0x0311, 0},
		{{true, 1, 1}, {true, 1, 1}, 0x0311, 0xC00000B6},
		{{true, 1, 2}, {true, 1, 1}, 0x0311, 0xC00000B6},
		{{true, 2, 0}, {true, 1, 9}, 0x0311, 0xC00000B6},
		{{true, 0, 0}, {0}, 0x0311, 0xC00000B6},
		/* the context is valid for 3.1.1 only: 2.2.13.2.15 */
		{{true, 1, 1}, {true, 1, 2}, 0x0302, 0xC00000B6},
		{{true, 1, 1}, {0}, 0x0300, 0xC00000B6},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(instance_check(&cases[i].o, &cases[i].c, cases[i].dialect).v,
			 cases[i].status);
}

TEST_MAIN()
