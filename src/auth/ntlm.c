/*
 * ntlm.c - see ntlm.h
 *
 *     IDLE --challenge--> CHALLENGED --claim--> CLAIMED --verify | anonymous--> DONE
 */
#include "auth/ntlm.h"

#include "base/ct.h"
#include "wire/utf16.h"

#include <errno.h>

enum {
	FLAGS_REQUIRED = NTLMSSP_NEGOTIATE_UNICODE |
			 NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY |
			 NTLMSSP_NEGOTIATE_128,
	/* Said in every CHALLENGE_MESSAGE, [MS-NLMP] 3.2.5.1.1 */
	FLAGS_OURS = NTLMSSP_REQUEST_TARGET | NTLMSSP_NEGOTIATE_NTLM |
		     NTLMSSP_NEGOTIATE_ALWAYS_SIGN | NTLMSSP_TARGET_TYPE_SERVER |
		     NTLMSSP_NEGOTIATE_TARGET_INFO,
};

/* Granted to who asks. */
#define FLAGS_ON_DEMAND                                                                  \
	(NTLMSSP_NEGOTIATE_SIGN | NTLMSSP_NEGOTIATE_SEAL | NTLMSSP_NEGOTIATE_VERSION |   \
	 NTLMSSP_NEGOTIATE_KEY_EXCH | NTLMSSP_NEGOTIATE_56)

enum { NTLMV1_RESPONSE_LEN = 24 };

/* A message that is malformed, or memory or provider that failed. */
static nt_status status_of(int err)
{
	if (err == -EBADMSG || err == -EILSEQ || err == -EINVAL)
		return STATUS_INVALID_PARAMETER;
	if (err == -ENOTSUP)
		return STATUS_INTERNAL_ERROR; /* no legacy provider: refused at start */
	return nt_from_errno(err);
}

void ntlm_fini(struct ntlm *n)
{
	wipe(n, sizeof(*n));
}

nt_status ntlm_challenge(struct ntlm *n, struct env *env, const struct ntlm_names *names,
			 struct span msg, struct arena *keep, struct span *ret_challenge)
{
	struct ntlm_challenge_msg m = {.names = *names};
	struct span negotiate, challenge;
	uint32_t flags;
	int err;

	if (n->stage != NTLM_IDLE || msg.len > NTLM_NEGOTIATE_MAX)
		return STATUS_INVALID_PARAMETER;
	err = ntlm_negotiate_decode(msg, &flags);
	if (err)
		return status_of(err);
	if ((flags & FLAGS_REQUIRED) != FLAGS_REQUIRED)
		return STATUS_NOT_SUPPORTED;

	env_random(env, mspan_of(m.challenge, sizeof(m.challenge)));
	m.flags = FLAGS_REQUIRED | FLAGS_OURS | (flags & FLAGS_ON_DEMAND);
	m.time = env_filetime(env);
	negotiate = span_of(arena_dup(keep, msg), msg.len);
	err = ntlm_challenge_encode(&m, keep, &challenge);
	if (!negotiate.p)
		err = -ENOMEM;
	if (err)
		return status_of(err);

	memcpy(n->challenge, m.challenge, sizeof(n->challenge));
	n->messages[0] = negotiate;
	n->messages[1] = challenge;
	n->stage = NTLM_CHALLENGED;
	*ret_challenge = challenge;
	return STATUS_SUCCESS;
}

/* [MS-NLMP] 3.2.5.1.2; Z(1) is one zero byte */
static bool is_anonymous(const struct ntlm_authenticate_msg *m)
{
	return m->user.len == 0 && m->nt.len == 0 &&
	       (m->lm.len == 0 || (m->lm.len == 1 && m->lm.p[0] == 0));
}

