/*
 * auth.c - see auth.h
 *
 *     FIRST --NegTokenInit--> SPNEGO --NegTokenResp--> ... --> OVER
 *       \-------bare NTLMSSP--> BARE ----------------> ... --> OVER
 *
 * A step that does not answer STATUS_MORE_PROCESSING_REQUIRED leads to OVER, whether it
 * succeeded or failed.
 */
#include "auth/auth.h"

#include "auth/identity.h"
#include "auth/ntlm.h"
#include "auth/spnego.h"
#include "auth/userdb.h"
#include "base/secret.h"
#include "wire/utf16.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* Between steps an exchange keeps copies of two NTLMSSP messages, the mechanism list and a
 * name. */
enum { AUTH_KEEP_MAX = 16 * 1024 };

/* Bytes of a token that a worker may take apart itself: those of clients are shorter. */
enum { AUTH_QUICK_MAX = 2048 };

enum auth_stage { AUTH_FIRST, AUTH_SPNEGO, AUTH_BARE, AUTH_OVER };

struct auth {
	const struct auth_server *server;
	enum auth_stage stage;
	struct arena keep; /* lives as long as the exchange */
	const struct mech *mech;
	struct span mech_list; /* as the client sent it: what mechListMIC covers */
	bool mic_demanded;     /* we answered request-mic */
	const char *claimed;
	struct ntlm ntlm;
	struct principal *principal;
};

static_assert(sizeof(struct auth) <= SECRET_LEN_MAX, "an exchange is one slot");

/* What a mechanism does for us. Each function gets the exchange in the stage its name says. */
struct mech {
	enum spnego_mech id;
	bool (*offered)(const struct auth_server *s);
	/* Nobody is asked and nothing proved in its next step. */
	bool (*quick)(const struct auth *a);
	nt_status (*step)(struct auth *a, struct span token, struct arena *arena,
			  struct span *ret_token);
	/* After success: can mechListMIC be made and verified? */
	bool (*can_sign)(const struct auth *a);
	nt_status (*verify)(const struct auth *a, struct span msg, struct span mic);
	nt_status (*sign)(const struct auth *a, struct span msg, struct arena *arena,
			  struct span *ret_mic);
};

/* ---- NTLMSSP -------------------------------------------------------------------- */

static bool ntlm_offered(const struct auth_server *s)
{
	return s->ntlm;
}

/* A challenge, that is. */
static bool ntlm_quick(const struct auth *a)
{
	return a->ntlm.stage == NTLM_IDLE;
}

static bool may_log(const struct auth_server *s)
{
	return !s->log_limit || log_limit_ok(s->log_limit, 5, env_now_ns(s->env));
}

/* The domain's NetBIOS name: the first label of an FQDN. */
static const char *nb_domain(const char *domain, struct arena *a)
{
	size_t len = strcspn(domain, ".");
	char *label, *upper;

	if (!domain[len])
		return domain;
	label = arena_dup(a, span_of(domain, len + 1));
	if (!label)
		return NULL;
	label[len] = '\0';
	return utf8_upper(a, label, &upper) ? NULL : upper;
}

static nt_status ntlm_start(struct auth *a, struct span token, struct arena *arena,
			    struct span *ret_token)
{
	const struct auth_server *s = a->server;
	bool is_fqdn = strchr(s->domain, '.');
	struct ntlm_names names = {
		.nb_computer = s->server_name,
		.nb_domain = nb_domain(s->domain, arena),
		.dns_computer = s->dns_name,
		.dns_domain = is_fqdn ? s->domain : "",
	};
	nt_status st;

	if (!names.nb_domain)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = ntlm_challenge(&a->ntlm, s->env, &names, token, &a->keep, ret_token);
	return nt_ok(st) ? STATUS_MORE_PROCESSING_REQUIRED : st;
}

