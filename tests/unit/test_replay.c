/* test_replay.c - [MS-SMB2] 3.3.5.9, 3.3.5.9.10: which CREATE finds which open, or another one under way. */
#include "smb/replay.h"

#include "smb/open.h"
#include "smb/server.h"
#include "test.h"

#include <string.h>

/* A server that knows of one open at most. */
struct scene {
	struct smb_server server;
	struct open open;
};

static void scene_init(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	lock_init(&s->server.opens_lock, LOCK_RANK_TABLE);
	CHECK_EQ(map_init(&s->server.creates), 0);
	CHECK_EQ(map_init(&s->server.creates_under_way), 0);
}

static void scene_fini(struct scene *s)
{
	CHECK_EQ(s->server.creates_under_way.count, 0);
	map_fini(&s->server.creates);
	map_fini(&s->server.creates_under_way);
	lock_fini(&s->server.opens_lock);
}

static struct create_under_way create_of(const char *client, const char *guid)
{
	struct create_under_way u = {0};

	memcpy(u.client_guid, client, strlen(client));
	memcpy(u.create_guid.bytes, guid, strlen(guid));
	return u;
}

/* The open that u made. */
static void scene_open(struct scene *s, const struct create_under_way *u, bool eligible)
{
	struct open *o = &s->open;

	o->refs = 1;
	o->replay_eligible = eligible;
	memcpy(o->client_guid, u->client_guid, sizeof(o->client_guid));
	o->create_guid = u->create_guid;
	o->in_creates = true;
	map_add(&s->server.creates, &o->by_create,
		replay_key(&s->server, u->client_guid, &u->create_guid));
}

TEST(replay_finds_the_create_that_is_under_way)
{
	static const struct {
		const char *client, *guid;
		bool replay;
		uint32_t status;
	} cases[] = {
		{"one", "a", true, 0xC0000467}, {"one", "a", false, 0xC000022A},
		{"one", "b", true, 0},          {"two", "a", true, 0},
		{"two", "a", false, 0},
	};
	struct create_under_way first = create_of("one", "a");
	struct open *o = NULL;
	struct scene s;

	scene_init(&s);
	CHECK_ST(replay_begin(&s.server, &first, false, &o), STATUS_SUCCESS);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct create_under_way u = create_of(cases[i].client, cases[i].guid);

		CHECK_EQ(replay_begin(&s.server, &u, cases[i].replay, &o).v,
			 cases[i].status);
		CHECK(u.listed == (cases[i].status == 0));
		CHECK(!o);
		replay_end(&s.server, &u);
	}
	replay_end(&s.server, &first);
	scene_fini(&s);
}

TEST(replay_of_one_that_ended_begins_anew)
{
	struct create_under_way first = create_of("one", "a"), again = first;
	struct open *o = NULL;
	struct scene s;

	scene_init(&s);
	CHECK_ST(replay_begin(&s.server, &first, false, &o), STATUS_SUCCESS);
	replay_end(&s.server, &first);
	replay_end(&s.server, &first); /* harmless */
	CHECK_ST(replay_begin(&s.server, &again, true, &o), STATUS_SUCCESS);
	CHECK(again.listed && !o);
	replay_end(&s.server, &again);
	scene_fini(&s);
}

/* Also while the request that made it has not ended: the answer may be on its way. */
TEST(replay_finds_the_open_first)
{
	struct create_under_way first = create_of("one", "a"), again = first;
	struct open *o = NULL;
	struct scene s;

	scene_init(&s);
	CHECK_ST(replay_begin(&s.server, &first, false, &o), STATUS_SUCCESS);
	scene_open(&s, &first, true);
	CHECK_ST(replay_begin(&s.server, &again, true, &o), STATUS_SUCCESS);
	CHECK(o == &s.open && !again.listed);
	CHECK_EQ(atomic_load(&o->refs), 2);
	replay_end(&s.server, &first);
	scene_fini(&s);
}

TEST(replay_does_not_find_an_open_that_was_used_or_is_going)
{
	struct create_under_way u = create_of("one", "a");
	struct open *o = NULL;
	struct scene s;

	scene_init(&s);
	scene_open(&s, &u, false);
	CHECK_ST(replay_begin(&s.server, &u, true, &o), STATUS_SUCCESS);
	CHECK(u.listed && !o);
	replay_end(&s.server, &u);
	CHECK(!s.open.in_creates); /* nor looked at any more */
	CHECK_EQ(s.server.creates.count, 0);
	scene_open(&s, &u, true);
	s.open.refs = 0;
	CHECK_ST(replay_begin(&s.server, &u, true, &o), STATUS_SUCCESS);
	CHECK(u.listed && !o);
	replay_end(&s.server, &u);
	scene_fini(&s);
}

TEST_MAIN()
