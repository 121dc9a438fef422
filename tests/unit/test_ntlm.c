/* test_ntlm.c - the server's side of NTLM against a client of our own, and against recorded
 * messages. */
#include "auth/ntlm.h"
#include "ntlmclient.h"
#include "vectors.h"

static const struct ntlm_names names = {"SERVER", "WORKGROUP", "server.example.com",
					"example.com"};

/* One exchange under way. */
struct world {
	struct fake_env fake;
	struct ntlm ntlm;
	struct arena arena;
	struct span challenge;
	struct ntlm_key nt_hash; /* of "Secret1" */
};

static void world_init(struct world *w)
{
	*w = (struct world){.fake = {.env.ops = &fake_ops}};
	arena_init(&w->arena, 1 << 16);
	CHECK_EQ(ntlm_hash_password("Secret1", &w->nt_hash), 0);
}

static void world_fini(struct world *w)
{
	ntlm_fini(&w->ntlm);
	arena_fini(&w->arena);
}

static nt_status start(struct world *w, struct span negotiate)
{
	return ntlm_challenge(&w->ntlm, &w->fake.env, &names, negotiate, &w->arena,
			      &w->challenge);
}

static nt_status finish(struct world *w, struct span authenticate)
{
	struct ntlm_claim claim;
	nt_status st = ntlm_claim(&w->ntlm, authenticate, &w->arena, &claim);

	if (!nt_ok(st))
		return st;
	if (claim.anonymous)
		return ntlm_anonymous(&w->ntlm, &claim);
	return ntlm_verify(&w->ntlm, &claim, &w->nt_hash, true);
}

/* A whole exchange with a client of the given habits, who knows the password. */
static nt_status run(struct world *w, struct ntlm_client *c)
{
	nt_status st;

	c->user = c->user ? c->user : "alice";
	c->domain = c->domain ? c->domain : "DOMAIN";
	c->password = c->password ? c->password : "Secret1";
	world_init(w);
	st = start(w, client_negotiate(c));
	return nt_ok(st) ? finish(w, client_authenticate(c, w->challenge)) : st;
}

TEST(right_password)
{
	struct ntlm_client c = {0};
	struct world w;

	CHECK_ST(run(&w, &c), STATUS_SUCCESS);
	CHECK_MEM(&w.ntlm.session_key, &c.exported, 16);
	CHECK(ntlm_can_sign(&w.ntlm));
	world_fini(&w);
}

TEST(variants_that_succeed)
{
	static const struct ntlm_client cases[] = {
		{.no_mic = true},
		{.hash_no_domain = true},
		{.domain = ""},
		{.user = "ALIce"},
		{.flags = CLIENT_FLAGS_LOW & ~NTLMSSP_NEGOTIATE_KEY_EXCH},
		{.flags = CLIENT_FLAGS_LOW & ~NTLMSSP_NEGOTIATE_SIGN},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ntlm_client c = cases[i];
		struct world w;

		CHECK_ST(run(&w, &c), STATUS_SUCCESS);
		CHECK_MEM(&w.ntlm.session_key, &c.exported, 16);
		CHECK_EQ(ntlm_can_sign(&w.ntlm),
			 (c.sent_flags & NTLMSSP_NEGOTIATE_SIGN) != 0);
		world_fini(&w);
	}
}

TEST(variants_that_fail)
{
	static const struct {
		struct ntlm_client c;
		nt_status want;
	} cases[] = {
		{{.password = "secret1"}, {0xC000006D}},
		{{.password = ""}, {0xC000006D}},
		{{.nt_len = 24}, {0xC000006D}}, /* NTLMv1, NTLM2 session */
		{{.nt_len = 1}, {0xC000000D}},
		{{.nt_len = 47}, {0xC000000D}},
		{{.nt_len = 100}, {0xC000000D}}, /* RespType 0 */
		{{.av_tail = {(const uint8_t *)"\xaa\xaa\xaa\xaa", 4}}, {0xC000000D}},
		{{.flags = CLIENT_FLAGS_LOW & ~NTLMSSP_NEGOTIATE_UNICODE}, {0xC00000BB}},
		{{.flags = CLIENT_FLAGS_LOW & ~NTLMSSP_NEGOTIATE_128}, {0xC00000BB}},
		{{.flags = CLIENT_FLAGS_LOW &
			   ~NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY},
		 {0xC00000BB}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ntlm_client c = cases[i].c;
		struct world w;

		CHECK_ST(run(&w, &c), cases[i].want);
		CHECK(!w.ntlm.has_key);
		world_fini(&w);
	}
}

/* No bit of the three messages can be altered, MaxLen and Version of the last one included:
 * the MIC covers all. */
TEST(authenticate_with_any_bit_flipped)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	struct span msg;
	struct world w;

	for (size_t i = 0; i == 0 || i < msg.len * 8; i++) {
		world_init(&w);
		CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
		msg = client_authenticate(&c, w.challenge);
		c.authenticate[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK(!nt_ok(finish(&w, msg)));
		CHECK(!w.ntlm.has_key);
		world_fini(&w);
	}
}

TEST(negotiate_with_any_bit_flipped)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	struct span sent = client_negotiate(&c);

	for (size_t i = 0; i < sent.len * 8; i++) {
		uint8_t altered[sizeof(c.negotiate)];
		struct world w;
		nt_status st;

		memcpy(altered, sent.p, sent.len);
		altered[i / 8] ^= (uint8_t)(1 << i % 8);
		world_init(&w);
		st = start(&w, span_of(altered, sent.len));
		if (nt_ok(st))
			st = finish(&w, client_authenticate(&c, w.challenge));
		CHECK(!nt_ok(st));
		world_fini(&w);
	}
}