static nt_status admit(struct auth *a, enum principal_kind kind, const char *user,
		       const char *domain, struct cred *cred)
{
	if (!cred)
		return STATUS_LOGON_FAILURE; /* no account `nobody`: said at start */
	a->principal = principal_new(kind, user, domain, cred);
	return a->principal ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* A Unix identity that was not proven. */
static struct cred *cred_unproven(const struct auth_server *s)
{
	return s->self ? s->self : s->nobody;
}

static nt_status anonymous_admit(struct auth *a, const struct ntlm_claim *c)
{
	nt_status st;

	if (!a->server->allow_anonymous)
		return STATUS_ACCESS_DENIED;
	st = ntlm_anonymous(&a->ntlm, c);
	if (!nt_ok(st))
		return st;
	return admit(a, PRINCIPAL_ANONYMOUS, "", c->domain, cred_unproven(a->server));
}

/* The password was right: as whom does the user act? */
static nt_status named_admit(struct auth *a, const struct ntlm_claim *c,
			     const struct user *u)
{
	CLEANUP(cred_putp) struct cred *cred = NULL;
	struct log_esc name, account;
	int err;

	if (u->disabled)
		return STATUS_ACCOUNT_DISABLED;
	if (a->server->self)
		return admit(a, PRINCIPAL_NAMED, u->name, c->domain, a->server->self);
	err = identity_lookup(user_account(u), &cred);
	if (!err)
		return admit(a, PRINCIPAL_NAMED, u->name, c->domain, cred);
	log_esc(&name, span_of_str(u->name));
	log_esc(&account, span_of_str(user_account(u)));
	if (err == -ENOENT)
		log_warn("logon of \"%s\" refused: there is no Unix account \"%s\": "
			 "create it, "
			 "or name another with tsmb-passwd -m \"%s\" --unix ACCOUNT",
			 name.text, account.text, name.text);
	else
		log_error("logon of \"%s\" refused: looking up Unix account \"%s\": %s",
			  name.text, account.text, strerror(-err));
	return STATUS_LOGON_FAILURE;
}

/*
 * The record of the name as it is; else, for name@domain without a domain of its own, that of the
 * name, as the domain does not count here. Both are always looked up: time tells nothing.
 */
static int user_find(const struct auth_server *s, const struct ntlm_claim *c,
		     struct arena *arena, struct user *ret_user,
		     struct userdb_fault *ret_fault)
{
	const char *at = c->domain[0] ? NULL : strrchr(c->user, '@');
	CLEANUP(user_wipe) struct user plain = {0};
	int err = userdb_find(s->userdb_file, c->user, ret_user, ret_fault);
	int err_plain;
	char *name;

	if (!at)
		return err;
	name = arena_strdup(arena, c->user);
	if (!name) {
		snprintf(ret_fault->text, sizeof(ret_fault->text), "out of memory");
		return -ENOMEM;
	}
	name[at - c->user] = '\0';
	err_plain = userdb_find(s->userdb_file, name, &plain, ret_fault);
	if (err != -ENOENT)
		return err;
	if (!err_plain)
		*ret_user = plain;
	return err_plain;
}

/* Same work for a user we do not know: only the result differs. */
static nt_status user_admit(struct auth *a, const struct ntlm_claim *c,
			    struct arena *arena)
{
	const struct auth_server *s = a->server;
	CLEANUP(user_wipe) struct user u = {0};
	struct userdb_fault fault;
	nt_status st;
	int err;

	err = user_find(s, c, arena, &u, &fault);
	st = ntlm_verify(&a->ntlm, c, &u.nt_hash, err == 0);
	if (err && err != -ENOENT) {
		if (may_log(s))
			log_error("logon refused: %s", fault.text);
		return STATUS_LOGON_FAILURE;
	}
	if (err == -ENOENT && nt_is(st, STATUS_LOGON_FAILURE) && s->allow_guest &&
	    c->user[0])
		return admit(a, PRINCIPAL_GUEST, c->user, c->domain, cred_unproven(s));
	return nt_ok(st) ? named_admit(a, c, &u) : st;
}

static nt_status ntlm_finish(struct auth *a, struct span token, struct arena *arena)
{
	struct ntlm_claim c = {0};
	nt_status st = ntlm_claim(&a->ntlm, token, arena, &c);

	if (c.user)
		a->claimed = arena_strdup(&a->keep, c.user) ?: "";
	if (!nt_ok(st))
		return st;
	return c.anonymous ? anonymous_admit(a, &c) : user_admit(a, &c, arena);
}

static nt_status ntlm_step(struct auth *a, struct span token, struct arena *arena,
			   struct span *ret_token)
{
	if (a->ntlm.stage == NTLM_IDLE)
		return ntlm_start(a, token, arena, ret_token);
	*ret_token = span_of(NULL, 0);
	return ntlm_finish(a, token, arena);
}

static bool ntlm_mech_can_sign(const struct auth *a)
{
	return ntlm_can_sign(&a->ntlm);
}

static nt_status ntlm_mech_verify(const struct auth *a, struct span msg, struct span mic)
{
	return ntlm_check_signature(&a->ntlm, msg, mic);
}

static nt_status ntlm_mech_sign(const struct auth *a, struct span msg,
				struct arena *arena, struct span *ret_mic)
{
	uint8_t *mic = arena_alloc(arena, NTLM_MIC_LEN);
	nt_status st;

	if (!mic)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = ntlm_make_signature(&a->ntlm, msg, mic);
	if (nt_ok(st))
		*ret_mic = span_of(mic, NTLM_MIC_LEN);
	return st;
}

/* ---- SPNEGO --------------------------------------------------------------------- */

/* Ours, best first: the order in which NEGOTIATE announces them. */
static const struct mech mechs[] = {
	{
		.id = SPNEGO_MECH_NTLMSSP,
		.offered = ntlm_offered,
		.quick = ntlm_quick,
		.step = ntlm_step,
		.can_sign = ntlm_mech_can_sign,
		.verify = ntlm_mech_verify,
		.sign = ntlm_mech_sign,
	},
};

static const struct mech *mech_find(const struct auth_server *s, enum spnego_mech id)
{
	for (size_t i = 0; i < ARRAY_LEN(mechs); i++) {
		if (mechs[i].id == id && mechs[i].offered(s))
			return &mechs[i];
	}
	return NULL;
}

struct span auth_negotiate_token(const struct auth_server *s, struct arena *a)
{
	enum spnego_mech ids[ARRAY_LEN(mechs)];
	struct span token = {0};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(mechs); i++) {
		if (mechs[i].offered(s))
			ids[n++] = mechs[i].id;
	}
	if (n == 0 || spnego_init2_encode(ids, n, a, &token))
		return span_of(NULL, 0);
	return token;
}

