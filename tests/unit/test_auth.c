/* test_auth.c - whole logons: bare NTLMSSP and SPNEGO, named, guest, anonymous, refused. */
#include "auth/auth.h"
#include "auth/spnego.h"
#include "auth/userdb.h"
#include "conf/conf.h"
#include "ntlmclient.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS_MAX = 4 };

static char db_path[] = "/tmp/test_auth.XXXXXX";

/* A server with its users, one exchange and the bytes both sides sent. */
struct world {
	struct fake_env fake;
	struct auth_server server;
	struct auth *auth;
	struct arena arena;
	struct span answer;
	struct ntlm_client client;
};

static int put_user(struct user *u, bool exists, void *arg)
{
	const char *account = arg;

	snprintf(u->account, sizeof(u->account), "%s", account);
	u->disabled = strcmp(u->name, "off") == 0;
	return ntlm_hash_password("Secret1", &u->nt_hash);
}

static void make_db(void)
{
	struct userdb_fault fault;
	int fd;

	if (!strstr(db_path, "XXXXXX"))
		return;
	fd = mkstemp(db_path);
	assert_true(fd >= 0);
	close(fd);
	CHECK_EQ(userdb_edit(db_path, "Alice", put_user, (void *)"root", &fault), 0);
	CHECK_EQ(
		userdb_edit(db_path, "me@mail.example", put_user, (void *)"root", &fault),
		0);
	CHECK_EQ(userdb_edit(db_path, "off", put_user, (void *)"root", &fault), 0);
	CHECK_EQ(
		userdb_edit(db_path, "lost", put_user, (void *)"no-such-account", &fault),
		0);
}

static void world_init(struct world *w)
{
	make_db();
	*w = (struct world){
		.fake = {.env.ops = &fake_ops},
		.server = {.server_name = "SERVER",
			   .domain = "WORKGROUP",
			   .dns_name = "server",
			   .userdb_file = db_path,
			   .ntlm = true,
			   .nobody = cred_new(65534, 65534, NULL, 0)},
		.client = {.user = "alice", .domain = "DOM", .password = "Secret1"},
	};
	w->server.env = &w->fake.env;
	arena_init(&w->arena, 1 << 20);
	w->auth = auth_new(&w->server);
	assert_non_null(w->auth);
}

static void world_fini(struct world *w)
{
	auth_free(w->auth);
	arena_fini(&w->arena);
	cred_put(w->server.nobody);
	cred_put(w->server.self);
}

static nt_status step(struct world *w, struct span token)
{
	return auth_step(w->auth, token, &w->arena, &w->answer);
}

/* Both legs without SPNEGO; only the second asks somebody. */
static nt_status run_bare(struct world *w)
{
	nt_status st = step(w, client_negotiate(&w->client));

	if (!nt_is(st, STATUS_MORE_PROCESSING_REQUIRED))
		return st;
	CHECK(!auth_step_is_quick(w->auth, w->answer));
	return step(w, client_authenticate(&w->client, w->answer));
}

static void check_nothing_given(struct world *w)
{
	CHECK_EQ(auth_session_key(w->auth).len, 0);
	CHECK_ST(step(w, client_negotiate(&w->client)), STATUS_INVALID_PARAMETER);
}

TEST(named_user)
{
	struct principal *p;
	struct world w;

	world_init(&w);
	CHECK(auth_step_is_quick(w.auth, (struct span){.len = 2048}));
	CHECK(!auth_step_is_quick(w.auth, (struct span){.len = 2049})); /* too long */
	CHECK_STR(auth_claimed_user(w.auth), "");
	CHECK_ST(run_bare(&w), STATUS_SUCCESS);
	CHECK_EQ(w.answer.len, 0);
	CHECK_SPAN(auth_session_key(w.auth), span_of(&w.client.exported, 16));
	CHECK_STR(auth_claimed_user(w.auth), "alice");
	p = auth_principal(w.auth);
	CHECK_EQ(p->kind, PRINCIPAL_NAMED);
	CHECK_STR(p->user, "Alice"); /* as in the database */
	CHECK_STR(p->domain, "DOM");
	CHECK_EQ(p->cred->uid, 0);
	world_fini(&w);
	CHECK_STR(p->user, "Alice"); /* outlives the exchange */
	principal_put(p);
}