/* The names: to UTF-8 for the database and the logs, the user to upper case for the hash. */
static int names_decode(struct ntlm_claim *c, struct arena *a)
{
	const struct ntlm_authenticate_msg *m = &c->fields;
	char *user, *domain, *upper;
	uint8_t *buf;
	struct wr w;
	int64_t len;
	int err;

	if (m->user.len > 2 * NTLM_NAME_MAX || m->domain.len > 2 * NTLM_NAME_MAX)
		return -EBADMSG;
	err = utf16_to_utf8(a, m->user, &user);
	if (!err)
		err = utf16_to_utf8(a, m->domain, &domain);
	if (!err)
		err = utf8_upper(a, user, &upper);
	if (err)
		return err;
	len = utf16_len(upper);
	if (len < 0)
		return (int)len;
	buf = arena_alloc(a, (size_t)len + 1);
	if (!buf)
		return -ENOMEM;
	w = wr_of(mspan_of(buf, (size_t)len));
	wr_utf16(&w, upper);
	c->user = user;
	c->domain = domain;
	c->user_upper = wr_done(&w);
	return 0;
}

/* Is there an NTLMv2 response? An older kind is well-formed, and refused. */
static nt_status response_decode(struct ntlm_claim *c)
{
	size_t len = c->fields.nt.len;

	if (c->anonymous)
		return STATUS_SUCCESS;
	if (len == 0 || len == NTLMV1_RESPONSE_LEN)
		return STATUS_LOGON_FAILURE;
	return status_of(ntlm_response_decode(c->fields.nt, &c->response));
}