static nt_status spnego_status(int err)
{
	return err == -EBADMSG ? STATUS_INVALID_PARAMETER : nt_from_errno(err);
}

/* Answer with a NegTokenResp. `st` is what the step came to, unless there is no memory for the
 * answer. */
static nt_status spnego_answer(const struct spnego_resp *resp, struct arena *arena,
			       nt_status st, struct span *ret_token)
{
	int err = spnego_resp_encode(resp, arena, ret_token);

	return err ? spnego_status(err) : st;
}

/*
 * The mechanism is done: verify the client's MIC over the list of mechanisms, and make ours, so
 * that nobody took a better one out of it. NTLMSSP's last token is the client's, which then brings
 * its MIC along. A guest's cannot be verified, and the anonymous have nothing to verify it with:
 * theirs is not answered. RFC 4178 5
 */
static nt_status mics_exchange(struct auth *a, struct span client_mic,
			       struct arena *arena, struct span *ret_mic)
{
	nt_status st;

	if (!a->mech->can_sign(a)) {
		if (client_mic.len > 0 && a->principal->kind == PRINCIPAL_NAMED)
			return STATUS_LOGON_FAILURE;
		return STATUS_SUCCESS;
	}
	if (client_mic.len == 0)
		return a->mic_demanded ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
	st = a->mech->verify(a, a->mech_list, client_mic);
	return nt_ok(st) ? a->mech->sign(a, a->mech_list, arena, ret_mic) : st;
}

static nt_status spnego_complete(struct auth *a, struct span client_mic,
				 struct arena *arena, struct span *ret_token)
{
	struct spnego_resp resp = {.state = SPNEGO_ACCEPT_COMPLETED};
	nt_status st = mics_exchange(a, client_mic, arena, &resp.mic);

	return nt_ok(st) ? spnego_answer(&resp, arena, st, ret_token) : st;
}

/* The client's list, and perhaps a token of its favourite mechanism. RFC 4178 4.2.1 */
static nt_status spnego_first(struct auth *a, struct span token, struct arena *arena,
			      struct span *ret_token)
{
	struct spnego_resp resp = {.state = SPNEGO_ACCEPT_INCOMPLETE};
	nt_status st = STATUS_MORE_PROCESSING_REQUIRED;
	struct spnego_init init;
	size_t pick = 0;
	int err;

	err = spnego_init_decode(token, arena, &init);
	if (err)
		return spnego_status(err);
	while (pick < init.mech_count &&
	       !(a->mech = mech_find(a->server, init.mechs[pick])))
		pick++;
	if (!a->mech)
		return STATUS_NOT_SUPPORTED;
	a->mech_list = span_of(arena_dup(&a->keep, init.mech_list), init.mech_list.len);
	if (!a->mech_list.p)
		return STATUS_INSUFFICIENT_RESOURCES;