TEST(everybody_acts_as_self_for_an_ordinary_user)
{
	struct principal *p;
	struct world w;

	world_init(&w);
	w.server.self = cred_new(1234, 1234, NULL, 0);
	w.client.user = "lost"; /* has no Unix account, needs none */
	CHECK_ST(run_bare(&w), STATUS_SUCCESS);
	p = auth_principal(w.auth);
	CHECK_EQ(p->cred->uid, 1234);
	principal_put(p);
	world_fini(&w);
}

TEST(refused_logons)
{
	static const struct {
		const char *user, *password;
		nt_status want;
	} cases[] = {
		{"alice", "wrong", {0xC000006D}},
		{"alice", "", {0xC000006D}},
		{"nobody", "Secret1", {0xC000006D}},
		{"nobody", "", {0xC000006D}},
		{"", "", {0xC000006D}},
		{"off", "Secret1", {0xC0000072}},
		{"off", "wrong", {0xC000006D}},
		{"lost", "Secret1", {0xC000006D}},
	};

	log_set(LOG_NONE, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_init(&w);
		w.client.user = cases[i].user;
		w.client.password = cases[i].password;
		CHECK_ST(run_bare(&w), cases[i].want);
		CHECK_STR(auth_claimed_user(w.auth), cases[i].user);
		check_nothing_given(&w);
		world_fini(&w);
	}
}

/* What smbclient -N tries first: the local name without a password. It is no anonymous logon. */
TEST(name_without_response)
{
	struct world w;

	world_init(&w);
	w.server.allow_anonymous = true;
	w.client.no_password = true;
	w.client.dropped_flags = NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY;
	CHECK_ST(run_bare(&w), STATUS_LOGON_FAILURE);
	CHECK_STR(auth_claimed_user(w.auth), "alice");
	check_nothing_given(&w);
	world_fini(&w);
}

TEST(name_at_domain)
{
	static const struct {
		const char *user, *domain;
		bool want;
	} cases[] = {
		{"alice@EXAMPLE.COM", "", true},
		{"ALICE@", "", true},
		{"me@mail.example", "", true},
		{"me@mail.example", "X", true},
		{"alice@EXAMPLE.COM", "DOM", false},
		{"me", "", false},
		{"@alice", "", false},
		{"bob@alice", "", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_init(&w);
		w.client.user = cases[i].user;
		w.client.domain = cases[i].domain;
		CHECK_EQ(nt_ok(run_bare(&w)), cases[i].want);
		world_fini(&w);
	}
}

TEST(guest_is_for_unknown_users_only)
{
	static const struct {
		const char *user, *password;
		bool allowed, want;
	} cases[] = {
		{"nobody", "x", true, true},      {"nobody", "", true, true},
		{"nobody", "x", false, false},    {"alice", "x", true, false},
		{"ALICE", "", true, false},       {"off", "x", true, false},
		{"lost", "Secret1", true, false}, {"", "", true, false},
		{"alice@DOM", "x", true, true}, /* DOM\\alice@DOM */
	};

	log_set(LOG_NONE, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		nt_status st;
		struct world w;

		world_init(&w);
		w.server.allow_guest = cases[i].allowed;
		w.client.user = cases[i].user;
		w.client.password = cases[i].password;
		st = run_bare(&w);
		CHECK_EQ(nt_ok(st), cases[i].want);
		CHECK_EQ(auth_session_key(w.auth).len, 0);
		if (nt_ok(st)) {
			CLEANUP(principal_putp)
			struct principal *p = auth_principal(w.auth);

			CHECK_EQ(p->kind, PRINCIPAL_GUEST);
			CHECK_EQ(p->cred->uid, 65534);
		}
		world_fini(&w);
	}
}

TEST(anonymous)
{
	for (int allowed = 0; allowed <= 1; allowed++) {
		struct world w;

		world_init(&w);
		w.server.allow_anonymous = allowed;
		w.server.allow_guest = true; /* makes no difference */
		w.client.no_response = true;
		CHECK_ST(run_bare(&w), allowed ? STATUS_SUCCESS : STATUS_ACCESS_DENIED);
		CHECK_EQ(auth_session_key(w.auth).len, 0);
		if (allowed) {
			CLEANUP(principal_putp)
			struct principal *p = auth_principal(w.auth);

			CHECK_EQ(p->kind, PRINCIPAL_ANONYMOUS);
			CHECK_STR(p->user, "");
		}
		world_fini(&w);
	}
}

/* While nobody can be looked up, nobody gets in: a known user must not become a guest. */
TEST(unreadable_database_admits_nobody)
{
	static const char *const users[] = {"alice", "nobody"};

	log_set(LOG_NONE, NULL);
	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		struct world w;

		world_init(&w);
		w.server.allow_guest = true;
		w.client.user = users[i];
		chmod(db_path, 0644);
		CHECK_ST(run_bare(&w), STATUS_LOGON_FAILURE);
		chmod(db_path, 0600);
		world_fini(&w);
	}
}