/* The anonymous have nothing to protect, and smbclient does not repeat these flags for them. */
static nt_status flags_check(const struct ntlm_claim *c)
{
	uint32_t flags = c->fields.flags;

	if (!c->anonymous && (flags & FLAGS_REQUIRED) != FLAGS_REQUIRED)
		return STATUS_NOT_SUPPORTED;
	if ((flags & NTLMSSP_NEGOTIATE_KEY_EXCH) &&
	    c->fields.session_key.len != sizeof(struct ntlm_key))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

nt_status ntlm_claim(struct ntlm *n, struct span msg, struct arena *a,
		     struct ntlm_claim *ret_claim)
{
	struct ntlm_claim c = {.message = msg};
	const struct ntlm_authenticate_msg *m = &c.fields;
	nt_status st;
	int err;

	if (n->stage != NTLM_CHALLENGED)
		return STATUS_INVALID_PARAMETER;
	n->stage = NTLM_CLAIMED; /* whatever comes of it, this challenge is spent */

	err = ntlm_authenticate_decode(msg, &c.fields);
	if (!err && !(m->flags & NTLMSSP_NEGOTIATE_UNICODE))
		return STATUS_NOT_SUPPORTED; /* names in a code page that we do not know */
	if (!err)
		err = names_decode(&c, a);
	if (err)
		return status_of(err);
	c.anonymous = is_anonymous(m);
	*ret_claim = c; /* for the log, whatever follows */
	st = response_decode(&c);
	if (nt_ok(st))
		st = flags_check(&c);
	if (!nt_ok(st))
		return st;

	n->flags = m->flags;
	*ret_claim = c;
	return STATUS_SUCCESS;
}

/* The session key of both sides: the client's random one if it sent one, else the base key. */
static int session_key_set(struct ntlm *n, const struct ntlm_claim *c,
			   const struct ntlm_key *base)
{
	int err = 0;

	if (n->flags & NTLMSSP_NEGOTIATE_KEY_EXCH)
		err = ntlm_exchange_key(base, c->fields.session_key.p, &n->session_key);
	else
		n->session_key = *base;
	n->has_key = !err;
	return err;
}

/* 0 if the response proves nt_hash for this domain, and *ret_base is the base key; -EACCES. */
static int proof_check(const struct ntlm *n, const struct ntlm_claim *c,
		       const struct ntlm_key *nt_hash, struct span domain,
		       struct ntlm_key *ret_base)
{
	CLEANUP(ntlm_key_wipe) struct ntlm_key response_key;
	uint8_t proof[NTLM_PROOF_LEN];
	int err;

	err = ntlm_response_key(nt_hash, c->user_upper, domain, &response_key);
	if (!err)
		err = ntlm_prove(&response_key, n->challenge, c->response.blob, proof);
	if (!err && !ct_eq(proof, c->response.proof.p, sizeof(proof)))
		err = -EACCES;
	if (!err)
		err = ntlm_base_key(&response_key, proof, ret_base);
	return err;
}

static nt_status mic_check(const struct ntlm *n, const struct ntlm_claim *c)
{
	struct span parts[5] = {n->messages[0], n->messages[1]};
	uint8_t want[NTLM_MIC_LEN];
	int err;

	if (!(c->response.av_flags & MSV_AV_FLAG_MIC))
		return STATUS_SUCCESS;
	if (!c->fields.has_mic)
		return STATUS_LOGON_FAILURE;
	ntlm_mic_parts(c->message, parts + 2);
	err = ntlm_mic(&n->session_key, parts, ARRAY_LEN(parts), want);
	if (err)
		return status_of(err);
	return ct_eq(want, c->fields.mic, sizeof(want)) ? STATUS_SUCCESS
							: STATUS_LOGON_FAILURE;
}

/* Some clients hash an empty domain whatever they send ([MS-NLMP] 3.2.5.1.2): both are always
 * tried, so that time does not tell whether the first one matched. */
nt_status ntlm_verify(struct ntlm *n, const struct ntlm_claim *c,
		      const struct ntlm_key *nt_hash, bool known)
{
	CLEANUP(ntlm_key_wipe) struct ntlm_key base = {0}, base_no_domain = {0};
	int err, err_no_domain;
	nt_status st;

	if (n->stage != NTLM_CLAIMED || c->anonymous)
		return STATUS_INVALID_PARAMETER;
	n->stage = NTLM_DONE;
	err = proof_check(n, c, nt_hash, c->fields.domain, &base);
	err_no_domain = proof_check(n, c, nt_hash, span_of(NULL, 0), &base_no_domain);
	if (err == -EACCES && err_no_domain == 0) {
		base = base_no_domain;
		err = 0;
	}
	if (err == -EACCES || (!err && !known))
		return STATUS_LOGON_FAILURE;
	if (!err)
		err = session_key_set(n, c, &base);
	if (err)
		return status_of(err);
	st = mic_check(n, c);
	if (!nt_ok(st)) {
		ntlm_key_wipe(&n->session_key);
		n->has_key = false;
	}
	return st;
}

nt_status ntlm_anonymous(struct ntlm *n, const struct ntlm_claim *c)
{
	static const struct ntlm_key zero;
	int err;

	if (n->stage != NTLM_CLAIMED || !c->anonymous)
		return STATUS_INVALID_PARAMETER;
	n->stage = NTLM_DONE;
	err = session_key_set(n, c, &zero);
	return err ? status_of(err) : STATUS_SUCCESS;
}

bool ntlm_can_sign(const struct ntlm *n)
{
	uint32_t required = FLAGS_REQUIRED | NTLMSSP_NEGOTIATE_SIGN;

	return n->has_key && (n->flags & required) == required;
}

nt_status ntlm_check_signature(const struct ntlm *n, struct span msg,
			       struct span signature)
{
	uint8_t want[NTLM_MIC_LEN];
	int err;

	err = ntlm_sign(n->flags, &n->session_key, NTLM_CLIENT, msg, want);
	if (err)
		return status_of(err);
	if (signature.len != sizeof(want) || !ct_eq(want, signature.p, sizeof(want)))
		return STATUS_LOGON_FAILURE;
	return STATUS_SUCCESS;
}

nt_status ntlm_make_signature(const struct ntlm *n, struct span msg,
			      uint8_t ret_signature[NTLM_MIC_LEN])
{
	int err = ntlm_sign(n->flags, &n->session_key, NTLM_SERVER, msg, ret_signature);

	return err ? status_of(err) : STATUS_SUCCESS;
}