TEST(challenge_flags_stripped_on_the_way)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	uint8_t altered[512];
	struct world w;

	world_init(&w);
	CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
	memcpy(altered, w.challenge.p, w.challenge.len);
	altered[20] &= (uint8_t)~NTLMSSP_NEGOTIATE_SIGN;
	CHECK_ST(finish(&w, client_authenticate(&c, span_of(altered, w.challenge.len))),
		 STATUS_LOGON_FAILURE);
	world_fini(&w);
}

TEST(mic_zero)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	struct span msg;
	struct world w;

	world_init(&w);
	CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
	msg = client_authenticate(&c, w.challenge);
	explicit_bzero(c.authenticate + 72, 16);
	CHECK_ST(finish(&w, msg), STATUS_LOGON_FAILURE);
	world_fini(&w);
}

TEST(authenticate_cut_anywhere)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	size_t whole = 1;

	for (size_t len = 0; len < whole; len++) {
		struct world w;

		world_init(&w);
		CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
		whole = client_authenticate(&c, w.challenge).len;
		CHECK_ST(finish(&w, span_of(c.authenticate, len)),
			 STATUS_INVALID_PARAMETER);
		world_fini(&w);
	}
}

TEST(encrypted_session_key_of_another_length)
{
	static const uint16_t lens[] = {0, 15, 17, 65535};

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct ntlm_client c = {
			.user = "alice", .domain = "D", .password = "Secret1"};
		struct span msg;
		struct world w;

		world_init(&w);
		CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
		msg = client_authenticate(&c, w.challenge);
		c.authenticate[52] = (uint8_t)lens[i];
		c.authenticate[53] = (uint8_t)(lens[i] >> 8);
		CHECK_ST(finish(&w, span_of(msg.p, msg.len + 1)),
			 STATUS_INVALID_PARAMETER);
		world_fini(&w);
	}
}

TEST(unknown_user_fails_even_with_the_dummy_hash)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	struct ntlm_claim claim;
	struct world w;

	world_init(&w);
	CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
	CHECK_ST(ntlm_claim(&w.ntlm, client_authenticate(&c, w.challenge), &w.arena,
			    &claim),
		 STATUS_SUCCESS);
	CHECK_ST(ntlm_verify(&w.ntlm, &claim, &w.nt_hash, false), STATUS_LOGON_FAILURE);
	CHECK(!w.ntlm.has_key);
	world_fini(&w);
}

TEST(challenge_is_used_once)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	struct span msg, negotiate = client_negotiate(&c);
	struct world w;

	world_init(&w);
	CHECK_ST(finish(&w, negotiate), STATUS_INVALID_PARAMETER); /* none yet */
	CHECK_ST(start(&w, negotiate), STATUS_SUCCESS);
	CHECK_ST(start(&w, negotiate), STATUS_INVALID_PARAMETER);
	msg = client_authenticate(&c, w.challenge);
	CHECK_ST(finish(&w, msg), STATUS_SUCCESS);
	CHECK_ST(finish(&w, msg), STATUS_INVALID_PARAMETER);
	world_fini(&w);
}

TEST(failed_message_spends_the_challenge)
{
	struct ntlm_client c = {.user = "alice", .domain = "D", .password = "Secret1"};
	struct span msg;
	struct world w;

	world_init(&w);
	CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
	msg = client_authenticate(&c, w.challenge);
	CHECK_ST(finish(&w, span_head(msg, 20)), STATUS_INVALID_PARAMETER);
	CHECK_ST(finish(&w, msg), STATUS_INVALID_PARAMETER);
	world_fini(&w);
}