TEST(ntlm_switched_off)
{
	struct world w;

	world_init(&w);
	w.server.ntlm = false;
	CHECK_EQ(auth_negotiate_token(&w.server, &w.arena).len, 0);
	CHECK_ST(run_bare(&w), STATUS_NOT_SUPPORTED);
	world_fini(&w);
}

TEST(not_a_token)
{
	static const struct {
		uint8_t bytes[12];
		size_t len;
	} cases[] = {{{0}, 0},       {{0x60}, 1},         {{0x60, 0x80}, 2},
		     {"NTLMSSP", 8}, {"NTLMSSP\0\3", 12}, {{0xa1, 2, 0x30, 0}, 4}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_init(&w);
		CHECK_ST(step(&w, span_of(cases[i].bytes, cases[i].len)),
			 STATUS_INVALID_PARAMETER);
		check_nothing_given(&w);
		world_fini(&w);
	}
}

/* ---- SPNEGO ---- */

#define OID_NTLMSSP 6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10
#define OID_KRB5    6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2

static const uint8_t list_ntlm[] = {0x30, 12, OID_NTLMSSP};
static const uint8_t list_krb5_ntlm[] = {0x30, 23, OID_KRB5, OID_NTLMSSP};
static const uint8_t list_krb5[] = {0x30, 11, OID_KRB5};

/* tag, length, content. */
static struct span der(struct arena *a, uint8_t tag, struct span content)
{
	uint8_t *p = arena_alloc(a, content.len + 4);

	assert_non_null(p);
	p[0] = tag;
	p[1] = 0x82;
	p[2] = (uint8_t)(content.len >> 8);
	p[3] = (uint8_t)content.len;
	if (content.len)
		memcpy(p + 4, content.p, content.len);
	return span_of(p, content.len + 4);
}

static struct span cat(struct arena *a, struct span x, struct span y)
{
	uint8_t *p = arena_alloc(a, x.len + y.len);

	assert_non_null(p);
	memcpy(p, x.p, x.len);
	if (y.len)
		memcpy(p + x.len, y.p, y.len);
	return span_of(p, x.len + y.len);
}

/* NegTokenInit with a list and perhaps a token. */
static struct span spnego_init_of(struct arena *a, struct span list, struct span token)
{
	struct span fields = der(a, 0xa0, list);

	if (token.len)
		fields = cat(a, fields, der(a, 0xa2, der(a, 0x04, token)));
	return der(a, 0x60,
		   cat(a, BYTES(6, 6, 0x2b, 6, 1, 5, 5, 2),
		       der(a, 0xa0, der(a, 0x30, fields))));
}

static struct span spnego_resp_of(struct arena *a, struct span token, struct span mic)
{
	struct spnego_resp r = {.state = SPNEGO_STATE_ABSENT, .token = token, .mic = mic};
	struct span out;