	a->stage = AUTH_SPNEGO;
	resp.mech = a->mech->id;
	if (pick > 0) { /* its token is for a mechanism that is not ours */
		resp.state = SPNEGO_REQUEST_MIC;
		a->mic_demanded = true;
	} else if (init.token.len > 0) {
		st = a->mech->step(a, init.token, arena, &resp.token);
	}
	if (nt_is(st, STATUS_MORE_PROCESSING_REQUIRED))
		return spnego_answer(&resp, arena, st, ret_token);
	return st;
}

/* A later token. Its supportedMech means nothing: choosing is the server's. */
static nt_status spnego_next(struct auth *a, struct span token, struct arena *arena,
			     struct span *ret_token)
{
	struct spnego_resp resp = {.state = SPNEGO_ACCEPT_INCOMPLETE};
	struct spnego_resp client;
	nt_status st;
	int err;

	err = spnego_resp_decode(token, arena, &client);
	if (err)
		return spnego_status(err);
	if (client.state == SPNEGO_REJECT)
		return STATUS_LOGON_FAILURE;
	st = a->mech->step(a, client.token, arena, &resp.token);
	if (nt_ok(st))
		return spnego_complete(a, client.mic, arena, ret_token);
	if (nt_is(st, STATUS_MORE_PROCESSING_REQUIRED))
		return spnego_answer(&resp, arena, st, ret_token);
	return st;
}

/* ---- the exchange --------------------------------------------------------------- */

struct auth *auth_new(const struct auth_server *s)
{
	struct auth *a = secret_alloc(sizeof(*a));

	if (!a)
		return NULL;
	a->server = s;
	a->claimed = "";
	arena_init(&a->keep, AUTH_KEEP_MAX);
	return a;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	ntlm_fini(&a->ntlm);
	principal_put(a->principal);
	arena_fini(&a->keep);
	secret_free(a);
}

static nt_status bare_first(struct auth *a, struct span token, struct arena *arena,
			    struct span *ret_token)
{
	a->mech = mech_find(a->server, SPNEGO_MECH_NTLMSSP);
	if (!a->mech)
		return STATUS_NOT_SUPPORTED;
	a->stage = AUTH_BARE;
	return a->mech->step(a, token, arena, ret_token);
}

static nt_status dispatch(struct auth *a, struct span token, struct arena *arena,
			  struct span *ret_token)
{
	switch (a->stage) {
	case AUTH_FIRST:
		if (ntlmssp_is(token))
			return bare_first(a, token, arena, ret_token);
		return spnego_first(a, token, arena, ret_token);
	case AUTH_SPNEGO:
		return spnego_next(a, token, arena, ret_token);
	case AUTH_BARE:
		return a->mech->step(a, token, arena, ret_token);
	case AUTH_OVER:
		break;
	}
	return STATUS_INVALID_PARAMETER;
}

nt_status auth_step(struct auth *a, struct span token, struct arena *arena,
		    struct span *ret_token)
{
	struct span answer = {0};
	bool was_over = a->stage == AUTH_OVER;
	nt_status st = dispatch(a, token, arena, &answer);

	if (nt_is(st, STATUS_MORE_PROCESSING_REQUIRED) || nt_ok(st))
		*ret_token = answer;
	if (nt_is(st, STATUS_MORE_PROCESSING_REQUIRED) || was_over)
		return st;
	a->stage = AUTH_OVER;
	if (!nt_ok(st)) {
		principal_put(a->principal);
		a->principal = NULL;
		ntlm_fini(&a->ntlm);
	}
	return st;
}

/* Before the first step any of them may be chosen. */
bool auth_step_is_quick(const struct auth *a, struct span token)
{
	if (token.len > AUTH_QUICK_MAX)
		return false;
	if (a->mech)
		return a->mech->quick(a);
	for (size_t i = 0; i < ARRAY_LEN(mechs); i++)
		if (!mechs[i].quick(a))
			return false;
	return true;
}

struct principal *auth_principal(struct auth *a)
{
	return principal_get(a->principal);
}

struct span auth_session_key(const struct auth *a)
{
	if (!a->principal || a->principal->kind != PRINCIPAL_NAMED)
		return span_of(NULL, 0);
	return span_of(a->ntlm.session_key.b, sizeof(a->ntlm.session_key.b));
}

bool auth_needs_other(const struct auth *a, const struct auth_server *s)
{
	return a->mech && !a->mech->offered(s);
}

const char *auth_claimed_user(const struct auth *a)
{
	return a->claimed;
}
