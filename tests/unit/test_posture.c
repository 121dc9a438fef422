/*
 * Sessions, counted by how they are protected.
 */
#include "smb/posture.h"

#include "smb/sess.h"
#include "test.h"

static const struct env_ops no_ops;

struct rig {
	struct env env;
	struct smb_server server;
	struct sess sess[6];
};

static void rig_start(struct rig *r)
{
	*r = (struct rig){.env.ops = &no_ops};
	r->server = (struct smb_server){.env = &r->env};
	lock_init(&r->server.lock, LOCK_RANK_TABLE);
	CHECK_EQ(map_init(&r->server.sessions), 0);
}

static void rig_stop(struct rig *r)
{
	map_fini(&r->server.sessions);
	lock_fini(&r->server.lock);
}

static void rig_add(struct rig *r, size_t i, struct sess like, enum sess_state state)
{
	r->sess[i] = like;
	atomic_init(&r->sess[i].state, state);
	map_add(&r->server.sessions, &r->sess[i].by_id, i + 1);
}

TEST(nobody_is_nothing)
{
	struct posture p;
	struct rig r;

	rig_start(&r);
	posture_gather(&r.server, &p);
	CHECK_EQ(p.row_count, 0);
	CHECK_EQ(p.setting_up, 0);
	rig_stop(&r);
}

TEST(sessions_are_counted_by_what_they_use)
{
	const struct sess strong = {.dialect = 0x0311,
				    .user = POLICY_USER_NAMED,
				    .has_keys = true,
				    .sign_alg = SIGN_AES_GMAC,
				    .cipher = SEAL_AES_128_GCM,
				    .signing_required = true,
				    .encrypt_data = true};
	const struct sess old = {.dialect = 0x0202,
				 .user = POLICY_USER_NAMED,
				 .has_keys = true,
				 .sign_alg = SIGN_HMAC_SHA256};
	const struct sess guest = {.dialect = 0x0311,
				   .user = POLICY_USER_GUEST,
				   .sign_alg = SIGN_AES_GMAC,
				   .cipher = SEAL_AES_128_GCM};
	struct posture p;
	struct rig r;

	rig_start(&r);
	rig_add(&r, 0, guest, SESS_VALID);
	rig_add(&r, 1, strong, SESS_VALID);
	rig_add(&r, 2, old, SESS_EXPIRED);
	rig_add(&r, 3, strong, SESS_VALID);
	rig_add(&r, 4, strong, SESS_IN_PROGRESS);
	posture_gather(&r.server, &p);
	CHECK_EQ(p.setting_up, 1);
	CHECK_EQ(p.users[POLICY_USER_NAMED], 3);
	CHECK_EQ(p.users[POLICY_USER_GUEST], 1);
	CHECK_EQ(p.users[POLICY_USER_ANONYMOUS], 0);
	CHECK_EQ(p.signing_required, 2);
	CHECK_EQ(p.encrypted, 2);
	CHECK_EQ(p.row_count, 3);
	CHECK_EQ(p.rows[0].dialect, 0x0202);
	CHECK_EQ(p.rows[0].sessions, 1);
	CHECK(!p.rows[1].has_keys); /* a guest uses nothing of what was negotiated */
	CHECK_EQ(p.rows[1].cipher, SEAL_NONE);
	CHECK_EQ(p.rows[1].sessions, 1);
	CHECK_EQ(p.rows[2].cipher, SEAL_AES_128_GCM);
	CHECK_EQ(p.rows[2].sessions, 2);
	rig_stop(&r);
}

TEST(every_combination_has_room)
{
	static const uint16_t dialects[] = {0x0202, 0x0210, 0x0300, 0x0302, 0x0311};
	struct posture p = {0};

	for (unsigned i = 0; i < 2 * POSTURE_ROWS_MAX; i++) {
		unsigned n = i % POSTURE_ROWS_MAX;
		unsigned rest = n / 5;
		struct posture_row row = {.dialect = dialects[n % 5]};

		row.has_keys = rest < 15;
		if (row.has_keys) {
			row.sign_alg = rest % 3;
			row.cipher = rest / 3;
		}
		posture_add(&p, &row);
	}
	CHECK_EQ(p.row_count, POSTURE_ROWS_MAX);
	for (size_t i = 0; i < p.row_count; i++)
		CHECK_EQ(p.rows[i].sessions, 2);
}

TEST_MAIN()