	CHECK_EQ(spnego_resp_encode(&r, a, &out), 0);
	return out;
}

static struct spnego_resp answer_of(struct world *w)
{
	struct spnego_resp r;

	CHECK_EQ(spnego_resp_decode(w->answer, &w->arena, &r), 0);
	return r;
}

static struct span mic_of(struct world *w, enum ntlm_side side, struct span list)
{
	uint8_t *mic = arena_alloc(&w->arena, NTLM_MIC_LEN);

	CHECK_EQ(ntlm_sign(w->client.sent_flags, &w->client.exported, side, list, mic),
		 0);
	return span_of(mic, NTLM_MIC_LEN);
}

enum mic_habit { MIC_NONE, MIC_GOOD, MIC_BAD };

/* The optimistic way: list and NEGOTIATE, CHALLENGE, AUTHENTICATE perhaps with a MIC. */
static nt_status run_spnego(struct world *w, enum mic_habit habit)
{
	struct span list = span_of(list_ntlm, sizeof(list_ntlm));
	struct span mic = {0}, authenticate;
	struct spnego_resp r;

	CHECK_ST(step(w, spnego_init_of(&w->arena, list, client_negotiate(&w->client))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	r = answer_of(w);
	CHECK_EQ(r.state, SPNEGO_ACCEPT_INCOMPLETE);
	CHECK_EQ(r.mech, SPNEGO_MECH_NTLMSSP);
	authenticate = client_authenticate(&w->client, r.token);
	if (habit != MIC_NONE)
		mic = mic_of(w, NTLM_CLIENT, list);
	if (habit == MIC_BAD)
		mic = mic_of(w, NTLM_SERVER, list);
	return step(w, spnego_resp_of(&w->arena, authenticate, mic));
}

TEST(spnego_without_mic)
{
	struct spnego_resp r;
	struct world w;

	world_init(&w);
	CHECK_ST(run_spnego(&w, MIC_NONE), STATUS_SUCCESS);
	r = answer_of(&w);
	CHECK_EQ(r.state, SPNEGO_ACCEPT_COMPLETED);
	CHECK_EQ(r.mic.len, 0);
	CHECK_SPAN(auth_session_key(w.auth), span_of(&w.client.exported, 16));
	world_fini(&w);
}

TEST(spnego_mic_is_verified_and_answered)
{
	struct span list = span_of(list_ntlm, sizeof(list_ntlm));
	struct spnego_resp r;
	struct world w;

	world_init(&w);
	CHECK_ST(run_spnego(&w, MIC_GOOD), STATUS_SUCCESS);
	r = answer_of(&w);
	CHECK_EQ(r.state, SPNEGO_ACCEPT_COMPLETED);
	CHECK_SPAN(r.mic, mic_of(&w, NTLM_SERVER, list));
	world_fini(&w);
}

TEST(spnego_wrong_mic)
{
	struct world w;

	world_init(&w);
	CHECK_ST(run_spnego(&w, MIC_BAD), STATUS_LOGON_FAILURE);
	check_nothing_given(&w);
	world_fini(&w);
}

/* Without integrity there is no MIC: what claims to be one is not. */
TEST(spnego_mic_without_integrity)
{
	struct world w;

	world_init(&w);
	w.client.flags = CLIENT_FLAGS_LOW & ~NTLMSSP_NEGOTIATE_SIGN;
	CHECK_ST(run_spnego(&w, MIC_GOOD), STATUS_LOGON_FAILURE);
	check_nothing_given(&w);
	world_fini(&w);

	world_init(&w);
	w.client.flags = CLIENT_FLAGS_LOW & ~NTLMSSP_NEGOTIATE_SIGN;
	CHECK_ST(run_spnego(&w, MIC_NONE), STATUS_SUCCESS);
	world_fini(&w);
}

TEST(spnego_wrong_password)
{
	struct world w;

	world_init(&w);
	w.client.password = "wrong";
	CHECK_ST(run_spnego(&w, MIC_GOOD), STATUS_LOGON_FAILURE);
	check_nothing_given(&w);
	world_fini(&w);
}

/* A guest's key is not known to us: its MIC can be neither checked nor answered. */
TEST(spnego_guest)
{
	struct world w;

	world_init(&w);
	w.server.allow_guest = true;
	w.client.user = "visitor";
	CHECK_ST(run_spnego(&w, MIC_GOOD), STATUS_SUCCESS);
	CHECK_EQ(answer_of(&w).mic.len, 0);
	CHECK_EQ(auth_session_key(w.auth).len, 0);
	world_fini(&w);
}

TEST(spnego_anonymous)
{
	struct world w;

	world_init(&w);
	w.server.allow_anonymous = true;
	w.client.no_response = true;
	CHECK_ST(run_spnego(&w, MIC_GOOD), STATUS_SUCCESS);
	CHECK_EQ(answer_of(&w).mic.len, NTLM_MIC_LEN);
	CHECK_EQ(auth_session_key(w.auth).len, 0);
	world_fini(&w);
}

/* Kerberos first, with a token we must not look at: we ask for NTLMSSP, and for the MIC. */
static nt_status run_second_choice(struct world *w, enum mic_habit habit)
{
	struct span list = span_of(list_krb5_ntlm, sizeof(list_krb5_ntlm));
	struct span mic = {0}, authenticate;
	struct spnego_resp r;

	CHECK_ST(step(w, spnego_init_of(&w->arena, list, span_of_str("a ticket"))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	r = answer_of(w);
	CHECK_EQ(r.state, SPNEGO_REQUEST_MIC);
	CHECK_EQ(r.mech, SPNEGO_MECH_NTLMSSP);
	CHECK_EQ(r.token.len, 0);
	CHECK_ST(step(w, spnego_resp_of(&w->arena, client_negotiate(&w->client),
					span_of(NULL, 0))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	authenticate = client_authenticate(&w->client, answer_of(w).token);
	if (habit != MIC_NONE)
		mic = mic_of(w, NTLM_CLIENT, list);
	return step(w, spnego_resp_of(&w->arena, authenticate, mic));
}

TEST(spnego_second_choice_needs_the_mic)
{
	struct world w;

	world_init(&w);
	CHECK_ST(run_second_choice(&w, MIC_GOOD), STATUS_SUCCESS);
	CHECK_EQ(answer_of(&w).mic.len, NTLM_MIC_LEN);
	world_fini(&w);

	world_init(&w);
	CHECK_ST(run_second_choice(&w, MIC_NONE), STATUS_INVALID_PARAMETER);
	check_nothing_given(&w);
	world_fini(&w);
}

/* The list the client signs is not the one that arrived: somebody took Kerberos out of it. */
TEST(spnego_altered_list)
{
	struct span sent = span_of(list_krb5_ntlm, sizeof(list_krb5_ntlm));
	struct span seen = span_of(list_ntlm, sizeof(list_ntlm));
	struct span authenticate;
	struct world w;

	world_init(&w);
	CHECK_ST(step(&w, spnego_init_of(&w.arena, seen, client_negotiate(&w.client))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	authenticate = client_authenticate(&w.client, answer_of(&w).token);
	CHECK_ST(step(&w, spnego_resp_of(&w.arena, authenticate,
					 mic_of(&w, NTLM_CLIENT, sent))),
		 STATUS_LOGON_FAILURE);
	check_nothing_given(&w);
	world_fini(&w);
}

TEST(spnego_list_without_token)
{
	struct span list = span_of(list_ntlm, sizeof(list_ntlm));
	struct world w;

	world_init(&w);
	CHECK_ST(step(&w, spnego_init_of(&w.arena, list, span_of(NULL, 0))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	CHECK_EQ(answer_of(&w).state, SPNEGO_ACCEPT_INCOMPLETE);
	CHECK_ST(step(&w, spnego_resp_of(&w.arena, client_negotiate(&w.client),
					 span_of(NULL, 0))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	CHECK_ST(step(&w,
		      spnego_resp_of(&w.arena,
				     client_authenticate(&w.client, answer_of(&w).token),
				     span_of(NULL, 0))),
		 STATUS_SUCCESS);
	world_fini(&w);
}

TEST(spnego_no_common_mechanism)
{
	struct span list = span_of(list_krb5, sizeof(list_krb5));
	struct world w;

	world_init(&w);
	CHECK_ST(step(&w, spnego_init_of(&w.arena, list, span_of_str("a ticket"))),
		 STATUS_NOT_SUPPORTED);
	check_nothing_given(&w);
	world_fini(&w);
}

TEST(spnego_client_rejects)
{
	static const struct spnego_resp reject = {.state = SPNEGO_REJECT};
	struct span list = span_of(list_ntlm, sizeof(list_ntlm)), token;
	struct world w;

	world_init(&w);
	CHECK_ST(step(&w, spnego_init_of(&w.arena, list, client_negotiate(&w.client))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	CHECK_EQ(spnego_resp_encode(&reject, &w.arena, &token), 0);
	CHECK_ST(step(&w, token), STATUS_LOGON_FAILURE);
	world_fini(&w);
}

TEST(spnego_bare_token_in_the_middle)
{
	struct span list = span_of(list_ntlm, sizeof(list_ntlm));
	struct world w;

	world_init(&w);
	CHECK_ST(step(&w, spnego_init_of(&w.arena, list, client_negotiate(&w.client))),
		 STATUS_MORE_PROCESSING_REQUIRED);
	CHECK_ST(step(&w, client_authenticate(&w.client, answer_of(&w).token)),
		 STATUS_INVALID_PARAMETER);
	world_fini(&w);
}

static struct conf *parse_conf(const char *text)
{
	static const struct conf_machine machine = {
		.host_name = "h", .memory = 1 << 30, .cpu_count = 1};
	struct conf_errors errs;
	struct conf *c = NULL;

	conf_errors_init(&errs);
	CHECK_EQ(conf_parse(span_of_str(text), "test", &machine, &c, &errs), 0);
	conf_errors_fini(&errs);
	return c;
}

TEST(server_from_configuration)
{
	CLEANUP(conf_putp)
	struct conf *c = parse_conf("[global]\nserver_name = Files\n"
				    "domain = corp.example.com\nallow_guest = true\n"
				    "[/global]\n");
	struct fake_env fake = {.env.ops = &fake_ops};
	struct auth_server s;

	CHECK_EQ(auth_server_init(&s, c, &fake.env), 0);
	CHECK_STR(s.server_name, "FILES");
	CHECK_STR(s.dns_name, "files.corp.example.com");
	CHECK_STR(s.userdb_file, "/var/lib/tsmb/users_db.txt");
	CHECK(s.ntlm && s.allow_guest && !s.allow_anonymous);
	CHECK_EQ(s.self != NULL, geteuid() != 0);
	CHECK_EQ(s.nobody != NULL, geteuid() == 0);
	auth_server_fini(&s);
	auth_server_fini(&s);
}

TEST(guest_without_nobody)
{
	struct world w;

	world_init(&w);
	cred_put(TAKE(w.server.nobody));
	w.server.allow_guest = true;
	w.client.user = "visitor";
	CHECK_ST(run_bare(&w), STATUS_LOGON_FAILURE);
	check_nothing_given(&w);
	world_fini(&w);
}

TEST(negotiate_token_offers_ntlmssp)
{
	struct span want = span_of(list_ntlm, sizeof(list_ntlm)), got;
	struct world w;

	world_init(&w);
	got = auth_negotiate_token(&w.server, &w.arena);
	CHECK(got.len > want.len);
	CHECK(memmem(got.p, got.len, want.p, want.len));
	world_fini(&w);
}

TEST(cleans_up)
{
	char lock[64];

	snprintf(lock, sizeof(lock), "%s.lock", db_path);
	unlink(lock);
	CHECK_EQ(unlink(db_path), 0);
}

TEST_MAIN()