TEST(challenges_differ)
{
	struct ntlm_client c = {0};
	struct world w;
	uint8_t first[NTLM_CHALLENGE_LEN];

	world_init(&w);
	CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
	memcpy(first, w.ntlm.challenge, sizeof(first));
	ntlm_fini(&w.ntlm);
	CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
	CHECK(memcmp(first, w.ntlm.challenge, sizeof(first)) != 0);
	CHECK_SPAN(span_of(w.challenge.p + 24, 8), span_of(w.ntlm.challenge, 8));
	world_fini(&w);
}

TEST(anonymous_key_is_for_the_mic_only)
{
	struct ntlm_client c = {.no_response = true};
	struct world w;

	CHECK_ST(run(&w, &c), STATUS_SUCCESS);
	CHECK_MEM(&w.ntlm.session_key, &c.exported, 16);
	world_fini(&w);
}

/* smbclient does this. Without extended session security there is no signature we could make. */
TEST(anonymous_may_drop_flags)
{
	struct ntlm_client c = {
		.no_response = true,
		.dropped_flags = NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY};
	struct world w;

	CHECK_ST(run(&w, &c), STATUS_SUCCESS);
	CHECK(!ntlm_can_sign(&w.ntlm));
	world_fini(&w);
}

TEST(named_user_may_not_drop_flags)
{
	static const uint32_t flags[] = {NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY,
					 NTLMSSP_NEGOTIATE_128,
					 NTLMSSP_NEGOTIATE_UNICODE};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		struct ntlm_client c = {.dropped_flags = flags[i], .no_mic = true};
		struct world w;

		CHECK_ST(run(&w, &c), STATUS_NOT_SUPPORTED);
		world_fini(&w);
	}
}

TEST(claims_of_one_kind_do_not_pass_for_the_other)
{
	struct ntlm_claim claim = {.anonymous = false};
	struct world w;

	world_init(&w);
	w.ntlm.stage = NTLM_CLAIMED;
	CHECK_ST(ntlm_anonymous(&w.ntlm, &claim), STATUS_INVALID_PARAMETER);
	claim.anonymous = true;
	CHECK_ST(ntlm_verify(&w.ntlm, &claim, &w.nt_hash, true),
		 STATUS_INVALID_PARAMETER);
	world_fini(&w);
}

TEST(names_too_long)
{
	static const struct {
		uint16_t len;
		nt_status want;
	} cases[] = {{2 * NTLM_NAME_MAX, {0xC000006D}}, /* wrong password */
		     {2 * NTLM_NAME_MAX + 2, {0xC000000D}}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ntlm_client c = {
			.user = "alice", .domain = "D", .password = "Secret1"};
		struct world w;
		uint8_t *field = c.authenticate + 36; /* UserNameFields */

		world_init(&w);
		CHECK_ST(start(&w, client_negotiate(&c)), STATUS_SUCCESS);
		CHECK(client_authenticate(&c, w.challenge).len < 1024);
		for (size_t k = 0; k < cases[i].len; k += 2)
			c.authenticate[1024 + k] = 'n';
		field[0] = (uint8_t)cases[i].len;
		field[1] = (uint8_t)(cases[i].len >> 8);
		field[4] = 0;
		field[5] = 1024 >> 8;
		CHECK_ST(finish(&w, span_of(c.authenticate, 2048)), cases[i].want);
		world_fini(&w);
	}
}

TEST(negotiate_too_long)
{
	struct ntlm_client c = {0};
	uint8_t msg[NTLM_NEGOTIATE_MAX + 1] = {0};
	struct world w;

	memcpy(msg, client_negotiate(&c).p, sizeof(c.negotiate));
	world_init(&w);
	CHECK_ST(start(&w, span_of(msg, sizeof(msg))), STATUS_INVALID_PARAMETER);
	CHECK_ST(start(&w, span_of(msg, sizeof(msg) - 1)), STATUS_SUCCESS);
	world_fini(&w);
}

/* A recorded exchange between Windows machines. */
TEST(windows_exchange)
{
	static const char file[] = "ntlmv2-session-key.txt";
	struct span n = vec(file, NULL, "negotiate_message");
	struct span ch = vec(file, NULL, "challenge_message");
	struct span au = vec(file, NULL, "authenticate_message");
	struct span hash = vec(file, NULL, "nt_hash_MD4_UTF16LE_password");
	struct span key = vec(file, NULL, "exported_session_key");
	struct world w;

	world_init(&w);
	w.ntlm.stage = NTLM_CHALLENGED;
	memcpy(w.ntlm.challenge, ch.p + 24, NTLM_CHALLENGE_LEN);
	w.ntlm.messages[0] = n;
	w.ntlm.messages[1] = ch;
	memcpy(&w.nt_hash, hash.p, sizeof(w.nt_hash));
	CHECK_ST(finish(&w, au), STATUS_SUCCESS);
	CHECK_SPAN(span_of(&w.ntlm.session_key, 16), key);
	world_fini(&w);
}

TEST_MAIN()
